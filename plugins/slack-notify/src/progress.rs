//! What an instance keeps in mind between two deliveries, which the next one may not know.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use wharf_plugin::{Event, clock};

/// What was told of a batch that failed in its middle, and until when the service wants its rest.
#[derive(Default)]
pub struct Progress {
    told: RefCell<BTreeSet<String>>,
    rests_until: Cell<Option<SystemTime>>,
}

impl Progress {
    /// Those of a batch that were not told yet.
    pub fn untold<'e>(&self, batch: &'e [Event]) -> Vec<&'e Event> {
        let told = self.told.borrow();
        let untold = batch.iter().filter(|event| !told.contains(&event.id));
        untold.collect()
    }

    /// Keeps in mind that they were told, as those behind them may fail.
    pub fn add(&self, events: &[&Event]) {
        let mut told = self.told.borrow_mut();
        told.extend(events.iter().map(|event| event.id.clone()));
    }

    /// Forgets a batch that was told to its end, and does not come again.
    pub fn finish(&self, batch: &[Event]) {
        let mut told = self.told.borrow_mut();
        for event in batch {
            told.remove(&event.id);
        }
    }

    /// Asks nothing of the service for so long.
    pub fn rest(&self, wait: Duration) {
        self.rests_until.set(clock::now().checked_add(wait));
    }

    /// How long the service still wants its rest.
    pub fn rests(&self) -> Option<Duration> {
        let until = self.rests_until.get()?;
        let left = until.duration_since(clock::now()).ok();
        left.filter(|left| !left.is_zero())
    }
}
