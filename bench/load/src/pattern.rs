//! The content of every transferred file: a pseudo-random block repeated for
//! as long as the file is. Both sides can produce it from the size alone, so
//! a transfer is verified by its length and CRC-32 without any side channel.

use std::sync::OnceLock;

/// A prime just below 256 KiB: no server block size divides it, so a block
/// that is dropped, doubled or moved changes the checksum.
pub const PERIOD: usize = 262_139;

fn block() -> &'static [u8] {
    static BLOCK: OnceLock<Vec<u8>> = OnceLock::new();
    BLOCK.get_or_init(|| {
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .take(PERIOD)
        .collect()
    })
}

/// The bytes from `offset` up to the end of the period or of the file.
pub fn chunk(offset: u64, size: u64) -> &'static [u8] {
    let start = (offset % PERIOD as u64) as usize;
    let len = (size - offset).min((PERIOD - start) as u64) as usize;
    &block()[start..start + len]
}

/// The CRC-32 of a file of `size` bytes.
pub fn crc(size: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let mut offset = 0;
    while offset < size {
        let part = chunk(offset, size);
        hasher.update(part);
        offset += part.len() as u64;
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_make_up_a_file_whose_checksum_is_known() {
        let period = PERIOD as u64;
        for size in [0, 1, period - 1, period, period + 1, 3 * period + 7] {
            let mut file = Vec::new();
            while (file.len() as u64) < size {
                file.extend_from_slice(chunk(file.len() as u64, size));
            }
            assert_eq!(file.len() as u64, size);
            assert_eq!(crc32fast::hash(&file), crc(size), "{size}");
            assert!(
                file.iter()
                    .skip(PERIOD)
                    .eq(file.iter().take(file.len().saturating_sub(PERIOD)))
            );
        }
    }
}
