//! How large the parts of a multipart upload are.

use super::memory;
use crate::config::S3Sink;

/// The smallest part but the last (Amazon S3, "multipart upload limits").
pub const PART_MIN: u64 = 5 * 1024 * 1024;
/// The largest one.
pub const PART_MAX: u64 = 5 * 1024 * 1024 * 1024;
/// How many parts an upload has at most.
pub const PARTS_MAX: u32 = 10_000;
/// The largest object.
pub const OBJECT_MAX: u64 = 5 * 1024 * 1024 * 1024 * 1024;

/// How parts grow, since nobody says how large a file will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    first: u64,
    doubling: u32,
    most: u64,
}

impl Growth {
    /// As it is configured: parts double after some of them, as far as the memory of all transfers
    /// holds one.
    pub fn new(settings: &S3Sink) -> Self {
        let first = settings.part_size;
        Self {
            first,
            doubling: settings.part_doubling,
            most: memory::largest(settings.memory).clamp(first, PART_MAX),
        }
    }

    /// The bytes of the part `number`, counted from 1.
    pub fn part(&self, number: u32) -> u64 {
        let doublings = (number - 1) / self.doubling;
        // Twenty make the smallest larger than the largest.
        let grown = self.first.saturating_mul(1 << doublings.min(20));
        grown.min(self.most)
    }

    /// The bytes of the largest file.
    pub fn file_max(&self) -> u64 {
        let parts = (1..=PARTS_MAX).map(|number| self.part(number));
        parts.sum::<u64>().min(OBJECT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(part_size: u64, memory: u64) -> Growth {
        let mut settings = S3Sink::new("bucket".to_owned());
        (settings.part_size, settings.memory) = (part_size, memory);
        Growth::new(&settings)
    }

    #[test]
    fn the_largest_object_fits_whatever_the_first_part() {
        let memory = S3Sink::new("bucket".to_owned()).memory;
        for first in [PART_MIN, 8 << 20, 16 << 20, 64 << 20, PART_MAX] {
            // The smallest first part needs more than the default.
            let memory = memory.max(memory * (8 << 20) / first);
            let growth = growth(first, memory);
            let mut parts = (1..=PARTS_MAX).map(|number| growth.part(number));
            assert!(
                parts.all(|part| (PART_MIN..=PART_MAX).contains(&part)),
                "{first}"
            );
            assert_eq!(growth.file_max(), OBJECT_MAX, "{first}");
        }
    }

    #[test]
    fn parts_double_as_far_as_the_memory_holds_one() {
        const MIB: u64 = 1 << 20;
        let growth = growth(8 * MIB, 65 * MIB);
        for (number, expected) in [
            (1, 8 * MIB),
            (800, 8 * MIB),
            (801, 16 * MIB),
            (2400, 32 * MIB),
            (2401, 64 * MIB),
            (3201, 65 * MIB - 256 * 1024),
            (PARTS_MAX, 65 * MIB - 256 * 1024),
        ] {
            assert_eq!(growth.part(number), expected, "{number}");
        }
        let sum: u64 = 800 * (8 + 16 + 32 + 64) * MIB + 6800 * (65 * MIB - 256 * 1024);
        assert_eq!(growth.file_max(), sum);
    }
}
