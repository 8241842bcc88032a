//! Cryptography.

pub(crate) use crate::wasm::bindings::wharf::plugin::crypto::{equal, random};

use crate::Failure;
use crate::crypto::Algorithm;
use crate::wasm::bindings::wharf::plugin::crypto::{self, Error};

pub(crate) fn verify_password(encoded: &str, password: &str) -> Result<bool, Failure> {
    Ok(crypto::verify_password(encoded, password)?)
}

pub(crate) fn inspect_password(encoded: &str) -> Result<String, String> {
    crypto::inspect_password(encoded).map_err(text)
}

pub(crate) fn hash_password(password: &str) -> Result<String, Failure> {
    Ok(crypto::hash_password(password)?)
}

pub(crate) fn verify_totp(secret: &str, code: &str, window: u8) -> Result<Option<u64>, Failure> {
    Ok(crypto::verify_totp(secret, code, window)?)
}

pub(crate) fn digest(algorithm: Algorithm, data: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(crypto::digest(algorithm.name(), data)?)
}

pub(crate) fn hmac(algorithm: Algorithm, key: &[u8], data: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(crypto::hmac(algorithm.name(), key, data)?)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Busy => Self::Unavailable(text(error)),
            Error::Unsupported(_) | Error::Malformed(_) | Error::TooCostly(_) => {
                Self::Misconfigured(text(error))
            }
        }
    }
}

/// What is wrong, in words.
fn text(error: Error) -> String {
    match error {
        Error::Unsupported(why) | Error::Malformed(why) | Error::TooCostly(why) => why,
        Error::Busy => "the host is busy with passwords".into(),
    }
}
