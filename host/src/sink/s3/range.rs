//! One range of an object, handed over block by block while it comes.

use std::io;
use std::sync::Arc;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;

use super::error::{described, failed};
use super::{ATTEMPTS, Store, pause};
use crate::limits::TRANSFER_BLOCK_BYTES;
use crate::sink::SinkError;

/// What the store is asked for.
pub(super) struct Wanted {
    /// The key.
    pub(super) object: String,
    /// Of the object as it has to be: another one is never mixed in.
    pub(super) entity_tag: Option<String>,
    /// The first byte.
    pub(super) offset: u64,
    /// How many bytes.
    pub(super) length: u64,
}

/// The object that a range is of.
pub(super) struct Whole {
    /// Its bytes.
    pub(super) size: u64,
    /// Tells this state of it from another.
    pub(super) entity_tag: Option<String>,
}

/// A range that is here or on its way; dropped, it comes no further.
pub(super) struct Range {
    blocks: mpsc::Receiver<Result<Bytes, SinkError>>,
    /// How many bytes were not handed over yet.
    left: u64,
    coming: JoinHandle<()>,
    /// The bytes that were not taken yet lie in it.
    _room: Option<OwnedSemaphorePermit>,
}

impl Range {
    /// Asks for a range, of which there may be less, and waits for the answer, not for its bytes.
    pub(super) async fn open(
        store: &Arc<Store>,
        mut wanted: Wanted,
        mut room: OwnedSemaphorePermit,
    ) -> Result<(Self, Whole), SinkError> {
        let answer = store.get(&wanted).await?;
        let whole = Whole::of(&answer)?;
        wanted.length = wanted.length.min(whole.size.saturating_sub(wanted.offset));
        wanted.entity_tag.clone_from(&whole.entity_tag);
        store.memory.keep(&mut room, wanted.length);
        let range = Self::coming(store, wanted, Some(answer.body), Some(room));
        Ok((range, whole))
    }

    /// Asks for a range that is there, and waits for nothing.
    pub(super) fn ahead(
        store: &Arc<Store>,
        wanted: Wanted,
        room: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self::coming(store, wanted, None, room)
    }

    fn coming(
        store: &Arc<Store>,
        wanted: Wanted,
        body: Option<ByteStream>,
        room: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let left = wanted.length;
        let length = usize::try_from(left).unwrap_or(usize::MAX);
        // Room for all of its blocks and an error, so that it never waits for the client.
        let (sender, blocks) = mpsc::channel(length / TRANSFER_BLOCK_BYTES + 2);
        let mut arriving = Arriving {
            store: Arc::clone(store),
            wanted,
            // One for all blocks: large ones are mapped by themselves, and go back to the system.
            buffer: BytesMut::with_capacity(length),
            blocks: sender,
        };
        Self {
            blocks,
            left,
            coming: store.runtime.spawn(async move {
                if let Err(error) = arriving.receive(body).await {
                    // Nobody needs it where the range was dropped.
                    let _ = arriving.blocks.send(Err(error)).await;
                }
            }),
            _room: room,
        }
    }

    /// The next bytes; none at the end.
    pub(super) async fn next(&mut self) -> Result<Bytes, SinkError> {
        match self.blocks.recv().await.transpose()? {
            Some(block) => {
                self.left -= block.len() as u64;
                Ok(block)
            }
            None if self.left == 0 => Ok(Bytes::new()),
            None => Err(SinkError::Io(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Whether the store has sent all of it.
    pub(super) fn is_here(&self) -> bool {
        self.coming.is_finished()
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        self.coming.abort();
    }
}

impl Whole {
    fn of(answer: &GetObjectOutput) -> Result<Self, SinkError> {
        let range = answer.content_range.as_deref();
        let size = range.and_then(|range| range.rsplit('/').next()?.parse().ok());
        let size = size.ok_or_else(|| other("the store does not answer with a range"))?;
        Ok(Self {
            size,
            entity_tag: answer.e_tag.clone(),
        })
    }
}

/// What receives a range.
struct Arriving {
    store: Arc<Store>,
    /// What has not come yet.
    wanted: Wanted,
    buffer: BytesMut,
    blocks: mpsc::Sender<Result<Bytes, SinkError>>,
}

impl Arriving {
    /// Receives all of it, at first from the answer that is there already. The SDK tries a request
    /// again, but not the reading of an answer that broke off: what is missing is asked for.
    async fn receive(&mut self, mut answer: Option<ByteStream>) -> Result<(), SinkError> {
        let mut attempt = 1;
        while self.wanted.length > 0 {
            let body = match answer.take() {
                Some(body) => body,
                None => self.store.get(&self.wanted).await?.body,
            };
            let patience = self.store.patience(self.wanted.length);
            let drained = tokio::time::timeout(patience, self.drain(body)).await;
            let drained = drained.unwrap_or_else(|_| Err(other("the store sends too slowly")));
            match drained {
                Ok(()) if self.wanted.length == 0 => {}
                Ok(()) => return Err(other("the store sent fewer bytes than it has")),
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(error) => {
                    let (key, error) = (&self.wanted.object, described(&error));
                    tracing::debug!(key, error, "a download broke off; it is tried again");
                    tokio::time::sleep(pause(attempt)).await;
                    attempt += 1;
                }
            }
        }
        Ok(())
    }

    async fn drain(&mut self, mut body: ByteStream) -> Result<(), SinkError> {
        while let Some(bytes) = body.try_next().await.map_err(other)? {
            // A store that sends more than it was asked for is not to fill the memory.
            let most = usize::try_from(self.wanted.length).unwrap_or(usize::MAX);
            let bytes = &bytes[..bytes.len().min(most)];
            self.buffer.extend_from_slice(bytes);
            self.wanted.offset += bytes.len() as u64;
            self.wanted.length -= bytes.len() as u64;
            let is_last = self.wanted.length == 0;
            if is_last || self.buffer.len() >= TRANSFER_BLOCK_BYTES {
                let block = self.buffer.split().freeze();
                // Nobody needs it where the range was dropped: then this ends, too.
                let _ = self.blocks.send(Ok(block)).await;
            }
        }
        Ok(())
    }
}

impl Store {
    async fn get(&self, wanted: &Wanted) -> Result<GetObjectOutput, SinkError> {
        let last = wanted.offset.saturating_add(wanted.length) - 1;
        // A store that gave no tag cannot compare one.
        let tag = wanted.entity_tag.as_ref().filter(|tag| !tag.is_empty());
        self.client
            .get_object()
            .bucket(&self.settings.bucket)
            .key(&wanted.object)
            .range(format!("bytes={}-{last}", wanted.offset))
            .set_if_match(tag.cloned())
            .send()
            .await
            .map_err(failed)
    }
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SinkError {
    SinkError::Io(io::Error::other(error))
}
