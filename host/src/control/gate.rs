//! An upload from its first byte to its commit: received, held while the gates decide on it, then
//! published, kept elsewhere, or discarded.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};
use wharf_protocol::command::HashAlgorithm;
use wharf_protocol::effect::Finished;
use wharf_protocol::failure::Failure;
use wharf_protocol::path::VirtualPath;

use super::Control;
use super::job::{CancelOnDrop, Completed, Job, Refused, blocking, not_logged_in};
use super::tell::{Kept, StoredUpload};
use super::transfers::{Running, end, where_blocking_is_allowed};
use crate::checksum::{self, Checksums};
use crate::limits;
use crate::plugin::{FinishedUpload, GateRuling, LivePlugins, Role};
use crate::sink::kept::keep;
use crate::sink::{Location, StagedUpload, Upload};
use crate::sinks::Sinks;
use crate::spool::Spool;
use crate::storage::{self, MayReplace, Place, StorageError};
use crate::transfer::{self, DataConnection};

/// An upload that begins.
pub(super) struct Incoming {
    plugins: Arc<LivePlugins>,
    sinks: Arc<Sinks>,
    place: Place,
    /// The offset of the first byte that will come.
    start: u64,
    may_replace: MayReplace,
}

/// An upload whose bytes are all in and which nobody sees yet. Where it is not committed, because
/// the client went away, it ends like one that broke off.
pub(super) struct Received {
    upload: StagedUpload,
    /// Where it will stand.
    place: Place,
    /// Whether it goes on from a file that was there.
    appended: bool,
    /// What it may take the place of.
    may_replace: MayReplace,
    /// Those that were computed while it came.
    checksums: Vec<(HashAlgorithm, String)>,
    /// How long the transfer took.
    elapsed: Duration,
    /// How many bytes came.
    bytes: u64,
    plugins: Arc<LivePlugins>,
    sinks: Arc<Sinks>,
}

impl Drop for Received {
    fn drop(&mut self) {
        if self.upload.is_taken() {
            return;
        }
        let (upload, place) = (self.upload.clone(), self.place.location.clone());
        let (plugins, sinks) = (Arc::clone(&self.plugins), Arc::clone(&self.sinks));
        where_blocking_is_allowed(move || {
            if let Some(upload) = upload.take() {
                interrupt(upload, &place, &plugins, &sinks);
            }
        });
    }
}

impl Incoming {
    /// It will stand at `place`, and `start` bytes of it were there before.
    pub(super) fn new(
        plugins: Arc<LivePlugins>,
        sinks: Arc<Sinks>,
        place: Place,
        start: u64,
        may_replace: MayReplace,
    ) -> Self {
        Self {
            plugins,
            sinks,
            place,
            start,
            may_replace,
        }
    }

    /// Receives all of `upload`. Nothing is kept or computed of its bytes unless somebody asked for
    /// it.
    pub(super) fn receive(
        self,
        connection: &mut DataConnection,
        upload: Box<dyn Upload>,
        spool: &Spool,
    ) -> Completed {
        let started = Instant::now();
        let (sink, content) = (&*self.place.sink, self.plugins.current().gate_content());
        let aborted = || connection.progress.is_aborted();
        let mut upload = match keep(upload, sink, self.start, content, spool, aborted) {
            Ok(upload) => upload,
            Err(error) => return Completed::Finished(Err(end(error.into()))),
        };
        let appended = self.start > 0;
        let wanted = match appended {
            // What was there before belongs to a checksum, and has not come by.
            true => Vec::new(),
            false => wanted_checksums(&self.plugins),
        };
        let mut checksums = Checksums::new(&wanted);
        let received = transfer::receive_file(connection, &mut *upload, &mut checksums);
        let bytes = match received {
            Ok(bytes) => bytes,
            Err(error) => {
                interrupt(upload, &self.place.location, &self.plugins, &self.sinks);
                return Completed::Finished(Err(end(error)));
            }
        };
        upload.all_in();
        Completed::Received(Received {
            upload: StagedUpload::new(upload),
            place: self.place,
            appended,
            may_replace: self.may_replace,
            checksums: checksums.finish(),
            elapsed: started.elapsed(),
            bytes,
            plugins: self.plugins,
            sinks: self.sinks,
        })
    }
}

