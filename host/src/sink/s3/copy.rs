//! Renaming and removing in a store that can only copy and delete objects.
//!
//! Originals go only after all copies are there: whatever interrupts it, nothing is lost.

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::{io, iter};

use aws_sdk_s3::types::{CompletedPart, Delete, Object, ObjectIdentifier};
use bytes::Bytes;
use tokio::task::JoinSet;
use tracing::warn;
use wharf_protocol::listing::EntryKind;

use super::client::patient;
use super::commit::Over;
use super::error::{described, failed};
use super::upload::Multipart;
use super::{COPY_MAX, Store};
use crate::config::RemoveDirectories;
use crate::sink::{Key, SinkError};

/// The parts in which an object is copied that one request cannot copy: the largest object has
/// 5,120 of them.
const COPY_PART: u64 = 1024 * 1024 * 1024;
/// Copies at once.
const COPIES: usize = 16;
/// Keys in one request (Amazon S3, ListObjectsV2 and DeleteObjects).
const BATCH: i32 = 1000;

impl Store {
    /// Renames a file or directory; a file at the target is replaced by a file.
    pub(super) async fn rename(
        self: &Arc<Self>,
        source: &Key,
        target: &Key,
    ) -> Result<(), SinkError> {
        let (moved, there, parent) = tokio::join!(
            self.stat(source),
            self.existing(target),
            self.check_parent(target)
        );
        let moved = moved?;
        if source == target {
            return Ok(());
        }
        if source.holds(target) {
            return Err(SinkError::InvalidName);
        }
        parent?;
        let there = there?;
        let kinds = [Some(&moved), there.as_ref()];
        let are_files = kinds
            .iter()
            .flatten()
            .all(|entry| entry.kind == EntryKind::File);
        if there.is_some() && !are_files {
            return Err(SinkError::Exists);
        }
        match moved.kind {
            EntryKind::Directory => self.rename_directory(source, target).await,
            _ => {
                let (from, to) = (self.layout.object(source), self.layout.object(target));
                self.copy(&from, &to, moved.size).await?;
                self.delete(&from).await
            }
        }
    }

    async fn rename_directory(
        self: &Arc<Self>,
        source: &Key,
        target: &Key,
    ) -> Result<(), SinkError> {
        let (from, to) = (self.layout.below(source), self.layout.below(target));
        // What was copied, and as what it was: what comes or changes meanwhile stays where it is.
        let state = RandomState::new();
        let identity = |object: &Object| {
            // Empty ones are alike, and some stores give markers a new tag now and then.
            let tag = object.e_tag().filter(|_| object.size() != Some(0));
            state.hash_one((object.key(), object.size(), tag))
        };
        let (mut moved, mut next) = (HashSet::new(), None);
        loop {
            let page = self.keys(&from, next, BATCH).await?;
            let mut copies = JoinSet::new();
            for object in page.contents() {
                let Some(key) = object.key() else { continue };
                let copied = format!("{to}{}", key.strip_prefix(&from).unwrap_or(key));
                let size = u64::try_from(object.size().unwrap_or_default()).unwrap_or_default();
                moved.insert(identity(object));
                if copies.len() >= COPIES {
                    joined(copies.join_next().await)?;
                }
                let (store, key) = (Arc::clone(self), key.to_owned());
                let copy = async move {
                    match store.layout.is_marker(&key) && size == 0 {
                        // Some stores cannot copy what has a slash at its end.
                        true => store.put(&copied, Bytes::new(), &Over::Anything).await,
                        false => store.copy(&key, &copied, size).await,
                    }
                };
                copies.spawn_on(copy, &self.runtime);
            }
            while let Some(copied) = copies.join_next().await {
                joined(Some(copied))?;
            }
            next = page.next_continuation_token;
            if next.is_none() {
                break;
            }
        }
        let is_moved = |object: &Object| moved.contains(&identity(object));
        let deleted = self.delete_below(&from, is_moved).await;
        deleted.inspect_err(|error| {
            let error = described(error);
            warn!(
                from,
                to, error, "a directory was copied whole, and not removed whole"
            );
        })
    }

    /// Removes a directory: an empty one, unless the sink removes recursively.
    pub(super) async fn remove_directory(&self, directory: &Key) -> Result<(), SinkError> {
        if self.stat(directory).await?.kind != EntryKind::Directory {
            return Err(SinkError::NotDirectory);
        }
        let below = self.layout.below(directory);
        let marker = self.layout.marker(directory).unwrap_or_default();
        let held = self.keys(&below, None, 3).await?;
        let held = || held.contents().iter().filter_map(|object| object.key());
        // Other programs leave a marker of their own.
        let is_empty = held().all(|key| key == marker || key == below);
        match (is_empty, self.settings.remove) {
            // Just what was seen goes, and not what came meanwhile.
            (true, _) => {
                let shell =
                    iter::once(below.as_str()).filter(|shell| held().all(|key| key != *shell));
                self.delete_all(held().chain(shell)).await
            }
            (false, RemoveDirectories::Recursive) => self.delete_below(&below, |_| true).await,
            (false, RemoveDirectories::Empty) => Err(SinkError::NotEmpty),
        }
    }

