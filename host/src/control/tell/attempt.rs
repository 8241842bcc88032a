//! A transfer of a file, told once, whatever becomes of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use wharf_protocol::command::HashAlgorithm;
use wharf_protocol::failure::Failure;
use wharf_protocol::path::VirtualPath;
use wharf_protocol::transfer::TransferKind;

use super::{Teller, milliseconds, put, told};
use crate::checksum;
use crate::control::job::Refused;
use crate::event::{Checksum, Event, Fault, Kind, is_temporary};
use crate::plugin::SessionFacts;
use crate::sink::Location;
use crate::storage::{Place, StorageError};
use crate::transfer::Progress;

/// What a client hears where a transfer ends with its control connection, if it hears anything.
const CONNECTION_ENDED: u16 = 426;

/// A transfer of a file from its command to its end. Dropped before it was told, it tells that the
/// control connection ended first.
pub(in crate::control) struct Attempt {
    teller: Arc<Teller>,
    session: Arc<SessionFacts>,
    is_upload: bool,
    named: VirtualPath,
    /// The file, once it is open.
    place: OnceLock<Place>,
    progress: OnceLock<Arc<Progress>>,
    began: Instant,
    is_told: AtomicBool,
}

/// An upload that is stored, or that a plugin has taken.
pub(in crate::control) struct StoredUpload<'u> {
    /// Where it stands now; nowhere, if a plugin has taken it.
    pub(in crate::control) at: Option<&'u Location>,
    /// Of the whole file, in bytes.
    pub(in crate::control) size: u64,
    /// Those that were computed while it came.
    pub(in crate::control) checksums: &'u [(HashAlgorithm, String)],
    /// Whether it goes on from a file that was there.
    pub(in crate::control) appended: bool,
    /// What the gates made of it.
    pub(in crate::control) kept: Kept,
}

/// Where the gates had an upload kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control) enum Kept {
    /// Where the client, or a gate, wanted it to be published.
    Published,
    /// Out of the user's sight.
    Quarantined,
    /// Nowhere: a gate has taken it.
    Consumed,
}

impl Kept {
    /// What events call it, where it is worth telling.
    fn disposition(self) -> Option<&'static str> {
        match self {
            Self::Published => None,
            Self::Quarantined => Some("quarantined"),
            Self::Consumed => Some("consumed"),
        }
    }
}

impl Attempt {
    /// The transfer `kind` begins; none where it is a listing, of which nothing is told.
    pub(in crate::control) fn begin(
        teller: &Arc<Teller>,
        session: Arc<SessionFacts>,
        kind: &TransferKind,
    ) -> Option<Arc<Self>> {
        let named = match kind {
            TransferKind::Retrieve { path, .. }
            | TransferKind::Store { path, .. }
            | TransferKind::Append { path, .. } => path,
            TransferKind::StoreUnique { directory, .. } => directory,
            TransferKind::List { .. } => return None,
        };
        Some(Arc::new(Self {
            teller: Arc::clone(teller),
            session,
            is_upload: kind.is_upload(),
            named: named.clone(),
            place: OnceLock::new(),
            progress: OnceLock::new(),
            began: Instant::now(),
            is_told: AtomicBool::new(false),
        }))
    }

    /// Whether it may go on: an upload has to have a place for its events.
    pub(in crate::control) fn admitted(&self) -> Result<(), StorageError> {
        match self.is_upload {
            true => self.teller.admits(&[Kind::Upload, Kind::FileStable]),
            false => Ok(()),
        }
    }

    /// The file is open, and its bytes are counted.
    pub(in crate::control) fn opened(&self, place: Option<&Place>, progress: &Arc<Progress>) {
        if let Some(place) = place {
            let _ = self.place.set(place.clone());
        }
        let _ = self.progress.set(Arc::clone(progress));
    }

    /// Every byte of a download was sent.
    pub(in crate::control) fn downloaded(&self) {
        if !self.is_upload && !self.is_told.swap(true, Ordering::Relaxed) {
            let event = |event: &mut Event| self.describe(event);
            self.teller.post(Kind::Download, &self.session, event);
        }
    }

    /// Tells that the upload is stored, and waits until that is durable.
    pub(in crate::control) fn stored(&self, upload: &StoredUpload<'_>) -> Result<(), StorageError> {
        let StoredUpload { at, kept, .. } = *upload;
        let stored = |kind| {
            let mut event = self.teller.event(kind, &self.session);
            self.describe(&mut event);
            event.place = at.map(told);
            event.size = Some(upload.size);
            event.checksums = upload.checksums.iter().map(checksum_told).collect();
            event
        };
        let mut events = Vec::new();
        if self.teller.wants(Kind::Upload) {
            let mut event = stored(Kind::Upload);
            if let Some(disposition) = kept.disposition() {
                let name = "wharf.disposition".to_owned();
                event.attributes.push((name, disposition.to_owned()));
            }
            if upload.appended {
                event
                    .attributes
                    .push(("wharf.appended".to_owned(), "true".to_owned()));
            }
            events.push(event);
        }
        let name = at.and_then(|at| at.key.split());
        let name = name.map_or("", |(_, name)| name);
        let is_stable = kept == Kept::Published && !is_temporary(name);
        if is_stable && self.teller.wants(Kind::FileStable) {
            events.push(stored(Kind::FileStable));
        }
        self.teller.append(&events)?;
        self.is_told.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// It failed: what is to be told when the client hears of it.
    pub(in crate::control) fn failed(&self, refused: &Refused) -> Option<Event> {
        if self.is_told.swap(true, Ordering::Relaxed) {
            return None;
        }
        let kind = match (&refused.failure, self.is_upload) {
            (_, false) => Kind::DownloadFailed,
            (Failure::Aborted | Failure::ConnectionLost, true) => Kind::UploadAborted,
            (_, true) => Kind::UploadFailed,
        };
        self.teller.wants(kind).then(|| {
            let mut event = self.teller.event(kind, &self.session);
            self.describe(&mut event);
            event.fault = Some(Fault::new(CONNECTION_ENDED, refused.cause.clone()));
            event
        })
    }

    fn describe(&self, event: &mut Event) {
        match self.place.get() {
            Some(place) => put(event, place),
            None => event.path = Some(self.named.to_string()),
        }
        event.size = self.progress.get().map(|progress| progress.bytes());
        event.elapsed_ms = milliseconds(self.began);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let cause = "the control connection ended first";
        let refused = Refused::new(Failure::ConnectionLost, cause);
        if let Some(event) = self.failed(&refused) {
            self.teller.post_event(&event);
        }
    }
}

fn checksum_told((algorithm, hex): &(HashAlgorithm, String)) -> Checksum {
    Checksum {
        algorithm: checksum::name(*algorithm).to_owned(),
        hex: hex.clone(),
    }
}
