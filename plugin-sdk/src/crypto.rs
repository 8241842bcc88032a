//! Cryptography that the host does natively, outside the plugin's own budget.

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

/// Whether `a` and `b` are the same bytes, in a time that depends on their lengths only.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    host::equal(a, b)
}
