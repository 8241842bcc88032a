//! The `sinks` interface: the configured sinks, as far as `[allow] sinks` names them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;
use wharf_protocol::listing::{self, EntryKind};

use self::page::page;
use crate::limits::TRANSFER_BLOCK_BYTES;
use crate::metrics::Capability;
use crate::plugin::allow::{SinkAllowance, SinkOperation};
use crate::plugin::bindings::imports::wharf::plugin::sinks::{Host, Page};
use crate::plugin::bindings::imports::wharf::plugin::types::{
    Entry, EntryKind as WitKind, Location, StorageError,
};
use crate::plugin::denials::Denials;
use crate::plugin::instance::InstanceState;
use crate::plugin::text::one_line;
use crate::sink::{self, Key, Sink, SinkError, WriteMode};
use crate::sinks::Sinks;

mod page;
#[cfg(test)]
mod tests;

/// Of one `read`, in bytes.
const MAX_READ: u32 = 1024 * 1024;
/// Calls of one plugin that work at a time. Each has a thread, until the storage lets go of it:
/// also where the call that wanted it was given up.
const MAX_AT_WORK: usize = 16;

/// What one plugin reaches of the sinks. Its calls work on threads that may block.
pub struct SinkAccess {
    allowed: Vec<SinkAllowance>,
    sinks: Arc<Sinks>,
    denials: Arc<Denials>,
    places: Arc<Semaphore>,
}

/// Tells work that takes long that nobody waits for it any more.
#[derive(Clone, Debug, Default)]
struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    /// # Errors
    /// Nobody waits any more.
    fn check(&self) -> Result<(), SinkError> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(std::io::Error::from(std::io::ErrorKind::Interrupted).into()),
            false => Ok(()),
        }
    }
}

/// Lives as long as somebody waits.
struct Waiting(GivenUp);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// A key of a sink at which the plugin may do what it wants to.
struct Place {
    sink: Arc<dyn Sink>,
    key: Key,
}

type Answer<T> = Result<T, StorageError>;

impl SinkAccess {
    /// What is `allowed` of `sinks`.
    pub fn new(allowed: &[SinkAllowance], sinks: Arc<Sinks>, denials: Arc<Denials>) -> Self {
        Self {
            allowed: allowed.to_vec(),
            sinks,
            denials,
            places: Arc::new(Semaphore::new(MAX_AT_WORK)),
        }
    }

    async fn stat(&self, at: Location) -> Answer<Entry> {
        let Place { sink, key } = self.place(SinkOperation::Head, &at)?;
        self.work(move |_| {
            let entry = sink.stat(&key)?;
            let name = key.split().map_or("", |(_, name)| name);
            Ok(Entry {
                name: name.to_owned(),
                ..entry.into()
            })
        })
        .await
    }

    async fn read(&self, at: Location, offset: u64, length: u32) -> Answer<Vec<u8>> {
        let Place { sink, key } = self.place(SinkOperation::Get, &at)?;
        self.work(move |_| read(&*sink, &key, offset, length)).await
    }

    async fn put(&self, at: Location, data: Vec<u8>) -> Answer<()> {
        let Place { sink, key } = self.place(SinkOperation::Put, &at)?;
        let sinks = Arc::clone(&self.sinks);
        self.work(move |given_up| {
            let mut upload = sink.create(&key, WriteMode::Replace)?;
            upload.write(&data)?;
            given_up.check()?;
            upload.commit()?;
            let place = sink::Location::new(at.sink, key);
            sinks.quotas().stored(&place, data.len() as u64, None);
            Ok(())
        })
        .await
    }

    async fn copy(&self, source: Location, target: Location) -> Answer<()> {
        let source = self.place(SinkOperation::Copy, &source)?;
        let Place { sink, key } = self.place(SinkOperation::Put, &target)?;
        let sinks = Arc::clone(&self.sinks);
        self.work(move |given_up| {
            let mut reader = source.sink.open(&source.key, 0)?;
            let mut upload = sink.create(&key, WriteMode::Replace)?;
            let (mut block, mut size) = (vec![0; TRANSFER_BLOCK_BYTES], 0);
            loop {
                given_up.check()?;
                match reader.read(&mut block)? {
                    0 => break,
                    count => {
                        upload.write(&block[..count])?;
                        size += count as u64;
                    }
                }
            }
            upload.commit()?;
            let place = sink::Location::new(target.sink, key);
            sinks.quotas().stored(&place, size, None);
            Ok(())
        })
        .await
    }

    async fn delete(&self, at: Location) -> Answer<()> {
        let Place { sink, key } = self.place(SinkOperation::Delete, &at)?;
        let sinks = Arc::clone(&self.sinks);
        self.work(move |_| {
            sink.remove(&key)?;
            let place = sink::Location::new(at.sink, key);
            sinks.quotas().removed(&place);
            Ok(())
        })
        .await
    }

