//! Failed logins per user: too many, from wherever they come, lock the user for a while.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use super::room::make_room;
use crate::config::Lockout;
use crate::limits;

/// The users whose logins failed, at most [`limits::LOCKOUT_USERS`], whether there are such users
/// or not: who is locked tells nothing of who exists.
///
/// A login that succeeds changes nothing: a device that logs in each minute would otherwise let a
/// stranger guess its password for ever.
#[derive(Debug, Default)]
pub(super) struct Lockouts {
    /// By what stands for a name, so that long names take no more room. The key of the hash is
    /// random: nobody can look for a name that is taken for another.
    users: HashMap<u64, Failures>,
    names: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    /// When they are forgotten.
    until: Instant,
    locked_until: Option<Instant>,
}

impl Failures {
    fn is_locked(&self, now: Instant) -> bool {
        self.locked_until.is_some_and(|until| until > now)
    }
}

impl Lockouts {
    /// Counts one more failure and says whether it locked the user. One of a locked user does not
    /// count: whoever goes on trying does not hold the lock for ever.
    pub(super) fn record(&mut self, user: &str, now: Instant, limits: &Lockout) -> bool {
        let name = self.name(user);
        if !self.users.contains_key(&name) {
            make_room(
                &mut self.users,
                limits::LOCKOUT_USERS,
                |it| it.until <= now && !it.is_locked(now),
                // Names that were tried once go before those that somebody guesses at.
                |it| (it.is_locked(now), it.count, it.until),
            );
        }
        let none = Failures {
            count: 0,
            until: now,
            locked_until: None,
        };
        let failures = self.users.entry(name).or_insert(none);
        if failures.is_locked(now) {
            return false;
        }
        if failures.until <= now {
            *failures = none;
        }
        failures.count = failures.count.saturating_add(1);
        failures.until = now + limits.window;
        let locks = failures.count >= limits.count;
        failures.locked_until = locks.then(|| now + limits.duration);
        locks
    }

    /// Whether no password of `user` is taken now.
    pub(super) fn is_locked(&self, user: &str, now: Instant) -> bool {
        let failures = self.users.get(&self.name(user));
        failures.is_some_and(|failures| failures.is_locked(now))
    }

    /// What stands for `user`, however it is spelled: where an authenticator takes `Bob` for `bob`,
    /// each spelling would otherwise be guesses of its own.
    fn name(&self, user: &str) -> u64 {
        self.names.hash_one(user.trim().to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: Lockout = Lockout {
        count: 3,
        window: Duration::from_secs(600),
        duration: Duration::from_secs(1800),
    };

    fn fail(lockouts: &mut Lockouts, times: u32, now: Instant) -> Vec<bool> {
        (0..times)
            .map(|_| lockouts.record("alice", now, &LIMITS))
            .collect()
    }

    #[test]
    fn a_user_is_locked_and_no_other() {
        let (mut lockouts, now) = (Lockouts::default(), Instant::now());
        assert_eq!(fail(&mut lockouts, 4, now), [false, false, true, false]);
        assert!(lockouts.is_locked("alice", now));
        assert!(!lockouts.is_locked("bob", now));
        let end = now + LIMITS.duration;
        assert!(lockouts.is_locked("alice", end - Duration::from_millis(1)));
        assert!(!lockouts.is_locked("alice", end));
    }

    #[test]
    fn a_name_is_the_same_however_it_is_spelled() {
        let (mut lockouts, now) = (Lockouts::default(), Instant::now());
        let spelled = ["Zoë", " zoë", "ZOË "];
        let locked = spelled.map(|user| lockouts.record(user, now, &LIMITS));
        assert_eq!(locked, [false, false, true]);
        for (user, expected) in [
            ("zoë", true),
            ("zOË", true),
            ("zoe", false),
            ("z oë", false),
        ] {
            assert_eq!(lockouts.is_locked(user, now), expected, "{user:?}");
        }
    }

    #[test]
    fn a_failure_while_locked_does_not_hold_the_lock() {
        let (mut lockouts, now) = (Lockouts::default(), Instant::now());
        fail(&mut lockouts, 3, now);
        let late = now + LIMITS.duration - Duration::from_secs(1);
        fail(&mut lockouts, 9, late);
        assert!(!lockouts.is_locked("alice", now + LIMITS.duration));
    }

    #[test]
    fn each_failure_begins_the_window_anew() {
        let (mut lockouts, now) = (Lockouts::default(), Instant::now());
        let step = LIMITS.window - Duration::from_secs(1);
        let locked: Vec<bool> = (0..3)
            .flat_map(|n| fail(&mut lockouts, 1, now + step * n))
            .collect();
        assert_eq!(locked, [false, false, true]);
        let (mut lockouts, step) = (Lockouts::default(), LIMITS.window);
        for n in 0..9 {
            assert_eq!(fail(&mut lockouts, 1, now + step * n), [false]);
        }
    }

    #[test]
    fn a_million_names_neither_fill_it_nor_free_whom_it_locks() {
        let (mut lockouts, now) = (Lockouts::default(), Instant::now());
        fail(&mut lockouts, 3, now);
        let guessed_at = lockouts.record("bob", now, &LIMITS);
        lockouts.record("bob", now, &LIMITS);
        assert!(!guessed_at);
        for number in 0..1_000_000 {
            lockouts.record(&format!("name {number}"), now, &LIMITS);
        }
        assert!(lockouts.users.len() <= limits::LOCKOUT_USERS);
        assert!(lockouts.is_locked("alice", now));
        assert!(lockouts.record("bob", now, &LIMITS), "bob's were forgotten");
    }
}
