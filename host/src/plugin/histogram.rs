//! Counts durations, so that their quantiles can be told without keeping them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Each power of two is divided into so many buckets: a quantile is off by at most an eighth.
const SUBDIVISIONS: usize = 8;
const SUBDIVISION_BITS: u32 = SUBDIVISIONS.ilog2();
/// The longest that is told apart: 2^39 ns are nine minutes, and the longest deadline is five.
const LONGEST_BITS: u32 = 39;
const BUCKETS: usize = (LONGEST_BITS - SUBDIVISION_BITS + 1) as usize * SUBDIVISIONS;

/// Durations by their order of magnitude, 2.3 KiB. Counting takes one atomic addition.
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }
}

impl Histogram {
    /// Counts one.
    pub fn record(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanoseconds)].fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted until now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            buckets: self
                .buckets
                .each_ref()
                .map(|count| count.load(Ordering::Relaxed)),
        }
    }
}

/// What a histogram held at one time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    buckets: [u64; BUCKETS],
}

impl Snapshot {
    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// What `share` (0 to 1) of all did not exceed; none if there are none.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((count as f64 * share).ceil() as u64).clamp(1, count);
        let mut below = 0;
        let bucket = self.buckets.iter().position(|count| {
            below += count;
            below >= rank
        })?;
        Some(Duration::from_nanos(upper_bound(bucket)))
    }
}

/// The bucket of a duration: those of an eighth of a power of two are one.
fn bucket(nanoseconds: u64) -> usize {
    let bits = nanoseconds.max(1).ilog2();
    if bits < SUBDIVISION_BITS {
        return usize::try_from(nanoseconds).unwrap_or(0);
    }
    if bits >= LONGEST_BITS {
        return BUCKETS - 1;
    }
    let power = (bits - SUBDIVISION_BITS + 1) as usize;
    let eighth = (nanoseconds >> (bits - SUBDIVISION_BITS)) as usize % SUBDIVISIONS;
    power * SUBDIVISIONS + eighth
}

/// The longest duration of a bucket, in nanoseconds.
fn upper_bound(bucket: usize) -> u64 {
    let (power, eighth) = (bucket / SUBDIVISIONS, (bucket % SUBDIVISIONS) as u64);
    match power {
        0 => eighth,
        _ => ((SUBDIVISIONS as u64 + eighth + 1) << (power - 1)) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_without_gaps() {
        assert_eq!(bucket(0), 0);
        for index in 0..BUCKETS - 1 {
            let last = upper_bound(index);
            assert_eq!(bucket(last), index, "{last}");
            assert_eq!(bucket(last + 1), index + 1, "{last}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert!(upper_bound(BUCKETS - 1) > 300 * 1_000_000_000);
    }

    #[test]
    fn quantiles_are_off_by_an_eighth_at_most() {
        let histogram = Histogram::default();
        assert_eq!(histogram.snapshot().quantile(0.5), None);
        for microseconds in 1..=1000 {
            histogram.record(Duration::from_micros(microseconds));
        }
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.count(), 1000);
        for (share, exact) in [(0.0, 1), (0.5, 500), (0.99, 990), (1.0, 1000)] {
            let exact = Duration::from_micros(exact);
            let told = snapshot.quantile(share).unwrap();
            assert!(told >= exact && told <= exact.mul_f64(1.125), "{told:?}");
        }
    }

    #[test]
    fn what_is_too_long_to_tell_is_counted_all_the_same() {
        let histogram = Histogram::default();
        histogram.record(Duration::MAX);
        assert!(histogram.snapshot().quantile(1.0) > Some(Duration::from_mins(5)));
    }
}
