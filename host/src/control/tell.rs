//! The stage *tell*: what happens in a session becomes events, for the plugins that want to hear of
//! it.
//!
//! A change of storage is told by the thread that made it, and the client hears of it when its
//! event is durable: whatever becomes of the connection meanwhile, what was done is told. What only
//! happened (logins, downloads, failures) is told without waiting.

mod attempt;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use wharf_protocol::effect::{Finished, LoginStep, Operation};
use wharf_protocol::failure::Failure;
use wharf_protocol::listing::EntryKind;

pub(super) use attempt::{Attempt, Kept, StoredUpload};

use super::Control;
use super::job::Refused;
use super::login::Answer;
use crate::event::{self, Event, Fault, Kind, is_temporary};
use crate::outbox::Outbox;
use crate::plugin::SessionFacts;
use crate::sink::Location;
use crate::storage::{Place, ResolvedOperation, StorageError};

/// What a client hears where its login ends with its connection, if it hears anything.
const SERVICE_CLOSING: u16 = 421;

/// Tells what happens in one session.
pub(super) struct Teller {
    outbox: Arc<Outbox>,
    /// When the session began. Ids of sessions are unique while the host runs, those of events
    /// for ever.
    stamp: u64,
    /// Of the next event.
    sequence: AtomicU64,
}

impl Teller {
    /// Nothing happened yet.
    pub(super) fn new(outbox: Arc<Outbox>) -> Self {
        Self {
            outbox,
            stamp: now_ms(),
            sequence: AtomicU64::new(0),
        }
    }

    /// Whether anybody wants to hear of `kind`.
    pub(super) fn wants(&self, kind: Kind) -> bool {
        self.outbox.wants(kind)
    }

    /// Whether what would be told as one of `kinds` may begin.
    pub(super) fn admits(&self, kinds: &[Kind]) -> Result<(), StorageError> {
        Ok(self.outbox.admits(kinds)?)
    }

    /// The session's next event, without its particulars.
    pub(super) fn event(&self, kind: Kind, session: &SessionFacts) -> Event {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let attributes = session.attributes.iter();
        let mut attributes: Vec<_> = attributes
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if let Some(user) = &session.user {
            attributes.push(("wharf.user".to_owned(), user.clone()));
        }
        Event {
            id: format!("{}.{:x}.{sequence}", session.id, self.stamp),
            kind,
            at_ms: now_ms(),
            session: session.id.clone(),
            sequence,
            listener: session.listener.clone(),
            peer: session.peer.to_string(),
            principal: session.principal.clone(),
            path: None,
            place: None,
            new_path: None,
            new_place: None,
            size: None,
            checksums: Vec::new(),
            elapsed_ms: 0,
            fault: None,
            attributes,
        }
    }

    /// Tells what only happened.
    pub(super) fn post(
        &self,
        kind: Kind,
        session: &SessionFacts,
        particulars: impl FnOnce(&mut Event),
    ) {
        if self.wants(kind) {
            let mut event = self.event(kind, session);
            particulars(&mut event);
            self.outbox.post(&event);
        }
    }

    /// Tells what only happened, and is described already.
    fn post_event(&self, event: &Event) {
        self.outbox.post(event);
    }

    /// Tells what was changed, and waits until that is durable. Only where blocking is allowed.
    pub(super) fn append(&self, events: &[Event]) -> Result<(), StorageError> {
        Ok(self.outbox.append(events)?)
    }

    /// Tells that `operation` was done, which is a change told as `kind`.
    pub(super) fn changed(
        &self,
        kind: Kind,
        session: &SessionFacts,
        operation: &ResolvedOperation,
        began: Instant,
    ) -> Result<(), StorageError> {
        let Some(place) = operation.place() else {
            return Ok(());
        };
        let mut events = Vec::new();
        if self.wants(kind) {
            let mut event = self.event(kind, session);
            put(&mut event, place);
            if let Some(target) = operation.target() {
                event.new_path = Some(target.path.to_string());
                event.new_place = Some(told(&target.location));
            }
            event.elapsed_ms = milliseconds(began);
            events.push(event);
        }
        if let Some(target) = operation.target() {
            events.extend(self.stable(session, place, target, began));
        }
        self.append(&events)
    }

