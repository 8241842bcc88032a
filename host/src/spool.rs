//! The spool: received bytes that a sink cannot give back before they are published, for as long as
//! a gate decides on them.
//!
//! A file of the spool has no name, so that nothing is left of it when the host ends; only a crash
//! between making one and taking its name away leaves one, empty, which goes at the next start.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sink::SinkError;
use crate::state_dir;

/// Where uploads are kept until their gates have decided; no more than so many bytes in all.
#[derive(Clone, Debug)]
pub struct Spool {
    directory: PathBuf,
    room: Arc<Room>,
}

#[derive(Debug)]
struct Room {
    bytes_max: u64,
    used: AtomicU64,
}

impl Spool {
    /// The spool in `state_dir`, with nothing in it.
    ///
    /// # Errors
    /// The directory cannot be made or swept.
    pub fn open(state_dir: &Path, bytes_max: u64) -> io::Result<Self> {
        let directory = state_dir.join("spool");
        state_dir::ensure(&directory).map_err(io::Error::other)?;
        for left in fs::read_dir(&directory)? {
            fs::remove_file(left?.path())?;
        }
        let used = AtomicU64::new(0);
        Ok(Self {
            directory,
            room: Arc::new(Room { bytes_max, used }),
        })
    }

    /// A file for one upload.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn file(&self) -> io::Result<SpoolFile> {
        let path = self
            .directory
            .join(format!("{:016x}", rand::random::<u64>()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = options.open(&path)?;
        fs::remove_file(&path)?;
        Ok(SpoolFile {
            file,
            size: 0,
            room: Arc::clone(&self.room),
        })
    }

    /// How many bytes are in it.
    pub fn used(&self) -> u64 {
        self.room.used.load(Ordering::Relaxed)
    }
}

impl Room {
    fn take(&self, bytes: u64) -> Result<(), SinkError> {
        let within = |used: u64| {
            let used = used.checked_add(bytes)?;
            (used <= self.bytes_max).then_some(used)
        };
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        match self.used.fetch_update(set, fetch, within) {
            Ok(_) => Ok(()),
            Err(used) => {
                let max = self.bytes_max;
                tracing::warn!(used, max, "the spool is full: see [limits] spool");
                Err(SinkError::NoSpace)
            }
        }
    }
}

/// What one upload has in the spool; dropping it gives the room back.
#[derive(Debug)]
pub struct SpoolFile {
    file: File,
    size: u64,
    room: Arc<Room>,
}

impl SpoolFile {
    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// [`SinkError::NoSpace`] where the spool is full, and what the file system says.
    pub fn write_at(&mut self, bytes: &[u8], offset: u64) -> Result<(), SinkError> {
        let end = offset.saturating_add(bytes.len() as u64);
        if let Some(more) = end.checked_sub(self.size) {
            self.room.take(more)?;
            self.size = end;
        }
        Ok(self.file.write_all_at(bytes, offset)?)
    }

    /// Reads from `offset` on; 0 bytes is the end.
    ///
    /// # Errors
    /// What the file system says.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SinkError> {
        Ok(self.file.read_at(buffer, offset)?)
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.size, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_together_stay_within_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("spool")).unwrap();
        fs::write(folder.path().join("spool/left"), "by a crash").unwrap();
        let spool = Spool::open(folder.path(), 10).unwrap();
        let (mut one, mut two) = (spool.file().unwrap(), spool.file().unwrap());
        assert_eq!(folder.path().join("spool").read_dir().unwrap().count(), 0);
        one.write_at(b"012345", 0).unwrap();
        // Written over, it takes no more room.
        one.write_at(b"ab", 4).unwrap();
        two.write_at(b"6789", 0).unwrap();
        assert_eq!(spool.used(), 10);
        assert!(matches!(two.write_at(b"x", 4), Err(SinkError::NoSpace)));
        let mut buffer = [0; 8];
        assert_eq!(one.read_at(&mut buffer, 2).unwrap(), 4);
        assert_eq!(&buffer[..4], b"23ab");
        drop(one);
        two.write_at(b"x", 4).unwrap();
        drop(two);
        assert_eq!(spool.used(), 0);
    }
}
