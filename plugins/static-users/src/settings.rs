//! The settings as they are written, and how they become users.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Deserialize;
use wharf_plugin::config::Section;
use wharf_plugin::{Operations, Problems, crypto};

use crate::{ANONYMOUS, Account, Encoded, Rule, Users, date};

/// What an unknown user's password is checked against where no user has one: argon2id at the cost
/// at which `wharf hash-password` encodes.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
    AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What is wrong with a password; the password itself is never told.
const NOT_ENCODED: &str = "is not an encoded password, as `wharf hash-password` makes one";

/// The `[config]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    #[serde(default)]
    users: BTreeMap<String, Section>,
    anonymous: Option<Section>,
    #[serde(default)]
    unknown_users: UnknownUsers,
    #[serde(default)]
    require_tls: bool,
    #[serde(default = "local")]
    sink: String,
    #[serde(default)]
    root: String,
}

/// What to do with a user who is not listed.
#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum UnknownUsers {
    /// Ask for a password, and refuse it.
    #[default]
    Refuse,
    /// Leave the user to the next authenticator.
    Pass,
}

/// A `[config.users.NAME]` table, and `[config.anonymous]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct User {
    /// Kept unread, so that no message repeats it.
    password: Option<Section>,
    #[serde(default)]
    certificates: Vec<String>,
    #[serde(default)]
    require_tls: bool,
    #[serde(default)]
    disabled: bool,
    expires: Option<String>,
    sink: Option<String>,
    root: Option<String>,
    home: Option<String>,
    permissions: Option<Operations>,
    #[serde(default)]
    rules: Vec<PathRule>,
}

/// A rule for a part of what a user sees.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PathRule {
    path: String,
    allow: Option<Operations>,
    forbid: Option<Operations>,
}

impl Settings {
    /// The users, or everything that is wrong with them.
    pub fn resolve(mut self) -> Result<Users, Problems> {
        let mut problems = Problems::new();
        let mut accounts = BTreeMap::new();
        for (name, section) in std::mem::take(&mut self.users) {
            let mut reader = Reader::new(format!("users.{name}"), &mut problems);
            if let Some(account) = reader.user(&name, section, &self) {
                accounts.insert(name, account);
            }
        }
        let anonymous = self.anonymous.take().and_then(|section| {
            Reader::new("anonymous".into(), &mut problems).stranger(section, &self)
        });
        for name in ANONYMOUS {
            if anonymous.is_some() && accounts.contains_key(name) {
                problems.add(format!("users.{name}"), "this name is that of `anonymous`");
            }
        }
        let decoys = decoys(&accounts);
        problems.or(Users {
            accounts,
            anonymous,
            decoys,
            pass_unknown: self.unknown_users == UnknownUsers::Pass,
            require_tls: self.require_tls,
        })
    }
}

/// One password of each scheme, at least one.
fn decoys(accounts: &BTreeMap<String, Account>) -> Vec<Encoded> {
    let mut decoys: BTreeMap<&str, &Encoded> = BTreeMap::new();
    for password in accounts.values().filter_map(|user| user.password.as_ref()) {
        decoys.entry(&password.scheme).or_insert(password);
    }
    if decoys.is_empty() {
        let (scheme, text) = (String::new(), DECOY.to_owned());
        return vec![Encoded { scheme, text }];
    }
    decoys.into_values().cloned().collect()
}

/// Reads one user, and notes what is wrong with it.
struct Reader<'a> {
    key: String,
    problems: &'a mut Problems,
}

impl<'a> Reader<'a> {
    fn new(key: String, problems: &'a mut Problems) -> Self {
        Self { key, problems }
    }

    /// Notes a problem with a setting of this user.
    fn problem(&mut self, setting: &str, message: &str) {
        self.problems
            .add(format!("{}.{setting}", self.key), message);
    }

    /// A user with a name.
    fn user(&mut self, name: &str, section: Section, settings: &Settings) -> Option<Account> {
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
    fn stranger(&mut self, section: Section, settings: &Settings) -> Option<Account> {
        let user = self.read(section)?;
        if user.password.is_some() {
            self.problem("password", "cannot be asked of a stranger");
        }
        if !user.certificates.is_empty() {
            self.problem("certificates", "cannot be asked of a stranger");
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
        user: User,
        permissions: Operations,
        settings: &Settings,
    ) -> Account {
        let mut rules = vec![(
            "/**".into(),
            Rule::Allow(user.permissions.unwrap_or(permissions)),
        )];
        rules.extend(self.rules(user.rules));
        Account {
            password: user.password.and_then(|encoded| self.password(&encoded)),
            certificates: self.certificates(&user.certificates),
            require_tls: user.require_tls,
            disabled: user.disabled,
            expires: user.expires.and_then(|day| self.expires(&day)),
            sink: user.sink.unwrap_or_else(|| settings.sink.clone()),
            root: self.root(name, &user.root.unwrap_or_else(|| settings.root.clone())),
            home: self.home(user.home),
            rules,
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

    fn expires(&mut self, day: &str) -> Option<SystemTime> {
        let end = date::end_of_day(day);
        if end.is_none() {
            self.problem("expires", "is not a day such as \"2030-12-31\"");
        }
        end
    }

    /// The prefix of the sink's keys, with `{user}` filled in.
    fn root(&mut self, name: &str, template: &str) -> String {
        let root = template.replace("{user}", name);
        let root = root.trim_matches('/');
        if !root.is_empty() && !root.split('/').all(is_part) {
            self.problem("root", "may not hold `.`, `..` or an empty part");
        }
        if template.contains("{user}") && name.contains('/') {
            self.problem("root", "cannot hold `{user}`, as the name has a `/`");
        }
        root.to_owned()
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

/// The fingerprint of a certificate as the host writes it; colons and capitals are fine.
fn fingerprint(written: &str) -> Option<String> {
    let digits = written.replace(':', "").to_ascii_lowercase();
    let valid = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then_some(digits)
}

/// Whether the text can be one part of a path.
fn is_part(part: &str) -> bool {
    !matches!(part, "" | "." | "..") && !part.contains('\0')
}

/// Whether the text is an absolute path without detours.
fn is_path(path: &str) -> bool {
    path == "/"
        || path
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(is_part))
}

/// The name of the sink that `wharf init` sets up.
fn local() -> String {
    "local".into()
}
