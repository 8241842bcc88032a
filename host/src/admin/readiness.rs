//! Whether the host is ready: it listens, somebody can log in, the sinks and the outbox work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

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

/// Looks at sinks, one look at a time for each: whoever asks meanwhile waits for the same one, and
/// a sink that hangs holds one thread and not more.
#[derive(Debug, Default)]
pub struct Probes(Mutex<HashMap<String, Look>>);

/// A look at a sink.
#[derive(Clone, Debug)]
struct Look {
    /// When the sink is said to hang.
    hangs_at: Instant,
    /// What came of it, when it is over.
    outcome: watch::Receiver<Option<Result<(), String>>>,
}

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
        if let Some(fault) = host.outbox.fault() {
            reasons.push(format!("outbox: {fault}"));
        }
        for (name, sink) in host.sinks.all() {
            if let Err(fault) = self.probe(name, sink).outcome().await {
                reasons.push(format!("sink {name}: {fault}"));
            }
        }
        Readiness::new(reasons)
    }

    /// A look at whether `sink` works.
    fn probe(&self, name: &str, sink: &Arc<dyn Sink>) -> Look {
        let sink = Arc::clone(sink);
        self.look(name, move || works(&*sink).map_err(|it| it.to_string()))
    }

    /// The look at the sink `name` that is under way, else a new one, which is what `works` says.
    fn look(
        &self,
        name: &str,
        works: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) -> Look {
        // Each entry is whole after any panic: it is only ever replaced.
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = looks.get(name).filter(|look| look.is_under_way()) {
            return look.clone();
        }
        let (told, outcome) = watch::channel(None);
        spawn_blocking(move || told.send_replace(Some(works())));
        let hangs_at = Instant::now() + limits::SINK_PROBE;
        let look = Look { hangs_at, outcome };
        looks.insert(name.to_owned(), look.clone());
        look
    }
}

impl Look {
    /// It is not when it is over, and not when it panicked.
    fn is_under_way(&self) -> bool {
        self.outcome.borrow().is_none() && self.outcome.has_changed().is_ok()
    }

    async fn outcome(mut self) -> Result<(), String> {
        let outcome = timeout_at(self.hangs_at, self.outcome.wait_for(Option::is_some)).await;
        match outcome.map(|told| told.ok().and_then(|told| told.clone())) {
            Ok(Some(outcome)) => outcome,
            Ok(None) => Err("looking at it panicked".to_owned()),
            Err(_) => Err("it does not answer".to_owned()),
        }
    }
}

/// Whether the root of `sink` can be listed.
fn works(sink: &dyn Sink) -> Result<(), SinkError> {
    match sink.list(&Key::root())?.next() {
        Some(Err(error)) => Err(error),
        Some(Ok(_)) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        assert_eq!(in_the_end(probes.probe("local", &local)).await, Ok(()));
        assert!(in_the_end(probes.probe("lost", &lost)).await.is_err());
    }

    /// What comes of it, however slow the machine is.
    async fn in_the_end(mut look: Look) -> Result<(), String> {
        look.hangs_at += Duration::from_mins(5);
        look.outcome().await
    }

    #[tokio::test]
    async fn a_sink_that_hangs_is_not_looked_at_again() {
        let probes = Probes::default();
        let (leave, left) = std::sync::mpsc::channel::<()>();
        let first = probes.look("local", move || {
            let _ = left.recv();
            Ok(())
        });
        let late = |look: &mut Look| look.hangs_at = Instant::now();
        probes.0.lock().unwrap().values_mut().for_each(late);
        let hangs = Err("it does not answer".to_owned());
        let again = probes.look("local", || unreachable!("there is a look already"));
        assert_eq!(again.outcome().await, hangs);
        assert_eq!(in_the_end(probes.look("other", || Ok(()))).await, Ok(()));
        leave.send(()).unwrap();
        let mut told = first.outcome;
        told.wait_for(Option::is_some).await.unwrap();
        assert_eq!(in_the_end(probes.look("local", || Ok(()))).await, Ok(()));
    }

    #[tokio::test]
    async fn who_asks_while_a_sink_is_looked_at_hears_what_comes_of_that() {
        let probes = Probes::default();
        let (leave, left) = std::sync::mpsc::channel();
        let first = probes.look("local", move || left.recv().unwrap());
        let second = probes.look("local", || unreachable!("there is a look already"));
        leave.send(Ok(())).unwrap();
        assert_eq!(in_the_end(first).await, Ok(()));
        assert_eq!(in_the_end(second).await, Ok(()));
        let panics = probes.look("local", || panic!("in a sink"));
        let panicked = Err("looking at it panicked".to_owned());
        assert_eq!(in_the_end(panics).await, panicked);
        assert_eq!(in_the_end(probes.look("local", || Ok(()))).await, Ok(()));
    }
}
