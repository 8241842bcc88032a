//! What is in the outbox at one moment.

use std::collections::BTreeSet;

use redb::{ReadOnlyTable, ReadTransaction, ReadableTableMetadata};

use super::error::StoreError;
use super::overview::{Entry, State};
use super::tables::{DEAD, DELIVERIES, Delivery, EVENTS, Letter, Level, META};
use crate::event::Event;

/// All tables as they were at one moment.
pub(super) struct Snapshot {
    meta: ReadOnlyTable<&'static str, u64>,
    events: ReadOnlyTable<u64, &'static [u8]>,
    deliveries: ReadOnlyTable<(&'static str, u64), Delivery<'static>>,
    dead: ReadOnlyTable<(&'static str, u64), Letter<'static>>,
}

/// What a plugin has not taken yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The number of the event.
    pub(super) number: u64,
    /// How often it was tried in vain.
    pub(super) attempts: u32,
    /// How long the event is.
    pub(super) bytes: u32,
    /// Its session.
    pub(super) session: String,
}

impl Snapshot {
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            events: transaction.open_table(EVENTS)?,
            deliveries: transaction.open_table(DELIVERIES)?,
            dead: transaction.open_table(DEAD)?,
        })
    }

    /// What waits for `name` from the event `from` on, at most `limit`.
    pub(super) fn rows(&self, name: &str, from: u64, limit: usize) -> Result<Vec<Row>, StoreError> {
        let rows = self.deliveries.range((name, from)..=(name, u64::MAX))?;
        rows.take(limit)
            .map(|row| {
                let (key, delivery) = row?;
                let (attempts, bytes, session) = delivery.value();
                Ok(Row {
                    number: key.value().1,
                    attempts,
                    bytes,
                    session: session.to_owned(),
                })
            })
            .collect()
    }

    /// Those of the events `numbers` that still wait for `name`.
    pub(super) fn waiting(&self, name: &str, numbers: &[u64]) -> Result<Vec<Event>, StoreError> {
        let mut events = Vec::with_capacity(numbers.len());
        for number in numbers {
            if self.deliveries.get((name, *number))?.is_some() {
                events.extend(self.event(*number)?);
            }
        }
        Ok(events)
    }

    /// The event of that number.
    pub(super) fn event(&self, number: u64) -> Result<Option<Event>, StoreError> {
        match self.events.get(number)? {
            Some(json) => Ok(Some(serde_json::from_slice(json.value())?)),
            None => Ok(None),
        }
    }

    /// How much there is.
    pub(super) fn level(&self) -> Result<Level, StoreError> {
        let bytes = self.meta.get("bytes")?.map_or(0, |bytes| bytes.value());
        Ok(Level {
            events: self.events.len()?,
            bytes,
        })
    }

    /// How many dead letters there are.
    pub(super) fn dead(&self) -> Result<u64, StoreError> {
        Ok(self.dead.len()?)
    }

    /// How many events wait for `name`; they are counted.
    pub(super) fn waiting_count(&self, name: &str) -> Result<u64, StoreError> {
        let rows = self.deliveries.range((name, 0)..=(name, u64::MAX))?;
        Ok(rows.count() as u64)
    }

    /// How many dead letters `name` has; they are counted.
    pub(super) fn dead_count(&self, name: &str) -> Result<u64, StoreError> {
        let letters = self.dead.range((name, 0)..=(name, u64::MAX))?;
        Ok(letters.count() as u64)
    }

    /// What waits for `name` from the event `from` on.
    pub(super) fn waiting_entries(
        &self,
        name: &str,
        from: u64,
    ) -> Result<impl Iterator<Item = Result<Entry, StoreError>>, StoreError> {
        let rows = self.deliveries.range((name, from)..=(name, u64::MAX))?;
        Ok(rows.filter_map(move |row| {
            let entry = row.map_err(StoreError::from).and_then(|(key, delivery)| {
                let (plugin, number) = key.value();
                let attempts = delivery.value().0;
                self.entry(plugin, number, attempts, State::Waiting)
            });
            entry.transpose()
        }))
    }

    /// The dead letters of `name` from the event `from` on.
    pub(super) fn dead_entries(
        &self,
        name: &str,
        from: u64,
    ) -> Result<impl Iterator<Item = Result<Entry, StoreError>>, StoreError> {
        let letters = self.dead.range((name, from)..=(name, u64::MAX))?;
        Ok(letters.filter_map(move |letter| {
            let entry = letter.map_err(StoreError::from).and_then(|(key, letter)| {
                let ((plugin, number), (attempts, at_ms, cause)) = (key.value(), letter.value());
                let cause = cause.to_owned();
                self.entry(plugin, number, attempts, State::Dead { at_ms, cause })
            });
            entry.transpose()
        }))
    }

    fn entry(
        &self,
        plugin: &str,
        number: u64,
        attempts: u32,
        state: State,
    ) -> Result<Option<Entry>, StoreError> {
        let event = self.event(number)?;
        Ok(event.map(|event| Entry {
            number,
            plugin: plugin.to_owned(),
            attempts,
            state,
            event,
        }))
    }
}

/// The names of all plugins that anything is kept for, found without reading all of it.
pub(super) fn known_names(tables: &Snapshot) -> Result<BTreeSet<String>, StoreError> {
    let mut names = BTreeSet::new();
    loop {
        // Behind all that the last name has.
        let after = names.last().map_or("", String::as_str);
        let Some(row) = tables.deliveries.range((after, u64::MAX)..)?.next() else {
            break;
        };
        names.insert(row?.0.value().0.to_owned());
    }
    let mut dead = BTreeSet::new();
    loop {
        let after = dead.last().map_or("", String::as_str);
        let Some(letter) = tables.dead.range((after, u64::MAX)..)?.next() else {
            break;
        };
        dead.insert(letter?.0.value().0.to_owned());
    }
    names.append(&mut dead);
    Ok(names)
}
