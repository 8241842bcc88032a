//! The tables of the outbox, and what can be done to them within one transaction.

use std::collections::BTreeSet;
use std::sync::Arc;

use redb::{ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};

use super::error::StoreError;
use crate::event::Event;

/// The format that this version reads and writes.
pub(super) const FORMAT: u64 = 1;

/// `format`; `next`, the number of the next event; `bytes`, the length of all events.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// Events as JSON, by their number in the outbox.
pub(super) const EVENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("events");

/// What each plugin has not taken yet, by its name and the number of the event.
pub(super) const DELIVERIES: TableDefinition<(&str, u64), Delivery<'static>> =
    TableDefinition::new("deliveries");

/// What each plugin will not be given any more, by the same key.
pub(super) const DEAD: TableDefinition<(&str, u64), Letter<'static>> = TableDefinition::new("dead");

/// How often it was tried, how long the event is in bytes, and its session.
pub(super) type Delivery<'a> = (u32, u32, &'a str);

/// How often it was tried, when it was given up in milliseconds since 1970, and why.
pub(super) type Letter<'a> = (u32, u64, &'a str);

/// An event on its way into the outbox.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    /// As JSON.
    pub(super) json: Vec<u8>,
    /// Its session.
    pub(super) session: String,
    /// The plugins that it is kept for.
    pub(super) names: Arc<[String]>,
}

impl Stored {
    /// `event` as it is stored for the plugins `names`.
    pub(super) fn new(event: &Event, names: Arc<[String]>) -> Result<Self, StoreError> {
        Ok(Self {
            json: serde_json::to_vec(event)?,
            session: event.session.clone(),
            names,
        })
    }
}

/// All tables within a transaction that writes.
pub(super) struct Tables<'t> {
    meta: Table<'t, &'static str, u64>,
    events: Table<'t, u64, &'static [u8]>,
    deliveries: Table<'t, (&'static str, u64), Delivery<'static>>,
    dead: Table<'t, (&'static str, u64), Letter<'static>>,
    /// The names of all plugins that anything is kept for.
    names: &'t mut BTreeSet<String>,
    next: u64,
    bytes: u64,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Events, dead letters included.
    pub events: u64,
    /// Their length.
    pub bytes: u64,
}

impl<'t> Tables<'t> {
    pub(super) fn open(
        transaction: &'t WriteTransaction,
        names: &'t mut BTreeSet<String>,
    ) -> Result<Self, StoreError> {
        let meta = transaction.open_table(META)?;
        let count = |name| Ok::<_, StoreError>(meta.get(name)?.map_or(0, |count| count.value()));
        let (next, bytes) = (count("next")?, count("bytes")?);
        Ok(Self {
            meta,
            events: transaction.open_table(EVENTS)?,
            deliveries: transaction.open_table(DELIVERIES)?,
            dead: transaction.open_table(DEAD)?,
            names,
            next,
            bytes,
        })
    }

    /// Makes the empty tables those of an outbox.
    pub(super) fn initialize(mut self) -> Result<(), StoreError> {
        self.meta.insert("format", FORMAT)?;
        self.finish()
    }

    /// Writes down what was counted.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        self.meta.insert("next", self.next)?;
        self.meta.insert("bytes", self.bytes)?;
        Ok(())
    }

    pub(super) fn level(&self) -> Result<Level, StoreError> {
        Ok(Level {
            events: self.events.len()?,
            bytes: self.bytes,
        })
    }

    /// Adds an event.
    pub(super) fn append(&mut self, event: &Stored) -> Result<(), StoreError> {
        let (number, length) = (self.next, length(&event.json));
        self.next += 1;
        self.bytes += u64::from(length);
        self.events.insert(number, event.json.as_slice())?;
        for name in event.names.iter() {
            if !self.names.contains(name) {
                self.names.insert(name.clone());
            }
            let delivery = (0, length, event.session.as_str());
            self.deliveries.insert((name.as_str(), number), delivery)?;
        }
        Ok(())
    }

    /// `name` took these events.
    pub(super) fn taken(&mut self, name: &str, numbers: &[u64]) -> Result<(), StoreError> {
        for number in numbers {
            self.deliveries.remove((name, *number))?;
            self.release(*number)?;
        }
        Ok(())
    }

    /// `name` was given these events once more in vain.
    pub(super) fn tried(&mut self, name: &str, numbers: &[u64]) -> Result<(), StoreError> {
        for number in numbers {
            let found = self.deliveries.get((name, *number))?;
            // What an operator dropped meanwhile is gone.
            let Some((attempts, length, session)) = found.as_ref().map(|found| found.value())
            else {
                continue;
            };
            let (attempts, session) = (attempts.saturating_add(1), session.to_owned());
            drop(found);
            let delivery = (attempts, length, session.as_str());
            self.deliveries.insert((name, *number), delivery)?;
        }
        Ok(())
    }

    /// `name` is not given this event any more.
    pub(super) fn bury(
        &mut self,
        name: &str,
        number: u64,
        at_ms: u64,
        cause: &str,
    ) -> Result<(), StoreError> {
        let removed = self.deliveries.remove((name, number))?;
        let Some(attempts) = removed.map(|removed| removed.value().0) else {
            return Ok(());
        };
        let letter = (attempts.saturating_add(1), at_ms, cause);
        self.dead.insert((name, number), letter)?;
        Ok(())
    }

    /// `name` is given this event again, as if it had never been tried. False where it is no dead
    /// letter.
    pub(super) fn revive(&mut self, name: &str, number: u64) -> Result<bool, StoreError> {
        if self.dead.remove((name, number))?.is_none() {
            return Ok(false);
        }
        if let Some(json) = self.events.get(number)? {
            let event: Event = serde_json::from_slice(json.value())?;
            let delivery = (0, length(json.value()), event.session.as_str());
            self.deliveries.insert((name, number), delivery)?;
        }
        Ok(true)
    }

    /// Forgets that `name` is to be given this event, dead or not. False where it is not.
    pub(super) fn forget(&mut self, name: &str, number: u64) -> Result<bool, StoreError> {
        let waited = self.deliveries.remove((name, number))?.is_some();
        let dead = self.dead.remove((name, number))?.is_some();
        self.release(number)?;
        Ok(waited || dead)
    }

    /// Removes the oldest event, whoever waits for it. False where there is none.
    pub(super) fn evict_oldest(&mut self) -> Result<bool, StoreError> {
        let Some(number) = self.events.first()?.map(|(number, _)| number.value()) else {
            return Ok(false);
        };
        for name in &*self.names {
            self.deliveries.remove((name.as_str(), number))?;
            self.dead.remove((name.as_str(), number))?;
        }
        self.release(number)?;
        Ok(true)
    }

    /// Removes the event if no plugin has it before itself any more.
    fn release(&mut self, number: u64) -> Result<(), StoreError> {
        for name in &*self.names {
            let key = (name.as_str(), number);
            if self.deliveries.get(key)?.is_some() || self.dead.get(key)?.is_some() {
                return Ok(());
            }
        }
        if let Some(json) = self.events.remove(number)? {
            self.bytes = self.bytes.saturating_sub(u64::from(length(json.value())));
        }
        Ok(())
    }
}

/// An event is at most some tens of KiB.
fn length(json: &[u8]) -> u32 {
    u32::try_from(json.len()).unwrap_or(u32::MAX)
}
