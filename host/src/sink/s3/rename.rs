//! Renaming in a store that can only copy and delete objects.
//!
//! Originals go only after all copies are there: whatever interrupts it, nothing is lost.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use aws_sdk_s3::types::{Object, StorageClass};
use bytes::Bytes;
use tokio::task::JoinSet;
use tracing::warn;
use wharf_protocol::listing::EntryKind;

use super::Store;
use super::commit::Over;
use super::copy::size_of;
use super::error::described;
use super::properties::Properties;
use super::remove::BATCH;
use crate::sink::{Existing, Key, SinkError};

/// Copies at once.
const COPIES: usize = 16;

/// What a rename has copied, and as what it was: what comes or changes meanwhile stays where it is.
/// A hash of each is enough, so that a million objects take some MiB.
#[derive(Default)]
struct Moved {
    state: RandomState,
    originals: HashSet<u64>,
    copies: HashSet<u64>,
}

impl Moved {
    fn add(&mut self, original: &Object, copy: &str) {
        self.originals.insert(self.identity(original));
        self.copies.insert(self.state.hash_one(copy));
    }

    fn identity(&self, object: &Object) -> u64 {
        // Empty ones are alike, and some stores give markers a new tag now and then.
        let tag = object.e_tag().filter(|_| object.size() != Some(0));
        self.state.hash_one((object.key(), object.size(), tag))
    }

    fn is_original(&self, object: &Object) -> bool {
        self.originals.contains(&self.identity(object))
    }

    fn is_copy(&self, object: &Object) -> bool {
        let key = object.key().unwrap_or_default();
        self.copies.contains(&self.state.hash_one(key))
    }
}

impl Store {
    /// Renames a file or directory; `existing` says what becomes of a file that a file is renamed
    /// to. The locks of both keys keep out whoever else stores there through this host.
    pub(super) async fn rename(
        self: &Arc<Self>,
        source: &Key,
        target: &Key,
        existing: Existing,
    ) -> Result<(), SinkError> {
        let from = self.layout.object(source);
        let (file, is_directory, there, parent) = tokio::join!(
            self.head(&from),
            self.is_directory(source),
            self.existing(target),
            self.check_parent(target)
        );
        let file = file?;
        if file.is_none() && !is_directory? {
            return Err(self.missing(source).await);
        }
        if source == target {
            return Ok(());
        }
        if source.holds(target) {
            return Err(SinkError::InvalidName);
        }
        parent?;
        let Some(head) = file else {
            return match there? {
                Some(_) => Err(SinkError::Exists),
                None => self.rename_directory(source, target).await,
            };
        };
        let is_kept = |kind| existing == Existing::Kept || kind != EntryKind::File;
        if there?.is_some_and(|there| is_kept(there.kind)) {
            return Err(SinkError::Exists);
        }
        let (to, class) = (self.layout.object(target), head.storage_class().cloned());
        let tag = head.e_tag();
        self.copy(&from, &to, size_of(&head), class, tag).await?;
        // What another host stored meanwhile was not copied.
        match self.head(&from).await? {
            Some(now) if now.e_tag() != tag => Err(SinkError::Changed),
            _ => self.delete(&from).await,
        }
    }

    async fn rename_directory(
        self: &Arc<Self>,
        source: &Key,
        target: &Key,
    ) -> Result<(), SinkError> {
        let (from, to) = (self.layout.below(source), self.layout.below(target));
        let mut moved = Moved::default();
        if let Err(error) = self.copy_below(&from, &to, &mut moved).await {
            let (copied, reason) = (moved.copies.len(), described(&error));
            warn!(
                from,
                to, copied, reason, "a directory is not renamed: all of it is still where it was"
            );
            // What was there before would have been refused, so these are nobody else's.
            if let Err(error) = self.delete_below(&to, |it| moved.is_copy(it)).await {
                let error = described(&error);
                warn!(
                    to,
                    error, "copies of a directory that is not renamed are left"
                );
            }
            return Err(error);
        }
        let deleted = self.delete_below(&from, |object| moved.is_original(object));
        deleted.await.inspect_err(|error| {
            let (copied, error) = (moved.copies.len(), described(error));
            warn!(
                from,
                to, copied, error, "a directory was copied whole, and not removed whole"
            );
        })
    }

    /// Copies all objects whose keys begin with `from`, some at once.
    async fn copy_below(
        self: &Arc<Self>,
        from: &str,
        to: &str,
        moved: &mut Moved,
    ) -> Result<(), SinkError> {
        let mut next = None;
        loop {
            let page = self.keys(from, next, BATCH).await?;
            let (mut copies, mut done) = (JoinSet::new(), Ok(()));
            for object in page.contents() {
                let Some(key) = object.key() else { continue };
                if copies.len() >= COPIES {
                    done = done.and(joined(copies.join_next().await));
                }
                if done.is_err() {
                    break;
                }
                let copied = format!("{to}{}", key.strip_prefix(from).unwrap_or(key));
                moved.add(object, &copied);
                if self.layout.is_marker(key) {
                    // Stores that make directories by themselves lose the marker of one whose
                    // content comes at the same time.
                    done = done.and(self.copy_listed(object, &copied).await);
                    continue;
                }
                let (store, object) = (Arc::clone(self), object.clone());
                let copy = async move { store.copy_listed(&object, &copied).await };
                copies.spawn_on(copy, &self.runtime);
            }
            // Also where one has failed: what is on its way would arrive behind the clean-up.
            while let Some(copied) = copies.join_next().await {
                done = done.and(joined(Some(copied)));
            }
            done?;
            next = page.next_continuation_token;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    async fn copy_listed(self: &Arc<Self>, object: &Object, to: &str) -> Result<(), SinkError> {
        let key = object.key().unwrap_or_default();
        let size = u64::try_from(object.size().unwrap_or_default()).unwrap_or_default();
        if self.layout.is_marker(key) && size == 0 {
            // Some stores cannot copy what has a slash at its end.
            let properties = Properties::of_new(self);
            return self
                .put(to, Bytes::new(), &Over::Anything, &properties)
                .await;
        }
        let class = object.storage_class();
        let class = class.map(|class| StorageClass::from(class.as_str()));
        self.copy(key, to, size, class, None).await
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
