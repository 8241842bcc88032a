//! The role of a whole storage back end.

use std::time::SystemTime;

use crate::sinks::Page;
use crate::{Entry, Lifecycle, StorageError};

/// A whole storage back end. Keys are those of a [`Location`](crate::Location): relative, with `/`
/// between parts, and empty for the root.
///
/// Bytes move in pieces, one call each, when the host can take or give the next. An instance that
/// holds a [`Reader`] or an [`Incoming`] serves that transfer alone until it is done; everything
/// else may be asked of any instance.
///
/// What [`StorageSink::features`] does not name is not asked for, and need not be written.
pub trait StorageSink: Lifecycle {
    /// What it can do beyond reading, storing and deleting; told once when it is loaded.
    fn features(&self) -> Vec<Feature> {
        Vec::new()
    }

    /// What stands at `key`.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] and the others.
    fn stat(&self, key: &str) -> Result<Entry, StorageError>;

    /// What stands in the directory, at most `limit` entries after the page before, in an order
    /// that stays the same.
    ///
    /// # Errors
    /// [`StorageError::NotDirectory`] and the others.
    fn browse(&self, key: &str, limit: u32, after: Option<&str>) -> Result<Page, StorageError>;

    /// Opens a file for reading from the byte at `offset`.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] and the others.
    fn open(&self, key: &str, offset: u64) -> Result<Box<dyn Reader>, StorageError>;

    /// Begins to store a file. `size_hint` is what the client announced, in bytes.
    ///
    /// # Errors
    /// [`StorageError::NoSpace`] and the others.
    fn begin_upload(
        &self,
        key: &str,
        at: Start,
        size_hint: Option<u64>,
    ) -> Result<Box<dyn Incoming>, StorageError>;

    /// Deletes a file.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] and the others.
    fn delete(&self, key: &str) -> Result<(), StorageError>;

    /// Gives a file or directory another key, over a file that is there if `replace`, which it is
    /// for files only.
    ///
    /// # Errors
    /// [`StorageError::Exists`] where something stands there that stays, and the others.
    fn rename(&self, source: &str, target: &str, replace: bool) -> Result<(), StorageError> {
        let _ = (source, target, replace);
        Err(StorageError::Unsupported)
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// [`StorageError::Exists`] and the others.
    fn make_directory(&self, key: &str) -> Result<(), StorageError> {
        let _ = key;
        Err(StorageError::Unsupported)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`StorageError::NotEmpty`] and the others.
    fn remove_directory(&self, key: &str) -> Result<(), StorageError> {
        let _ = key;
        Err(StorageError::Unsupported)
    }

    /// Sets when a file was last changed.
    ///
    /// # Errors
    /// See [`StorageError`].
    fn set_modified(&self, key: &str, modified: SystemTime) -> Result<(), StorageError> {
        let _ = (key, modified);
        Err(StorageError::Unsupported)
    }

    /// Bytes that can still be stored; `None` where nobody knows.
    ///
    /// # Errors
    /// See [`StorageError`].
    fn available(&self) -> Result<Option<u64>, StorageError> {
        Ok(None)
    }
}

/// The content of one file, from where it was opened.
pub trait Reader: 'static {
    /// The next bytes, at most `length`; none at the end. Fewer need not be the end.
    ///
    /// # Errors
    /// See [`StorageError`].
    fn read(&mut self, length: u32) -> Result<Vec<u8>, StorageError>;
}

/// A file that is being stored. Nobody sees it before it is published; dropped without that, it is
/// discarded.
pub trait Incoming: 'static {
    /// The next bytes.
    ///
    /// # Errors
    /// [`StorageError::NoSpace`] and the others.
    fn write(&mut self, piece: &[u8]) -> Result<(), StorageError>;

    /// Makes it visible as a whole under `key`, as durably as the back end can: over a file that is
    /// there if `replace`. Otherwise what is there stays, however shortly before it came.
    ///
    /// # Errors
    /// [`StorageError::Exists`] where it may not replace what is there, and the others.
    fn publish(self: Box<Self>, key: &str, replace: bool) -> Result<Entry, StorageError>;

    /// Throws away what was written.
    ///
    /// # Errors
    /// See [`StorageError`].
    fn discard(self: Box<Self>) -> Result<(), StorageError>;

    /// Reads back what was written so far, for the gates.
    ///
    /// # Errors
    /// [`StorageError::Unsupported`] where it cannot, which is the default.
    fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, StorageError> {
        let _ = (offset, length);
        Err(StorageError::Unsupported)
    }
}

/// Where an upload's first byte goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Into a new file, over one that is there.
    Replace,
    /// Behind the last byte; a missing file is made.
    Append,
    /// To this byte of a file that is there: what the new bytes do not reach stays.
    Resume(u64),
}

/// What a back end can do beyond reading, storing and deleting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// [`Start::Append`]
    Append,
    /// [`Start::Resume`]
    Resume,
    /// [`StorageSink::rename`]
    Rename,
    /// [`StorageSink::make_directory`] and [`StorageSink::remove_directory`]
    Directories,
    /// [`StorageSink::set_modified`]
    SetModified,
    /// [`Incoming::read`]
    ReadBack,
}

impl Feature {
    /// The name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Resume => "resume",
            Self::Rename => "rename",
            Self::Directories => "directories",
            Self::SetModified => "set-modified",
            Self::ReadBack => "read-back",
        }
    }
}
