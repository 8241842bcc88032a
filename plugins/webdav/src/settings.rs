//! The settings as they are written.

use std::cell::{Cell, OnceCell, RefCell};
use std::time::Duration;

use serde::Deserialize;
use wharf_plugin::config::{ByteSize, Period};
use wharf_plugin::{Problems, secrets};

use crate::address::Address;
use crate::client::{Client, Credentials};
use crate::store::Store;

/// Where uploads wait unless it is said.
const STAGING: &str = ".wharf-uploads";
/// Longer than an upload takes.
const SWEEP_AFTER: Duration = Duration::from_secs(24 * 3600);
/// What can be read and sent again within the deadline of a call.
const REWRITE_UP_TO: u64 = 64 << 20;

/// The `[config]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    url: String,
    user: Option<String>,
    password: Option<String>,
    token: Option<String>,
    staging: Option<String>,
    sweep_after: Option<Period>,
    rewrite_up_to: Option<ByteSize>,
}

impl Settings {
    /// The store, or everything that is wrong with its settings.
    pub fn resolve(self) -> Result<Store, Problems> {
        let mut problems = Problems::new();
        let address = Address::parse(&self.url);
        let address = address.map_err(|problem| problems.add("url", problem)).ok();
        let secrets = [("password", &self.password), ("token", &self.token)];
        for (key, name) in secrets {
            let name = name.as_ref();
            if name.is_some_and(|name| secrets::get(name) == Err(secrets::Error::NotGranted)) {
                problems.add(key, "is no name that `[allow] secrets` has");
            }
        }
        let staging = self.staging.unwrap_or_else(|| STAGING.into());
        if !staging.split('/').all(is_name) {
            problems.add("staging", "is no path below `url`, such as \".uploads\"");
        }
        let credentials = match (self.user, self.password, self.token) {
            (None, None, None) => Credentials::None,
            (Some(user), Some(password), None) => {
                // RFC 7617, section 2: what is behind the first colon is the password.
                if user.contains(':') {
                    problems.add(
                        "user",
                        "holds a colon, which no server can tell from its end",
                    );
                }
                Credentials::Basic { user, password }
            }
            (None, None, Some(token)) => Credentials::Bearer(token),
            _ => {
                problems.add(
                    "user",
                    "and `password` come together, and `token` without them",
                );
                Credentials::None
            }
        };
        let Some(address) = address else {
            return Err(problems);
        };
        problems.or(Store {
            client: Client { credentials },
            address,
            staging,
            sweep_after: self.sweep_after.map_or(SWEEP_AFTER, |period| period.0),
            rewrite_up_to: self.rewrite_up_to.map_or(REWRITE_UP_TO, |size| size.0),
            looked_after: Cell::default(),
            abilities: OnceCell::new(),
            window: RefCell::default(),
        })
    }
}

/// Whether this can be a part of a key.
fn is_name(part: &str) -> bool {
    !matches!(part, "" | "." | "..")
}
