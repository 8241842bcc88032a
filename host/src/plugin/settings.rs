//! What the operator handed a plugin: its settings.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// The `[config]` table, in the two forms that plugins read it in.
#[derive(Clone, Default)]
pub struct Settings {
    json: String,
    flat: BTreeMap<String, String>,
}

impl Settings {
    /// The settings of a JSON object.
    pub fn new(table: serde_json::Map<String, Value>) -> Self {
        let mut flat = BTreeMap::new();
        flatten("", &table, &mut flat);
        Self {
            json: Value::Object(table).to_string(),
            flat,
        }
    }

    /// The whole table as a JSON object.
    pub fn json(&self) -> &str {
        if self.json.is_empty() {
            "{}"
        } else {
            &self.json
        }
    }

    /// The value of a dotted key as text.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.flat.get(key).map(String::as_str)
    }

    /// All dotted keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.flat.keys().map(String::as_str)
    }
}

impl fmt::Debug for Settings {
    /// Settings may hold password hashes and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.flat.keys()).finish()
    }
}

/// Tables within tables get dotted keys; lists stay what they are, as JSON.
fn flatten(
    prefix: &str,
    table: &serde_json::Map<String, Value>,
    flat: &mut BTreeMap<String, String>,
) {
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        match value {
            Value::Object(inner) => flatten(&format!("{key}."), inner, flat),
            Value::String(text) => drop(flat.insert(key, text.clone())),
            other => drop(flat.insert(key, other.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_dotted_and_values_are_text() {
        let Value::Object(table) = serde_json::json!({
            "url": "ldap://x",
            "pool": { "size": 3, "deep": { "on": true } },
            "list": [1, "two"],
        }) else {
            unreachable!()
        };
        let settings = Settings::new(table);
        assert_eq!(settings.value("url"), Some("ldap://x"));
        assert_eq!(settings.value("pool.size"), Some("3"));
        assert_eq!(settings.value("pool.deep.on"), Some("true"));
        assert_eq!(settings.value("list"), Some("[1,\"two\"]"));
        assert_eq!(settings.value("pool"), None);
        assert_eq!(settings.keys().count(), 4);
        assert_eq!(Settings::default().json(), "{}");
        assert!(!format!("{settings:?}").contains("ldap"));
    }
}
