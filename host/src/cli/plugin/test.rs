//! `wharf plugin test`: the cases of a plugin.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::Value as Json;

use super::component::{Component, code_cache, runtimes, scratch};
use crate::logging;
use crate::plugin::workbench::case::{Before, Case, CaseFile, differences};
use crate::plugin::workbench::{Workbench, world_of};
use crate::plugin::{Candidate, PluginRuntime};

/// Try the cases of a plugin, and tell which do not come out as expected; exit 1 if any does not.
#[derive(Debug, Args)]
pub struct Test {
    #[command(flatten)]
    component: Component,
    /// Files of cases, or directories with files that end in `.case.toml`
    #[arg(required = true)]
    cases: Vec<PathBuf>,
}

/// What all cases have in common: the plugin, which is read and compiled once.
struct Subject<'t> {
    component: &'t Component,
    candidate: Candidate,
    plugins: PluginRuntime,
    runtime: tokio::runtime::Runtime,
}

impl Test {
    /// Does it.
    pub fn run(&self) -> anyhow::Result<()> {
        let files = self.files()?.into_iter().map(|path| {
            let shown = path.display().to_string();
            let file = CaseFile::load(&path).with_context(|| shown.clone())?;
            Ok((shown, file))
        });
        let files: Vec<(String, CaseFile)> = files.collect::<anyhow::Result<_>>()?;
        let state = scratch()?;
        let cache = code_cache().unwrap_or_else(|| state.path().to_owned());
        let subject = Subject::new(&self.component, &cache)?;
        let (mut passed, mut failed) = (0, 0);
        for (shown, file) in &files {
            for case in &file.case {
                let differs = subject.try_case(case)?;
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
}

impl<'t> Subject<'t> {
    fn new(component: &'t Component, cache: &Path) -> anyhow::Result<Self> {
        let (plugins, runtime) = runtimes(cache)?;
        let candidate = runtime.block_on(component.compiled(&plugins))?;
        Ok(Self {
            component,
            candidate,
            plugins,
            runtime,
        })
    }

    /// How a case differs from what is expected, a line for each difference.
    fn try_case(&self, case: &Case) -> anyhow::Result<Vec<String>> {
        let (called, log) = logging::collected(|| self.call(case));
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
    fn call(&self, case: &Case) -> anyhow::Result<Result<Json, String>> {
        let candidate = Candidate {
            sidecar: case.sidecar(&self.candidate.sidecar),
            ..self.candidate.clone()
        };
        self.runtime.block_on(async {
            let world = world_of(case, &candidate.name).await?;
            let plugins = self.plugins.with_services(world);
            let opened = Workbench::of(&plugins, candidate).await;
            let (workbench, _) = opened.map_err(|cause| self.component.refused(&cause))?;
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
