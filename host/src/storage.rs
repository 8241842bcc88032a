//! The storage as one user has it: every path resolved, every permission asked, before a sink is.
//!
//! It has two phases. What an operation or a transfer names is *resolved* to places,
//! asynchronously: there permissions are checked, and plugins are asked where any have a say. Then
//! it is *performed* or *opened* on these places, which blocks and asks no plugin.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::identity::Identity;
use crate::plugin::paths::MountTable;
use crate::plugin::{LivePlugins, Plugins, SessionFacts};
use crate::sinks::Sinks;

pub use error::StorageError;
pub use object::Object;
pub use perform::ResolvedOperation;
pub use place::Place;
pub use publish::{MayReplace, publish};
pub use resolve::ResolvedTransfer;

mod asking;
mod error;
mod listing;
mod object;
mod perform;
mod place;
mod publish;
mod relocate;
mod resolve;
mod shaping;
#[cfg(test)]
mod tests;
mod view;

/// What one user can reach.
#[derive(Clone)]
pub struct Storage {
    identity: Arc<Identity>,
    sinks: Arc<Sinks>,
    plugins: Arc<LivePlugins>,
    /// As the plugins of its generation had it.
    mounts: Arc<ArcSwap<MountTable>>,
}

impl Storage {
    /// What `identity` can reach in `sinks`. The path mappers are asked for what it sees.
    ///
    /// # Errors
    /// One of them has no answer, or leads where it must not.
    pub async fn new(
        identity: Arc<Identity>,
        sinks: Arc<Sinks>,
        plugins: Arc<LivePlugins>,
        session: &Arc<SessionFacts>,
    ) -> Result<Self, StorageError> {
        let mounts = plugins.current().mounts(&identity, session).await?;
        Ok(Self {
            identity,
            sinks,
            plugins,
            mounts: Arc::new(ArcSwap::from_pointee(mounts)),
        })
    }

    /// What `plugins` show: asked for again where others have taken the place of those that were
    /// asked.
    async fn mounts(
        &self,
        plugins: &Plugins,
        session: &Arc<SessionFacts>,
    ) -> Result<Arc<MountTable>, StorageError> {
        let mounts = self.mounts.load_full();
        if mounts.generation == plugins.generation() {
            return Ok(mounts);
        }
        let mounts = Arc::new(plugins.mounts(&self.identity, session).await?);
        self.mounts.store(Arc::clone(&mounts));
        Ok(mounts)
    }

    /// Whether all that the session is shown keeps times of modification. It may block.
    pub fn keeps_times(&self) -> bool {
        let shown = self.shown();
        let mut sinks = shown.targets().map(|target| self.sinks.named(&target.sink));
        sinks.all(|sink| sink.is_some_and(|sink| sink.keeps_times()))
    }

    /// What the session is shown, and where.
    pub fn shown(&self) -> Arc<MountTable> {
        self.mounts.load_full()
    }
}
