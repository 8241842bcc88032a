//! How much stands in a directory and below.

use std::io;

use wharf_protocol::listing::EntryKind;

use super::Amount;
use crate::sink::{Entries, Key, Sink, SinkError};

/// Directories within each other: more are links that lead back.
const DEPTH_MAX: usize = 128;
/// Entries that are looked at: more take longer than any client waits.
const ENTRIES_MAX: u64 = 10_000_000;

/// What stands at `root` and below; nothing where there is no such directory. Links to files count
/// as what they lead to. It blocks.
pub(super) fn amount(sink: &dyn Sink, root: &Key) -> Result<Amount, SinkError> {
    let mut amount = Amount::default();
    let mut seen = 0;
    // The directories on the way to where it is.
    let mut open: Vec<(Key, Entries)> = Vec::new();
    open.extend(entries(sink, root)?.map(|entries| (root.clone(), entries)));
    loop {
        let depth = open.len();
        let Some((directory, entries_of)) = open.last_mut() else {
            return Ok(amount);
        };
        let Some(entry) = entries_of.next() else {
            open.pop();
            continue;
        };
        let entry = entry?;
        seen += 1;
        if seen > ENTRIES_MAX || depth > DEPTH_MAX {
            let text = "there is too much to be measured for a quota";
            return Err(SinkError::Io(io::Error::other(text)));
        }
        match entry.kind {
            EntryKind::File => {
                amount = amount.and(Amount {
                    bytes: entry.size,
                    files: 1,
                });
            }
            EntryKind::Directory => {
                let below = directory.child(entry.name());
                let below = below.map_err(|_| SinkError::InvalidName)?;
                open.extend(entries(sink, &below)?.map(|entries| (below, entries)));
            }
            EntryKind::Symlink => {}
        }
    }
}

/// What a directory holds; `None` where there is none any more.
fn entries(sink: &dyn Sink, directory: &Key) -> Result<Option<Entries>, SinkError> {
    match sink.list(directory) {
        Ok(entries) => Ok(Some(entries)),
        Err(SinkError::NotFound | SinkError::NotDirectory) => Ok(None),
        Err(error) => Err(error),
    }
}
