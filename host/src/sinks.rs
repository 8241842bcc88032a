//! The configured sinks, by name.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use tracing::{info, warn};

use crate::config;
use crate::plugin::LivePlugins;
use crate::quota::Quotas;
use crate::sink::Sink;
use crate::sink::fs::FsSink;
use crate::sink::plugin::{PluginDirectory, PluginSink};
use crate::sink::s3::{self, Bucket};

/// Removes what uploads left that a crash ended. Nobody sees it, so nothing waits for this.
fn remove_orphans(name: &str, sink: &FsSink) {
    match sink.remove_orphans() {
        Ok(0) => {}
        Ok(orphans) => info!(sink = name, orphans, "removed what a crash left of uploads"),
        Err(error) => warn!(sink = name, %error, "cannot remove what a crash left of uploads"),
    }
}

/// The sinks of `wharf.toml`, open.
#[derive(Debug, Default)]
pub struct Sinks {
    by_name: BTreeMap<String, Arc<dyn Sink>>,
    plugins: PluginDirectory,
    quotas: Quotas,
}

/// A sink could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenSinkError {
    /// A directory that is missing, or another user's.
    #[error(
        "sink {name}: cannot use {}: {source}; make the directory and give this user access to it",
        root.display()
    )]
    Directory {
        /// The sink.
        name: String,
        /// The directory.
        root: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// A bucket that cannot be asked for anything.
    #[error("sink {name}: {source}")]
    Bucket {
        /// The sink.
        name: String,
        /// What is wrong.
        source: s3::OpenError,
    },
}

impl Sinks {
    /// Opens every sink. It has to be called within the runtime.
    pub fn open(config: &config::Config) -> Result<Self, OpenSinkError> {
        let plugins = PluginDirectory::default();
        let mut by_name = BTreeMap::new();
        for (name, sink) in &config.sinks {
            let sink: Arc<dyn Sink> = match sink {
                config::Sink::Fs(settings) => {
                    let failed = |source| OpenSinkError::Directory {
                        name: name.clone(),
                        root: settings.root.clone(),
                        source,
                    };
                    let sink = FsSink::open(&settings.root, config.server.durability);
                    let sink = sink.map_err(failed)?;
                    let (orphaned, name) = (sink.clone(), name.clone());
                    spawn_blocking(move || remove_orphans(&name, &orphaned));
                    Arc::new(sink)
                }
                config::Sink::S3(settings) => {
                    let notes = config.server.state_dir.join("uploads").join(name);
                    let bucket = Bucket::open(settings, &notes);
                    let failed = |source| OpenSinkError::Bucket {
                        name: name.clone(),
                        source,
                    };
                    Arc::new(bucket.map_err(failed)?)
                }
                config::Sink::Plugin(settings) => {
                    Arc::new(PluginSink::new(settings.plugin.clone(), plugins.clone()))
                }
            };
            by_name.insert(name.clone(), sink);
        }
        Ok(Self {
            by_name,
            plugins,
            quotas: Quotas::default(),
        })
    }

    /// What stands where somebody has a quota.
    pub fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Arc<dyn Sink>)> {
        self.by_name.iter().map(|(name, sink)| (&**name, sink))
    }

    /// The sink called `name`.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Sink>> {
        self.by_name.get(name)
    }

    /// Tells the sinks that plugins are, once, where those are found.
    pub fn attach(&self, plugins: &Arc<LivePlugins>) {
        // Whoever attaches a second time has the same host.
        let _ = self.plugins.set(Arc::downgrade(plugins));
    }
}
