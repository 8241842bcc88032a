//! The `staging` interface: an upload that is complete and that nobody sees yet.

use std::io;

use tokio::task::spawn_blocking;
use tracing::error;
use wasmtime::component::Resource;

use crate::plugin::bindings::imports::wharf::plugin::staging::{Host, HostStaged};
use crate::plugin::bindings::imports::wharf::plugin::types::Failure;
use crate::plugin::instance::InstanceState;
use crate::sink::{SinkError, StagedUpload};

/// What one `read` gives at most, in bytes: the contract says so.
const MAX_READ: u32 = 1024 * 1024;

/// The upload of the running call, as a gate is lent it. There is but one at a time, so it carries
/// nothing.
pub struct Staged;

/// An upload, and how much of it the gate asked for at load.
#[derive(Clone)]
pub struct LentUpload {
    /// The upload.
    pub upload: StagedUpload,
    /// The size of the whole file in bytes.
    pub size: u64,
    /// The bytes from its beginning that may be read.
    pub readable: u64,
}

impl LentUpload {
    /// How many bytes a read of `length` at `offset` may give; `None` where it may not.
    fn room(&self, offset: u64, length: u32) -> Option<usize> {
        let room = match offset < self.readable {
            true => (self.readable - offset).min(length.min(MAX_READ).into()),
            // Who reads up to the end comes here without knowing.
            false if self.readable > 0 && offset == self.size => 0,
            false => return None,
        };
        usize::try_from(room).ok()
    }

    /// Reads until `room` is filled or the file ends. It blocks.
    fn read(&self, offset: u64, room: usize) -> Result<Vec<u8>, SinkError> {
        let left = self.size.saturating_sub(offset);
        let mut bytes = vec![0; room.min(usize::try_from(left).unwrap_or(usize::MAX))];
        let mut filled = 0;
        while filled < bytes.len() {
            let position = offset + filled as u64;
            match self.upload.read_at(&mut bytes[filled..], position)? {
                0 => break,
                count => filled += count,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

impl InstanceState {
    fn staged(&self) -> wasmtime::Result<&LentUpload> {
        // A plugin is lent an upload only together with its content, and cannot keep the loan.
        self.staged
            .as_ref()
            .ok_or_else(|| wasmtime::format_err!("no upload was lent"))
    }
}

impl Host for InstanceState {}

impl HostStaged for InstanceState {
    fn size(&mut self, _: Resource<Staged>) -> wasmtime::Result<u64> {
        Ok(self.staged()?.size)
    }

    /// Storage is read on a thread that may block, and may take longer than the call: it holds on
    /// to the upload until it is done.
    async fn read(
        &mut self,
        _: Resource<Staged>,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Failure>> {
        let lent = self.staged()?.clone();
        let Some(room) = lent.room(offset, length) else {
            return Ok(Err(Failure::Misconfigured(format!(
                "byte {offset} is beyond the content that the gate asked for when it was loaded"
            ))));
        };
        let read = spawn_blocking(move || lent.read(offset, room)).await;
        let read = read.unwrap_or_else(|panic| Err(SinkError::Io(io::Error::other(panic))));
        Ok(read.map_err(|error| {
            error!(
                error = &error as &dyn std::error::Error,
                "an upload cannot be read back"
            );
            Failure::Unavailable("the storage failed".to_owned())
        }))
    }

    fn drop(&mut self, _: Resource<Staged>) -> wasmtime::Result<()> {
        // Only the owner of an upload could drop it, and no plugin owns one.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Durability;
    use crate::sink::fs::FsSink;
    use crate::sink::{Key, Sink, WriteMode};

    fn lent(readable: u64) -> (tempfile::TempDir, LentUpload) {
        let folder = tempfile::tempdir().unwrap();
        let sink = FsSink::open(folder.path(), Durability::Os).unwrap();
        let mut upload = sink
            .create(&Key::parse("a").unwrap(), WriteMode::Replace)
            .unwrap();
        upload.write(b"0123456789").unwrap();
        let lent = LentUpload {
            upload: StagedUpload::new(upload),
            size: 10,
            readable,
        };
        (folder, lent)
    }

    #[test]
    fn only_what_was_asked_for_at_load_is_read() {
        // Bytes that may be read; offset and length of a read; what it gives, if it may.
        let cases: &[(u64, u64, u32, Option<&[u8]>)] = &[
            (0, 0, 1, None),
            (0, 10, 1, None),
            (4, 0, 10, Some(b"0123")),
            (4, 3, 10, Some(b"3")),
            (4, 4, 1, None),
            (4, 10, 1, Some(b"")),
            (4, 11, 1, None),
            (99, 0, u32::MAX, Some(b"0123456789")),
            (99, 10, 1, Some(b"")),
            (u64::MAX, 8, 1, Some(b"8")),
            (u64::MAX, u64::MAX - 1, u32::MAX, Some(b"")),
            (u64::MAX, u64::MAX, 1, None),
        ];
        for &(readable, offset, length, expected) in cases {
            let (_folder, lent) = lent(readable);
            let read = lent
                .room(offset, length)
                .map(|room| lent.read(offset, room).unwrap());
            assert_eq!(read.as_deref(), expected, "{readable} {offset} {length}");
        }
    }

    #[test]
    fn who_holds_on_to_an_upload_that_was_taken_back_reads_nothing() {
        let (folder, lent) = lent(u64::MAX);
        let upload = lent.upload.take().expect("it is there");
        assert!(lent.read(0, 1).is_err());
        assert!(lent.upload.take().is_none());
        drop(upload);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
