//! What plugins keep: a private key-value space for each, durable, bounded, with times to live.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use redb::{Database, ReadableDatabase as _};
use tokio::sync::{mpsc, oneshot};

use self::tables::{ENTRIES, Tables};
use crate::config::Durability;
use crate::durable_file;

mod tables;
#[cfg(test)]
mod tests;

/// Of a key, in bytes: it is a name.
pub const MAX_KEY: usize = 512;
/// Of a value, in bytes: a token, a counter, a small document.
pub const MAX_VALUE: usize = 64 * 1024;
/// Changes that wait for the thread that writes; whoever makes more waits in turn.
const MAX_WAITING: usize = 256;
/// Of the file, kept in memory.
const CACHE: usize = 8 * 1024 * 1024;
/// Entries whose time is over that each change removes: more than it can add, so that the file
/// does not grow with what nobody sees.
const REMOVED_PER_CHANGE: usize = 2;

/// Why nothing was read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The key or the value.
    #[error("a key has up to {MAX_KEY} bytes and a value up to {} KiB", MAX_VALUE / 1024)]
    TooLarge,
    /// `max-bytes` of the plugin.
    #[error("the plugin's state is full")]
    Quota,
    /// What stands there is no number, or would be none.
    #[error("what is counted is no whole number of 64 bits")]
    NoNumber,
    /// The storage failed.
    #[error("the state cannot be kept: {0}")]
    Storage(String),
}

impl<E: Into<redb::Error>> From<E> for StateError {
    fn from(error: E) -> Self {
        Self::Storage(error.into().to_string())
    }
}

