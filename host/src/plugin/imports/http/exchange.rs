//! Requests and responses in pieces: the exchanges of one instance.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::Response;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wasmtime::component::Resource;

use super::client::{Body, HttpError};
use super::pieces::{Piece, pieces};
use super::{broken, patience, request, texts};
use crate::plugin::bindings::imports::wharf::plugin::http_client::{
    Error, HostExchange, RequestHead, ResponseHead,
};
use crate::plugin::instance::InstanceState;
use crate::plugin::services::Granted;

/// Of one instance at a time: each holds a connection, and up to three pieces.
const MAX_EXCHANGES: usize = 8;
/// Of what is written or read at once, in bytes.
const MAX_PIECE: usize = 1024 * 1024;

/// What a plugin holds of an exchange: a number, which says nothing once the exchange has ended.
pub struct ExchangeHandle;

/// The exchanges of one instance.
#[derive(Default)]
pub struct Exchanges {
    open: BTreeMap<u32, Exchange>,
    begun: u32,
}

impl Exchanges {
    /// Begins one.
    ///
    /// # Errors
    /// It makes no sense, it may not go there, or there are too many.
    pub fn begin(
        &mut self,
        granted: &Arc<Granted>,
        what: RequestHead,
        length: Option<u64>,
    ) -> Result<Resource<ExchangeHandle>, HttpError> {
        if self.open.len() >= MAX_EXCHANGES {
            return Err(invalid(format!("{MAX_EXCHANGES} others are under way")));
        }
        let exchange = Exchange::begin(granted, what, length)?;
        self.begun = self.begun.wrapping_add(1);
        self.open.insert(self.begun, exchange);
        Ok(Resource::new_own(self.begun))
    }

    /// Breaks all of them off.
    pub fn end(&mut self) {
        self.open.clear();
    }

    fn exchange(&mut self, handle: &Resource<ExchangeHandle>) -> Result<&mut Exchange, HttpError> {
        let ended = || invalid("it ended with the call that began it".to_owned());
        self.open.get_mut(&handle.rep()).ok_or_else(ended)
    }
}

/// A request that is being sent, then its response. Dropped, it ends at once.
pub struct Exchange {
    /// Where the body is written, until it is whole or given up.
    pieces: Option<mpsc::Sender<Piece>>,
    /// Bytes of it still to come, where its length was said.
    left: Option<u64>,
    /// The one task that waits for the response.
    answering: JoinSet<Result<Response<Body>, HttpError>>,
    response: Option<Response<Body>>,
    /// What came of the body of the response and was not handed over.
    unread: BytesMut,
    timeout_ms: u32,
}

impl Exchange {
    /// Begins to send `what`, whose body has `length` bytes where that is known.
    ///
    /// # Errors
    /// It makes no sense, or may not go there.
    pub fn begin(
        granted: &Arc<Granted>,
        what: RequestHead,
        length: Option<u64>,
    ) -> Result<Self, HttpError> {
        let timeout_ms = what.timeout_ms;
        let (pieces, body) = pieces(length);
        let body = body.map_err(Into::into).boxed_unsync();
        let request = request(what, length, body)?;
        granted.http.may_send(&request)?;
        let granted = Arc::clone(granted);
        let mut answering = JoinSet::new();
        answering.spawn(async move { granted.http.answer(request).await });
        Ok(Self {
            pieces: Some(pieces),
            left: length,
            answering,
            response: None,
            unread: BytesMut::new(),
            timeout_ms,
        })
    }

    /// Writes `piece` of the body, as soon as there is room. `false` where the server wants no
    /// more, because it has answered.
    ///
    /// # Errors
    /// It is more than was said, or the request failed. It is over then.
    pub async fn write(&mut self, piece: Vec<u8>) -> Result<bool, HttpError> {
        if piece.len() > MAX_PIECE {
            return Err(HttpError::TooLarge);
        }
        let pieces = self.pieces.clone().ok_or_else(body_is_over)?;
        if let Some(left) = &mut self.left {
            let rest = left.checked_sub(piece.len() as u64);
            *left = rest.ok_or_else(|| invalid("its body is longer than it says".to_owned()))?;
        }
        if piece.is_empty() {
            return Ok(true);
        }
        while !self.is_refused() {
            let has_answered = self.response.is_some();
            tokio::select! {
                room = pieces.reserve() => {
                    let Ok(room) = room else { break };
                    room.send(Piece::Bytes(Bytes::from(piece)));
                    return Ok(true);
                }
                answered = self.answered(), if !has_answered => {
                    answered?;
                }
            }
        }
        // Who lets go of a body has answered already, or failed.
        self.answered().await.map(|_| false)
    }

