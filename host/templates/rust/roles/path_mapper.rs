//! Where a path leads.

use wharf_plugin::{Failure, Location, Mount, Operations, PathMapper, Session};

use crate::Settings;

impl PathMapper for Settings {
    /// A directory that all share, beside what the grant shows.
    fn mounts(&self, _session: &Session<'_>) -> Result<Vec<Mount>, Failure> {
        let shared = Mount::new("/shared", Location::new(&self.sink, "shared"));
        Ok(vec![shared.allow(Operations::READ)])
    }
}
