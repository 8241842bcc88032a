//! An upload to a bucket: one request where it is small, parts in flight where it is not.
//!
//! Nobody sees an object before its multipart upload is completed, which is the commit. What is
//! filled and what is in flight comes out of the memory that all transfers share, so a store that
//! is slower than the client slows the client down.

use std::collections::VecDeque;
use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::CompletedPart;
use bytes::{Bytes, BytesMut};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use super::client::patient;
use super::commit::Over;
use super::error::{described, failed};
use super::orphans::Noted;
use super::properties::{Properties, with_properties};
use super::resume::Original;
use super::{Store, parts};
use crate::config::Rights;
use crate::sink::free_name::FreeName;
use crate::sink::{Existing, Key, SinkError, Upload, WriteMode};

/// An upload that nobody sees yet.
pub(super) struct S3Upload {
    store: Arc<Store>,
    key: Key,
    mode: WriteMode,
    /// The bytes that are not in a part yet, with the room that they have.
    filling: BytesMut,
    room: Option<OwnedSemaphorePermit>,
    multipart: Option<Multipart>,
    size: u64,
    /// What it will have beside its bytes.
    properties: Properties,
    /// What it goes on with.
    original: Option<Original>,
    /// Held until the upload is over.
    name: Option<FreeName>,
}

/// A multipart upload that was begun.
pub(super) struct Multipart {
    object: String,
    id: String,
    noted: Option<Noted>,
    /// How many parts were begun; they are counted from 1.
    begun: u32,
    stored: Vec<CompletedPart>,
    in_flight: VecDeque<JoinHandle<Result<CompletedPart, SinkError>>>,
    in_flight_bytes: VecDeque<u64>,
}

