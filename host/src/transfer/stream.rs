//! The data connection as a stream of bytes, in clear or under TLS.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::buffer::Block;
use super::secure::Secured;
use super::{DataConnection, TransferError};

/// Bytes to and from the peer.
pub(super) enum Stream {
    Clear(Arc<TcpStream>),
    Secured(Box<Secured>),
}

impl Stream {
    /// Set the socket's options and perform what is left of the handshake, where there is one.
    pub(super) fn establish(connection: &mut DataConnection) -> Result<Self, TransferError> {
        let socket = connection.progress.socket.clone();
        let stall = Some(connection.settings.stall);
        socket
            .set_nonblocking(false)
            // The last record and the end of a file are small writes in a row, of which the second
            // would wait 40 ms for an acknowledgement.
            .and_then(|()| socket.set_nodelay(true))
            .and_then(|()| socket.set_read_timeout(stall))
            .and_then(|()| socket.set_write_timeout(stall))
            .map_err(TransferError::ConnectionLost)?;
        match connection.tls.take() {
            None => Ok(Self::Clear(socket)),
            Some(tls) => {
                let secured = Secured::handshake(socket, tls, &connection.settings)?;
                Ok(Self::Secured(Box::new(secured)))
            }
        }
    }

    /// Tell the peer that nothing follows; what it has sent was read to its end.
    ///
    /// The peer may be gone by now. It has said all that it had to say, so that is no error.
    pub(super) fn close(&mut self) {
        let socket = match self {
            Self::Clear(socket) => &**socket,
            Self::Secured(secured) => {
                let _ = secured.send_close_notify();
                secured.socket()
            }
        };
        let _ = socket.shutdown(Shutdown::Write);
    }

    /// Tell the peer that nothing follows, and wait a little until it has closed too.
    ///
    /// A TLS peer answers with a close_notify of its own. Were the socket closed before, the
    /// kernel would answer that with a reset, and some clients take a reset for a broken transfer.
    pub(super) fn close_and_linger(&mut self, linger: Duration) {
        self.close();
        let Self::Secured(secured) = self else { return };
        let (mut socket, mut block) = (secured.socket(), Block::take());
        let deadline = Instant::now() + linger;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || socket.set_read_timeout(Some(left)).is_err() {
                return;
            }
            match socket.read(&mut block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = match self {
                Self::Clear(socket) => (&**socket).read(buffer),
                Self::Secured(secured) => secured.read(buffer),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => (&**socket).write(buffer),
            Self::Secured(secured) => secured.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
