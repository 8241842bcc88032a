//! The storage as one user has it: every path located, every permission asked, before a sink is.
//!
//! Everything here blocks and is called from blocking threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use wharf_protocol::command::HashAlgorithm;
use wharf_protocol::effect::{Operation, Outcome};
use wharf_protocol::listing::{Allowed, Entry, EntryKind};
use wharf_protocol::path::VirtualPath;
use wharf_protocol::timestamp::Timestamp;

use crate::checksum;
use crate::identity::{Identity, Operation as Permission};
use crate::limits;
use crate::plugin::paths;
use crate::sink::{Entries, Key, Sink, SinkError};
use crate::sinks::Sinks;

pub use error::StorageError;
pub use object::Object;

mod error;
mod object;
#[cfg(test)]
mod tests;

/// What one user can reach.
#[derive(Clone, Debug)]
pub struct Storage {
    identity: Arc<Identity>,
    sinks: Arc<Sinks>,
}

/// A path that the user may use in the way he asked for, and where it leads.
struct Place<'a> {
    sink: &'a Arc<dyn Sink>,
    key: Key,
}

impl Storage {
    /// What `identity` can reach in `sinks`.
    pub fn new(identity: Arc<Identity>, sinks: Arc<Sinks>) -> Self {
        Self { identity, sinks }
    }

    /// Does what a command without a data connection asks for. `cancelled` ends a long checksum.
    pub fn perform(
        &self,
        operation: &Operation,
        cancelled: &AtomicBool,
    ) -> Result<Outcome, StorageError> {
        match operation {
            Operation::ChangeDirectory(path) => self.change_directory(path),
            Operation::MakeDirectory(path) => self.make_directory(path),
            Operation::RemoveDirectory(path) => self.remove_directory(path),
            Operation::Delete(path) => {
                let place = self.locate(Permission::Delete, path)?;
                place.sink.remove(&place.key)?;
                Ok(Outcome::Done)
            }
            Operation::RenameFrom(path) => {
                let place = self.locate(Permission::Rename, path)?;
                refuse_root(path)?;
                place.sink.stat(&place.key)?;
                Ok(Outcome::Done)
            }
            Operation::Rename { source, target } => self.rename(source, target),
            Operation::Size(path) => Ok(Outcome::Size(self.file(Permission::Stat, path)?.size)),
            Operation::Modified(path) => self.modified(path),
            Operation::SetModified { path, modified } => {
                let place = self.locate(Permission::SetTime, path)?;
                place.sink.set_modified(&place.key, *modified)?;
                Ok(Outcome::Done)
            }
            Operation::SetMode { path, mode } => {
                let place = self.locate(Permission::SetMode, path)?;
                place.sink.set_mode(&place.key, *mode)?;
                Ok(Outcome::Done)
            }
            Operation::Describe(path) => Ok(Outcome::Entry(self.describe(path)?)),
            Operation::Status(path) => self.status(path),
            Operation::Checksum {
                path,
                algorithm,
                range,
            } => self.checksum(path, *algorithm, *range, cancelled),
            Operation::Available(path) => {
                let place = self.locate(Permission::Stat, path)?;
                Ok(Outcome::Available(place.sink.available(&place.key)?))
            }
        }
    }

    fn change_directory(&self, path: &VirtualPath) -> Result<Outcome, StorageError> {
        match self.entry(Permission::ChangeDirectory, path)?.kind {
            EntryKind::Directory => Ok(Outcome::Done),
            _ => Err(SinkError::NotDirectory.into()),
        }
    }

    fn make_directory(&self, path: &VirtualPath) -> Result<Outcome, StorageError> {
        let place = self.locate(Permission::MakeDirectory, path)?;
        place.sink.make_directory(&place.key)?;
        Ok(Outcome::Done)
    }

    fn remove_directory(&self, path: &VirtualPath) -> Result<Outcome, StorageError> {
        let place = self.locate(Permission::RemoveDirectory, path)?;
        refuse_root(path)?;
        place.sink.remove_directory(&place.key)?;
        Ok(Outcome::Done)
    }

    /// A rename within one sink. The target needs `overwrite` as well where a file stands.
    fn rename(&self, source: &VirtualPath, target: &VirtualPath) -> Result<Outcome, StorageError> {
        refuse_root(source)?;
        refuse_root(target)?;
        let from = self.locate(Permission::Rename, source)?;
        let to = self.locate(Permission::Rename, target)?;
        let may_overwrite = self.permits(Permission::Overwrite, target);
        if !may_overwrite && source != target && exists(&to)? {
            return Err(StorageError::NotPermitted);
        }
        let uniform = [source, target]
            .iter()
            .all(|path| self.identity.is_uniform_below(path));
        if !uniform && from.sink.stat(&from.key)?.kind == EntryKind::Directory {
            return Err(StorageError::NotPermitted);
        }
        from.sink.rename(&from.key, &to.key)?;
        Ok(Outcome::Done)
    }

