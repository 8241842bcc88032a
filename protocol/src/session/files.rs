//! What storage is asked outside transfers: DELE, RNFR, RNTO, SIZE, MDTM, MFMT, MLST, HASH, AVBL,
//! SITE, and STAT with a path.

use super::State;
use super::context::{Context, perform};
use crate::command::{HashAlgorithm, ListArgument};
use crate::effect::{Effect, Effects, Operation, Outcome};
use crate::failure::Failure;
use crate::listing::Entry;
use crate::path::{PathError, VirtualPath};
use crate::reply::{Code, Reply, quoted};
use crate::timestamp::Timestamp;
use crate::transfer::ListOrder;

/// What storage was asked, as far as the reply needs it.
#[derive(Debug)]
pub(super) enum Awaited {
    /// CWD, CDUP: to go there.
    Directory(VirtualPath),
    /// MKD
    Made(VirtualPath),
    /// RMD, DELE
    Removed,
    /// RNFR: whether this can be renamed.
    RenameSource(VirtualPath),
    /// RNTO
    Renamed,
    /// SIZE, AVBL
    Number,
    /// MDTM
    Modified,
    /// MFMT, MDTM with a time, SITE UTIME
    ModifiedSet {
        /// What.
        path: VirtualPath,
        /// Its new time.
        modified: Timestamp,
    },
    /// SITE CHMOD
    ModeSet,
    /// MLST
    Described(VirtualPath),
    /// STAT with a path.
    Status {
        /// What.
        path: VirtualPath,
        /// Names that begin with a dot are shown.
        hidden: bool,
        order: ListOrder,
    },
    /// HASH
    Hash {
        /// Which.
        algorithm: HashAlgorithm,
        /// The file.
        path: VirtualPath,
    },
    /// XCRC and its like.
    Checksum,
}

impl Context {
    pub(super) fn dele(&self, path: VirtualPath, effects: &mut Effects) -> State {
        perform(Operation::Delete(path), Awaited::Removed, effects)
    }

    pub(super) fn rnfr(&self, path: VirtualPath, effects: &mut Effects) -> State {
        perform(
            Operation::RenameFrom(path.clone()),
            Awaited::RenameSource(path),
            effects,
        )
    }

    /// `source` is there only directly after RNFR.
    pub(super) fn rnto(
        &self,
        source: Option<VirtualPath>,
        target: VirtualPath,
        effects: &mut Effects,
    ) -> State {
        let Some(source) = source else {
            effects.reply(Code::BadSequence, "RNFR is needed directly before");
            return State::Ready;
        };
        perform(
            Operation::Rename { source, target },
            Awaited::Renamed,
            effects,
        )
    }

    /// The size as stored, under TYPE A too: it would have to be counted, and clients that resume
    /// use TYPE I.
    pub(super) fn size(&self, path: VirtualPath, effects: &mut Effects) -> State {
        perform(Operation::Size(path), Awaited::Number, effects)
    }

    pub(super) fn avbl(&self, path: VirtualPath, effects: &mut Effects) -> State {
        perform(Operation::Available(path), Awaited::Number, effects)
    }

    pub(super) fn mdtm(&self, path: VirtualPath, effects: &mut Effects) -> State {
        perform(Operation::Modified(path), Awaited::Modified, effects)
    }

    /// MFMT, MDTM with a time, SITE UTIME.
    pub(super) fn set_modified(
        &self,
        path: VirtualPath,
        modified: Timestamp,
        effects: &mut Effects,
    ) -> State {
        let awaited = Awaited::ModifiedSet {
            path: path.clone(),
            modified,
        };
        perform(Operation::SetModified { path, modified }, awaited, effects)
    }

    pub(super) fn chmod(&self, path: VirtualPath, mode: u32, effects: &mut Effects) -> State {
        perform(Operation::SetMode { path, mode }, Awaited::ModeSet, effects)
    }

    pub(super) fn mlst(&self, path: VirtualPath, effects: &mut Effects) -> State {
        perform(
            Operation::Describe(path.clone()),
            Awaited::Described(path),
            effects,
        )
    }

    pub(super) fn status_of(
        &self,
        argument: ListArgument,
        effects: &mut Effects,
    ) -> Result<State, PathError> {
        let path = self.resolve_or_here(argument.path.as_ref())?;
        let awaited = Awaited::Status {
            path: path.clone(),
            hidden: argument.hidden,
            order: argument.order,
        };
        Ok(perform(Operation::Status(path), awaited, effects))
    }

