//! The arguments that name a plugin, and what it is loaded with.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use tempfile::TempDir;

use crate::logging::{self, LogFormat};
use crate::plugin::workbench::Workbench;
use crate::plugin::{Candidate, LoadCause, PluginRuntime, Services, Sidecar};

/// Which plugin.
#[derive(Debug, Args)]
pub struct Component {
    /// A component or core module
    pub file: PathBuf,
    /// Its settings, allowances and limits [default: the .toml beside it, if there is one]
    #[arg(long, value_name = "SIDECAR")]
    config: Option<PathBuf>,
}

impl Component {
    /// The name that the plugin would have: of its sidecar, if it has one.
    pub fn name(&self) -> String {
        let path = self.config.as_ref().unwrap_or(&self.file);
        let stem = path.file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    }

    /// Its sidecar; an empty one where there is none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn sidecar(&self) -> anyhow::Result<Sidecar> {
        let beside = self.file.with_extension("toml");
        Ok(match &self.config {
            Some(path) => Sidecar::load(path)?,
            None if beside.is_file() => Sidecar::load(&beside)?,
            None => Sidecar::default(),
        })
    }

    /// Loads it as the host would, with `sidecar`.
    ///
    /// # Errors
    /// Which plugin it is, and why the host would not take it.
    pub async fn open(
        &self,
        plugins: &PluginRuntime,
        sidecar: Sidecar,
    ) -> anyhow::Result<Workbench> {
        let opened = Workbench::open(plugins, &self.name(), &self.file, sidecar).await;
        Ok(opened.map_err(|cause| self.refused(&cause))?.0)
    }

    /// What is to be loaded, read and compiled.
    ///
    /// # Errors
    /// It cannot be, or what is wrong with its sidecar.
    pub async fn compiled(&self, plugins: &PluginRuntime) -> anyhow::Result<Candidate> {
        let sidecar = self.sidecar()?;
        let read = Candidate::read(&self.name(), &self.file, sidecar, 1);
        let read = read.map_err(|cause| self.refused(&cause))?;
        let compiled = plugins.compiled(read).await;
        compiled.map_err(|cause| self.refused(&cause))
    }

    /// Which plugin it is, and why the host would not take it.
    pub fn refused(&self, cause: &LoadCause) -> anyhow::Error {
        anyhow!("plugin {} ({}): {cause}", self.name(), self.file.display())
    }
}

/// A directory of the host's own for one run of the program: nothing of a trial stays.
pub fn scratch() -> anyhow::Result<TempDir> {
    tempfile::tempdir().context("cannot make a temporary directory")
}

/// Where compiled code is kept from one run to the next, since compilers of other languages make
/// components that take seconds to compile: the user's own cache, if there is a place for it.
pub fn code_cache() -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = || from("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = from("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    Some(cache?.join("wharf"))
}

/// What plugins are loaded with, and what asynchronous work runs in: one thread, so that its clock
/// tells what a call costs.
pub fn runtimes(state: &Path) -> anyhow::Result<(PluginRuntime, tokio::runtime::Runtime)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok((PluginRuntime::new(state, Services::in_trial())?, runtime))
}

/// Shows what plugins log, and nothing of the host but warnings.
pub fn show_log() -> anyhow::Result<()> {
    let filter = std::env::var("RUST_LOG");
    let filter = filter.unwrap_or_else(|_| "warn,wharf::plugin::log=trace".to_owned());
    Ok(logging::begin(LogFormat::Human, &filter)?)
}
