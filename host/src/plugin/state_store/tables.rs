//! The tables of the state, and what one plugin may do in them within one commit.

use redb::{Database, ReadableTable as _, Table, TableDefinition, WriteTransaction};

use super::StateError;

/// By plugin and key: until when it is there, in milliseconds since 1970, and the value.
pub const ENTRIES: TableDefinition<'_, (&str, &str), (u64, &[u8])> =
    TableDefinition::new("entries");
/// What goes away by itself: plugin, time, key.
const EXPIRIES: TableDefinition<'_, (&str, u64, &str), ()> = TableDefinition::new("expiries");
/// By plugin: the bytes of its keys and values, those included whose time is over.
const USED: TableDefinition<'_, &str, u64> = TableDefinition::new("used");

/// The time of what does not go away by itself.
pub const NEVER: u64 = u64::MAX;

/// Makes the tables, so that they can be read.
pub fn create(database: &Database) -> Result<(), StateError> {
    let transaction = database.begin_write()?;
    Tables::open(&transaction)?;
    Ok(transaction.commit()?)
}

/// The open tables of one commit.
pub struct Tables<'t> {
    entries: Table<'t, (&'static str, &'static str), (u64, &'static [u8])>,
    expiries: Table<'t, (&'static str, u64, &'static str), ()>,
    used: Table<'t, &'static str, u64>,
}

impl<'t> Tables<'t> {
    /// Opens them.
    pub fn open(transaction: &'t WriteTransaction) -> Result<Self, StateError> {
        Ok(Self {
            entries: transaction.open_table(ENTRIES)?,
            expiries: transaction.open_table(EXPIRIES)?,
            used: transaction.open_table(USED)?,
        })
    }

    /// What belongs to `plugin`.
    pub fn space<'s>(&'s mut self, plugin: &'s str, max_bytes: u64, now: u64) -> Space<'s, 't> {
        Space {
            tables: self,
            plugin,
            max_bytes,
            now,
        }
    }
}

/// The entries of one plugin.
pub struct Space<'s, 't> {
    tables: &'s mut Tables<'t>,
    plugin: &'s str,
    max_bytes: u64,
    now: u64,
}

impl Space<'_, '_> {
    /// When something set now goes away.
    pub fn expires_at(&self, ttl_seconds: Option<u32>) -> u64 {
        ttl_seconds.map_or(NEVER, |ttl| self.now.saturating_add(u64::from(ttl) * 1000))
    }

    /// Until when `key` is there, and its value.
    pub fn get(&self, key: &str) -> Result<Option<(u64, Vec<u8>)>, StateError> {
        let entry = self.tables.entries.get((self.plugin, key))?;
        Ok(entry.and_then(|entry| {
            let (expires_at, value) = entry.value();
            (expires_at > self.now).then(|| (expires_at, value.to_vec()))
        }))
    }

    /// Puts `value` in the place of what is under `key`. Where there is no room, what nobody sees
    /// any more makes some.
    pub fn put(&mut self, key: &str, value: &[u8], expires_at: u64) -> Result<(), StateError> {
        let replaced = match self.get(key)? {
            Some((_, old)) => size(key, &old),
            None => {
                // Its time is over, if it is there at all.
                self.remove(key)?;
                0
            }
        };
        let needed = size(key, value);
        while self.used()? - replaced + needed > self.max_bytes {
            if self.remove_expired(1)? == 0 {
                return Err(StateError::Quota);
            }
        }
        self.remove(key)?;
        let used = self.used()? + needed;
        let place = (self.plugin, key);
        self.tables.entries.insert(place, (expires_at, value))?;
        if expires_at != NEVER {
            let expiry = (self.plugin, expires_at, key);
            self.tables.expiries.insert(expiry, ())?;
        }
        self.tables.used.insert(self.plugin, used)?;
        Ok(())
    }

    /// Removes `key`, if it is there.
    pub fn remove(&mut self, key: &str) -> Result<(), StateError> {
        let used = self.used()?;
        let Some(entry) = self.tables.entries.remove((self.plugin, key))? else {
            return Ok(());
        };
        let (expires_at, value) = entry.value();
        if expires_at != NEVER {
            let expiry = (self.plugin, expires_at, key);
            self.tables.expiries.remove(expiry)?;
        }
        let left = used.saturating_sub(size(key, value));
        self.tables.used.insert(self.plugin, left)?;
        Ok(())
    }

    /// Removes up to `count` entries whose time is over, the oldest first; how many there were.
    pub fn remove_expired(&mut self, count: usize) -> Result<usize, StateError> {
        let expired = (self.plugin, 0, "")..(self.plugin, self.now.saturating_add(1), "");
        let mut keys = Vec::new();
        for expiry in self.tables.expiries.range(expired)?.take(count) {
            keys.push(expiry?.0.value().2.to_owned());
        }
        for key in &keys {
            self.remove(key)?;
        }
        Ok(keys.len())
    }

    fn used(&self) -> Result<u64, StateError> {
        Ok(self
            .tables
            .used
            .get(self.plugin)?
            .map_or(0, |used| used.value()))
    }
}

/// What an entry counts.
fn size(key: &str, value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}
