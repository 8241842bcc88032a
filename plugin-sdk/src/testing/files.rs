//! Sinks in memory, and the content of an upload.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::{Location, Staged};

thread_local! {
    static FILES: RefCell<BTreeMap<Location, Vec<u8>>> = RefCell::default();
}

/// Puts a file into a sink.
pub fn put_file(place: &Location, content: impl Into<Vec<u8>>) {
    FILES.with_borrow_mut(|files| files.insert(place.clone(), content.into()));
}

/// The content of a file in a sink.
pub fn file(place: &Location) -> Option<Vec<u8>> {
    FILES.with_borrow(|files| files.get(place).cloned())
}

/// Runs `call` with the content of an upload.
pub fn staged<R>(content: impl Into<Vec<u8>>, call: impl FnOnce(&Staged<'_>) -> R) -> R {
    call(&Staged(&host::Staged(content.into())))
}

pub(super) mod host {
    use std::collections::BTreeMap;

    use super::FILES;
    use crate::sinks::Page;
    use crate::{Entry, EntryKind, Failure, Location, StorageError, clock};

    /// Plays `staging.staged`.
    pub(crate) struct Staged(pub(super) Vec<u8>);

    impl Staged {
        pub(crate) fn size(&self) -> u64 {
            self.0.len() as u64
        }
    }

    pub(crate) fn read_staged(
        staged: &Staged,
        offset: u64,
        length: u32,
    ) -> Result<Vec<u8>, Failure> {
        Ok(piece(&staged.0, offset, length))
    }

    /// At most `length` bytes and at most 1 MiB from `offset`.
    fn piece(content: &[u8], offset: u64, length: u32) -> Vec<u8> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| content.get(offset..))
            .unwrap_or_default();
        rest[..rest.len().min(length.min(1 << 20) as usize)].to_vec()
    }

    /// The file at `place`, in what `then` makes of it.
    fn found<R>(place: &Location, then: impl FnOnce(&Vec<u8>) -> R) -> Result<R, StorageError> {
        FILES.with_borrow(|files| files.get(place).map(then).ok_or(StorageError::NotFound))
    }

    fn entry(name: &str, kind: EntryKind, size: usize) -> Entry {
        Entry {
            name: name.to_owned(),
            kind,
            size: size as u64,
            modified: Some(clock::now()),
        }
    }

    pub(crate) fn sink_stat(place: &Location) -> Result<Entry, StorageError> {
        let file = |content: &Vec<u8>| entry(place.name(), EntryKind::File, content.len());
        found(place, file).or_else(|missing| match entries(place).is_empty() {
            true if !place.key.is_empty() => Err(missing),
            _ => Ok(entry(place.name(), EntryKind::Directory, 0)),
        })
    }

    pub(crate) fn sink_read(
        place: &Location,
        offset: u64,
        length: u32,
    ) -> Result<Vec<u8>, StorageError> {
        found(place, |content| piece(content, offset, length))
    }

    pub(crate) fn sink_put(place: &Location, data: &[u8]) -> Result<(), StorageError> {
        super::put_file(place, data);
        Ok(())
    }

    pub(crate) fn sink_copy(source: &Location, target: &Location) -> Result<(), StorageError> {
        let content = found(source, Clone::clone)?;
        sink_put(target, &content)
    }

    pub(crate) fn sink_delete(place: &Location) -> Result<(), StorageError> {
        let removed = FILES.with_borrow_mut(|files| files.remove(place));
        removed.map(|_| ()).ok_or(StorageError::NotFound)
    }

    pub(crate) fn sink_browse(
        place: &Location,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page, StorageError> {
        let all = entries(place);
        let after = after.unwrap_or_default();
        let mut rest = all
            .into_values()
            .filter(|entry| entry.name.as_str() > after);
        let entries: Vec<_> = rest.by_ref().take(limit as usize).collect();
        let next = rest.next().and(entries.last());
        Ok(Page {
            next: next.map(|entry| entry.name.clone()),
            entries,
        })
    }

    /// What stands in a directory, by name.
    fn entries(directory: &Location) -> BTreeMap<String, Entry> {
        let prefix = directory.join("-").key;
        let prefix = prefix.trim_end_matches('-');
        FILES.with_borrow(|files| {
            let mut entries = BTreeMap::new();
            for (place, content) in files
                .iter()
                .filter(|(place, _)| place.sink == directory.sink)
            {
                let Some(rest) = place.key.strip_prefix(prefix) else {
                    continue;
                };
                let (name, entry) = match rest.split_once('/') {
                    Some((name, _)) => (name, entry(name, EntryKind::Directory, 0)),
                    None => (rest, entry(rest, EntryKind::File, content.len())),
                };
                entries.insert(name.to_owned(), entry);
            }
            entries
        })
    }
}
