//! {{name}}: its settings are read here; each role has a module of its own.

{{wiring}}
{{#authenticator}}
use std::collections::BTreeMap;

{{/authenticator}}
use serde::Deserialize;
use wharf_plugin::{Lifecycle, Problems, config};

/// The settings: `[config]` of the sidecar.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    // A field for each key, such as `colour: String`.
{{#authenticator}}
    #[serde(default = "local")]
    sink: String,
    #[serde(default)]
    users: BTreeMap<String, User>,
{{/authenticator}}
}
{{#authenticator}}

#[derive(Deserialize)]
struct User {
    password: String,
    root: String,
}

fn local() -> String {
    "local".to_owned()
}
{{/authenticator}}

wharf_plugin::export!(Settings: {{traits}});

impl Lifecycle for Settings {
    fn start() -> Result<Self, Problems> {
        Ok(config::parse()?)
    }
{{#authenticator}}

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
{{/authenticator}}
}

#[cfg(test)]
mod tests {
    use wharf_plugin::testing;

    use super::*;

    #[test]
    fn a_setting_that_nobody_knows_is_told() {
        testing::set_config(r#"{ "colour": "red" }"#);
        assert!(Settings::start().is_err());
    }
{{#authenticator}}

    #[test]
    fn the_settings_are_read() {
        testing::set_config(r#"{ "users": { "alice": { "password": "$x$y", "root": "a" } } }"#);
        let settings = Settings::start().unwrap();
        assert_eq!(settings.users["alice"].root, "a");
        assert_eq!(settings.sink, "local");
    }
{{/authenticator}}
}
