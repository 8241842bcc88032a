//! What stands in a directory of a bucket, a page at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::vec;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{EncodingType, Object};
use wharf_protocol::listing::{Entry, EntryKind};
use wharf_protocol::timestamp::Timestamp;

use super::Store;
use super::encoding::decoded;
use super::error::failed;
use crate::config::{Modified, Rights};
use crate::sink::{Entries, Key, SinkError};

/// Files that are asked for at once where their times are metadata.
const LOOKS: usize = 32;

/// Lists a directory, which is to be one.
pub(super) fn list(store: &Arc<Store>, directory: &Key) -> Result<Entries, SinkError> {
    let first = store.runtime.block_on(async {
        let first = store.page(directory, None).await?;
        let is_empty = first.contents().is_empty() && first.common_prefixes().is_empty();
        let is_sure = directory.is_root() || (store.implicit() && !is_empty);
        if !is_sure && store.stat(directory).await?.kind != EntryKind::Directory {
            return Err(SinkError::NotDirectory);
        }
        Ok(first)
    })?;
    Ok(Box::new(Listing {
        known: VecDeque::new(),
        entries: entries(store, directory, &first).into_iter(),
        next: first.next_continuation_token,
        store: Arc::clone(store),
        directory: directory.clone(),
    }))
}

struct Listing {
    store: Arc<Store>,
    directory: Key,
    /// What can be shown.
    known: VecDeque<Entry>,
    /// The rest of the page.
    entries: vec::IntoIter<Entry>,
    next: Option<String>,
}

impl Iterator for Listing {
    type Item = Result<Entry, SinkError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.known.pop_front() {
                return Some(Ok(entry));
            }
            let some: Vec<_> = self.entries.by_ref().take(LOOKS).collect();
            if !some.is_empty() {
                let dated = self.store.dated(&self.directory, some);
                match self.store.runtime.block_on(dated) {
                    Ok(dated) => self.known = dated,
                    Err(error) => return Some(Err(error)),
                }
                continue;
            }
            let next = self.next.take()?;
            let page = self.store.page(&self.directory, Some(next));
            match self.store.runtime.block_on(page) {
                Ok(page) => {
                    self.entries = entries(&self.store, &self.directory, &page).into_iter();
                    self.next = page.next_continuation_token;
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn entries(store: &Store, directory: &Key, page: &ListObjectsV2Output) -> Vec<Entry> {
    let directories = page.common_prefixes().iter().filter_map(|common| {
        let name = store.layout.directory_name(directory, common.prefix()?)?;
        Entry::new(name, EntryKind::Directory)
    });
    let files = page.contents().iter().filter_map(|object| {
        let name = store.layout.name(directory, object.key()?)?;
        let mut entry = Entry::new(name, EntryKind::File)?;
        entry.size = u64::try_from(object.size().unwrap_or_default()).unwrap_or_default();
        entry.modified = object.last_modified().copied().map(timestamp);
        Some(entry)
    });
    directories.chain(files).collect()
}

/// A moment as the store tells it, in whole seconds: some stores tell more in a listing than of the
/// object itself, and clients that synchronise take MLSD and MDTM for the same.
pub(super) fn timestamp(moment: DateTime) -> Timestamp {
    Timestamp::from_unix(moment.secs(), 0)
}

impl Store {
    /// Entries with the times that their metadata has, where that counts: a listing shows no
    /// metadata, so that each file is asked for, some at once.
    async fn dated(
        self: &Arc<Self>,
        directory: &Key,
        mut entries: Vec<Entry>,
    ) -> Result<VecDeque<Entry>, SinkError> {
        if self.settings.modified == Modified::Store {
            return Ok(entries.into());
        }
        let mut asked = Vec::new();
        for entry in entries.iter().filter(|entry| entry.kind == EntryKind::File) {
            let object = format!("{}{}", self.layout.below(directory), entry.name());
            let store = Arc::clone(self);
            let head = async move { store.head(&object).await };
            asked.push(self.runtime.spawn(head));
        }
        let files = entries
            .iter_mut()
            .filter(|entry| entry.kind == EntryKind::File);
        for (entry, head) in files.zip(asked) {
            let head = head.await.map_err(|error| SinkError::Io(error.into()))??;
            if let Some(head) = head {
                entry.modified = self.modified(&head);
            }
        }
        Ok(entries.into())
    }

    async fn page(
        &self,
        directory: &Key,
        next: Option<String>,
    ) -> Result<ListObjectsV2Output, SinkError> {
        let request = self.client.list_objects_v2().delimiter("/");
        self.listed_keys(request, &self.layout.below(directory), next)
            .await
    }

    /// Whether there is such a directory.
    pub(super) async fn is_directory(&self, key: &Key) -> Result<bool, SinkError> {
        let Some(marker) = self.layout.marker(key) else {
            return Ok(true);
        };
        let implicit = self.implicit();
        if !implicit && self.settings.rights == Rights::Full {
            return match self.size_of(&marker).await {
                Ok(_) => Ok(true),
                Err(SinkError::NotFound) => Ok(false),
                Err(error) => Err(error),
            };
        }
        let prefix = if implicit {
            self.layout.below(key)
        } else {
            marker
        };
        let listed = self.keys(&prefix, None, 1).await?;
        Ok(listed
            .contents()
            .iter()
            .any(|object| implicit || object.key().is_some_and(|key| key == prefix)))
    }

    /// A file as a listing shows it, for who may ask for nothing else.
    pub(super) async fn listed(&self, key: &Key, name: &str) -> Result<Option<Entry>, SinkError> {
        let Some(found) = self.listed_object(&self.layout.object(key)).await? else {
            return Ok(None);
        };
        let mut entry = Entry::new(name, EntryKind::File).ok_or(SinkError::InvalidName)?;
        entry.size = u64::try_from(found.size().unwrap_or_default()).unwrap_or_default();
        entry.modified = found.last_modified().copied().map(timestamp);
        Ok(Some(entry))
    }

    /// What a listing shows of an object, if there is one.
    pub(super) async fn listed_object(&self, object: &str) -> Result<Option<Object>, SinkError> {
        let listed = self.keys(object, None, 1).await?;
        let first = listed.contents.unwrap_or_default().into_iter().next();
        Ok(first.filter(|found| found.key() == Some(object)))
    }

    /// Up to `limit` keys that begin with `prefix`, however deep.
    pub(super) async fn keys(
        &self,
        prefix: &str,
        next: Option<String>,
        limit: i32,
    ) -> Result<ListObjectsV2Output, SinkError> {
        let request = self.client.list_objects_v2().max_keys(limit);
        self.listed_keys(request, prefix, next).await
    }

    async fn listed_keys(
        &self,
        request: ListObjectsV2FluentBuilder,
        prefix: &str,
        next: Option<String>,
    ) -> Result<ListObjectsV2Output, SinkError> {
        let request = request.bucket(&self.settings.bucket).prefix(prefix);
        let request = request.set_continuation_token(next);
        let page = request.encoding_type(EncodingType::Url).send().await;
        page.map(decoded).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_tells_no_more_of_a_moment_than_the_object_itself() {
        for (seconds, expected) in [(5.0, 5), (1_795_373_028.865, 1_795_373_028), (-0.25, -1)] {
            let told = timestamp(DateTime::from_secs_f64(seconds));
            assert_eq!(told, Timestamp::from_unix(expected, 0), "{seconds}");
        }
    }
}
