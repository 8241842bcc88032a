//! Whether the host is ready: it listens, somebody can log in, the sinks work, and it goes on.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::host::{Host, Phase};
use crate::limits;
use crate::plugin::Role;
use crate::sink::{Key, Sink, SinkError};

/// Whether the host is ready, and why it is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether clients are served as the configuration says.
    pub ready: bool,
    /// What keeps it from that.
    pub reasons: Vec<String>,
}

impl Readiness {
    /// Ready, unless there are reasons against it.
    pub fn new(reasons: Vec<String>) -> Self {
        Self {
            ready: reasons.is_empty(),
            reasons,
        }
    }

    /// The host is not there yet.
    pub fn starting() -> Self {
        Self::new(vec!["the host is starting".to_owned()])
    }
}

/// Looks at sinks, one look at a time for each: one that hangs holds one thread and not more.
#[derive(Debug, Default)]
pub struct Probes(Arc<Mutex<HashSet<String>>>);

impl Probes {
    /// Whether `host` is ready.
    pub async fn readiness(&self, host: &Host) -> Readiness {
        let mut reasons = Vec::new();
        match *host.phase.borrow() {
            Phase::Running => {}
            Phase::Draining => reasons.push("the host is shutting down".to_owned()),
            Phase::Stopping => reasons.push("the host is stopping".to_owned()),
        }
        match host.listening.listeners() {
            None => reasons.push("the host does not listen yet".to_owned()),
            Some(listeners) => reasons.extend(listeners.iter().filter_map(|listener| {
                let fault = listener.fault()?;
                Some(format!("listener {}: {fault}", listener.name))
            })),
        }
        if host.plugins.current().of(Role::Authenticator).is_empty() {
            reasons.push("no plugin decides who may log in".to_owned());
        }
        for (name, sink) in host.sinks.all() {
            if let Err(fault) = self.probe(name, sink).await {
                reasons.push(format!("sink {name}: {fault}"));
            }
        }
        Readiness::new(reasons)
    }

    async fn probe(&self, name: &str, sink: &Arc<dyn Sink>) -> Result<(), String> {
        let hangs = || "it does not answer".to_owned();
        let Some(look) = self.begin(name) else {
            return Err(hangs());
        };
        let sink = Arc::clone(sink);
        let looking = spawn_blocking(move || {
            let _look = look;
            works(&*sink)
        });
        match timeout(limits::SINK_PROBE, looking).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(error.to_string()),
            Ok(Err(panic)) => Err(panic.to_string()),
            Err(_) => Err(hangs()),
        }
    }

    fn begin(&self, name: &str) -> Option<Look> {
        let is_first = looks(&self.0).insert(name.to_owned());
        is_first.then(|| Look {
            all: Arc::clone(&self.0),
            name: name.to_owned(),
        })
    }
}

/// Whether the root of `sink` can be listed.
fn works(sink: &dyn Sink) -> Result<(), SinkError> {
    match sink.list(&Key::root())?.next() {
        Some(Err(error)) => Err(error),
        Some(Ok(_)) | None => Ok(()),
    }
}

/// A look at a sink that is under way.
struct Look {
    all: Arc<Mutex<HashSet<String>>>,
    name: String,
}

impl Drop for Look {
    fn drop(&mut self) {
        looks(&self.all).remove(&self.name);
    }
}

/// A set of names is whole after any panic.
fn looks(all: &Mutex<HashSet<String>>) -> MutexGuard<'_, HashSet<String>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Durability;
    use crate::sink::fs::FsSink;
    use crate::sink::plugin::{PluginDirectory, PluginSink};

    #[tokio::test]
    async fn a_sink_works_or_says_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let local: Arc<dyn Sink> = Arc::new(FsSink::open(folder.path(), Durability::Os).unwrap());
        let plugins = PluginDirectory::default();
        let lost: Arc<dyn Sink> = Arc::new(PluginSink::new("lost".to_owned(), plugins));
        let probes = Probes::default();
        assert_eq!(probes.probe("local", &local).await, Ok(()));
        assert!(probes.probe("lost", &lost).await.is_err());
    }

    #[tokio::test]
    async fn a_sink_that_hangs_is_not_looked_at_again() {
        let folder = tempfile::tempdir().unwrap();
        let sink: Arc<dyn Sink> = Arc::new(FsSink::open(folder.path(), Durability::Os).unwrap());
        let probes = Probes::default();
        let look = probes.begin("local").unwrap();
        let fault = probes.probe("local", &sink).await.unwrap_err();
        assert_eq!(fault, "it does not answer");
        assert_eq!(probes.probe("other", &sink).await, Ok(()));
        drop(look);
        assert_eq!(probes.probe("local", &sink).await, Ok(()));
    }
}