    /// Ends the body and waits for the response.
    ///
    /// # Errors
    /// The body is shorter than was said, or there is no response.
    pub async fn finish(&mut self) -> Result<ResponseHead, HttpError> {
        let pieces = self.pieces.take().ok_or_else(body_is_over)?;
        let has_answered = self.response.is_some();
        if let Some(left @ 1..) = self.left
            && !has_answered
        {
            return Err(invalid(format!(
                "its body is {left} bytes shorter than it says"
            )));
        }
        tokio::select! {
            // Nobody takes the end of a body that was whole by its length.
            _ = pieces.send(Piece::End) => {}
            answered = self.answered() => {
                answered?;
            }
        }
        let response = self.answered().await?;
        Ok(ResponseHead {
            status: response.status().as_u16(),
            headers: texts(response.headers()),
        })
    }

    /// Waits until `length` bytes of the body of the response can be handed over, or all are here.
    ///
    /// # Errors
    /// The request is not finished, or the response breaks off.
    pub async fn fill(&mut self, length: usize) -> Result<(), HttpError> {
        if self.pieces.is_some() {
            return Err(invalid("its body is not finished".to_owned()));
        }
        while self.unread.len() < length {
            let Some(frame) = self.answered().await?.body_mut().frame().await else {
                break;
            };
            let frame = frame.map_err(|error| broken(&*error))?;
            if let Ok(bytes) = frame.into_data() {
                self.unread.extend_from_slice(&bytes);
            }
        }
        Ok(())
    }

    /// At most `length` bytes of what is here of the body of the response.
    pub fn take(&mut self, length: usize) -> Vec<u8> {
        let length = length.min(self.unread.len());
        self.unread.split_to(length).to_vec()
    }

    /// Breaks the request off.
    fn give_up(&mut self) {
        self.pieces = None;
        self.answering.abort_all();
    }

    /// Whether the server refused it already: what else may come of it, nobody wants. An
    /// early success says nothing of the rest.
    fn is_refused(&self) -> bool {
        let refuses = |response: &Response<Body>| !response.status().is_success();
        self.response.as_ref().is_some_and(refuses)
    }

    async fn answered(&mut self) -> Result<&mut Response<Body>, HttpError> {
        let over = || invalid("it is over".to_owned());
        if self.response.is_none() {
            let answer = self.answering.join_next().await.ok_or_else(over)?;
            let failed = |error: tokio::task::JoinError| HttpError::Transport(error.to_string());
            self.response = Some(answer.map_err(failed)??);
        }
        self.response.as_mut().ok_or_else(over)
    }

    /// Does `step` of it, unless it takes too long.
    async fn in_time<T>(
        timeout: Duration,
        step: impl Future<Output = Result<T, HttpError>>,
    ) -> Result<T, HttpError> {
        let done = tokio::time::timeout(timeout, step).await;
        done.unwrap_or(Err(HttpError::TimedOut))
    }
}

fn body_is_over() -> HttpError {
    invalid("its body is finished, or was given up".to_owned())
}

fn invalid(text: String) -> HttpError {
    HttpError::Invalid(text)
}

impl HostExchange for InstanceState {
    async fn write(
        &mut self,
        handle: Resource<ExchangeHandle>,
        piece: Vec<u8>,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let written = async {
            let exchange = self.exchanges.exchange(&handle)?;
            let time = patience(exchange.timeout_ms);
            let written = Exchange::in_time(time, exchange.write(piece)).await;
            written.inspect_err(|_| exchange.give_up())
        };
        Ok(written.await.map_err(Error::from))
    }

    async fn finish(
        &mut self,
        handle: Resource<ExchangeHandle>,
    ) -> wasmtime::Result<Result<ResponseHead, Error>> {
        let finished = async {
            let exchange = self.exchanges.exchange(&handle)?;
            let time = patience(exchange.timeout_ms);
            Exchange::in_time(time, exchange.finish()).await
        };
        Ok(finished.await.map_err(Error::from))
    }

    async fn read(
        &mut self,
        handle: Resource<ExchangeHandle>,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let length = usize::try_from(length).unwrap_or(MAX_PIECE).min(MAX_PIECE);
        let read = async {
            let exchange = self.exchanges.exchange(&handle)?;
            let time = patience(exchange.timeout_ms);
            let filled = Exchange::in_time(time, exchange.fill(length)).await;
            let piece = exchange.take(length);
            // What came of it is more than that the rest is late.
            match (filled, piece.is_empty()) {
                (Err(error), true) => Err(error),
                (Err(error), false) if !matches!(error, HttpError::TimedOut) => Err(error),
                _ => Ok(piece),
            }
        };
        Ok(read.await.map_err(Error::from))
    }

    fn drop(&mut self, handle: Resource<ExchangeHandle>) -> wasmtime::Result<()> {
        self.exchanges.open.remove(&handle.rep());
        Ok(())
    }
}
