//! Copies of objects, which the store makes itself: whole, or in parts where they are large.

use std::ops::Range;
use std::sync::Arc;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{CompletedPart, MetadataDirective, StorageClass};
use tokio::task::JoinSet;
use wharf_protocol::timestamp::Timestamp;

use super::commit::Over;
use super::error::failed;
use super::multipart::Multipart;
use super::parts::PART_MIN;
use super::properties::{Properties, with_properties};
use super::{COPY_MAX, Store};
use crate::sink::{Key, SinkError};

/// The parts in which an object is copied, unless there would be too many of them: each takes the
/// store seconds, and some are copied at once.
const COPY_PART: u64 = 256 * 1024 * 1024;
/// What a copy leaves of the 10,000 parts that an upload may have is what is added to it.
const COPY_PARTS_MAX: u64 = 2000;
/// Parts of one object that are copied at once.
const PARTS_AT_ONCE: usize = 8;

impl Store {
    /// Copies an object within the bucket, with all that it has beside its bytes. `class` is its
    /// storage class, as it was listed, and `tag` tells it from others, if the caller knows it.
    pub(super) async fn copy(
        self: &Arc<Self>,
        from: &str,
        to: &str,
        size: u64,
        class: Option<StorageClass>,
        tag: Option<&str>,
    ) -> Result<(), SinkError> {
        if size > COPY_MAX {
            let head = self.head(from).await?.ok_or(SinkError::NotFound)?;
            if tag.is_some() && tag != head.e_tag() {
                return Err(SinkError::Changed);
            }
            let properties = Properties::of(self, &head);
            let copied = self.copy_in_parts(from, to, &head, &properties, &Over::Anything);
            return copied.await;
        }
        self.client
            .copy_object()
            .bucket(&self.settings.bucket)
            .key(to)
            .copy_source(self.source(from))
            .set_copy_source_if_match(tag.filter(|tag| !tag.is_empty()).map(str::to_owned))
            // The default, which not all stores can be told.
            .set_storage_class(class.filter(|class| *class != StorageClass::Standard))
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.settings.kms_key.clone())
            .set_acl(self.acl())
            .customize()
            .config_override(self.patient(size))
            .send()
            .await
            .map_err(failed)
            .map(drop)
    }

    /// Has a file say when it was modified: it is copied onto itself, since an object never
    /// changes.
    pub(super) async fn set_modified(
        self: &Arc<Self>,
        file: &Key,
        modified: Timestamp,
    ) -> Result<(), SinkError> {
        let object = self.layout.object(file);
        let Some(head) = self.head(&object).await? else {
            return Err(match self.is_directory(file).await? {
                true => SinkError::IsDirectory,
                false => self.missing(file).await,
            });
        };
        let properties = Properties::of(self, &head).modified(Some(modified));
        let tag = head.e_tag.clone();
        if size_of(&head) > COPY_MAX {
            let over = tag.map_or(Over::Anything, Over::Object);
            let copied = self.copy_in_parts(&object, &object, &head, &properties, &over);
            return copied.await;
        }
        let same = tag.clone().filter(|_| self.settings.conditional_writes);
        let request = self.client.copy_object().bucket(&self.settings.bucket);
        with_properties!(request, &properties)
            .key(&object)
            .copy_source(self.source(&object))
            .set_copy_source_if_match(tag)
            .set_if_match(same)
            .metadata_directive(MetadataDirective::Replace)
            .set_acl(self.acl())
            .customize()
            .config_override(self.patient(size_of(&head)))
            .send()
            .await
            .map_err(failed)
            .map(drop)
    }

    pub(super) async fn copy_in_parts(
        self: &Arc<Self>,
        from: &str,
        to: &str,
        head: &HeadObjectOutput,
        properties: &Properties,
        over: &Over,
    ) -> Result<(), SinkError> {
        let size = size_of(head);
        let mut multipart = Multipart::begin(self, to.to_owned(), properties).await?;
        let copied = self.copy_parts(from, head.e_tag(), to, multipart.id(), 0..size);
        let copied = match copied.await {
            Ok(parts) => {
                multipart.holds(parts);
                multipart.complete(self, size, over).await
            }
            Err(error) => Err(error),
        };
        if copied.is_err() {
            multipart.abort(Arc::clone(self)).await;
        }
        copied
    }

    /// Copies a range of the object `from`, as `tag` tells it from others, as the first parts of
    /// the upload `id` to `to`.
    pub(super) async fn copy_parts(
        self: &Arc<Self>,
        from: &str,
        tag: Option<&str>,
        to: &str,
        id: &str,
        range: Range<u64>,
    ) -> Result<Vec<CompletedPart>, SinkError> {
        let (mut copies, mut parts) = (JoinSet::new(), Vec::new());
        for (number, part) in (1..).zip(in_parts(range)) {
            if copies.len() >= PARTS_AT_ONCE
                && let Some(copied) = copies.join_next().await
            {
                parts.push(copied.map_err(|error| SinkError::Io(error.into()))??);
            }
            let request = self
                .client
                .upload_part_copy()
                .bucket(&self.settings.bucket)
                .key(to)
                .upload_id(id)
                .part_number(number)
                .copy_source(self.source(from))
                .set_copy_source_if_match(tag.filter(|tag| !tag.is_empty()).map(str::to_owned))
                .copy_source_range(format!("bytes={}-{}", part.start, part.end - 1))
                .customize()
                .config_override(self.patient(part.end - part.start));
            let copy = async move {
                let copied = request.send().await.map_err(failed)?.copy_part_result;
                Ok::<_, SinkError>(
                    CompletedPart::builder()
                        .part_number(number)
                        .set_e_tag(copied.as_ref().and_then(|part| part.e_tag.clone()))
                        .set_checksum_crc32(copied.and_then(|part| part.checksum_crc32))
                        .build(),
                )
            };
            copies.spawn_on(copy, &self.runtime);
        }
        while let Some(copied) = copies.join_next().await {
            parts.push(copied.map_err(|error| SinkError::Io(error.into()))??);
        }
        parts.sort_by_key(CompletedPart::part_number);
        Ok(parts)
    }

    /// An object as the source of a copy, which stands in a header and is encoded like a path.
    fn source(&self, object: &str) -> String {
        let mut source = format!("{}/", self.settings.bucket);
        for byte in object.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                    source.push(char::from(byte));
                }
                _ => source.push_str(&format!("%{byte:02X}")),
            }
        }
        source
    }
}

