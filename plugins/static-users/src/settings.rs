//! The settings as they are written, and how they become users.

mod user;

use std::collections::BTreeMap;

use serde::Deserialize;
use wharf_plugin::config::Section;
use wharf_plugin::{Problems, View, ViewLimits, state};

use self::user::Reader;
use crate::account::{Account, Encoded};
use crate::{ANONYMOUS, Users};

/// What an unknown user's password is checked against where no user has one: argon2id at the cost
/// at which `wharf hash-password` encodes.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
    AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

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
    #[serde(default)]
    code: Code,
    sink: Option<String>,
    root: Option<String>,
    welcome: Option<String>,
    #[serde(default)]
    limits: ViewLimits,
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

/// How the code of a second factor comes.
#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Code {
    /// It is asked for, and answered with ACCT.
    #[default]
    Account,
    /// It stands behind the password, for clients that do not know ACCT.
    BehindPassword,
}

impl Settings {
    /// The users, or everything that is wrong with them.
    pub fn resolve(mut self) -> Result<Users, Problems> {
        let mut problems = Problems::new();
        let everybody = View {
            sink: self.sink.take(),
            root: self.root.take(),
            welcome: self.welcome.take(),
            limits: std::mem::take(&mut self.limits),
            ..View::default()
        };
        everybody.check("", &mut problems);
        let mut accounts = BTreeMap::new();
        for (name, section) in std::mem::take(&mut self.users) {
            let mut reader = Reader::new(format!("users.{name}"), &mut problems);
            if let Some(account) = reader.user(&name, section, &everybody) {
                accounts.insert(name, Box::new(account));
            }
        }
        let anonymous = self.anonymous.take().and_then(|section| {
            Reader::new("anonymous".into(), &mut problems).stranger(section, &everybody)
        });
        for name in ANONYMOUS {
            if anonymous.is_some() && accounts.contains_key(name) {
                problems.add(format!("users.{name}"), "this name is that of `anonymous`");
            }
        }
        check_state(&accounts, &mut problems);
        let decoys = decoys(&accounts);
        problems.or(Users {
            accounts,
            anonymous,
            decoys,
            pass_unknown: self.unknown_users == UnknownUsers::Pass,
            require_tls: self.require_tls,
            code_behind_password: self.code == Code::BehindPassword,
        })
    }
}

/// Used codes are remembered, or the first user of a code is not the last.
fn check_state(accounts: &BTreeMap<String, Box<Account>>, problems: &mut Problems) {
    let first = accounts.iter().find(|(_, account)| account.totp.is_some());
    if let Some((name, _)) = first
        && state::get("totp") == Err(state::Error::NotGranted)
    {
        let message = "needs `[allow] state`, so that no code is taken twice";
        problems.add(format!("users.{name}.totp"), message);
    }
}

/// One password of each scheme, at least one.
fn decoys(accounts: &BTreeMap<String, Box<Account>>) -> Vec<Encoded> {
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
