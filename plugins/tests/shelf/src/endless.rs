//! Files that are not kept: as large as a test wants them.

use std::time::SystemTime;

use wharf_plugin::{Entry, EntryKind, Incoming, Reader, StorageError};

use crate::tree;

/// The size of a file that only its name says.
pub fn size(key: &str) -> Option<u64> {
    tree::split(key).1.strip_prefix("zeros-")?.parse().ok()
}

/// Whether what is stored there is thrown away.
pub fn is_void(key: &str) -> bool {
    tree::split(key).1.starts_with("void-")
}

/// So many zeros.
pub struct Zeros(u64);

impl Zeros {
    pub fn new(left: u64) -> Self {
        Self(left)
    }
}

impl Reader for Zeros {
    fn read(&mut self, length: u32) -> Result<Vec<u8>, StorageError> {
        let count = self.0.min(length.into());
        self.0 -= count;
        Ok(vec![0; count as usize])
    }
}

/// Counts what is stored.
#[derive(Default)]
pub struct Void(u64);

impl Incoming for Void {
    fn write(&mut self, piece: &[u8]) -> Result<(), StorageError> {
        self.0 += piece.len() as u64;
        Ok(())
    }

    fn publish(self: Box<Self>, key: &str, _: bool) -> Result<Entry, StorageError> {
        Ok(Entry {
            name: tree::split(key).1.to_owned(),
            kind: EntryKind::File,
            size: self.0,
            modified: None::<SystemTime>,
        })
    }

    fn discard(self: Box<Self>) -> Result<(), StorageError> {
        Ok(())
    }
}
