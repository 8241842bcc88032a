//! Operations without a data connection, on places that are resolved already.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use wharf_protocol::command::HashAlgorithm;
use wharf_protocol::effect::{Operation, Outcome};
use wharf_protocol::listing::EntryKind;
use wharf_protocol::timestamp::Timestamp;

use super::place::Spot;
use super::relocate;
use super::shaping::Filters;
use super::view::View;
use super::{Place, StorageError};
use crate::checksum;
use crate::identity::Operation as Permission;
use crate::limits;
use crate::sink::{Existing, SinkError};

/// An operation that the user may do, and where.
pub struct ResolvedOperation {
    pub(super) view: View,
    pub(super) operation: Operation,
    pub(super) at: Spot,
    /// The other end of a rename.
    pub(super) target: Option<Place>,
    /// Who shapes what STAT lists.
    pub(super) filters: Option<Filters>,
}

impl ResolvedOperation {
    /// Where it is done; `None` for a directory that is in no sink.
    pub fn place(&self) -> Option<&Place> {
        self.at.place().ok()
    }

    /// The other end of a rename.
    pub fn target(&self) -> Option<&Place> {
        self.target.as_ref()
    }

    /// Does it. `cancelled` ends what takes long.
    pub fn perform(&self, cancelled: &AtomicBool) -> Result<Outcome, StorageError> {
        let Self { view, at, .. } = self;
        match &self.operation {
            Operation::ChangeDirectory(_) => self.change_directory(),
            Operation::MakeDirectory(_) => {
                let place = at.place()?;
                let Place { sink, location, .. } = place;
                view.store(place, || sink.make_directory(&location.key))?;
                Ok(Outcome::Done)
            }
            Operation::RemoveDirectory(_) => {
                let Place { sink, location, .. } = at.place()?;
                sink.remove_directory(&location.key)?;
                view.sinks.quotas().removed(location);
                Ok(Outcome::Done)
            }
            Operation::Delete(_) => {
                let Place { sink, location, .. } = at.place()?;
                sink.remove(&location.key)?;
                view.sinks.quotas().removed(location);
                Ok(Outcome::Done)
            }
            Operation::RenameFrom(_) => {
                let Place { sink, location, .. } = at.place()?;
                sink.stat(&location.key)?;
                Ok(Outcome::Done)
            }
            Operation::Rename { .. } => self.rename(cancelled),
            Operation::Size(_) => Ok(Outcome::Size(view.file(at)?.size)),
            Operation::Modified(_) => {
                let modified = view.entry(at)?.modified;
                Ok(Outcome::Modified(modified.ok_or(SinkError::Unsupported)?))
            }
            Operation::SetModified { modified, .. } => {
                let Place { sink, location, .. } = at.place()?;
                sink.set_modified(&location.key, *modified)?;
                Ok(Outcome::Done)
            }
            Operation::SetMode { mode, .. } => {
                let Place { sink, location, .. } = at.place()?;
                sink.set_mode(&location.key, *mode)?;
                Ok(Outcome::Done)
            }
            Operation::Describe(_) => Ok(Outcome::Entry(view.describe(at)?)),
            Operation::Status(_) => self.status(),
            Operation::Checksum {
                algorithm, range, ..
            } => self.checksum(*algorithm, *range, cancelled),
            Operation::Available(_) => self.available(),
        }
    }

    /// What is free, for this user.
    fn available(&self) -> Result<Outcome, StorageError> {
        let place = self.at.place()?;
        let available = place.sink.available(&place.location.key);
        Ok(Outcome::Available(match self.view.quota_left(place)? {
            // Where the storage does not tell, the quota does.
            Some(left) => available.map_or(left, |bytes| bytes.min(left)),
            None => available?,
        }))
    }

    fn change_directory(&self) -> Result<Outcome, StorageError> {
        match self.view.entry(&self.at)?.kind {
            EntryKind::Directory => Ok(Outcome::Done),
            _ => Err(SinkError::NotDirectory.into()),
        }
    }

    /// The target needs `overwrite` as well where a file stands. A directory stays where other
    /// permissions begin below it: moved as a whole, it would take something out of them.
    fn rename(&self, cancelled: &AtomicBool) -> Result<Outcome, StorageError> {
        let from = self.at.place()?;
        let to = self.target.as_ref().ok_or(StorageError::NotPermitted)?;
        let existing = match self.view.permits(Permission::Overwrite, &to.path) {
            true => Existing::Replaced,
            false => Existing::Kept,
        };
        let uniform = [from, to]
            .iter()
            .all(|place| self.view.identity.is_uniform_below(&place.path));
        if !uniform && from.sink.stat(&from.location.key)?.kind == EntryKind::Directory {
            return Err(StorageError::NotPermitted);
        }
        let (source, target) = (&from.location, &to.location);
        let renamed = match source.sink == target.sink {
            true => self
                .view
                .store(to, || from.sink.rename(&source.key, &target.key, existing))
                .map_err(StorageError::from),
            false => relocate::file(&self.view, from, to, existing, cancelled),
        };
        renamed.map_err(|error| match (existing, error) {
            (Existing::Kept, StorageError::Sink(SinkError::Exists)) => StorageError::NotPermitted,
            (_, error) => error,
        })?;
        self.view.sinks.quotas().moved(source, target);
        Ok(Outcome::Done)
    }

    fn checksum(
        &self,
        algorithm: HashAlgorithm,
        range: Option<(u64, u64)>,
        cancelled: &AtomicBool,
    ) -> Result<Outcome, StorageError> {
        let Place { sink, location, .. } = self.at.place()?;
        let is_cancelled = || cancelled.load(Ordering::Relaxed);
        let (hex, start, end) =
            checksum::of_file(&**sink, &location.key, algorithm, range, is_cancelled)?;
        Ok(Outcome::Checksum { hex, start, end })
    }

    /// The entries that STAT shows: those of a directory, or the file alone. They travel over the
    /// control connection and are held in memory, so a large directory is refused.
    fn status(&self) -> Result<Outcome, StorageError> {
        let entry = self.view.describe(&self.at)?;
        let now = Timestamp::from(SystemTime::now());
        if entry.kind != EntryKind::Directory {
            return Ok(Outcome::Entries {
                directory: false,
                entries: vec![entry],
                now,
            });
        }
        if !self.view.permits(Permission::Browse, self.at.path()) {
            return Err(StorageError::NotPermitted);
        }
        let mut entries = Vec::new();
        for entry in self.view.list(&self.at, self.filters.as_ref(), false)? {
            if entries.len() == limits::STATUS_ENTRIES_MAX {
                return Err(StorageError::TooManyEntries);
            }
            entries.push(entry?);
        }
        Ok(Outcome::Entries {
            directory: true,
            entries,
            now,
        })
    }
}
