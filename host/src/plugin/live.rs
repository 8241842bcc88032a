//! The plugins that serve now, while others may take their place at any time.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Plugins;
use super::statistics::PluginsStatus;

/// The generation of plugins that serves, as one that can be replaced.
///
/// Whoever asks plugins takes the current generation for one question and no longer: what he asks
/// then ends with the plugins it began with, and their memory goes when the last such question has
/// its answer.
pub struct LivePlugins {
    current: ArcSwap<Plugins>,
}

impl LivePlugins {
    /// Begins with `plugins`.
    pub fn new(plugins: Plugins) -> Self {
        Self {
            current: ArcSwap::from_pointee(plugins),
        }
    }

    /// The generation that serves now.
    pub fn current(&self) -> Arc<Plugins> {
        self.current.load_full()
    }

    /// What an operator is told of it.
    pub fn status(&self) -> PluginsStatus {
        let current = self.current();
        PluginsStatus {
            generation: current.generation(),
            plugins: current.all().iter().map(|plugin| plugin.status()).collect(),
            rejected: Vec::new(),
        }
    }
}
