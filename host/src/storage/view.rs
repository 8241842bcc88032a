//! What one user can reach at one moment: his permissions, his mounts and the sinks behind them.

use std::sync::Arc;

use wharf_protocol::listing::{Allowed, Entry, EntryKind};
use wharf_protocol::path::VirtualPath;

use super::place::Spot;
use super::{Place, StorageError};
use crate::identity::{Identity, Operation as Permission, Operations};
use crate::plugin::paths::MountTable;
use crate::quota::{Account, Before, Metered, Reservation};
use crate::sink::{Key, Location, SinkError, Upload, WriteMode};
use crate::sinks::Sinks;

/// What one user can reach at one moment.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub identity: Arc<Identity>,
    pub mounts: Arc<MountTable>,
    pub sinks: Arc<Sinks>,
}

impl View {
    /// All that may be done at `path`: what the rules of the grant permit, and the mount too.
    pub fn permitted(&self, path: &VirtualPath) -> Operations {
        let mount = self.mounts.mount_of(path);
        let shown = mount.map_or(Operations::LOOKING, |(mount, _)| mount.allow);
        self.identity.permitted(path).within(shown)
    }

    /// Whether `permission` is among it.
    pub fn permits(&self, permission: Permission, path: &VirtualPath) -> bool {
        self.permitted(path).contains(permission)
    }

    /// The same, as listings tell it.
    pub fn allowed(&self, path: &VirtualPath) -> Allowed {
        let permitted = self.permitted(path);
        let permits = |permission| permitted.contains(permission);
        let movable = !self.mounts.is_fixed(path);
        Allowed {
            retrieve: permits(Permission::Download),
            store: permits(Permission::Upload),
            append: permits(Permission::Append),
            delete: movable && permits(Permission::Delete),
            rename: movable && permits(Permission::Rename),
            list: permits(Permission::Browse),
            make_directory: permits(Permission::MakeDirectory),
        }
    }

    /// `path` at `location`, if there is such a sink.
    pub fn place(&self, path: VirtualPath, location: Location) -> Result<Place, StorageError> {
        let sink = self.sinks.named(&location.sink);
        let sink = Arc::clone(sink.ok_or(StorageError::NoSuchSink)?);
        Ok(Place {
            path,
            location,
            sink,
        })
    }

    /// What stands at `spot`, under the name that the user has for it. A directory that leads to a
    /// mount is there, whatever its sink holds.
    pub fn entry(&self, spot: &Spot) -> Result<Entry, StorageError> {
        let found = match spot {
            Spot::Place(place) => place.sink.stat(&place.location.key),
            Spot::Signpost(_) => Err(SinkError::NotFound),
        };
        let path = spot.path();
        let name = path.name().unwrap_or("/");
        let entry = match found {
            Ok(entry) if entry.kind == EntryKind::Directory => entry.named(name),
            Ok(_) | Err(SinkError::NotFound | SinkError::NotDirectory)
                if self.mounts.is_fixed(path) =>
            {
                Entry::new(name, EntryKind::Directory)
            }
            Ok(entry) => entry.named(name),
            Err(error) => return Err(error.into()),
        };
        entry.ok_or(StorageError::Sink(SinkError::InvalidName))
    }

    /// As [`Self::entry`], with what this user may do to it.
    pub fn describe(&self, spot: &Spot) -> Result<Entry, StorageError> {
        let mut entry = self.entry(spot)?;
        entry.allowed = self.allowed(spot.path());
        Ok(entry)
    }

    /// As [`Self::entry`], of what is no directory.
    pub fn file(&self, spot: &Spot) -> Result<Entry, StorageError> {
        let entry = self.entry(spot)?;
        match entry.kind {
            EntryKind::Directory => Err(SinkError::IsDirectory.into()),
            _ => Ok(entry),
        }
    }

    /// Begins an upload at `place`, of so many bytes as far as the client has told; where there is
    /// a quota, within it.
    pub fn begin(
        &self,
        place: &Place,
        mode: WriteMode,
        announced: Option<u64>,
    ) -> Result<Box<dyn Upload>, SinkError> {
        let create = || place.sink.create(&place.location.key, mode);
        let Some(account) = self.account(&place.location) else {
            return self.store(place, create);
        };
        let before = match mode {
            WriteMode::Unique => Before::nothing(&account),
            _ => Before::at(&account, &*place.sink, &place.location.key)?,
        };
        let start = match mode {
            WriteMode::At(offset) => offset,
            WriteMode::Append => before.existing.unwrap_or(0),
            WriteMode::Replace | WriteMode::Unique => 0,
        };
        let expected = start.saturating_add(announced.unwrap_or(0));
        let (sink, quota) = (Arc::clone(&place.sink), self.identity.quota);
        let room = Reservation::new(account, sink, quota, before, expected)?;
        let upload = self.store(place, create)?;
        Ok(Box::new(Metered::new(upload, mode, room)))
    }

    /// How many bytes the quota has room for at `place`; `None` where there is no such bound.
    pub fn quota_left(&self, place: &Place) -> Result<Option<u64>, SinkError> {
        match self.account(&place.location) {
            Some(account) => account.left(&*place.sink, self.identity.quota),
            None => Ok(None),
        }
    }

    /// What counts against the user's quota, where `location` does.
    fn account(&self, location: &Location) -> Option<Arc<Account>> {
        if !self.identity.quota.is_limited() {
            return None;
        }
        let (_, shown) = self.mounts.lead(&VirtualPath::root())?;
        shown
            .covers(location)
            .then(|| self.sinks.quotas().account(&shown))
    }

    /// Stores at `place`. The directory that a mount shows is made with the first thing stored in
    /// it: to the user it has been there before.
    pub fn store<T>(
        &self,
        place: &Place,
        store: impl Fn() -> Result<T, SinkError>,
    ) -> Result<T, SinkError> {
        match store() {
            Err(SinkError::NotFound) if self.makes_way(place)? => store(),
            stored => stored,
        }
    }

    /// Makes the directory that a mount shows and `place` is in, if it is not there; tells whether
    /// it had to.
    fn makes_way(&self, place: &Place) -> Result<bool, SinkError> {
        let nearest = self.mounts.nearest_target(&place.location);
        let nearest = nearest.map(|target| target.key.clone());
        let Some(shown) = self.shown_now(place).or(nearest) else {
            return Ok(false);
        };
        let (mut directory, mut made) = (Key::root(), false);
        for name in shown.components() {
            directory = directory.child(name).map_err(|_| SinkError::InvalidName)?;
            match place.sink.make_directory(&directory) {
                Ok(()) => made = true,
                Err(SinkError::Exists) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(made)
    }

    /// What a dynamic mount shows at the moment, which may be another directory tomorrow: the place
    /// without that part of the path which lies below the mount.
    fn shown_now(&self, place: &Place) -> Option<Key> {
        let (mount, below) = self.mounts.mount_of(&place.path)?;
        let key = place.location.key.as_str();
        let shown = key.strip_suffix(below.trim_start_matches('/'))?;
        match shown.strip_suffix('/') {
            Some(shown) if mount.dynamic => Key::parse(shown).ok(),
            _ => None,
        }
    }
}
