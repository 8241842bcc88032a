//! What a plugin may log over time: a bucket that fills steadily, and out of which each line takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use ::metrics::Counter;

use super::TARGET;
use crate::metrics;

/// What the host adds to each line in bytes: the time, the level, the names, the session.
const BESIDES: usize = 160;
/// What may be logged at once is what the rate gives in this time: a start or a bad minute of a
/// plugin that logs little otherwise is told in full.
const BURST: Duration = Duration::from_mins(1);

/// The bucket of one plugin, whatever becomes of its instances and generations.
#[derive(Debug)]
pub struct LogAllowance {
    plugin: String,
    /// When the rate will have made up for all that was logged.
    made_up: Mutex<Instant>,
    /// Lines left out that were not told yet.
    left_out: AtomicU64,
    /// All of them. Whoever floods the log does so fast.
    counter: OnceLock<Counter>,
}

impl LogAllowance {
    /// Nothing logged yet by `plugin`.
    pub fn new(plugin: &str) -> Self {
        Self {
            plugin: plugin.to_owned(),
            made_up: Mutex::new(Instant::now()),
            left_out: AtomicU64::new(0),
            counter: OnceLock::new(),
        }
    }

    /// Whether a line of `bytes` may be logged where `rate` bytes a second may; then it counts.
    pub fn admits(&self, bytes: usize, rate: u64) -> bool {
        let mut made_up = self.made_up.lock().unwrap_or_else(PoisonError::into_inner);
        let after = made_up_after(bytes + BESIDES, rate, *made_up, Instant::now());
        *made_up = after.unwrap_or(*made_up);
        after.is_some()
    }

    /// Counts a line that is not logged, and tells the operator of the first one.
    pub fn leave_out(&self) {
        let counter = || metrics::plugin_log_lines_left_out(&self.plugin);
        self.counter.get_or_init(counter).increment(1);
        if self.left_out.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(
                target: TARGET,
                plugin = self.plugin,
                "the plugin logs too much, and lines of it are left out"
            );
        }
    }

    /// Tells how many lines were left out since this was last called. To be called every minute.
    pub fn tell_left_out(&self) {
        let lines = self.left_out.swap(0, Ordering::Relaxed);
        if lines > 0 {
            tracing::warn!(
                target: TARGET,
                plugin = self.plugin,
                lines,
                "so many log lines of the plugin were left out"
            );
        }
    }
}

/// When the rate will have made up for `bytes` more at `now`, if that is soon enough.
fn made_up_after(bytes: usize, rate: u64, made_up: Instant, now: Instant) -> Option<Instant> {
    let nanoseconds = (bytes as u64).saturating_mul(1_000_000_000) / rate.max(1);
    let after = made_up.max(now) + Duration::from_nanos(nanoseconds);
    (after - now <= BURST).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_may_come_at_once_and_then_as_much_as_the_rate_gives() {
        let begin = Instant::now();
        let mut made_up = begin;
        let mut logged = |lines: usize, seconds: u64| {
            let now = begin + Duration::from_secs(seconds);
            let mut logged = 0;
            for _ in 0..lines {
                if let Some(after) = made_up_after(200, 100, made_up, now) {
                    (made_up, logged) = (after, logged + 1);
                }
            }
            logged
        };
        assert_eq!(logged(1000, 0), 30);
        assert_eq!(logged(1000, 1), 0);
        assert_eq!(logged(1000, 2), 1);
        assert_eq!(logged(1000, 12), 5);
        assert_eq!(logged(10, 3600), 10);
        assert_eq!(logged(1000, 3600), 20, "what was not used is not added up");
    }
}
