//! Quotas: how much may stand at a place, whoever stored it there.
//!
//! What counts is what the storage holds. It is measured when somebody with a quota first stores
//! there, counted on from then on, and measured again before anybody is refused because of a number
//! that need not be true any more.

mod changes;
mod measure;
mod metered;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::changes::Changes;
pub use self::metered::{Before, Metered, Reservation};
use crate::sink::{Key, Location, Sink, SinkError};

/// Places that are remembered after the last session that stores there, 1 KB each at most: a
/// client that logs in for each file must not have everything measured for each.
const PLACES_MAX: usize = 10_000;

/// How long a number is believed: other programs store and remove, too.
const BELIEVED: Duration = Duration::from_mins(10);

/// How long it is believed before somebody is refused because of it.
const BELIEVED_TO_REFUSE: Duration = Duration::from_secs(60);

/// A number is believed so many times as long as it took to measure it, at least.
const SHARE: u32 = 100;

/// The same before somebody is refused: half of the time is spent on measuring at most.
const SHARE_TO_REFUSE: u32 = 2;

/// So often it is measured for one answer, where others store and remove meanwhile.
const MEASURED_MAX: usize = 2;

/// How much may stand at a place; `None` is without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// In all files together.
    pub bytes: Option<u64>,
    /// How many files.
    pub files: Option<u64>,
}

/// What stands somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// In all files together.
    pub bytes: u64,
    /// How many files.
    pub files: u64,
}

impl Quota {
    /// Whether there is any limit.
    pub fn is_limited(&self) -> bool {
        self.bytes.is_some() || self.files.is_some()
    }

    fn holds(&self, amount: Amount) -> bool {
        self.bytes.is_none_or(|most| amount.bytes <= most)
            && self.files.is_none_or(|most| amount.files <= most)
    }
}

impl Amount {
    fn and(self, more: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(more.bytes),
            files: self.files.saturating_add(more.files),
        }
    }

    fn without(self, less: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(less.bytes),
            files: self.files.saturating_sub(less.files),
        }
    }
}

/// What stands at the places that somebody has a quota of.
#[derive(Debug, Default)]
pub struct Quotas(Mutex<HashMap<Location, Arc<Account>>>);

impl Quotas {
    /// What stands at `place` and below.
    pub fn account(&self, place: &Location) -> Arc<Account> {
        let mut accounts = lock(&self.0);
        if let Some(account) = accounts.get(place) {
            return Arc::clone(account);
        }
        if accounts.len() >= PLACES_MAX {
            // Those that nobody else holds can be measured anew.
            accounts.retain(|_, account| Arc::strong_count(account) > 1);
        }
        let account = Arc::new(Account {
            place: place.clone(),
            state: Mutex::default(),
            measuring: Mutex::default(),
        });
        accounts.insert(place.clone(), Arc::clone(&account));
        account
    }

    /// Something was removed at `place`: what is counted where it stood is too much.
    pub fn removed(&self, place: &Location) {
        for account in self.of(place) {
            lock(&account.state).changed(&place.key);
        }
    }

    /// Something was renamed, over what was there.
    pub fn moved(&self, from: &Location, to: &Location) {
        self.removed(from);
        for account in self.of(to) {
            let mut state = lock(&account.state);
            state.changed(&to.key);
            if !account.place.covers(from) {
                state.forget();
            }
        }
    }

    /// Something came to `place` that nobody has counted.
    pub fn came(&self, place: &Location) {
        for account in self.of(place) {
            let mut state = lock(&account.state);
            state.changed(&place.key);
            state.forget();
        }
    }

    /// A file of `size` bytes was stored at `place`, and `own` counts it already. What it took the
    /// place of is not known here: what others count is too much rather than too little, and is
    /// measured before anybody is refused.
    pub fn stored(&self, place: &Location, size: u64, own: Option<&Location>) {
        for account in self.of(place) {
            if own != Some(&account.place) {
                let mut state = lock(&account.state);
                state.add(Amount {
                    bytes: size,
                    files: 1,
                });
                state.changed(&place.key);
            }
        }
    }

    /// The accounts that `place` counts in.
    fn of(&self, place: &Location) -> Vec<Arc<Account>> {
        let accounts = lock(&self.0);
        let holding = accounts.values().filter(|it| it.place.covers(place));
        holding.cloned().collect()
    }
}

/// What stands at one place, and what is on its way there.
#[derive(Debug)]
pub struct Account {
    place: Location,
    state: Mutex<State>,
    /// Held while it is measured: whoever else wants to know waits for the same.
    measuring: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// What was measured and counted since.
    stands: Amount,
    /// When that began, and how long it took; `None` where nobody knows.
    measured: Option<(Instant, Duration)>,
    /// Whether nothing happened since that makes it too much.
    is_exact: bool,
    /// What happened here.
    changes: Changes,
    /// How often it was forgotten.
    forgotten: u64,
    /// Counted while it was measured, so that it may be in there twice.
    meanwhile: Amount,
    /// Of uploads that are under way.
    reserved: Amount,
}

