//! How large the parts of a multipart upload are.

/// The smallest part but the last (Amazon S3, "multipart upload limits").
pub const PART_MIN: u64 = 5 * 1024 * 1024;
/// The largest one.
pub const PART_MAX: u64 = 5 * 1024 * 1024 * 1024;
/// After so many parts they double, so that the largest object fits though nobody said how large
/// it would be.
const STEP: u32 = 900;

/// The size of the part `number`, counted from 1, where the first has `first` bytes.
pub fn size(first: u64, number: u32) -> u64 {
    let doublings = (number - 1) / STEP;
    first
        .checked_shl(doublings)
        .unwrap_or(PART_MAX)
        .clamp(PART_MIN, PART_MAX)
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
                let part = size(first, number);
                assert!((PART_MIN..=PART_MAX).contains(&part), "{first} {number}");
                total += part;
            }
            assert!(total >= LARGEST, "{first}: {total}");
        }
        assert_eq!(size(8 << 20, 1), 8 << 20);
        assert_eq!(size(8 << 20, 900), 8 << 20);
        assert_eq!(size(8 << 20, 901), 16 << 20);
    }
}
