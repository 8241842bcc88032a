//! What the operator handed over under `[allow] secrets`.

use std::fmt;

use crate::{Failure, host};

/// The secret of this name.
///
/// # Errors
/// See [`Error`].
pub fn get(name: &str) -> Result<Secret, Error> {
    host::secret(name).map(Secret)
}

/// A secret; `Debug` never shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, to be handed on and not logged.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why there is no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The operator did not hand it over.
    NotGranted,
    /// It cannot be had now.
    Unavailable(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGranted => f.write_str("`[allow] secrets` does not name it"),
            Self::Unavailable(why) => write!(f, "a secret cannot be had: {why}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::NotGranted => Self::Misconfigured(error.to_string()),
            Error::Unavailable(_) => Self::Unavailable(error.to_string()),
        }
    }
}
