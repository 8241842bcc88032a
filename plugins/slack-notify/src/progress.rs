//! What an instance keeps in mind between two deliveries, which the next one may not know.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use wharf_plugin::{Event, clock};

use crate::limits::REMEMBERED;

/// What was told of a batch that failed in its middle, and until when the service wants its rest.
#[derive(Default)]
pub struct Progress {
    /// In the order in which they were told.
    told: RefCell<VecDeque<String>>,
    rests_until: Cell<Option<SystemTime>>,
}

impl Progress {
    /// Those of a batch that were not told yet.
    pub fn untold<'e>(&self, batch: &'e [Event]) -> Vec<&'e Event> {
        let told = self.told.borrow();
        let untold = batch.iter().filter(|event| !told.contains(&event.id));
        untold.collect()
    }

    /// Keeps in mind that they were told, as those behind them may fail. The host tells of other
    /// sessions before it gives the rest of a batch again, so this is not of one batch alone; and
    /// what it has given up never comes again, so that the oldest are forgotten.
    pub fn add(&self, events: &[&Event]) {
        let mut told = self.told.borrow_mut();
        told.extend(events.iter().map(|event| event.id.clone()));
        let excess = told.len().saturating_sub(REMEMBERED);
        told.drain(..excess);
    }

    /// Forgets a batch that was told to its end, and does not come again.
    pub fn finish(&self, batch: &[Event]) {
        let mut told = self.told.borrow_mut();
        told.retain(|id| batch.iter().all(|event| event.id != *id));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_comes_again_is_forgotten() {
        let event = |id: usize| Event {
            id: id.to_string(),
            ..Event::default()
        };
        let all: Vec<_> = (0..=REMEMBERED).map(event).collect();
        let progress = Progress::default();
        for event in &all {
            progress.add(&[event]);
        }
        let untold = progress.untold(&all);
        assert_eq!(untold.len(), 1);
        assert_eq!(untold[0].id, "0");
        progress.finish(&all[1..]);
        assert_eq!(progress.untold(&all).len(), all.len());
    }
}
