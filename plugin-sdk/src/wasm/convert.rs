//! Plain types to those of the contract, and back.

use super::bindings::types;
use super::bindings::wharf::plugin::sinks;
use crate::sinks::Page;
use crate::storage::{milliseconds, moment};
use crate::{
    Checksum, Denial, DenialReason, Entry, EntryKind, Failure, Location, Operation, Operations,
    StorageError,
};

impl From<Denial> for types::Denial {
    fn from(
        Denial {
            reason,
            text,
            detail,
        }: Denial,
    ) -> Self {
        Self {
            reason: reason.into(),
            text,
            detail,
        }
    }
}

impl From<DenialReason> for types::DenialReason {
    fn from(reason: DenialReason) -> Self {
        match reason {
            DenialReason::Credentials => Self::Credentials,
            DenialReason::AccountDisabled => Self::AccountDisabled,
            DenialReason::AccountExpired => Self::AccountExpired,
            DenialReason::Address => Self::Address,
            DenialReason::NeedsTls => Self::NeedsTls,
            DenialReason::NeedsCertificate => Self::NeedsCertificate,
            DenialReason::TooManySessions => Self::TooManySessions,
            DenialReason::Permission => Self::Permission,
            DenialReason::NotFound => Self::NotFound,
            DenialReason::NameNotAllowed => Self::NameNotAllowed,
            DenialReason::Quota => Self::Quota,
            DenialReason::TooLarge => Self::TooLarge,
            DenialReason::ContentRejected => Self::ContentRejected,
            DenialReason::Policy => Self::Policy,
        }
    }
}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(why) => Self::Unavailable(why),
            Failure::TimedOut(why) => Self::TimedOut(why),
            Failure::Misconfigured(why) => Self::Misconfigured(why),
            Failure::Internal(why) => Self::Internal(why),
        }
    }
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        match failure {
            types::Failure::Unavailable(why) => Self::Unavailable(why),
            types::Failure::TimedOut(why) => Self::TimedOut(why),
            types::Failure::Misconfigured(why) => Self::Misconfigured(why),
            types::Failure::Internal(why) => Self::Internal(why),
        }
    }
}

impl From<StorageError> for types::StorageError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => Self::NotFound,
            StorageError::Exists => Self::Exists,
            StorageError::IsDirectory => Self::IsDirectory,
            StorageError::NotDirectory => Self::NotDirectory,
            StorageError::NotEmpty => Self::NotEmpty,
            StorageError::NoSpace => Self::NoSpace,
            StorageError::QuotaExceeded => Self::QuotaExceeded,
            StorageError::PermissionDenied => Self::PermissionDenied,
            StorageError::InvalidName => Self::InvalidName,
            StorageError::Unsupported => Self::Unsupported,
            StorageError::NotGranted(why) => Self::NotGranted(why),
            StorageError::Failed(why) => Self::Failed(why),
        }
    }
}

impl From<types::StorageError> for StorageError {
    fn from(error: types::StorageError) -> Self {
        match error {
            types::StorageError::NotFound => Self::NotFound,
            types::StorageError::Exists => Self::Exists,
            types::StorageError::IsDirectory => Self::IsDirectory,
            types::StorageError::NotDirectory => Self::NotDirectory,
            types::StorageError::NotEmpty => Self::NotEmpty,
            types::StorageError::NoSpace => Self::NoSpace,
            types::StorageError::QuotaExceeded => Self::QuotaExceeded,
            types::StorageError::PermissionDenied => Self::PermissionDenied,
            types::StorageError::InvalidName => Self::InvalidName,
            types::StorageError::Unsupported => Self::Unsupported,
            types::StorageError::NotGranted(why) => Self::NotGranted(why),
            types::StorageError::Failed(why) => Self::Failed(why),
        }
    }
}

impl From<Location> for types::Location {
    fn from(Location { sink, key }: Location) -> Self {
        Self { sink, key }
    }
}

impl From<&Location> for types::Location {
    fn from(place: &Location) -> Self {
        place.clone().into()
    }
}

impl From<types::Location> for Location {
    fn from(types::Location { sink, key }: types::Location) -> Self {
        Self { sink, key }
    }
}

impl From<types::Checksum> for Checksum {
    fn from(types::Checksum { algorithm, hex }: types::Checksum) -> Self {
        Self { algorithm, hex }
    }
}

impl From<Entry> for types::Entry {
    fn from(entry: Entry) -> Self {
        let kind = match entry.kind {
            EntryKind::File => types::EntryKind::File,
            EntryKind::Directory => types::EntryKind::Directory,
            EntryKind::Other => types::EntryKind::Other,
        };
        Self {
            name: entry.name,
            kind,
            size: entry.size,
            modified_ms: entry.modified.map(milliseconds),
        }
    }
}

impl From<types::Entry> for Entry {
    fn from(entry: types::Entry) -> Self {
        let kind = match entry.kind {
            types::EntryKind::File => EntryKind::File,
            types::EntryKind::Directory => EntryKind::Directory,
            types::EntryKind::Other => EntryKind::Other,
        };
        Self {
            name: entry.name,
            kind,
            size: entry.size,
            modified: entry.modified_ms.map(moment),
        }
    }
}

impl From<sinks::Page> for Page {
    fn from(page: sinks::Page) -> Self {
        Self {
            entries: page.entries.into_iter().map(Into::into).collect(),
            next: page.next,
        }
    }
}

impl From<types::Operation> for Operation {
    fn from(operation: types::Operation) -> Self {
        use types::Operation as Generated;
        match operation {
            Generated::Browse => Self::Browse,
            Generated::Stat => Self::Stat,
            Generated::ChangeDirectory => Self::ChangeDirectory,
            Generated::Download => Self::Download,
            Generated::Upload => Self::Upload,
            Generated::Append => Self::Append,
            Generated::Delete => Self::Delete,
            Generated::RenameSource => Self::RenameSource,
            Generated::RenameTarget => Self::RenameTarget,
            Generated::MakeDirectory => Self::MakeDirectory,
            Generated::RemoveDirectory => Self::RemoveDirectory,
            Generated::SetTime => Self::SetTime,
            Generated::SetMode => Self::SetMode,
            Generated::Checksum => Self::Checksum,
            Generated::Copy => Self::Copy,
            Generated::Other => Self::Other,
        }
    }
}

impl From<Operations> for types::Operations {
    fn from(set: Operations) -> Self {
        Self::from_bits_retain(set.bits())
    }
}
