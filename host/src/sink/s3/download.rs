//! A download from a bucket: ranges of the object fetched ahead of the client, handed over in
//! order.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use tokio::sync::OwnedSemaphorePermit;

use super::Store;
use super::range::{Range, Wanted, Whole};
use crate::sink::{Reader, SinkError};

/// Ranges fetched ahead from the start; more as soon as the client waits for them.
const FIRST_WINDOW: usize = 4;

/// An object that is read forwards.
pub(super) struct S3Reader {
    store: Arc<Store>,
    object: String,
    whole: Whole,
    /// The first byte that was not asked for yet.
    next: u64,
    block: Bytes,
    now: Option<Range>,
    ahead: VecDeque<Range>,
    /// How many ranges may be on their way behind the one that is read.
    window: usize,
}

impl S3Reader {
    /// Opens `object` at `offset` with the request that fetches its first bytes.
    pub(super) async fn open(
        store: &Arc<Store>,
        object: String,
        offset: u64,
    ) -> Result<Self, SinkError> {
        let length = store.settings.range_size;
        let room = store.memory.room(length).await;
        let wanted = Wanted {
            object: object.clone(),
            entity_tag: None,
            offset,
            length,
        };
        let (now, whole) = match Range::open(store, wanted, room).await {
            Ok((range, whole)) => (Some(range), whole),
            // There is no such range in an empty object, nor at the end of any.
            Err(SinkError::BeyondEnd) => {
                let (size, entity_tag) = store.size_of(&object).await?;
                if offset > size {
                    return Err(SinkError::BeyondEnd);
                }
                (None, Whole { size, entity_tag })
            }
            Err(error) => return Err(error),
        };
        let mut reader = Self {
            store: Arc::clone(store),
            object,
            next: offset.saturating_add(length).min(whole.size),
            whole,
            block: Bytes::new(),
            now,
            ahead: VecDeque::new(),
            window: FIRST_WINDOW.min(store.settings.ranges_ahead as usize),
        };
        reader.fetch_ahead();
        Ok(reader)
    }

    /// Takes the next block, from the next range where this one has ended.
    async fn advance(&mut self) -> Result<(), SinkError> {
        while let Some(range) = &mut self.now {
            self.block = range.next().await?;
            if !self.block.is_empty() {
                return Ok(());
            }
            // Its room may be what others wait for.
            self.now = None;
            self.now = self.next_range().await;
        }
        Ok(())
    }

    async fn next_range(&mut self) -> Option<Range> {
        let next = match self.ahead.pop_front() {
            Some(range) => range,
            None if self.next == self.whole.size => return None,
            // Only the range that the client waits for may wait for room.
            None => {
                let room = self.store.memory.room(self.length()).await;
                self.ask(room)
            }
        };
        if !next.is_here() {
            // The client is faster than the store with so many.
            self.window = (2 * self.window).min(self.store.settings.ranges_ahead as usize);
        }
        self.fetch_ahead();
        Some(next)
    }

    /// Asks for as many ranges as may be on their way, while there is plenty of room.
    fn fetch_ahead(&mut self) {
        while self.ahead.len() < self.window && self.next < self.whole.size {
            let Some(room) = self.store.memory.room_ahead(self.length()) else {
                return;
            };
            let range = self.ask(room);
            self.ahead.push_back(range);
        }
    }

    /// The bytes of the range that is asked for next.
    fn length(&self) -> u64 {
        let rest = self.whole.size - self.next;
        rest.min(self.store.settings.range_size)
    }

    fn ask(&mut self, room: OwnedSemaphorePermit) -> Range {
        let wanted = Wanted {
            object: self.object.clone(),
            entity_tag: self.whole.entity_tag.clone(),
            offset: self.next,
            length: self.length(),
        };
        self.next += wanted.length;
        Range::ahead(&self.store, wanted, Some(room))
    }
}

impl Reader for S3Reader {
    fn size(&self) -> u64 {
        self.whole.size
    }

    fn as_file(&self) -> Option<&File> {
        None
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SinkError> {
        if self.block.is_empty() {
            let runtime = self.store.runtime.clone();
            runtime.block_on(self.advance())?;
        }
        let count = self.block.len().min(buffer.len());
        self.block.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl Drop for S3Reader {
    fn drop(&mut self) {
        let has_more = self.whole.size > self.store.settings.range_size;
        (self.now, self.block) = (None, Bytes::new());
        self.ahead.clear();
        if has_more {
            self.store.memory.ended(&self.store.runtime);
        }
    }
}
