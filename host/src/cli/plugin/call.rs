//! `wharf plugin call`: one function, once or often.

use std::io::Read as _;
use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::Value as Json;

use super::component::{Component, code_cache, runtimes, scratch, show_log};
use crate::plugin::workbench::Answer;

/// The most calls in a row: their times are kept until the end.
const MAX_CALLS: u32 = 1_000_000;

/// Call one function of a plugin without a server, and print what it returns as JSON.
///
/// What the plugin logs goes to standard error. The contract is what `wharf plugin wit` prints.
#[derive(Debug, Args)]
pub struct Call {
    #[command(flatten)]
    component: Component,
    /// Such as `authenticator.begin`
    function: String,
    /// An object of the parameters by their names, and of the `session`; `-` reads standard input
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
    /// Call the same instance that often, and tell what it costs
    #[arg(long, value_name = "N", default_value = "1")]
    repeat: NonZeroU32,
}

impl Call {
    /// Does it.
    pub fn run(&self) -> anyhow::Result<()> {
        let calls = self.repeat.get();
        ensure!(calls <= MAX_CALLS, "--repeat takes at most {MAX_CALLS}");
        show_log()?;
        let input = self.input()?;
        let state = scratch()?;
        let cache = code_cache().unwrap_or_else(|| state.path().to_owned());
        let (plugins, runtime) = runtimes(&cache)?;
        let sidecar = self.component.sidecar()?;
        let called = async {
            let workbench = self.component.open(&plugins, sidecar).await?;
            let mut trial = workbench.trial(&self.function).await?;
            let mut answers = Vec::new();
            for _ in 0..calls {
                answers.push(trial.call(&input).await?);
            }
            anyhow::Ok((answers, trial.memory()))
        };
        let (answers, memory) = runtime.block_on(called)?;
        if let Some(last) = answers.last() {
            println!("{}", serde_json::to_string_pretty(&last.result)?);
        }
        if calls > 1 {
            eprintln!("{}", cost(&answers, memory));
        }
        Ok(())
    }

    fn input(&self) -> anyhow::Result<Json> {
        let mut text = self.input.clone();
        if text == "-" {
            text.clear();
            std::io::stdin().read_to_string(&mut text)?;
        }
        serde_json::from_str(&text).context("the input is not JSON")
    }
}

/// What calls of one instance cost, in one line.
fn cost(answers: &[Answer], memory: usize) -> String {
    let mut times: Vec<Duration> = answers.iter().map(|answer| answer.elapsed).collect();
    times.sort();
    let percentile = |percent: usize| times[(times.len() - 1) * percent / 100];
    let cpu: Duration = answers.iter().map(|answer| answer.cpu).sum();
    let calls = u32::try_from(answers.len()).unwrap_or(u32::MAX);
    format!(
        "{calls} calls: p50 {:?}, p99 {:?}, CPU {:?} a call, memory {} KiB at most",
        percentile(50),
        percentile(99),
        cpu / calls,
        memory / 1024,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_told_in_percentiles() {
        let answer = |n| Answer {
            result: Json::Null,
            elapsed: Duration::from_micros(n),
            cpu: Duration::from_micros(1),
        };
        let answers: Vec<Answer> = (1..=100).rev().map(answer).collect();
        let told = cost(&answers, 64 * 1024);
        assert_eq!(
            told,
            "100 calls: p50 50µs, p99 99µs, CPU 1µs a call, memory 64 KiB at most"
        );
    }
}
