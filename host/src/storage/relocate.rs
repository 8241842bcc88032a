//! A rename from one sink to another: the file is copied through the host.

use std::sync::atomic::{AtomicBool, Ordering};

use wharf_protocol::listing::EntryKind;

use super::view::View;
use super::{Place, StorageError};
use crate::limits;
use crate::sink::{Existing, SinkError, WriteMode};

/// Moves the file at `from` to `to`, where `existing` says what becomes of a file there. The copy
/// is visible as a whole before the source goes, so that wherever it breaks off the file is in one
/// place at least.
pub(super) fn file(
    view: &View,
    from: &Place,
    to: &Place,
    existing: Existing,
    cancelled: &AtomicBool,
) -> Result<(), StorageError> {
    let (source, target) = (&from.location.key, &to.location.key);
    let before = from.sink.stat(source)?;
    if before.kind == EntryKind::Directory {
        return Err(StorageError::DirectoryAcrossSinks);
    }
    // The commit sees to it; this spares the copy.
    if existing == Existing::Kept && to.is_taken()? {
        return Err(SinkError::Exists.into());
    }
    let mut reader = from.sink.open(source, 0)?;
    let mut upload = view.begin(to, WriteMode::Replace, Some(before.size))?;
    let mut block = vec![0; limits::TRANSFER_BLOCK_BYTES];
    loop {
        // Dropped, the upload leaves nothing.
        if cancelled.load(Ordering::Relaxed) {
            return Err(StorageError::Cancelled);
        }
        match reader.read(&mut block)? {
            0 => break,
            count => upload.write(&block[..count])?,
        }
    }
    drop(reader);
    // What somebody else stored there meanwhile must not be removed for the sake of what was read.
    if from.sink.stat(source)? != before {
        return Err(SinkError::Changed.into());
    }
    upload.commit_to(target, existing)?;
    if let Some(modified) = before.modified {
        match to.sink.set_modified(target, modified) {
            Ok(()) | Err(SinkError::Unsupported) => {}
            Err(error) => {
                tracing::warn!(%error, place = %to.location, "a moved file lost its time")
            }
        }
    }
    Ok(from.sink.remove(source)?)
}
