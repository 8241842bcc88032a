//! The settings of this plugin: the `[config]` table of its sidecar file.

mod values;

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub(crate) use self::values::parsed;
pub use self::values::{ByteSize, NoQuantity, Period};
use crate::{Problem, host};

/// The settings as `T`. Derive `Deserialize` with `deny_unknown_fields`, so that a typing mistake
/// is an error.
///
/// # Errors
/// The settings do not fit `T`; the problem names the setting.
pub fn parse<T: DeserializeOwned>() -> Result<T, Problem> {
    let json = host::config_json();
    let all = serde_json::from_str(&json).map_err(|error| problem("", "", &error))?;
    Section(all).read("")
}

/// One setting as text; nested keys are dotted.
pub fn get(key: &str) -> Option<String> {
    host::config_get(key)
}

/// A part of the settings that is read on its own, so that a mistake in one part does not hide
/// those in the others. `Debug` does not show it: it may be a secret.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Section(serde_json::Value);

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Section(..)")
    }
}

impl Section {
    /// The part as `T`; `key` is where it stands.
    ///
    /// # Errors
    /// It does not fit `T`; the problem names the setting.
    pub fn read<T: DeserializeOwned>(self, key: &str) -> Result<T, Problem> {
        serde_path_to_error::deserialize(self.0).map_err(|error| {
            let path = error.path().to_string();
            problem(key, path.trim_matches('.'), error.inner())
        })
    }

    /// The text, if this is one. Unlike [`Section::read`] it never repeats what it finds, which
    /// may be a secret.
    pub fn text(&self) -> Option<&str> {
        self.0.as_str()
    }
}

/// What is wrong below `key`.
fn problem(key: &str, path: &str, error: &serde_json::Error) -> Problem {
    let parts: Vec<_> = [key, path]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    Problem {
        key: (!parts.is_empty()).then(|| parts.join(".")),
        message: error.to_string(),
    }
}
