//! Files in a directory of the local file system, which nothing leads out of.
//!
//! Paths are resolved by cap-std below the open root; what is then done to the last name of a path
//! is done by the kernel relative to its open directory, and never through a symbolic link.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;
use wharf_protocol::listing::Entry;
use wharf_protocol::timestamp::Timestamp;

use self::durable::DirectorySyncs;
use self::reader::FsReader;
use super::{Entries, Existing, Key, Reader, Sink, SinkError, Upload, WriteMode};
use crate::config::Durability;

mod durable;
mod entry;
mod reader;
mod staging;
#[cfg(test)]
mod tests;
mod upload;

/// A directory of the local file system.
#[derive(Clone, Debug)]
pub struct FsSink {
    root: Arc<Dir>,
    /// `None` where commits need not survive a loss of power.
    syncs: Option<Arc<DirectorySyncs>>,
    /// Held while an upload that goes on from a file takes its place.
    resuming: Arc<Mutex<()>>,
}

/// A name in a directory that is open; `.` for the root itself.
struct Place<'a> {
    directory: Arc<Dir>,
    name: &'a str,
}

impl FsSink {
    /// Open the directory `root`, which must exist.
    pub fn open(root: &Path, durability: Durability) -> io::Result<Self> {
        let root = Arc::new(Dir::open_ambient_dir(root, ambient_authority())?);
        let syncs = match durability {
            Durability::Os => None,
            Durability::Fsync => Some(Arc::default()),
        };
        Ok(Self {
            root,
            syncs,
            resuming: Arc::default(),
        })
    }

    /// Remove what uploads left that a crash ended, in every directory, and tell how many.
    ///
    /// To be called once at start-up, beside serving: running uploads are spared.
    pub fn remove_orphans(&self) -> io::Result<u64> {
        staging::sweep_tree(&self.root)
    }

    /// Open a directory, through links that stay below the root.
    fn directory(&self, key: &Key) -> Result<Arc<Dir>, SinkError> {
        speakable(key)?;
        match key.is_root() {
            true => Ok(self.root.clone()),
            false => Ok(Arc::new(self.root.open_dir(key.as_str())?)),
        }
    }

    /// Open the directory that holds `key`.
    fn place<'a>(&self, key: &'a Key) -> Result<Place<'a>, SinkError> {
        speakable(key)?;
        let (parent, name) = key.split().unwrap_or((Key::root(), "."));
        Ok(Place {
            directory: self.directory(&parent)?,
            name,
        })
    }

    /// As [`Self::place`], for something that is to be made, moved or removed: not the root.
    fn changeable<'a>(&self, key: &'a Key) -> Result<Place<'a>, SinkError> {
        match key.is_root() {
            true => Err(SinkError::PermissionDenied),
            false => self.place(key),
        }
    }

    /// Where a symbolic link at `key` leads to; `key` itself where there is none.
    fn follow(&self, key: &Key) -> Result<Key, SinkError> {
        let place = self.place(key)?;
        match place.stat() {
            Ok(stat) if is_link(&stat) => self.resolve(key),
            _ => Ok(key.clone()),
        }
    }

    /// The key without symbolic links on the way, all of which must stay below the root.
    fn resolve(&self, key: &Key) -> Result<Key, SinkError> {
        let path = self.root.canonicalize(key.as_str())?;
        let text = path.to_str().ok_or(SinkError::InvalidName)?;
        match text {
            "." => Ok(Key::root()),
            _ => Key::parse(text).map_err(|_| SinkError::InvalidName),
        }
    }

    /// What was changed in `directory` is made as durable as the sink was configured.
    fn changed(&self, directory: &Dir) -> Result<(), SinkError> {
        match &self.syncs {
            Some(syncs) => Ok(syncs.sync(directory)?),
            None => Ok(()),
        }
    }
}

impl Place<'_> {
    fn stat(&self) -> Result<Stat, SinkError> {
        Ok(
            rustix::fs::statat(&*self.directory, self.name, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(io::Error::from)?,
        )
    }
}

impl Sink for FsSink {
    fn stat(&self, key: &Key) -> Result<Entry, SinkError> {
        let place = self.place(key)?;
        let mut stat = place.stat()?;
        if is_link(&stat) {
            let target = self.resolve(key)?;
            stat = self.place(&target)?.stat()?;
        }
        let name = if key.is_root() { "/" } else { place.name };
        entry::describe(name, &stat).ok_or(SinkError::PermissionDenied)
    }

    fn list(&self, directory: &Key) -> Result<Entries, SinkError> {
        let opened = self.directory(directory)?;
        Ok(Box::new(entry::Listing::new(
            self.clone(),
            directory.clone(),
            &opened,
        )?))
    }

    fn open(&self, file: &Key, offset: u64) -> Result<Box<dyn Reader>, SinkError> {
        let mut opened = self.open_file(file)?;
        let size = opened.metadata()?.len();
        if offset > size {
            return Err(SinkError::BeyondEnd);
        }
        if offset > 0 {
            opened.seek(SeekFrom::Start(offset))?;
        }
        Ok(Box::new(FsReader::new(opened, size, offset)))
    }

