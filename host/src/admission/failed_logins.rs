//! Failed logins per address: a growing delay, then a ban.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Network;
use super::room::make_room;
use crate::config;
use crate::limits;

/// What a failed login costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedLogin {
    /// How long the reply waits.
    pub delay: Duration,
    /// The address is banned from now on: the connection is closed after the reply.
    pub banned: bool,
}

impl FailedLogin {
    /// Nothing: where the address stands for many, or nobody guessed.
    pub const FREE: Self = Self {
        delay: Duration::ZERO,
        banned: false,
    };
}

/// The addresses from which logins failed, at most [`limits::FAILED_LOGIN_ADDRESSES`].
///
/// A login that succeeds changes nothing: whoever owns one account could otherwise guess at
/// another's password for ever.
#[derive(Debug, Default)]
pub(super) struct FailedLogins {
    addresses: HashMap<Network, Failures>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    /// When they are forgotten: the end of the window, or of the ban.
    until: Instant,
    banned: bool,
}

impl FailedLogins {
    /// Counts one more failure.
    pub(super) fn record(
        &mut self,
        network: Network,
        now: Instant,
        limits: &config::FailedLogins,
    ) -> FailedLogin {
        if !self.addresses.contains_key(&network) {
            make_room(
                &mut self.addresses,
                limits::FAILED_LOGIN_ADDRESSES,
                |it| it.until <= now,
                |it| it.until,
            );
        }
        let fresh = Failures {
            count: 0,
            until: now + limits.window,
            banned: false,
        };
        let failures = self.addresses.entry(network).or_insert(fresh);
        if failures.until <= now {
            *failures = fresh;
        }
        failures.count = failures.count.saturating_add(1);
        if failures.count >= limits.count && !failures.banned {
            failures.banned = true;
            failures.until = now + limits.ban;
        }
        FailedLogin {
            delay: delay(failures.count),
            banned: failures.banned,
        }
    }

    /// What is left of a ban.
    pub(super) fn ban_left(&self, network: Network, now: Instant) -> Option<Duration> {
        let failures = self
            .addresses
            .get(&network)
            .filter(|failures| failures.banned)?;
        failures
            .until
            .checked_duration_since(now)
            .filter(|left| !left.is_zero())
    }
}

/// Doubles with each failure.
fn delay(failures: u32) -> Duration {
    limits::FAILED_LOGIN_DELAY_FIRST
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(limits::FAILED_LOGIN_DELAY_MAX)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    const LIMITS: config::FailedLogins = config::FailedLogins {
        count: 3,
        window: Duration::from_secs(600),
        ban: Duration::from_secs(1800),
        exempt: Vec::new(),
    };

    fn network(number: u32) -> Network {
        Network::of(IpAddr::V4(Ipv4Addr::from_bits(number)))
    }

    #[test]
    fn the_delay_grows_and_then_the_address_is_banned() {
        let (mut failed, now) = (FailedLogins::default(), Instant::now());
        for (delay_ms, banned) in [(500, false), (1000, false), (2000, true), (4000, true)] {
            let delay = Duration::from_millis(delay_ms);
            assert_eq!(
                failed.record(network(1), now, &LIMITS),
                FailedLogin { delay, banned }
            );
        }
        assert_eq!(failed.ban_left(network(1), now), Some(LIMITS.ban));
        assert_eq!(failed.ban_left(network(2), now), None);
        assert_eq!(delay(u32::MAX), limits::FAILED_LOGIN_DELAY_MAX);
    }

    #[test]
    fn failures_are_forgotten_with_the_window_and_the_ban() {
        let (mut failed, now) = (FailedLogins::default(), Instant::now());
        failed.record(network(1), now, &LIMITS);
        failed.record(network(1), now, &LIMITS);
        let later = now + LIMITS.window;
        assert!(!failed.record(network(1), later, &LIMITS).banned);
        failed.record(network(1), later, &LIMITS);
        assert!(failed.record(network(1), later, &LIMITS).banned);
        let end = later + LIMITS.ban;
        assert_eq!(
            failed
                .ban_left(network(1), end - Duration::from_secs(1))
                .unwrap()
                .as_secs(),
            1
        );
        assert_eq!(failed.ban_left(network(1), end), None);
        assert!(!failed.record(network(1), end, &LIMITS).banned);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_latest() {
        let (mut failed, now) = (FailedLogins::default(), Instant::now());
        let addresses = u32::try_from(limits::FAILED_LOGIN_ADDRESSES).unwrap() + 100;
        for number in 0..addresses {
            let now = now + Duration::from_millis(number.into());
            failed.record(network(number), now, &LIMITS);
        }
        assert!(failed.addresses.len() <= limits::FAILED_LOGIN_ADDRESSES);
        assert!(!failed.addresses.contains_key(&network(0)));
        assert!(failed.addresses.contains_key(&network(addresses - 1)));
        assert!(failed.addresses.len() > limits::FAILED_LOGIN_ADDRESSES / 8 * 7);
    }

    #[test]
    fn old_failures_make_room_first() {
        let (mut failed, now) = (FailedLogins::default(), Instant::now());
        for number in 0..u32::try_from(limits::FAILED_LOGIN_ADDRESSES).unwrap() {
            failed.record(network(number), now, &LIMITS);
        }
        failed.record(network(u32::MAX), now + LIMITS.window, &LIMITS);
        assert_eq!(failed.addresses.len(), 1);
    }
}
