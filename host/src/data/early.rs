//! A data connection that is there before its command, and whose client may begin TLS by then.
//!
//! RFC 4217 draws the handshake behind 150, and demands no order. Most clients do as it draws.
//! Others, such as aioftp, say the command when the handshake is done, and would wait for ever for
//! a server that waits for the command.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::DataError;
use crate::metrics::Connection;
use crate::tls::{self, DataHandshake, HandshakeError, SessionTls};

/// A passive data connection that waits for its command.
#[derive(Debug)]
pub struct EarlyConnection {
    stream: TcpStream,
    begun: Option<Begun>,
}

/// The handshake of a client that did not wait with it.
#[derive(Debug)]
struct Begun {
    handshake: DataHandshake,
    /// When it takes too long.
    expiry: Pin<Box<Sleep>>,
}

impl EarlyConnection {
    /// To be called within the runtime, with a stream that does not block and was not read yet.
    pub fn new(stream: net::TcpStream) -> Result<Self, DataError> {
        let stream = TcpStream::from_std(stream).map_err(DataError::Accept)?;
        Ok(Self {
            stream,
            begun: None,
        })
    }

    /// Goes on with the handshake as far as what has come reaches, from its first byte on for no
    /// longer than `limit`. Ready only where it fails: when it is done, the command is what comes
    /// next.
    pub fn poll_handshake(
        &mut self,
        context: &mut Context<'_>,
        tls: &SessionTls,
        limit: Duration,
    ) -> Poll<HandshakeError> {
        let Err(error) = ready!(self.poll_steps(context, tls, limit));
        tls::count_handshake(Connection::Data, Err(error.outcome()));
        Poll::Ready(error)
    }

    fn poll_steps(
        &mut self,
        context: &mut Context<'_>,
        tls: &SessionTls,
        limit: Duration,
    ) -> Poll<Result<Infallible, HandshakeError>> {
        let begun = match &mut self.begun {
            Some(begun) => begun,
            None => {
                ready!(self.stream.poll_read_ready(context))?;
                self.begun.insert(Begun::new(tls, limit)?)
            }
        };
        // What is written last may be more than the socket takes at once.
        while begun.is_under_way() {
            ready!(begun.poll_step(&self.stream, context))?;
        }
        Poll::Pending
    }

    /// The stream, in no event loop, and the handshake as far as it is, where it was begun.
    pub fn into_parts(self) -> Result<(net::TcpStream, Option<DataHandshake>), DataError> {
        let stream = self.stream.into_std().map_err(DataError::Accept)?;
        Ok((stream, self.begun.map(|begun| begun.handshake)))
    }
}

impl Begun {
    /// It gives no ticket: nobody knows yet that it is not for an upload.
    fn new(tls: &SessionTls, limit: Duration) -> Result<Self, HandshakeError> {
        Ok(Self {
            handshake: tls.data_handshake(false)?,
            expiry: Box::pin(sleep(limit)),
        })
    }

    fn is_under_way(&self) -> bool {
        let connection = &self.handshake.connection;
        connection.is_handshaking() || connection.wants_write()
    }

    /// Ready when it has gone on, or can.
    fn poll_step(
        &mut self,
        stream: &TcpStream,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), HandshakeError>> {
        let connection = &mut self.handshake.connection;
        match connection.complete_io(&mut NonBlocking(stream)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result.map(drop).map_err(HandshakeError::Failed)),
        }
        if self.expiry.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(HandshakeError::TimedOut));
        }
        let ready = match connection.wants_write() {
            true => stream.poll_write_ready(context),
            false => stream.poll_read_ready(context),
        };
        ready.map_err(HandshakeError::Failed)
    }
}

/// Reads and writes what is possible at once.
struct NonBlocking<'a>(&'a TcpStream);

impl Read for NonBlocking<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for NonBlocking<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
