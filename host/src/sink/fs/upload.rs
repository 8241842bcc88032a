//! An upload into a staged file, published by a rename.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::sync::{Arc, PoisonError};

use rustix::fs::Stat;
use sha2::{Digest, Sha256};

use super::super::{Existing, Key, SinkError, Upload, WriteMode};
use super::staging::StagedFile;
use super::{FsSink, is_directory, is_file};

/// How many free names are tried for STOU. They are random, so a second one is rare.
const ATTEMPTS: u32 = 16;

/// The longest name that file systems take, in bytes.
const NAME_BYTES_MAX: usize = 255;

struct FsUpload {
    sink: FsSink,
    key: Key,
    mode: WriteMode,
    replaces: Replaces,
    staged: StagedFile,
}

/// What an upload may take the place of.
#[derive(Clone, Copy)]
enum Replaces {
    /// Whatever file stands there.
    Any,
    /// Nothing.
    Nothing,
    /// The file that it goes on from, as it was then. A client that lost its connection comes back
    /// and completes the file; what its first connection left must not undo that when it ends.
    Same(Version),
}

/// Tells one state of a file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Version {
    file: (u64, u64),
    size: i64,
    modified: (i64, u64),
}

impl Version {
    fn of(stat: &Stat) -> Self {
        Self {
            file: (stat.st_dev, stat.st_ino),
            size: stat.st_size,
            modified: (stat.st_mtime, stat.st_mtime_nsec),
        }
    }
}

/// Begin an upload of `file` to `sink`.
pub(super) fn create(
    sink: &FsSink,
    file: &Key,
    mode: WriteMode,
) -> Result<Box<dyn Upload>, SinkError> {
    if file.is_root() {
        return Err(SinkError::IsDirectory);
    }
    let (key, staged, replaces) = match mode {
        WriteMode::Unique => {
            let (key, staged) = reserve_free(sink, file)?;
            (key, staged, Replaces::Nothing)
        }
        _ => stage(sink, file, mode)?,
    };
    Ok(Box::new(FsUpload {
        sink: sink.clone(),
        key,
        mode,
        replaces,
        staged,
    }))
}

/// Stage what takes the place of `file`, which a link may lead to.
fn stage(
    sink: &FsSink,
    file: &Key,
    mode: WriteMode,
) -> Result<(Key, StagedFile, Replaces), SinkError> {
    let key = sink.follow(file)?;
    let place = sink.place(&key)?;
    let present = match place.stat() {
        Ok(stat) if is_directory(&stat) => return Err(SinkError::IsDirectory),
        Ok(stat) if is_file(&stat) => Some(stat),
        Ok(_) => return Err(SinkError::PermissionDenied),
        Err(SinkError::NotFound) => None,
        Err(error) => return Err(error),
    };
    let staged = StagedFile::create(place.directory.clone())?;
    if let Some(present) = &present {
        keep_permissions(present, staged.file())?;
    }
    let replaces = match (mode, present) {
        (WriteMode::At(1..) | WriteMode::Append, Some(_)) => {
            Replaces::Same(resume(sink.open_file(&key)?, staged.file(), mode)?)
        }
        (WriteMode::At(1..), None) => return Err(SinkError::BeyondEnd),
        (WriteMode::Append, None) => Replaces::Nothing,
        _ => Replaces::Any,
    };
    Ok((key, staged, replaces))
}

