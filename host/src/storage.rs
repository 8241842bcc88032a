//! The storage as one user has it: every path resolved, every permission asked, before a sink is.
//!
//! It has two phases. What an operation or a transfer names is *resolved* to places, asynchronously:
//! there permissions are checked, and plugins are asked where any have a say. Then it is *performed*
//! or *opened* on these places, which blocks and asks no plugin.

use std::sync::Arc;

use crate::identity::Identity;
use crate::plugin::paths::MountTable;
use crate::sinks::Sinks;

pub use error::StorageError;
pub use object::Object;
pub use perform::ResolvedOperation;
pub use place::Place;
pub use resolve::ResolvedTransfer;

mod error;
mod listing;
mod object;
mod perform;
mod place;
mod relocate;
mod resolve;
#[cfg(test)]
mod tests;
mod view;

/// What one user can reach.
#[derive(Clone, Debug)]
pub struct Storage {
    identity: Arc<Identity>,
    mounts: Arc<MountTable>,
    sinks: Arc<Sinks>,
}

impl Storage {
    /// What `identity` can reach in `sinks`.
    pub fn new(identity: Arc<Identity>, sinks: Arc<Sinks>) -> Self {
        let mounts = Arc::new(MountTable::new(&identity, Vec::new(), 0));
        Self {
            identity,
            mounts,
            sinks,
        }
    }
}
