//! Lets in the users that the plugin's settings list.
//!
//! A client learns nothing about which users there are: everybody is asked for a password, and an
//! unknown user's is checked like any other, in vain.

mod date;
mod settings;

use std::collections::BTreeMap;
use std::time::SystemTime;

use wharf_plugin::{
    Authenticator, Credential, Denial, DenialReason, Failure, Grant, Lifecycle, Operations,
    Password, Problems, Prompt, Session, Step, clock, config, crypto,
};

/// The names under which strangers are let in, where they are.
const ANONYMOUS: [&str; 2] = ["anonymous", "ftp"];

/// The users that are let in.
struct Users {
    accounts: BTreeMap<String, Account>,
    anonymous: Option<Account>,
    /// One password of each scheme that is in use. Every password is checked once in each scheme,
    /// so that the time tells nothing of the user.
    decoys: Vec<Encoded>,
    /// Whether an unknown user is left to the next authenticator.
    pass_unknown: bool,
    /// Whether nobody logs in without TLS.
    require_tls: bool,
}

/// One user, and how to know it.
struct Account {
    /// The encoded password; without one, only a certificate will do.
    password: Option<Encoded>,
    /// SHA-256 of the certificates that need no password, in lower-case hexadecimal.
    certificates: Vec<String>,
    require_tls: bool,
    disabled: bool,
    /// The moment from which on the account is no more.
    expires: Option<SystemTime>,
    sink: String,
    root: String,
    home: String,
    /// Patterns of paths and what they allow or forbid, in order.
    rules: Vec<(String, Rule)>,
}

/// A password as it is kept.
#[derive(Clone)]
struct Encoded {
    /// How it was encoded: what takes the same time to verify has the same text.
    scheme: String,
    text: String,
}

/// What a rule does.
enum Rule {
    Allow(Operations),
    Forbid(Operations),
}

wharf_plugin::export!(Users: Authenticator);

impl Lifecycle for Users {
    fn start() -> Result<Self, Problems> {
        config::parse::<settings::Settings>()?.resolve()
    }

    fn warnings(&self) -> Problems {
        let mut warnings = Problems::new();
        if self.accounts.is_empty() && self.anonymous.is_none() {
            warnings.add("users", "there is no user, so nobody can log in");
        }
        if self.decoys.len() > 1 {
            let count = self.decoys.len();
            let message = format!(
                "passwords are encoded in {count} ways, and every login costs the time of all; \
                 `wharf hash-password` encodes anew"
            );
            warnings.add("users", message);
        }
        if self.anonymous.as_ref().is_some_and(Account::changes) {
            warnings.add("anonymous", "whoever comes along may change files");
        }
        warnings
    }
}

impl Authenticator for Users {
    fn begin(&self, session: &Session<'_>, user: &str) -> Result<Step, Failure> {
        let account = self.accounts.get(user).or_else(|| self.anonymous(user));
        if account.is_none() && self.pass_unknown {
            return Ok(Step::Pass);
        }
        let require_tls = self.require_tls || account.is_some_and(|account| account.require_tls);
        if require_tls && !session.secure() {
            return Ok(Step::Deny(Denial::new(DenialReason::NeedsTls)));
        }
        Ok(match account {
            Some(account) if account.shows_certificate(session) => account.admit(user),
            _ => Step::Ask(Prompt::password()),
        })
    }

    fn answer(
        &self,
        _session: &Session<'_>,
        user: &str,
        credential: Credential,
        _continuation: &[u8],
    ) -> Result<Step, Failure> {
        let Credential::Password(password) = credential else {
            return Ok(Step::Deny(Denial::credentials()));
        };
        if let Some(account) = self.anonymous(user) {
            return Ok(account.admit(ANONYMOUS[0]));
        }
        let account = self.accounts.get(user);
        Ok(match self.verify(account, &password)? {
            Some(account) => account.admit(user),
            None => Step::Deny(Denial::credentials()),
        })
    }
}

impl Users {
    /// The account of strangers, if this is their name.
    fn anonymous(&self, user: &str) -> Option<&Account> {
        self.anonymous
            .as_ref()
            .filter(|_| ANONYMOUS.contains(&user))
    }

    /// The account, if the password is its own. Who has none costs as much time.
    fn verify<'a>(
        &self,
        account: Option<&'a Account>,
        password: &Password,
    ) -> Result<Option<&'a Account>, Failure> {
        let own = account.and_then(|account| account.password.as_ref());
        let mut right = false;
        for decoy in &self.decoys {
            let own = own.filter(|own| own.scheme == decoy.scheme);
            let fits = crypto::verify_password(&own.unwrap_or(decoy).text, password)?;
            right |= fits && own.is_some();
        }
        Ok(account.filter(|_| right))
    }
}

impl Account {
    /// Whether the client holds the key of one of the account's certificates.
    fn shows_certificate(&self, session: &Session<'_>) -> bool {
        let shown = session.client_fingerprint();
        shown.is_some_and(|shown| self.certificates.contains(&shown))
    }

    /// The answer to a user who has proved to be the one.
    fn admit(&self, principal: &str) -> Step {
        let denied = |reason| Step::Deny(Denial::new(reason));
        match self.expires {
            _ if self.disabled => denied(DenialReason::AccountDisabled),
            Some(end) if end <= clock::now() => denied(DenialReason::AccountExpired),
            Some(end) => Step::Grant(self.grant(principal).expires_at(end)),
            None => Step::Grant(self.grant(principal)),
        }
    }

    /// What the user sees and may do.
    fn grant(&self, principal: &str) -> Grant {
        let grant = Grant::new(principal)
            .root(&self.sink, &self.root)
            .home(&self.home);
        self.rules
            .iter()
            .fold(grant, |grant, (path, rule)| match rule {
                Rule::Allow(what) => grant.allow(path, *what),
                Rule::Forbid(what) => grant.forbid(path, *what),
            })
    }

    /// Whether anything is allowed that leaves a trace.
    fn changes(&self) -> bool {
        let changes = |what: &Operations| !Operations::READ.contains(*what);
        self.rules
            .iter()
            .any(|(_, rule)| matches!(rule, Rule::Allow(what) if changes(what)))
    }
}

#[cfg(test)]
mod tests;
