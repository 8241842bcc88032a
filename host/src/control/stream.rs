//! The control connection's bytes, in clear or under TLS.

use std::future::poll_fn;
use std::io;
use std::mem::{self, MaybeUninit};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use wharf_protocol::line::Decoder;

use super::after_tls::AfterTls;
use crate::tls::{HandshakeError, SessionTls, TlsFacts, accept_control};

/// Bytes taken from the kernel at a time. A command line rarely has more than a hundred.
const CHUNK: usize = 2048;

/// A control connection.
pub(super) enum ControlStream {
    /// In clear: before AUTH, or where TLS is off.
    Clear(TcpStream),
    /// In clear again, after CCC.
    Cleared(TcpStream, AfterTls),
    /// Under TLS. Boxed, because it is several times the size of the other.
    Secured(Box<TlsStream<TcpStream>>),
    /// Lost in a handshake that failed; the connection ends.
    Taken,
}

impl ControlStream {
    /// Waits for bytes and hands them to `decoder`, which has said that no line waits in it, so
    /// that it has room. 0 is the end of the connection.
    ///
    /// The buffer lives on the stack of the poll and not in the future, so that a session that
    /// waits holds none.
    pub(super) async fn read(&mut self, decoder: &mut Decoder) -> io::Result<usize> {
        poll_fn(|context| {
            let mut chunk = [MaybeUninit::uninit(); CHUNK];
            let room = CHUNK.min(decoder.room());
            let mut buffer = ReadBuf::uninit(&mut chunk[..room]);
            match self.poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) => {
                    let filled = buffer.filled();
                    let plain = match self {
                        Self::Cleared(_, after) => after.strip(filled),
                        _ => filled,
                    };
                    // All of it is taken: there was room.
                    let _ = decoder.push(plain);
                    Poll::Ready(Ok(filled.len()))
                }
                // Many clients go without close_notify; between two lines nothing is lost by it.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Poll::Ready(Ok(0))
                }
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Clear(stream) | Self::Cleared(stream, _) => {
                poll_read_past_urgent(stream, context, buffer)
            }
            Self::Secured(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
            Self::Taken => Poll::Ready(Err(taken())),
        }
    }

    /// Writes all of `bytes` and flushes them to the kernel.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) | Self::Cleared(stream, _) => write_and_flush(stream, bytes).await,
            Self::Secured(stream) => write_and_flush(stream.as_mut(), bytes).await,
            Self::Taken => Err(taken()),
        }
    }

    /// Performs the TLS handshake of the server.
    pub(super) async fn start_tls(
        &mut self,
        tls: &SessionTls,
        deadline: Instant,
    ) -> Result<TlsFacts, HandshakeError> {
        let (Self::Clear(stream) | Self::Cleared(stream, _)) = mem::replace(self, Self::Taken)
        else {
            return Err(io::Error::other("the control connection is under TLS already").into());
        };
        let (stream, facts) = accept_control(stream, tls, deadline).await?;
        *self = Self::Secured(Box::new(stream));
        Ok(facts)
    }

    /// CCC: sends close_notify and goes on in clear (RFC 4217 section 12.3).
    pub(super) async fn stop_tls(&mut self) -> io::Result<()> {
        let Self::Secured(mut stream) = mem::replace(self, Self::Taken) else {
            return Err(io::Error::other("the control connection is in clear"));
        };
        stream.get_mut().1.send_close_notify();
        stream.flush().await?;
        let (stream, _) = stream.into_inner();
        *self = Self::Cleared(stream, AfterTls::START);
        Ok(())
    }

    /// Whether the client has closed its end and sent nothing that is unread before it did.
    pub(super) fn peer_is_gone(&self) -> bool {
        let stream = match self {
            Self::Clear(stream) | Self::Cleared(stream, _) => stream,
            Self::Secured(stream) => stream.get_ref().0,
            Self::Taken => return true,
        };
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match rustix::net::recv(stream, &mut [0; 1], flags) {
            Ok((_, length)) => length == 0,
            Err(error) => error != rustix::io::Errno::AGAIN,
        }
    }

    /// Says that nothing more will come (under TLS with close_notify).
    pub(super) async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) | Self::Cleared(stream, _) => stream.shutdown().await,
            Self::Secured(stream) => stream.shutdown().await,
            Self::Taken => Err(taken()),
        }
    }

    /// Reads until the client has closed too. Were bytes left unread when the socket is closed, the
    /// kernel would reset the connection, and the client might never see the last reply.
    pub(super) async fn closed_by_client(&mut self) {
        let stream = match self {
            Self::Clear(stream) | Self::Cleared(stream, _) => stream,
            Self::Secured(stream) => stream.get_mut().0,
            Self::Taken => return,
        };
        let mut read = |context: &mut Context<'_>| {
            let mut chunk = [MaybeUninit::uninit(); CHUNK];
            let mut buffer = ReadBuf::uninit(&mut chunk);
            ready!(poll_read_past_urgent(stream, context, &mut buffer))?;
            Poll::Ready(Ok::<_, io::Error>(buffer.filled().len()))
        };
        while poll_fn(&mut read).await.is_ok_and(|count| count > 0) {}
    }
}

/// Reads what is there.
///
/// The kernel ends a read at a byte that was sent as urgent, whatever is queued behind it. Tokio's
/// own read takes any short read for the last one and would wait for bytes that came long ago.
fn poll_read_past_urgent(
    stream: &TcpStream,
    context: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    loop {
        ready!(stream.poll_read_ready(context))?;
        match stream.try_read(buffer.initialize_unfilled()) {
            Ok(count) => {
                buffer.advance(count);
                return Poll::Ready(Ok(()));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}

async fn write_and_flush(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

fn taken() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use socket2::SockRef;
    use tokio::net::TcpListener;
    use wharf_protocol::line::Event;

    use super::*;
    use crate::socket::prepare_control;

    #[tokio::test]
    async fn what_is_queued_behind_an_urgent_byte_is_read() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        prepare_control(&server).unwrap();
        client.write_all(b"\xff\xf4\xff").unwrap();
        SockRef::from(&client).send_out_of_band(b"\xf2").unwrap();
        client.write_all(b"ABOR\r\n").unwrap();
        // Everything has come before the first read, so no further event wakes the reader.
        while rustix::io::ioctl_fionread(&server).unwrap() < 10 {
            tokio::task::yield_now().await;
        }
        let mut stream = ControlStream::Clear(server);
        let mut decoder = Decoder::default();
        let event = loop {
            if let Some(event) = decoder.next_event() {
                break event;
            }
            assert_ne!(stream.read(&mut decoder).await.unwrap(), 0);
        };
        assert!(matches!(event, Event::Line(_)));
    }
}
