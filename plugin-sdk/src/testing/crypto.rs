//! Digests and codes, which are computed, and passwords, which are only compared.

use std::cell::{Cell, RefCell};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

thread_local! {
    static VERIFIED: RefCell<Vec<String>> = RefCell::default();
    static RANDOM: Cell<u64> = const { Cell::new(0) };
}

/// Of one step of one-time codes, in milliseconds (RFC 6238, section 4.1).
const STEP_MS: u64 = 30_000;

/// Takes the encoded passwords that were checked so far, right or wrong.
pub fn verified() -> Vec<String> {
    VERIFIED.take()
}

/// The code of six digits that an authenticator with this secret shows now.
///
/// # Panics
/// If the secret is not base32.
pub fn totp(secret_base32: &str) -> String {
    let key = base32(secret_base32).expect("the secret is base32");
    code_at(&key, super::host::now_ms() / STEP_MS)
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

/// Base32 (RFC 4648, section 6), in either case, with or without padding and spaces.
fn base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
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

pub(super) mod host {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use md5::Md5;
    use sha1::Sha1;
    use sha2::{Digest as _, Sha256, Sha512, Sha512_256};

    use super::{RANDOM, STEP_MS, VERIFIED, base32, code_at};
    use crate::Failure;
    use crate::crypto::Algorithm;
    use crate::testing::host::now_ms;

    pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
        a == b
    }

    pub(crate) fn verify_password(encoded: &str, password: &str) -> Result<bool, Failure> {
        VERIFIED.with_borrow_mut(|verified| verified.push(encoded.to_owned()));
        let unknown = || Failure::Misconfigured("unknown form of a password".into());
        let (_, expected) = encoded.rsplit_once('$').ok_or_else(unknown)?;
        Ok(expected == password)
    }

    pub(crate) fn inspect_password(encoded: &str) -> Result<String, String> {
        let parts: Vec<&str> = encoded.split('$').collect();
        match parts[..] {
            ["", scheme, .., password] if !password.is_empty() => Ok(scheme.to_owned()),
            _ => Err("this form of password hash is not known".to_owned()),
        }
    }

    pub(crate) fn hash_password(password: &str) -> Result<String, Failure> {
        Ok(format!("$argon2id$salt${password}"))
    }

    pub(crate) fn verify_totp(
        secret: &str,
        code: &str,
        window: u8,
    ) -> Result<Option<u64>, Failure> {
        let malformed = || Failure::Misconfigured("the secret is not base32".into());
        let key = base32(secret).ok_or_else(malformed)?;
        let (now, window) = (now_ms() / STEP_MS, u64::from(window.min(4)));
        let mut steps = now.saturating_sub(window)..=now + window;
        Ok(steps.find(|step| code_at(&key, *step) == code))
    }

    pub(crate) fn digest(algorithm: Algorithm, data: &[u8]) -> Result<Vec<u8>, Failure> {
        Ok(match algorithm {
            Algorithm::Md5 => Md5::digest(data).to_vec(),
            Algorithm::Sha1 => Sha1::digest(data).to_vec(),
            Algorithm::Sha256 => Sha256::digest(data).to_vec(),
            Algorithm::Sha512 => Sha512::digest(data).to_vec(),
            Algorithm::Sha512_256 => Sha512_256::digest(data).to_vec(),
        })
    }

    pub(crate) fn hmac(algorithm: Algorithm, key: &[u8], data: &[u8]) -> Result<Vec<u8>, Failure> {
        const ANY: &str = "HMAC takes keys of any length";
        Ok(match algorithm {
            Algorithm::Md5 | Algorithm::Sha512_256 => {
                let name = algorithm.name();
                return Err(Failure::Misconfigured(format!(
                    "there is no HMAC with {name}"
                )));
            }
            Algorithm::Sha1 => {
                let mac = Hmac::<Sha1>::new_from_slice(key).expect(ANY);
                mac.chain_update(data).finalize().into_bytes().to_vec()
            }
            Algorithm::Sha256 => {
                let mac = Hmac::<Sha256>::new_from_slice(key).expect(ANY);
                mac.chain_update(data).finalize().into_bytes().to_vec()
            }
            Algorithm::Sha512 => {
                let mac = Hmac::<Sha512>::new_from_slice(key).expect(ANY);
                mac.chain_update(data).finalize().into_bytes().to_vec()
            }
        })
    }

    /// A digest of how often it was asked: no two answers alike, and the same in every run.
    pub(crate) fn random(length: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let wanted = length.min(64 * 1024) as usize;
        while bytes.len() < wanted {
            let count = RANDOM.replace(RANDOM.get() + 1);
            bytes.extend_from_slice(&Sha256::digest(count.to_be_bytes()));
        }
        bytes.truncate(wanted);
        bytes
    }
}
