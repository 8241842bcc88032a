//! One-time codes over time (RFC 6238): six digits, SHA-1, steps of 30 seconds.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

/// Of one step, in seconds (RFC 6238, section 4.1).
const STEP: u64 = 30;
/// Two minutes either way: more would make guessing easy.
const MAX_WINDOW: u8 = 4;
/// Of a secret as text, in bytes: four times what the largest in use have. Each step digests it,
/// and does so at once.
const MAX_SECRET: usize = 1024;

/// The step that `code` belongs to, looking `window` steps around the one of `now` (seconds since
/// 1970). Every step is computed, whichever fits.
pub fn verify(key: &[u8], code: &str, window: u8, now: u64) -> Option<u64> {
    let window = u64::from(window.min(MAX_WINDOW));
    let current = now / STEP;
    let steps = current.saturating_sub(window)..=current + window;
    steps.fold(None, |found, step| {
        let fits: bool = code_at(key, step).as_bytes().ct_eq(code.as_bytes()).into();
        if fits { Some(step) } else { found }
    })
}

/// RFC 4226, section 5.3.
fn code_at(key: &[u8], step: u64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(&step.to_be_bytes());
    let digest: [u8; 20] = mac.finalize().into_bytes().into();
    let offset = usize::from(digest[19] & 0xf);
    let [a, b, c, d] = [0, 1, 2, 3].map(|index| digest[offset + index]);
    let number = u32::from_be_bytes([a & 0x7f, b, c, d]);
    format!("{:06}", number % 1_000_000)
}

/// A secret in base32 (RFC 4648, section 6), in either case, with or without padding and spaces.
pub fn base32(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_SECRET {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut count) = (0_u32, 0);
    for character in text.bytes().filter(|&c| c != b' ' && c != b'=') {
        let value = match character.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5 | u32::from(value)) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the last six of its eight digits.
    #[test]
    fn the_vectors_of_the_rfc_verify() {
        let key = b"12345678901234567890";
        let cases = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (time, code) in cases {
            assert_eq!(verify(key, code, 0, time), Some(time / STEP), "{time}");
            assert_eq!(
                verify(key, code, 1, time + STEP),
                Some(time / STEP),
                "{time}"
            );
            assert_eq!(verify(key, code, 1, time + 2 * STEP), None, "{time}");
            assert_eq!(verify(key, &code[1..], 1, time), None, "{time}");
        }
    }

    #[test]
    fn base32_is_read_as_authenticators_write_it() {
        let key = b"12345678901234567890";
        for text in [
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            "gezd gnbv gy3t qojq gezd gnbv gy3t qojq=",
        ] {
            assert_eq!(base32(text).as_deref(), Some(&key[..]), "{text}");
        }
        assert_eq!(base32("MZXW6===").as_deref(), Some(&b"foo"[..]));
        assert_eq!(base32("1"), None);
        assert!(base32(&"A".repeat(MAX_SECRET)).is_some());
        assert_eq!(base32(&"A".repeat(MAX_SECRET + 1)), None);
        assert_eq!(base32(""), None);
    }
}
