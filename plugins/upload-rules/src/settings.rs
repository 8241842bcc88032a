//! The settings as they are written, and how they become rules.

use serde::Deserialize;
use wharf_plugin::config::{ByteSize, Section};
use wharf_plugin::paths::{Pattern, is_key};
use wharf_plugin::{Location, Problems};

use crate::kinds::{KINDS, Kind};
use crate::{Rule, Rules};

/// The `[config]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default)]
    rules: Vec<Section>,
}

/// One of `[[config.rules]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    #[serde(default = "Pattern::everything")]
    path: Pattern,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    forbidden_names: Vec<String>,
    min_size: Option<ByteSize>,
    max_size: Option<ByteSize>,
    empty: Option<Empty>,
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    match_extension: bool,
    quarantine: Option<Place>,
    text: Option<String>,
}

/// What to do with a file of no bytes.
#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Empty {
    Accept,
    Refuse,
}

/// A directory in a sink.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    sink: String,
    key: String,
}

impl Settings {
    /// The rules, or everything that is wrong with them.
    pub fn resolve(self) -> Result<Rules, Problems> {
        let mut problems = Problems::new();
        let mut rules = Vec::new();
        for (index, section) in self.rules.into_iter().enumerate() {
            let key = format!("rules[{index}]");
            match section.read::<Written>(&key) {
                Ok(written) => rules.push(written.resolve(&key, &mut problems)),
                Err(problem) => problems.push(problem),
            }
        }
        problems.or(Rules { rules })
    }
}

impl Written {
    fn resolve(self, key: &str, problems: &mut Problems) -> Rule {
        let mut kinds = Vec::new();
        for name in &self.kinds {
            match Kind::named(name) {
                Some(kind) => kinds.push(kind),
                None => problems.add(format!("{key}.kinds"), unknown(name)),
            }
        }
        let min_size = self.min_size.map_or(0, |size| size.0);
        let max_size = self.max_size.map_or(u64::MAX, |size| size.0);
        if min_size > max_size {
            problems.add(format!("{key}.max-size"), "is less than `min-size`");
        }
        if let Some(place) = &self.quarantine {
            if !is_key(&place.key) {
                let message = "is no directory in a sink, such as \"quarantine\"";
                problems.add(format!("{key}.quarantine.key"), message);
            }
            if self.text.is_some() {
                let message = "is never shown: what goes into quarantine is taken with 226";
                problems.add(format!("{key}.text"), message);
            }
        }
        Rule {
            path: self.path,
            names: lower_case(self.names),
            forbidden_names: lower_case(self.forbidden_names),
            min_size,
            max_size,
            empty: self.empty.map(|empty| empty == Empty::Accept),
            kinds,
            match_extension: self.match_extension,
            quarantine: self
                .quarantine
                .map(|place| Location::new(place.sink, place.key)),
            text: self.text,
        }
    }
}

fn lower_case(patterns: Vec<String>) -> Vec<String> {
    patterns
        .into_iter()
        .map(|pattern| pattern.to_lowercase())
        .collect()
}

fn unknown(name: &str) -> String {
    let known: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
    format!(
        "holds no known kind `{name}`; there are {}",
        known.join(", ")
    )
}