    fn create(&self, file: &Key, mode: WriteMode) -> Result<Box<dyn Upload>, SinkError> {
        upload::create(self, file, mode)
    }

    fn make_directory(&self, directory: &Key) -> Result<(), SinkError> {
        if directory.is_root() {
            return Err(SinkError::Exists);
        }
        let place = self.place(directory)?;
        place.directory.create_dir(place.name)?;
        self.changed(&place.directory)
    }

    fn remove_directory(&self, directory: &Key) -> Result<(), SinkError> {
        let place = self.changeable(directory)?;
        let removed = match place
            .directory
            .remove_dir(place.name)
            .map_err(SinkError::from)
        {
            // What a crashed upload left is invisible and so must not keep a directory alive.
            Err(SinkError::NotEmpty)
                if staging::sweep(&place.directory.open_dir(place.name)?)? > 0 =>
            {
                place
                    .directory
                    .remove_dir(place.name)
                    .map_err(SinkError::from)
            }
            other => other,
        };
        removed?;
        self.changed(&place.directory)
    }

    fn remove(&self, file: &Key) -> Result<(), SinkError> {
        let place = self.changeable(file)?;
        place.directory.remove_file(place.name)?;
        self.changed(&place.directory)
    }

    fn rename(&self, source: &Key, target: &Key, existing: Existing) -> Result<(), SinkError> {
        let (from, to) = (self.changeable(source)?, self.changeable(target)?);
        let moved = from.stat()?;
        if source == target {
            return Ok(());
        }
        if source.holds(target) {
            return Err(SinkError::InvalidName);
        }
        match to.stat() {
            Ok(there) if is_directory(&there) || is_directory(&moved) => {
                return Err(SinkError::Exists);
            }
            Ok(_) | Err(SinkError::NotFound) => {}
            Err(error) => return Err(error),
        }
        // A directory takes the place of an empty one at most, if that came just now.
        let renames = match existing {
            Existing::Kept if !is_directory(&moved) => staging::rename_to_free,
            _ => staging::rename,
        };
        renames(&from.directory, from.name, &to.directory, to.name).map_err(io::Error::from)?;
        self.changed(&to.directory)?;
        match source.split().map(|(parent, _)| parent) == target.split().map(|(parent, _)| parent) {
            true => Ok(()),
            false => self.changed(&from.directory),
        }
    }

    fn keeps_times(&self) -> bool {
        true
    }

    fn set_modified(&self, key: &Key, modified: Timestamp) -> Result<(), SinkError> {
        let target = self.follow(key)?;
        let place = self.place(&target)?;
        let times = Timestamps {
            last_access: Timespec {
                tv_sec: 0,
                tv_nsec: UTIME_OMIT,
            },
            last_modification: Timespec {
                tv_sec: modified.unix_seconds(),
                tv_nsec: modified.nanoseconds().into(),
            },
        };
        rustix::fs::utimensat(
            &*place.directory,
            place.name,
            &times,
            AtFlags::SYMLINK_NOFOLLOW,
        )
        .map_err(io::Error::from)?;
        Ok(())
    }

    fn set_mode(&self, key: &Key, mode: u32) -> Result<(), SinkError> {
        let place = self.place(key)?;
        let permissions = Permissions::from_mode(mode & 0o7777);
        place.directory.set_permissions(place.name, permissions)?;
        Ok(())
    }

    fn available(&self, key: &Key) -> Result<u64, SinkError> {
        let place = self.place(key)?;
        let space = rustix::fs::fstatvfs(&*place.directory).map_err(io::Error::from)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }
}

impl FsSink {
    /// Open a regular file for reading, through links that stay below the root.
    fn open_file(&self, file: &Key) -> Result<File, SinkError> {
        speakable(file)?;
        let mut options = OpenOptions::new();
        // A pipe must not block whoever opens it, before it is known to be one.
        options
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let path = if file.is_root() { "." } else { file.as_str() };
        let opened = self.root.open_with(path, &options)?.into_std();
        let kind = opened.metadata()?.file_type();
        match (kind.is_file(), kind.is_dir()) {
            (true, _) => Ok(opened),
            (_, true) => Err(SinkError::IsDirectory),
            _ => Err(SinkError::PermissionDenied),
        }
    }
}

/// cap-std opens directories as mere places (`O_PATH`), which cannot be read or synchronised.
fn readable(directory: &Dir) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(directory, c".", flags, Mode::empty())
}

/// Names that stage uploads are nobody's to say.
fn speakable(key: &Key) -> Result<(), SinkError> {
    match key.components().any(staging::is_reserved) {
        true => Err(SinkError::InvalidName),
        false => Ok(()),
    }
}

fn is_link(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode).is_symlink()
}

fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode).is_file()
}

fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode).is_dir()
}
