//! The configured sinks, by name.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use tracing::{info, warn};

use crate::config;
use crate::sink::Sink;
use crate::sink::fs::FsSink;

/// Removes what uploads left that a crash ended. Nobody sees it, so nothing waits for this.
fn remove_orphans(name: &str, sink: &FsSink) {
    match sink.remove_orphans() {
        Ok(0) => {}
        Ok(orphans) => info!(sink = name, orphans, "removed what a crash left of uploads"),
        Err(error) => warn!(sink = name, %error, "cannot remove what a crash left of uploads"),
    }
}

/// The sinks of `wharf.toml`, open.
#[derive(Debug)]
pub struct Sinks(BTreeMap<String, Arc<dyn Sink>>);

/// A sink could not be opened.
#[derive(Debug, thiserror::Error)]
#[error(
    "sink {name}: cannot use {}: {source}; make the directory and give this user access to it",
    root.display()
)]
pub struct OpenSinkError {
    name: String,
    root: PathBuf,
    source: io::Error,
}

impl Sinks {
    /// Opens every sink.
    pub fn open(config: &config::Config) -> Result<Self, OpenSinkError> {
        let mut sinks = BTreeMap::new();
        for (name, sink) in &config.sinks {
            let config::Sink::Fs(settings) = sink;
            let failed = |source| OpenSinkError {
                name: name.clone(),
                root: settings.root.clone(),
                source,
            };
            let sink = FsSink::open(&settings.root, config.server.durability).map_err(failed)?;
            let orphaned = sink.clone();
            let sink_name = name.clone();
            spawn_blocking(move || remove_orphans(&sink_name, &orphaned));
            sinks.insert(name.clone(), Arc::new(sink) as Arc<dyn Sink>);
        }
        Ok(Self(sinks))
    }

    /// The sink called `name`.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Sink>> {
        self.0.get(name)
    }
}
