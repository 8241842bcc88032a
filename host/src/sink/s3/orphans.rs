//! Multipart uploads that nobody will finish: those of a host that crashed, and those too old.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Weak;
use std::time::{Duration, SystemTime};

use tracing::{info, warn};

use super::Store;
use super::error::failed;
use crate::config::Rights;
use crate::sink::{Key, SinkError};

/// Uploads older than this are nobody's.
const ORPHAN_AGE: Duration = Duration::from_hours(7 * 24);
/// How often they are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_hours(24);

/// The uploads that this host has begun, one small file each, so that the next one finds them.
#[derive(Debug)]
pub struct Journal(PathBuf);

/// An upload in the journal, until it is completed or aborted.
pub struct Noted(PathBuf);

/// An upload that a host before this one has begun and not ended.
pub struct Left {
    noted: Noted,
    object: String,
    id: String,
}

impl Journal {
    /// In a directory of its own, which is made, with what is left there. Whatever is noted later
    /// is not among it.
    ///
    /// # Errors
    /// It cannot be made or read.
    pub fn open(directory: PathBuf) -> io::Result<(Self, Vec<Left>)> {
        fs::create_dir_all(&directory)?;
        let mut left = Vec::new();
        for entry in fs::read_dir(&directory)? {
            let noted = Noted(entry?.path());
            let text = fs::read_to_string(&noted.0)?;
            match text.split_once('\n') {
                Some((id, object)) => left.push(Left {
                    object: object.to_owned(),
                    id: id.to_owned(),
                    noted,
                }),
                // It was being written when the host crashed: its upload has no part yet.
                None => fs::remove_file(&noted.0)?,
            }
        }
        Ok((Self(directory), left))
    }

    /// Notes an upload that was begun.
    pub(super) async fn note(&self, object: &str, id: &str) -> io::Result<Noted> {
        let path = self.0.join(format!("{:016x}", rand::random::<u64>()));
        tokio::fs::write(&path, format!("{id}\n{object}")).await?;
        Ok(Noted(path))
    }
}

impl Noted {
    /// There is no such upload any more.
    pub(super) async fn settle(self) {
        if let Err(error) = tokio::fs::remove_file(&self.0).await {
            warn!(path = %self.0.display(), %error, "a note of an upload cannot be removed");
        }
    }
}

/// Aborts orphaned uploads, now and from time to time, as long as there is a sink. What cannot be
/// aborted now is tried again the next time.
pub(super) async fn sweep(store: Weak<Store>, mut left: Vec<Left>) {
    while let Some(store) = store.upgrade() {
        if store.settings.rights == Rights::PutOnly {
            return;
        }
        let bucket = &store.settings.bucket;
        let before = left.len();
        left = store.abort_left(left).await;
        let old = store.abort_old().await.unwrap_or_else(|error| {
            let error = super::error::described(&error);
            warn!(bucket, error, "orphaned uploads cannot be looked for");
            0
        });
        let aborted = before - left.len() + old;
        if aborted > 0 {
            info!(bucket, aborted, "orphaned uploads aborted");
        }
        drop(store);
        tokio::time::sleep(SWEEP_INTERVAL).await;
    }
}

impl Store {
    /// Aborts what a host before this one left, and returns what could not be aborted.
    async fn abort_left(&self, left: Vec<Left>) -> Vec<Left> {
        let mut kept = Vec::new();
        for upload in left {
            match self.abort_upload(&upload.object, &upload.id).await {
                Ok(()) => upload.noted.settle().await,
                Err(error) => {
                    let (key, error) = (&upload.object, super::error::described(&error));
                    warn!(key, error, "an orphaned upload cannot be aborted");
                    kept.push(upload);
                }
            }
        }
        kept
    }

    /// Aborts what is too old, whoever began it, and tells how much that was.
    async fn abort_old(&self) -> Result<usize, SinkError> {
        let mut aborted = 0;
        for (key, id) in self.old_uploads().await? {
            match self.abort_upload(&key, &id).await {
                Ok(()) => aborted += 1,
                Err(error) => {
                    let error = super::error::described(&error);
                    warn!(key, error, "an old upload cannot be aborted");
                }
            }
        }
        Ok(aborted)
    }

    async fn old_uploads(&self) -> Result<Vec<(String, String)>, SinkError> {
        let oldest = SystemTime::now()
            .checked_sub(ORPHAN_AGE)
            .unwrap_or(SystemTime::UNIX_EPOCH);
        let (mut old, mut key, mut id) = (Vec::new(), None, None);
        loop {
            let request = self
                .client
                .list_multipart_uploads()
                .bucket(&self.settings.bucket)
                .prefix(self.layout.below(&Key::root()))
                .set_key_marker(key)
                .set_upload_id_marker(id);
            let page = request.send().await.map_err(failed)?;
            for upload in page.uploads() {
                let begun = upload.initiated().copied();
                let begun = begun.and_then(|moment| SystemTime::try_from(moment).ok());
                if let (Some(key), Some(id)) = (upload.key(), upload.upload_id())
                    && begun.is_some_and(|begun| begun < oldest)
                {
                    old.push((key.to_owned(), id.to_owned()));
                }
            }
            (key, id) = (page.next_key_marker, page.next_upload_id_marker);
            if !page.is_truncated.unwrap_or_default() || key.is_none() {
                return Ok(old);
            }
        }
    }

    /// Aborts a multipart upload; that there is none is as good.
    pub(super) async fn abort_upload(&self, object: &str, id: &str) -> Result<(), SinkError> {
        let request = self
            .client
            .abort_multipart_upload()
            .bucket(&self.settings.bucket);
        match request
            .key(object)
            .upload_id(id)
            .send()
            .await
            .map_err(failed)
        {
            Ok(_) | Err(SinkError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_noted_is_left_until_it_is_settled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("uploads/archive");
        let (journal, left) = Journal::open(path.clone()).unwrap();
        assert!(left.is_empty());
        journal.note("in/a\nb", "one").await.unwrap();
        let settled = journal.note("c", "two").await.unwrap();
        settled.settle().await;
        fs::write(path.join("torn"), "thr").unwrap();
        let (_, left) = Journal::open(path.clone()).unwrap();
        let left: Vec<_> = left.iter().map(|it| (&*it.object, &*it.id)).collect();
        assert_eq!(left, [("in/a\nb", "one")]);
        assert!(!path.join("torn").exists());
    }
}
