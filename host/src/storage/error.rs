//! Why storage did not do what a command asked for.

use wharf_protocol::failure::Failure;

use crate::checksum::ChecksumError;
use crate::metrics::Blame;
use crate::outbox::{NotStored, OutboxFull};
use crate::plugin::Refusal;
use crate::sink::SinkError;
use crate::transfer::TransferError;

/// Why storage did not do what a command asked for.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The grant does not allow it there.
    #[error("the user may not do this here")]
    NotPermitted,
    /// The grant names a sink that is not configured.
    #[error("the grant names a sink that is not configured")]
    NoSuchSink,
    /// More than STAT can show.
    #[error("the directory has too many entries to be shown over the control connection")]
    TooManyEntries,
    /// A directory would have to be copied piece by piece.
    #[error("a directory cannot be moved from one sink to another")]
    DirectoryAcrossSinks,
    /// What would be changed could not be told.
    #[error(transparent)]
    Full(#[from] OutboxFull),
    /// It was done, and is not told.
    #[error("it was done, and {0}")]
    Untold(#[from] NotStored),
    /// Nobody waits for it any more.
    #[error("the client is gone")]
    Cancelled,
    /// A plugin says no, or could not decide.
    #[error(transparent)]
    Plugin(#[from] Refusal),
    /// Said by the sink, or about what it said.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl StorageError {
    /// Whether the operator has to look at it: the storage or a plugin failed, or the configuration
    /// is wrong.
    pub fn is_fault(&self) -> bool {
        match self {
            Self::NoSuchSink | Self::Full(_) | Self::Untold(_) => true,
            Self::Plugin(refusal) => matches!(refusal, Refusal::Undecided { .. }),
            Self::Sink(error) => error.is_fault(),
            _ => false,
        }
    }

    /// Who has to look at it, if anybody. A denial is nobody's error.
    pub fn blame(&self) -> Option<Blame> {
        match self {
            Self::NoSuchSink | Self::Full(_) => Some(Blame::Operator),
            Self::Untold(_) => Some(Blame::Storage),
            Self::Plugin(Refusal::Undecided { .. }) => Some(Blame::Plugin),
            Self::Sink(error) => error.blame(),
            _ => None,
        }
    }
}

impl From<ChecksumError> for StorageError {
    fn from(error: ChecksumError) -> Self {
        match error {
            ChecksumError::Cancelled => Self::Cancelled,
            ChecksumError::Sink(error) => Self::Sink(error),
        }
    }
}

impl From<StorageError> for TransferError {
    /// In the middle of a listing there is nothing left to permit or deny.
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Sink(error) => Self::Sink(error),
            error => Self::Undecided(error.to_string()),
        }
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotPermitted => Self::Denied { text: None },
            StorageError::NoSuchSink => Self::Undecided,
            StorageError::TooManyEntries => Self::Denied {
                text: Some("Too many entries for STAT, use MLSD or LIST".to_owned()),
            },
            StorageError::DirectoryAcrossSinks => Self::Denied {
                text: Some("A directory cannot be moved to another storage".to_owned()),
            },
            StorageError::Full(_) => Self::NoSpace,
            StorageError::Untold(_) => Self::Storage,
            StorageError::Cancelled => Self::Aborted,
            StorageError::Plugin(refusal) => refusal.into(),
            StorageError::Sink(error) => error.into(),
        }
    }
}
