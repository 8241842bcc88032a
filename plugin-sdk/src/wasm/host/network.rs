//! HTTP and secrets.

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
    let response = http_client::send(&request).map_err(|error| match error {
        http_client::Error::NotGranted(what) => http::Error::NotGranted(what),
        http_client::Error::BlockedAddress(what) => http::Error::BlockedAddress(what),
        http_client::Error::TimedOut => http::Error::TimedOut,
        http_client::Error::TooLarge => http::Error::TooLarge,
        http_client::Error::Transport(why) => http::Error::Transport(why),
    })?;
    Ok(http::Response {
        status: response.status,
        headers: response.headers,
        body: response.body,
    })
}

pub(crate) fn secret(name: &str) -> Result<String, plain::Error> {
    secrets::get(name).map_err(|error| match error {
        secrets::Error::NotGranted => plain::Error::NotGranted,
        secrets::Error::Unavailable(why) => plain::Error::Unavailable(why),
    })
}
