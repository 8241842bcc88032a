//! One user as it is written, and everything that can be wrong with it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Deserialize;
use wharf_plugin::clock::Date;
use wharf_plugin::config::Section;
use wharf_plugin::paths::is_part;
use wharf_plugin::{Operations, Problems, View, ViewLimits, ViewMount, ViewRule, crypto, secrets};

use crate::ANONYMOUS;
use crate::account::{Account, Encoded};
use crate::factor::Seed;
use crate::network::Network;

/// What is wrong with a password; the password itself is never told.
const NOT_ENCODED: &str = "is not an encoded password, as `wharf hash-password` makes one";

/// A `[config.users.NAME]` table, and `[config.anonymous]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct User {
    /// Kept unread, so that no message repeats it.
    password: Option<Section>,
    #[serde(default)]
    certificates: Vec<String>,
    /// Kept unread, too.
    totp: Option<Section>,
    #[serde(default)]
    addresses: Vec<String>,
    #[serde(default)]
    require_tls: bool,
    #[serde(default)]
    disabled: bool,
    expires: Option<String>,
    sink: Option<String>,
    root: Option<String>,
    mounts: Option<Vec<ViewMount>>,
    home: Option<String>,
    permissions: Option<Operations>,
    rules: Option<Vec<ViewRule>>,
    #[serde(default)]
    limits: ViewLimits,
    groups: Option<Vec<String>>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    welcome: Option<String>,
}

/// Where a seed is found, if it does not stand here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedSeed {
    secret: String,
}

/// Reads one user, and notes what is wrong with it.
pub struct Reader<'a> {
    key: String,
    problems: &'a mut Problems,
}

impl<'a> Reader<'a> {
    /// Reads what stands under `key`.
    pub fn new(key: String, problems: &'a mut Problems) -> Self {
        Self { key, problems }
    }

    /// Notes a problem with a setting of this user.
    fn problem(&mut self, setting: &str, message: &str) {
        self.problems
            .add(format!("{}.{setting}", self.key), message);
    }

    /// A user with a name.
    pub fn user(&mut self, name: &str, section: Section, everybody: &View) -> Option<Account> {
        let user = self.read(section)?;
        if user.password.is_none() && user.certificates.is_empty() {
            self.problem(
                "password",
                "is missing, and there are no `certificates` either",
            );
        }
        Some(self.account(name, user, Operations::ALL, everybody))
    }

    /// Whoever logs in without a name.
    pub fn stranger(&mut self, section: Section, everybody: &View) -> Option<Account> {
        let user = self.read(section)?;
        for (setting, is_there) in [
            ("password", user.password.is_some()),
            ("certificates", !user.certificates.is_empty()),
            ("totp", user.totp.is_some()),
        ] {
            if is_there {
                self.problem(setting, "cannot be asked of a stranger");
            }
        }
        Some(self.account(ANONYMOUS[0], user, Operations::READ, everybody))
    }

    fn read(&mut self, section: Section) -> Option<User> {
        section
            .read(&self.key)
            .map_err(|problem| self.problems.push(problem))
            .ok()
    }

    fn account(
        &mut self,
        name: &str,
        mut user: User,
        permissions: Operations,
        everybody: &View,
    ) -> Account {
        Account {
            password: user
                .password
                .take()
                .and_then(|encoded| self.password(&encoded)),
            certificates: self.certificates(&user.certificates),
            totp: user.totp.take().and_then(|seed| self.totp(seed)),
            addresses: self.addresses(&user.addresses),
            require_tls: user.require_tls,
            disabled: user.disabled,
            expires: user.expires.take().and_then(|day| self.expires(&day)),
            view: self.view(name, user, permissions, everybody),
        }
    }

    fn view(&mut self, name: &str, user: User, permissions: Operations, everybody: &View) -> View {
        let own = View {
            principal: None,
            sink: user.sink,
            root: user.root,
            mounts: user.mounts,
            home: user.home,
            permissions: Some(user.permissions.unwrap_or(permissions)),
            rules: user.rules,
            limits: user.limits,
            groups: user.groups,
            attributes: user.attributes,
            welcome: user.welcome,
        };
        own.check(&self.key, self.problems);
        let view = own.or(everybody);
        // Told now rather than to the user.
        if !is_part(name) && view.names_its_user() {
            self.problem(
                "root",
                "cannot hold `{user}`, as no directory can have the name",
            );
        }
        view
    }

    fn password(&mut self, encoded: &Section) -> Option<Encoded> {
        let Some(text) = encoded.text() else {
            self.problem("password", NOT_ENCODED);
            return None;
        };
        match crypto::inspect_password(text) {
            Ok(scheme) => Some(Encoded {
                scheme,
                text: text.to_owned(),
            }),
            Err(why) => {
                self.problem("password", &format!("{NOT_ENCODED}: {why}"));
                None
            }
        }
    }

    fn totp(&mut self, written: Section) -> Option<Seed> {
        let Some(text) = written.text() else {
            let Ok(NamedSeed { secret }) = written.read("") else {
                self.problem("totp", "is neither base32 nor { secret = \"NAME\" }");
                return None;
            };
            if secrets::get(&secret) == Err(secrets::Error::NotGranted) {
                self.problem("totp.secret", "is not named under `[allow] secrets`");
            }
            return Some(Seed::Named(secret));
        };
        if crypto::verify_totp(text, "", 0).is_err() {
            self.problem("totp", "is not base32, as authenticators show it");
        }
        Some(Seed::Text(text.to_owned()))
    }

    fn certificates(&mut self, written: &[String]) -> Vec<String> {
        let read: Vec<_> = written
            .iter()
            .filter_map(|text| fingerprint(text))
            .collect();
        if read.len() < written.len() {
            self.problem(
                "certificates",
                "wants SHA-256 fingerprints: 64 hexadecimal digits each",
            );
        }
        read
    }

    fn addresses(&mut self, written: &[String]) -> Vec<Network> {
        let read: Vec<_> = written.iter().flat_map(|text| text.parse()).collect();
        if read.len() < written.len() {
            self.problem("addresses", "wants networks such as \"10.0.0.0/8\"");
        }
        read
    }

    fn expires(&mut self, day: &str) -> Option<SystemTime> {
        let day: Option<Date> = day.parse().ok();
        if day.is_none() {
            self.problem("expires", "is not a day such as \"2030-12-31\"");
        }
        day.map(Date::end)
    }
}

/// The fingerprint of a certificate as the host writes it; colons and capitals are fine.
fn fingerprint(written: &str) -> Option<String> {
    let digits = written.replace(':', "").to_ascii_lowercase();
    let valid = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then_some(digits)
}
