//! Files under reserved names, where uploads grow until they are published.
//!
//! A staged file stands in the directory it is meant for, so that publishing it is one rename on
//! one file system and the directory's group and default permissions apply. It is locked for as
//! long as its upload lives: one that is not locked was left by a crash.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::{Dir, OpenOptions};
use rustix::fs::RenameFlags;
use rustix::io::Errno;

const PREFIX: &str = ".wharf-";
const SUFFIX: &str = ".part";
/// How often a file is made whose name a sweep was just about to remove. It happens once at most,
/// while the host starts.
const ATTEMPTS: u32 = 3;

/// Whether a name belongs to staged files: never listed, and nobody's to say.
pub(super) fn is_reserved(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// A file that nobody sees; dropping it removes it.
pub(super) struct StagedFile {
    directory: Arc<Dir>,
    /// Empty once it was published.
    name: String,
    file: File,
}

impl StagedFile {
    /// Make one under a name that nobody else has.
    pub(super) fn create(directory: Arc<Dir>) -> io::Result<Self> {
        Self::reserve(directory, &format!("{:016x}", rand::random::<u64>()))
    }

    /// Make one that stands for `label`: at most one at a time does, in one directory.
    pub(super) fn reserve(directory: Arc<Dir>, label: &str) -> io::Result<Self> {
        let name = format!("{PREFIX}{label}{SUFFIX}");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        for _ in 0..ATTEMPTS {
            let file = directory.open_with(&name, &options)?.into_std();
            // Only a sweep can hold the lock of a file that was just made, and not for long. A file
            // system without locks has no sweeping either.
            match file.lock() {
                Ok(()) if file.metadata()?.nlink() == 0 => {}
                _ => {
                    return Ok(Self {
                        directory,
                        name,
                        file,
                    });
                }
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// What it holds.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Give it its name, in place of a file that has it if `replace`.
    pub(super) fn publish(mut self, to: &Dir, name: &str, replace: bool) -> io::Result<()> {
        let from = &*self.directory;
        match replace {
            true => rename(from, &self.name, to, name)?,
            false => rename_to_free(from, &self.name, to, name)?,
        }
        self.name.clear();
        Ok(())
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if self.name.is_empty() {
            return;
        }
        if let Err(error) = self.directory.remove_file(&self.name) {
            tracing::warn!(name = self.name, %error, "a staged file was not removed");
        }
    }
}

/// Gives a file or directory another name, over a file that has it.
pub(super) fn rename(from: &Dir, name: &str, to: &Dir, new: &str) -> Result<(), Errno> {
    rustix::fs::renameat(from, name, to, new)
}

/// Gives a file a name that nothing has, or fails.
pub(super) fn rename_to_free(from: &Dir, name: &str, to: &Dir, free: &str) -> Result<(), Errno> {
    match rustix::fs::renameat_with(from, name, to, free, RenameFlags::NOREPLACE) {
        // Not every file system has the flag. A hard link refuses to replace as well.
        Err(Errno::INVAL) => {
            rustix::fs::linkat(from, name, to, free, rustix::fs::AtFlags::empty())?;
            rustix::fs::unlinkat(from, name, rustix::fs::AtFlags::empty())
        }
        other => other,
    }
}

/// Remove from one directory what crashed uploads left, and tell how many.
pub(super) fn sweep(directory: &Dir) -> io::Result<u64> {
    let mut removed = 0;
    for found in directory.entries()? {
        let found = found?;
        let name = found.file_name();
        if !name.to_str().is_some_and(is_reserved) {
            continue;
        }
        // The lock is held until the file is gone: an upload that makes it just now sees that.
        if let Some(_orphan) = lock_orphan(directory, &name) {
            directory.remove_file(&name)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Sweep a directory and all below it. What cannot be opened is passed over.
pub(super) fn sweep_tree(root: &Dir) -> io::Result<u64> {
    let mut removed = sweep(root)?;
    // Paths rather than open directories: a deep tree must not use up the descriptors.
    let mut waiting = directories(root, Path::new(""))?;
    while let Some(path) = waiting.pop() {
        let Ok(directory) = root.open_dir(&path) else {
            continue;
        };
        removed += sweep(&directory).unwrap_or(0);
        waiting.extend(directories(&directory, &path).unwrap_or_default());
    }
    Ok(removed)
}

/// The directories in `directory`, as paths from where `path` counts.
fn directories(directory: &Dir, path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in directory.entries()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(path.join(entry.file_name()));
        }
    }
    Ok(found)
}

/// A staged file whose lock no upload held, under it.
fn lock_orphan(directory: &Dir, name: &OsStr) -> Option<File> {
    let file = directory.open(name).ok()?.into_std();
    file.try_lock().ok()?;
    Some(file)
}
