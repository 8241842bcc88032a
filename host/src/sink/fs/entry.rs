//! What stands in a directory, as metadata of the file system tells it.

use std::io;

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FileType, Stat};
use wharf_protocol::listing::{Entry, EntryKind};
use wharf_protocol::timestamp::Timestamp;

use super::super::{Key, SinkError};
use super::{FsSink, is_link, readable, staging};

/// Describe what the metadata belongs to. `None` for what FTP has no business with: pipes, sockets
/// and devices, and names that no command could say.
pub(super) fn describe(name: &str, stat: &Stat) -> Option<Entry> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Symlink,
        _ => return None,
    };
    let mut entry = Entry::new(name, kind)?;
    if kind == EntryKind::File {
        entry.size = stat.st_size.cast_unsigned();
    }
    let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    entry.modified = Some(Timestamp::from_unix(stat.st_mtime, nanoseconds));
    entry.mode = Some(stat.st_mode & 0o7777);
    entry.unique = Some((stat.st_dev, stat.st_ino));
    Some(entry)
}

/// The entries of a directory, each described when it is asked for.
pub(super) struct Listing {
    sink: FsSink,
    key: Key,
    names: rustix::fs::Dir,
}

impl Listing {
    pub(super) fn new(sink: FsSink, key: Key, directory: &Dir) -> io::Result<Self> {
        let names = rustix::fs::Dir::new(readable(directory)?)?;
        Ok(Self { sink, key, names })
    }

    /// `None` for what is not shown, or was removed meanwhile.
    fn describe(&self, name: &str) -> Option<Result<Entry, SinkError>> {
        let directory = match self.names.fd() {
            Ok(directory) => directory,
            Err(error) => return Some(Err(SinkError::from(io::Error::from(error)))),
        };
        match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if is_link(&stat) => self.behind(name, &stat),
            Ok(stat) => describe(name, &stat).map(Ok),
            Err(rustix::io::Errno::NOENT) => None,
            Err(error) => Some(Err(SinkError::from(io::Error::from(error)))),
        }
    }

    /// What a link leads to; the link itself where that is nothing, or out of the sink.
    fn behind(&self, name: &str, link: &Stat) -> Option<Result<Entry, SinkError>> {
        let key = self.key.child(name).ok()?;
        let target = self
            .sink
            .resolve(&key)
            .and_then(|key| self.sink.place(&key)?.stat());
        describe(name, target.as_ref().unwrap_or(link)).map(Ok)
    }
}

impl Iterator for Listing {
    type Item = Result<Entry, SinkError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let found = match self.names.read()? {
                Ok(found) => found,
                Err(error) => return Some(Err(SinkError::from(io::Error::from(error)))),
            };
            // Clients speak UTF-8 only, so they could not ask for any other name.
            let Ok(name) = found.file_name().to_str() else {
                continue;
            };
            if matches!(name, "." | "..") || staging::is_reserved(name) {
                continue;
            }
            if let Some(entry) = self.describe(name) {
                return Some(entry);
            }
        }
    }
}
