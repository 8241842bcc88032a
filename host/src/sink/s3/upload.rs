//! An upload to a bucket: one request where it is small, parts in flight where it is not.
//!
//! Nobody sees an object before its multipart upload is completed, which is the commit. What is
//! filled and what is in flight comes out of the memory that all transfers share, so a store that
//! is slower than the client slows the client down.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tracing::warn;

use super::commit::Over;
use super::multipart::Multipart;
use super::properties::Properties;
use super::resume::Original;
use super::{Store, parts};
use crate::sink::free_name::FreeName;
use crate::sink::{Existing, Key, SinkError, Upload, WriteMode};

/// An upload that nobody sees yet.
pub(super) struct S3Upload {
    store: Arc<Store>,
    key: Key,
    mode: WriteMode,
    /// The bytes that are not in a part yet, with the room that they have.
    filling: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
    multipart: Option<Multipart>,
    size: u64,
    /// Bytes of it are lost, so that it must never appear.
    is_broken: bool,
    /// What it will have beside its bytes.
    properties: Properties,
    /// What it goes on with.
    original: Option<Original>,
    /// How many bytes of that have to go through this host before all others.
    to_fetch: u64,
    /// Held until the upload is over.
    name: Option<FreeName>,
}

impl S3Upload {
    pub(super) fn new(store: Arc<Store>, key: Key, mode: WriteMode) -> Self {
        Self {
            properties: Properties::of_new(&store),
            store,
            key,
            mode,
            filling: Vec::new(),
            room: None,
            multipart: None,
            size: 0,
            is_broken: false,
            original: None,
            to_fetch: 0,
            name: None,
        }
    }

    /// It goes to a name that nobody else takes meanwhile.
    pub(super) fn named(mut self, name: FreeName) -> Self {
        self.name = Some(name);
        self
    }

    /// It is to have these beside its bytes.
    pub(super) fn set_properties(&mut self, properties: Properties) {
        self.properties = properties;
    }

    /// It goes on with `original`, of which it holds what is to stay, but for the first `to_fetch`
    /// bytes: they are fetched when the first new ones come, so that it has no room in memory
    /// before, while somebody reads the original and waits for room himself.
    pub(super) fn set_original(&mut self, original: Original, to_fetch: u64) {
        (self.original, self.to_fetch) = (Some(original), to_fetch);
    }

    /// It goes on behind `size` bytes that `multipart` holds.
    pub(super) fn go_on(&mut self, multipart: Multipart, size: u64) {
        self.multipart = Some(multipart);
        self.size = size;
    }

    /// The size of the part that is being filled.
    pub(super) fn part_size(&self) -> usize {
        let begun = self.multipart.as_ref().map_or(0, Multipart::begun);
        usize::try_from(self.store.growth.part(begun + 1)).unwrap_or(usize::MAX)
    }

    /// Waits for the room of the part that is to be filled, unless it has that.
    pub(super) async fn take_room(&mut self, part_size: usize) {
        if self.room.is_none() {
            self.room = Some(self.store.memory.room(part_size as u64).await);
            // Exactly that much; the system gives the pages when they are filled.
            self.filling = Vec::with_capacity(part_size);
        }
    }

    /// That there may be another part.
    fn check_parts(&self) -> Result<(), SinkError> {
        let begun = self.multipart.as_ref().map_or(0, Multipart::begun);
        if begun < parts::PARTS_MAX {
            return Ok(());
        }
        let (key, bytes) = (self.key.as_str(), self.size);
        warn!(
            key,
            bytes, "a file needs too many parts: give the sink more `memory`"
        );
        Err(SinkError::QuotaExceeded)
    }

    /// Adds `bytes` from the client, behind what it goes on with.
    async fn receive(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.fetch().await?;
        self.fill(bytes).await
    }

    /// Adds what has to go through this host of what it goes on with.
    async fn fetch(&mut self) -> Result<(), SinkError> {
        let range = 0..std::mem::take(&mut self.to_fetch);
        if range.is_empty() {
            return Ok(());
        }
        let Some(original) = self.original.take() else {
            return Ok(());
        };
        let store = Arc::clone(&self.store);
        let object = store.layout.object(&self.key);
        let added = self.add(&store, &object, &original, range).await;
        self.original = Some(original);
        added.map_err(|error| match error {
            // It was there when the upload began.
            SinkError::NotFound => SinkError::Changed,
            error => error,
        })
    }

    /// Adds all of `bytes`, as fast as the store takes them.
    pub(super) async fn fill(&mut self, mut bytes: &[u8]) -> Result<(), SinkError> {
        while !bytes.is_empty() {
            self.check_parts()?;
            let part_size = self.part_size();
            self.take_room(part_size).await;
            let (now, later) = bytes.split_at(bytes.len().min(part_size - self.filling.len()));
            self.filling.extend_from_slice(now);
            self.size += now.len() as u64;
            bytes = later;
            if self.filling.len() == part_size {
                self.send_part().await?;
            }
        }
        Ok(())
    }

