//! Cases that a plugin is tested with: what it is asked, in which world, and what is expected.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use wharf_protocol::secret::Secret;

use crate::plugin::Sidecar;
use crate::plugin::imports::http::CannedResponse;
use crate::plugin::settings::Settings;

/// State that a case needs no allowance for.
const MAX_STATE: u64 = 1024 * 1024;

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// In their order.
    pub case: Vec<Case>,
}

/// One call, and what is expected of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, in a few words.
    pub name: String,
    /// Such as `authenticator.begin`.
    pub function: String,
    #[serde(default)]
    input: Map<String, Json>,
    session: Option<Json>,
    /// What is done first, in the same world.
    #[serde(default)]
    pub before: Vec<Before>,
    /// Instead of the sidecar's.
    config: Option<Map<String, Json>>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    /// What the plugin's state holds before, as text.
    #[serde(default)]
    pub state: BTreeMap<String, String>,
    /// What servers answer, instead of the network.
    #[serde(default)]
    pub http: Vec<CannedResponse>,
    /// What is expected.
    #[serde(default)]
    pub expect: Expectation,
}

/// A call that is to succeed before the one that a case is about.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// Such as `storage-sink.begin-upload`.
    pub function: String,
    /// What it is asked, the session included.
    #[serde(default)]
    pub input: Map<String, Json>,
}

/// What is expected of a call.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectation {
    /// What it returns; what is not named may be anything.
    pub result: Option<Json>,
    /// A part of why it gives no answer.
    pub error: Option<String>,
    /// Parts of lines that it logs.
    pub log: Vec<String>,
}

impl CaseFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, or is not right.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        Ok(toml::from_str(&std::fs::read_to_string(path)?)?)
    }
}

impl Case {
    /// What the function is asked.
    pub fn input(&self) -> Json {
        let mut input = self.input.clone();
        if let Some(session) = &self.session {
            input.insert("session".to_owned(), session.clone());
        }
        Json::Object(input)
    }

    /// The sidecar of the plugin in this case.
    pub fn sidecar(&self, sidecar: &Sidecar) -> Sidecar {
        let mut sidecar = sidecar.clone();
        if let Some(config) = &self.config {
            sidecar.settings = Settings::new(config.clone());
        }
        let secrets = self.secrets.iter();
        let secrets = secrets.map(|(name, value)| (name.clone(), Secret::new(value.clone())));
        sidecar.allow.secrets.extend(secrets);
        if !self.state.is_empty() {
            sidecar.allow.state.get_or_insert(MAX_STATE);
        }
        sidecar
    }
}

/// How `found` differs from what is expected at `place`, a line for each difference. Of an object,
/// what is not named may be anything.
pub fn differences(expected: &Json, found: &Json, place: &str, told: &mut Vec<String>) {
    match (expected, found) {
        (Json::Object(expected), Json::Object(found)) => {
            for (key, expected) in expected {
                let found = found.get(key).unwrap_or(&Json::Null);
                differences(expected, found, &format!("{place}.{key}"), told);
            }
        }
        (Json::Array(expected), Json::Array(found)) if expected.len() == found.len() => {
            for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
                differences(expected, found, &format!("{place}[{at}]"), told);
            }
        }
        _ if expected == found => {}
        _ => told.push(format!("{place}: expected {expected}, found {found}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_named_is_compared() {
        let found = json!({ "ok": { "deny": { "reason": "policy", "text": null } } });
        let cases = [
            (json!({}), vec![]),
            (json!({ "ok": { "deny": { "reason": "policy" } } }), vec![]),
            (
                json!({ "ok": { "deny": { "reason": "quota" } } }),
                vec!["result.ok.deny.reason: expected \"quota\", found \"policy\""],
            ),
            (
                json!({ "ok": "pass" }),
                vec![
                    "result.ok: expected \"pass\", found \
                     {\"deny\":{\"reason\":\"policy\",\"text\":null}}",
                ],
            ),
        ];
        for (expected, differs) in cases {
            let mut told = Vec::new();
            differences(&expected, &found, "result", &mut told);
            assert_eq!(told, differs);
        }
    }
}
