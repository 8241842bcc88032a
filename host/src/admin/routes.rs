//! What can be asked of the admin endpoint.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::header::{REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router, middleware};
use tokio::task::spawn_blocking;
use tracing::error;

use super::access::{self, Access, Door};
use super::answer::Refusal;
use super::readiness::Readiness;
use super::status::Status;
use super::{Shared, events, observe, page};
use crate::limits;

/// Everything that can be asked through `door`.
pub fn routes(shared: Arc<Shared>, door: Door) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
        .route("/api/v1/status", get(status))
        .nest("/api/v1/events", events::routes())
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "there is nothing here") })
        .method_not_allowed_fallback(|| async {
            let text = "this is not asked that way";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, text)
        })
        .layer(DefaultBodyLimit::max(limits::ADMIN_BODY_BYTES))
        .layer(middleware::from_fn_with_state(door, access::check))
        .layer(middleware::map_response(harden))
        .with_state(shared)
}

async fn readiness(State(shared): State<Arc<Shared>>, access: Extension<Access>) -> Response {
    let mut readiness = shared.readiness().await;
    let status = match readiness.ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    // A probe hears whether, and not why.
    if access.0 == Access::Probe {
        readiness.reasons.clear();
    }
    (status, Json(readiness)).into_response()
}

/// In Prometheus' text format 0.0.4.
async fn metrics(State(shared): State<Arc<Shared>>) -> Result<Response, Refusal> {
    let readiness = shared.readiness().await;
    let text = blocking(move || {
        observe::observe(
            shared.host().map(|host| &**host),
            shared.started,
            &readiness,
        );
        shared.exposition.render()
    })
    .await?;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}

async fn status(State(shared): State<Arc<Shared>>) -> Result<Json<Status>, Refusal> {
    shared.status().await.map(Json)
}

async fn page(State(shared): State<Arc<Shared>>) -> Response {
    match shared.status().await {
        Ok(status) => Html(page::render(&status)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

impl Shared {
    async fn readiness(&self) -> Readiness {
        match self.host() {
            Some(host) => self.probes.readiness(host).await,
            None => Readiness::starting(),
        }
    }

    async fn status(&self) -> Result<Status, Refusal> {
        let host = Arc::clone(self.host().ok_or_else(Refusal::starting)?);
        let (readiness, started) = (self.probes.readiness(&host).await, self.started);
        blocking(move || Status::of(&host, started, readiness)).await
    }
}

/// Does `work`, which may wait for a disk, where that is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    spawn_blocking(work).await.map_err(|panic| {
        error!(error = %panic, "answering a request to the admin endpoint panicked");
        Refusal::fault()
    })
}

/// The page is self-contained and runs nothing, whatever the names on it hold.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'";

/// Keeps browsers from guessing, keeping and passing on what they are told.
async fn harden(mut response: Response) -> Response {
    let fixed: [(HeaderName, &'static str); 4] = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in fixed {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}
