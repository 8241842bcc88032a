//! Who may connect and log in, as far as counting decides it: connections in all, per address and
//! per user, and failed logins.

mod failed_logins;
mod lockouts;
mod room;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::config::Limits;
use crate::metrics::ConnectionRefusal;
use failed_logins::FailedLogins;
use lockouts::Lockouts;

pub use failed_logins::FailedLogin;

/// Why somebody is turned away. The texts are safe to show and the same for everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// As many connections as the host takes.
    #[error("too many connections, try again later")]
    Full,
    /// As many connections as one address may have.
    #[error("too many connections from this address")]
    AddressFull,
    /// Too many failed logins from this address.
    #[error("too many failed logins, try again later")]
    Banned,
    /// As many sessions as the user may have.
    #[error("too many sessions of this user")]
    UserFull,
}

impl From<Refusal> for ConnectionRefusal {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            // The last is a refused login, which is counted among those.
            Refusal::Full | Refusal::UserFull => Self::Full,
            Refusal::AddressFull => Self::AddressFull,
            Refusal::Banned => Self::Banned,
        }
    }
}

/// The counts of one host. Time is a parameter; nothing here sleeps.
#[derive(Debug)]
pub struct Admission {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limits: Limits,
    connections: u32,
    addresses: HashMap<Network, u32>,
    users: HashMap<String, u32>,
    /// Of those users who have a limit.
    transfers: HashMap<String, u32>,
    failed_logins: FailedLogins,
    lockouts: Lockouts,
}

impl Admission {
    /// Nobody is connected yet.
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                limits: limits.clone(),
                connections: 0,
                addresses: HashMap::new(),
                users: HashMap::new(),
                transfers: HashMap::new(),
                failed_logins: FailedLogins::default(),
                lockouts: Lockouts::default(),
            }),
        })
    }

    /// Admits a control connection from `peer`, as long as the permit lives.
    pub fn connect(
        self: &Arc<Self>,
        peer: IpAddr,
        now: Instant,
    ) -> Result<ConnectionPermit, Refusal> {
        let network = Network::of(peer);
        let mut state = self.state();
        let State {
            limits,
            connections,
            addresses,
            failed_logins,
            ..
        } = &mut *state;
        if failed_logins.ban_left(network, now).is_some() {
            return Err(Refusal::Banned);
        }
        if *connections >= limits.connections {
            return Err(Refusal::Full);
        }
        count(addresses, network, limits.connections_per_address).ok_or(Refusal::AddressFull)?;
        *connections += 1;
        Ok(ConnectionPermit {
            admission: Arc::clone(self),
            network,
        })
    }

    /// Admits a session of `user`, as long as the permit lives. `limit` is the user's own, where
    /// the grant names one.
    pub fn log_in(
        self: &Arc<Self>,
        user: &str,
        limit: Option<u32>,
    ) -> Result<SessionPermit, Refusal> {
        let mut state = self.state();
        let limit = limit.unwrap_or(state.limits.sessions_per_user);
        count(&mut state.users, user.to_owned(), limit).ok_or(Refusal::UserFull)?;
        Ok(SessionPermit {
            admission: Arc::clone(self),
            user: user.to_owned(),
        })
    }

    /// Admits a transfer of `user`, of whose transfers `limit` may run at once, as long as the
    /// permit lives.
    pub fn transfer(self: &Arc<Self>, user: &str, limit: u32) -> Option<TransferPermit> {
        count(&mut self.state().transfers, user.to_owned(), limit)?;
        Some(TransferPermit {
            admission: Arc::clone(self),
            user: user.to_owned(),
        })
    }

    /// Records a failed login from `peer` and says how long its reply has to wait.
    pub fn failed_login(&self, peer: IpAddr, now: Instant) -> FailedLogin {
        let mut state = self.state();
        let State {
            limits,
            failed_logins,
            ..
        } = &mut *state;
        let limits = &limits.failed_logins;
        let address = peer.to_canonical();
        if limits.exempt.iter().any(|it| it.contains(&address)) {
            return FailedLogin::FREE;
        }
        failed_logins.record(Network::of(peer), now, limits)
    }

    /// Records a wrong password of `user` and says whether it locked the user.
    pub fn wrong_password(&self, user: &str, now: Instant) -> bool {
        let mut state = self.state();
        let State {
            limits, lockouts, ..
        } = &mut *state;
        let lockout = limits.lockout.as_ref();
        lockout.is_some_and(|limits| lockouts.record(user, now, limits))
    }

    /// Whether no password of `user` is taken now.
    pub fn is_locked(&self, user: &str, now: Instant) -> bool {
        let state = self.state();
        state.limits.lockout.is_some() && state.lockouts.is_locked(user, now)
    }

    /// How long `peer` is still banned. To be asked before each login too: an address may hold
    /// connections that it opened before the ban.
    pub fn ban_left(&self, peer: IpAddr, now: Instant) -> Option<Duration> {
        self.state().failed_logins.ban_left(Network::of(peer), now)
    }

    /// Control connections at the moment.
    pub fn connections(&self) -> u32 {
        self.state().connections
    }

    /// The counts are right after any panic: none of the sections that hold the lock can leave
    /// them half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A control connection that was admitted; given back when dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    admission: Arc<Admission>,
    network: Network,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut state = self.admission.state();
        state.connections -= 1;
        uncount(&mut state.addresses, self.network);
    }
}

