//! The outbox and its dead letters, for `wharf events` and its like.

use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tracing::{error, info};

use super::Shared;
use super::answer::Refusal;
use super::routes::blocking;
use crate::event::Kind;
use crate::outbox::{Entry, Filter, MAX_LISTED, NotStored, Outbox, Page, Selection, StoreError};

/// Below `/api/v1/events`.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(list))
        .route("/{number}", get(show))
        .route("/retry", post(retry))
        .route("/drop", post(drop_events))
}

/// `?plugin=…&kind=…&dead=…&after=…&limit=…`, all optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Listing {
    plugin: Option<String>,
    kind: Option<Kind>,
    dead: Option<bool>,
    /// Only what is behind this number.
    after: Option<u64>,
    limit: Option<usize>,
}

/// How many deliveries were changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revised {
    /// Deliveries, of which an event has one for each plugin.
    pub revised: u64,
}

async fn list(
    State(shared): State<Arc<Shared>>,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<Page>, Refusal> {
    let Query(listing) = listing?;
    let page = with_outbox(&shared, move |outbox| {
        let filter = Filter {
            plugin: listing.plugin,
            kind: listing.kind,
            dead: listing.dead,
        };
        outbox.list(&filter, listing.after, listing.limit.unwrap_or(MAX_LISTED))
    });
    Ok(Json(page.await??))
}

/// What each plugin has before it of one event.
async fn show(
    State(shared): State<Arc<Shared>>,
    number: Result<Path<u64>, PathRejection>,
) -> Result<Json<Vec<Entry>>, Refusal> {
    let Path(number) = number?;
    let entries = with_outbox(&shared, move |outbox| outbox.show(number));
    match entries.await?? {
        none if none.is_empty() => {
            let text = format!("there is no event {number} in the outbox");
            Err(Refusal::new(StatusCode::NOT_FOUND, text))
        }
        entries => Ok(Json(entries)),
    }
}

async fn retry(
    State(shared): State<Arc<Shared>>,
    selection: Result<Json<Selection>, JsonRejection>,
) -> Result<Json<Revised>, Refusal> {
    let Json(selection) = selection?;
    let revised = with_outbox(&shared, move |outbox| outbox.retry(&selection));
    let revised = revised.await??;
    info!(deliveries = revised, "events are retried for an operator");
    Ok(Json(Revised { revised }))
}

async fn drop_events(
    State(shared): State<Arc<Shared>>,
    selection: Result<Json<Selection>, JsonRejection>,
) -> Result<Json<Revised>, Refusal> {
    let Json(selection) = selection?;
    let revised = with_outbox(&shared, move |outbox| outbox.drop_events(&selection));
    let revised = revised.await??;
    info!(deliveries = revised, "events were dropped for an operator");
    Ok(Json(Revised { revised }))
}

/// Does `work` with the outbox of the host, where it may wait for the disk.
async fn with_outbox<T: Send + 'static>(
    shared: &Shared,
    work: impl FnOnce(&Outbox) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let outbox = Arc::clone(&shared.host().ok_or_else(Refusal::starting)?.outbox);
    blocking(move || work(&outbox)).await
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        error!(
            error = &error as &dyn std::error::Error,
            "the outbox cannot be read"
        );
        Self::fault()
    }
}

impl From<NotStored> for Refusal {
    /// Whoever could not write has logged why.
    fn from(_: NotStored) -> Self {
        Self::fault()
    }
}

/// Says what is malformed about a question.
macro_rules! malformed {
    ($($rejection:ty),+) => {
        $(impl From<$rejection> for Refusal {
            fn from(rejection: $rejection) -> Self {
                Self::new(rejection.status(), rejection.body_text())
            }
        })+
    };
}

malformed!(QueryRejection, PathRejection, JsonRejection);
