//! Hands the events of the outbox to the plugins, each in a task of its own.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{sleep_until, timeout_at};
use tracing::{Instrument, debug, error, info_span, warn};

use super::schedule::{Batch, MAX_LOOKED_AT, Patience, Schedule, Step, Verdict};
use super::writer::Written;
use super::{NotStored, Outbox, Subscription};
use crate::config::Events;
use crate::event::{Event, KindPattern};
use crate::metrics;

/// The delay after the first failure: a back end that restarts is soon there again.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// The longest delay: a back end that was down for long is told soon after it is back.
const LONGEST_DELAY: Duration = Duration::from_mins(5);

/// A plugin that hears of events.
pub trait Subscriber: Send + Sync + 'static {
    /// Its name, under which its deliveries are kept.
    fn name(&self) -> &str;

    /// What it wants.
    fn kinds(&self) -> &[KindPattern];

    /// For how long it is not to be given anything, if it is not: it keeps failing in whatever it
    /// does, which says nothing of the events.
    fn pause(&self) -> Option<Duration>;

    /// Gives it `batch`, and says why it did not take it.
    fn deliver(&self, batch: Vec<Event>) -> Deliver<'_>;
}

/// A delivery under way; the error is the cause, for the log.
pub type Deliver<'s> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 's>>;

/// The plugin that a task gives events to; none when it is to end.
type Served = Option<Arc<dyn Subscriber>>;

/// Gives the events of an outbox to whoever subscribed.
pub struct Courier {
    outbox: Arc<Outbox>,
    patience: Patience,
    rounds: Mutex<BTreeMap<String, Round>>,
}

/// The deliveries to one plugin.
struct Round {
    served: watch::Sender<Served>,
    task: JoinHandle<()>,
}

impl Courier {
    /// A courier of `outbox` that serves nobody yet.
    pub fn new(outbox: Arc<Outbox>, settings: &Events) -> Self {
        let patience = Patience {
            attempts: settings.max_attempts,
            first: FIRST_DELAY,
            longest: LONGEST_DELAY,
        };
        Self::with(outbox, patience)
    }

    pub(super) fn with(outbox: Arc<Outbox>, patience: Patience) -> Self {
        Self {
            outbox,
            patience,
            rounds: Mutex::default(),
        }
    }

    /// Serves `subscribers` from now on, and nobody else. Who was served before, and is not among
    /// them, finishes the batch that it has; what is kept for it stays. It has to be called within
    /// the runtime.
    pub fn serve(&self, subscribers: Vec<Arc<dyn Subscriber>>) {
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        let subscriptions: Vec<_> = subscribers
            .iter()
            .map(|subscriber| Subscription {
                name: subscriber.name().to_owned(),
                kinds: subscriber.kinds().to_vec(),
            })
            .collect();
        self.outbox.subscribe(&subscriptions);
        rounds.retain(|name, round| {
            let stays = subscribers
                .iter()
                .any(|subscriber| subscriber.name() == name);
            if !stays {
                round.served.send_replace(None);
            }
            stays
        });
        for subscriber in subscribers {
            let name = subscriber.name().to_owned();
            match rounds.get(&name) {
                Some(round) => drop(round.served.send_replace(Some(subscriber))),
                None => drop(rounds.insert(name, self.begin(subscriber))),
            }
        }
    }

    fn begin(&self, subscriber: Arc<dyn Subscriber>) -> Round {
        let name = subscriber.name().to_owned();
        let span = info_span!("events", plugin = name);
        let (served, watched) = watch::channel(Some(subscriber));
        let delivery = Delivery {
            name: name.into(),
            patience: self.patience,
            schedule: Schedule::new(self.patience),
            more: true,
            served: watched,
            written: self.outbox.written.clone(),
            revised: self.outbox.revised.subscribe(),
            outbox: Arc::clone(&self.outbox),
        };
        Round {
            served,
            task: tokio::spawn(delivery.run().instrument(span)),
        }
    }

    /// Waits until every plugin has finished the batch that it has, and gives out no more. Who has
    /// not finished when `grace` is over is given that batch again by the next host.
    pub async fn stop(&self, grace: Duration) {
        let ends_at = Instant::now() + grace;
        let rounds =
            std::mem::take(&mut *self.rounds.lock().unwrap_or_else(PoisonError::into_inner));
        for round in rounds.values() {
            round.served.send_replace(None);
        }
        for (name, mut round) in rounds {
            match timeout_at(ends_at.into(), &mut round.task).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    error!(plugin = name, %error, "the delivery of events panicked");
                }
                Err(_) => {
                    round.task.abort();
                    warn!(
                        plugin = name,
                        "events are not taken in time and will come again"
                    );
                }
            }
        }
    }
}

/// The task that serves one plugin.
struct Delivery {
    name: Arc<str>,
    outbox: Arc<Outbox>,
    patience: Patience,
    schedule: Schedule,
    /// Whether there may be rows that were not looked at.
    more: bool,
    served: watch::Receiver<Served>,
    written: watch::Receiver<Written>,
    revised: watch::Receiver<u64>,
}

