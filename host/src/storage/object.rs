//! The object of a transfer, open before the client hears 150.

use std::iter;

use wharf_protocol::listing::EntryKind;
use wharf_protocol::transfer::{ListFormat, ListOrder, TransferKind};

use super::listing::{Listed, in_order};
use super::place::Spot;
use super::resolve::ResolvedTransfer;
use super::{MayReplace, Place, StorageError};
use crate::identity::{Operation as Permission, Pattern};
use crate::sink::{Location, Reader, SinkError, Upload, WriteMode};

/// What a transfer reads or writes.
pub enum Object {
    /// RETR
    Download {
        /// What is read.
        reader: Box<dyn Reader>,
        /// Where it stands.
        place: Place,
    },
    /// STOR, APPE, STOU
    Upload {
        /// What is uploaded, invisible as yet.
        upload: Box<dyn Upload>,
        /// Bytes of the file before the first one that the client sends.
        start: u64,
        /// Where it will stand, under the name that STOU chose.
        place: Place,
        /// What it may take the place of there, or wherever else it is published.
        may_replace: MayReplace,
    },
    /// LIST, NLST, MLSD
    Listing {
        /// What is listed, as it is asked for.
        entries: Listed,
        /// The form of each line.
        format: ListFormat,
        /// What NLST says before each name.
        said_in: String,
    },
}

impl Object {
    /// The file that is read or written, and where it is.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Download { place, .. } | Self::Upload { place, .. } => Some(place),
            Self::Listing { .. } => None,
        }
    }
}

impl ResolvedTransfer {
    /// Opens what is transferred.
    pub fn open(self) -> Result<Object, StorageError> {
        match &self.kind {
            TransferKind::Retrieve { offset, .. } => self.open_download(*offset),
            TransferKind::Store { offset: 0, .. } => self.open_upload(),
            TransferKind::Store { offset, .. } => self.open_resumed(WriteMode::At(*offset)),
            TransferKind::Append { .. } => self.open_resumed(WriteMode::Append),
            TransferKind::StoreUnique { .. } => self.open_unique(),
            TransferKind::List {
                format,
                hidden,
                order,
                ..
            } => {
                let (format, hidden, order) = (*format, *hidden, *order);
                self.open_listing(format, hidden, order)
            }
        }
    }

    fn open_download(&self, offset: u64) -> Result<Object, StorageError> {
        let place = self.at.place()?.clone();
        Ok(Object::Download {
            reader: place.sink.open(&place.location.key, offset)?,
            place,
        })
    }

    fn open_upload(&self) -> Result<Object, StorageError> {
        let place = self.at.place()?.clone();
        // A sink is asked whether something stands there only where it makes a difference.
        let may_replace = self.may_replace(&place, MayReplace::Nothing);
        if may_replace == MayReplace::Nothing && place.is_taken()? {
            return Err(StorageError::NotPermitted);
        }
        Ok(Object::Upload {
            upload: self.create(&place, WriteMode::Replace)?,
            start: 0,
            may_replace,
            place,
        })
    }

    fn open_resumed(&self, mode: WriteMode) -> Result<Object, StorageError> {
        let place = self.at.place()?.clone();
        // APPE makes a missing file, which is an upload like any other.
        if !self.view.permits(Permission::Upload, &place.path) && !place.is_taken()? {
            return Err(StorageError::NotPermitted);
        }
        let upload = self.create(&place, mode)?;
        let size = upload.size()?;
        let start = match mode {
            WriteMode::At(offset) => offset,
            _ => size,
        };
        // REST may point into what is there, and to change that is more than to add to it.
        let may_replace = self.may_replace(&place, MayReplace::Itself);
        if start < size && may_replace != MayReplace::Anything {
            return Err(StorageError::NotPermitted);
        }
        Ok(Object::Upload {
            upload,
            start,
            may_replace,
            place,
        })
    }

    fn open_unique(&self) -> Result<Object, StorageError> {
        let place = self.at.place()?;
        let upload = self.create(place, WriteMode::Unique)?;
        // The name that was free need not be one that the user may store under, or see.
        let name = upload.key().split().map(|(_, name)| name.to_owned());
        let directory = place.path.parent();
        let path = name.and_then(|name| directory?.child(&name));
        let path = path.ok_or(SinkError::InvalidName)?;
        if !self.view.permits(Permission::Upload, &path) || self.view.mounts.is_fixed(&path) {
            return Err(StorageError::NotPermitted);
        }
        let location = Location::new(place.location.sink.clone(), upload.key().clone());
        Ok(Object::Upload {
            upload,
            start: 0,
            may_replace: self.may_replace(place, MayReplace::Itself),
            place: Place {
                path,
                location,
                sink: place.sink.clone(),
            },
        })
    }

    /// Anything, where the user may overwrite; else what is left to him.
    fn may_replace(&self, place: &Place, left: MayReplace) -> MayReplace {
        match self.view.permits(Permission::Overwrite, &place.path) {
            true => MayReplace::Anything,
            false => left,
        }
    }

    fn create(&self, place: &Place, mode: WriteMode) -> Result<Box<dyn Upload>, SinkError> {
        let announced = match &self.kind {
            TransferKind::Store { size_hint, .. } | TransferKind::Append { size_hint, .. } => {
                *size_hint
            }
            _ => None,
        };
        self.view.begin(place, mode, announced)
    }

    fn open_listing(
        self,
        format: ListFormat,
        hidden: bool,
        order: Option<ListOrder>,
    ) -> Result<Object, StorageError> {
        let mut prefix = String::new();
        let with_allowed = matches!(format, ListFormat::Facts(facts) if facts.perm);
        let entries: Listed = match (self.view.entry(&self.at), format) {
            (Ok(entry), _) if entry.kind == EntryKind::Directory => {
                self.view
                    .list(&self.at, self.filters.as_ref(), with_allowed)?
            }
            (Ok(_), ListFormat::Facts(_)) => return Err(SinkError::NotDirectory.into()),
            (Ok(entry), _) => Box::new(iter::once(Ok(entry))),
            (Err(StorageError::Sink(SinkError::NotFound)), _) => {
                prefix = self.said_in();
                self.list_matching(with_allowed)?
            }
            (Err(error), _) => return Err(error),
        };
        let shown = entries.filter(move |entry| {
            hidden
                || !entry
                    .as_ref()
                    .is_ok_and(|entry| entry.name().starts_with('.'))
        });
        let shown: Listed = Box::new(shown);
        Ok(Object::Listing {
            entries: match order {
                Some(order) => in_order(shown, order)?,
                None => shown,
            },
            format,
            said_in: prefix,
        })
    }

    /// How the client named the directory of a pattern.
    fn said_in(&self) -> String {
        match &self.kind {
            TransferKind::List { said_in, .. } => said_in.clone(),
            _ => String::new(),
        }
    }

    /// The entries whose names match the last part of the path: clients send `NLST *.txt` and leave
    /// the rest to the server, as for `mget`.
    fn list_matching(self, with_allowed: bool) -> Result<Listed, StorageError> {
        let Some(directory) = self.directory else {
            return Err(SinkError::NotFound.into());
        };
        let directory: Spot = directory?;
        let Ok(pattern) = self.at.path().as_str().parse::<Pattern>() else {
            return Err(SinkError::NotFound.into());
        };
        let filters = self.filters.as_ref();
        let entries = self.view.list(&directory, filters, with_allowed)?;
        Ok(Box::new(entries.filter(move |entry| {
            let Ok(entry) = entry else { return true };
            directory
                .path()
                .child(entry.name())
                .is_some_and(|path| pattern.matches(path.as_str()))
        })))
    }
}
