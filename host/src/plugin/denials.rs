//! What a plugin asked for without being allowed it: each thing is told once, and all are counted.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::text::one_line;

/// Different things of one plugin that are told: more would fill the log and say nothing new.
const MAX_TOLD: usize = 256;

/// What can be denied, as its metric calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    /// An origin that is not under `http`, or an address that is not public.
    Http,
    /// A secret that is not under `secrets`.
    Secrets,
    /// Any state without `state`.
    State,
    /// A place or an operation that is not under `sinks`.
    Sinks,
}

impl Capability {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Secrets => "secrets",
            Self::State => "state",
            Self::Sinks => "sinks",
        }
    }
}

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
        let (plugin, name) = (self.plugin.clone(), capability.name());
        metrics::counter!("wharf_plugin_denied_total", "plugin" => plugin, "capability" => name)
            .increment(1);
        let what = one_line(what);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MAX_TOLD && told.insert((capability, what.clone())) {
            drop(told);
            tracing::warn!(
                plugin = self.plugin,
                capability = name,
                what,
                "the plugin was denied what its sidecar does not allow"
            );
        }
    }
}