/// Milliseconds since 1970.
type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;
/// Makes a change and returns who is to hear of it once it is committed.
type Change = Box<dyn FnOnce(&mut Tables<'_>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), StateError>) + Send>;

/// The state of all plugins, in one file. Reads go to it at once; one thread writes, and commits
/// together what came in meanwhile.
pub struct StateStore {
    database: Arc<Database>,
    now: Clock,
    /// Both are there until the store ends.
    changes: Option<mpsc::Sender<Change>>,
    writer: Option<JoinHandle<()>>,
}

impl StateStore {
    /// The store in the file at `path`.
    ///
    /// # Errors
    /// It cannot be used, or another process uses it.
    pub fn open(path: &Path, durability: Durability) -> Result<Self, StateError> {
        Self::start(durable_file::open(path, durability, CACHE)?, clock())
    }

    /// A store that ends with the process.
    ///
    /// # Errors
    /// There is no memory or no thread for it.
    pub fn in_memory() -> Result<Self, StateError> {
        let backend = redb::backends::InMemoryBackend::new();
        let database = Database::builder().create_with_backend(backend)?;
        Self::start(database, clock())
    }

    fn start(database: Database, now: Clock) -> Result<Self, StateError> {
        tables::create(&database)?;
        let database = Arc::new(database);
        let (changes, arrived) = mpsc::channel(MAX_WAITING);
        let written = Arc::clone(&database);
        let writer = std::thread::Builder::new()
            .name("plugin-state".to_owned())
            .spawn(move || write(&written, arrived))
            .map_err(redb::Error::Io)?;
        Ok(Self {
            database,
            now,
            changes: Some(changes),
            writer: Some(writer),
        })
    }

    /// Makes `change`, and returns its outcome when that is committed.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Tables<'_>) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let (answer, answered) = oneshot::channel();
        let change: Change = Box::new(move |tables| {
            let outcome = change(tables);
            // Whoever waited may have given up.
            Box::new(move |committed| drop(answer.send(committed.and(outcome))))
        });
        let stopped = || StateError::Storage("its writer has stopped".to_owned());
        let changes = self.changes.as_ref().ok_or_else(stopped)?;
        changes.send(change).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

impl Drop for StateStore {
    /// Waits for the last commit, so that the file is free again.
    fn drop(&mut self) {
        self.changes = None;
        if let Some(writer) = self.writer.take() {
            // It has nothing to say, and a panic in it was reported.
            let _ = writer.join();
        }
    }
}

fn clock() -> Clock {
    Arc::new(|| {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        u64::try_from(since_epoch.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
    })
}

/// Commits what arrives, until the store ends.
fn write(database: &Database, mut arrived: mpsc::Receiver<Change>) {
    let mut batch = Vec::with_capacity(MAX_WAITING);
    while arrived.blocking_recv_many(&mut batch, MAX_WAITING) > 0 {
        let mut answers = Vec::with_capacity(batch.len());
        let committed = commit(database, batch.drain(..), &mut answers);
        for answer in answers {
            answer(committed.clone());
        }
    }
}

fn commit(
    database: &Database,
    batch: impl Iterator<Item = Change>,
    answers: &mut Vec<Answer>,
) -> Result<(), StateError> {
    let transaction = database.begin_write()?;
    let mut tables = Tables::open(&transaction)?;
    answers.extend(batch.map(|change| change(&mut tables)));
    drop(tables);
    Ok(transaction.commit()?)
}

/// The part of the store that belongs to one plugin.
#[derive(Clone)]
pub struct StateSpace {
    store: Arc<StateStore>,
    plugin: Arc<str>,
    max_bytes: u64,
}

impl StateSpace {
    /// The space of `plugin`, which may hold keys and values of `max_bytes` together.
    pub fn new(store: Arc<StateStore>, plugin: &str, max_bytes: u64) -> Self {
        Self {
            store,
            plugin: plugin.into(),
            max_bytes,
        }
    }

    /// The value of `key`. Takes microseconds.
    ///
    /// # Errors
    /// The storage failed.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        let entries = self.store.database.begin_read()?.open_table(ENTRIES)?;
        let entry = redb::ReadableTable::get(&entries, (&*self.plugin, key))?;
        let now = (self.store.now)();
        Ok(entry.and_then(|entry| {
            let (expires_at, value) = entry.value();
            (expires_at > now).then(|| value.to_vec())
        }))
    }

    /// Keeps `value` under `key`, for a time if one is given.
    ///
    /// # Errors
    /// It does not fit, or the storage failed.
    pub async fn set(
        &self,
        key: String,
        value: Vec<u8>,
        ttl_seconds: Option<u32>,
    ) -> Result<(), StateError> {
        check_size(&key, &value)?;
        self.change(move |space| {
            let expires_at = space.expires_at(ttl_seconds);
            space.put(&key, &value, expires_at)
        })
        .await
    }

    /// Forgets `key`.
    ///
    /// # Errors
    /// The storage failed.
    pub async fn remove(&self, key: String) -> Result<(), StateError> {
        self.change(move |space| space.remove(&key)).await
    }

    /// Adds `by` to the number under `key`, which is kept as decimal text. A missing one begins at
    /// 0, with the time to live; one that is there keeps its own.
    ///
    /// # Errors
    /// It is no number, it does not fit, or the storage failed.
    pub async fn increment(
        &self,
        key: String,
        by: i64,
        ttl_seconds: Option<u32>,
    ) -> Result<i64, StateError> {
        check_size(&key, &[])?;
        self.change(move |space| {
            let (number, expires_at) = match space.get(&key)? {
                Some((expires_at, value)) => (number(&value)?, expires_at),
                None => (0, space.expires_at(ttl_seconds)),
            };
            let sum = number.checked_add(by).ok_or(StateError::NoNumber)?;
            space.put(&key, sum.to_string().as_bytes(), expires_at)?;
            Ok(sum)
        })
        .await
    }

    /// Replaces what is `expected` under `key` by `value`, which keeps the time to live that is
    /// left; whether it was that.
    ///
    /// # Errors
    /// It does not fit, or the storage failed.
    pub async fn swap(
        &self,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<bool, StateError> {
        check_size(&key, &value)?;
        self.change(move |space| {
            let (expires_at, found) = match space.get(&key)? {
                Some((expires_at, found)) => (expires_at, Some(found)),
                None => (tables::NEVER, None),
            };
            if found != expected {
                return Ok(false);
            }
            space.put(&key, &value, expires_at)?;
            Ok(true)
        })
        .await
    }

    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut tables::Space<'_, '_>) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let (plugin, max_bytes) = (Arc::clone(&self.plugin), self.max_bytes);
        let now = Arc::clone(&self.store.now);
        self.store
            .change(move |tables| {
                let mut space = tables.space(&plugin, max_bytes, now());
                space.remove_expired(REMOVED_PER_CHANGE)?;
                change(&mut space)
            })
            .await
    }
}

fn check_size(key: &str, value: &[u8]) -> Result<(), StateError> {
    match key.len() <= MAX_KEY && value.len() <= MAX_VALUE {
        true => Ok(()),
        false => Err(StateError::TooLarge),
    }
}

fn number(value: &[u8]) -> Result<i64, StateError> {
    let text = str::from_utf8(value).map_err(|_| StateError::NoNumber)?;
    text.parse().map_err(|_| StateError::NoNumber)
}
