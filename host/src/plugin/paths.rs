//! Where a virtual path leads: the stage between a path and a sink.

use wharf_protocol::path::VirtualPath;

use crate::identity::Identity;
use crate::sink::Key;

/// A key in a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The name of the sink.
    pub sink: String,
    /// What is meant in it.
    pub key: Key,
}

/// Where `path` leads for `identity`: below the root of the grant.
pub fn locate(identity: &Identity, path: &VirtualPath) -> Location {
    let root = &identity.root;
    Location {
        sink: root.sink.clone(),
        key: root.prefix.join(&Key::of(path)),
    }
}
