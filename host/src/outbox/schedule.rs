//! In which order one plugin is given its events, and when.
//!
//! Events go in batches, in the order of the outbox, one batch at a time. When a batch fails, its
//! events are given again one by one, so that the one at fault is found; until then their sessions
//! are *held*: later events of a held session wait behind, those of all others go on. Each held
//! session has its own growing delay, and an event that failed often enough alone is given up.
//!
//! A back end that is down fails every batch, so new batches keep a pace of their own: after a
//! second failure in a row they too wait longer and longer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::snapshot::Row;

/// Events of one batch: enough to share the cost of a call, few enough to be given again.
pub(super) const MAX_BATCH_EVENTS: usize = 256;

/// Bytes of the events of one batch, before they are those of the plugin's language: a small part
/// of the memory that a plugin has.
const MAX_BATCH_BYTES: u64 = 1024 * 1024;

/// Rows looked at in one go: where one session is held, many of its events may stand in a row.
pub(super) const MAX_LOOKED_AT: usize = 4096;

/// How often, and how long apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How often an event is tried alone before it is given up.
    pub(super) attempts: u32,
    /// The delay after the first failure, doubled by each further one.
    pub(super) first: Duration,
    /// The longest delay.
    pub(super) longest: Duration,
}

impl Patience {
    /// The delay after so many failures, less up to a quarter, so that not all come at once.
    fn delay(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(30);
        let delay = self.first.saturating_mul(1 << doublings).min(self.longest);
        delay.mul_f64(1.0 - rand::random::<f64>() / 4.0)
    }
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// These events, in this order.
    Give(Batch),
    /// Rows from this number on have to be looked at.
    Look(u64),
    /// Nothing before this moment, or, where there is none, before something new comes.
    Wait(Option<Instant>),
}

/// Events that are given together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Batch {
    /// For the first time.
    New(Vec<Row>),
    /// Of one held session.
    Held {
        /// The session.
        session: String,
        /// The numbers of its events.
        numbers: Vec<u64>,
    },
}

impl Batch {
    /// The numbers of its events.
    pub(super) fn numbers(&self) -> Vec<u64> {
        match self {
            Self::New(rows) => rows.iter().map(|row| row.number).collect(),
            Self::Held { numbers, .. } => numbers.clone(),
        }
    }
}

/// What becomes of a batch that failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is given again.
    Again,
    /// Its one event is given up.
    GiveUp(u64),
}

/// A session some of whose events failed.
#[derive(Debug)]
struct Lane {
    /// Its events that were looked at, oldest first; never empty.
    waiting: VecDeque<Waiting>,
    /// When the first one is tried again.
    due: Instant,
}

/// An event of a held session.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    number: u64,
    bytes: u32,
    /// How often it was tried in vain; if it was, it is given alone.
    attempts: u32,
}

/// How new batches, and tries of held sessions, are spaced while they fail.
#[derive(Debug, Default)]
struct Pace {
    failures: u32,
    resumes: Option<Instant>,
}

impl Pace {
    fn is_open(&self, now: Instant) -> bool {
        self.resumes.is_none_or(|resumes| resumes <= now)
    }

    /// The first failure may be one event's fault, and does not slow down the others.
    fn fail(&mut self, now: Instant, patience: &Patience) {
        self.failures += 1;
        self.resumes = match self.failures {
            1 => None,
            failures => Some(now + patience.delay(failures - 1)),
        };
    }
}

/// What is known of the deliveries of one plugin. It is made anew from the outbox at each start.
#[derive(Debug)]
pub(super) struct Schedule {
    patience: Patience,
    /// All before this number were looked at.
    next: u64,
    /// Looked at, and of no held session.
    fresh: VecDeque<Row>,
    lanes: BTreeMap<String, Lane>,
    /// The lanes in the order in which they are due.
    due: BTreeSet<(Instant, String)>,
    new_batches: Pace,
    tries: Pace,
    /// Whether a held session goes before what is new: they take turns.
    held_first: bool,
}

