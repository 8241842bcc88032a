//! From what a client names to places: permissions are checked here, before anything is touched.

use std::sync::Arc;

use wharf_protocol::effect::Operation;
use wharf_protocol::path::{PathArgument, VirtualPath};
use wharf_protocol::transfer::{ListFormat, TransferKind};

use super::perform::ResolvedOperation;
use super::place::Spot;
use super::view::View;
use super::{Storage, StorageError};
use crate::identity::Operation as Permission;
use crate::plugin::SessionFacts;
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
}

impl Storage {
    /// Resolves what a command without a data connection names.
    pub async fn resolve(
        &self,
        operation: Operation,
        session: &Arc<SessionFacts>,
    ) -> Result<ResolvedOperation, StorageError> {
        let asking = self.asking(session).await?;
        let (permission, path) = wanted(&operation);
        let at = asking.locate(permission, path).await?;
        let target = match &operation {
            Operation::Rename { target, .. } => {
                let target = asking.locate(Permission::Rename, target).await?;
                Some(target.place()?.clone())
            }
            _ => None,
        };
        Ok(ResolvedOperation {
            view: asking.view,
            operation,
            at,
            target,
        })
    }

    /// Resolves what a transfer names.
    pub async fn resolve_transfer(
        &self,
        kind: TransferKind,
        session: &Arc<SessionFacts>,
    ) -> Result<ResolvedTransfer, StorageError> {
        let asking = self.asking(session).await?;
        let mut directory = None;
        let at = match &kind {
            TransferKind::Retrieve { path, .. } => {
                asking.locate(Permission::Download, path).await?
            }
            TransferKind::Store {
                path, offset: 0, ..
            } => asking.locate(Permission::Upload, path).await?,
            TransferKind::Store { path, .. } | TransferKind::Append { path, .. } => {
                asking.locate(Permission::Append, path).await?
            }
            TransferKind::StoreUnique { directory, name } => {
                let path = unique(directory, name.as_deref())?;
                asking.locate(Permission::Upload, &path).await?
            }
            TransferKind::List { path, format, .. } => {
                if let Some(parent) = directory_of_pattern(path, *format) {
                    directory = Some(asking.locate(Permission::Browse, &parent).await);
                }
                asking.locate(Permission::Browse, path).await?
            }
        };
        Ok(ResolvedTransfer {
            view: asking.view,
            kind,
            at,
            directory,
        })
    }

    async fn asking(&self, _session: &Arc<SessionFacts>) -> Result<Asking, StorageError> {
        Ok(Asking {
            view: View {
                identity: Arc::clone(&self.identity),
                mounts: Arc::clone(&self.mounts),
                sinks: Arc::clone(&self.sinks),
            },
        })
    }
}

/// Whoever has a say in where paths lead, for one command.
struct Asking {
    view: View,
}

impl Asking {
    /// Where `path` leads, for what `permission` stands for.
    async fn locate(
        &self,
        permission: Permission,
        path: &VirtualPath,
    ) -> Result<Spot, StorageError> {
        let view = &self.view;
        if !view.permits(permission, path) {
            return Err(StorageError::NotPermitted);
        }
        if view.mounts.is_fixed(path) {
            stays(permission)?;
        }
        match view.mounts.lead(path) {
            Some((_, location)) => Ok(Spot::Place(view.place(path.clone(), location)?)),
            None if view.mounts.is_fixed(path) => Ok(Spot::Signpost(path.clone())),
            None => Err(SinkError::NotFound.into()),
        }
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

/// What is asked for, and of what.
fn wanted(operation: &Operation) -> (Permission, &VirtualPath) {
    match operation {
        Operation::ChangeDirectory(path) => (Permission::ChangeDirectory, path),
        Operation::MakeDirectory(path) => (Permission::MakeDirectory, path),
        Operation::RemoveDirectory(path) => (Permission::RemoveDirectory, path),
        Operation::Delete(path) => (Permission::Delete, path),
        Operation::RenameFrom(path) => (Permission::Rename, path),
        Operation::Rename { source, .. } => (Permission::Rename, source),
        Operation::Size(path)
        | Operation::Modified(path)
        | Operation::Describe(path)
        | Operation::Status(path)
        | Operation::Available(path) => (Permission::Stat, path),
        Operation::SetModified { path, .. } => (Permission::SetTime, path),
        Operation::SetMode { path, .. } => (Permission::SetMode, path),
        Operation::Checksum { path, .. } => (Permission::Checksum, path),
    }
}

/// The path that a STOU begins with.
fn unique(directory: &VirtualPath, name: Option<&str>) -> Result<VirtualPath, StorageError> {
    let invalid = |_| StorageError::Sink(SinkError::InvalidName);
    let name = PathArgument::parse(name.unwrap_or(UNIQUE_NAME).as_bytes()).map_err(invalid)?;
    directory.join(&name).map_err(invalid)
}

/// The directory whose entries are listed, should nothing stand at `path` itself.
fn directory_of_pattern(path: &VirtualPath, format: ListFormat) -> Option<VirtualPath> {
    let wild = path.name().is_some_and(|name| name.contains(['*', '?']));
    match format {
        ListFormat::Long | ListFormat::Names if wild => path.parent(),
        _ => None,
    }
}
