//! Cryptography that the host does natively, outside the plugin's own budget.

use std::fmt::Write as _;

use crate::{Failure, Password, host};

/// Whether `password` is the one that `encoded` was made from, in constant time.
///
/// The host knows PHC strings of argon2id, argon2i and pbkdf2-sha256, crypt(3) strings of bcrypt,
/// SHA-256 and SHA-512, and `$aioftps3$SALT$HASH`.
///
/// # Errors
/// [`Failure::Misconfigured`] if the host cannot use `encoded`, [`Failure::Unavailable`] if it is
/// too busy.
pub fn verify_password(encoded: &str, password: &Password) -> Result<bool, Failure> {
    host::verify_password(encoded, password.expose())
}

/// How `encoded` was made, if [`verify_password`] can use it: what takes the same time to verify
/// has the same text. It costs no time, and tells nothing of the password.
///
/// # Errors
/// Why the host cannot use it, in words.
pub fn inspect_password(encoded: &str) -> Result<String, String> {
    host::inspect_password(encoded)
}

/// Encodes a password, as a PHC string of argon2id.
///
/// # Errors
/// [`Failure::Unavailable`] if the host is too busy.
pub fn hash_password(password: &Password) -> Result<String, Failure> {
    host::hash_password(password.expose())
}

/// The step of time that a code of six digits belongs to (RFC 6238, SHA-1, steps of 30 s), looking
/// `window` steps either way and at most 4. Remember the step and take no code twice.
///
/// # Errors
/// [`Failure::Misconfigured`] if the secret is not base32.
pub fn verify_totp(secret: &str, code: &str, window: u8) -> Result<Option<u64>, Failure> {
    host::verify_totp(secret, code, window)
}

/// A digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// For comparing with what others computed; broken for anything else. Not for [`hmac()`].
    Md5,
    /// The same, and for [`hmac()`] where a service wants it.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-512/256, of which only a digest is made.
    Sha512_256,
}

impl Algorithm {
    /// The name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Sha512_256 => "sha512-256",
        }
    }
}

/// The digest of `data`.
///
/// # Errors
/// The host does not do it.
pub fn digest(algorithm: Algorithm, data: &[u8]) -> Result<Vec<u8>, Failure> {
    host::digest(algorithm, data)
}

/// The keyed digest of `data` (RFC 2104).
///
/// # Errors
/// The host does not do it: not with [`Algorithm::Md5`] and [`Algorithm::Sha512_256`].
pub fn hmac(algorithm: Algorithm, key: &[u8], data: &[u8]) -> Result<Vec<u8>, Failure> {
    host::hmac(algorithm, key, data)
}

/// Bytes that nobody can guess; at most 64 KiB, fewer are returned for more.
pub fn random(length: u32) -> Vec<u8> {
    host::random(length)
}

/// Whether `a` and `b` are the same bytes, in a time that depends on their lengths only.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    host::equal(a, b)
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes whatever is written");
        text
    })
}