    /// That a file is complete now, where a rename gave it its final name.
    fn stable(
        &self,
        session: &SessionFacts,
        from: &Place,
        to: &Place,
        began: Instant,
    ) -> Option<Event> {
        let is_temporary = |place: &Place| place.path.name().is_some_and(is_temporary);
        if !self.wants(Kind::FileStable) || !is_temporary(from) || is_temporary(to) {
            return None;
        }
        let entry = to.sink.stat(&to.location.key).ok()?;
        let is_file = entry.kind != EntryKind::Directory;
        is_file.then(|| {
            let mut event = self.event(Kind::FileStable, session);
            put(&mut event, to);
            event.size = Some(entry.size);
            event.elapsed_ms = milliseconds(began);
            event
        })
    }
}

/// What is told when `operation` was done; nothing where it changes nothing that is told.
pub(super) fn kind_of(operation: &Operation) -> Option<Kind> {
    match operation {
        Operation::Delete(_) => Some(Kind::Delete),
        Operation::Rename { .. } => Some(Kind::Rename),
        Operation::MakeDirectory(_) => Some(Kind::MakeDirectory),
        Operation::RemoveDirectory(_) => Some(Kind::RemoveDirectory),
        _ => None,
    }
}

/// Says in `event` where it happened.
pub(super) fn put(event: &mut Event, place: &Place) {
    event.path = Some(place.path.to_string());
    event.place = Some(told(&place.location));
}

/// A place as it is told.
pub(super) fn told(location: &Location) -> event::Place {
    event::Place {
        sink: location.sink.to_string(),
        key: location.key.to_string(),
    }
}

/// Milliseconds since `began`.
pub(super) fn milliseconds(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970 in UTC.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

impl Control {
    /// What came of asking the authenticators, in the session's terms; it is told, too.
    pub(super) fn settle(&mut self, answer: Answer) -> LoginStep {
        let cause = answer.cause();
        let step = self.login.settle(answer, &self.host);
        let facts = self.login.facts();
        let failed = |cause| {
            let teller = &self.teller;
            teller.wants(Kind::LoginFailed).then(|| {
                let mut event = teller.event(Kind::LoginFailed, &facts);
                event.fault = Some(Fault::new(SERVICE_CLOSING, cause));
                event
            })
        };
        match &step {
            LoginStep::NeedPassword { .. } | LoginStep::NeedAccount { .. } => {}
            LoginStep::Granted { .. } => self.teller.post(Kind::Login, &facts, |_| {}),
            LoginStep::TooMany { text } => {
                self.untold = failed(cause.unwrap_or_else(|| text.clone()));
            }
            LoginStep::Denied { .. } | LoginStep::Undecided => {
                self.untold = failed(cause.unwrap_or_default());
            }
        }
        step
    }

    /// Tells that the user is no longer logged in, if one is.
    pub(super) fn tell_logout(&self) {
        if let Some(since) = self.login.since() {
            self.teller
                .post(Kind::Logout, &self.login.facts(), |event| {
                    event.elapsed_ms = milliseconds(since);
                });
        }
    }

    /// The transfer that was asked for failed. What the session is told of it.
    pub(super) fn failed(&mut self, refused: Refused) -> Failure {
        if let Some(attempt) = self.attempt.take() {
            self.untold = attempt.failed(&refused);
        }
        refused.failure
    }

    /// The transfer that was asked for came to its end.
    pub(super) fn finished(
        &mut self,
        result: Result<Finished, Refused>,
    ) -> Result<Finished, Failure> {
        let finished = result.map_err(|refused| self.failed(refused))?;
        if let Some(attempt) = self.attempt.take() {
            attempt.downloaded();
        }
        Ok(finished)
    }

    /// Tells what failed, now that the client hears how: with a reply of this code.
    pub(super) fn tell_failure(&mut self, code: u16) {
        if code < 400 {
            return;
        }
        if let Some(mut event) = self.untold.take() {
            if let Some(fault) = &mut event.fault {
                fault.reply = code;
            }
            self.teller.post_event(&event);
        }
    }

    /// Tells what has not been told when the connection ends.
    pub(super) fn tell_end(&mut self) {
        self.running = None;
        self.attempt = None;
        if let Some(event) = self.untold.take() {
            self.teller.post_event(&event);
        }
        self.tell_logout();
    }
}