    /// Hands the filled part to a request of its own, once there is room for it in flight.
    async fn send_part(&mut self) -> Result<(), SinkError> {
        if self.multipart.is_none() {
            let object = self.store.layout.object(&self.key);
            let begun = Multipart::begin(&self.store, object, &self.properties);
            self.multipart = Some(begun.await?);
        }
        // Taken as a whole: what is split keeps the memory of the other half.
        let body = Bytes::from(std::mem::take(&mut self.filling));
        let room = self.room.take();
        let Some(multipart) = &mut self.multipart else {
            return Ok(());
        };
        let bytes = body.len() as u64;
        multipart
            .make_way(bytes, self.store.settings.upload_memory)
            .await?;
        multipart.send(&self.store, body, room).await;
        Ok(())
    }

    async fn publish(mut self, key: &Key, existing: Existing) -> Result<(), SinkError> {
        if self.is_broken {
            return Err(io::Error::other("a part of the upload is lost").into());
        }
        self.fetch().await?;
        let (store, original) = (Arc::clone(&self.store), self.original.take());
        if let Some(original) = original.as_ref().filter(|it| self.size < it.size) {
            // What the new bytes did not reach stays.
            let (object, rest) = (store.layout.object(&self.key), self.size..original.size);
            self.add(&store, &object, original, rest).await?;
        }
        if self.multipart.is_some() {
            if *key != self.key {
                // Where a multipart upload ends is decided when it begins.
                return Err(SinkError::Unsupported);
            }
            if !self.filling.is_empty() {
                self.send_part().await?;
            }
        }
        if let Some(multipart) = &mut self.multipart {
            multipart.all_stored().await?;
        }
        // Nobody waits for bytes that move: only from here on it has its key for itself.
        let _held = store.locks.hold(&[key]).await;
        store.check_place(key).await?;
        let over = match original {
            Some(original) => store.check_unchanged(&self.key, key, original).await?,
            None => Over::Anything,
        };
        let over = match existing {
            Existing::Replaced => over,
            Existing::Kept => Over::Nothing,
        };
        let Some(mut multipart) = self.multipart.take() else {
            let body = Bytes::from(std::mem::take(&mut self.filling));
            let object = store.layout.object(key);
            return store.put(&object, body, &over, &self.properties).await;
        };
        let completed = multipart.complete(&store, self.size, &over).await;
        if completed.is_err() {
            self.multipart = Some(multipart);
        }
        completed
    }
}

impl Upload for S3Upload {
    fn key(&self) -> &Key {
        &self.key
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let runtime = self.store.runtime.clone();
        let received = runtime.block_on(self.receive(bytes));
        self.is_broken |= received.is_err();
        received
    }

    fn all_in(&mut self) {
        let to_come = self.original.as_ref().map_or(0, |original| original.size);
        if to_come > self.size {
            // The commit fills on: to wait for room that others wait for too, each with some of it,
            // would never end.
            return;
        }
        self.filling.shrink_to_fit();
        if let Some(room) = &mut self.room {
            self.store.memory.keep(room, self.filling.len() as u64);
        }
    }

    fn size(&self) -> Result<u64, SinkError> {
        let before = self.original.as_ref().map_or(0, |original| original.size);
        Ok(self.size.max(before))
    }

    fn reads_back(&self) -> bool {
        false
    }

    fn relocates(&self) -> bool {
        false
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SinkError> {
        if self.multipart.is_some() {
            // Parts cannot be read before they are an object.
            return Err(SinkError::Unsupported);
        }
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(self.filling.len());
        let read = buffer.len().min(self.filling.len() - start);
        buffer[..read].copy_from_slice(&self.filling[start..start + read]);
        Ok(read)
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        let key = self.key.clone();
        let existing = match self.mode {
            WriteMode::Unique => Existing::Kept,
            _ => Existing::Replaced,
        };
        self.commit_to(&key, existing)
    }

    fn commit_to(self: Box<Self>, key: &Key, existing: Existing) -> Result<(), SinkError> {
        let runtime = self.store.runtime.clone();
        runtime.block_on(self.publish(key, existing))
    }

    fn interrupt(self: Box<Self>) -> Result<(), SinkError> {
        match self.mode.resumes() && !self.is_broken {
            true => self.commit(),
            // Dropped, it is aborted: with a part missing it would be another file.
            false => Ok(()),
        }
    }
}

impl Drop for S3Upload {
    fn drop(&mut self) {
        if let Some(multipart) = self.multipart.take() {
            let store = Arc::clone(&self.store);
            self.store.runtime.spawn(multipart.abort(store));
        }
        (self.room, self.filling) = (None, Vec::new());
        if self.size > self.store.settings.part_size {
            self.store.memory.ended(&self.store.runtime);
        }
    }
}