    async fn browse(&self, at: Location, limit: u32, after: Option<String>) -> Answer<Page> {
        let Place { sink, key } = self.place(SinkOperation::List, &at)?;
        self.work(move |given_up| {
            let entries = sink.list(&key)?.map(|entry| {
                given_up.check()?;
                entry
            });
            page(entries, limit, after.as_deref())
        })
        .await
    }

    fn place(&self, operation: SinkOperation, at: &Location) -> Answer<Place> {
        let key = Key::parse(&at.key).ok();
        let permits = |key: &Key| {
            let mut allowed = self.allowed.iter();
            allowed.any(|allowance| allowance.permits(operation, &at.sink, key))
        };
        let Some(key) = key.filter(permits) else {
            let what = format!(
                "{} {:?} in the sink {:?}",
                operation.word(),
                at.key,
                at.sink
            );
            let what = one_line(&what);
            self.denials.tell(Capability::Sinks, &what);
            return Err(StorageError::NotGranted(what));
        };
        let missing = || StorageError::Failed(format!("there is no sink {:?} here", at.sink));
        let sink = Arc::clone(self.sinks.named(&at.sink).ok_or_else(missing)?);
        Ok(Place { sink, key })
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&GivenUp) -> Result<T, SinkError> + Send + 'static,
    ) -> Answer<T> {
        let failed = |error: &dyn std::error::Error| StorageError::Failed(error.to_string());
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|error| failed(&error))?;
        let waiting = Waiting(GivenUp::default());
        let given_up = waiting.0.clone();
        let work = move || {
            let _place = place;
            work(&given_up)
        };
        let done = tokio::task::spawn_blocking(work).await;
        Ok(done.map_err(|error| failed(&error))??)
    }
}

fn read(sink: &dyn Sink, key: &Key, offset: u64, length: u32) -> Result<Vec<u8>, SinkError> {
    let mut reader = match sink.open(key, offset) {
        Err(SinkError::BeyondEnd) => return Ok(Vec::new()),
        opened => opened?,
    };
    let left = reader.size().saturating_sub(offset);
    let wanted = u64::from(length.min(MAX_READ)).min(left);
    let mut bytes = vec![0; usize::try_from(wanted).unwrap_or_default()];
    let mut filled = 0;
    while filled < bytes.len() {
        match reader.read(&mut bytes[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

impl Host for InstanceState {
    async fn stat(&mut self, at: Location) -> wasmtime::Result<Answer<Entry>> {
        Ok(self.granted.sinks.stat(at).await)
    }

    async fn read(
        &mut self,
        at: Location,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Answer<Vec<u8>>> {
        Ok(self.granted.sinks.read(at, offset, length).await)
    }

    async fn put(&mut self, at: Location, data: Vec<u8>) -> wasmtime::Result<Answer<()>> {
        Ok(self.granted.sinks.put(at, data).await)
    }

    async fn copy(&mut self, source: Location, target: Location) -> wasmtime::Result<Answer<()>> {
        Ok(self.granted.sinks.copy(source, target).await)
    }

    async fn delete(&mut self, at: Location) -> wasmtime::Result<Answer<()>> {
        Ok(self.granted.sinks.delete(at).await)
    }

    async fn browse(
        &mut self,
        at: Location,
        limit: u32,
        after: Option<String>,
    ) -> wasmtime::Result<Answer<Page>> {
        Ok(self.granted.sinks.browse(at, limit, after).await)
    }
}

impl From<listing::Entry> for Entry {
    fn from(entry: listing::Entry) -> Self {
        Self {
            name: entry.name().to_owned(),
            kind: match entry.kind {
                EntryKind::File => WitKind::File,
                EntryKind::Directory => WitKind::Directory,
                EntryKind::Symlink => WitKind::Other,
            },
            size: entry.size,
            modified_ms: entry.modified.and_then(|modified| {
                let seconds = u64::try_from(modified.unix_seconds()).ok()?;
                Some(seconds * 1000 + u64::from(modified.nanoseconds() / 1_000_000))
            }),
        }
    }
}

impl From<SinkError> for StorageError {
    fn from(error: SinkError) -> Self {
        let text = match &error {
            SinkError::Io(cause) | SinkError::Refused(cause) | SinkError::Misconfigured(cause) => {
                format!("{error}: {cause}")
            }
            _ => error.to_string(),
        };
        match error {
            SinkError::NotFound => Self::NotFound,
            SinkError::Exists => Self::Exists,
            SinkError::IsDirectory => Self::IsDirectory,
            SinkError::NotDirectory => Self::NotDirectory,
            SinkError::NotEmpty => Self::NotEmpty,
            SinkError::NoSpace => Self::NoSpace,
            SinkError::QuotaExceeded => Self::QuotaExceeded,
            SinkError::PermissionDenied | SinkError::Refused(_) | SinkError::Archived => {
                Self::PermissionDenied
            }
            SinkError::InvalidName => Self::InvalidName,
            SinkError::Unsupported => Self::Unsupported,
            _ => Self::Failed(text),
        }
    }
}
