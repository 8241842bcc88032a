//! What a client wants to do in storage, as plugins are told it.

use super::bindings::imports::wharf::plugin::types;
use crate::identity;

/// What a client wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// LIST, NLST, MLSD, and STAT of a directory.
    Browse,
    /// SIZE, MDTM, MLST, STAT, AVBL
    Stat,
    /// CWD, CDUP
    ChangeDirectory,
    /// RETR
    Download,
    /// STOR, STOU
    Upload,
    /// APPE, and STOR behind REST.
    Append,
    /// DELE
    Delete,
    /// RNFR, and RNTO again.
    RenameSource,
    /// RNTO
    RenameTarget,
    /// MKD
    MakeDirectory,
    /// RMD
    RemoveDirectory,
    /// MFMT
    SetTime,
    /// SITE CHMOD
    SetMode,
    /// HASH, XCRC and their like.
    Checksum,
}

impl Action {
    /// What has to be permitted for it.
    pub fn permission(self) -> identity::Operation {
        use identity::Operation as Permission;
        match self {
            Self::Browse => Permission::Browse,
            Self::Stat => Permission::Stat,
            Self::ChangeDirectory => Permission::ChangeDirectory,
            Self::Download => Permission::Download,
            Self::Upload => Permission::Upload,
            Self::Append => Permission::Append,
            Self::Delete => Permission::Delete,
            Self::RenameSource | Self::RenameTarget => Permission::Rename,
            Self::MakeDirectory => Permission::MakeDirectory,
            Self::RemoveDirectory => Permission::RemoveDirectory,
            Self::SetTime => Permission::SetTime,
            Self::SetMode => Permission::SetMode,
            Self::Checksum => Permission::Checksum,
        }
    }
}

impl From<Action> for types::Operation {
    fn from(action: Action) -> Self {
        match action {
            Action::Browse => Self::Browse,
            Action::Stat => Self::Stat,
            Action::ChangeDirectory => Self::ChangeDirectory,
            Action::Download => Self::Download,
            Action::Upload => Self::Upload,
            Action::Append => Self::Append,
            Action::Delete => Self::Delete,
            Action::RenameSource => Self::RenameSource,
            Action::RenameTarget => Self::RenameTarget,
            Action::MakeDirectory => Self::MakeDirectory,
            Action::RemoveDirectory => Self::RemoveDirectory,
            Action::SetTime => Self::SetTime,
            Action::SetMode => Self::SetMode,
            Action::Checksum => Self::Checksum,
        }
    }
}
