//! Multipart uploads that nobody will finish: those of a host that crashed, those whose beginning
//! nobody heard of, and those too old.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::types::EncodingType;
use tokio::sync::{RwLock, RwLockReadGuard};
use tracing::{info, warn};

use super::Store;
use super::encoding::decoded_uploads;
use super::error::failed;
use crate::config::Rights;
use crate::sink::{Key, SinkError};

/// Uploads older than this are nobody's.
const ORPHAN_AGE: Duration = Duration::from_hours(7 * 24);
/// How often they are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_hours(24);

/// What a store answers that knows no such upload.
const NO_SUCH_UPLOAD: &str = "NoSuchUpload";
/// The extension of a note that is being written.
const UNFINISHED: &str = "new";
/// How far the clocks of host and store may be apart.
const CLOCK_SKEW: Duration = Duration::from_mins(1);

/// The uploads that this host has begun, one small file each, so that the next one finds them.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    known: Known,
    /// Held by all that begin an upload until it is noted.
    beginning: RwLock<()>,
}

/// The ids of the uploads that are noted.
#[derive(Clone, Debug, Default)]
struct Known(Arc<Mutex<HashSet<String>>>);

/// An upload in the journal, until it is completed or aborted.
pub struct Noted {
    path: PathBuf,
    id: String,
    known: Known,
}

/// The right to begin an upload, until it is noted.
pub(super) struct Beginning<'j> {
    journal: &'j Journal,
    since: SystemTime,
    _turn: RwLockReadGuard<'j, ()>,
}

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
        let known = Known::default();
        let mut left = Vec::new();
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            let text = fs::read_to_string(&path)?;
            let is_torn = path
                .extension()
                .is_some_and(|extension| extension == UNFINISHED);
            match text.split_once('\n').filter(|_| !is_torn) {
                Some((id, object)) => left.push(Left {
                    object: object.to_owned(),
                    id: id.to_owned(),
                    noted: known.noted(path, id),
                }),
                // It was being written when the host crashed: its upload has no part yet.
                None => fs::remove_file(&path)?,
            }
        }
        let beginning = RwLock::default();
        let journal = Self {
            directory,
            known,
            beginning,
        };
        Ok((journal, left))
    }

    /// Waits until an upload may begin.
    pub(super) async fn begin(&self) -> Beginning<'_> {
        Beginning {
            journal: self,
            since: SystemTime::now(),
            _turn: self.beginning.read().await,
        }
    }
}

impl Beginning<'_> {
    /// Since when.
    pub(super) fn since(&self) -> SystemTime {
        self.since
    }

    /// Notes the upload that was begun.
    pub(super) async fn note(self, object: &str, id: &str) -> io::Result<Noted> {
        let name = format!("{:016x}", rand::random::<u64>());
        let path = self.journal.directory.join(name);
        // Half a key would be another one: a note has its name once it is whole.
        let unfinished = path.with_extension(UNFINISHED);
        tokio::fs::write(&unfinished, format!("{id}\n{object}")).await?;
        tokio::fs::rename(&unfinished, &path).await?;
        Ok(self.journal.known.noted(path, id))
    }
}

