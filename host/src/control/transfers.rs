//! Transfers that run, each on a thread that may block. How they are prepared stands in `prepare`,
//! what becomes of an upload when every byte is in, in `gate`.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{Span, debug, error, info, warn};
use wharf_protocol::effect::Finished;
use wharf_protocol::failure::Failure;
use wharf_protocol::path::VirtualPath;
use wharf_protocol::transfer::TransferKind;

use super::Control;
use super::gate::Incoming;
use super::job::{Completed, Refused};
use crate::admission::TransferPermit;
use crate::metrics::{self, Blame, TransferOutcome};
use crate::plugin::LivePlugins;
use crate::sessions::TransferringSession;
use crate::sinks::Sinks;
use crate::spool::Spool;
use crate::storage::{Object, Place};
use crate::transfer::{self, DataConnection, Progress, TransferError};

/// A transfer that can begin: its object is open and its data connection is there.
pub(super) struct Ready {
    pub(super) kind: TransferKind,
    pub(super) object: Opened,
    pub(super) permit: Option<TransferPermit>,
    pub(super) connection: DataConnection,
    /// Who decides on an upload.
    pub(super) plugins: Arc<LivePlugins>,
    /// Where it is kept until then.
    pub(super) spool: Spool,
    /// Whose quotas hear of one that breaks off.
    pub(super) sinks: Arc<Sinks>,
}

/// What a transfer reads or writes. Where it is not used after all, it is closed on a thread that
/// may block: what was staged of an upload has to be removed.
pub(super) struct Opened(Option<Object>);

impl Opened {
    pub(super) fn new(object: Object) -> Self {
        Self(Some(object))
    }

    /// How many bytes a download has.
    fn size(&self) -> Option<u64> {
        match self.0.as_ref()? {
            Object::Download { reader, .. } => Some(reader.size()),
            _ => None,
        }
    }

    /// The file, and where it is; `None` for a listing.
    fn place(&self) -> Option<&Place> {
        self.0.as_ref()?.place()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            where_blocking_is_allowed(move || drop(object));
        }
    }
}

/// A transfer that moves bytes; dropping it aborts it.
pub(super) struct Running {
    progress: Arc<Progress>,
    /// Told when it is aborted.
    pub(super) aborting: Arc<Notify>,
    /// When the client of an upload that is all in has to hear something.
    pub(super) silent_until: Option<Instant>,
    kind: TransferKind,
    /// The file, and where it is; `None` for a listing.
    place: Option<Place>,
    /// Counts it against the user's limit, if there is one, until it ends.
    _permit: Option<TransferPermit>,
    started: Instant,
    logged: bool,
    _shown: TransferringSession,
}

impl Running {
    /// Bytes moved so far.
    pub(super) fn bytes(&self) -> u64 {
        self.progress.bytes()
    }

    /// How far it is, and whether it is aborted.
    pub(super) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Whether every byte of an upload is in.
    pub(super) fn is_committing(&self) -> bool {
        self.silent_until.is_some()
    }

    /// Whether the host chose the name of what is stored.
    pub(super) fn is_unique(&self) -> bool {
        matches!(self.kind, TransferKind::StoreUnique { .. })
    }

    /// Stops it; its job ends soon.
    pub(super) fn abort(&self) {
        self.progress.abort();
        self.aborting.notify_one();
    }

    /// Logs how it ended.
    pub(super) fn log(&mut self, result: &Result<Finished, Failure>) {
        self.logged = true;
        let (kind, named) = named(&self.kind);
        let path = self.place.as_ref().map_or(named, |place| &place.path);
        let (verb, bytes, took) = (kind.word(), self.bytes(), self.started.elapsed());
        let milliseconds = took.as_millis();
        let outcome = match result {
            Ok(_) => {
                info!(%path, bytes, milliseconds, "{verb} finished");
                TransferOutcome::Finished
            }
            // What the client asked for is nothing that an operator has to see to.
            Err(Failure::Aborted) => {
                info!(%path, bytes, milliseconds, "{verb} aborted");
                TransferOutcome::Aborted
            }
            Err(failure) => {
                warn!(%path, bytes, milliseconds, ?failure, "{verb} failed");
                TransferOutcome::Failed
            }
        };
        metrics::transfers(kind, outcome).increment(1);
        metrics::transfer_seconds(kind).record(took);
    }
}