/// A session that was admitted; given back when dropped.
#[derive(Debug)]
pub struct SessionPermit {
    admission: Arc<Admission>,
    user: String,
}

impl Drop for SessionPermit {
    fn drop(&mut self) {
        let user = std::mem::take(&mut self.user);
        uncount(&mut self.admission.state().users, user);
    }
}

/// A transfer that was admitted; given back when dropped.
#[derive(Debug)]
pub struct TransferPermit {
    admission: Arc<Admission>,
    user: String,
}

impl Drop for TransferPermit {
    fn drop(&mut self) {
        let user = std::mem::take(&mut self.user);
        uncount(&mut self.admission.state().transfers, user);
    }
}

/// What counts as one address: an IPv4 address, or an IPv6 /64, which is what one customer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Network(IpAddr);

impl Network {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
            }
            address => address,
        })
    }
}

/// Adds one for `key`, unless it has `limit` already.
fn count<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: K, limit: u32) -> Option<()> {
    match counts.entry(key) {
        Entry::Occupied(mut entry) if *entry.get() < limit => *entry.get_mut() += 1,
        Entry::Vacant(entry) if limit > 0 => {
            entry.insert(1);
        }
        _ => return None,
    }
    Some(())
}

/// Takes one away again. A key without a count is forgotten, so that a map is never larger than
/// the number of permits.
fn uncount<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: K) {
    if let Entry::Occupied(mut entry) = counts.entry(key) {
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(connections: u32, per_address: u32, per_user: u32) -> Arc<Admission> {
        Admission::new(&Limits {
            connections,
            connections_per_address: per_address,
            sessions_per_user: per_user,
            ..Limits::default()
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn connections_are_counted_in_all_and_per_address() {
        let (admission, now) = (admission(3, 2, 1), Instant::now());
        let connect = |peer| admission.connect(ip(peer), now);
        let one = connect("192.0.2.1").unwrap();
        let two = connect("::ffff:192.0.2.1").unwrap();
        assert_eq!(connect("192.0.2.1").unwrap_err(), Refusal::AddressFull);
        let three = connect("192.0.2.2").unwrap();
        assert_eq!(connect("192.0.2.3").unwrap_err(), Refusal::Full);
        drop(one);
        let four = connect("192.0.2.1").unwrap();
        assert_eq!(admission.connections(), 3);
        drop((two, three, four));
        assert_eq!(admission.connections(), 0);
        assert!(admission.state().addresses.is_empty());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let (admission, now) = (admission(9, 1, 1), Instant::now());
        let _one = admission.connect(ip("2001:db8:0:1::1"), now).unwrap();
        for (peer, admitted) in [
            ("2001:db8:0:1:ffff::2", false),
            ("2001:db8:0:2::1", true),
            ("::1", true),
        ] {
            assert_eq!(admission.connect(ip(peer), now).is_ok(), admitted, "{peer}");
        }
    }

    #[test]
    fn sessions_are_counted_per_user() {
        let admission = admission(9, 9, 1);
        let alice = admission.log_in("alice", None).unwrap();
        assert_eq!(
            admission.log_in("alice", None).unwrap_err(),
            Refusal::UserFull
        );
        let second = admission.log_in("alice", Some(2)).unwrap();
        let bob = admission.log_in("bob", None).unwrap();
        assert_eq!(
            admission.log_in("carol", Some(0)).unwrap_err(),
            Refusal::UserFull
        );
        drop((alice, second, bob));
        assert!(admission.state().users.is_empty());
    }

    #[test]
    fn transfers_are_counted_per_user() {
        let admission = admission(9, 9, 9);
        let one = admission.transfer("alice", 1).unwrap();
        assert!(admission.transfer("alice", 1).is_none());
        let bob = admission.transfer("bob", 1).unwrap();
        drop(one);
        let again = admission.transfer("alice", 1).unwrap();
        assert!(admission.transfer("carol", 0).is_none());
        drop((bob, again));
        assert!(admission.state().transfers.is_empty());
    }

    #[test]
    fn a_ban_closes_the_door_until_it_ends() {
        let limits = Limits::default();
        let admission = Admission::new(&limits);
        let (peer, now) = (ip("192.0.2.1"), Instant::now());
        let _before = admission.connect(peer, now).unwrap();
        for _ in 0..limits.failed_logins.count {
            admission.failed_login(peer, now);
        }
        assert_eq!(admission.connect(peer, now).unwrap_err(), Refusal::Banned);
        assert_eq!(
            admission.ban_left(peer, now),
            Some(limits.failed_logins.ban)
        );
        assert!(admission.connect(ip("192.0.2.2"), now).is_ok());
        assert!(
            admission
                .connect(peer, now + limits.failed_logins.ban)
                .is_ok()
        );
    }
}
