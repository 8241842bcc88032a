//! What takes time: each job is one future that ends in one [`Completed`].

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::task::spawn_blocking;
use tracing::{Span, debug, error, info};
use wharf_protocol::effect::{Family, Finished, Operation, Outcome, Prepared};
use wharf_protocol::failure::Failure;

use super::Control;
use super::data_route::DataRoute;
use super::gate::Received;
use super::guard::Revalidated;
use super::login;
use super::tell::kind_of;
use super::transfers::Ready;
use crate::event::Kind;
use crate::metrics;
use crate::plugin::GateRuling;
use crate::storage::StorageError;

/// What the session waits for.
pub(super) type Job = Pin<Box<dyn Future<Output = Completed> + Send>>;

/// What came of it.
pub(super) enum Completed {
    /// An authenticator answered.
    LoggedIn(login::Answer),
    /// The session guards ruled on the session.
    Revalidated(Revalidated),
    /// A passive listener is open, and this address is to be told.
    Listening(Result<(SocketAddr, DataRoute), Failure>),
    /// An operation on storage is done.
    Performed(Result<Outcome, Failure>),
    /// The object is open and the data connection is there.
    Prepared(Result<(Prepared, Box<Ready>), NotPrepared>),
    /// Every byte of an upload is in, and nobody sees it yet.
    Received(Received),
    /// The gates have decided on an upload, and nobody sees it yet.
    Gated(Received, GateRuling),
    /// A transfer is over; an upload is committed.
    Finished(Result<Finished, Refused>),
}

/// Why a transfer cannot begin, and the data connection that is still to come, if it is.
pub(super) struct NotPrepared {
    pub(super) refused: Refused,
    pub(super) route: Option<DataRoute>,
}

/// Why something was not done.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    /// What the client is told.
    pub(super) failure: Failure,
    /// The whole cause, for events.
    pub(super) cause: String,
}

impl Refused {
    /// `failure` for the client, because of `cause`.
    pub(super) fn new(failure: Failure, cause: impl Into<String>) -> Self {
        let cause = cause.into();
        Self { failure, cause }
    }

    /// What is left of `error` for the client, and all that it says.
    pub(super) fn of<E>(error: E) -> Self
    where
        E: std::error::Error + Into<Failure>,
    {
        let mut cause = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            cause = format!("{cause}: {inner}");
            source = inner.source();
        }
        Self::new(error.into(), cause)
    }
}

impl From<Refused> for NotPrepared {
    fn from(refused: Refused) -> Self {
        let route = None;
        Self { refused, route }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        let cause = match &failure {
            Failure::NoDataConnection => "there is no data connection".to_owned(),
            Failure::DataHandshake => "the data connection cannot be under TLS".to_owned(),
            Failure::Aborted => "the client gave it up".to_owned(),
            Failure::Storage => "storage failed".to_owned(),
            Failure::TooMany { text } | Failure::Denied { text: Some(text) } => text.clone(),
            other => format!("{other:?}"),
        };
        Self::new(failure, cause)
    }
}

impl Control {
    /// Opens a passive listener.
    pub(super) fn listen(&self, extended: bool, family: Option<Family>) -> Job {
        let (host, local, peer) = (Arc::clone(&self.host), self.local, self.peer);
        let proxies = Arc::clone(&self.proxies);
        Box::pin(async move {
            let listening = host
                .passive
                .listen(local, peer, extended, family, proxies)
                .await;
            Completed::Listening(match listening {
                Ok(passive) => Ok((passive.advertise(), DataRoute::passive(passive))),
                Err(error) => {
                    debug!(%error, "no passive listener");
                    metrics::count_error(error.blame());
                    Err(Failure::from(&error))
                }
            })
        })
    }

    /// Does something on storage.
    pub(super) fn operate(&self, operation: Operation) -> Job {
        let Some(storage) = self.login.storage() else {
            return Box::pin(async { Completed::Performed(Err(not_logged_in())) });
        };
        // Dropped with the job, which happens where the connection ends first.
        let cancel = CancelOnDrop::default();
        let cancelled = cancel.flag();
        let session = self.login.facts();
        let (teller, kind) = (Arc::clone(&self.teller), kind_of(&operation));
        if let Some(kind) = kind
            && let Err(full) = teller.admits(&[kind, Kind::FileStable])
        {
            return Box::pin(async { Completed::Performed(Err(refuse(full).failure)) });
        }
        Box::pin(async move {
            let _cancel = cancel;
            let resolved = match storage.resolve(operation, &session).await {
                Ok(resolved) => resolved,
                Err(error) => return Completed::Performed(Err(refuse(error).failure)),
            };
            let perform = move || {
                let began = Instant::now();
                let outcome = resolved.perform(&cancelled)?;
                if let Some(kind) = kind {
                    teller.changed(kind, &session, &resolved, began)?;
                }
                Ok(outcome)
            };
            let performed = blocking(perform).await;
            Completed::Performed(performed.map_err(|refused| refused.failure))
        })
    }
}

/// Runs `work` where blocking is allowed, within the session's span.
pub(super) async fn blocking<T, F>(work: F) -> Result<T, Refused>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StorageError> + Send + 'static,
{
    let span = Span::current();
    match spawn_blocking(move || span.in_scope(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(refuse(error)),
        Err(panic) => {
            error!(error = %panic, "storage work panicked");
            Err(Refused::new(Failure::Storage, panic.to_string()))
        }
    }
}

/// Logs why storage refused, and reduces it to what the client is told.
pub(super) fn refuse(error: StorageError) -> Refused {
    metrics::count_error(error.blame());
    if error.is_fault() {
        let refused = Refused::of(error);
        error!(error = refused.cause, "storage failed");
        return refused;
    }
    match &error {
        // What a plugin decided is told nowhere else.
        StorageError::Plugin(denied) => info!(%denied, "storage refused"),
        refused => debug!(%refused, "storage refused"),
    }
    Refused::of(error)
}

/// The session asks for storage only after a login, so this is never seen; it denies all the same.
pub(super) fn not_logged_in() -> Failure {
    Failure::Denied { text: None }
}

/// Tells work on a blocking thread that nobody waits for it any more.
#[derive(Default)]
pub(super) struct CancelOnDrop(Arc<AtomicBool>);

impl CancelOnDrop {
    /// What the work looks at.
    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
