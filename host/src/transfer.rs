//! Moves the bytes of a file or listing between a sink and a data connection.
//!
//! Everything here blocks and is called from blocking threads. The session that started a transfer
//! holds its [`Progress`], through which it sees how far it is and can stop it.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use metrics::Counter;
use socket2::SockRef;
use wharf_protocol::transfer::{Representation, TransferMode};

use crate::tls::DataHandshake;

pub use self::error::TransferError;
pub use self::receive::receive_file;
pub use self::send::{send_file, send_listing};

mod buffer;
mod deflate;
mod error;
mod pace;
mod receive;
mod secure;
mod send;
mod stream;
#[cfg(test)]
mod tests;

/// A data connection that the peer has opened, and how bytes travel over it.
#[derive(Debug)]
pub struct DataConnection {
    /// How far it is; it owns the socket.
    pub progress: Arc<Progress>,
    /// PROT P: the TLS handshake, until it is done.
    pub tls: Option<DataHandshake>,
    /// TYPE
    pub representation: Representation,
    /// MODE
    pub mode: TransferMode,
    /// Time-outs and limits.
    pub settings: Settings,
}

/// Time-outs and limits of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long the peer may neither send nor take a byte.
    pub stall: Duration,
    /// How long the TLS handshake may take.
    pub handshake: Duration,
    /// How long to wait, after the last byte was sent, for the peer to close.
    pub linger: Duration,
    /// An upload under TLS must end with close_notify; otherwise the end of the connection will do.
    pub strict_close: bool,
    /// How many bytes an upload may add.
    pub upload_bytes_max: Option<u64>,
    /// How many bytes a second may travel.
    pub bytes_per_second: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            stall: Duration::from_secs(300),
            handshake: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            strict_close: false,
            upload_bytes_max: None,
            bytes_per_second: None,
        }
    }
}

/// How far a transfer is, shared between the thread that moves bytes and the session.
#[derive(Debug)]
pub struct Progress {
    socket: Arc<TcpStream>,
    bytes: AtomicU64,
    /// Counts the bytes of all transfers.
    moved: Counter,
    aborted: AtomicBool,
}

impl Progress {
    /// Nothing has been moved over `socket` yet. What is will be counted by `moved` too.
    pub fn new(socket: Arc<TcpStream>, moved: Counter) -> Self {
        Self {
            socket,
            bytes: AtomicU64::new(0),
            moved,
            aborted: AtomicBool::new(false),
        }
    }

    /// How many bytes of the file or listing were moved.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Stop the transfer: it ends soon with [`TransferError::Aborted`].
    pub fn abort(&self) {
        self.aborted.store(true, Ordering::Relaxed);
        // Whoever is blocked on the socket wakes up. It fails only where the peer is gone already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Whether [`Progress::abort`] was called.
    pub fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.moved.increment(bytes as u64);
    }

    /// Tell how a transfer ended, once it has: well, or with what first went wrong.
    fn outcome(&self, result: Result<(), TransferError>) -> Result<u64, TransferError> {
        match result {
            _ if self.is_aborted() => Err(TransferError::Aborted),
            Ok(()) => Ok(self.bytes()),
            Err(error) => {
                if !matches!(
                    error,
                    TransferError::Handshake(_) | TransferError::NotResumed
                ) {
                    // In clear, a mere close would let the peer take what it got for the whole.
                    let _ = SockRef::from(&*self.socket).set_linger(Some(Duration::ZERO));
                }
                Err(error)
            }
        }
    }
}
