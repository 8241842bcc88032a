//! The outbox: what happened is kept here, on disk, until every plugin that wants to know has
//! taken it.
//!
//! An event is written once, with one delivery for each plugin that subscribed to its kind; it goes
//! with its last delivery. A kind that nobody subscribed to is not written at all. One thread
//! writes (`writer`), whatever came meanwhile in one transaction; `delivery` hands the events to
//! the plugins, in the order that `schedule` decides.

mod delivery;
mod error;
mod overview;
mod routes;
mod schedule;
mod snapshot;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tracing::warn;

use crate::config::{Durability, Events, WhenFull};
use crate::event::{Event, Kind};
use crate::metrics;

pub use delivery::{Courier, Deliver, Subscriber};
pub use error::{NotStored, OpenOutboxError, OutboxFull, StoreError};
pub use overview::{Backlog, Entry, Filter, MAX_LISTED, Page, Selection, State};
pub use routes::Subscription;
pub use tables::Level;

use routes::Routes;
use store::Store;
use tables::{Stored, Tables};
use writer::{Orders, Written};

/// The file of the outbox in the state directory.
pub const FILE_NAME: &str = "events.redb";

/// Time between two lines of the log about events that were lost: each line tells of all of them.
const LOSS_REPORT: Duration = Duration::from_secs(10);

/// The outbox of a host. There is one for each state directory.
pub struct Outbox {
    store: Arc<Store>,
    orders: Orders,
    written: watch::Receiver<Written>,
    routes: ArcSwap<Routes>,
    bounds: Bounds,
    losses: Arc<Losses>,
    /// Changes whenever deliveries changed in another way than by being appended or taken.
    revised: watch::Sender<u64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// How much the outbox may hold.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    events: u64,
    bytes: u64,
    when_full: WhenFull,
}

impl Bounds {
    fn are_reached(&self, level: Level) -> bool {
        level.events >= self.events || level.bytes >= self.bytes
    }

    fn are_exceeded(&self, level: Level) -> bool {
        level.events > self.events || level.bytes > self.bytes
    }
}

impl Outbox {
    /// Opens the outbox in `state_dir`, or makes it where there is none.
    ///
    /// # Errors
    /// What is wrong with its file, which is left as it is.
    pub fn open(
        state_dir: &Path,
        durability: Durability,
        settings: &Events,
    ) -> Result<Arc<Self>, OpenOutboxError> {
        let path = state_dir.join(FILE_NAME);
        let damaged = |cause: String| OpenOutboxError::Damaged {
            path: path.clone(),
            cause,
        };
        let open = || {
            let store = Store::open(&path, durability)?;
            Self::on(store, settings).map_err(|cause| damaged(cause.to_string()))
        };
        // Of some damage redb makes no error. Nothing that it left behind is looked at again.
        match catch_unwind(AssertUnwindSafe(open)) {
            Ok(opened) => opened,
            Err(_) => Err(damaged("what it holds makes no sense".to_owned())),
        }
    }

    fn on(store: Store, settings: &Events) -> Result<Arc<Self>, StoreError> {
        let store = Arc::new(store);
        let (orders, written, thread) = writer::start(Arc::clone(&store))?;
        Ok(Arc::new(Self {
            store,
            orders,
            written,
            routes: ArcSwap::default(),
            bounds: Bounds {
                events: u64::from(settings.max_events),
                bytes: settings.max_bytes.0,
                when_full: settings.when_full,
            },
            losses: Arc::default(),
            revised: watch::Sender::new(0),
            writer: Mutex::new(Some(thread)),
        }))
    }

    /// From now on, events are kept for these plugins and no others. What is kept for others stays.
    pub fn subscribe(&self, subscriptions: &[Subscription]) {
        self.routes.store(Arc::new(Routes::new(subscriptions)));
    }

    /// Whether any plugin wants to hear of `kind`.
    pub fn wants(&self, kind: Kind) -> bool {
        !self.routes.load().names(kind).is_empty()
    }

    /// Whether a change that would be told by one of `kinds` may begin. A change that began has a
    /// place for its event, so that more than the bound may be kept for a moment: an event or two
    /// for each session.
    ///
    /// # Errors
    /// There is no room, and nothing is dropped to make some.
    pub fn admits(&self, kinds: &[Kind]) -> Result<(), OutboxFull> {
        let is_full = || self.bounds.are_reached(self.level());
        match self.bounds.when_full {
            WhenFull::Refuse if is_full() && kinds.iter().any(|kind| self.wants(*kind)) => {
                Err(OutboxFull)
            }
            _ => Ok(()),
        }
    }

