//! A file that a plugin stores, and that nobody sees before it is published.

use std::sync::{Mutex, PoisonError};

use wharf_protocol::listing::Entry;
use wharf_protocol::timestamp::Timestamp;

use super::PluginSink;
use crate::plugin::storage_sink::{Feature, LeasedUpload, Start};
use crate::sink::free_name::FreeName;
use crate::sink::{Existing, Key, SinkError, Upload, WriteMode};

/// The most that is handed over at once: it is copied into the guest's memory.
const PIECE: usize = 256 * 1024;

struct PluginUpload {
    sink: PluginSink,
    key: Key,
    mode: WriteMode,
    /// What stood there when the upload began.
    there: Option<Version>,
    /// Whether what was written can be read.
    reads_back: bool,
    /// Held until the upload is over.
    _name: Option<FreeName>,
    /// The byte behind the last one that was written.
    end: u64,
    /// Read back by whoever decides on it, who only has it by reference.
    staged: Mutex<Option<LeasedUpload>>,
}

/// Tells one state of a file from another, as far as the plugin tells.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Version {
    size: u64,
    modified: Option<Timestamp>,
}

impl From<&Entry> for Version {
    fn from(entry: &Entry) -> Self {
        Self {
            size: entry.size,
            modified: entry.modified,
        }
    }
}

/// Begins an upload to `key`, where `there` stands.
pub(super) fn begin(
    sink: &PluginSink,
    key: Key,
    mode: WriteMode,
    start: Start,
    there: Option<Entry>,
    name: Option<FreeName>,
) -> Result<Box<dyn Upload>, SinkError> {
    let plugin = sink.plugin()?;
    // Asked before it has an instance: nothing may wait for a second one that holds a first.
    let reads_back = sink.wait(plugin.sink_can(Feature::ReadBack))?;
    let mut upload = PluginUpload {
        sink: sink.clone(),
        mode,
        _name: name,
        there: there.as_ref().map(Version::from),
        end: match start {
            Start::Replace => 0,
            Start::Append => there.as_ref().map_or(0, |entry| entry.size),
            Start::Resume(offset) => offset,
        },
        reads_back,
        staged: Mutex::default(),
        key,
    };
    let staged = sink.wait(plugin.sink_begin_upload(upload.key.as_str(), start))?;
    *staged_of(&mut upload) = Some(staged);
    Ok(Box::new(upload))
}

fn staged_of(upload: &mut PluginUpload) -> &mut Option<LeasedUpload> {
    upload
        .staged
        .get_mut()
        .unwrap_or_else(PoisonError::into_inner)
}

impl PluginUpload {
    fn publish(mut self, key: &Key, existing: Existing) -> Result<(), SinkError> {
        let Some(staged) = staged_of(&mut self).take() else {
            return Ok(());
        };
        self.sink.wait(staged.publish(key.as_str(), existing))
    }

    /// Whether what it goes on from is still what it was. What does not come through this host may
    /// be faster between this and the publication: the contract has no such condition that the back
    /// end checks.
    fn check_unchanged(&mut self, there: Version) -> Result<(), SinkError> {
        let (sink, key) = (self.sink.clone(), self.key.clone());
        let Some(staged) = staged_of(self) else {
            return Ok(());
        };
        match sink.wait(staged.stat(key.as_str())) {
            Ok(entry) if Version::from(&entry) == there => Ok(()),
            Ok(_) | Err(SinkError::NotFound) => Err(SinkError::Changed),
            Err(error) => Err(error),
        }
    }
}

impl Upload for PluginUpload {
    fn key(&self) -> &Key {
        &self.key
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let runtime = self.sink.runtime.clone();
        for piece in bytes.chunks(PIECE) {
            if let Some(staged) = staged_of(self) {
                runtime.block_on(staged.write(piece.to_vec()))?;
            }
            self.end += piece.len() as u64;
        }
        Ok(())
    }

    fn size(&self) -> Result<u64, SinkError> {
        let before = self.there.map_or(0, |there| there.size);
        Ok(match self.mode {
            WriteMode::At(1..) => self.end.max(before),
            _ => self.end,
        })
    }

    fn reads_back(&self) -> bool {
        self.reads_back
    }

    fn relocates(&self) -> bool {
        true
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SinkError> {
        if !self.reads_back {
            return Err(SinkError::Unsupported);
        }
        let mut staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(staged) = staged.as_mut() else {
            return Ok(0);
        };
        let length = u32::try_from(buffer.len().min(PIECE)).unwrap_or(u32::MAX);
        let piece = self.sink.wait(staged.read(offset, length))?;
        buffer[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }

    fn commit(mut self: Box<Self>) -> Result<(), SinkError> {
        let (sink, key) = (self.sink.clone(), self.key.clone());
        let _held = sink.wait(sink.locks.hold(&[&key]));
        let existing = match (self.mode, self.there) {
            (WriteMode::Unique, _) | (WriteMode::Append, None) => Existing::Kept,
            (mode, Some(there)) if mode.resumes() => {
                self.check_unchanged(there)?;
                Existing::Replaced
            }
            _ => Existing::Replaced,
        };
        self.publish(&key, existing)
    }

    fn commit_to(self: Box<Self>, key: &Key, existing: Existing) -> Result<(), SinkError> {
        let sink = self.sink.clone();
        let _held = sink.wait(sink.locks.hold(&[key]));
        self.publish(key, existing)
    }

    fn interrupt(mut self: Box<Self>) -> Result<(), SinkError> {
        if self.mode.resumes() {
            return self.commit();
        }
        match staged_of(&mut self).take() {
            Some(staged) => self.sink.wait(staged.discard()),
            None => Ok(()),
        }
    }
}

impl Drop for PluginUpload {
    fn drop(&mut self) {
        if let Some(staged) = staged_of(self).take() {
            self.sink.runtime.spawn(async move {
                if let Err(error) = staged.discard().await {
                    tracing::warn!(%error, "what was staged of an upload could not be discarded");
                }
            });
        }
    }
}
