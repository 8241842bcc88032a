//! Why a transfer did not end well.

use std::io;

use tokio_rustls::rustls;
use wharf_protocol::failure::Failure;

use super::secure::NoCloseNotify;
use crate::metrics::Blame;
use crate::sink::SinkError;

/// Why a transfer did not end well, split by whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The session asked for it.
    #[error("the session stopped the transfer")]
    Aborted,
    /// The connection broke off.
    #[error("the data connection broke off")]
    ConnectionLost(#[source] io::Error),
    /// The peer neither sent nor took a byte for too long.
    #[error("the data connection stalled")]
    Stalled,
    /// The peer closed the connection without the close_notify that is asked for.
    #[error("the data connection ended without close_notify")]
    Truncated,
    /// The peer broke the rules of TLS during the transfer.
    #[error("the peer broke the rules of TLS")]
    Tls(#[source] rustls::Error),
    /// What came is no zlib stream, or ends early (MODE Z).
    #[error("the compressed data is not valid")]
    Deflate,
    /// The TLS handshake failed, or the peer closed the connection before one.
    #[error("the TLS handshake of the data connection failed")]
    Handshake(#[source] io::Error),
    /// The handshake was a full one where resuming is required.
    #[error("the data connection did not resume the TLS session of the control connection")]
    NotResumed,
    /// The upload is larger than the user may store.
    #[error("the upload is larger than its limit")]
    TooLarge,
    /// The sink failed.
    #[error("the sink failed")]
    Sink(#[from] SinkError),
    /// What has a say in it could not decide.
    #[error("it could not be decided: {0}")]
    Undecided(String),
}

impl TransferError {
    /// Who has to look at it, if anybody.
    pub fn blame(&self) -> Option<Blame> {
        match self {
            Self::Aborted | Self::TooLarge => None,
            Self::ConnectionLost(_)
            | Self::Stalled
            | Self::Truncated
            | Self::Tls(_)
            | Self::Deflate
            | Self::Handshake(_)
            | Self::NotResumed => Some(Blame::Client),
            Self::Undecided(_) => Some(Blame::Plugin),
            Self::Sink(error) => error.blame(),
        }
    }
}

impl From<io::Error> for TransferError {
    /// What a read or write of the data connection met.
    fn from(error: io::Error) -> Self {
        // A time-out of a socket shows as one or the other.
        if matches!(
            error.kind(),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
        ) {
            return Self::Stalled;
        }
        let inner = error.get_ref();
        if inner.is_some_and(|inner| inner.is::<NoCloseNotify>()) {
            return Self::Truncated;
        }
        match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(broken) => Self::Tls(broken.clone()),
            None => Self::ConnectionLost(error),
        }
    }
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Aborted => Self::Aborted,
            TransferError::ConnectionLost(_)
            | TransferError::Stalled
            | TransferError::Truncated
            | TransferError::Tls(_)
            | TransferError::Deflate => Self::ConnectionLost,
            TransferError::Handshake(_) => Self::DataHandshake,
            TransferError::NotResumed => Self::NotResumed,
            TransferError::TooLarge => Self::QuotaExceeded { text: None },
            TransferError::Sink(error) => error.into(),
            TransferError::Undecided(_) => Self::Undecided,
        }
    }
}
