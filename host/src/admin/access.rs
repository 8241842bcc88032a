//! Who may ask the admin endpoint what.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::Refusal;
use crate::config::{Admin, Token};

/// Through which door a request came, and what is asked of it there.
#[derive(Clone, Debug)]
pub enum Door {
    /// The socket in the state directory: the file system knows who may.
    Socket,
    /// The configured address.
    Address(Arc<Admin>),
}

/// What a request may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Hear whether the host is alive and ready, as probes do that know no secret.
    Probe,
    /// See everything.
    Look,
    /// Change what can be changed.
    Change,
}

/// Lets pass what may, with its [`Access`]; the rest is answered here.
pub async fn check(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let access = match access(&door, request.headers()) {
        Ok(access) => access,
        Err(refusal) => return refusal.into_response(),
    };
    let (path, method) = (request.uri().path(), request.method());
    let needed = match path {
        "/healthz" | "/readyz" => Access::Probe,
        _ if [Method::GET, Method::HEAD].contains(method) => Access::Look,
        _ => Access::Change,
    };
    if access < needed {
        return refuse(access).into_response();
    }
    request.extensions_mut().insert(access);
    next.run(request).await
}

fn access(door: &Door, headers: &HeaderMap) -> Result<Access, Refusal> {
    let Door::Address(settings) = door else {
        return Ok(Access::Change);
    };
    match &settings.token {
        Some(token) if shows(headers, token) => Ok(Access::Change),
        Some(_) => Ok(Access::Probe),
        // Without a secret, a web page that any browser here visits could ask as well: for one
        // whose name leads here, the browser says that name (DNS rebinding); and what another sends
        // here, it cannot read.
        None if names_this_machine(headers) => Ok(Access::Look),
        None => Err(Refusal::new(
            StatusCode::MISDIRECTED_REQUEST,
            "without a token, the Host header has to name localhost or an address of loopback",
        )),
    }
}

/// Whether the request has the token: `Authorization: Bearer TOKEN` (RFC 6750 section 2.1).
fn shows(headers: &HeaderMap, token: &Token) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let given = given.and_then(|given| given.split_once(' '));
    given.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case("bearer") && token.matches(given.trim_ascii())
    })
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|it| it.to_str().ok());
    let Some(Ok(authority)) = host.map(str::parse::<Authority>) else {
        return false;
    };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|it| it.to_canonical().is_loopback())
}

fn refuse(access: Access) -> Response {
    if access == Access::Look {
        let text = "what changes something needs a token, or the socket in the state directory";
        return Refusal::new(StatusCode::FORBIDDEN, text).into_response();
    }
    let text = "a token is needed, as `Authorization: Bearer TOKEN`";
    let mut response = Refusal::new(StatusCode::UNAUTHORIZED, text).into_response();
    let scheme = HeaderValue::from_static("Bearer realm=\"wharf\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    response
}
