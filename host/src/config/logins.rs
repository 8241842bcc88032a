//! What logins that fail cost: `[limits] failed-logins` an address, `[limits] lockout` a user.

use std::time::Duration;

use ipnet::IpNet;

use super::section::Section;

/// `limits.failed-logins`: `count` failures within `window` ban the address for `ban`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedLogins {
    /// How many failures are too many.
    pub count: u32,
    /// The time within which they are counted.
    pub window: Duration,
    /// How long connections from that address are refused.
    pub ban: Duration,
    /// Addresses that stand for many clients, such as a balancer's: not counted, not delayed.
    pub exempt: Vec<IpNet>,
}

impl Default for FailedLogins {
    fn default() -> Self {
        Self {
            count: 5,
            window: Duration::from_mins(10),
            ban: Duration::from_mins(30),
            exempt: Vec::new(),
        }
    }
}

impl FailedLogins {
    pub(super) fn read(&mut self, section: &mut Section<'_, '_>) {
        section.positive("count", &mut self.count);
        section.positive("window", &mut self.window);
        section.positive("ban", &mut self.ban);
        self.exempt = section.list("exempt");
    }
}

/// `limits.lockout`: `count` failures, none more than `window` behind the one before, lock the
/// user for `duration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// How many failures are too many.
    pub count: u32,
    /// How long failures are counted; each further one counts them all as long again.
    pub window: Duration,
    /// How long no password of the user is taken.
    pub duration: Duration,
}

impl Default for Lockout {
    fn default() -> Self {
        Self {
            count: 6,
            window: Duration::from_hours(24),
            duration: Duration::from_mins(30),
        }
    }
}

impl Lockout {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let mut lockout = Self::default();
        section.positive("count", &mut lockout.count);
        section.positive("window", &mut lockout.window);
        section.positive("duration", &mut lockout.duration);
        lockout
    }
}
