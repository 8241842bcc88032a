//! `storage-sink`: every name that ends in `-f` is a file of four bytes, every one that ends in
//! `-d` an empty directory, and what is stored is thrown away. `FUNCTION-DEED-…` in the name asks
//! for a deed in that function, such as `read-trap-f` for each piece of a file that is read.
//!
//! `excess`: more than was asked for.

use wharf_plugin::sinks::Page;
use wharf_plugin::{
    Entry, EntryKind, Failure, Feature, Incoming, Reader, Start, StorageError, StorageSink,
};

use crate::deed::perform;
use crate::{Obliging, Settings, asked};

/// What every file holds.
const CONTENT: &[u8] = b"four";

/// Does what the name of `key` asks `function` for.
fn obey(function: &str, key: &str, settings: &Settings) -> Result<(), StorageError> {
    let deed = asked(key, function).unwrap_or_default();
    perform(deed, settings).map_err(|failure: Failure| StorageError::Failed(failure.to_string()))
}

impl StorageSink for Obliging {
    fn features(&self) -> Vec<Feature> {
        vec![Feature::Rename, Feature::Directories, Feature::SetModified]
    }

    fn stat(&self, key: &str) -> Result<Entry, StorageError> {
        obey("stat", key, &self.settings)?;
        let kind = match key.rsplit('-').next() {
            Some("f") => EntryKind::File,
            Some("d" | "") => EntryKind::Directory,
            _ => return Err(StorageError::NotFound),
        };
        let name = key.rsplit('/').next().filter(|name| !name.is_empty());
        Ok(Entry {
            name: name.unwrap_or("root").to_owned(),
            kind,
            size: CONTENT.len() as u64,
            modified: None,
        })
    }

    fn browse(&self, key: &str, limit: u32, _: Option<&str>) -> Result<Page, StorageError> {
        obey("browse", key, &self.settings)?;
        let count = match asked(key, "browse") {
            Some("excess") => limit + 1,
            _ => 0,
        };
        let entry = |number: u32| Entry {
            name: number.to_string(),
            ..Entry::default()
        };
        Ok(Page {
            entries: (0..count).map(entry).collect(),
            next: None,
        })
    }

    fn open(&self, key: &str, _: u64) -> Result<Box<dyn Reader>, StorageError> {
        obey("open", key, &self.settings)?;
        Ok(Box::new(Transfer::new(self, key)))
    }

    fn begin_upload(
        &self,
        key: &str,
        _: Start,
        _: Option<u64>,
    ) -> Result<Box<dyn Incoming>, StorageError> {
        obey("begin", key, &self.settings)?;
        Ok(Box::new(Transfer::new(self, key)))
    }

    fn delete(&self, key: &str) -> Result<(), StorageError> {
        obey("delete", key, &self.settings)
    }

    fn rename(&self, source: &str, _: &str, _: bool) -> Result<(), StorageError> {
        obey("rename", source, &self.settings)
    }

    fn make_directory(&self, key: &str) -> Result<(), StorageError> {
        obey("make", key, &self.settings)
    }

    fn remove_directory(&self, key: &str) -> Result<(), StorageError> {
        obey("remove", key, &self.settings)
    }

    fn set_modified(&self, key: &str, _: std::time::SystemTime) -> Result<(), StorageError> {
        obey("time", key, &self.settings)
    }
}

/// A file that is read or stored.
struct Transfer {
    key: String,
    settings: Settings,
    left: &'static [u8],
}

impl Transfer {
    fn new(plugin: &Obliging, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            settings: plugin.settings.clone(),
            left: CONTENT,
        }
    }
}

impl Reader for Transfer {
    fn read(&mut self, length: u32) -> Result<Vec<u8>, StorageError> {
        obey("read", &self.key, &self.settings)?;
        if asked(&self.key, "read") == Some("excess") {
            return Ok(vec![0; length as usize + 1]);
        }
        Ok(std::mem::take(&mut self.left).to_vec())
    }
}

impl Incoming for Transfer {
    fn write(&mut self, _: &[u8]) -> Result<(), StorageError> {
        obey("write", &self.key, &self.settings)
    }

    fn publish(self: Box<Self>, key: &str, _: bool) -> Result<Entry, StorageError> {
        obey("publish", key, &self.settings)?;
        Ok(Entry {
            name: key.rsplit('/').next().unwrap_or(key).to_owned(),
            ..Entry::default()
        })
    }

    fn discard(self: Box<Self>) -> Result<(), StorageError> {
        Ok(())
    }
}
