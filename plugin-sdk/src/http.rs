//! HTTP to the origins that the operator allowed under `[allow] http`.
//!
//! [`Request::send`] sends and receives bodies of up to 4 MiB whole. For larger ones,
//! [`Request::begin`] writes the body in pieces and [`Request::open`] reads the answer in pieces:
//!
//! ```
//! use std::io::{self, Write as _};
//!
//! use wharf_plugin::http::{Error, Request, Response};
//! use wharf_plugin::testing;
//!
//! # testing::answer_http("PUT", "https://dms.example.com/a", Ok(Response::new(201)));
//! let mut document = io::repeat(b'x').take(100 << 20);
//! let mut exchange = Request::new("PUT", "https://dms.example.com/a").begin(Some(100 << 20))?;
//! // A server that has answered already wants no more; what it said comes with `finish`.
//! let _ = io::copy(&mut document, &mut exchange);
//! assert_eq!(exchange.finish()?.status, 201);
//! # use std::io::Read as _;
//! # assert_eq!(testing::http_requests()[0].body.len(), 100 << 20);
//! # Ok::<(), Error>(())
//! ```

mod exchange;

mod encoding;

use std::fmt;
use std::time::Duration;

pub use self::encoding::{base64, percent};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::exchange::{Answer, Exchange};
use crate::{Failure, host};

/// How long a request may take unless it says otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A request. `Debug` shows neither the values of headers nor the body, which may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Vec<u8>,
    /// For all of it: connecting, sending, and the answer; of an [`Exchange`] for each step. To the
    /// millisecond.
    pub timeout: Duration,
}

impl Request {
    /// A request with this method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: TIMEOUT,
        }
    }

    /// Asks for what is there.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// Hands something over.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// What is sent.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends `value` as JSON, with its content type.
    ///
    /// # Errors
    /// [`Failure::Internal`] if it has no form in JSON.
    pub fn json(self, value: &impl Serialize) -> Result<Self, Failure> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Failure::Internal(format!("no JSON can be made: {error}")))?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// How long all of it may take; 5 s unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends it and waits for the answer, whatever its status. Redirects are not followed.
    ///
    /// # Errors
    /// There is no answer; an [`Error`] becomes a [`Failure`] with `?`.
    pub fn send(self) -> Result<Response, Error> {
        host::send(self)
    }

    /// Begins to send it, with a body of `length` bytes that is written in pieces; what
    /// [`body`](Self::body) set is its beginning. Where the length is not known it goes out in
    /// chunks, which not every server takes.
    ///
    /// # Errors
    /// It may not go there, or it makes no sense. What the server has to say comes later.
    pub fn begin(self, length: Option<u64>) -> Result<Exchange, Error> {
        Exchange::begin(self, length)
    }

    /// Sends it, and hands over the answer as soon as it begins, to be read in pieces.
    ///
    /// # Errors
    /// There is no answer.
    pub fn open(self) -> Result<Answer, Error> {
        let length = self.body.len() as u64;
        self.begin(Some(length))?.open()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &names)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What came.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer with this status and nothing else.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// The same with a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] if it is no JSON of this form: the service does not answer as it
    /// should.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::Unavailable(format!("the answer cannot be read: {error}")))
    }
}

/// The first of the `headers` of this name, in any case.
fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let mut all = headers.iter();
    all.find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The operator did not allow this origin.
    NotGranted(String),
    /// The name leads to an address that is not public.
    BlockedAddress(String),
    /// It took too long.
    TimedOut,
    /// The answer is too large.
    TooLarge,
    /// The connection failed.
    Transport(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGranted(what) => write!(f, "`[allow] http` does not name it: {what}"),
            Self::BlockedAddress(what) => write!(f, "its address is not public: {what}"),
            Self::TimedOut => f.write_str("there was no answer in time"),
            Self::TooLarge => f.write_str("the answer is too large"),
            Self::Transport(why) => write!(f, "the connection failed: {why}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NotGranted(_) | Error::BlockedAddress(_) => Self::Misconfigured(text),
            Error::TimedOut => Self::TimedOut(text),
            Error::TooLarge | Error::Transport(_) => Self::Unavailable(text),
        }
    }
}
