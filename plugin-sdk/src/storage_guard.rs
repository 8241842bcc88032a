//! The role that is asked before an operation touches storage.

use crate::{Denial, Failure, Lifecycle, Location, Operation, Session};

/// Decides on an operation before it touches storage.
///
/// All guards are asked in the order of their file names, each with what the one before redirected
/// to; the first denial stands. A rename is asked about twice at its end: as
/// [`Operation::RenameSource`], as it was at its beginning, and as [`Operation::RenameTarget`].
pub trait StorageGuard: Lifecycle {
    /// A client is about to do something that its grant permits.
    ///
    /// # Errors
    /// No decision could be made: see [`Failure`]. Unless the operator says otherwise, the
    /// operation is then refused.
    fn before(&self, session: &Session<'_>, intent: &Intent) -> Result<Decision, Failure>;
}

/// What a client is about to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The operation.
    pub what: Operation,
    /// The virtual path: absolute and normalised.
    pub path: String,
    /// Where that leads.
    pub place: Location,
    /// The new path of [`Operation::RenameTarget`], or the other one of a copy.
    pub new_path: Option<String>,
    /// Where that leads.
    pub new_place: Option<Location>,
    /// In bytes, from `ALLO`, where the client told it.
    pub size_hint: Option<u64>,
    /// The byte to begin at, from `REST`.
    pub offset: u64,
    /// The size in bytes of the file that is there now; of a rename's target at its new place.
    pub existing: Option<u64>,
}

impl Intent {
    /// The intent to do `what` at `path`, which leads to `place`; for tests to fill in the rest.
    pub fn new(what: Operation, path: impl Into<String>, place: Location) -> Self {
        Self {
            what,
            path: path.into(),
            place,
            new_path: None,
            new_place: None,
            size_hint: None,
            offset: 0,
            existing: None,
        }
    }
}

/// What a guard says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may be done.
    Allow,
    /// It is done at this place instead, which replaces the new one of a rename. It lies within
    /// what the session's mounts show, or where `[allow] sinks` lets the plugin do the same.
    Redirect(Location),
    /// It is not done; the denial is the answer.
    Deny(Denial),
}
