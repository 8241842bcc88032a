//! An upload of which the host keeps what gates want and the sink cannot give back: the bytes go to
//! both as they come.

use std::io;

use super::{Existing, Key, Location, Sink, SinkError, Upload};
use crate::limits::TRANSFER_BLOCK_BYTES;
use crate::spool::{Spool, SpoolFile};

/// How much of an upload is wanted before it is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing.
    #[default]
    Nothing,
    /// The first bytes, which are few enough for memory.
    Head(usize),
    /// Everything.
    All,
}

/// `upload` to `sink`, readable as far as it is `wanted`. What it goes on from is fetched, so that
/// it is read as a whole, and `start` is the offset of the first byte that will be written.
///
/// # Errors
/// The spool is full or fails, or what is there already cannot be read.
pub fn keep(
    upload: Box<dyn Upload>,
    sink: &dyn Sink,
    start: u64,
    wanted: Wanted,
    spool: &Spool,
    is_cancelled: impl Fn() -> bool,
) -> Result<Box<dyn Upload>, SinkError> {
    let bytes = match wanted {
        _ if upload.reads_back() => return Ok(upload),
        Wanted::Nothing => return Ok(upload),
        Wanted::Head(most) => Kept::Head(Vec::new(), most),
        Wanted::All => Kept::All(spool.file()?),
    };
    let mut kept = KeptUpload {
        key: upload.key().clone(),
        upload: Some(upload),
        bytes,
        position: start,
    };
    kept.fetch(sink, is_cancelled)?;
    Ok(Box::new(kept))
}

struct KeptUpload {
    key: Key,
    /// `None` once it was let go of.
    upload: Option<Box<dyn Upload>>,
    bytes: Kept,
    /// Of the next byte that is written.
    position: u64,
}

enum Kept {
    /// At most so many bytes from the beginning.
    Head(Vec<u8>, usize),
    All(SpoolFile),
}

impl KeptUpload {
    /// Keeps what stands there already, if the upload goes on from it.
    fn fetch(&mut self, sink: &dyn Sink, is_cancelled: impl Fn() -> bool) -> Result<(), SinkError> {
        let size = self.size()?;
        if size == 0 {
            return Ok(());
        }
        let mut reader = sink.open(&self.key, 0)?;
        if reader.size() != size {
            return Err(SinkError::Changed);
        }
        let mut block = vec![0; TRANSFER_BLOCK_BYTES];
        let mut position = 0;
        // One that is cancelled receives nothing, and ends as such.
        while self.bytes.reach(position) && !is_cancelled() {
            match reader.read(&mut block)? {
                0 => break,
                count => {
                    self.bytes.write_at(&block[..count], position)?;
                    position += count as u64;
                }
            }
        }
        Ok(())
    }
}

impl Kept {
    /// Whether a byte at `position` is kept.
    fn reach(&self, position: u64) -> bool {
        match self {
            Self::Head(_, most) => position < *most as u64,
            Self::All(_) => true,
        }
    }

    fn write_at(&mut self, bytes: &[u8], position: u64) -> Result<(), SinkError> {
        let (head, most) = match self {
            Self::All(file) => return file.write_at(bytes, position),
            Self::Head(head, most) => (head, *most),
        };
        let start = usize::try_from(position).unwrap_or(usize::MAX).min(most);
        let end = start.saturating_add(bytes.len()).min(most);
        if head.len() < end {
            head.resize(end, 0);
        }
        head[start..end].copy_from_slice(&bytes[..end - start]);
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SinkError> {
        let head = match self {
            Self::All(file) => return file.read_at(buffer, offset),
            Self::Head(head, _) => head,
        };
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        match head.get(start..) {
            Some(rest) if !rest.is_empty() => {
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
            _ => Err(SinkError::Unsupported),
        }
    }
}

impl Upload for KeptUpload {
    fn key(&self) -> &Key {
        &self.key
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.bytes.write_at(bytes, self.position)?;
        self.position += bytes.len() as u64;
        match &mut self.upload {
            Some(upload) => upload.write(bytes),
            None => Err(let_go()),
        }
    }

    fn all_in(&mut self) {
        if let Some(upload) = &mut self.upload {
            upload.all_in();
        }
    }

    fn size(&self) -> Result<u64, SinkError> {
        self.upload.as_ref().ok_or_else(let_go)?.size()
    }

    fn counts_in(&self) -> Option<&Location> {
        self.upload.as_ref()?.counts_in()
    }

    fn reads_back(&self) -> bool {
        matches!(self.bytes, Kept::All(_))
    }

    fn relocates(&self) -> bool {
        self.upload
            .as_ref()
            .is_some_and(|upload| upload.relocates())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SinkError> {
        self.bytes.read_at(buffer, offset)
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        self.upload.ok_or_else(let_go)?.commit()
    }

    fn commit_to(self: Box<Self>, key: &Key, existing: Existing) -> Result<(), SinkError> {
        self.upload.ok_or_else(let_go)?.commit_to(key, existing)
    }

    fn let_go(&mut self) {
        self.upload = None;
    }

    fn interrupt(self: Box<Self>) -> Result<(), SinkError> {
        match self.upload {
            Some(upload) => upload.interrupt(),
            None => Ok(()),
        }
    }
}

fn let_go() -> SinkError {
    io::Error::other("the upload was let go of").into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Durability;
    use crate::quota::{Before, Metered, Quota, Quotas, Reservation};
    use crate::sink::WriteMode;
    use crate::sink::fs::FsSink;

    #[test]
    fn what_is_kept_of_an_upload_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let sink: Arc<dyn Sink> = Arc::new(FsSink::open(folder.path(), Durability::Os).unwrap());
        let place = Location::new("local", Key::root());
        let account = Quotas::default().account(&place);
        let (quota, before) = (Quota::default(), Before::nothing(&account));
        let room = Reservation::new(account, Arc::clone(&sink), quota, before, 0).unwrap();
        let (key, mode) = (Key::parse("a").unwrap(), WriteMode::Replace);
        let upload = Metered::new(sink.create(&key, mode).unwrap(), mode, room);
        let mut kept = KeptUpload {
            key,
            upload: Some(Box::new(upload)),
            bytes: Kept::Head(Vec::new(), 4),
            position: 0,
        };
        assert_eq!(kept.counts_in(), Some(&place));
        kept.let_go();
        assert_eq!(kept.counts_in(), None);
    }
}
