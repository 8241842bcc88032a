//! HTTP and secrets.

pub(crate) use crate::wasm::bindings::wharf::plugin::http_client::Exchange;
use crate::wasm::bindings::wharf::plugin::{http_client, secrets};
use crate::{http, secrets as plain};

pub(crate) fn send(request: http::Request) -> Result<http::Response, http::Error> {
    let request = http_client::Request {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: request.body,
        timeout_ms: u32::try_from(request.timeout.as_millis()).unwrap_or(u32::MAX),
    };
    let response = http_client::send(&request)?;
    Ok(http::Response {
        status: response.status,
        headers: response.headers,
        body: response.body,
    })
}

/// Begins `request` without the body that it holds.
pub(crate) fn begin(request: http::Request, length: Option<u64>) -> Result<Exchange, http::Error> {
    let head = http_client::RequestHead {
        method: request.method,
        url: request.url,
        headers: request.headers,
        timeout_ms: u32::try_from(request.timeout.as_millis()).unwrap_or(u32::MAX),
    };
    Ok(http_client::begin(&head, length)?)
}

pub(crate) fn write(exchange: &Exchange, piece: &[u8]) -> Result<bool, http::Error> {
    Ok(exchange.write(piece)?)
}

/// The response but for its body.
pub(crate) fn finish(exchange: &Exchange) -> Result<http::Response, http::Error> {
    let head = exchange.finish()?;
    Ok(http::Response {
        status: head.status,
        headers: head.headers,
        body: Vec::new(),
    })
}

pub(crate) fn read(exchange: &Exchange, length: u32) -> Result<Vec<u8>, http::Error> {
    Ok(exchange.read(length)?)
}

impl From<http_client::Error> for http::Error {
    fn from(error: http_client::Error) -> Self {
        match error {
            http_client::Error::NotGranted(what) => Self::NotGranted(what),
            http_client::Error::BlockedAddress(what) => Self::BlockedAddress(what),
            http_client::Error::TimedOut => Self::TimedOut,
            http_client::Error::TooLarge => Self::TooLarge,
            http_client::Error::Transport(why) => Self::Transport(why),
        }
    }
}

pub(crate) fn secret(name: &str) -> Result<String, plain::Error> {
    secrets::get(name).map_err(|error| match error {
        secrets::Error::NotGranted => plain::Error::NotGranted,
        secrets::Error::Unavailable(why) => plain::Error::Unavailable(why),
    })
}
