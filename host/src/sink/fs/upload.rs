//! An upload into a staged file, published by a rename.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::sync::Arc;

use rustix::fs::Stat;
use sha2::{Digest, Sha256};

use super::super::{Key, SinkError, Upload, WriteMode};
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
    staged: StagedFile,
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
    let (key, staged) = match mode {
        WriteMode::Unique => reserve_free(sink, file)?,
        _ => stage(sink, file, mode)?,
    };
    Ok(Box::new(FsUpload {
        sink: sink.clone(),
        key,
        mode,
        staged,
    }))
}

/// Stage what takes the place of `file`, which a link may lead to.
fn stage(sink: &FsSink, file: &Key, mode: WriteMode) -> Result<(Key, StagedFile), SinkError> {
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
    match (mode, present) {
        (WriteMode::At(1..) | WriteMode::Append, Some(_)) => {
            resume(sink.open_file(&key)?, staged.file(), mode)?;
        }
        (WriteMode::At(1..), None) => return Err(SinkError::BeyondEnd),
        _ => {}
    }
    Ok((key, staged))
}

/// A replaced file keeps its permission bits, as if it had been overwritten in place.
fn keep_permissions(present: &Stat, staged: &File) -> Result<(), SinkError> {
    let mode = present.st_mode & 0o7777;
    if staged.metadata()?.mode() & 0o7777 != mode {
        staged.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Copy what is there already and stand where the client goes on. File systems that can share
/// blocks between files do so here.
fn resume(mut present: File, mut staged: &File, mode: WriteMode) -> Result<(), SinkError> {
    let size = present.metadata()?.len();
    if matches!(mode, WriteMode::At(offset) if offset > size) {
        return Err(SinkError::BeyondEnd);
    }
    io::copy(&mut present, &mut staged)?;
    if let WriteMode::At(offset) = mode {
        staged.seek(SeekFrom::Start(offset))?;
    }
    Ok(())
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
    fn publish(self, key: &Key, replace: bool) -> Result<(), SinkError> {
        let Self { sink, staged, .. } = self;
        let place = sink.place(key)?;
        if sink.syncs.is_some() {
            staged.file().sync_all()?;
        }
        staged.publish(&place.directory, place.name, replace)?;
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

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SinkError> {
        Ok(self.staged.file().read_at(buffer, offset)?)
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        let key = self.key.clone();
        let replace = self.mode != WriteMode::Unique;
        self.publish(&key, replace)
    }

    fn commit_to(self: Box<Self>, key: &Key) -> Result<(), SinkError> {
        if key.is_root() {
            return Err(SinkError::IsDirectory);
        }
        self.publish(key, true)
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
