//! The settings as they are written.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use wharf_plugin::Problems;
use wharf_plugin::config::Period;

use crate::Webhook;

/// Shorter than the deadline of a call, so that the log tells that the service was slow.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The `[config]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    url: String,
    secret: Option<String>,
    #[serde(default = "all")]
    events: Vec<String>,
    #[serde(default)]
    batch: bool,
    timeout: Option<Period>,
    #[serde(default = "permanent")]
    permanent: Vec<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Settings {
    /// The plugin, or everything that is wrong with its settings.
    pub fn resolve(self) -> Result<Webhook, Problems> {
        let mut problems = Problems::new();
        let host = self.url.strip_prefix("https://");
        let host = host.or_else(|| self.url.strip_prefix("http://"));
        if host.is_none_or(str::is_empty) {
            problems.add(
                "url",
                "is not an address such as \"https://example.com/events\"",
            );
        }
        if self.events.is_empty() {
            problems.add("events", "names no kind; \"*\" is all of them");
        }
        for status in &self.permanent {
            if !(300..600).contains(status) {
                problems.add("permanent", format!("holds {status}, which is no refusal"));
            }
        }
        for name in self.headers.keys() {
            if name.is_empty() || !name.bytes().all(is_token) {
                problems.add(format!("headers.{name}"), "is not the name of a header");
            }
        }
        problems.or(Webhook {
            url: self.url,
            secret: self.secret,
            events: self.events,
            batch: self.batch,
            timeout: self.timeout.map_or(TIMEOUT, |timeout| timeout.0),
            permanent: self.permanent,
            headers: self.headers.into_iter().collect(),
        })
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn all() -> Vec<String> {
    vec!["*".into()]
}

/// The service understood, and will never take it.
fn permanent() -> Vec<u16> {
    vec![400, 410, 413, 422]
}
