//! A download from a bucket: ranges of the object fetched ahead of the client, handed over in
//! order.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use super::Store;
use super::error::failed;
use crate::sink::{Reader, SinkError};

/// A range of the object, and the room that it takes.
type Fetched = (Bytes, Option<OwnedSemaphorePermit>);

/// An object that is read forwards.
pub(super) struct S3Reader {
    store: Arc<Store>,
    object: String,
    /// Of the object as it was when it was opened: another one is never mixed in.
    entity_tag: Option<String>,
    size: u64,
    /// The first byte that was not asked for yet.
    next: u64,
    now: Fetched,
    ahead: VecDeque<JoinHandle<Result<Fetched, SinkError>>>,
    /// How many ranges may be on their way; grows while the client keeps up.
    window: usize,
}

impl S3Reader {
    /// Opens `object` at `offset` with the request that fetches its first bytes.
    pub(super) async fn open(
        store: &Arc<Store>,
        object: String,
        offset: u64,
    ) -> Result<Self, SinkError> {
        let room = store.memory.room(store.settings.range_size).await;
        let opened = fetch(store, &object, None, offset, store.settings.range_size).await;
        let (bytes, size, entity_tag) = match opened {
            Ok(opened) => opened,
            // There is no such range in an empty object, nor at the end of any.
            Err(SinkError::BeyondEnd) => {
                let (size, entity_tag) = store.size_of(&object).await?;
                if offset > size {
                    return Err(SinkError::BeyondEnd);
                }
                (Bytes::new(), size, entity_tag)
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            store: Arc::clone(store),
            object,
            entity_tag,
            size,
            next: offset + bytes.len() as u64,
            now: (bytes, Some(room)),
            ahead: VecDeque::new(),
            window: 1,
        })
    }

    async fn advance(&mut self) -> Result<(), SinkError> {
        self.now = (Bytes::new(), None);
        self.window = (2 * self.window).min(self.store.settings.ranges_ahead as usize);
        while self.ahead.len() < self.window && self.next < self.size {
            self.fetch_ahead().await;
        }
        if let Some(fetched) = self.ahead.pop_front() {
            self.now = fetched
                .await
                .map_err(|error| SinkError::Io(error.into()))??;
        }
        Ok(())
    }

    async fn fetch_ahead(&mut self) {
        let (store, object) = (Arc::clone(&self.store), self.object.clone());
        let (offset, entity_tag) = (self.next, self.entity_tag.clone());
        let length = store.settings.range_size.min(self.size - offset);
        // Only the range that the client waits for may wait for room.
        let room = match self.ahead.is_empty() {
            true => Some(store.memory.room(length).await),
            false => match store.memory.room_ahead(length) {
                Some(room) => Some(room),
                None => {
                    self.window = self.ahead.len();
                    return;
                }
            },
        };
        self.next += length;
        self.ahead.push_back(self.store.runtime.spawn(async move {
            let (bytes, _, _) = fetch(&store, &object, entity_tag, offset, length).await?;
            match bytes.len() as u64 == length {
                true => Ok((bytes, room)),
                false => Err(cut()),
            }
        }));
    }
}

/// One range: its bytes, the size of the whole object, and its entity tag.
pub(super) async fn fetch(
    store: &Store,
    object: &str,
    entity_tag: Option<String>,
    offset: u64,
    length: u64,
) -> Result<(Bytes, u64, Option<String>), SinkError> {
    let last = offset.saturating_add(length - 1);
    // The SDK tries a request again, but not the reading of a body that broke off.
    let mut attempt = 1;
    loop {
        let request = store
            .client
            .get_object()
            .bucket(&store.settings.bucket)
            .key(object)
            .range(format!("bytes={offset}-{last}"))
            .set_if_match(entity_tag.clone());
        let response = request.send().await.map_err(failed)?;
        let range = response.content_range.as_deref();
        let size = range.and_then(|range| range.rsplit('/').next()?.parse().ok());
        let size = size.ok_or_else(|| {
            SinkError::Io(io::Error::other("the store does not answer with a range"))
        })?;
        match response.body.collect().await {
            Ok(body) => return Ok((body.into_bytes(), size, response.e_tag)),
            Err(error) if attempt == super::ATTEMPTS => {
                return Err(SinkError::Io(io::Error::other(error)));
            }
            Err(error) => {
                tracing::debug!(key = object, %error, "a download broke off; it is tried again");
                tokio::time::sleep(super::pause(attempt)).await;
                attempt += 1;
            }
        }
    }
}

fn cut() -> SinkError {
    SinkError::Io(io::Error::other("the store sent fewer bytes than it has"))
}

impl Reader for S3Reader {
    fn size(&self) -> u64 {
        self.size
    }

    fn as_file(&self) -> Option<&File> {
        None
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SinkError> {
        if self.now.0.is_empty() {
            let runtime = self.store.runtime.clone();
            runtime.block_on(self.advance())?;
        }
        let (bytes, _) = &mut self.now;
        let count = bytes.len().min(buffer.len());
        bytes.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl Drop for S3Reader {
    fn drop(&mut self) {
        for range in &self.ahead {
            range.abort();
        }
    }
}
