//! A limit on how many bytes travel in a second.

use std::thread;
use std::time::{Duration, Instant};

/// Keeps one transfer at or below its bandwidth.
pub(super) struct Pace {
    bytes_per_second: Option<u64>,
    began: Instant,
    moved: u64,
}

impl Pace {
    pub(super) fn new(bytes_per_second: Option<u64>) -> Self {
        Self {
            bytes_per_second,
            began: Instant::now(),
            moved: 0,
        }
    }

    /// How many of `largest` bytes to move before the next [`Self::moved`]: at most a tenth of a
    /// second's worth, so that an abort is noticed soon.
    pub(super) fn block(&self, largest: usize) -> usize {
        let Some(rate) = self.bytes_per_second else {
            return largest;
        };
        usize::try_from(rate / 10)
            .unwrap_or(largest)
            .clamp(1, largest)
    }

    /// Rest until `bytes` more fit the limit.
    #[expect(
        clippy::disallowed_methods,
        reason = "transfers run on blocking threads, never on the reactor"
    )]
    pub(super) fn moved(&mut self, bytes: usize) {
        let Some(rate) = self.bytes_per_second else {
            return;
        };
        self.moved += bytes as u64;
        let due = due(self.moved, rate);
        if let Some(rest) = due.checked_sub(self.began.elapsed()) {
            thread::sleep(rest);
        }
    }
}

/// How long `moved` bytes take at `rate` bytes a second.
fn due(moved: u64, rate: u64) -> Duration {
    let nanoseconds = u128::from(moved) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_their_time() {
        for (moved, rate, milliseconds) in [(0, 1, 0), (5, 1, 5000), (1 << 40, 1 << 30, 1_024_000)]
        {
            assert_eq!(due(moved, rate), Duration::from_millis(milliseconds));
        }
        assert_eq!(due(u64::MAX, 0), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn a_block_is_a_tenth_of_a_second() {
        for (rate, block) in [
            (None, 4096),
            (Some(10), 1),
            (Some(1), 1),
            (Some(0), 1),
            (Some(1000), 100),
        ] {
            assert_eq!(Pace::new(rate).block(4096), block, "{rate:?}");
        }
        assert_eq!(Pace::new(Some(u64::MAX)).block(4096), 4096);
    }
}
