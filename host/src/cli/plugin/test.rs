//! `wharf plugin test`: the cases of a plugin.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::Value as Json;

use super::component::{Component, code_cache, scratch};
use crate::logging;
use crate::plugin::PluginRuntime;
use crate::plugin::workbench::case::{Before, Case, CaseFile, differences};
use crate::plugin::workbench::world_of;

/// Try the cases of a plugin, and tell which do not come out as expected; exit 1 if any does not.
#[derive(Debug, Args)]
pub struct Test {
    #[command(flatten)]
    component: Component,
    /// Files of cases, or directories with files that end in `.case.toml`
    #[arg(required = true)]
    cases: Vec<PathBuf>,
}

impl Test {
    /// Does it.
    pub fn run(&self) -> anyhow::Result<()> {
        let (mut passed, mut failed) = (0, 0);
        for path in self.files()? {
            let shown = path.display().to_string();
            let file = CaseFile::load(&path).with_context(|| shown.clone())?;
            for case in &file.case {
                let differs = self.try_case(case)?;
                match differs.is_empty() {
                    true => passed += 1,
                    false => failed += 1,
                }
                let verdict = if differs.is_empty() {
                    "ok    "
                } else {
                    "FAILED"
                };
                println!("{verdict} {shown}: {}", case.name);
                differs.iter().for_each(|line| println!("       {line}"));
            }
        }
        println!("{passed} passed, {failed} failed");
        ensure!(passed + failed > 0, "there is no case");
        match failed {
            0 => Ok(()),
            _ => bail!("not all is as expected"),
        }
    }

    /// The files of cases, in order.
    fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for path in &self.cases {
            let cannot = || path.display().to_string();
            if !path.is_dir() {
                files.push(path.clone());
                continue;
            }
            let entries = path.read_dir().with_context(cannot)?;
            let mut found: Vec<PathBuf> = entries
                .map(|entry| Ok(entry?.path()))
                .collect::<std::io::Result<_>>()?;
            found.retain(|path| path.to_string_lossy().ends_with(".case.toml"));
            found.sort();
            files.extend(found);
        }
        Ok(files)
    }

    /// How a case differs from what is expected, a line for each difference.
    fn try_case(&self, case: &Case) -> anyhow::Result<Vec<String>> {
        let state = scratch()?;
        let cache = code_cache().unwrap_or_else(|| state.path().to_owned());
        let (called, log) = logging::collected(|| self.call(case, &cache));
        let mut told = Vec::new();
        match (called?, &case.expect.error) {
            (Ok(result), None) => {
                if let Some(expected) = &case.expect.result {
                    differences(expected, &result, "result", &mut told);
                }
            }
            (Ok(result), Some(expected)) => {
                told.push(format!(
                    "error: expected {expected:?}, found the result {result}"
                ));
            }
            (Err(error), Some(expected)) if error.contains(expected) => {}
            (Err(error), Some(expected)) => {
                told.push(format!("error: expected {expected:?}, found {error:?}"));
            }
            (Err(error), None) => told.push(format!("no answer: {error}")),
        }
        for expected in &case.expect.log {
            if !log.iter().any(|line| line.contains(expected)) {
                told.push(format!("log: expected {expected:?}, found {log:?}"));
            }
        }
        Ok(told)
    }

    /// What the plugin returns, or why there is no answer.
    fn call(&self, case: &Case, cache: &Path) -> anyhow::Result<Result<Json, String>> {
        let name = self.component.name();
        let sidecar = case.sidecar(&self.component.sidecar()?);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let plugins = PluginRuntime::new(cache, world_of(case, &name).await?)?;
            let workbench = self.component.open(&plugins, sidecar).await?;
            for (at, Before { function, input }) in case.before.iter().enumerate() {
                let mut trial = workbench.trial(function).await?;
                let answer = trial.call(&Json::Object(input.clone())).await;
                let refusal = match answer {
                    Ok(answer) if answer.result.get("error").is_none() => continue,
                    Ok(answer) => answer.result.to_string(),
                    Err(error) => error.to_string(),
                };
                return Ok(Err(format!("before[{at}], {function}: {refusal}")));
            }
            let mut trial = workbench.trial(&case.function).await?;
            let answer = trial.call(&case.input()).await;
            Ok(answer
                .map(|answer| answer.result)
                .map_err(|error| error.to_string()))
        })
    }
}
