//! The `http-client` interface: whole requests and responses of bounded size.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::{Method, Uri};

pub use self::canned::CannedResponse;
use self::client::{Body, HttpError};
pub use self::client::{HttpClient, Network};
pub use self::wasi::Outgoing;
use crate::plugin::bindings::imports::wharf::plugin::http_client::{
    Error, Host, Request, Response,
};
use crate::plugin::call;
use crate::plugin::instance::InstanceState;

mod address;
mod canned;
mod client;
mod connect;
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
        let left = time_left();
        let time = match what.timeout_ms {
            0 => left,
            wanted => left.min(Duration::from_millis(wanted.into())),
        };
        let exchanged = tokio::time::timeout(time, exchange(&self.granted.http, what)).await;
        let exchanged = exchanged.unwrap_or(Err(HttpError::TimedOut));
        Ok(exchanged.map_err(Error::from))
    }
}

/// What a request may take: a tenth of what is left of the call is for the plugin, which has to
/// make something of a failure.
fn time_left() -> Duration {
    let left = call::time_left();
    left - left / 10
}

async fn exchange(client: &HttpClient, what: Request) -> Result<Response, HttpError> {
    let request = request(what)?;
    if let Some(answer) = client.canned(&request) {
        return answer;
    }
    let (head, body) = client.send(request).await?.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => HttpError::TooLarge,
        false => HttpError::Transport(format!("the response breaks off: {error}")),
    })?;
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.to_string(), value.into_owned())
    };
    Ok(Response {
        status: head.status.as_u16(),
        headers: head.headers.iter().map(header).collect(),
        body: body.to_bytes().into(),
    })
}

/// The request that a plugin means.
fn request(what: Request) -> Result<hyper::Request<Body>, HttpError> {
    let invalid = |text: String| HttpError::Invalid(text);
    let method = Method::from_bytes(what.method.as_bytes());
    let method = method.map_err(|_| invalid("there is no such method".to_owned()))?;
    let url = Uri::try_from(what.url);
    let url = url.map_err(|error| invalid(format!("the URL: {error}")))?;
    let length = what.body.len();
    let mut request = hyper::Request::new(whole(what.body));
    *request.method_mut() = method;
    *request.uri_mut() = url;
    for (name, value) in what.headers {
        let header = HeaderName::from_bytes(name.as_bytes());
        let header = header.map_err(|_| invalid("a header has no name".to_owned()))?;
        let value = HeaderValue::from_str(&value);
        // Its value may be a secret.
        let value = value.map_err(|_| invalid(format!("what is in the header {header}")))?;
        if header == CONTENT_LENGTH && value.to_str().ok() != Some(&*length.to_string()) {
            return Err(invalid("it is not as long as it says".to_owned()));
        }
        // Given out in a map of bounded size, so that there may be too many.
        let added = request.headers_mut().try_append(header, value);
        added.map_err(|_| HttpError::TooLarge)?;
    }
    Ok(request)
}

fn whole(body: Vec<u8>) -> Body {
    Full::new(Bytes::from(body))
        .map_err(|never| match never {})
        .boxed_unsync()
}
