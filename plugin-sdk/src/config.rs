//! The settings of this plugin: the `[config]` table of its sidecar file.

use serde::de::DeserializeOwned;

use crate::{Problem, host};

/// The settings as `T`. Derive `Deserialize` with `deny_unknown_fields`, so that a typing mistake
/// is an error.
///
/// # Errors
/// The settings do not fit `T`; the message names the field.
pub fn parse<T: DeserializeOwned>() -> Result<T, Problem> {
    serde_json::from_str(&host::config_json()).map_err(|error| {
        // The position is one in the host's JSON, which the operator never sees.
        let message = error.to_string();
        let end = message.rfind(" at line ").unwrap_or(message.len());
        Problem {
            key: None,
            message: message[..end].to_owned(),
        }
    })
}

/// One setting as text; nested keys are dotted.
pub fn get(key: &str) -> Option<String> {
    host::config_get(key)
}