impl Account {
    /// Room for `more` within `quota`, held until it is released. It may measure what stands in
    /// `sink`, which blocks.
    fn reserve(&self, sink: &dyn Sink, quota: Quota, more: Amount) -> Result<(), SinkError> {
        let mut measured = 0;
        loop {
            {
                let mut state = lock(&self.state);
                // What was measured just now answers this one, even where it is forgotten by now:
                // others who store all the time must not keep it from ever getting an answer.
                if measured > 0 || state.is_believed() {
                    let after = state.stands.and(state.reserved).and(more);
                    if quota.holds(after) {
                        state.reserved = state.reserved.and(more);
                        return Ok(());
                    }
                    if measured == MEASURED_MAX || state.is_sure() {
                        return Err(SinkError::QuotaExceeded);
                    }
                }
            }
            self.measure(sink)?;
            measured += 1;
        }
    }

    /// It is measured before it is believed again.
    fn forget(&self) {
        lock(&self.state).forget();
    }

    /// How much has happened here.
    fn generation(&self) -> u64 {
        lock(&self.state).changes.generation()
    }

    /// Whether anything may have happened to `key` since then.
    fn has_changed(&self, key: &Key, generation: u64) -> bool {
        lock(&self.state).changes.touch(key, generation)
    }

    /// What was reserved is not stored.
    fn release(&self, reserved: Amount) {
        let mut state = lock(&self.state);
        state.reserved = state.reserved.without(reserved);
    }

    /// What was reserved is stored now at `key`, as `more` in place of `less`, which stood there at
    /// that generation. It began to be stored at `since`.
    fn settle(
        &self,
        (key, generation): (&Key, u64),
        reserved: Amount,
        (more, less): (Amount, Amount),
        since: Instant,
    ) {
        let mut state = lock(&self.state);
        state.reserved = state.reserved.without(reserved);
        let is_measured_since = state.measured.is_some_and(|(at, took)| at + took >= since);
        // Something else may have stood there, or all of it is counted already.
        let is_unsure = is_measured_since || state.changes.touch(key, generation);
        state.add(more);
        state.stands = state.stands.without(less);
        state.changes.add(key);
        if is_unsure {
            state.forget();
        }
    }

    /// How much more `quota` has room for, in bytes; `None` is without limit.
    pub fn left(&self, sink: &dyn Sink, quota: Quota) -> Result<Option<u64>, SinkError> {
        let Some(most) = quota.bytes else {
            return Ok(None);
        };
        let is_known = {
            let state = lock(&self.state);
            state.is_sure()
        };
        if !is_known {
            self.measure(sink)?;
        }
        let state = lock(&self.state);
        let used = state.stands.and(state.reserved).bytes;
        Ok(Some(most.saturating_sub(used)))
    }

    /// Measures what stands here, unless somebody else has done so while this waited.
    fn measure(&self, sink: &dyn Sink) -> Result<(), SinkError> {
        let asked = Instant::now();
        let _one_at_a_time = lock(&self.measuring);
        let began = Instant::now();
        let (generation, forgotten) = {
            let mut state = lock(&self.state);
            if state.measured.is_some_and(|(at, _)| at >= asked) && state.is_exact {
                return Ok(());
            }
            state.meanwhile = Amount::default();
            (state.changes.generation(), state.forgotten)
        };
        let measured = measure::amount(sink, &self.place.key)?;
        let took = began.elapsed();
        let (place, Amount { bytes, files }) = (&self.place, measured);
        tracing::debug!(%place, bytes, files, ?took, "a quota was measured");
        let mut state = lock(&self.state);
        state.stands = measured.and(state.meanwhile);
        state.is_exact = state.changes.generation() == generation;
        state.measured = (state.forgotten == forgotten).then_some((began, took));
        Ok(())
    }
}

impl State {
    fn is_believed(&self) -> bool {
        self.is_as_young_as(BELIEVED, SHARE)
    }

    /// Whether somebody may be refused because of it.
    fn is_sure(&self) -> bool {
        self.is_exact && self.is_as_young_as(BELIEVED_TO_REFUSE, SHARE_TO_REFUSE)
    }

    fn is_as_young_as(&self, age: Duration, share: u32) -> bool {
        self.measured
            .is_some_and(|(at, took)| at.elapsed() <= age.max(took * share))
    }

    /// Counts what is stored now.
    fn add(&mut self, more: Amount) {
        self.stands = self.stands.and(more);
        self.meanwhile = self.meanwhile.and(more);
    }

    /// Something happened to `key` that may have left less.
    fn changed(&mut self, key: &Key) {
        self.changes.add(key);
        self.is_exact = false;
    }

    /// It is measured before it is believed again, also where that is being done now.
    fn forget(&mut self) {
        self.measured = None;
        self.forgotten += 1;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it guards is right after any panic: no section that holds it leaves it half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
