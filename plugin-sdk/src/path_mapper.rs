//! The role that says where a virtual path leads.

use crate::{Denial, Failure, Lifecycle, Location, Operation, Operations, Session};

/// Decides where a virtual path leads. Virtual paths are absolute and normalised: without `.`,
/// `..`, CR, LF and NUL, and without a `/` at the end unless they are the root.
///
/// Every place lies within what the grant shows, or where `[allow] sinks` lets the plugin do what
/// the user wants to do there. Any other is a failure of the plugin.
pub trait PathMapper: Lifecycle {
    /// What the user sees: asked once after a login, again after each new grant, and when plugins
    /// were exchanged. The host remembers it and does the rest by itself: of the mounts that hold a
    /// path the one with the longest directory shows it. At most 1024.
    ///
    /// # Errors
    /// No answer could be had: see [`Failure`]. The user then gets nowhere.
    fn mounts(&self, session: &Session<'_>) -> Result<Vec<Mount>, Failure>;

    /// A path below a [dynamic](Mount::dynamic) mount is wanted, whichever mapper's. By default it
    /// is left to the next mapper, and at last to the mount itself.
    ///
    /// # Errors
    /// No answer could be had: see [`Failure`]. The operation is then refused.
    fn locate(
        &self,
        session: &Session<'_>,
        what: Operation,
        path: &str,
    ) -> Result<Resolution, Failure> {
        let _ = (session, what, path);
        Ok(Resolution::Pass)
    }
}

/// A virtual directory and where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub(crate) directory: String,
    pub(crate) target: Location,
    pub(crate) allow: Operations,
    pub(crate) dynamic: bool,
}

impl Mount {
    /// Shows what lies below `target` at the virtual `directory`, permitting what the grant does.
    pub fn new(directory: impl Into<String>, target: Location) -> Self {
        Self {
            directory: directory.into(),
            target,
            allow: Operations::ALL,
            dynamic: false,
        }
    }

    /// Permits no more than this below, and no more than the grant does.
    #[must_use]
    pub fn allow(mut self, operations: Operations) -> Self {
        self.allow = operations;
        self
    }

    /// Has [`PathMapper::locate`] asked for every path below.
    #[must_use]
    pub fn dynamic(mut self) -> Self {
        self.dynamic = true;
        self
    }

    /// The virtual directory.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// Where it leads.
    pub fn target(&self) -> &Location {
        &self.target
    }
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Here.
    At(Location),
    /// Nowhere; the denial is the answer.
    Deny(Denial),
    /// The next mapper is asked, and at last the mount itself.
    Pass,
}
