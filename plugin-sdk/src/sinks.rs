//! The configured sinks, as far as `[allow] sinks` names them: for small files beside the clients'
//! own, such as a receipt or a list. The bytes of a client never pass here.

use crate::{Entry, Location, StorageError, host};

/// What stands at `place`.
///
/// # Errors
/// See [`StorageError`].
pub fn stat(place: &Location) -> Result<Entry, StorageError> {
    host::sink_stat(place)
}

/// The bytes from `offset`, at most `length` and at most 1 MiB of them; none at the end.
///
/// # Errors
/// See [`StorageError`].
pub fn read(place: &Location, offset: u64, length: u32) -> Result<Vec<u8>, StorageError> {
    host::sink_read(place, offset, length)
}

/// Stores a whole small file, over one that is there.
///
/// # Errors
/// See [`StorageError`].
pub fn put(place: &Location, data: &[u8]) -> Result<(), StorageError> {
    host::sink_put(place, data)
}

/// Copies a file, over one that is there.
///
/// # Errors
/// See [`StorageError`].
pub fn copy(source: &Location, target: &Location) -> Result<(), StorageError> {
    host::sink_copy(source, target)
}

/// Deletes a file.
///
/// # Errors
/// See [`StorageError`].
pub fn delete(place: &Location) -> Result<(), StorageError> {
    host::sink_delete(place)
}

/// What stands in a directory: at most `limit` entries, after the page before.
///
/// # Errors
/// See [`StorageError`].
pub fn browse(place: &Location, limit: u32, after: Option<&str>) -> Result<Page, StorageError> {
    host::sink_browse(place, limit, after)
}

/// A part of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In an order that stays the same.
    pub entries: Vec<Entry>,
    /// Handed to the next call to get the next page; none after the last.
    pub next: Option<String>,
}