impl S3Upload {
    pub(super) fn new(store: Arc<Store>, key: Key, mode: WriteMode) -> Self {
        Self {
            properties: Properties::of_new(&store),
            store,
            key,
            mode,
            filling: BytesMut::new(),
            room: None,
            multipart: None,
            size: 0,
            original: None,
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

    /// It goes on with `original`, of which it holds what is to stay.
    pub(super) fn set_original(&mut self, original: Original) {
        self.original = Some(original);
    }

    /// It goes on behind `size` bytes that `multipart` holds.
    pub(super) fn go_on(&mut self, multipart: Multipart, size: u64) {
        self.multipart = Some(multipart);
        self.size = size;
    }

    /// The size of the part that is being filled.
    fn part_size(&self) -> u64 {
        let begun = self
            .multipart
            .as_ref()
            .map_or(0, |multipart| multipart.begun);
        parts::size(self.store.settings.part_size, begun + 1)
    }

    /// Adds all of `bytes`, as fast as the store takes them.
    pub(super) async fn fill(&mut self, mut bytes: &[u8]) -> Result<(), SinkError> {
        while !bytes.is_empty() {
            let part_size = usize::try_from(self.part_size()).unwrap_or(usize::MAX);
            if self.room.is_none() {
                self.room = Some(self.store.memory.room(part_size as u64).await);
                // Exactly that much; the system gives the pages when they are filled.
                self.filling = BytesMut::with_capacity(part_size);
            }
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
        let body = std::mem::take(&mut self.filling).freeze();
        let room = self.room.take();
        let Some(multipart) = &mut self.multipart else {
            return Ok(());
        };
        let bytes = body.len() as u64;
        multipart
            .make_way(bytes, self.store.settings.upload_memory)
            .await?;
        multipart.send(&self.store, body, room);
        Ok(())
    }

    async fn publish(mut self, key: &Key, existing: Existing) -> Result<(), SinkError> {
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
            let body = std::mem::take(&mut self.filling).freeze();
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

impl Multipart {
    pub(super) async fn begin(
        store: &Store,
        object: String,
        properties: &Properties,
    ) -> Result<Self, SinkError> {
        let settings = &store.settings;
        let request = store.client.create_multipart_upload();
        let begun = with_properties!(request.bucket(&settings.bucket), properties)
            .key(&object)
            .set_acl(store.acl())
            .set_checksum_algorithm(store.checksum_algorithm())
            .send()
            .await
            .map_err(failed)?;
        let id = begun.upload_id.unwrap_or_default();
        let noted = match settings.rights {
            Rights::Full => Some(store.note(&object, &id).await?),
            Rights::PutOnly => None,
        };
        Ok(Self {
            noted,
            object,
            id,
            begun: 0,
            stored: Vec::new(),
            in_flight: VecDeque::new(),
            in_flight_bytes: VecDeque::new(),
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// It holds these parts already.
    pub(super) fn holds(&mut self, parts: Vec<CompletedPart>) {
        // At most 10,000 of them.
        self.begun = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        self.stored = parts;
    }

    /// Waits until `bytes` more may be in flight: at least one part always may.
    async fn make_way(&mut self, bytes: u64, most: u64) -> Result<(), SinkError> {
        // What is being filled counts, too.
        while self.in_flight_bytes.iter().sum::<u64>() + 2 * bytes > most
            && !self.in_flight.is_empty()
        {
            self.first_stored().await?;
        }
        Ok(())
    }

    async fn first_stored(&mut self) -> Result<(), SinkError> {
        self.in_flight_bytes.pop_front();
        let Some(part) = self.in_flight.pop_front() else {
            return Ok(());
        };
        let part = part.await.map_err(|error| SinkError::Io(error.into()))??;
        self.stored.push(part);
        Ok(())
    }

    fn send(&mut self, store: &Arc<Store>, body: Bytes, room: Option<OwnedSemaphorePermit>) {
        self.begun += 1;
        // At most 10,000 of them.
        let number = i32::try_from(self.begun).unwrap_or(i32::MAX);
        let bytes = body.len() as u64;
        self.in_flight_bytes.push_back(bytes);
        let request = store
            .client
            .upload_part()
            .bucket(&store.settings.bucket)
            .key(&self.object)
            .upload_id(&self.id)
            .part_number(number)
            .body(ByteStream::from(body));
        let (unsigned, patience) = (store.is_unsigned(), patient(bytes));
        self.in_flight.push_back(store.runtime.spawn(async move {
            let request = request.customize().config_override(patience);
            let request = match unsigned {
                true => request.disable_payload_signing(),
                false => request,
            };
            let stored = request.send().await.map_err(failed)?;
            drop(room);
            Ok(CompletedPart::builder()
                .part_number(number)
                .set_e_tag(stored.e_tag)
                .set_checksum_crc32(stored.checksum_crc32)
                .build())
        }));
    }

    /// Waits until the store has all parts.
    async fn all_stored(&mut self) -> Result<(), SinkError> {
        while !self.in_flight.is_empty() {
            self.first_stored().await?;
        }
        Ok(())
    }

    /// Makes an object of `size` bytes out of all parts, which are stored.
    pub(super) async fn complete(
        &mut self,
        store: &Store,
        size: u64,
        over: &Over,
    ) -> Result<(), SinkError> {
        let completed = store.complete(&self.object, &self.id, &self.stored, size, over);
        completed.await?;
        self.settle().await;
        Ok(())
    }

    /// Takes back what is in flight, then has the store throw away the rest.
    pub(super) async fn abort(mut self, store: Arc<Store>) {
        for part in self.in_flight.drain(..) {
            part.abort();
            // A part that arrives behind the abortion would be kept, and paid for.
            let _ = part.await;
        }
        let key = &self.object;
        if store.settings.rights == Rights::PutOnly {
            debug!(
                key,
                "a multipart upload is left to the bucket's lifecycle rules"
            );
            return;
        }
        match store.abort_upload(key, &self.id).await {
            Ok(()) => {
                debug!(key, "upload aborted");
                self.settle().await;
            }
            Err(error) => {
                let error = described(&error);
                let message = "a multipart upload cannot be aborted; the next start tries again";
                warn!(key, error, "{message}");
            }
        }
    }

    async fn settle(&mut self) {
        if let Some(noted) = self.noted.take() {
            noted.settle().await;
        }
    }
}

impl Store {
    /// Notes an upload that was begun; one that cannot be noted does not go on.
    async fn note(&self, object: &str, id: &str) -> Result<Noted, SinkError> {
        let noted = self.orphans.note(object, id).await;
        if noted.is_err() {
            self.abort_upload(object, id).await?;
        }
        noted.map_err(SinkError::Io)
    }
}

impl Upload for S3Upload {
    fn key(&self) -> &Key {
        &self.key
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let runtime = self.store.runtime.clone();
        runtime.block_on(self.fill(bytes))
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
        match self.mode.resumes() {
            true => self.commit(),
            // Dropped, it is aborted.
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
    }
}
