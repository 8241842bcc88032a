//! {{name}}: its settings are read here; each role has a module of its own.

{{wiring}}
use std::collections::BTreeMap;

use serde::Deserialize;
use wharf_plugin::{Lifecycle, Problems, config};

/// The settings: `[config]` of the sidecar.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default = "local")]
    sink: String,
    #[serde(default)]
    users: BTreeMap<String, User>,
}

#[derive(Deserialize)]
struct User {
    password: String,
    root: String,
}

fn local() -> String {
    "local".to_owned()
}

wharf_plugin::export!(Settings: {{traits}});

impl Lifecycle for Settings {
    fn start() -> Result<Self, Problems> {
        Ok(config::parse()?)
    }

    /// What an operator should know, beside what keeps the plugin from starting.
    fn warnings(&self) -> Problems {
        let mut warnings = Problems::new();
        for (name, user) in &self.users {
            if user.password.is_empty() || user.root.is_empty() || self.sink.is_empty() {
                warnings.add(format!("users.{name}"), "this user cannot log in");
            }
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use wharf_plugin::testing;

    use super::*;

    #[test]
    fn the_settings_are_read() {
        testing::set_config(r#"{ "users": { "alice": { "password": "$x$y", "root": "a" } } }"#);
        let settings = Settings::start().unwrap();
        assert_eq!(settings.users["alice"].root, "a");
        assert_eq!(settings.sink, "local");
    }
}