/// The checksums that somebody wants to be told of every upload.
fn wanted_checksums(plugins: &LivePlugins) -> Vec<HashAlgorithm> {
    plugins.current().gate_checksums()
}

/// The upload to `place` broke off. What came is kept where resuming was asked for, but not where
/// gates would have to decide on it: whoever breaks off must not get past them.
fn interrupt(upload: Box<dyn Upload>, place: &Location, plugins: &LivePlugins, sinks: &Sinks) {
    if !plugins.current().of(Role::UploadGate).is_empty() {
        return;
    }
    if let Err(error) = upload.interrupt() {
        warn!(%error, "what an interrupted upload left could not be kept or removed");
    }
    // Nobody tells whether it was kept.
    sinks.quotas().came(place);
}

impl Control {
    /// Every byte of an upload is in: the gates decide on it, if there are any.
    pub(super) fn gate(&mut self, received: Received) -> Job {
        let (Some(storage), Some(running)) = (self.login.storage(), &mut self.running) else {
            return self.discard(received, not_logged_in().into());
        };
        running.silent_until = Some(Instant::now() + limits::COMMIT_SILENCE);
        let aborting = Arc::clone(&running.aborting);
        let plugins = self.host.plugins.current();
        if plugins.of(Role::UploadGate).is_empty() {
            return self.commit(received, None, Kept::Published);
        }
        let session = self.login.facts();
        Box::pin(async move {
            let ruling = async {
                let upload = received.facts(plugins.gate_checksums()).await?;
                let (staged, shown) = (&received.upload, storage.shown());
                let ruling = plugins.rule_on_upload(&session, upload, staged, &shown);
                Ok(ruling.await)
            };
            let ruling = tokio::select! {
                biased;
                () = aborting.notified() => Err(Refused::from(Failure::Aborted)),
                ruling = ruling => ruling,
            };
            let ruling = ruling.unwrap_or_else(|refused| GateRuling::Discard {
                detail: format!("no gate was asked to the end: {}", refused.cause),
                failure: refused.failure,
            });
            Completed::Gated(received, ruling)
        })
    }

    /// The gates have decided.
    pub(super) fn follow(&self, received: Received, ruling: GateRuling) -> Job {
        let Place { path, location, .. } = &received.place;
        match ruling {
            GateRuling::Publish => self.commit(received, None, Kept::Published),
            GateRuling::PublishAt(target) => {
                info!(%path, from = %location, to = %target, "upload is published elsewhere");
                self.commit(received, Some(target), Kept::Published)
            }
            GateRuling::Quarantine(target) => {
                info!(%path, from = %location, to = %target, "upload is quarantined");
                self.commit(received, Some(target), Kept::Quarantined)
            }
            GateRuling::Consume => {
                info!(%path, place = %location, "upload is taken by a plugin, and not kept");
                self.consume(received)
            }
            GateRuling::Discard { failure, detail } => {
                info!(%path, place = %location, detail, "upload is discarded");
                self.discard(received, Refused::new(failure, detail))
            }
        }
    }

    /// Makes an upload visible, at `target` or where it was meant for, and tells it.
    fn commit(&self, received: Received, target: Option<Location>, kept: Kept) -> Job {
        let sinks = Arc::clone(&self.host.sinks);
        let progress = self.running.as_ref().map(Running::progress);
        let attempt = self.attempt.clone();
        let name = self.unique_name(&received.place.path, target.as_ref(), kept);
        let may_replace = match kept {
            Kept::Published => received.may_replace,
            // Nothing there is the user's.
            Kept::Quarantined | Kept::Consumed => MayReplace::Anything,
        };
        // Dropped with the job, which happens where the connection ends first.
        let cancel = CancelOnDrop::default();
        let gone = cancel.flag();
        let cancelled = move || {
            let aborted = progress.as_ref().is_some_and(|of| of.is_aborted());
            aborted || gone.load(Ordering::Relaxed)
        };
        Box::pin(async move {
            let _cancel = cancel;
            let bytes = received.bytes;
            let commit = move || {
                let upload = received.upload.take().ok_or(StorageError::Cancelled)?;
                let place = &received.place.location;
                let size = upload.size()?;
                let (at, to) = (target.as_ref().unwrap_or(place), target.as_ref());
                storage::publish(&sinks, upload, place, to, may_replace, cancelled)?;
                match attempt {
                    Some(attempt) => attempt.stored(&StoredUpload {
                        at: Some(at),
                        size,
                        checksums: &received.checksums,
                        appended: received.appended,
                        kept,
                    }),
                    None => Ok(()),
                }
            };
            let committed = blocking(commit).await;
            Completed::Finished(committed.map(|()| Finished { bytes, name }))
        })
    }