    /// Keeps `events`, which belong together, and waits until they are durable. Only where blocking
    /// is allowed.
    ///
    /// # Errors
    /// They are not kept; the log says why.
    pub fn append(&self, events: &[Event]) -> Result<(), NotStored> {
        let wanted = self.wanted(events)?;
        if wanted.is_empty() {
            return Ok(());
        }
        let (bounds, losses) = (self.bounds, Arc::clone(&self.losses));
        self.orders.write_blocking(move |tables| {
            for event in &wanted {
                tables.append(event)?;
            }
            make_room(tables, bounds, &losses)
        })?;
        for event in events.iter().filter(|event| self.wants(event.kind)) {
            metrics::events_stored(event.kind.name()).increment(1);
        }
        Ok(())
    }

    /// Keeps `event` soon, and waits for nothing. Where there is no room for it, too much waits to
    /// be written, or writing fails, it is lost, counted and logged: what it tells of has happened
    /// and cannot be refused any more.
    pub fn post(&self, event: &Event) {
        let Ok(wanted) = self.wanted(std::slice::from_ref(event)) else {
            return self.losses.count(1);
        };
        let Some(stored) = wanted.into_iter().next() else {
            return;
        };
        let (bounds, losses) = (self.bounds, Arc::clone(&self.losses));
        let posted = Posted {
            kind: event.kind,
            losses: Arc::clone(&self.losses),
            is_kept: false,
        };
        let work = move |tables: &mut Tables<'_>| {
            if bounds.when_full == WhenFull::Refuse && bounds.are_reached(tables.level()?) {
                return Ok((posted, false));
            }
            tables.append(&stored)?;
            make_room(tables, bounds, &losses)?;
            Ok((posted, true))
        };
        let tell = |(mut posted, is_kept): (Posted, bool)| posted.is_kept = is_kept;
        // An order that is not taken is dropped, by which what was posted is counted as lost.
        let _ = self.orders.write_later(work, tell);
    }

    /// Those of `events` that a plugin wants, as they are stored.
    fn wanted(&self, events: &[Event]) -> Result<Vec<Stored>, NotStored> {
        let routes = self.routes.load();
        let wanted = events
            .iter()
            .map(|event| (event, routes.names(event.kind)))
            .filter(|(_, names)| !names.is_empty());
        wanted
            .map(|(event, names)| {
                Stored::new(event, Arc::clone(names)).map_err(|error| {
                    tracing::error!(id = event.id, %error, "an event cannot be written");
                    NotStored
                })
            })
            .collect()
    }

    /// How much is kept, dead letters included.
    pub fn level(&self) -> Level {
        self.written.borrow().level
    }

    /// What keeps changes from being told, and so from being made, if anything does.
    pub fn fault(&self) -> Option<&'static str> {
        let written = *self.written.borrow();
        if written.failed || self.written.has_changed().is_err() {
            return Some("it cannot be written; the log says why");
        }
        let refuses = self.bounds.when_full == WhenFull::Refuse;
        (refuses && self.bounds.are_reached(written.level))
            .then_some("it is full, and no upload is taken")
    }

    /// How many events were lost since the host started: there was no room, or writing failed.
    pub fn lost(&self) -> u64 {
        self.losses.total.load(Ordering::Relaxed)
    }

    /// Writes what was ordered so far and closes the file; nothing is kept afterwards. Only where
    /// blocking is allowed.
    pub fn close(&self) {
        self.orders.close();
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writer.take()
            && writer.join().is_err()
        {
            warn!("the writer of the outbox panicked");
        }
    }
}

/// Where the oldest events make room for new ones, they go now.
fn make_room(tables: &mut Tables<'_>, bounds: Bounds, losses: &Losses) -> Result<(), StoreError> {
    if bounds.when_full == WhenFull::Refuse {
        return Ok(());
    }
    while bounds.are_exceeded(tables.level()?) && tables.evict_oldest()? {
        losses.count(1);
    }
    Ok(())
}

/// An event that was posted: counted when it is dropped, as lost unless it is kept by then.
struct Posted {
    kind: Kind,
    losses: Arc<Losses>,
    is_kept: bool,
}

impl Drop for Posted {
    fn drop(&mut self) {
        match self.is_kept {
            true => metrics::events_stored(self.kind.name()).increment(1),
            false => self.losses.count(1),
        }
    }
}

/// Events that were lost: because there was no room, or because writing failed.
#[derive(Debug, Default)]
struct Losses {
    total: AtomicU64,
    /// When they were last logged, and how many there were then.
    reported: Mutex<Option<(Instant, u64)>>,
}

impl Losses {
    fn count(&self, lost: u64) {
        metrics::events_dropped().increment(lost);
        let total = self.total.fetch_add(lost, Ordering::Relaxed) + lost;
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match *reported {
            Some((at, _)) if at.elapsed() < LOSS_REPORT => return,
            Some((_, before)) => before,
            None => 0,
        };
        *reported = Some((Instant::now(), total));
        warn!(
            lost = total - before,
            total, "the outbox is full or fails, events are lost"
        );
    }
}
