//! What a back end in a plugin answers, in the terms of a sink, and what is held against it.

use wharf_protocol::listing::{self, EntryKind};
use wharf_protocol::timestamp::Timestamp;

use super::{Answer, Guest, guest};
use crate::plugin::bindings::imports::wharf::plugin::types;
use crate::plugin::call::{Plugin, Running};
use crate::plugin::fault::CallError;
use crate::plugin::instance::PluginInstance;
use crate::plugin::text::one_line;
use crate::sink::SinkError;

impl Plugin {
    /// What an answer comes to.
    pub(super) fn answered<R>(&self, answer: Result<Answer<R>, CallError>) -> Result<R, SinkError> {
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.refused(error)),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// What stands at `key`, under the name that the key has, if it can be listed: the root has no
    /// name that a plugin could tell.
    pub(super) fn described(
        &self,
        entry: types::Entry,
        key: &str,
    ) -> Result<listing::Entry, SinkError> {
        let name = match key.rsplit('/').next().unwrap_or_default() {
            "" => "/".to_owned(),
            name => name.to_owned(),
        };
        let unlistable = || self.nonsense_of_sink("stat", "it describes what cannot be listed");
        in_host_terms(types::Entry { name, ..entry }).ok_or_else(unlistable)
    }

    /// What was read, if it is no more than was asked for.
    pub(super) fn within(
        &self,
        function: &'static str,
        piece: Vec<u8>,
        length: u32,
    ) -> Result<Vec<u8>, SinkError> {
        match piece.len() <= length as usize {
            true => Ok(piece),
            false => Err(self.nonsense_of_sink(function, "it read more than was asked for")),
        }
    }

    /// That it answered what makes no sense.
    pub(super) fn nonsense_of_sink(&self, function: &str, fault: &str) -> SinkError {
        self.failed(self.nonsense(function, fault))
    }

    /// That there is no answer.
    pub(super) fn failed(&self, error: CallError) -> SinkError {
        SinkError::Plugin {
            plugin: self.name().to_owned(),
            cause: one_line(&error.to_string()),
        }
    }

    /// What the back end said instead of an answer.
    fn refused(&self, error: types::StorageError) -> SinkError {
        use types::StorageError as Error;
        match error {
            Error::NotFound => SinkError::NotFound,
            Error::Exists => SinkError::Exists,
            Error::IsDirectory => SinkError::IsDirectory,
            Error::NotDirectory => SinkError::NotDirectory,
            Error::NotEmpty => SinkError::NotEmpty,
            Error::NoSpace => SinkError::NoSpace,
            Error::QuotaExceeded => SinkError::QuotaExceeded,
            Error::PermissionDenied => SinkError::PermissionDenied,
            Error::InvalidName => SinkError::InvalidName,
            Error::Unsupported => SinkError::Unsupported,
            Error::NotGranted(text) => self.failed(not_granted(&text)),
            Error::Failed(text) => self.failed(CallError::Failed(text)),
        }
    }
}

/// One question to the back end in `instance`.
pub(super) fn asked<'i, R: Send>(
    instance: &'i mut PluginInstance,
    question: impl FnOnce(Guest<'i>) -> Running<'i, Answer<R>>,
) -> Running<'i, Answer<R>> {
    match guest(instance) {
        Ok(guest) => question(guest),
        Err(error) => Box::pin(async { Err(error) }),
    }
}

/// Whether the back end itself failed: that something is not there, say, is an answer.
pub(super) fn undecided<R>(answer: &Answer<R>) -> Option<CallError> {
    match answer {
        Err(types::StorageError::NotGranted(text)) => Some(not_granted(text)),
        Err(types::StorageError::Failed(text)) => Some(CallError::Failed(text.clone())),
        _ => None,
    }
}

fn not_granted(text: &str) -> CallError {
    CallError::Failed(format!("not granted: {text}"))
}

/// As the host lists it, if its name could be one.
pub(super) fn in_host_terms(entry: types::Entry) -> Option<listing::Entry> {
    let (kind, name) = match entry.kind {
        types::EntryKind::File => (EntryKind::File, entry.name),
        types::EntryKind::Directory => (EntryKind::Directory, entry.name),
        types::EntryKind::Other => (EntryKind::Symlink, entry.name),
    };
    let mut listed = listing::Entry::new(name, kind)?;
    listed.size = entry.size;
    listed.modified = entry.modified_ms.and_then(|milliseconds| {
        let seconds = i64::try_from(milliseconds / 1000).ok()?;
        let nanoseconds = u32::try_from(milliseconds % 1000).ok()? * 1_000_000;
        Some(Timestamp::from_unix(seconds, nanoseconds))
    });
    Some(listed)
}
