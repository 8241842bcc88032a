//! What a plugin asked for without being allowed it: each thing is told once, and all are counted.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::text::one_line;
use crate::metrics::{self, Capability};

/// Different things of one plugin that are told: more would fill the log and say nothing new.
const MAX_TOLD: usize = 256;

/// What one plugin was denied.
#[derive(Debug)]
pub struct Denials {
    plugin: String,
    told: Mutex<HashSet<(Capability, String)>>,
}

impl Denials {
    /// Nothing yet, of `plugin`.
    pub fn new(plugin: &str) -> Self {
        Self {
            plugin: plugin.to_owned(),
            told: Mutex::default(),
        }
    }

    /// Tells the operator that `what` was denied, the first time it was.
    pub fn tell(&self, capability: Capability, what: &str) {
        metrics::plugin_denied(&self.plugin, capability).increment(1);
        let what = one_line(what);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MAX_TOLD && told.insert((capability, what.clone())) {
            drop(told);
            tracing::warn!(
                plugin = self.plugin,
                capability = capability.word(),
                what,
                "the plugin was denied what its sidecar does not allow"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    /// Everything that is logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_thing_is_told_once_and_all_are_counted() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        let denials = Denials::new("webhook");
        ::metrics::with_local_recorder(&recorder, || {
            tracing::subscriber::with_default(subscriber, || {
                for _ in 0..3 {
                    denials.tell(Capability::Http, "http://a.example:80\nis not allowed");
                    denials.tell(Capability::Secrets, "token");
                }
                for n in 0..2 * MAX_TOLD {
                    denials.tell(Capability::State, &n.to_string());
                }
            });
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), MAX_TOLD, "{text}");
        let first = text.lines().next().unwrap();
        for part in [
            "webhook",
            "capability=\"http\"",
            "http://a.example:80 is not allowed",
        ] {
            assert!(first.contains(part), "{part}: {first}");
        }
        let metrics = recorder.handle().render();
        let counted = "wharf_plugin_denied_total{plugin=\"webhook\",capability=\"http\"} 3";
        assert!(metrics.contains(counted), "{metrics}");
    }
}
