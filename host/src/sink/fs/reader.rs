//! A file that is being downloaded.

use std::fs::File;
use std::io::Read;

use super::super::{Reader, SinkError};

/// An open file at the next byte to read.
pub(super) struct FsReader {
    file: File,
    size: u64,
    next: u64,
}

impl FsReader {
    /// `file` stands at the byte `next`, at most `size`.
    pub(super) fn new(file: File, size: u64, next: u64) -> Self {
        Self { file, size, next }
    }
}

impl Reader for FsReader {
    fn size(&self) -> u64 {
        self.size
    }

    fn as_file(&self) -> Option<&File> {
        Some(&self.file)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SinkError> {
        let count = self.file.read(buffer)?;
        self.next += count as u64;
        // To end as if all had come would hide that the file was cut while it was read.
        if count == 0 && !buffer.is_empty() && self.next < self.size {
            return Err(SinkError::Changed);
        }
        Ok(count)
    }
}
