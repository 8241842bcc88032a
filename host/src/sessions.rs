//! The sessions that are there now, for whoever looks from outside.
//!
//! Touched where a session begins, changes hands, transfers and ends, and never while bytes move:
//! how far a transfer is, its own [`Progress`] knows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use wharf_protocol::path::VirtualPath;

use crate::metrics;
use crate::plugin::SessionFacts;
use crate::transfer::Progress;

/// The sessions of a host, in the order in which they came.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    shown: BTreeMap<u64, Shown>,
}

/// What is to be seen of a session.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Who it is.
    pub facts: Arc<SessionFacts>,
    /// When it began.
    pub since: SystemTime,
    /// What it transfers now.
    pub transfer: Option<ShownTransfer>,
}

/// What is to be seen of a transfer.
#[derive(Clone, Debug)]
pub struct ShownTransfer {
    /// Which way.
    pub kind: metrics::Transfer,
    /// As the client named it.
    pub path: VirtualPath,
    /// When it began.
    pub since: SystemTime,
    /// How far it is.
    pub progress: Arc<Progress>,
    /// How many bytes there will be, where that is known.
    pub size: Option<u64>,
}

impl Sessions {
    /// Shows one more session, as long as what it returns lives.
    pub fn show(self: &Arc<Self>, facts: Arc<SessionFacts>) -> ShownSession {
        metrics::sessions_started(&facts.listener).increment(1);
        metrics::sessions(&facts.listener).increment(1.0);
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        let shown = Shown {
            facts,
            since: SystemTime::now(),
            transfer: None,
        };
        state.shown.insert(number, shown);
        ShownSession {
            sessions: Arc::clone(self),
            number,
        }
    }

    /// How many there are, and the first `max` of them.
    pub fn list(&self, max: usize) -> (usize, Vec<Shown>) {
        let state = self.state();
        let listed = state.shown.values().take(max).cloned().collect();
        (state.shown.len(), listed)
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut Shown)) {
        if let Some(shown) = self.state().shown.get_mut(&number) {
            change(shown);
        }
    }

    /// Each entry is whole after any panic: it is only ever replaced.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session that is shown until this is dropped.
#[derive(Debug)]
pub struct ShownSession {
    sessions: Arc<Sessions>,
    number: u64,
}

impl ShownSession {
    /// Something about it has changed.
    pub fn update(&self, facts: &Arc<SessionFacts>) {
        let facts = Arc::clone(facts);
        self.sessions
            .change(self.number, |shown| shown.facts = facts);
    }

    /// Shows its transfer, as long as what it returns lives.
    pub fn transfer(
        &self,
        kind: metrics::Transfer,
        path: &VirtualPath,
        progress: &Arc<Progress>,
        size: Option<u64>,
    ) -> TransferringSession {
        metrics::transfers_running(kind).increment(1.0);
        let transfer = ShownTransfer {
            kind,
            path: path.clone(),
            since: SystemTime::now(),
            progress: Arc::clone(progress),
            size,
        };
        self.sessions
            .change(self.number, |shown| shown.transfer = Some(transfer));
        TransferringSession {
            sessions: Arc::clone(&self.sessions),
            number: self.number,
            kind,
        }
    }
}

impl Drop for ShownSession {
    fn drop(&mut self) {
        let shown = self.sessions.state().shown.remove(&self.number);
        if let Some(shown) = shown {
            metrics::sessions(&shown.facts.listener).decrement(1.0);
        }
    }
}

/// A transfer that is shown until this is dropped.
#[derive(Debug)]
pub struct TransferringSession {
    sessions: Arc<Sessions>,
    number: u64,
    kind: metrics::Transfer,
}

impl Drop for TransferringSession {
    fn drop(&mut self) {
        metrics::transfers_running(self.kind).decrement(1.0);
        self.sessions
            .change(self.number, |shown| shown.transfer = None);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

    use super::*;

    fn facts(user: Option<&str>) -> Arc<SessionFacts> {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 21));
        Arc::new(SessionFacts {
            id: "1".to_owned(),
            listener: "public".to_owned(),
            peer: here,
            local: here,
            tls: None,
            user: user.map(str::to_owned),
            principal: None,
            groups: Vec::new(),
            attributes: BTreeMap::new(),
            notes: Arc::default(),
        })
    }

    #[test]
    fn a_session_is_shown_as_it_is_until_it_ends() {
        let sessions = Arc::new(Sessions::default());
        let first = sessions.show(facts(None));
        let second = sessions.show(facts(Some("bob")));
        first.update(&facts(Some("ann")));
        let (count, listed) = sessions.list(1);
        assert_eq!((count, listed.len()), (2, 1));
        assert_eq!(listed[0].facts.user.as_deref(), Some("ann"));
        drop(first);
        let (_, listed) = sessions.list(9);
        assert_eq!(listed[0].facts.user.as_deref(), Some("bob"));
        drop(second);
        assert_eq!(sessions.list(9).0, 0);
    }

    #[test]
    fn a_transfer_is_shown_while_it_runs() {
        let sessions = Arc::new(Sessions::default());
        let session = sessions.show(facts(Some("ann")));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let counter = ::metrics::Counter::noop();
        let progress = Arc::new(Progress::new(Arc::new(socket), counter));
        let path = VirtualPath::root();
        let transfer = session.transfer(metrics::Transfer::Upload, &path, &progress, None);
        let (_, listed) = sessions.list(9);
        let shown = listed[0].transfer.as_ref().unwrap();
        assert_eq!(shown.kind, metrics::Transfer::Upload);
        assert_eq!(shown.progress.bytes(), 0);
        drop(transfer);
        assert!(sessions.list(9).1[0].transfer.is_none());
    }
}
