//! Plugins that are played, and what they are given.

use std::collections::BTreeSet;
use std::sync::Mutex;

use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use super::super::delivery::{Courier, Deliver, Subscriber};
use super::super::schedule::Patience;
use super::*;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

const PATIENCE: Patience = Patience {
    attempts: 3,
    first: Duration::from_millis(1),
    longest: Duration::from_millis(4),
};

/// A plugin that writes down what it takes and refuses what it is told to refuse.
struct Player {
    name: &'static str,
    kinds: Vec<KindPattern>,
    refuses: Mutex<BTreeSet<String>>,
    taken: Mutex<Vec<String>>,
    changed: Notify,
    /// A batch has come.
    entered: Notify,
    /// What a batch needs before it ends.
    leave: Semaphore,
    /// Until when it is not asked.
    pauses: Mutex<Option<Instant>>,
}

impl Player {
    fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            kinds: vec![KindPattern::new("*")],
            refuses: Mutex::default(),
            taken: Mutex::default(),
            changed: Notify::new(),
            entered: Notify::new(),
            leave: Semaphore::new(Semaphore::MAX_PERMITS),
            pauses: Mutex::default(),
        })
    }

    fn refusing(name: &'static str, ids: &[&str]) -> Arc<Self> {
        let player = Self::new(name);
        player
            .refuses
            .lock()
            .unwrap()
            .extend(ids.iter().map(|id| (*id).to_owned()));
        player
    }

    async fn has_taken(&self, ids: &[&str]) {
        let all = async {
            loop {
                let changed = self.changed.notified();
                if *self.taken.lock().unwrap() == ids {
                    return;
                }
                changed.await;
            }
        };
        let taken = timeout(LONG, all).await;
        assert!(
            taken.is_ok(),
            "{:?} and not {ids:?}",
            self.taken.lock().unwrap()
        );
    }
}

impl Subscriber for Player {
    fn name(&self) -> &str {
        self.name
    }

    fn kinds(&self) -> &[KindPattern] {
        &self.kinds
    }

    fn pause(&self) -> Option<Duration> {
        let until = (*self.pauses.lock().unwrap())?;
        until.checked_duration_since(Instant::now())
    }

    fn deliver(&self, batch: Vec<Event>) -> Deliver<'_> {
        Box::pin(async move {
            self.entered.notify_one();
            self.leave.acquire().await.unwrap().forget();
            let refused = {
                let refuses = self.refuses.lock().unwrap();
                batch
                    .iter()
                    .find(|event| refuses.contains(&event.id))
                    .map(|event| event.id.clone())
            };
            if let Some(id) = refused {
                return Err(format!("{id} is refused"));
            }
            self.taken
                .lock()
                .unwrap()
                .extend(batch.into_iter().map(|event| event.id));
            self.changed.notify_one();
            Ok(())
        })
    }
}

/// Appends where blocking is allowed.
async fn append(outbox: &Arc<Outbox>, events: Vec<Event>) {
    let outbox = Arc::clone(outbox);
    let append = tokio::task::spawn_blocking(move || outbox.append(&events));
    append.await.unwrap().unwrap();
}

/// Waits until the outbox holds so many events.
async fn holds(outbox: &Outbox, events: u64) {
    let mut written = outbox.written.clone();
    let held = written.wait_for(|written| written.level.events == events);
    let held = timeout(LONG, held).await.map(|held| held.is_ok());
    assert_eq!(held, Ok(true), "{:?}", outbox.level());
}

fn courier(outbox: &Arc<Outbox>) -> Courier {
    Courier::with(Arc::clone(outbox), PATIENCE)
}

async fn off_the_reactor<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn every_plugin_gets_what_it_wants_and_the_outbox_is_empty_then() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    let (courier, x, y) = (courier(&outbox), Player::new("x"), Player::new("y"));
    courier.serve(vec![x.clone(), y.clone()]);
    append(&outbox, vec![event("a", 0), event("b", 0)]).await;
    append(&outbox, vec![event("a", 1)]).await;
    x.has_taken(&["a.0", "b.0", "a.1"]).await;
    y.has_taken(&["a.0", "b.0", "a.1"]).await;
    holds(&outbox, 0).await;
    courier.stop(LONG).await;
}

#[tokio::test]
async fn what_is_refused_for_good_becomes_a_dead_letter_and_can_be_retried() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    let (courier, x) = (courier(&outbox), Player::refusing("x", &["a.1"]));
    outbox.subscribe(&[subscription("x", &["*"])]);
    append(
        &outbox,
        vec![event("a", 0), event("a", 1), event("a", 2), event("b", 0)],
    )
    .await;
    courier.serve(vec![x.clone()]);
    holds(&outbox, 1).await;
    let taken: Vec<_> = std::mem::take(&mut *x.taken.lock().unwrap());
    let of_a: Vec<_> = taken
        .iter()
        .filter(|id| id.starts_with("a."))
        .map(String::as_str)
        .collect();
    assert_eq!((taken.len(), of_a), (3, vec!["a.0", "a.2"]));

    let listing = Arc::clone(&outbox);
    off_the_reactor(move || {
        let dead = Filter {
            dead: Some(true),
            ..Filter::default()
        };
        let page = listing.list(&dead, None, 10).unwrap();
        let [entry] = &page.entries[..] else {
            panic!("{page:?}")
        };
        let State::Dead { cause, .. } = &entry.state else {
            panic!("{entry:?}")
        };
        assert_eq!((&*entry.event.id, &**cause), ("a.1", "a.1 is refused"));
        assert_eq!((entry.attempts, listing.dead_letters().unwrap()), (3, 1));
        assert_eq!(listing.show(entry.number).unwrap(), page.entries);
        let backlog = Backlog {
            plugin: "x".to_owned(),
            waiting: 0,
            dead: 1,
        };
        assert_eq!(listing.backlogs().unwrap(), [backlog]);
        assert_eq!(listing.oldest_age().unwrap(), None);
    })
    .await;

    x.refuses.lock().unwrap().clear();
    let retrying = Arc::clone(&outbox);
    assert_eq!(
        off_the_reactor(move || retrying.retry(&Selection::default())).await,
        Ok(1)
    );
    x.has_taken(&["a.1"]).await;
    holds(&outbox, 0).await;
    courier.stop(LONG).await;
}

