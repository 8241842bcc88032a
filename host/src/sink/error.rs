//! Why a sink could not do something.

use std::io;

use rustix::io::Errno;
use wharf_protocol::failure::Failure;

use crate::metrics::Blame;

/// Why a sink could not do something, split by what a client is told.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// There is no such file or directory.
    #[error("there is no such file or directory")]
    NotFound,
    /// Something stands there already.
    #[error("something stands there already")]
    Exists,
    /// A file was needed.
    #[error("it is a directory")]
    IsDirectory,
    /// A directory was needed.
    #[error("it is not a directory")]
    NotDirectory,
    /// Somebody else has changed the file that an upload went on from.
    #[error("the file was changed meanwhile")]
    Changed,
    /// The directory holds something.
    #[error("the directory is not empty")]
    NotEmpty,
    /// The storage refuses it to this process, or it leads out of the sink.
    #[error("the storage permits no access")]
    PermissionDenied,
    /// The storage is full.
    #[error("no space is left")]
    NoSpace,
    /// The storage has a limit on sizes, and it is reached.
    #[error("a quota or size limit of the storage is reached")]
    QuotaExceeded,
    /// The storage cannot hold an object of this name.
    #[error("the name cannot be stored")]
    InvalidName,
    /// The file is shorter than the offset.
    #[error("the offset is beyond the end of the file")]
    BeyondEnd,
    /// This sink cannot do it at all.
    #[error("this sink cannot do it")]
    Unsupported,
    /// The file is in an archive, and has to be fetched from there before it can be read.
    #[error("the file is archived and has to be restored first")]
    Archived,
    /// The storage refuses it to this host, whose operator has to see to it.
    #[error("the storage refuses it to this host")]
    Refused(#[source] io::Error),
    /// The storage cannot be used in the way in which it is configured.
    #[error("the storage cannot be used as it is configured")]
    Misconfigured(#[source] io::Error),
    /// The plugin that keeps the files failed.
    #[error("plugin {plugin} failed: {cause}")]
    Plugin {
        /// Its name.
        plugin: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The storage failed.
    #[error("the storage failed")]
    Io(#[source] io::Error),
}

impl SinkError {
    /// Who has to look at it, if anybody.
    pub fn blame(&self) -> Option<Blame> {
        match self {
            Self::NoSpace | Self::Io(_) => Some(Blame::Storage),
            Self::Plugin { .. } => Some(Blame::Plugin),
            Self::PermissionDenied | Self::Refused(_) | Self::Misconfigured(_) => {
                Some(Blame::Operator)
            }
            _ => None,
        }
    }

    /// Whether the operator has to be told what it says.
    pub fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::Io(_) | Self::Plugin { .. } | Self::Refused(_) | Self::Misconfigured(_)
        )
    }
}

impl From<io::Error> for SinkError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::NotFound => Self::NotFound,
            Kind::AlreadyExists => Self::Exists,
            Kind::IsADirectory => Self::IsDirectory,
            Kind::NotADirectory => Self::NotDirectory,
            Kind::DirectoryNotEmpty => Self::NotEmpty,
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Self::PermissionDenied,
            Kind::StorageFull => Self::NoSpace,
            Kind::QuotaExceeded | Kind::FileTooLarge => Self::QuotaExceeded,
            Kind::InvalidFilename | Kind::InvalidInput => Self::InvalidName,
            Kind::Unsupported | Kind::CrossesDevices => Self::Unsupported,
            _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => Self::PermissionDenied,
            _ => Self::Io(error),
        }
    }
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::NotFound => Self::NotFound,
            SinkError::Exists => Self::Exists,
            SinkError::IsDirectory => Self::IsDirectory,
            SinkError::NotDirectory => Self::NotDirectory,
            SinkError::NotEmpty => Self::NotEmpty,
            SinkError::PermissionDenied | SinkError::Refused(_) => Self::Denied { text: None },
            SinkError::Archived => Self::Denied {
                text: Some("The file is archived and has to be restored first".to_owned()),
            },
            SinkError::NoSpace => Self::NoSpace,
            SinkError::QuotaExceeded => Self::QuotaExceeded { text: None },
            SinkError::InvalidName => Self::NameRefused { text: None },
            SinkError::BeyondEnd | SinkError::Unsupported => Self::Unsupported,
            SinkError::Changed => Self::Changed,
            SinkError::Misconfigured(_) | SinkError::Plugin { .. } | SinkError::Io(_) => {
                Self::Storage
            }
        }
    }
}
