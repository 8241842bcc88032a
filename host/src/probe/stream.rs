//! A connection of a probe, in clear or under TLS, none of whose calls waits beyond its deadline.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

/// What TLS begins with.
#[derive(Clone)]
pub(super) struct Secured {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
}

/// One connection.
pub(super) struct Stream {
    socket: Socket,
    deadline: Instant,
}

enum Socket {
    Clear(TcpStream),
    Secured(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    pub(super) fn connect(address: SocketAddr, deadline: Instant) -> io::Result<Self> {
        let socket = TcpStream::connect_timeout(&address, left(deadline)?)?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket: Socket::Clear(socket),
            deadline,
        })
    }

    /// The server's address.
    pub(super) fn peer(&self) -> io::Result<SocketAddr> {
        self.tcp().peer_addr()
    }

    /// The same connection under TLS, once the handshake is done.
    pub(super) fn secure(self, secured: &Secured) -> io::Result<Self> {
        let Socket::Clear(socket) = self.socket else {
            return Ok(self);
        };
        let config = Arc::clone(&secured.config);
        let connection =
            ClientConnection::new(config, secured.name.clone()).map_err(io::Error::other)?;
        let mut stream = Box::new(StreamOwned::new(connection, socket));
        while stream.conn.is_handshaking() {
            limit(&stream.sock, self.deadline)?;
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self {
            socket: Socket::Secured(stream),
            deadline: self.deadline,
        })
    }

    /// Tells that no more bytes come, and waits until the server closes, too.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if let Socket::Secured(stream) = &mut self.socket {
            stream.conn.send_close_notify();
        }
        self.flush()?;
        self.tcp().shutdown(Shutdown::Write)?;
        // Whatever the server still says, such as tickets of TLS, is read, for what is not makes
        // the system reset the connection. How it closes does not matter any more.
        let mut rest = [0; 4096];
        while self.read(&mut rest).is_ok_and(|count| count > 0) {}
        Ok(())
    }

    fn tcp(&self) -> &TcpStream {
        match &self.socket {
            Socket::Clear(socket) => socket,
            Socket::Secured(stream) => &stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        limit(self.tcp(), self.deadline)?;
        match &mut self.socket {
            Socket::Clear(socket) => socket.read(buffer),
            Socket::Secured(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        limit(self.tcp(), self.deadline)?;
        match &mut self.socket {
            Socket::Clear(socket) => socket.write(bytes),
            Socket::Secured(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.socket {
            Socket::Clear(socket) => socket.flush(),
            Socket::Secured(stream) => stream.flush(),
        }
    }
}

/// No call on `socket` lasts beyond `deadline`.
fn limit(socket: &TcpStream, deadline: Instant) -> io::Result<()> {
    let left = Some(left(deadline)?);
    socket.set_read_timeout(left)?;
    socket.set_write_timeout(left)
}

/// What is left until `deadline`, which is more than nothing.
pub(super) fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.checked_duration_since(Instant::now());
    left.filter(|left| !left.is_zero())
        .ok_or_else(|| io::ErrorKind::TimedOut.into())
}
