//! From what a client names to places: permissions are checked and plugins asked here, before
//! anything is touched.

use std::sync::Arc;

use wharf_protocol::effect::Operation;
use wharf_protocol::listing::EntryKind;
use wharf_protocol::path::{PathArgument, VirtualPath};
use wharf_protocol::transfer::TransferKind;

use super::asking::{Announced, Asking};
use super::perform::ResolvedOperation;
use super::place::Spot;
use super::shaping::Filters;
use super::view::View;
use super::{Storage, StorageError};
use crate::plugin::{Action, Role, SessionFacts};
use crate::sink::SinkError;

/// The name of a STOU for which the client wished none.
const UNIQUE_NAME: &str = "upload";

/// A transfer that the user may begin, and of what.
pub struct ResolvedTransfer {
    pub(super) view: View,
    pub(super) kind: TransferKind,
    pub(super) at: Spot,
    /// The directory of a listing whose last part may be a pattern, or why it is not listed.
    pub(super) directory: Option<Result<Spot, StorageError>>,
    pub(super) filters: Option<Filters>,
}

impl Storage {
    /// Resolves what a command without a data connection names.
    pub async fn resolve(
        &self,
        operation: Operation,
        session: &Arc<SessionFacts>,
    ) -> Result<ResolvedOperation, StorageError> {
        let asking = self.asking(session).await?;
        let (action, path) = wanted(&operation);
        let mut at = asking.resolve(action, path, Announced::default()).await?;
        let (mut target, mut filters) = (None, None);
        match &operation {
            Operation::Rename { target: path, .. } => {
                target = Some(asking.resolve_target(at.place()?, path).await?);
            }
            Operation::Status(path) => {
                filters = asking.filters();
                at = to_be_listed(&asking, at, path).await?;
            }
            _ => {}
        }
        Ok(ResolvedOperation {
            view: asking.view,
            operation,
            at,
            target,
            filters,
        })
    }

    /// Resolves what a transfer names.
    pub async fn resolve_transfer(
        &self,
        kind: TransferKind,
        session: &Arc<SessionFacts>,
    ) -> Result<ResolvedTransfer, StorageError> {
        let asking = self.asking(session).await?;
        let (action, path, announced) = begun(&kind)?;
        let (mut directory, mut filters) = (None, None);
        if let TransferKind::List { path, .. } = &kind {
            filters = asking.filters();
            if let Some(parent) = directory_of_pattern(path) {
                directory = Some(asking.resolve(Action::Browse, &parent, announced).await);
            }
        }
        let at = asking.resolve(action, &path, announced).await?;
        Ok(ResolvedTransfer {
            view: asking.view,
            kind,
            at,
            directory,
            filters,
        })
    }

    async fn asking(&self, session: &Arc<SessionFacts>) -> Result<Asking, StorageError> {
        let plugins = self.plugins.current();
        let mounts = self.mounts(&plugins, session).await?;
        Ok(Asking {
            view: View {
                identity: Arc::clone(&self.identity),
                mounts,
                sinks: Arc::clone(&self.sinks),
            },
            plugins,
            session: Arc::clone(session),
        })
    }
}

/// STAT of a directory lists it, and a guard that minds has to hear of that.
async fn to_be_listed(asking: &Asking, at: Spot, path: &VirtualPath) -> Result<Spot, StorageError> {
    if asking.plugins.of(Role::StorageGuard).is_empty() {
        return Ok(at);
    }
    match asking.entry(&at).await? {
        Some(entry) if entry.kind == EntryKind::Directory => {
            let announced = Announced::default();
            asking.resolve(Action::Browse, path, announced).await
        }
        _ => Ok(at),
    }
}

/// What is asked for, and of what.
fn wanted(operation: &Operation) -> (Action, &VirtualPath) {
    match operation {
        Operation::ChangeDirectory(path) => (Action::ChangeDirectory, path),
        Operation::MakeDirectory(path) => (Action::MakeDirectory, path),
        Operation::RemoveDirectory(path) => (Action::RemoveDirectory, path),
        Operation::Delete(path) => (Action::Delete, path),
        Operation::RenameFrom(path) => (Action::RenameSource, path),
        Operation::Rename { source, .. } => (Action::RenameSource, source),
        Operation::Size(path)
        | Operation::Modified(path)
        | Operation::Describe(path)
        | Operation::Status(path)
        | Operation::Available(path) => (Action::Stat, path),
        Operation::SetModified { path, .. } => (Action::SetTime, path),
        Operation::SetMode { path, .. } => (Action::SetMode, path),
        Operation::Checksum { path, .. } => (Action::Checksum, path),
    }
}

/// What a transfer is about to do, to what, and what the client told of it.
fn begun(kind: &TransferKind) -> Result<(Action, VirtualPath, Announced), StorageError> {
    Ok(match kind {
        TransferKind::Retrieve { path, offset } => {
            let announced = Announced {
                size: None,
                offset: *offset,
            };
            (Action::Download, path.clone(), announced)
        }
        TransferKind::Store {
            path,
            offset,
            size_hint,
        } => {
            let action = match offset {
                0 => Action::Upload,
                _ => Action::Append,
            };
            let announced = Announced {
                size: *size_hint,
                offset: *offset,
            };
            (action, path.clone(), announced)
        }
        TransferKind::Append { path, size_hint } => {
            let announced = Announced {
                size: *size_hint,
                offset: 0,
            };
            (Action::Append, path.clone(), announced)
        }
        TransferKind::StoreUnique { directory, name } => {
            let path = unique(directory, name.as_deref())?;
            (Action::Upload, path, Announced::default())
        }
        TransferKind::List { path, .. } => (Action::Browse, path.clone(), Announced::default()),
    })
}

/// The path that a STOU begins with.
fn unique(directory: &VirtualPath, name: Option<&str>) -> Result<VirtualPath, StorageError> {
    let invalid = |_| StorageError::Sink(SinkError::InvalidName);
    let name = PathArgument::parse(name.unwrap_or(UNIQUE_NAME).as_bytes()).map_err(invalid)?;
    directory.join(&name).map_err(invalid)
}

/// The directory whose entries are listed, should nothing stand at `path` itself.
fn directory_of_pattern(path: &VirtualPath) -> Option<VirtualPath> {
    let wild = path.name().is_some_and(|name| name.contains(['*', '?']));
    wild.then(|| path.parent())?
}
