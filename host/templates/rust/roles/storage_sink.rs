//! A whole storage back end: here one file that can only be read.

use wharf_plugin::sinks::Page;
use wharf_plugin::{Entry, EntryKind, Incoming, Reader, Start, StorageError, StorageSink};

use crate::Settings;

const NAME: &str = "hello.txt";
const CONTENT: &[u8] = b"hello from a plugin\n";

impl StorageSink for Settings {
    fn stat(&self, key: &str) -> Result<Entry, StorageError> {
        match key {
            "" => Ok(entry("", EntryKind::Directory, 0)),
            NAME => Ok(entry(NAME, EntryKind::File, CONTENT.len() as u64)),
            _ => Err(StorageError::NotFound),
        }
    }

    fn browse(&self, key: &str, _limit: u32, after: Option<&str>) -> Result<Page, StorageError> {
        let entries = match (key, after) {
            ("", None) => vec![self.stat(NAME)?],
            ("", Some(_)) => Vec::new(),
            (NAME, _) => return Err(StorageError::NotDirectory),
            _ => return Err(StorageError::NotFound),
        };
        Ok(Page {
            entries,
            next: None,
        })
    }

    fn open(&self, key: &str, offset: u64) -> Result<Box<dyn Reader>, StorageError> {
        if self.stat(key)?.kind == EntryKind::Directory {
            return Err(StorageError::IsDirectory);
        }
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(Box::new(Rest(CONTENT.get(offset..).unwrap_or_default())))
    }

    fn begin_upload(
        &self,
        _key: &str,
        _at: Start,
        _size_hint: Option<u64>,
    ) -> Result<Box<dyn Incoming>, StorageError> {
        Err(StorageError::Unsupported)
    }

    fn delete(&self, _key: &str) -> Result<(), StorageError> {
        Err(StorageError::Unsupported)
    }
}

fn entry(name: &str, kind: EntryKind, size: u64) -> Entry {
    Entry {
        name: name.to_owned(),
        kind,
        size,
        modified: None,
    }
}

/// What is still to be read.
struct Rest(&'static [u8]);

impl Reader for Rest {
    fn read(&mut self, length: u32) -> Result<Vec<u8>, StorageError> {
        let length = self.0.len().min(length as usize);
        let (piece, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(piece.to_vec())
    }
}
