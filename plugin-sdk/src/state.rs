//! Small values that all instances of the plugin share, that outlive the host, and that no other
//! plugin sees: `[allow] state`.

use std::fmt;
use std::time::Duration;

use crate::{Failure, host};

/// The value of `key`.
///
/// # Errors
/// See [`Error`].
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    host::state_get(key)
}

/// Sets `key`, for so long in whole seconds or, with `None`, for good.
///
/// # Errors
/// See [`Error`].
pub fn set(key: &str, value: &[u8], lifetime: Option<Duration>) -> Result<(), Error> {
    host::state_set(key, value, lifetime.map(seconds))
}

/// Removes `key`; it need not be there.
///
/// # Errors
/// See [`Error`].
pub fn remove(key: &str) -> Result<(), Error> {
    host::state_remove(key)
}

/// Adds to the number at `key`, whoever else does, and returns the sum. A missing key begins at 0,
/// with the lifetime, which is not prolonged.
///
/// # Errors
/// See [`Error`].
pub fn increment(key: &str, by: i64, lifetime: Option<Duration>) -> Result<i64, Error> {
    host::state_increment(key, by, lifetime.map(seconds))
}

/// Sets `key` if its value is `expected`, whoever else does; `None` is a missing key. Whether it
/// was.
///
/// # Errors
/// See [`Error`].
pub fn swap(key: &str, expected: Option<&[u8]>, value: &[u8]) -> Result<bool, Error> {
    host::state_swap(key, expected, value)
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The operator did not allow it.
    NotGranted,
    /// The key or the value is too large.
    TooLarge,
    /// All that the operator allowed is used up.
    Quota,
    /// The store failed.
    Unavailable(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGranted => f.write_str("`[allow] state` is missing"),
            Self::TooLarge => f.write_str("a key or value is too large to be kept"),
            Self::Quota => f.write_str("`[allow] state` is used up"),
            Self::Unavailable(why) => write!(f, "the plugin's state is unavailable: {why}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NotGranted => Self::Misconfigured(text),
            Error::TooLarge => Self::Internal(text),
            Error::Quota | Error::Unavailable(_) => Self::Unavailable(text),
        }
    }
}

/// Whole seconds as the contract counts them; less than one is one.
fn seconds(lifetime: Duration) -> u32 {
    u32::try_from(lifetime.as_secs().max(1)).unwrap_or(u32::MAX)
}
