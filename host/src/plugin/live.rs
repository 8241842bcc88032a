//! The plugins that serve now, while others may take their place at any time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use super::statistics::{PluginsStatus, RejectedCandidate};
use super::{Plugin, Plugins};

/// The generation of plugins that serves, as one that can be replaced.
///
/// Whoever asks plugins takes the current generation for one question and no longer: what he asks
/// then ends with the plugins it began with, and their memory goes when the last such question has
/// its answer.
pub struct LivePlugins {
    current: ArcSwap<Plugins>,
    /// What was last refused, by name.
    rejected: Mutex<BTreeMap<String, RejectedCandidate>>,
    asked_to_reload: Notify,
}

impl LivePlugins {
    /// Begins with `plugins`, which serve until something replaces them.
    pub fn new(plugins: Plugins) -> Self {
        Self {
            current: ArcSwap::from_pointee(plugins),
            rejected: Mutex::default(),
            asked_to_reload: Notify::new(),
        }
    }

    /// The generation that serves now.
    pub fn current(&self) -> Arc<Plugins> {
        self.current.load_full()
    }

    /// Has the directory looked at now, whatever it looks like.
    pub fn ask_to_reload(&self) {
        self.asked_to_reload.notify_one();
    }

    /// What an operator is told of it.
    pub fn status(&self) -> PluginsStatus {
        let current = self.current();
        let mut rejected = self.rejected().clone();
        let told = |plugin: &Arc<Plugin>| {
            let mut status = plugin.status();
            status.rejected = rejected.remove(plugin.name());
            status
        };
        PluginsStatus {
            generation: current.generation(),
            plugins: current.all().iter().map(told).collect(),
            rejected: rejected.into_values().collect(),
        }
    }

    /// Lets `plugins` serve from now on.
    pub(super) fn replace(&self, plugins: Arc<Plugins>) {
        self.current.store(plugins);
    }

    /// What was last refused, by name.
    pub(super) fn rejected(&self) -> MutexGuard<'_, BTreeMap<String, RejectedCandidate>> {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until somebody asks for a reload.
    pub(super) async fn asked_to_reload(&self) {
        self.asked_to_reload.notified().await;
    }
}
