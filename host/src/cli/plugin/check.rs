//! `wharf plugin check`: everything the host does before it lets a plugin serve.

use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::component::{Component, runtimes, scratch};
use crate::plugin::workbench::Workbench;
use crate::plugin::{self, Report};

/// Load a plugin as the host would, and tell what it is and what is wrong; exit 1 if anything is.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    component: Component,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Findings {
    #[serde(flatten)]
    report: Report,
    /// From the file to a plugin that may serve, its code compiled anew.
    loaded_in_ms: u64,
    /// What one instance uses before its first call, in bytes.
    memory_at_start: Option<usize>,
    /// Why the host would not take it.
    problem: Option<String>,
    warnings: Vec<String>,
}

impl Check {
    /// Does it.
    pub fn run(&self) -> anyhow::Result<()> {
        let report = plugin::inspect(&self.component.file)?;
        let found = self.load(report)?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&found)?);
        } else {
            found.show();
        }
        match found.problem {
            Some(problem) => bail!("it would not be loaded: {problem}"),
            None => Ok(()),
        }
    }

    fn load(&self, report: Report) -> anyhow::Result<Findings> {
        let state = scratch()?;
        let (plugins, runtime) = runtimes(state.path())?;
        let sidecar = self.component.sidecar()?;
        let began = Instant::now();
        let name = self.component.name();
        let load = Workbench::open(&plugins, &name, &self.component.file, sidecar);
        let loaded = runtime.block_on(load);
        let took = began.elapsed();
        let mut found = Findings {
            report,
            loaded_in_ms: milliseconds(took),
            memory_at_start: None,
            problem: None,
            warnings: Vec::new(),
        };
        match loaded {
            Ok((workbench, warnings)) => {
                found.warnings = warnings.into_iter().map(|warning| warning.text).collect();
                found.memory_at_start = Some(runtime.block_on(workbench.memory_at_start())?);
            }
            Err(cause) => found.problem = Some(cause.to_string()),
        }
        Ok(found)
    }
}

impl Findings {
    fn show(&self) {
        print!("{}", self.report);
        if let Some(bytes) = self.memory_at_start {
            println!("an instance begins with: {} KiB", bytes / 1024);
            println!("loaded in: {} ms, compiled anew", self.loaded_in_ms);
        }
        for warning in &self.warnings {
            println!("warning: {warning}");
        }
        if self.problem.is_none() {
            println!("nothing is wrong");
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
