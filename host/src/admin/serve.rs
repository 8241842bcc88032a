//! Serves HTTP on the doors of the admin endpoint, within bounds.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower_service::Service;
use tracing::{debug, warn};

use super::answer::Refusal;
use crate::limits;

/// A door that is open.
pub enum Listener {
    /// The socket in the state directory.
    Socket(UnixListener),
    /// The configured address.
    Address(TcpListener),
}

/// What comes in through a door.
trait Visitor: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Visitor for S {}

impl Listener {
    async fn accept(&self) -> io::Result<Box<dyn Visitor>> {
        Ok(match self {
            Self::Socket(listener) => Box::new(listener.accept().await?.0),
            Self::Address(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

/// Serves `router` to whoever comes to `listener`, until dropped.
pub async fn serve(listener: Listener, router: Router) {
    let places = Arc::new(Semaphore::new(limits::ADMIN_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        // Never closed; and there is a place before there is a connection to serve.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok(stream) => {
                let router = router.clone();
                connections.spawn(async move {
                    serve_connection(stream, router).await;
                    drop(place);
                });
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection to the admin endpoint");
                sleep(limits::ACCEPT_RETRY).await;
            }
        }
    }
}

async fn serve_connection(stream: Box<dyn Visitor>, router: Router) {
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::ADMIN_REQUEST)
        .max_buf_size(limits::ADMIN_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(limits::ADMIN_CONNECTION, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a connection to the admin endpoint broke"),
        Err(_) => debug!("a connection to the admin endpoint lasted too long"),
    }
}

async fn answer(mut router: Router, request: Request<Incoming>) -> Result<Response, Infallible> {
    let answer = router.call(request.map(Body::new));
    Ok(match timeout(limits::ADMIN_REQUEST, answer).await {
        Ok(Ok(response)) => response,
        Err(_) => {
            let text = "the answer took too long";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    })
}
