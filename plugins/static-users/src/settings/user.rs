//! One user as it is written, and everything that can be wrong with it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use wharf_plugin::clock::Date;
use wharf_plugin::config::{ByteSize, Period, Section};
use wharf_plugin::paths::{is_key, is_path};
use wharf_plugin::{Operations, Problems, crypto, secrets};

use super::{Settings, WrittenLimits};
use crate::ANONYMOUS;
use crate::account::{Account, Encoded, Limits, Rule, View};
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
    #[serde(default)]
    mounts: Vec<WrittenMount>,
    home: Option<String>,
    permissions: Option<Operations>,
    #[serde(default)]
    rules: Vec<PathRule>,
    #[serde(default)]
    limits: WrittenLimits,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    welcome: Option<String>,
}

/// A directory beside the root.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMount {
    directory: String,
    sink: Option<String>,
    root: String,
}

/// A rule for a part of what a user sees.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PathRule {
    path: String,
    allow: Option<Operations>,
    forbid: Option<Operations>,
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
    pub fn user(&mut self, name: &str, section: Section, settings: &Settings) -> Option<Account> {
        let user = self.read(section)?;
        if user.password.is_none() && user.certificates.is_empty() {
            self.problem(
                "password",
                "is missing, and there are no `certificates` either",
            );
        }
        Some(self.account(name, user, Operations::ALL, settings))
    }

    /// Whoever logs in without a name.
    pub fn stranger(&mut self, section: Section, settings: &Settings) -> Option<Account> {
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
        Some(self.account(ANONYMOUS[0], user, Operations::READ, settings))
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
        settings: &Settings,
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
            view: self.view(name, user, permissions, settings),
        }
    }

    fn view(
        &mut self,
        name: &str,
        user: User,
        permissions: Operations,
        settings: &Settings,
    ) -> View {
        let permissions = user.permissions.unwrap_or(permissions);
        let mut rules = vec![("/**".into(), Rule::Allow(permissions))];
        rules.extend(self.rules(user.rules));
        let sink = user.sink.unwrap_or_else(|| settings.sink.clone());
        let root = user.root.unwrap_or_else(|| settings.root.clone());
        check_limits(&format!("{}.limits", self.key), &user.limits, self.problems);
        View {
            mounts: self.mounts(name, &sink, user.mounts),
            root: (sink, self.prefix("root", name, &root)),
            home: self.home(user.home),
            rules,
            limits: user.limits.or(&settings.limits),
            groups: user.groups,
            attributes: user.attributes,
            welcome: user.welcome.or_else(|| settings.welcome.clone()),
        }
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

    /// A prefix of a sink's keys, with `{user}` filled in.
    fn prefix(&mut self, setting: &str, name: &str, template: &str) -> String {
        let prefix = template.replace("{user}", name);
        let prefix = prefix.trim_matches('/');
        if !prefix.is_empty() && !is_key(prefix) {
            self.problem(setting, "may not hold `.`, `..` or an empty part");
        }
        if template.contains("{user}") && name.contains('/') {
            self.problem(setting, "cannot hold `{user}`, as the name has a `/`");
        }
        prefix.to_owned()
    }

    fn mounts(
        &mut self,
        name: &str,
        sink: &str,
        written: Vec<WrittenMount>,
    ) -> Vec<(String, String, String)> {
        let mut mounts = Vec::new();
        for (index, mount) in written.into_iter().enumerate() {
            let setting = |key| format!("mounts[{index}].{key}");
            if !is_path(&mount.directory) {
                let message = "is not an absolute path such as \"/shared\"";
                self.problem(&setting("directory"), message);
            }
            let prefix = self.prefix(&setting("root"), name, &mount.root);
            let sink = mount.sink.unwrap_or_else(|| sink.to_owned());
            mounts.push((mount.directory, sink, prefix));
        }
        mounts
    }

    fn home(&mut self, home: Option<String>) -> String {
        let home = home.unwrap_or_else(|| "/".into());
        if !is_path(&home) {
            self.problem("home", "is not an absolute path such as \"/inbox\"");
        }
        home
    }

    fn rules(&mut self, written: Vec<PathRule>) -> Vec<(String, Rule)> {
        let mut rules = Vec::new();
        for (index, rule) in written.into_iter().enumerate() {
            if !is_path(&rule.path) {
                let message = "is not an absolute path such as \"/inbox/**\"";
                self.problem(&format!("rules[{index}].path"), message);
            }
            match (rule.allow, rule.forbid) {
                (Some(what), None) => rules.push((rule.path, Rule::Allow(what))),
                (None, Some(what)) => rules.push((rule.path, Rule::Forbid(what))),
                _ => self.problem(&format!("rules[{index}]"), "wants `allow` or `forbid`"),
            }
        }
        rules
    }
}

/// Notes limits under which nothing could be done.
pub fn check_limits(key: &str, limits: &WrittenLimits, problems: &mut Problems) {
    let none = |size: Option<ByteSize>| size == Some(ByteSize(0));
    let short = |time: Option<Period>| time.is_some_and(|time| time.0 < Duration::from_secs(1));
    for (setting, is_wrong) in [
        ("upload-rate", none(limits.upload_rate)),
        ("download-rate", none(limits.download_rate)),
        ("idle-timeout", short(limits.idle_timeout)),
        ("revalidate-every", short(limits.revalidate_every)),
    ] {
        if is_wrong {
            problems.add(format!("{key}.{setting}"), "is too little for anything");
        }
    }
}

impl WrittenLimits {
    /// These limits, and those of `others` where these say nothing.
    fn or(self, others: &Self) -> Limits {
        let bytes = |own: Option<ByteSize>, other: Option<ByteSize>| own.or(other).map(|it| it.0);
        let time = |own: Option<Period>, other: Option<Period>| own.or(other).map(|it| it.0);
        Limits {
            max_sessions: self.max_sessions.or(others.max_sessions),
            max_transfers: self.max_transfers.or(others.max_transfers),
            max_upload_size: bytes(self.max_upload_size, others.max_upload_size),
            quota: bytes(self.quota, others.quota),
            quota_files: self.quota_files.or(others.quota_files),
            upload_rate: bytes(self.upload_rate, others.upload_rate),
            download_rate: bytes(self.download_rate, others.download_rate),
            idle_timeout: time(self.idle_timeout, others.idle_timeout),
            revalidate_every: time(self.revalidate_every, others.revalidate_every),
        }
    }
}

/// The fingerprint of a certificate as the host writes it; colons and capitals are fine.
fn fingerprint(written: &str) -> Option<String> {
    let digits = written.replace(':', "").to_ascii_lowercase();
    let valid = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then_some(digits)
}
