//! A whole storage back end: small files in one directory, kept in the plugin's state.
//!
//! What lasts lies in the back end, and never in an instance, of which there are several: here a
//! value for each content, and one for the list of files. Whoever changes that list decides.

use std::collections::BTreeMap;

use wharf_plugin::sinks::Page;
use wharf_plugin::{
    Entry, EntryKind, Feature, Incoming, Reader, Start, StorageError, StorageSink, state,
};

use crate::Settings;

/// Of a file, in bytes: a value of the state is not larger.
const LARGEST: usize = 64 * 1024;

impl StorageSink for Settings {
    /// What is not named is not asked for: to append and resume, directories, times.
    fn features(&self) -> Vec<Feature> {
        vec![Feature::Rename, Feature::ReadBack]
    }

    fn stat(&self, key: &str) -> Result<Entry, StorageError> {
        match key {
            "" => Ok(entry("", EntryKind::Directory, 0)),
            _ => Ok(entry(key, EntryKind::File, find(key)?.size)),
        }
    }

    /// `after` is what the page before had as `next`: here its last name.
    fn browse(&self, key: &str, limit: u32, after: Option<&str>) -> Result<Page, StorageError> {
        if !key.is_empty() {
            find(key)?;
            return Err(StorageError::NotDirectory);
        }
        let (_, files) = list()?;
        let mut rest = files
            .iter()
            .filter(|(name, _)| after.is_none_or(|after| name.as_str() > after));
        let page = rest.by_ref().take(limit as usize);
        let entries: Vec<Entry> = page
            .map(|(name, file)| entry(name, EntryKind::File, file.size))
            .collect();
        let last = entries.last().map(|entry| entry.name.clone());
        let next = rest.next().and(last);
        Ok(Page { entries, next })
    }

    fn open(&self, key: &str, offset: u64) -> Result<Box<dyn Reader>, StorageError> {
        if key.is_empty() {
            return Err(StorageError::IsDirectory);
        }
        let content = state::get(&content(find(key)?.id)).map_err(failed)?;
        // Somebody else has just removed it.
        let content = content.ok_or(StorageError::NotFound)?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = content.get(offset..).unwrap_or_default();
        Ok(Box::new(Rest(rest.to_vec())))
    }

    fn begin_upload(
        &self,
        key: &str,
        _at: Start,
        _size_hint: Option<u64>,
    ) -> Result<Box<dyn Incoming>, StorageError> {
        check(key)?;
        Ok(Box::new(Staged(Vec::new())))
    }

    fn delete(&self, key: &str) -> Result<(), StorageError> {
        let removed = change(|files| files.remove(key).ok_or(StorageError::NotFound))?;
        forget(removed.id);
        Ok(())
    }

    fn rename(&self, source: &str, target: &str, replace: bool) -> Result<(), StorageError> {
        check(target)?;
        let replaced = change(|files| {
            let file = files.remove(source).ok_or(StorageError::NotFound)?;
            put(files, target, file, replace)
        })?;
        if let Some(file) = replaced {
            forget(file.id);
        }
        Ok(())
    }
}

/// What is still to be read.
struct Rest(Vec<u8>);

impl Reader for Rest {
    fn read(&mut self, length: u32) -> Result<Vec<u8>, StorageError> {
        let length = self.0.len().min(length as usize);
        Ok(self.0.drain(..length).collect())
    }
}

/// What came of a file that nobody sees yet. A larger one would go to the back end meanwhile.
struct Staged(Vec<u8>);

impl Incoming for Staged {
    fn write(&mut self, piece: &[u8]) -> Result<(), StorageError> {
        if self.0.len() + piece.len() > LARGEST {
            return Err(StorageError::QuotaExceeded);
        }
        self.0.extend_from_slice(piece);
        Ok(())
    }

    fn publish(self: Box<Self>, key: &str, replace: bool) -> Result<Entry, StorageError> {
        check(key)?;
        let id = state::increment("contents", 1, None).map_err(failed)?;
        state::set(&content(id), &self.0, None).map_err(failed)?;
        let size = self.0.len() as u64;
        let replaced = change(|files| put(files, key, File { id, size }, replace));
        match replaced {
            Ok(None) => {}
            Ok(Some(file)) => forget(file.id),
            Err(error) => {
                forget(id);
                return Err(error);
            }
        }
        Ok(entry(key, EntryKind::File, size))
    }

    fn discard(self: Box<Self>) -> Result<(), StorageError> {
        Ok(())
    }

    fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, StorageError> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.0.get(offset..).unwrap_or_default();
        Ok(rest[..rest.len().min(length as usize)].to_vec())
    }
}

/// A file of the list.
struct File {
    /// Of its content: no other has had the same.
    id: i64,
    /// In bytes.
    size: u64,
}

/// By their names.
type Files = BTreeMap<String, File>;

/// Where the list is kept: `ID SIZE NAME` in each line.
const LIST: &str = "files";

/// The list, and the value that it is read from.
fn list() -> Result<(Option<Vec<u8>>, Files), StorageError> {
    let value = state::get(LIST).map_err(failed)?;
    let text = String::from_utf8_lossy(value.as_deref().unwrap_or_default());
    let file = |line: &str| {
        let (id, rest) = line.split_once(' ')?;
        let (size, name) = rest.split_once(' ')?;
        let file = File {
            id: id.parse().ok()?,
            size: size.parse().ok()?,
        };
        Some((name.to_owned(), file))
    };
    let files = text.lines().filter_map(file).collect();
    Ok((value, files))
}

fn find(key: &str) -> Result<File, StorageError> {
    list()?.1.remove(key).ok_or(StorageError::NotFound)
}

/// Changes the list; once more, where somebody else has changed it meanwhile.
fn change<R>(change: impl Fn(&mut Files) -> Result<R, StorageError>) -> Result<R, StorageError> {
    loop {
        let (before, mut files) = list()?;
        let changed = change(&mut files)?;
        let lines = files.iter();
        let lines = lines.map(|(name, File { id, size })| format!("{id} {size} {name}\n"));
        let after: String = lines.collect();
        if state::swap(LIST, before.as_deref(), after.as_bytes()).map_err(failed)? {
            return Ok(changed);
        }
    }
}

/// Puts a file into the list; what had its name is returned.
fn put(
    files: &mut Files,
    name: &str,
    file: File,
    replace: bool,
) -> Result<Option<File>, StorageError> {
    match files.contains_key(name) && !replace {
        true => Err(StorageError::Exists),
        false => Ok(files.insert(name.to_owned(), file)),
    }
}

/// Nothing but the one directory is there to store into.
fn check(key: &str) -> Result<(), StorageError> {
    match key.contains('/') {
        true => Err(StorageError::NotFound),
        false => Ok(()),
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

/// Where a content is kept.
fn content(id: i64) -> String {
    format!("content/{id}")
}

/// Nothing leads to it any more: if it cannot be removed, it takes room and does no harm.
fn forget(id: i64) {
    let _ = state::remove(&content(id));
}

fn failed(error: state::Error) -> StorageError {
    match error {
        state::Error::Quota | state::Error::TooLarge => StorageError::NoSpace,
        state::Error::NotGranted => StorageError::NotGranted(error.to_string()),
        state::Error::Unavailable(why) => StorageError::Failed(why),
    }
}
