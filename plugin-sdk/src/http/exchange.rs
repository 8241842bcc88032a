//! Requests that are written in pieces, and answers that are read in pieces.

use std::io::{self, Read, Write};
use std::time::Duration;

use super::{Error, Request, Response};
use crate::{clock, host};

/// What the host takes and gives at once, in bytes.
const MAX_PIECE: usize = 1 << 20;
/// Of an answer that is handed over whole, in bytes.
const MAX_WHOLE: usize = 4 << 20;

/// A request under way, whose body is written in pieces. Dropped before it is finished, it is
/// broken off. It ends with the call, unless a [`Reader`](crate::Reader) or an
/// [`Incoming`](crate::Incoming) of a storage sink holds it.
pub struct Exchange {
    exchange: host::Exchange,
    /// Of each step; none where it is zero.
    timeout: Duration,
}

impl Exchange {
    pub(super) fn begin(mut request: Request, length: Option<u64>) -> Result<Self, Error> {
        let first = std::mem::take(&mut request.body);
        let timeout = request.timeout;
        let exchange = host::begin(request, length)?;
        let mut exchange = Self { exchange, timeout };
        exchange.push(&first)?;
        Ok(exchange)
    }

    /// Writes all of `bytes` and waits until there is room for them. `false`: the server wants no
    /// more, because it has answered already; [`finish`](Self::finish) tells what.
    ///
    /// # Errors
    /// The request failed, and is over.
    pub fn push(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        for piece in bytes.chunks(MAX_PIECE) {
            if !host::write(&self.exchange, piece)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ends the body and waits for the answer, of up to 4 MiB. What comes behind its headers is one
    /// step, however slowly it drips.
    ///
    /// # Errors
    /// There is no answer, or it is too large.
    pub fn finish(self) -> Result<Response, Error> {
        let timeout = self.timeout;
        let mut answer = self.open()?;
        let mut response = Response {
            status: answer.status,
            headers: std::mem::take(&mut answer.headers),
            body: Vec::new(),
        };
        let began = clock::elapsed();
        loop {
            let piece = answer.next(MAX_PIECE)?;
            if piece.is_empty() {
                return Ok(response);
            }
            if response.body.len() + piece.len() > MAX_WHOLE {
                return Err(Error::TooLarge);
            }
            if !timeout.is_zero() && clock::elapsed().saturating_sub(began) > timeout {
                return Err(Error::TimedOut);
            }
            response.body.extend_from_slice(&piece);
        }
    }

    /// Ends the body and waits until the answer begins.
    ///
    /// # Errors
    /// There is no answer.
    pub fn open(self) -> Result<Answer, Error> {
        let Response {
            status, headers, ..
        } = host::finish(&self.exchange)?;
        Ok(Answer {
            status,
            headers,
            exchange: self.exchange,
        })
    }
}

/// Writes the body; [`io::ErrorKind::BrokenPipe`] where the server wants no more.
impl Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(MAX_PIECE)];
        match host::write(&self.exchange, piece).map_err(io::Error::other)? {
            true => Ok(piece.len()),
            false => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// There is nothing to do: what was written is with the host.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An answer whose body is read in pieces, by [`next`](Self::next) or as [`Read`].
pub struct Answer {
    /// Such as 200.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    exchange: host::Exchange,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        super::header(&self.headers, name)
    }

    /// The next bytes of the body, at most `length`; none at the end. May be fewer without being
    /// the end.
    ///
    /// # Errors
    /// The answer breaks off.
    pub fn next(&mut self, length: usize) -> Result<Vec<u8>, Error> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        host::read(&self.exchange, length)
    }
}

impl Read for Answer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.next(buffer.len()).map_err(io::Error::other)?;
        buffer[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const URL: &str = "https://a.example/x";

    fn put(length: Option<u64>) -> Exchange {
        Request::new("PUT", URL).body("ab").begin(length).unwrap()
    }

    #[test]
    fn a_body_in_pieces_is_one_request() {
        let answer = Response::new(201).body("thanks");
        testing::answer_http("PUT", URL, Ok(answer.clone()));
        let mut exchange = put(Some(6));
        assert_eq!(exchange.push(b"cd"), Ok(true));
        exchange.write_all(b"ef").unwrap();
        assert_eq!(exchange.finish(), Ok(answer));
        drop(put(None));
        let requests = testing::http_requests();
        assert_eq!(requests.len(), 1, "what is dropped was not sent");
        assert_eq!(requests[0].body, b"abcdef");
    }

    #[test]
    fn an_answer_is_read_in_pieces() {
        testing::answer_http("GET", URL, Ok(Response::new(200).body("abcdef")));
        let mut answer = Request::get(URL).open().unwrap();
        assert!(answer.is_success());
        assert_eq!(answer.next(4).unwrap(), b"abcd");
        let mut rest = String::new();
        answer.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "ef");
    }

    #[test]
    fn the_length_is_kept_and_only_what_is_allowed_begins() {
        testing::answer_http("PUT", URL, Ok(Response::new(201)));
        assert!(put(Some(2)).push(b"c").is_err());
        assert!(put(Some(3)).finish().is_err());
        let elsewhere = Request::get("https://b.example/").open().err();
        assert!(matches!(elsewhere, Some(Error::NotGranted(_))));
    }
}