    fn modified(&self, path: &VirtualPath) -> Result<Outcome, StorageError> {
        let modified = self.entry(Permission::Stat, path)?.modified;
        Ok(Outcome::Modified(modified.ok_or(SinkError::Unsupported)?))
    }

    fn checksum(
        &self,
        path: &VirtualPath,
        algorithm: HashAlgorithm,
        range: Option<(u64, u64)>,
        cancelled: &AtomicBool,
    ) -> Result<Outcome, StorageError> {
        let place = self.locate(Permission::Checksum, path)?;
        let is_cancelled = || cancelled.load(Ordering::Relaxed);
        let (hex, start, end) =
            checksum::of_file(&**place.sink, &place.key, algorithm, range, is_cancelled)?;
        Ok(Outcome::Checksum { hex, start, end })
    }

    /// The entries that STAT shows: those of a directory, or the file alone. They travel over the
    /// control connection and are held in memory, so a large directory is refused.
    fn status(&self, path: &VirtualPath) -> Result<Outcome, StorageError> {
        let entry = self.describe(path)?;
        let now = Timestamp::from(SystemTime::now());
        if entry.kind != EntryKind::Directory {
            return Ok(Outcome::Entries {
                directory: false,
                entries: vec![entry],
                now,
            });
        }
        let mut entries = Vec::new();
        for entry in self.list(path, false)? {
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

    /// What stands at `path`, with what this user may do to it.
    fn describe(&self, path: &VirtualPath) -> Result<Entry, StorageError> {
        let mut entry = self.entry(Permission::Stat, path)?;
        entry.allowed = allowed(&self.identity, path);
        match path.name() {
            // A root within a sink has a name there that is none of the user's business.
            None => Ok(entry.as_root()),
            Some(_) => Ok(entry),
        }
    }

    fn file(&self, permission: Permission, path: &VirtualPath) -> Result<Entry, StorageError> {
        let entry = self.entry(permission, path)?;
        match entry.kind {
            EntryKind::Directory => Err(SinkError::IsDirectory.into()),
            _ => Ok(entry),
        }
    }

    fn entry(&self, permission: Permission, path: &VirtualPath) -> Result<Entry, StorageError> {
        let place = self.locate(permission, path)?;
        Ok(place.sink.stat(&place.key)?)
    }

    /// The entries of a directory; `with_allowed`, each with what this user may do to it.
    fn list(&self, directory: &VirtualPath, with_allowed: bool) -> Result<Entries, StorageError> {
        let place = self.locate(Permission::Browse, directory)?;
        let entries = place.sink.list(&place.key)?;
        if !with_allowed {
            return Ok(entries);
        }
        let (identity, directory) = (Arc::clone(&self.identity), directory.clone());
        Ok(Box::new(entries.map(move |entry| {
            let mut entry = entry?;
            if let Some(path) = directory.child(entry.name()) {
                entry.allowed = allowed(&identity, &path);
            }
            Ok(entry)
        })))
    }

    fn permits(&self, permission: Permission, path: &VirtualPath) -> bool {
        self.identity.permits(permission, path)
    }

    fn locate(
        &self,
        permission: Permission,
        path: &VirtualPath,
    ) -> Result<Place<'_>, StorageError> {
        if !self.permits(permission, path) {
            return Err(StorageError::NotPermitted);
        }
        let location = paths::locate(&self.identity, path);
        let sink = self
            .sinks
            .named(&location.sink)
            .ok_or(StorageError::NoSuchSink)?;
        Ok(Place {
            sink,
            key: location.key,
        })
    }
}

/// Whether something stands there.
fn exists(place: &Place<'_>) -> Result<bool, StorageError> {
    match place.sink.stat(&place.key) {
        Ok(_) => Ok(true),
        Err(SinkError::NotFound) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The root of what a user sees cannot be renamed or removed: it is where he stands.
fn refuse_root(path: &VirtualPath) -> Result<(), StorageError> {
    if path.is_root() {
        Err(StorageError::NotPermitted)
    } else {
        Ok(())
    }
}

/// What `identity` may do with what stands at `path`, as listings tell it.
fn allowed(identity: &Identity, path: &VirtualPath) -> Allowed {
    let permitted = identity.permitted(path);
    let permits = |permission| permitted.contains(permission);
    Allowed {
        retrieve: permits(Permission::Download),
        store: permits(Permission::Upload),
        append: permits(Permission::Append),
        delete: permits(Permission::Delete),
        rename: permits(Permission::Rename),
        list: permits(Permission::Browse),
        make_directory: permits(Permission::MakeDirectory),
    }
}
