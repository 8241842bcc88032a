//! A multipart upload: parts on their way to the store, and those that it has.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::CompletedPart;
use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinError, JoinSet};
use tracing::{debug, warn};

use super::commit::Over;
use super::error::{described, failed, is_transient, may_be_done};
use super::orphans::{Beginning, Noted};
use super::properties::{Properties, with_properties};
use super::{ATTEMPTS, Store, pause};
use crate::config::Rights;
use crate::sink::SinkError;

/// A multipart upload that was begun.
pub(super) struct Multipart {
    object: String,
    id: String,
    noted: Option<Noted>,
    /// How many parts were begun; they are counted from 1.
    begun: u32,
    /// In the order in which the store had them.
    stored: Vec<CompletedPart>,
    in_flight: JoinSet<Result<(CompletedPart, u64), SinkError>>,
    in_flight_bytes: u64,
}

impl Multipart {
    /// Begins one for the key `object`, which will have `properties` beside its bytes.
    pub(super) async fn begin(
        store: &Store,
        object: String,
        properties: &Properties,
    ) -> Result<Self, SinkError> {
        let (id, noted) = store.begin_upload(&object, properties).await?;
        Ok(Self {
            noted,
            object,
            id,
            begun: 0,
            stored: Vec::new(),
            in_flight: JoinSet::new(),
            in_flight_bytes: 0,
        })
    }

    /// Its id with the store.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// How many parts were begun.
    pub(super) fn begun(&self) -> u32 {
        self.begun
    }

    /// It holds these parts already.
    pub(super) fn holds(&mut self, parts: Vec<CompletedPart>) {
        // At most 10,000 of them.
        self.begun = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        self.stored = parts;
    }

    /// Waits until `bytes` more may be in flight: at least one part always may.
    pub(super) async fn make_way(&mut self, bytes: u64, most: u64) -> Result<(), SinkError> {
        while let Some(part) = self.in_flight.try_join_next() {
            self.add(part)?;
        }
        // What is being filled counts, too.
        while self.in_flight_bytes + 2 * bytes > most
            && let Some(part) = self.in_flight.join_next().await
        {
            self.add(part)?;
        }
        Ok(())
    }

    /// Waits until the store has all parts.
    pub(super) async fn all_stored(&mut self) -> Result<(), SinkError> {
        while let Some(part) = self.in_flight.join_next().await {
            self.add(part)?;
        }
        self.stored.sort_by_key(|part| part.part_number);
        Ok(())
    }

    fn add(
        &mut self,
        part: Result<Result<(CompletedPart, u64), SinkError>, JoinError>,
    ) -> Result<(), SinkError> {
        let (part, bytes) = part.map_err(|error| SinkError::Io(error.into()))??;
        self.in_flight_bytes -= bytes;
        self.stored.push(part);
        Ok(())
    }

    /// Sends a part, and does not wait for its end. `room` is given back then.
    pub(super) async fn send(
        &mut self,
        store: &Arc<Store>,
        body: Bytes,
        room: Option<OwnedSemaphorePermit>,
    ) {
        self.begun += 1;
        // At most 10,000 of them.
        let number = i32::try_from(self.begun).unwrap_or(i32::MAX);
        let bytes = body.len() as u64;
        self.in_flight_bytes += bytes;
        let request = store
            .client
            .upload_part()
            .bucket(&store.settings.bucket)
            .key(&self.object)
            .upload_id(&self.id)
            .part_number(number)
            .body(ByteStream::from(body));
        let (unsigned, patience) = (store.is_unsigned(), store.patient(bytes));
        let mut sending = Box::pin(async move {
            let request = request.customize().config_override(patience);
            let request = match unsigned {
                true => request.disable_payload_signing(),
                false => request,
            };
            let stored = request.send().await.map_err(failed)?;
            drop(room);
            let part = CompletedPart::builder()
                .part_number(number)
                .set_e_tag(stored.e_tag)
                .set_checksum_crc32(stored.checksum_crc32)
                .build();
            Ok((part, bytes))
        });
        // The body is hashed before the request first waits: here, and not where sessions are
        // served.
        let begun = poll_fn(|context| Poll::Ready(sending.as_mut().poll(context))).await;
        let sending = async move {
            match begun {
                Poll::Ready(ended) => ended,
                Poll::Pending => sending.await,
            }
        };
        self.in_flight.spawn_on(sending, &store.runtime);
    }

    /// Makes an object of `size` bytes out of all parts, which are stored.
    pub(super) async fn complete(
        &mut self,
        store: &Store,
        size: u64,
        over: &Over,
    ) -> Result<(), SinkError> {
        let numbers = self.stored.iter().map(CompletedPart::part_number);
        let is_whole = self.stored.len() == self.begun as usize
            && numbers.zip(1..).all(|(part, number)| part == Some(number));
        if !is_whole {
            // The store would make an object with a hole out of them.
            return Err(io::Error::other("parts of the upload are missing").into());
        }
        let completed = store.complete(&self.object, &self.id, &self.stored, size, over);
        completed.await?;
        self.settle().await;
        Ok(())
    }

    /// Takes back what is in flight, then has the store throw away the rest.
    pub(super) async fn abort(mut self, store: Arc<Store>) {
        // A part that arrives behind the abortion would be kept, and paid for.
        self.in_flight.shutdown().await;
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
    /// Begins an upload and notes it. Where the answer is lost, the store may have begun one all
    /// the same, which is aborted before the next attempt.
    async fn begin_upload(
        &self,
        object: &str,
        properties: &Properties,
    ) -> Result<(String, Option<Noted>), SinkError> {
        let mut attempt = 1;
        loop {
            let beginning = self.orphans.begin().await;
            let since = beginning.since();
            let request = self.client.create_multipart_upload();
            let request = with_properties!(request.bucket(&self.settings.bucket), properties)
                .key(object)
                .set_acl(self.acl())
                .set_checksum_algorithm(self.checksum_algorithm())
                .customize()
                .config_override(self.patient_once(0));
            let error = match request.send().await {
                Ok(begun) => {
                    let id = begun.upload_id.filter(|id| !id.is_empty()).ok_or_else(|| {
                        io::Error::other("the store began an upload and did not say which")
                    })?;
                    let noted = self.note(beginning, object, &id).await?;
                    return Ok((id, noted));
                }
                Err(error) => error,
            };
            drop(beginning);
            if may_be_done(&error) {
                self.abort_unheard(object, since).await;
            }
            if !is_transient(&error) || attempt == ATTEMPTS {
                return Err(failed(error));
            }
            tokio::time::sleep(pause(attempt)).await;
            attempt += 1;
        }
    }

    /// Notes an upload that was begun; one that cannot be noted does not go on. Who may not abort
    /// it notes nothing.
    async fn note(
        &self,
        beginning: Beginning<'_>,
        object: &str,
        id: &str,
    ) -> Result<Option<Noted>, SinkError> {
        if self.settings.rights == Rights::PutOnly {
            return Ok(None);
        }
        let noted = beginning.note(object, id).await;
        if noted.is_err() {
            self.abort_upload(object, id).await?;
        }
        noted.map(Some).map_err(SinkError::Io)
    }
}
