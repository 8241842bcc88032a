//! The role that hears of what happened.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Checksum, Failure, Lifecycle, Location};

/// Hears of what happened: in batches, in order within a session, out of the client's way.
///
/// Events are delivered at least once. What must not be done twice is told by [`Event::id`], which
/// stays the same.
pub trait StorageEvents: Lifecycle {
    /// The kinds wanted, with `*` for any number of characters; told once when it is loaded. By
    /// default all.
    fn subscribe(&self) -> Vec<String> {
        vec!["*".into()]
    }

    /// Takes a batch, or nothing of it.
    ///
    /// # Errors
    /// All of it comes again, event by event, later and later.
    fn deliver(&self, batch: &[Event]) -> Result<(), Failure>;
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Stays the same when it is delivered again.
    pub id: String,
    /// `login`, `login-failed`, `logout`, `upload`, `upload-failed`, `upload-aborted`,
    /// `file-stable`, `download`, `download-failed`, `delete`, `rename`, `make-directory`,
    /// `remove-directory`. Others may come: pass over what you do not know.
    pub kind: String,
    /// When, to the millisecond.
    pub at: SystemTime,
    /// The session's id.
    pub session: String,
    /// Counts up within a session.
    pub sequence: u64,
    /// The configured address of the listener.
    pub listener: String,
    /// The client's address.
    pub peer: String,
    /// Who was logged in.
    pub principal: Option<String>,
    /// The virtual path.
    pub path: Option<String>,
    /// Where that led.
    pub place: Option<Location>,
    /// The other end of a rename, as a virtual path.
    pub new_path: Option<String>,
    /// Where that led.
    pub new_place: Option<Location>,
    /// Of the file, in bytes.
    pub size: Option<u64>,
    /// Those of the file that were computed.
    pub checksums: Vec<Checksum>,
    /// How long it took.
    pub elapsed: Duration,
    /// Why it was not done; `None`: it was.
    pub fault: Option<Fault>,
    /// Those of the grant, and what else there is to tell.
    pub attributes: Vec<(String, String)>,
}

/// Why something was not done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// The code of the FTP reply.
    pub reply: u16,
    /// The whole cause, as in the log.
    pub message: String,
}

impl Default for Event {
    /// An event of no kind at the beginning of 1970, for tests to fill in.
    fn default() -> Self {
        Self {
            id: String::new(),
            kind: String::new(),
            at: UNIX_EPOCH,
            session: String::new(),
            sequence: 0,
            listener: String::new(),
            peer: String::new(),
            principal: None,
            path: None,
            place: None,
            new_path: None,
            new_place: None,
            size: None,
            checksums: Vec::new(),
            elapsed: Duration::ZERO,
            fault: None,
            attributes: Vec::new(),
        }
    }
}
