//! The body of a request as it is written: a piece at a time, and whole only when that was said.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// Pieces that wait for the connection, beside the one that it sends.
const WAITING: usize = 1;

/// What is written of a body.
pub enum Piece {
    /// The next bytes.
    Bytes(Bytes),
    /// There are no more.
    End,
}

/// The body was given up before its end. The connection is then closed in the middle of it, so that
/// the server cannot take what came for all of it.
#[derive(Debug, thiserror::Error)]
#[error("the request was given up")]
pub struct GivenUp;

/// The body that is written through the channel.
pub struct Pieces {
    pieces: mpsc::Receiver<Piece>,
    /// Bytes still to come, where the length is known.
    left: Option<u64>,
}

/// A body of `length` bytes, and where it is written.
pub fn pieces(length: Option<u64>) -> (mpsc::Sender<Piece>, Pieces) {
    let (sender, pieces) = mpsc::channel(WAITING);
    let left = length;
    (sender, Pieces { pieces, left })
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        let this = self.get_mut();
        Poll::Ready(match ready!(this.pieces.poll_recv(context)) {
            Some(Piece::Bytes(bytes)) => {
                let taken = bytes.len() as u64;
                this.left = this.left.map(|left| left.saturating_sub(taken));
                Some(Ok(Frame::data(bytes)))
            }
            Some(Piece::End) => None,
            None => Some(Err(GivenUp)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