/// The size of an object, in bytes.
pub(super) fn size_of(head: &HeadObjectOutput) -> u64 {
    u64::try_from(head.content_length.unwrap_or_default()).unwrap_or_default()
}

/// Ranges to copy `whole` in, each as large as a part may be.
fn in_parts(whole: Range<u64>) -> Vec<Range<u64>> {
    let part = COPY_PART.max((whole.end - whole.start).div_ceil(COPY_PARTS_MAX));
    let (mut parts, mut start) = (Vec::new(), whole.start);
    while start < whole.end {
        // What is left must not be smaller than a part may be.
        let end = match whole.end - start {
            left if left < part + PART_MIN => whole.end,
            _ => start + part,
        };
        parts.push(start..end);
        start = end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::parts::{Growth, PART_MAX};
    use super::*;
    use crate::config::S3Sink;

    #[test]
    fn what_is_copied_leaves_room_for_the_largest_object() {
        const LARGEST: u64 = 5 << 40;
        for first in [8 << 20, 64 << 20] {
            let mut settings = S3Sink::new("bucket".to_owned());
            settings.part_size = first;
            let growth = Growth::new(&settings);
            for size in [
                PART_MIN,
                1 << 30,
                (5 << 30) + 1,
                300 << 30,
                3 << 40,
                LARGEST,
            ] {
                let copied = in_parts(0..size);
                let lengths = copied.iter().map(|part| part.end - part.start);
                assert!(
                    lengths
                        .clone()
                        .all(|it| (PART_MIN..=PART_MAX).contains(&it))
                );
                assert!(lengths.sum::<u64>() == size && copied[0].start == 0);
                assert!(copied.windows(2).all(|pair| pair[0].end == pair[1].start));
                let next = u32::try_from(copied.len()).unwrap() + 1;
                let room: u64 = (next..=10_000).map(|number| growth.part(number)).sum();
                assert!(size + room >= LARGEST, "{first} {size}: {room}");
            }
        }
    }
}
