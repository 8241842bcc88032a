//! The content of an upload that no client sent.

use std::io;

use crate::plugin::imports::staging::LentUpload;
use crate::sink::{Existing, Key, SinkError, StagedUpload, Upload};

/// What a person writes about it, in memory.
struct Written {
    key: Key,
    bytes: Vec<u8>,
}

/// An upload of `bytes`, all of which may be read.
pub fn lent(bytes: Vec<u8>) -> LentUpload {
    let (key, size) = (Key::root(), bytes.len() as u64);
    LentUpload {
        upload: StagedUpload::new(Box::new(Written { key, bytes })),
        size,
        readable: size,
    }
}

fn not_here() -> SinkError {
    io::Error::other("nothing of a trial is stored").into()
}

impl Upload for Written {
    fn key(&self) -> &Key {
        &self.key
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn size(&self) -> Result<u64, SinkError> {
        Ok(self.bytes.len() as u64)
    }

    fn reads_back(&self) -> bool {
        true
    }

    fn relocates(&self) -> bool {
        false
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SinkError> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.bytes.get(offset..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        Err(not_here())
    }

    fn commit_to(self: Box<Self>, _key: &Key, _existing: Existing) -> Result<(), SinkError> {
        Err(not_here())
    }

    fn interrupt(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }
}