    /// Keeps nothing of an upload that a plugin has taken, and tells that.
    fn consume(&self, received: Received) -> Job {
        let attempt = self.attempt.clone();
        let bytes = received.bytes;
        let consume = move || {
            let upload = received.upload.take().ok_or(StorageError::Cancelled)?;
            let size = upload.size()?;
            drop(upload);
            let Some(attempt) = attempt else {
                return Ok(());
            };
            attempt.stored(&StoredUpload {
                at: None,
                size,
                checksums: &received.checksums,
                appended: received.appended,
                kept: Kept::Consumed,
            })
        };
        Box::pin(async move {
            let consumed = blocking(consume).await;
            Completed::Finished(consumed.map(|()| Finished { bytes, name: None }))
        })
    }

    /// What the client of a STOU calls the file, where he can see it.
    fn unique_name(
        &self,
        path: &VirtualPath,
        target: Option<&Location>,
        kept: Kept,
    ) -> Option<String> {
        let is_unique = self.running.as_ref().is_some_and(Running::is_unique);
        if !is_unique || kept != Kept::Published {
            return None;
        }
        let at = match target {
            Some(target) => self.login.storage()?.shown().path_of(target)?,
            None => path.clone(),
        };
        match at.parent() == path.parent() {
            true => at.name().map(str::to_owned),
            false => Some(at.to_string()),
        }
    }

    /// Throws an upload away, and says so when nothing is left of it.
    fn discard(&self, received: Received, refused: Refused) -> Job {
        let discard = move || {
            drop(received.upload.take());
            Ok(())
        };
        Box::pin(async move {
            let discarded = blocking(discard).await;
            Completed::Finished(Err(discarded.err().unwrap_or(refused)))
        })
    }

    /// Whether the client of an upload that is all in has to hear something now.
    pub(super) fn breaks_silence(&mut self) -> bool {
        let now = Instant::now();
        let running = self.running.as_mut();
        let silent_until = running.and_then(|running| running.silent_until.as_mut());
        let due = silent_until.filter(|until| **until <= now);
        due.map(|until| *until = now + limits::COMMIT_SILENCE)
            .is_some()
    }
}

impl Received {
    /// What gates are told of it, with as many of the checksums in `wanted` as can be had: those
    /// that were not computed while it came are computed of what is stored.
    async fn facts(&self, wanted: Vec<HashAlgorithm>) -> Result<FinishedUpload, Refused> {
        // Dropped where the client gives it up.
        let cancel = CancelOnDrop::default();
        let (upload, gone) = (self.upload.clone(), cancel.flag());
        let known =
            |wanted: &HashAlgorithm| self.checksums.iter().any(|(known, _)| known == wanted);
        let missing: Vec<_> = wanted.into_iter().filter(|wanted| !known(wanted)).collect();
        let (size, computed) = blocking(move || {
            let size = upload.size()?;
            let readable = upload.reads_back() && size <= limits::CHECKSUM_READ_BACK_BYTES;
            if missing.is_empty() || !readable {
                return Ok((size, Vec::new()));
            }
            let cancelled = || gone.load(Ordering::Relaxed);
            Ok((size, checksum::of_upload(&upload, &missing, cancelled)?))
        })
        .await?;
        Ok(FinishedUpload {
            path: self.place.path.clone(),
            place: self.place.location.clone(),
            size,
            checksums: self.checksums.iter().cloned().chain(computed).collect(),
            elapsed: self.elapsed,
            appended: self.appended,
        })
    }
}
