//! Plugins that behave and plugins that do not, in a real engine.

mod allowances;
mod answers;
mod breaking;
mod chain;
mod containment;
mod direct;
mod evolution;
mod gate;
pub(super) mod guest;
mod http;
mod loading;
mod paths;
mod reloading;
mod sessions;
mod versions;
mod workbench;

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::allow::Allowances;
use super::instance::PluginFacts;
use super::limits::Limits;
use super::settings::Settings;
use super::sidecar::OnFailure;
use super::{
    LivePlugins, LoadError, PluginRuntime, PluginSource, Plugins, Reloader, Services, SessionFacts,
    SessionNotes, Warning,
};

/// A directory of plugins with a runtime of its own.
pub(super) struct Bench {
    directory: TempDir,
    runtime: PluginRuntime,
}

impl Bench {
    fn new(files: &[(&str, &[u8])]) -> Self {
        Self::with(Services::in_trial(), files)
    }

    pub(super) fn with(services: Services, files: &[(&str, &[u8])]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = PluginRuntime::new(&directory.path().join("state"), services).unwrap();
        std::fs::create_dir(directory.path().join("plugins")).unwrap();
        let bench = Self { directory, runtime };
        for (name, content) in files {
            std::fs::write(bench.plugins().join(name), content).unwrap();
        }
        bench
    }

    fn plugins(&self) -> std::path::PathBuf {
        self.directory.path().join("plugins")
    }

    async fn try_load(&self) -> Result<(Plugins, Vec<Warning>), Vec<LoadError>> {
        // Two sinks are configured, as far as the plugins can tell.
        let sinks = ["local", "archive"].map(str::to_owned);
        Plugins::load(&self.runtime, &self.plugins(), sinks.into()).await
    }

    pub(super) async fn load(&self) -> Plugins {
        match self.try_load().await {
            Ok((plugins, _)) => plugins,
            Err(errors) => panic!("{}", errors[0]),
        }
    }

    /// Its plugins, live. None of them is needed by a sink but those `needed`.
    async fn live(self, needed: &[&str]) -> LiveBench {
        let source = PluginSource {
            directory: self.plugins(),
            runtime: self.runtime,
            sinks: vec!["local".to_owned()],
            needed: needed.iter().copied().map(str::to_owned).collect(),
        };
        let reloader = match Reloader::start(source).await {
            Ok((reloader, _)) => reloader,
            Err(errors) => panic!("{}", errors[0]),
        };
        LiveBench {
            directory: self.directory,
            plugins: Arc::clone(reloader.plugins()),
            reloader: Some(reloader),
        }
    }

    /// The error of the only plugin.
    async fn error(&self) -> String {
        match self.try_load().await {
            Ok(_) => panic!("it was loaded"),
            Err(errors) => errors[0].to_string(),
        }
    }
}

/// A directory of plugins that may change.
struct LiveBench {
    directory: TempDir,
    plugins: Arc<LivePlugins>,
    /// Until it watches.
    reloader: Option<Reloader>,
}

/// A session of nobody yet.
fn session() -> Arc<SessionFacts> {
    Arc::new(SessionFacts {
        id: "s1".to_owned(),
        listener: "[::]:2121".to_owned(),
        peer: "192.0.2.1:40000".parse().unwrap(),
        local: "192.0.2.2:2121".parse().unwrap(),
        tls: None,
        user: None,
        principal: None,
        groups: Vec::new(),
        attributes: std::collections::BTreeMap::new(),
        notes: Arc::new(SessionNotes::default()),
    })
}

/// A plugin that was told nothing.
pub(super) fn facts() -> PluginFacts {
    PluginFacts {
        name: "10-plugin".to_owned(),
        sha256: [0; 32],
        settings: Settings::default(),
        allow: Allowances::default(),
        limits: Limits::default(),
        on_failure: OnFailure::default(),
    }
}

/// Every file of the contract: its name and text.
pub(super) fn contract() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}