impl Delivery {
    /// Delivers until it is told to end.
    async fn run(mut self) {
        loop {
            // Each is marked as seen before anything is looked at, so that nothing is missed.
            if self.revised.has_changed().unwrap_or(false) {
                self.revised.mark_unchanged();
                self.begin_anew();
            }
            if self.written.has_changed().unwrap_or(false) {
                self.written.mark_unchanged();
                self.more = true;
            }
            let Some(subscriber) = self.served.borrow_and_update().clone() else {
                return;
            };
            let now = Instant::now();
            let step = match subscriber.pause() {
                Some(pause) => Step::Wait(Some(now + pause)),
                None => self.schedule.step(now, self.more),
            };
            match step {
                Step::Look(from) => self.look(from).await,
                Step::Give(batch) => self.give(batch, &*subscriber).await,
                Step::Wait(until) => tokio::select! {
                    () = moment(until) => {}
                    // It ends with the outbox, and this task is told to end then.
                    Ok(()) = self.written.changed() => self.more = true,
                    Ok(()) = self.revised.changed() => self.begin_anew(),
                    changed = self.served.changed() => {
                        if changed.is_err() {
                            return;
                        }
                    }
                },
            }
        }
    }

    /// Forgets what is held and looks at everything again: an operator changed it. What was
    /// delivered is written down by now, so nothing is given twice.
    fn begin_anew(&mut self) {
        self.schedule = Schedule::new(self.patience);
        self.more = true;
    }

    /// Looks at further rows.
    async fn look(&mut self, from: u64) {
        self.more = false;
        let (outbox, name) = (Arc::clone(&self.outbox), Arc::clone(&self.name));
        let look = move || {
            outbox
                .store
                .read(|tables| tables.rows(&name, from, MAX_LOOKED_AT))
        };
        match spawn_blocking(look).await {
            Ok(Ok(rows)) => {
                self.more = rows.len() == MAX_LOOKED_AT;
                self.schedule.look(rows, Instant::now());
            }
            // Whatever is written next is a reason to look again.
            Ok(Err(error)) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    "events cannot be read"
                );
            }
            Err(error) => error!(%error, "reading events panicked"),
        }
    }

    /// Gives a batch and takes note of what came of it, on disk too, before anything else is done.
    async fn give(&mut self, batch: Batch, subscriber: &dyn Subscriber) {
        let numbers = batch.numbers();
        let outcome = match self.events(&numbers).await {
            Ok(events) if events.is_empty() => Ok(()),
            Ok(events) => {
                let (count, started) = (events.len(), Instant::now());
                let outcome = subscriber.deliver(events).await;
                let milliseconds = started.elapsed().as_millis();
                match &outcome {
                    Ok(()) => debug!(events = count, milliseconds, "events delivered"),
                    Err(cause) => {
                        warn!(events = count, milliseconds, cause, "events not delivered")
                    }
                }
                outcome
            }
            Err(cause) => Err(cause),
        };
        let noted = match outcome {
            Ok(()) => {
                metrics::events_delivered(&self.name).increment(numbers.len() as u64);
                self.schedule.taken(&batch, Instant::now());
                self.note_taken(numbers).await
            }
            Err(cause) => match self.schedule.failed(batch, Instant::now()) {
                Verdict::Again => {
                    metrics::events_retried(&self.name).increment(numbers.len() as u64);
                    self.note_tried(numbers).await
                }
                Verdict::GiveUp(number) => self.bury(number, cause).await,
            },
        };
        if noted.is_err() {
            warn!("what came of a delivery could not be written down, events may come twice");
        }
    }

    /// Those of `numbers` that still wait for this plugin.
    async fn events(&self, numbers: &[u64]) -> Result<Vec<Event>, String> {
        let (outbox, name) = (Arc::clone(&self.outbox), Arc::clone(&self.name));
        let numbers = numbers.to_owned();
        let read = move || outbox.store.read(|tables| tables.waiting(&name, &numbers));
        match spawn_blocking(read).await {
            Ok(Ok(events)) => Ok(events),
            Ok(Err(error)) => Err(error.to_string()),
            Err(panic) => Err(panic.to_string()),
        }
    }

    async fn note_taken(&self, numbers: Vec<u64>) -> Result<(), NotStored> {
        let name = Arc::clone(&self.name);
        let work = self
            .outbox
            .orders
            .write(move |tables| tables.taken(&name, &numbers));
        work.await
    }

    async fn note_tried(&self, numbers: Vec<u64>) -> Result<(), NotStored> {
        let name = Arc::clone(&self.name);
        let work = self
            .outbox
            .orders
            .write(move |tables| tables.tried(&name, &numbers));
        work.await
    }

    async fn bury(&self, number: u64, cause: String) -> Result<(), NotStored> {
        error!(
            number,
            cause, "an event is given up; see `wharf events list --dead`"
        );
        metrics::events_dead(&self.name).increment(1);
        let (name, at_ms) = (Arc::clone(&self.name), now_ms());
        let work = move |tables: &mut super::Tables<'_>| tables.bury(&name, number, at_ms, &cause);
        self.outbox.orders.write(work).await
    }
}

/// Milliseconds since 1970 in UTC.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Waits until `at`, for ever if there is none.
async fn moment(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
