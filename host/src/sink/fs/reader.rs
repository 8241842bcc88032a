//! A file that is being downloaded.

use std::fs::File;
use std::io::Read;

use super::super::{Reader, SinkError};

/// An open file at the next byte to read.
pub(super) struct FsReader {
    file: File,
    size: u64,
}

impl FsReader {
    pub(super) fn new(file: File, size: u64) -> Self {
        Self { file, size }
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
        Ok(self.file.read(buffer)?)
    }
}