/// What is transferred, and as which path the client named it.
fn named(kind: &TransferKind) -> (metrics::Transfer, &VirtualPath) {
    match kind {
        TransferKind::Retrieve { path, .. } => (metrics::Transfer::Download, path),
        TransferKind::Store { path, .. } | TransferKind::Append { path, .. } => {
            (metrics::Transfer::Upload, path)
        }
        TransferKind::StoreUnique { directory, .. } => (metrics::Transfer::Upload, directory),
        TransferKind::List { path, .. } => (metrics::Transfer::Listing, path),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.logged {
            // The control connection ended first.
            self.abort();
            self.log(&Err(Failure::ConnectionLost));
        }
    }
}

impl Control {
    /// Moves the bytes.
    pub(super) fn run_transfer(&mut self) {
        let Some(mut ready) = self.ready.take() else {
            self.job = Some(Box::pin(async {
                Completed::Finished(Err(Failure::NoDataConnection.into()))
            }));
            return;
        };
        let progress = Arc::clone(&ready.connection.progress);
        let (place, (kind, named)) = (ready.object.place().cloned(), named(&ready.kind));
        let path = place.as_ref().map_or(named, |place| &place.path);
        if let Some(attempt) = &self.attempt {
            attempt.opened(place.as_ref(), &progress);
        }
        self.running = Some(Running {
            _shown: self
                .login
                .shown()
                .transfer(kind, path, &progress, ready.object.size()),
            progress,
            aborting: Arc::default(),
            silent_until: None,
            kind: ready.kind.clone(),
            place,
            _permit: ready.permit.take(),
            started: Instant::now(),
            logged: false,
        });
        let span = Span::current();
        self.job = Some(Box::pin(async move {
            match spawn_blocking(move || span.in_scope(|| ready.run())).await {
                Ok(completed) => completed,
                Err(panic) => {
                    error!(error = %panic, "a transfer panicked");
                    Completed::Finished(Err(Refused::new(Failure::Storage, panic.to_string())))
                }
            }
        }));
    }
}

impl Ready {
    /// Moves the bytes. What is uploaded is not committed yet.
    fn run(self) -> Completed {
        let Self {
            mut object,
            mut connection,
            plugins,
            sinks,
            spool,
            ..
        } = self;
        let sent = match object.0.take() {
            Some(Object::Upload {
                upload,
                start,
                place,
                may_replace,
            }) => {
                let incoming = Incoming::new(plugins, sinks, place, start, may_replace);
                return incoming.receive(&mut connection, upload, &spool);
            }
            Some(Object::Download { mut reader, .. }) => {
                transfer::send_file(&mut connection, &mut *reader)
            }
            Some(Object::Listing {
                mut entries,
                format,
                said_in,
            }) => transfer::send_listing(&mut connection, &mut *entries, format, &said_in),
            None => Ok(0),
        };
        Completed::Finished(match sent {
            Ok(bytes) => Ok(Finished { bytes, name: None }),
            Err(error) => Err(end(error)),
        })
    }
}

/// Does `work` on a thread that may block; here, where the runtime is gone already.
pub(super) fn where_blocking_is_allowed(work: impl FnOnce() + Send + 'static) {
    let span = Span::current();
    let work = move || span.in_scope(work);
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}

/// Logs why a transfer did not end well, and reduces it to what the client is told.
pub(super) fn end(error: TransferError) -> Refused {
    metrics::count_error(error.blame());
    let blame = error.blame();
    let refused = Refused::of(error);
    let cause = &refused.cause;
    match blame {
        Some(Blame::Plugin) => error!(cause, "a plugin failed during a transfer"),
        Some(Blame::Storage) => error!(error = cause, "storage failed during a transfer"),
        _ => debug!(error = cause, "the transfer failed"),
    }
    refused
}