impl Known {
    fn noted(&self, path: PathBuf, id: &str) -> Noted {
        self.lock().insert(id.to_owned());
        Noted {
            path,
            id: id.to_owned(),
            known: self.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    /// There is no such upload any more.
    pub(super) async fn settle(self) {
        self.known.lock().remove(&self.id);
        if let Err(error) = tokio::fs::remove_file(&self.path).await {
            warn!(path = %self.path.display(), %error, "a note of an upload cannot be removed");
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
        let oldest = SystemTime::now()
            .checked_sub(ORPHAN_AGE)
            .unwrap_or(SystemTime::UNIX_EPOCH);
        let old = store
            .abort_begun_before(oldest)
            .await
            .unwrap_or_else(|error| {
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

    /// Aborts what was begun for the key `object` since that moment and that this host does not
    /// know: the answer to its beginning was lost. Of another host that begins one for the same key
    /// at the same time it breaks off the upload, which fails then and loses nothing.
    pub(super) async fn abort_unheard(&self, object: &str, since: SystemTime) {
        if self.settings.rights == Rights::PutOnly {
            return;
        }
        let since = since.checked_sub(CLOCK_SKEW).unwrap_or(since);
        let found = self.uploads(object, self.patient(0), |begun| begun >= since);
        let mut found = found.await.unwrap_or_default();
        if found.is_empty() {
            return;
        }
        {
            // Of what this host has begun until now, and so of all that was listed, whatever is
            // not noted yet is so once those who begin have had their turn.
            let _alone = self.orphans.beginning.write().await;
            let known = self.orphans.known.lock();
            found.retain(|(_, id)| !known.contains(id));
        }
        for (key, id) in found {
            let unheard = key == object;
            // What stays goes by its age.
            if unheard && self.abort_upload(&key, &id).await.is_ok() {
                info!(key, "an upload aborted of whose beginning nobody heard");
            }
        }
    }

    /// Aborts what is older than that, whoever began it, unless this host is still at it, and tells
    /// how much that was.
    pub(super) async fn abort_begun_before(&self, oldest: SystemTime) -> Result<usize, SinkError> {
        let below = self.layout.below(&Key::root());
        let mut aborted = 0;
        let old = self.uploads(&below, self.patient(0), |begun| begun < oldest);
        for (key, id) in old.await? {
            if self.orphans.known.lock().contains(&id) {
                continue;
            }
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

    /// The keys and ids of the uploads whose keys begin so, as far as the moment they were begun
    /// `is_meant`.
    async fn uploads(
        &self,
        prefix: &str,
        patience: aws_sdk_s3::config::Builder,
        is_meant: impl Fn(SystemTime) -> bool,
    ) -> Result<Vec<(String, String)>, SinkError> {
        let (mut meant, mut key, mut id) = (Vec::new(), None, None);
        loop {
            let request = self
                .client
                .list_multipart_uploads()
                .bucket(&self.settings.bucket)
                .prefix(prefix)
                .set_key_marker(key)
                .set_upload_id_marker(id)
                .encoding_type(EncodingType::Url)
                .customize()
                .config_override(patience.clone());
            let page = request.send().await.map_err(failed)?;
            let page = decoded_uploads(page);
            for upload in page.uploads() {
                let begun = upload.initiated().copied();
                let begun = begun.and_then(|moment| SystemTime::try_from(moment).ok());
                if let (Some(key), Some(id)) = (upload.key(), upload.upload_id())
                    && begun.is_some_and(&is_meant)
                {
                    meant.push((key.to_owned(), id.to_owned()));
                }
            }
            (key, id) = (page.next_key_marker, page.next_upload_id_marker);
            if !page.is_truncated.unwrap_or_default() || key.is_none() {
                return Ok(meant);
            }
        }
    }

    /// Aborts a multipart upload; that there is none is as good.
    pub(super) async fn abort_upload(&self, object: &str, id: &str) -> Result<(), SinkError> {
        let request = self
            .client
            .abort_multipart_upload()
            .bucket(&self.settings.bucket);
        match request.key(object).upload_id(id).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(NO_SUCH_UPLOAD) => Ok(()),
            Err(error) => Err(failed(error)),
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
        let beginning = journal.begin().await;
        beginning.note("in/a\nb", "one").await.unwrap();
        let beginning = journal.begin().await;
        let settled = beginning.note("c", "two").await.unwrap();
        settled.settle().await;
        assert_eq!(*journal.known.lock(), HashSet::from(["one".to_owned()]));
        fs::write(path.join("torn"), "thr").unwrap();
        fs::write(path.join("half.new"), "four\nin/hal").unwrap();
        let (_, left) = Journal::open(path.clone()).unwrap();
        let left: Vec<_> = left.iter().map(|it| (&*it.object, &*it.id)).collect();
        assert_eq!(left, [("in/a\nb", "one")]);
        assert!(!path.join("torn").exists() && !path.join("half.new").exists());
    }
}
