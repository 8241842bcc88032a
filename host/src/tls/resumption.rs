//! Binds the TLS sessions of data connections to that of their control connection.
//!
//! The control handshake gives out tickets that carry the number of the control session; data
//! handshakes take only those, as often as they come. So a resumed data handshake proves that its
//! client holds the secrets of this very control session.
//!
//! Clients such as curl keep one ticket of TLS 1.3 and use it once, and rustls cannot send another
//! on the control connection later. So a data handshake gives one in turn, which is worth
//! something only if that handshake was itself resumed: a full one, which anybody can have, would
//! otherwise open the door for the next. An upload gives none where a client can do without, for
//! one that closes without reading it resets the connection and loses the end of its file.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio_rustls::rustls::server::{ProducesTickets, ServerConfig, StoresServerSessions};

use crate::limits;

/// What the handshakes of one control session leave for its data handshakes.
pub(super) struct ControlSession {
    number: u64,
    tickets: Arc<dyn ProducesTickets>,
    /// Ids and secrets, oldest first, at most [`limits::TLS_STORED_SESSIONS`]: of the control
    /// handshake, where it is TLS 1.2 without tickets, and of data handshakes of TLS 1.3.
    stored: Mutex<VecDeque<StoredSession>>,
}

/// A session id, or a ticket that is only an id, and what rustls wants to have kept for it.
type StoredSession = (Vec<u8>, Vec<u8>);

impl ControlSession {
    pub(super) fn new(number: u64, tickets: Arc<dyn ProducesTickets>) -> Arc<Self> {
        Arc::new(Self {
            number,
            tickets,
            stored: Mutex::default(),
        })
    }

    /// Makes `config` give out what data handshakes resume.
    pub(super) fn issue(self: &Arc<Self>, config: &mut ServerConfig) {
        let issuing = Arc::new(Issuing(Arc::clone(self)));
        config.ticketer = Arc::clone(&issuing) as _;
        config.session_storage = issuing;
        config.send_tls13_tickets = limits::TLS13_TICKETS;
    }

    /// Makes `config`, that of one data handshake, resume this session and no other. A ticket that
    /// it gives out is worth nothing until [`Accepting::keep_issued`].
    pub(super) fn accept(self: &Arc<Self>, config: &mut ServerConfig) -> Arc<Accepting> {
        let accepting = Arc::new(Accepting {
            session: Arc::clone(self),
            issued: OnceLock::new(),
        });
        config.ticketer = Arc::clone(&accepting) as _;
        config.session_storage = Arc::clone(&accepting) as _;
        accepting
    }

    /// The number stands before the session that rustls wrote, under the same encryption.
    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.tickets
            .encrypt(&[&self.number.to_be_bytes(), plain].concat())
    }

    /// Nothing, if the ticket is another control session's.
    fn open(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let plain = self.tickets.decrypt(ticket)?;
        Some(plain.strip_prefix(&self.number.to_be_bytes())?.to_vec())
    }

    fn store(&self, session: StoredSession) {
        let mut stored = self.stored();
        if stored.len() == limits::TLS_STORED_SESSIONS {
            stored.pop_front();
        }
        stored.push_back(session);
    }

    fn find(&self, id: &[u8]) -> Option<Vec<u8>> {
        let stored = self.stored();
        let (_, session) = stored.iter().find(|(stored, _)| stored == id)?;
        Some(session.clone())
    }

    /// The list is whole after any panic.
    fn stored(&self) -> MutexGuard<'_, VecDeque<StoredSession>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number alone: everything else is secret.
impl fmt::Debug for ControlSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlSession")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// The side of the control handshake, which has nothing to resume yet.
#[derive(Debug)]
struct Issuing(Arc<ControlSession>);

impl ProducesTickets for Issuing {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.0.tickets.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.0.seal(plain)
    }

    fn decrypt(&self, _ticket: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

impl StoresServerSessions for Issuing {
    fn put(&self, id: Vec<u8>, session: Vec<u8>) -> bool {
        self.0.store((id, session));
        true
    }

    fn get(&self, _id: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, _id: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// The side of one data handshake.
///
/// `enabled` is false so that TLS 1.2 promises no ticket: its clients use theirs again. TLS 1.2
/// asks `decrypt` nevertheless; TLS 1.3 asks `take` of the store instead, with the ticket for an
/// id. A taken session may come again, since early data is off.
pub(super) struct Accepting {
    session: Arc<ControlSession>,
    issued: OnceLock<StoredSession>,
}

/// The session alone: the ticket is secret.
impl fmt::Debug for Accepting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Accepting").field(&self.session).finish()
    }
}

impl Accepting {
    /// Lets the ticket that this handshake gave out resume; to be called if it was resumed.
    pub(super) fn keep_issued(&self) {
        if let Some(issued) = self.issued.get() {
            self.session.store(issued.clone());
        }
    }
}

impl ProducesTickets for Accepting {
    fn enabled(&self) -> bool {
        false
    }

    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, _plain: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.session.open(ticket)
    }
}

impl StoresServerSessions for Accepting {
    fn put(&self, id: Vec<u8>, session: Vec<u8>) -> bool {
        self.issued.set((id, session)).is_ok()
    }

    fn get(&self, id: &[u8]) -> Option<Vec<u8>> {
        self.session.find(id)
    }

    fn take(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.session
            .find(ticket)
            .or_else(|| self.session.open(ticket))
    }

    fn can_cache(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