impl Schedule {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            patience,
            next: 0,
            fresh: VecDeque::new(),
            lanes: BTreeMap::new(),
            due: BTreeSet::new(),
            new_batches: Pace::default(),
            tries: Pace::default(),
            held_first: true,
        }
    }

    /// What to do at `now`. `more` tells whether there may be rows that were not looked at.
    pub(super) fn step(&mut self, now: Instant, more: bool) -> Step {
        let is_open = self.new_batches.is_open(now);
        if is_open && self.fresh.is_empty() && more {
            return Step::Look(self.next);
        }
        let is_new = is_open && !self.fresh.is_empty();
        let is_held = self.tries.is_open(now) && self.first_due().is_some_and(|due| due <= now);
        match (is_held, is_new) {
            (false, false) => Step::Wait(self.wakes(now)),
            (true, new) if self.held_first || !new => {
                self.held_first = false;
                Step::Give(self.held_batch())
            }
            _ => {
                self.held_first = true;
                Step::Give(self.new_batch())
            }
        }
    }

    /// Takes note of `rows`, which were found from the number on that [`Step::Look`] named.
    pub(super) fn look(&mut self, rows: Vec<Row>, now: Instant) {
        for row in rows {
            self.next = row.number + 1;
            if self.lanes.contains_key(&row.session) || row.attempts > 0 {
                self.hold(row, now);
            } else {
                self.fresh.push_back(row);
            }
        }
    }

    /// The batch was taken.
    pub(super) fn taken(&mut self, batch: &Batch, now: Instant) {
        self.new_batches = Pace::default();
        self.tries = Pace::default();
        if let Batch::Held { session, numbers } = batch {
            self.advance(session, numbers.len(), now);
        }
    }

    /// The batch failed.
    pub(super) fn failed(&mut self, batch: Batch, now: Instant) -> Verdict {
        match batch {
            Batch::New(rows) => {
                self.new_batches.fail(now, &self.patience);
                let due = now + self.patience.delay(1);
                for mut row in rows {
                    row.attempts += 1;
                    self.hold(row, due);
                }
                self.hold_what_follows(due);
                Verdict::Again
            }
            Batch::Held { session, numbers } => {
                self.tries.fail(now, &self.patience);
                self.failed_alone(&session, &numbers, now)
            }
        }
    }

    fn failed_alone(&mut self, session: &str, numbers: &[u64], now: Instant) -> Verdict {
        let Some(lane) = self.lanes.get_mut(session) else {
            return Verdict::Again;
        };
        for waiting in lane.waiting.iter_mut().take(numbers.len()) {
            waiting.attempts += 1;
        }
        let attempts = lane.waiting.front().map_or(1, |head| head.attempts);
        if let [number] = *numbers
            && attempts >= self.patience.attempts
        {
            self.advance(session, 1, now);
            return Verdict::GiveUp(number);
        }
        let due = now + self.patience.delay(attempts);
        self.postpone(session, due);
        Verdict::Again
    }

    /// Puts `row` into the lane of its session, which is due at `due` if it is new.
    fn hold(&mut self, row: Row, due: Instant) {
        let Row {
            number,
            attempts,
            bytes,
            session,
        } = row;
        let lane = self.lanes.entry(session).or_insert_with_key(|session| {
            self.due.insert((due, session.clone()));
            Lane {
                waiting: VecDeque::new(),
                due,
            }
        });
        lane.waiting.push_back(Waiting {
            number,
            bytes,
            attempts,
        });
    }

    /// Puts what was looked at already behind the sessions that are held now.
    fn hold_what_follows(&mut self, due: Instant) {
        for row in std::mem::take(&mut self.fresh) {
            match self.lanes.contains_key(&row.session) {
                true => self.hold(row, due),
                false => self.fresh.push_back(row),
            }
        }
    }

    /// The first `count` events of a held session are done with.
    fn advance(&mut self, session: &str, count: usize, now: Instant) {
        let Some(lane) = self.lanes.get_mut(session) else {
            return;
        };
        lane.waiting.drain(..count.min(lane.waiting.len()));
        if !lane.waiting.is_empty() {
            return self.postpone(session, now);
        }
        let due = lane.due;
        self.lanes.remove(session);
        self.due.remove(&(due, session.to_owned()));
    }

    fn postpone(&mut self, session: &str, due: Instant) {
        if let Some(lane) = self.lanes.get_mut(session) {
            self.due.remove(&(lane.due, session.to_owned()));
            lane.due = due;
            self.due.insert((due, session.to_owned()));
        }
    }

    fn first_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// When there is something to do again.
    fn wakes(&self, now: Instant) -> Option<Instant> {
        let held = self
            .first_due()
            .map(|due| self.tries.resumes.map_or(due, |at| due.max(at)));
        let new = self.new_batches.resumes.filter(|at| *at > now);
        held.into_iter().chain(new).min()
    }

    fn new_batch(&mut self) -> Batch {
        let mut bytes = 0;
        let mut fits = |row: &Row| {
            bytes += u64::from(row.bytes);
            bytes <= MAX_BATCH_BYTES
        };
        let most = self.fresh.iter().take(MAX_BATCH_EVENTS);
        let count = most.map_while(|row| fits(row).then_some(())).count();
        Batch::New(self.fresh.drain(..count.max(1)).collect())
    }

    /// What the session that is due first is given: one event that failed before, or all in front
    /// of the next such.
    fn held_batch(&self) -> Batch {
        let session = self.due.first().map(|(_, session)| session.clone());
        let session = session.unwrap_or_default();
        let waiting = self.lanes.get(&session).map(|lane| &lane.waiting);
        let mut bytes = 0;
        let mut alone = false;
        let fits = |(index, waiting): &(usize, &Waiting)| {
            bytes += u64::from(waiting.bytes);
            let goes_with_others = !alone && waiting.attempts == 0 && bytes <= MAX_BATCH_BYTES;
            alone |= waiting.attempts > 0;
            *index == 0 || goes_with_others
        };
        let numbers = waiting
            .into_iter()
            .flatten()
            .take(MAX_BATCH_EVENTS)
            .enumerate()
            .take_while(fits)
            .map(|(_, waiting)| waiting.number)
            .collect();
        Batch::Held { session, numbers }
    }
}

#[cfg(test)]
mod tests;
