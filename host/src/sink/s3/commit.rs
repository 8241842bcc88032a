//! Making an object appear, and finding out whether it did where the store's answer was lost.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumMode, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tracing::info;

use super::content::Content;
use super::error::{failed, is_transient};
use super::properties::{Properties, with_properties};
use super::{ATTEMPTS, Store, pause};
use crate::config::{Checksums, Rights};
use crate::sink::SinkError;

/// A store has as much time to make an object out of its parts as to copy so many bytes: Amazon S3
/// says that it may take minutes.
const COMPLETED_BYTES: u64 = 64 * 1024 * 1024;

/// What may stand at its key when an object takes its place there. A store that knows no
/// conditional writes decides none of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Whatever does.
    Anything,
    /// Nothing.
    Nothing,
    /// The object with this entity tag.
    Object(String),
}

/// Why one attempt to make an object appear did not end well.
struct Attempt {
    error: SinkError,
    /// Nobody knows whether it appeared, or it did not and may the next time.
    is_open: bool,
}

impl Over {
    /// The headers If-None-Match and If-Match.
    fn conditions(&self, store: &Store) -> (Option<String>, Option<String>) {
        match self {
            _ if !store.settings.conditional_writes => (None, None),
            Self::Nothing => (Some("*".to_owned()), None),
            // A store that gave no tag cannot compare one.
            Self::Object(tag) if !tag.is_empty() => (None, Some(tag.clone())),
            Self::Anything | Self::Object(_) => (None, None),
        }
    }

    /// What `error` means under this condition.
    fn explained(&self, error: SinkError) -> SinkError {
        match (self, error) {
            (Self::Nothing, SinkError::Changed) => SinkError::Exists,
            // Amazon S3 answers so where If-Match finds nothing.
            (Self::Object(_), SinkError::NotFound) => SinkError::Changed,
            (_, error) => error,
        }
    }
}

impl Store {
    /// Stores a whole object at once.
    pub(super) async fn put(
        &self,
        object: &str,
        body: Bytes,
        over: &Over,
        properties: &Properties,
    ) -> Result<(), SinkError> {
        self.check_free(object, over).await?;
        let (only_new, only_same) = over.conditions(self);
        let ask = || {
            let request = self.client.put_object().bucket(&self.settings.bucket);
            let request = with_properties!(request, properties)
                .key(object)
                .set_acl(self.acl())
                .set_if_none_match(only_new.clone())
                .set_if_match(only_same.clone())
                .body(ByteStream::from(body.clone()))
                .customize()
                .config_override(self.patient_once(body.len() as u64));
            let request = match self.is_unsigned() {
                true => request.disable_payload_signing(),
                false => request,
            };
            async move {
                request.send().await.map(drop).map_err(|error| Attempt {
                    is_open: is_transient(&error),
                    error: over.explained(failed(error)),
                })
            }
        };
        self.settle(object, || Content::of_bytes(&body), ask).await
    }

    /// Makes an object of `size` bytes out of all parts of a multipart upload.
    pub(super) async fn complete(
        &self,
        object: &str,
        id: &str,
        parts: &[CompletedPart],
        size: u64,
        over: &Over,
    ) -> Result<(), SinkError> {
        self.check_free(object, over).await?;
        let (only_new, only_same) = over.conditions(self);
        let listed = CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec()));
        let listed = listed.build();
        let ask = || {
            let request = self
                .client
                .complete_multipart_upload()
                .bucket(&self.settings.bucket)
                .key(object)
                .upload_id(id)
                .multipart_upload(listed.clone())
                .set_if_none_match(only_new.clone())
                .set_if_match(only_same.clone())
                .customize()
                .config_override(self.patient_once(COMPLETED_BYTES));
            async move {
                request.send().await.map(drop).map_err(|error| Attempt {
                    is_open: is_transient(&error),
                    error: over.explained(failed(error)),
                })
            }
        };
        self.settle(object, || Content::of_parts(parts, size), ask)
            .await
    }

    /// Where the store does not decide it, that nothing stands where nothing may.
    async fn check_free(&self, object: &str, over: &Over) -> Result<(), SinkError> {
        if *over != Over::Nothing || self.settings.conditional_writes {
            return Ok(());
        }
        let is_taken = match self.settings.rights {
            Rights::Full => self.head(object).await?.is_some(),
            Rights::PutOnly => self.listed_object(object).await?.is_some(),
        };
        match is_taken {
            true => Err(SinkError::Exists),
            false => Ok(()),
        }
    }

    /// Asks until it is done or refused. Where an answer is lost, or the store fails, it may have
    /// been done all the same: then what stands at `object` tells, and so it does about a refusal
    /// behind a lost answer, which may be because of what stands there since.
    async fn settle<A>(
        &self,
        object: &str,
        content: impl Fn() -> Content,
        ask: impl Fn() -> A,
    ) -> Result<(), SinkError>
    where
        A: Future<Output = Result<(), Attempt>>,
    {
        let mut attempt = 1;
        loop {
            let Err(last) = ask().await else {
                return Ok(());
            };
            let is_last = !last.is_open || attempt == ATTEMPTS;
            if last.is_open || attempt > 1 {
                match self.holds(object, &content(), is_last).await {
                    Ok(true) => {
                        info!(key = object, "stored, as it turned out after a lost answer");
                        return Ok(());
                    }
                    Ok(false) => {}
                    // Nobody knows.
                    Err(error) if is_last => return Err(error),
                    Err(_) => {}
                }
            }
            if is_last {
                return Err(last.error);
            }
            tokio::time::sleep(pause(attempt)).await;
            attempt += 1;
        }
    }

    /// Whether exactly `content` stands at `object`. A store that does not tell is asked again only
    /// if it `matters`: the client waits.
    async fn holds(
        &self,
        object: &str,
        content: &Content,
        matters: bool,
    ) -> Result<bool, SinkError> {
        if self.settings.rights == Rights::PutOnly {
            let found = self.listed_object(object).await?;
            return Ok(found.is_some_and(|found| content.is(found.size(), found.e_tag(), None)));
        }
        let checksums = self.settings.checksums == Checksums::WhenSupported;
        let head = self.client.head_object().bucket(&self.settings.bucket);
        let head = head
            .key(object)
            .set_checksum_mode(checksums.then_some(ChecksumMode::Enabled))
            .customize()
            .config_override(match matters {
                true => self.patient(0),
                false => self.patient_once(0),
            });
        match head.send().await.map_err(failed) {
            Ok(head) => Ok(content.is(head.content_length(), head.e_tag(), head.checksum_crc32())),
            Err(SinkError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
