//! Binds the TLS sessions of data connections to that of their control connection.
//!
//! One `ServerConfig` for the control handshake gives out tickets that carry the number of the
//! control session; one for its data handshakes takes only those, as often as they come, and gives
//! out none. So a resumed data handshake proves that its client holds the secrets of this very
//! control session. Had data handshakes tickets of their own, a full one could be resumed by the
//! next, and nothing would be proved; under TLS 1.3 a client that closes without reading them
//! would lose the end of its upload, too.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio_rustls::rustls::server::{ProducesTickets, ServerConfig, StoresServerSessions};

use crate::limits;

/// Makes `data` resume what `control` negotiates, and nothing else.
pub(super) fn bind(
    number: u64,
    tickets: Arc<dyn ProducesTickets>,
    control: &mut ServerConfig,
    data: &mut ServerConfig,
) {
    let session = Arc::new(ControlSession {
        number,
        tickets,
        stored: OnceLock::new(),
    });
    let issuing = Arc::new(Issuing(Arc::clone(&session)));
    control.ticketer = Arc::clone(&issuing) as _;
    control.session_storage = issuing;
    control.send_tls13_tickets = limits::TLS13_TICKETS;

    let accepting = Arc::new(Accepting(session));
    data.ticketer = Arc::clone(&accepting) as _;
    data.session_storage = accepting;
    data.send_tls13_tickets = 0;
}

/// What the control handshake left for the data handshakes.
struct ControlSession {
    number: u64,
    tickets: Arc<dyn ProducesTickets>,
    /// Session id and secrets for a TLS 1.2 client without tickets; there is one handshake, so
    /// there is one of them.
    stored: OnceLock<(Vec<u8>, Vec<u8>)>,
}

impl ControlSession {
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
        self.0.stored.set((id, session)).is_ok()
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

/// The side of the data handshakes, which issues nothing.
///
/// `enabled` is false so that TLS 1.2 promises no ticket. TLS 1.2 asks `decrypt` nevertheless;
/// TLS 1.3 asks `take` of the store instead, with the ticket for an id. Early data, for which a
/// taken session must not come twice, is off.
#[derive(Debug)]
struct Accepting(Arc<ControlSession>);

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
        self.0.open(ticket)
    }
}

impl StoresServerSessions for Accepting {
    fn put(&self, _id: Vec<u8>, _session: Vec<u8>) -> bool {
        false
    }

    fn get(&self, id: &[u8]) -> Option<Vec<u8>> {
        let (stored, session) = self.0.stored.get()?;
        (stored == id).then(|| session.clone())
    }

    fn take(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.0.open(ticket)
    }

    fn can_cache(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
