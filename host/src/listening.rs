//! Where the host listens for clients, and whether it can accept them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::config::ListenerTls;

/// The open listeners of a host; none until it has opened them all.
#[derive(Debug, Default)]
pub struct Listening(OnceLock<Vec<Arc<ListenerState>>>);

/// One of them.
#[derive(Debug)]
pub struct ListenerState {
    /// What the configuration calls it.
    pub name: String,
    /// Where it listens, with the port that the system chose where none was given.
    pub address: SocketAddr,
    /// When TLS begins there.
    pub tls: ListenerTls,
    fault: Mutex<Option<String>>,
}

impl Listening {
    /// All of `listeners` are open.
    pub fn begin(&self, listeners: Vec<Arc<ListenerState>>) {
        // A host opens its listeners once.
        let _ = self.0.set(listeners);
    }

    /// The listeners, once they are open.
    pub fn listeners(&self) -> Option<&[Arc<ListenerState>]> {
        self.0.get().map(Vec::as_slice)
    }
}

impl ListenerState {
    /// It can accept, as far as is known.
    pub fn new(name: String, address: SocketAddr, tls: ListenerTls) -> Self {
        Self {
            name,
            address,
            tls,
            fault: Mutex::default(),
        }
    }

    /// Remembers why it cannot accept now; `None` where it can.
    pub fn set_fault(&self, fault: Option<String>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Why it could not accept when it last tried.
    pub fn fault(&self) -> Option<String> {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
