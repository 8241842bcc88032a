//! What stores files: the interface that every sink stands behind.
//!
//! A sink is synchronous and is called from blocking threads only. Nothing that is uploaded can be
//! seen before [`Upload::commit`]; dropping an upload discards it.

use std::fmt;
use std::fs::File;

use wharf_protocol::listing::Entry;
use wharf_protocol::timestamp::Timestamp;

pub use self::error::SinkError;
pub use self::key::{InvalidKey, Key};
pub use self::location::Location;
pub use self::staged::StagedUpload;

mod error;
mod free_name;
pub mod fs;
pub mod kept;
mod key;
mod location;
mod locks;
pub mod plugin;
pub mod s3;
mod staged;
#[cfg(test)]
mod suite;

/// The entries of one directory, in no order, read as they are asked for.
pub type Entries = Box<dyn Iterator<Item = Result<Entry, SinkError>> + Send>;

/// A tree of files and directories below one root.
///
/// Every method may block for as long as the storage behind it takes.
pub trait Sink: Send + Sync + fmt::Debug {
    /// Describe what stands at `key`. A symbolic link is described by what it leads to.
    fn stat(&self, key: &Key) -> Result<Entry, SinkError>;

    /// List a directory in bounded memory, whatever its size.
    fn list(&self, directory: &Key) -> Result<Entries, SinkError>;

    /// Open a file whose first byte read is the one at `offset`, at most the file's size.
    fn open(&self, file: &Key, offset: u64) -> Result<Box<dyn Reader>, SinkError>;

    /// Begin an upload; the directory that will hold it must exist.
    fn create(&self, file: &Key, mode: WriteMode) -> Result<Box<dyn Upload>, SinkError>;

    /// Make a directory in one that exists.
    fn make_directory(&self, directory: &Key) -> Result<(), SinkError>;

    /// Remove a directory that shows nothing.
    fn remove_directory(&self, directory: &Key) -> Result<(), SinkError>;

    /// Remove a file, or a link but not what it leads to.
    fn remove(&self, file: &Key) -> Result<(), SinkError>;

    /// Rename a file or directory at once: `existing` says what becomes of a file that a file is
    /// renamed to, and whatever else stands there is [`SinkError::Exists`].
    fn rename(&self, source: &Key, target: &Key, existing: Existing) -> Result<(), SinkError>;

    /// Whether [`Self::set_modified`] can work, as clients are told before they try.
    fn keeps_times(&self) -> bool;

    /// Set when `key` was last modified.
    fn set_modified(&self, key: &Key, modified: Timestamp) -> Result<(), SinkError>;

    /// Set the permission bits of `key`, at most `0o7777`.
    fn set_mode(&self, key: &Key, mode: u32) -> Result<(), SinkError>;

    /// How many bytes can still be stored near `key`.
    fn available(&self, key: &Key) -> Result<u64, SinkError>;
}

/// What an upload does to what stands at its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// STOR: a file there is replaced.
    Replace,
    /// REST and STOR: the file there is overwritten from this offset on, at most its size.
    At(u64),
    /// APPE: bytes are added at the end; a missing file is made.
    Append,
    /// STOU: where something stands at the key, a free name that begins like it is chosen;
    /// [`Upload::key`] tells which.
    Unique,
}

impl WriteMode {
    /// Whether the client asked to go on with a file, so that what came before an interruption is
    /// worth keeping.
    pub fn resumes(self) -> bool {
        matches!(self, Self::At(1..) | Self::Append)
    }
}

/// A file that is open for reading, forwards.
pub trait Reader: Send {
    /// The size of the whole file in bytes.
    fn size(&self) -> u64;

    /// The file itself where the kernel can send from it; its position is the next byte to read.
    fn as_file(&self) -> Option<&File>;

    /// Read up to `buffer.len()` bytes; 0 is the end of the file.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SinkError>;
}

/// What becomes of a file that stands where an upload is committed, or a file is renamed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced.
    Replaced,
    /// It stays, however shortly before it came, and the answer is [`SinkError::Exists`].
    Kept,
}

/// An upload that nobody sees yet.
pub trait Upload: Send {
    /// Where it will stand.
    fn key(&self) -> &Key;

    /// Add all of `bytes`.
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError>;

    /// The last byte was written: what it holds for more of them goes, since whoever decides on it
    /// may take his time.
    fn all_in(&mut self) {}

    /// The size the whole file will have, in bytes.
    fn size(&self) -> Result<u64, SinkError>;

    /// Whether [`Self::read_at`] reads what was written, however much that is.
    fn reads_back(&self) -> bool;

    /// Whether [`Self::commit_to`] takes another key than that of the upload, however much was
    /// written.
    fn relocates(&self) -> bool;

    /// Read what the file will hold, from `offset` on; 0 bytes is its end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SinkError>;

    /// Make it visible at its key, as durable as the sink was configured. One that goes on from a
    /// file is refused with [`SinkError::Changed`] where that file is no longer what it was.
    fn commit(self: Box<Self>) -> Result<(), SinkError>;

    /// Make it visible at any key of the same sink.
    fn commit_to(self: Box<Self>, key: &Key, existing: Existing) -> Result<(), SinkError>;

    /// The place whose quota is told of it by the commit itself, where there is one.
    fn counts_in(&self) -> Option<&Location> {
        None
    }

    /// It is read from now on and not committed: what else it holds goes, so that nobody who copies
    /// it waits for that.
    fn let_go(&mut self) {}

    /// The transfer broke off: keep what came where resuming was asked for, else discard.
    fn interrupt(self: Box<Self>) -> Result<(), SinkError>;
}
