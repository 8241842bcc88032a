//! TLS on a data connection.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_rustls::rustls::ServerConnection;

use super::buffer::Block;
use super::{Settings, TransferError};
use crate::limits::TRANSFER_BLOCK_BYTES;
use crate::metrics::{Connection, HandshakeOutcome};
use crate::tls::{self, DataHandshake};

/// A data connection after its handshake.
pub(super) struct Secured {
    connection: ServerConnection,
    incoming: Incoming,
    strict_close: bool,
}

/// The peer closed the connection without close_notify, which `strict_close` asks for.
#[derive(Debug, thiserror::Error)]
#[error("the connection ended without close_notify")]
pub(super) struct NoCloseNotify;

impl Secured {
    /// Perform the handshake, or what is left of it, within its time limit.
    pub(super) fn handshake(
        socket: Arc<TcpStream>,
        handshake: DataHandshake,
        settings: &Settings,
    ) -> Result<Self, TransferError> {
        let failed = TransferError::Handshake;
        let DataHandshake {
            mut connection,
            resuming,
        } = handshake;
        // By default it takes 64 KiB at a time and a block would be encrypted piecemeal.
        connection.set_buffer_limit(Some(2 * TRANSFER_BLOCK_BYTES));
        let incoming = Incoming {
            socket,
            block: Block::take(),
            start: 0,
            end: 0,
        };
        let mut secured = Self {
            connection,
            incoming,
            strict_close: settings.strict_close,
        };
        if let Err(error) = secured.shake_hands(settings.handshake) {
            let outcome = match error.kind() {
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => HandshakeOutcome::TimedOut,
                _ => HandshakeOutcome::Failed,
            };
            tls::count_handshake(Connection::Data, Err(outcome));
            return Err(failed(error));
        }
        secured
            .socket()
            .set_read_timeout(Some(settings.stall))
            .map_err(failed)?;
        let kind = secured.connection.handshake_kind();
        if resuming.finish(kind).is_err() {
            let _ = secured.send_close_notify();
            tls::count_handshake(Connection::Data, Err(HandshakeOutcome::NotResumed));
            return Err(TransferError::NotResumed);
        }
        tls::count_handshake(Connection::Data, Ok(&secured.connection));
        Ok(secured)
    }

    fn shake_hands(&mut self, limit: Duration) -> io::Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            self.send()?;
            if !self.connection.is_handshaking() {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.socket().set_read_timeout(Some(left))?;
            if self.receive()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.incoming.socket
    }

    pub(super) fn send_close_notify(&mut self) -> io::Result<()> {
        self.connection.send_close_notify();
        self.send()
    }

    /// Fill `buffer` as far as what the peer has sent reaches, at least by one byte; 0 is the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            match self.connection.reader().read(&mut buffer[filled..]) {
                Ok(0) => return Ok(filled),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if filled > 0 && self.incoming.is_empty() {
                        return Ok(filled);
                    }
                    self.receive()?;
                }
                // What was read counts first; the next call comes here again.
                Err(_) if filled > 0 => return Ok(filled),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return match self.strict_close {
                        true => Err(io::Error::other(NoCloseNotify)),
                        false => Ok(0),
                    };
                }
                Err(error) => return Err(error),
            }
            if filled == buffer.len() {
                return Ok(filled);
            }
        }
    }

    /// Encrypt and send as much of `buffer` as is buffered at a time.
    pub(super) fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.connection.writer().write(buffer)?;
        self.send()?;
        Ok(count)
    }

    /// Take in what the peer has sent; 0 is the end of the connection.
    fn receive(&mut self) -> io::Result<usize> {
        let count = self.connection.read_tls(&mut self.incoming)?;
        if let Err(error) = self.connection.process_new_packets() {
            // The alert says what was wrong, if the peer still listens.
            let _ = self.send();
            return Err(io::Error::other(error));
        }
        Ok(count)
    }

    fn send(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut &*self.incoming.socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    result?;
                }
            }
        }
        Ok(())
    }
}

/// Takes large reads from the socket, where rustls asks for 4 KiB at a time.
struct Incoming {
    socket: Arc<TcpStream>,
    block: Block,
    start: usize,
    end: usize,
}

impl Incoming {
    fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_empty() {
            // Emptied first, so that an error leaves nothing old behind.
            (self.start, self.end) = (0, 0);
            self.end = loop {
                match (&*self.socket).read(&mut self.block) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => break result?,
                }
            };
        }
        let count = buffer.len().min(self.end - self.start);
        buffer[..count].copy_from_slice(&self.block[self.start..self.start + count]);
        self.start += count;
        Ok(count)
    }
}
