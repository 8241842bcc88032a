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
