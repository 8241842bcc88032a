//! Removing files and directories: the objects that they are.

use std::collections::BTreeSet;
use std::io;
use std::iter;

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::types::{Delete, Object, ObjectIdentifier};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use wharf_protocol::listing::EntryKind;

use super::Store;
use super::encoding::is_text;
use super::error::{failed, failed_one};
use crate::config::{Checksums, RemoveDirectories};
use crate::sink::{Key, SinkError};

/// Keys in one request (Amazon S3, ListObjectsV2 and DeleteObjects).
pub(super) const BATCH: i32 = 1000;

impl Store {
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
    pub(super) async fn delete_below(
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
        let (keys, odd): (Vec<_>, Vec<_>) = keys.partition(|key| is_text(key));
        for key in odd {
            self.delete(key).await?;
        }
        let objects: Vec<_> = keys
            .into_iter()
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
        let request = request.delete(batch).customize();
        let request = match self.settings.checksums {
            Checksums::WhenSupported => request,
            Checksums::WhenRequired => request.mutate_request(add_digest),
        };
        let deleted = request.send().await.map_err(failed)?;
        let Some(error) = deleted.errors().first() else {
            return Ok(());
        };
        let text = format!(
            "{} of the objects were not deleted, such as {}: {}",
            deleted.errors().len(),
            error.key().unwrap_or_default(),
            error.message().unwrap_or_default()
        );
        Err(failed_one(error.code().unwrap_or_default(), text))
    }
}

/// Adds the digest of the body that stores want which do not know the checksums of today: they
/// remove nothing without.
fn add_digest(request: &mut HttpRequest) {
    if let Some(body) = request.body().bytes() {
        let digest = STANDARD.encode(Md5::digest(body));
        request.headers_mut().insert("content-md5", digest);
    }
}
