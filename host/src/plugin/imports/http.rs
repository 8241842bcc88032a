//! The `http-client` interface: whole requests and responses of bounded size, and others in pieces.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Uri};
use wasmtime::component::Resource;

pub use self::canned::CannedResponse;
use self::client::{Body, HttpError};
pub use self::client::{HttpClient, Network};
pub use self::exchange::{ExchangeHandle, Exchanges};
pub use self::wasi::Outgoing;
use crate::plugin::bindings::imports::wharf::plugin::http_client::{
    Error, Host, Request, RequestHead, Response,
};
use crate::plugin::call;
use crate::plugin::instance::InstanceState;

mod address;
mod canned;
mod client;
mod connect;
mod exchange;
mod pieces;
#[cfg(test)]
mod tests;
mod wasi;

/// Of the body of a response that is handed over whole, in bytes: as much as a request can have,
/// which is what one call of the host may copy.
const MAX_BODY: usize = 4 * 1024 * 1024;

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        let text = error.to_string();
        match error {
            HttpError::NotGranted(origin) => Self::NotGranted(origin),
            HttpError::Blocked(_) => Self::BlockedAddress(text),
            HttpError::TimedOut => Self::TimedOut,
            HttpError::TooLarge => Self::TooLarge,
            HttpError::Invalid(_) | HttpError::Transport(_) => Self::Transport(text),
        }
    }
}

impl Host for InstanceState {
    async fn send(&mut self, what: Request) -> wasmtime::Result<Result<Response, Error>> {
        let time = patience(what.timeout_ms);
        let exchanged = tokio::time::timeout(time, exchange(&self.granted.http, what)).await;
        let exchanged = exchanged.unwrap_or(Err(HttpError::TimedOut));
        Ok(exchanged.map_err(Error::from))
    }

    fn begin(
        &mut self,
        what: RequestHead,
        length: Option<u64>,
    ) -> wasmtime::Result<Result<Resource<ExchangeHandle>, Error>> {
        let begun = self.exchanges.begin(&self.granted, what, length);
        Ok(begun.map_err(Error::from))
    }
}

/// How long a plugin waits that would wait `timeout_ms`, where 0 is as long as it may.
fn patience(timeout_ms: u32) -> Duration {
    let left = time_left();
    match timeout_ms {
        0 => left,
        wanted => left.min(Duration::from_millis(wanted.into())),
    }
}

/// What a request may take: a tenth of what is left of the call is for the plugin, which has to
/// make something of a failure.
fn time_left() -> Duration {
    let left = call::time_left();
    left - left / 10
}

async fn exchange(client: &HttpClient, what: Request) -> Result<Response, HttpError> {
    let length = what.body.len() as u64;
    let head = RequestHead {
        method: what.method,
        url: what.url,
        headers: what.headers,
        timeout_ms: what.timeout_ms,
    };
    let request = request(head, Some(length), whole(what.body.into()))?;
    let (head, mut body) = client.answer(request).await?.into_parts();
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&*error))?;
        let bytes = frame.into_data().unwrap_or_default();
        if whole.len() + bytes.len() > MAX_BODY {
            return Err(HttpError::TooLarge);
        }
        whole.extend_from_slice(&bytes);
    }
    Ok(Response {
        status: head.status.as_u16(),
        headers: texts(&head.headers),
        body: whole,
    })
}

/// The request that a plugin means, with a body of `length` bytes where that is known.
fn request(
    what: RequestHead,
    length: Option<u64>,
    body: Body,
) -> Result<hyper::Request<Body>, HttpError> {
    let invalid = |text: String| HttpError::Invalid(text);
    let method = Method::from_bytes(what.method.as_bytes());
    let method = method.map_err(|_| invalid("there is no such method".to_owned()))?;
    let url = Uri::try_from(what.url);
    let url = url.map_err(|error| invalid(format!("the URL: {error}")))?;
    let length = length.map(|length| length.to_string());
    let mut request = hyper::Request::new(body);
    // Said also of no bytes at all, where some are expected (RFC 9110, section 8.6).
    let expected = [Method::POST, Method::PUT, Method::PATCH].contains(&method);
    if expected && length.as_deref() == Some("0") {
        let none = HeaderValue::from_static("0");
        request.headers_mut().insert(CONTENT_LENGTH, none);
    }
    *request.method_mut() = method;
    *request.uri_mut() = url;
    for (name, value) in what.headers {
        let header = HeaderName::from_bytes(name.as_bytes());
        let header = header.map_err(|_| invalid("a header has no name".to_owned()))?;
        let value = HeaderValue::from_str(&value);
        // Its value may be a secret.
        let value = value.map_err(|_| invalid(format!("what is in the header {header}")))?;
        if header == CONTENT_LENGTH {
            match value.to_str().ok() == length.as_deref() {
                true => continue,
                false => return Err(invalid("it is not as long as it says".to_owned())),
            }
        }
        // Given out in a map of bounded size, so that there may be too many.
        let added = request.headers_mut().try_append(header, value);
        added.map_err(|_| HttpError::TooLarge)?;
    }
    Ok(request)
}

/// The headers of a response.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.to_string(), value.into_owned())
    };
    headers.iter().map(text).collect()
}

fn broken(error: &(dyn std::error::Error + Send + Sync)) -> HttpError {
    HttpError::Transport(format!("the response breaks off: {error}"))
}

fn whole(body: Bytes) -> Body {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}
