//! The content of a file: pieces in the state, by a number that no other content has.

use std::time::Duration;

use wharf_plugin::{Reader, StorageError, state};

/// Of one piece, in bytes; the host keeps values of at most 64 KiB.
const PIECE: usize = 48 * 1024;
/// How long content stays that nothing leads to any more, for those who are reading it.
const GRACE: Duration = Duration::from_secs(60);

/// What a file holds.
#[derive(Clone, Copy)]
pub struct Content {
    pub id: u64,
    pub size: u64,
}

impl Content {
    pub fn reader(self, offset: u64) -> ContentReader {
        ContentReader {
            content: self,
            offset,
        }
    }

    /// Nothing leads to it any more.
    pub fn expire(self) -> Result<(), StorageError> {
        for number in 0..self.size.div_ceil(PIECE as u64) {
            let piece = self.piece(number)?;
            state::set(&key(self.id, number), &piece, Some(GRACE)).map_err(failed)?;
        }
        Ok(())
    }

    fn piece(self, number: u64) -> Result<Vec<u8>, StorageError> {
        let piece = state::get(&key(self.id, number)).map_err(failed)?;
        piece.ok_or_else(|| StorageError::Failed("a piece is lost".into()))
    }

    /// Bytes from `offset` on, at most `length`, of one piece.
    fn read(self, offset: u64, length: u32) -> Result<Vec<u8>, StorageError> {
        let left = self.size.saturating_sub(offset).min(length.into());
        if left == 0 {
            return Ok(Vec::new());
        }
        let piece = self.piece(offset / PIECE as u64)?;
        let start = (offset % PIECE as u64) as usize;
        let end = piece.len().min(start + left as usize);
        Ok(piece[start..end].to_vec())
    }
}

/// Reads a content forwards.
pub struct ContentReader {
    content: Content,
    offset: u64,
}

impl Reader for ContentReader {
    fn read(&mut self, length: u32) -> Result<Vec<u8>, StorageError> {
        let piece = self.content.read(self.offset, length)?;
        self.offset += piece.len() as u64;
        Ok(piece)
    }
}

/// A content that grows: whole pieces are in the state, the last one here.
pub struct Writer {
    content: Content,
    last: Vec<u8>,
    /// The file that is written over: what the new bytes do not reach stays.
    over: Option<Content>,
}

impl Writer {
    pub fn new() -> Result<Self, StorageError> {
        let id = state::increment("contents", 1, None).map_err(failed)?;
        Ok(Self {
            content: Content {
                id: id.unsigned_abs(),
                size: 0,
            },
            last: Vec::new(),
            over: None,
        })
    }

    /// Goes on at `offset` of `content`.
    pub fn resume(&mut self, content: Content, offset: u64) -> Result<(), StorageError> {
        self.copy(content, 0, offset)?;
        self.over = Some(content);
        Ok(())
    }

    /// Adds the bytes of `content` between two offsets.
    fn copy(&mut self, content: Content, mut offset: u64, end: u64) -> Result<(), StorageError> {
        while offset < end {
            let wanted = u32::try_from(end - offset).unwrap_or(u32::MAX);
            let piece = content.read(offset, wanted)?;
            if piece.is_empty() {
                return Ok(());
            }
            offset += piece.len() as u64;
            self.write(&piece)?;
        }
        Ok(())
    }

    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), StorageError> {
        while !bytes.is_empty() {
            let room = PIECE - self.last.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.last.extend_from_slice(now);
            if self.last.len() == PIECE {
                self.store()?;
            }
            bytes = later;
        }
        Ok(())
    }

    pub fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>, StorageError> {
        if offset < self.content.size {
            return self.content.read(offset, length);
        }
        let start = (offset - self.content.size) as usize;
        match self.over {
            Some(over) if start >= self.last.len() => over.read(offset, length),
            _ => {
                let start = start.min(self.last.len());
                let end = self.last.len().min(start + length as usize);
                Ok(self.last[start..end].to_vec())
            }
        }
    }

    pub fn finish(mut self) -> Result<Content, StorageError> {
        if let Some(over) = self.over {
            let written = self.content.size + self.last.len() as u64;
            self.copy(over, written, over.size)?;
        }
        if !self.last.is_empty() {
            self.store()?;
        }
        Ok(self.content)
    }

    fn store(&mut self) -> Result<(), StorageError> {
        let number = self.content.size / PIECE as u64;
        state::set(&key(self.content.id, number), &self.last, None).map_err(failed)?;
        self.content.size += self.last.len() as u64;
        self.last.clear();
        Ok(())
    }
}

fn key(id: u64, number: u64) -> String {
    format!("content/{id}/{number}")
}

/// What the state could not do, in the terms of storage.
pub fn failed(error: state::Error) -> StorageError {
    match error {
        state::Error::Quota | state::Error::TooLarge => StorageError::NoSpace,
        other => StorageError::Failed(other.to_string()),
    }
}