#[tokio::test]
async fn a_pause_of_the_plugin_is_no_attempt_of_an_event() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    let (courier, x) = (courier(&outbox), Player::new("x"));
    // Many times what an event's attempts take.
    *x.pauses.lock().unwrap() = Some(Instant::now() + Duration::from_millis(200));
    courier.serve(vec![x.clone()]);
    append(&outbox, vec![event("a", 0)]).await;
    timeout(LONG, x.entered.notified()).await.unwrap();
    assert_eq!(x.pause(), None);
    x.has_taken(&["a.0"]).await;
    holds(&outbox, 0).await;
    courier.stop(LONG).await;
}

#[tokio::test]
async fn what_an_operator_drops_is_not_delivered() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    let (courier, x) = (courier(&outbox), Player::new("x"));
    outbox.subscribe(&[subscription("x", &["*"]), subscription("gone", &["*"])]);
    append(
        &outbox,
        (0..5).map(|sequence| event("a", sequence)).collect(),
    )
    .await;
    let dropping = Arc::clone(&outbox);
    off_the_reactor(move || {
        let numbers = |numbers: &[u64]| Selection {
            numbers: Some(numbers.to_vec()),
            filter: Filter {
                plugin: Some("x".to_owned()),
                ..Filter::default()
            },
        };
        let first = dropping.list(&Filter::default(), None, 1).unwrap();
        let first = first.entries[0].number;
        assert_eq!(
            dropping.drop_events(&numbers(&[first, first + 2, 999])),
            Ok(2)
        );
        let gone = Selection {
            numbers: None,
            filter: Filter {
                plugin: Some("gone".to_owned()),
                ..Filter::default()
            },
        };
        assert_eq!(dropping.drop_events(&gone), Ok(5));
    })
    .await;
    courier.serve(vec![x.clone()]);
    x.has_taken(&["a.1", "a.3", "a.4"]).await;
    holds(&outbox, 0).await;
    courier.stop(LONG).await;
}

#[tokio::test]
async fn a_plugin_that_is_gone_keeps_its_backlog_until_it_returns() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    let (first, x, y) = (courier(&outbox), Player::new("x"), Player::new("y"));
    outbox.subscribe(&[subscription("x", &["*"]), subscription("y", &["*"])]);
    append(&outbox, vec![event("a", 0)]).await;
    first.serve(vec![y.clone()]);
    y.has_taken(&["a.0"]).await;
    append(&outbox, vec![event("a", 1)]).await;
    y.has_taken(&["a.0", "a.1"]).await;
    first.stop(LONG).await;
    let closing = Arc::clone(&outbox);
    off_the_reactor(move || closing.close()).await;

    let outbox = open(directory.path());
    let second = courier(&outbox);
    second.serve(vec![y, x.clone()]);
    x.has_taken(&["a.0"]).await;
    holds(&outbox, 0).await;
    second.stop(LONG).await;
}

#[tokio::test]
async fn the_running_batch_ends_before_its_plugin_is_replaced_or_the_host_stops() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    let (courier, old, new) = (courier(&outbox), Player::new("x"), Player::new("x"));
    old.leave.forget_permits(Semaphore::MAX_PERMITS);
    courier.serve(vec![old.clone()]);
    append(&outbox, vec![event("a", 0)]).await;
    timeout(LONG, old.entered.notified()).await.unwrap();
    courier.serve(vec![new.clone()]);
    append(&outbox, vec![event("a", 1)]).await;
    old.leave.add_permits(1);
    old.has_taken(&["a.0"]).await;
    new.has_taken(&["a.1"]).await;
    holds(&outbox, 0).await;

    new.leave.forget_permits(Semaphore::MAX_PERMITS);
    append(&outbox, vec![event("a", 2)]).await;
    let stop = courier.stop(LONG);
    new.leave.add_permits(1);
    timeout(LONG, stop).await.unwrap();
    let closing = Arc::clone(&outbox);
    off_the_reactor(move || closing.close()).await;
    let (taken, kept) = (
        new.taken.lock().unwrap().len() as u64,
        open(directory.path()).depth(),
    );
    assert_eq!(taken - 1 + kept, 1, "it is taken or kept, and not both");
}

#[tokio::test]
async fn a_plugin_that_takes_no_end_does_not_keep_the_host_from_ending() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    let (courier, x) = (courier(&outbox), Player::new("x"));
    x.leave.forget_permits(Semaphore::MAX_PERMITS);
    courier.serve(vec![x.clone()]);
    append(&outbox, vec![event("a", 0)]).await;
    timeout(LONG, x.entered.notified()).await.unwrap();
    let stop = timeout(LONG, courier.stop(Duration::from_millis(1)));
    stop.await.unwrap();
    let closing = Arc::clone(&outbox);
    off_the_reactor(move || closing.close()).await;
    assert_eq!(waiting(&open(directory.path()), "x"), ["a.0"]);
}
