//! How large the parts of a multipart upload are.

/// The smallest part but the last (Amazon S3, "multipart upload limits").
pub const PART_MIN: u64 = 5 * 1024 * 1024;
/// The largest one.
pub const PART_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// The size of the part `number`, counted from 1, where the first has `first` bytes. They double
/// after every `doubling` parts, so that the largest object fits though nobody said how large it
/// would be.
pub fn size(first: u64, doubling: u32, number: u32) -> u64 {
    let doublings = (number - 1) / doubling;
    // Twenty make the smallest larger than the largest.
    first.saturating_mul(1 << doublings.min(20)).min(PART_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_object_fits_whatever_the_first_part() {
        const PARTS_MAX: u32 = 10_000;
        const LARGEST: u64 = 5 * 1024 * 1024 * 1024 * 1024;
        for first in [PART_MIN, 8 << 20, 16 << 20, 64 << 20, PART_MAX] {
            let mut total = 0;
            for number in 1..=PARTS_MAX {
                let part = size(first, 900, number);
                assert!((PART_MIN..=PART_MAX).contains(&part), "{first} {number}");
                total += part;
            }
            assert!(total >= LARGEST, "{first}: {total}");
        }
        assert_eq!(size(PART_MIN, 1, PARTS_MAX), PART_MAX);
        assert_eq!(size(8 << 20, 900, 1), 8 << 20);
        assert_eq!(size(8 << 20, 900, 900), 8 << 20);
        assert_eq!(size(8 << 20, 900, 901), 16 << 20);
    }
}
