//! A file that a plugin reads.

use std::fs::File;

use tokio::runtime::Handle;

use crate::plugin::storage_sink::LeasedReader;
use crate::sink::{Reader, SinkError};

/// The most that is asked for at once: more would be copied out of the guest in one go.
const PIECE: usize = 256 * 1024;

/// An open file.
pub(super) struct PluginReader {
    reader: Option<LeasedReader>,
    size: u64,
    runtime: Handle,
}

impl PluginReader {
    pub(super) fn new(reader: LeasedReader, size: u64, runtime: Handle) -> Self {
        Self {
            reader: Some(reader),
            size,
            runtime,
        }
    }
}

impl Reader for PluginReader {
    fn size(&self) -> u64 {
        self.size
    }

    fn as_file(&self) -> Option<&File> {
        None
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SinkError> {
        let Some(reader) = &mut self.reader else {
            return Ok(0);
        };
        let length = u32::try_from(buffer.len().min(PIECE)).unwrap_or(u32::MAX);
        let piece = self.runtime.block_on(reader.read(length))?;
        buffer[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

impl Drop for PluginReader {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            self.runtime.spawn(reader.close());
        }
    }
}
