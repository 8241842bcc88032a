//! What goes wrong with an outbox.

use std::io;
use std::path::PathBuf;

/// An outbox could not be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenOutboxError {
    /// The file, its lock or its directory.
    #[error("cannot open the outbox {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There can be one host only.
    #[error("the outbox {} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a version with another format.
    #[error(
        "the outbox {} has format {found}, and this version of wharf reads format {expected}; let \
         the version that wrote it deliver what it holds, then remove the file", path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: u64,
        /// What it should be.
        expected: u64,
    },
    /// It is no outbox, or one that was damaged.
    #[error(
        "the outbox {} is damaged: {cause}; restore it from a backup, or move it away to start \
         with an empty one, which loses the events that were not delivered", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
}

/// The outbox failed while it was used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database did.
    #[error("the outbox failed: {0}")]
    Database(#[source] redb::Error),
    /// An event in it is none.
    #[error("an event in the outbox cannot be read: {0}")]
    Event(#[from] serde_json::Error),
    /// It failed before and could not be opened again yet.
    #[error("the outbox is closed after a failure")]
    Closed,
    /// Of some damage the database makes no error.
    #[error("the database of the outbox panicked")]
    Panicked,
}

/// Converts every error of redb, each of which has a type of its own.
macro_rules! from_redb {
    ($($error:ty),+) => {
        $(impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                Self::Database(error.into())
            }
        })+
    };
}
from_redb!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::DatabaseError
);

/// Events could not be stored; the log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event could not be stored in the outbox")]
pub struct NotStored;

/// The outbox has no room for another event, and the operator would rather refuse changes than
/// lose the events of earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the outbox is full")]
pub struct OutboxFull;