    pub(super) fn hash(&self, path: VirtualPath, effects: &mut Effects) -> State {
        let algorithm = self.parameters.hash;
        let awaited = Awaited::Hash {
            algorithm,
            path: path.clone(),
        };
        perform(
            Operation::Checksum {
                path,
                algorithm,
                range: None,
            },
            awaited,
            effects,
        )
    }

    /// XCRC and its like.
    pub(super) fn checksum(
        &self,
        algorithm: HashAlgorithm,
        path: VirtualPath,
        range: Option<(u64, u64)>,
        effects: &mut Effects,
    ) -> State {
        perform(
            Operation::Checksum {
                path,
                algorithm,
                range,
            },
            Awaited::Checksum,
            effects,
        )
    }

    /// What storage made of it.
    pub(super) fn performed(
        &mut self,
        awaited: Awaited,
        result: Result<Outcome, Failure>,
        effects: &mut Effects,
    ) -> State {
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(failure) => {
                effects.push(Effect::Reply(failure.into()));
                return State::Ready;
            }
        };
        let reply = match (awaited, outcome) {
            (Awaited::Directory(path), Outcome::Done) => self.entered(path),
            (Awaited::RenameSource(path), Outcome::Done) => {
                effects.reply(Code::Pending, "RNTO, please");
                return State::Renaming(path);
            }
            (Awaited::Described(path), Outcome::Entry(entry)) => self.described(&path, &entry),
            (awaited, outcome) => answer(awaited, outcome),
        };
        effects.push(Effect::Reply(reply));
        State::Ready
    }

    /// RFC 3659 section 7.2: the facts, then the path.
    fn described(&self, path: &VirtualPath, entry: &Entry) -> Reply {
        let facts = crate::listing::facts_line(entry, self.parameters.facts, path.as_str());
        Reply::lines(Code::ActionDone, format!("Listing {path}"), [facts], "End")
    }
}

fn answer(awaited: Awaited, outcome: Outcome) -> Reply {
    match (awaited, outcome) {
        (Awaited::Made(path), Outcome::Done) => made(&path),
        (Awaited::Removed, Outcome::Done) => Reply::new(Code::ActionDone, "Removed"),
        (Awaited::Renamed, Outcome::Done) => Reply::new(Code::ActionDone, "Renamed"),
        (Awaited::ModeSet, Outcome::Done) => Reply::new(Code::Okay, "Mode changed"),
        (Awaited::ModifiedSet { path, modified }, Outcome::Done) => {
            Reply::new(Code::FileStatus, format!("Modify={modified}; {path}"))
        }
        (Awaited::Number, Outcome::Size(bytes) | Outcome::Available(bytes)) => {
            Reply::new(Code::FileStatus, bytes.to_string())
        }
        (Awaited::Modified, Outcome::Modified(modified)) => {
            Reply::new(Code::FileStatus, modified.to_string())
        }
        (Awaited::Hash { algorithm, path }, Outcome::Checksum { hex, start, end }) => {
            let name = algorithm.name();
            Reply::new(
                Code::FileStatus,
                format!("{name} {start}-{end} {hex} {path}"),
            )
        }
        (Awaited::Checksum, Outcome::Checksum { hex, .. }) => Reply::new(Code::ActionDone, hex),
        (
            Awaited::Status {
                path,
                hidden,
                order,
            },
            Outcome::Entries {
                directory,
                mut entries,
                now,
            },
        ) => {
            entries.sort_unstable_by(|one, other| order.compare(one, other));
            status(&path, hidden, directory, &entries, now)
        }
        // The host answered another question.
        _ => Failure::Storage.into(),
    }
}

fn made(path: &VirtualPath) -> Reply {
    Reply::new(Code::Path, format!("{} created", quoted(path.as_str())))
}

fn status(
    path: &VirtualPath,
    hidden: bool,
    directory: bool,
    entries: &[Entry],
    now: Timestamp,
) -> Reply {
    let code = if directory {
        Code::DirectoryStatus
    } else {
        Code::FileStatus
    };
    let shown = entries
        .iter()
        .filter(|entry| hidden || !entry.name().starts_with('.'));
    let lines = shown.map(|entry| crate::listing::long_line(entry, now));
    Reply::lines(code, format!("Status of {path}"), lines, "End")
}