    /// Deletes what `is_meant` of all whose key begins with `prefix`, which is a directory's: files
    /// first, since some stores keep a directory that holds something when its marker is deleted.
    async fn delete_below(
        &self,
        prefix: &str,
        is_meant: impl Fn(&Object) -> bool,
    ) -> Result<(), SinkError> {
        if !prefix.ends_with('/') {
            return Err(SinkError::PermissionDenied);
        }
        // Some stores make directories by themselves, and keep them until they are deleted like
        // markers, even those that show no marker.
        let (mut directories, mut next) = (BTreeSet::new(), None);
        loop {
            let page = self.keys(prefix, next, BATCH).await?;
            let meant = page.contents().iter().filter(|object| is_meant(object));
            let keys: Vec<_> = meant.filter_map(|object| object.key()).collect();
            for key in &keys {
                let slashes = key.match_indices('/').map(|(slash, _)| slash + 1);
                let ancestors = slashes.filter(|end| *end >= prefix.len());
                directories.extend(ancestors.map(|end| key[..end].to_owned()));
            }
            let (markers, files): (Vec<_>, Vec<_>) =
                keys.into_iter().partition(|key| self.layout.is_marker(key));
            self.delete_all(files.into_iter()).await?;
            directories.extend(markers.into_iter().map(str::to_owned));
            next = page.next_continuation_token;
            if next.is_none() {
                break;
            }
        }
        // Those deeper down first.
        let directories: Vec<_> = directories.iter().rev().map(String::as_str).collect();
        for batch in directories.chunks(BATCH as usize) {
            self.delete_all(batch.iter().copied()).await?;
        }
        Ok(())
    }

    async fn delete_all<'k>(&self, keys: impl Iterator<Item = &'k str>) -> Result<(), SinkError> {
        let objects: Vec<_> = keys
            .filter_map(|key| ObjectIdentifier::builder().key(key).build().ok())
            .collect();
        if objects.is_empty() {
            return Ok(());
        }
        let batch = Delete::builder().set_objects(Some(objects)).quiet(true);
        let batch = batch
            .build()
            .map_err(|error| SinkError::Io(io::Error::other(error)))?;
        let request = self.client.delete_objects().bucket(&self.settings.bucket);
        let deleted = request.delete(batch).send().await.map_err(failed)?;
        let Some(error) = deleted.errors().first() else {
            return Ok(());
        };
        let text = format!(
            "{} of the objects were not deleted, such as {}: {}",
            deleted.errors().len(),
            error.key().unwrap_or_default(),
            error.message().unwrap_or_default()
        );
        Err(SinkError::Io(io::Error::other(text)))
    }

    /// Copies one object within the bucket.
    async fn copy(self: &Arc<Self>, from: &str, to: &str, size: u64) -> Result<(), SinkError> {
        if size > COPY_MAX {
            return self.copy_in_parts(from, to, size).await;
        }
        self.client
            .copy_object()
            .bucket(&self.settings.bucket)
            .key(to)
            .copy_source(self.source(from))
            .set_storage_class(self.storage_class())
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.settings.kms_key.clone())
            .set_acl(self.acl())
            .customize()
            .config_override(patient(size))
            .send()
            .await
            .map_err(failed)
            .map(drop)
    }

    async fn copy_in_parts(
        self: &Arc<Self>,
        from: &str,
        to: &str,
        size: u64,
    ) -> Result<(), SinkError> {
        let mut multipart = Multipart::begin(self, to.to_owned()).await?;
        let copied = match self.copy_parts(from, to, multipart.id(), 0..size).await {
            Ok(parts) => {
                multipart.holds(parts);
                multipart.complete(self, size, &Over::Anything).await
            }
            Err(error) => Err(error),
        };
        if copied.is_err() {
            multipart.abort(Arc::clone(self)).await;
        }
        copied
    }

    /// Copies a range of an object as the first parts of an upload.
    pub(super) async fn copy_parts(
        &self,
        from: &str,
        to: &str,
        id: &str,
        range: std::ops::Range<u64>,
    ) -> Result<Vec<CompletedPart>, SinkError> {
        let (mut parts, mut start, mut number) = (Vec::new(), range.start, 1);
        while start < range.end {
            // What is left must not be smaller than a part may be.
            let end = match range.end - start {
                left if left < 2 * COPY_PART => range.end,
                _ => start + COPY_PART,
            };
            let request = self
                .client
                .upload_part_copy()
                .bucket(&self.settings.bucket)
                .key(to)
                .upload_id(id)
                .part_number(number)
                .copy_source(self.source(from))
                .copy_source_range(format!("bytes={start}-{}", end - 1))
                .customize()
                .config_override(patient(end - start));
            let copied = request.send().await.map_err(failed)?;
            let copied = copied.copy_part_result;
            parts.push(
                CompletedPart::builder()
                    .part_number(number)
                    .set_e_tag(copied.as_ref().and_then(|part| part.e_tag.clone()))
                    .set_checksum_crc32(copied.and_then(|part| part.checksum_crc32))
                    .build(),
            );
            (start, number) = (end, number + 1);
        }
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

fn joined(
    copied: Option<Result<Result<(), SinkError>, tokio::task::JoinError>>,
) -> Result<(), SinkError> {
    match copied {
        Some(Ok(copied)) => copied,
        Some(Err(error)) => Err(SinkError::Io(error.into())),
        None => Ok(()),
    }
}
