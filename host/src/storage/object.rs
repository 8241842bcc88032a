//! The object of a transfer, open before the client hears 150.

use std::iter;

use wharf_protocol::listing::EntryKind;
use wharf_protocol::path::{PathArgument, VirtualPath};
use wharf_protocol::transfer::{ListFormat, TransferKind};

use super::{Storage, StorageError, exists};
use crate::identity::{Operation as Permission, Pattern};
use crate::sink::{Entries, Reader, SinkError, Upload, WriteMode};

/// The name of a STOU for which the client wished none.
const UNIQUE_NAME: &str = "upload";

/// What a transfer reads or writes.
pub enum Object {
    /// RETR
    Download(Box<dyn Reader>),
    /// STOR, APPE, STOU
    Upload {
        /// What is uploaded, invisible as yet.
        upload: Box<dyn Upload>,
        /// Bytes of the file before the first one that the client sends.
        start: u64,
    },
    /// LIST, NLST, MLSD
    Listing {
        /// What is listed, as it is asked for.
        entries: Entries,
        /// The form of each line.
        format: ListFormat,
    },
}

impl Storage {
    /// Opens what `kind` transfers.
    pub fn open(&self, kind: &TransferKind) -> Result<Object, StorageError> {
        match kind {
            TransferKind::Retrieve { path, offset } => self.open_download(path, *offset),
            TransferKind::Store {
                path, offset: 0, ..
            } => self.open_upload(path),
            TransferKind::Store { path, offset, .. } => {
                self.open_resumed(path, WriteMode::At(*offset))
            }
            TransferKind::Append { path, .. } => self.open_resumed(path, WriteMode::Append),
            TransferKind::StoreUnique { directory, name } => {
                self.open_unique(directory, name.as_deref())
            }
            TransferKind::List {
                path,
                format,
                hidden,
            } => self.open_listing(path, *format, *hidden),
        }
    }

    fn open_download(&self, path: &VirtualPath, offset: u64) -> Result<Object, StorageError> {
        let place = self.locate(Permission::Download, path)?;
        Ok(Object::Download(place.sink.open(&place.key, offset)?))
    }

    fn open_upload(&self, path: &VirtualPath) -> Result<Object, StorageError> {
        let place = self.locate(Permission::Upload, path)?;
        // A sink is asked whether something stands there only where it makes a difference.
        if !self.permits(Permission::Overwrite, path) && exists(&place)? {
            return Err(StorageError::NotPermitted);
        }
        let upload = place.sink.create(&place.key, WriteMode::Replace)?;
        Ok(Object::Upload { upload, start: 0 })
    }

    fn open_resumed(&self, path: &VirtualPath, mode: WriteMode) -> Result<Object, StorageError> {
        let place = self.locate(Permission::Append, path)?;
        // APPE makes a missing file, which is an upload like any other.
        if !self.permits(Permission::Upload, path) && !exists(&place)? {
            return Err(StorageError::NotPermitted);
        }
        let upload = place.sink.create(&place.key, mode)?;
        let size = upload.size()?;
        let start = match mode {
            WriteMode::At(offset) => offset,
            _ => size,
        };
        // REST may point into what is there, and to change that is more than to add to it.
        if start < size && !self.permits(Permission::Overwrite, path) {
            return Err(StorageError::NotPermitted);
        }
        Ok(Object::Upload { upload, start })
    }

    fn open_unique(
        &self,
        directory: &VirtualPath,
        name: Option<&str>,
    ) -> Result<Object, StorageError> {
        let invalid = |_| StorageError::Sink(SinkError::InvalidName);
        let name = PathArgument::parse(name.unwrap_or(UNIQUE_NAME).as_bytes()).map_err(invalid)?;
        let path = directory.join(&name).map_err(invalid)?;
        let place = self.locate(Permission::Upload, &path)?;
        let upload = place.sink.create(&place.key, WriteMode::Unique)?;
        // The name that was free need not be one that the user may store under.
        let chosen = upload
            .key()
            .split()
            .and_then(|(_, name)| directory.child(name));
        match chosen.is_some_and(|path| self.permits(Permission::Upload, &path)) {
            true => Ok(Object::Upload { upload, start: 0 }),
            false => Err(StorageError::NotPermitted),
        }
    }

    fn open_listing(
        &self,
        path: &VirtualPath,
        format: ListFormat,
        hidden: bool,
    ) -> Result<Object, StorageError> {
        let entries: Entries = match (self.entry(Permission::Browse, path), format) {
            (Ok(entry), ListFormat::Facts(facts)) => match entry.kind {
                EntryKind::Directory => self.list(path, facts.perm)?,
                _ => return Err(SinkError::NotDirectory.into()),
            },
            (Ok(entry), _) => match entry.kind {
                EntryKind::Directory => self.list(path, false)?,
                _ => Box::new(iter::once(Ok(entry))),
            },
            (
                Err(StorageError::Sink(SinkError::NotFound)),
                ListFormat::Long | ListFormat::Names,
            ) => self.list_matching(path)?,
            (Err(error), _) => return Err(error),
        };
        let shown = entries.filter(move |entry| {
            hidden
                || !entry
                    .as_ref()
                    .is_ok_and(|entry| entry.name().starts_with('.'))
        });
        Ok(Object::Listing {
            entries: Box::new(shown),
            format,
        })
    }

    /// The entries whose names match the last part of `pattern`: clients send `NLST *.txt` and
    /// leave the rest to the server, as for `mget`.
    fn list_matching(&self, pattern: &VirtualPath) -> Result<Entries, StorageError> {
        let wild = pattern.name().is_some_and(|name| name.contains(['*', '?']));
        let (true, Some(directory)) = (wild, pattern.parent()) else {
            return Err(SinkError::NotFound.into());
        };
        let Ok(pattern) = pattern.as_str().parse::<Pattern>() else {
            return Err(SinkError::NotFound.into());
        };
        let entries = self.list(&directory, false)?;
        Ok(Box::new(entries.filter(move |entry| {
            let Ok(entry) = entry else { return true };
            directory
                .child(entry.name())
                .is_some_and(|path| pattern.matches(path.as_str()))
        })))
    }
}