/// A replaced file keeps its permission bits, as if it had been overwritten in place.
fn keep_permissions(present: &Stat, staged: &File) -> Result<(), SinkError> {
    let mode = present.st_mode & 0o7777;
    if staged.metadata()?.mode() & 0o7777 != mode {
        staged.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Copy what is there already and stand where the client goes on; tells what was copied. File
/// systems that can share blocks between files do so here.
fn resume(mut present: File, mut staged: &File, mode: WriteMode) -> Result<Version, SinkError> {
    let version = Version::of(&rustix::fs::fstat(&present).map_err(io::Error::from)?);
    if matches!(mode, WriteMode::At(offset) if offset > version.size.cast_unsigned()) {
        return Err(SinkError::BeyondEnd);
    }
    io::copy(&mut present, &mut staged)?;
    if let WriteMode::At(offset) = mode {
        staged.seek(SeekFrom::Start(offset))?;
    }
    Ok(version)
}

/// Reserve `wanted`, or a name like it, for an upload that replaces nothing.
fn reserve_free(sink: &FsSink, wanted: &Key) -> Result<(Key, StagedFile), SinkError> {
    let (parent, name) = wanted.split().ok_or(SinkError::IsDirectory)?;
    let directory = sink.directory(&parent)?;
    for attempt in 0..ATTEMPTS {
        let candidate = match attempt {
            0 => wanted.clone(),
            _ => parent
                .child(&another_name(name))
                .map_err(|_| SinkError::InvalidName)?,
        };
        let place = sink.place(&candidate)?;
        let digest = Sha256::digest(place.name.as_bytes());
        let label: String = digest[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let staged = match StagedFile::reserve(Arc::clone(&directory), &label) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            staged => staged?,
        };
        // Asked while the name is reserved, so no other upload can take it before this one.
        match place.stat() {
            Ok(_) => continue,
            Err(SinkError::NotFound) => return Ok((candidate, staged)),
            Err(error) => return Err(error),
        }
    }
    Err(SinkError::Exists)
}

/// `name` with something random behind it, cut to what a file system takes.
fn another_name(name: &str) -> String {
    let suffix = format!(".{:08x}", rand::random::<u32>());
    let room = name.floor_char_boundary(NAME_BYTES_MAX - suffix.len());
    format!("{}{suffix}", &name[..room])
}

impl FsUpload {
    fn publish(self, key: &Key, replaces: Replaces) -> Result<(), SinkError> {
        let Self { sink, staged, .. } = self;
        let place = sink.place(key)?;
        if sink.syncs.is_some() {
            staged.file().sync_all()?;
        }
        match replaces {
            Replaces::Any => staged.publish(&place.directory, place.name, true)?,
            Replaces::Nothing => staged.publish(&place.directory, place.name, false)?,
            Replaces::Same(version) => {
                // Of two that go on from one file, the second has to see what the first made.
                let _one_at_a_time = sink.resuming.lock().unwrap_or_else(PoisonError::into_inner);
                if !place.stat().is_ok_and(|now| Version::of(&now) == version) {
                    return Err(SinkError::Changed);
                }
                staged.publish(&place.directory, place.name, true)?;
            }
        }
        sink.changed(&place.directory)
    }
}

impl Upload for FsUpload {
    fn key(&self) -> &Key {
        &self.key
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        Ok(self.staged.file().write_all(bytes)?)
    }

    fn size(&self) -> Result<u64, SinkError> {
        Ok(self.staged.file().metadata()?.len())
    }

    fn reads_back(&self) -> bool {
        true
    }

    fn relocates(&self) -> bool {
        true
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SinkError> {
        Ok(self.staged.file().read_at(buffer, offset)?)
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        let (key, replaces) = (self.key.clone(), self.replaces);
        self.publish(&key, replaces)
    }

    fn commit_to(self: Box<Self>, key: &Key, existing: Existing) -> Result<(), SinkError> {
        if key.is_root() {
            return Err(SinkError::IsDirectory);
        }
        self.publish(
            key,
            match existing {
                Existing::Replaced => Replaces::Any,
                Existing::Kept => Replaces::Nothing,
            },
        )
    }

    fn interrupt(self: Box<Self>) -> Result<(), SinkError> {
        match self.mode.resumes() {
            true => self.commit(),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_name_fits_the_file_system() {
        for name in ["a", &"x".repeat(255), &"\u{1f600}".repeat(63)] {
            let other = another_name(name);
            assert!(other.len() <= NAME_BYTES_MAX && other != name, "{other}");
        }
    }
}
