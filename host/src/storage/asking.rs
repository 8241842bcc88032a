//! Whoever has a say in where a path leads and whether it may be used, asked in turn: the rules of
//! the grant, the mounts, the path mappers and the storage guards.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use wharf_protocol::listing::{Entry, EntryKind};
use wharf_protocol::path::VirtualPath;

use super::place::Spot;
use super::shaping::Filters;
use super::view::View;
use super::{Place, StorageError};
use crate::identity::Operation as Permission;
use crate::plugin::{Action, Intent, Plugins, Role, SessionFacts};
use crate::sink::{Location, Sink, SinkError};

/// Who is asked about one command.
pub(super) struct Asking {
    pub view: View,
    pub plugins: Arc<Plugins>,
    pub session: Arc<SessionFacts>,
}

/// What the client told of an upload beforehand.
#[derive(Clone, Copy, Default)]
pub(super) struct Announced {
    /// From ALLO.
    pub size: Option<u64>,
    /// From REST.
    pub offset: u64,
}

impl Asking {
    /// Where `path` leads for `action`, if everybody lets it.
    pub async fn resolve(
        &self,
        action: Action,
        path: &VirtualPath,
        announced: Announced,
    ) -> Result<Spot, StorageError> {
        let Spot::Place(place) = self.locate(action, path).await? else {
            // There is nothing in any sink that a guard could have a say in.
            return Ok(Spot::Signpost(path.clone()));
        };
        let intent = Intent {
            action,
            path,
            place: place.location.clone(),
            target: None,
            size_hint: announced.size,
            offset: announced.offset,
        };
        Ok(Spot::Place(self.guarded(intent, place).await?))
    }

    /// Where the new path of a rename leads.
    pub async fn resolve_target(
        &self,
        source: &Place,
        path: &VirtualPath,
    ) -> Result<Place, StorageError> {
        let action = Action::RenameTarget;
        let place = self.locate(action, path).await?.place()?.clone();
        let intent = Intent {
            action,
            path: &source.path,
            place: source.location.clone(),
            target: Some((path, place.location.clone())),
            size_hint: None,
            offset: 0,
        };
        self.guarded(intent, place).await
    }

    /// The filters, if there are any.
    pub fn filters(&self) -> Option<Filters> {
        let plugins = self.plugins.of(Role::ListingFilter);
        (!plugins.is_empty()).then(|| Filters {
            plugins: plugins.to_vec(),
            session: Arc::clone(&self.session),
            runtime: Handle::current(),
        })
    }

    /// What stands at `spot`, asked for on a thread that may block.
    pub async fn entry(&self, spot: &Spot) -> Result<Option<Entry>, StorageError> {
        match spot {
            Spot::Place(place) => Ok(stat(place.sink.clone(), place.location.clone()).await?),
            Spot::Signpost(_) => Ok(None),
        }
    }

    async fn locate(&self, action: Action, path: &VirtualPath) -> Result<Spot, StorageError> {
        let Self { view, .. } = self;
        let permission = action.permission();
        if !view.permits(permission, path) {
            return Err(StorageError::NotPermitted);
        }
        let fixed = view.mounts.is_fixed(path);
        if fixed {
            stays(permission)?;
        }
        let Some((mount, native)) = view.mounts.lead(path) else {
            return match fixed {
                true => Ok(Spot::Signpost(path.clone())),
                false => Err(SinkError::NotFound.into()),
            };
        };
        let location = match mount.dynamic && *path != mount.directory {
            true => {
                let (shown, session) = (&view.mounts, &self.session);
                let located = self.plugins.locate(shown, session, action, path);
                located.await?.unwrap_or(native)
            }
            false => native,
        };
        Ok(Spot::Place(view.place(path.clone(), location)?))
    }

    /// The place that is left when every guard was asked, each about the one before it chose.
    async fn guarded(&self, mut intent: Intent<'_>, place: Place) -> Result<Place, StorageError> {
        let guards = self.plugins.of(Role::StorageGuard);
        let mut place = place;
        let mut existing = None;
        for guard in guards {
            let size = match existing {
                Some(size) => size,
                None => {
                    let entry = stat(Arc::clone(&place.sink), place.location.clone()).await?;
                    let file = entry.filter(|entry| entry.kind == EntryKind::File);
                    *existing.insert(file.map(|file| file.size))
                }
            };
            let (shown, session) = (&self.view.mounts, &self.session);
            let decided = self.plugins.before(guard, shown, session, &intent, size);
            if let Some(elsewhere) = decided.await? {
                place = self.view.place(place.path, elsewhere.clone())?;
                intent.redirect(elsewhere);
                existing = None;
            }
        }
        Ok(place)
    }
}

/// What stands at `location`, if anything does.
async fn stat(sink: Arc<dyn Sink>, location: Location) -> Result<Option<Entry>, StorageError> {
    let found = spawn_blocking(move || sink.stat(&location.key)).await;
    match found.map_err(|_| StorageError::Cancelled)? {
        Ok(entry) => Ok(Some(entry)),
        Err(error) if error.is_fault() => Err(error.into()),
        // What cannot be described is not there, as far as anybody can tell.
        Err(_) => Ok(None),
    }
}

/// What cannot be done to a directory that is there because a mount is: it is no entry of its
/// sink's that could go, or be stored over.
fn stays(permission: Permission) -> Result<(), StorageError> {
    match permission {
        Permission::MakeDirectory => Err(SinkError::Exists.into()),
        Permission::Rename | Permission::RemoveDirectory => Err(StorageError::NotPermitted),
        Permission::Download
        | Permission::Upload
        | Permission::Overwrite
        | Permission::Append
        | Permission::Delete
        | Permission::Checksum
        | Permission::Copy => Err(SinkError::IsDirectory.into()),
        Permission::Browse
        | Permission::Stat
        | Permission::ChangeDirectory
        | Permission::SetTime
        | Permission::SetMode
        | Permission::Other => Ok(()),
    }
}
