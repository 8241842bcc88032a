//! Lets in the users that the plugin's settings list.
//!
//! A client learns nothing about which users there are: everybody is asked for a password, and an
//! unknown user's is checked like any other, in vain.

mod account;
mod factor;
mod network;
mod settings;

use std::collections::BTreeMap;

use wharf_plugin::{
    Authenticator, Credential, Denial, DenialReason, Failure, Lifecycle, Password, Problems,
    Prompt, Session, Step, config, crypto,
};

use crate::account::{Account, Encoded};

/// The names under which strangers are let in, where they are.
const ANONYMOUS: [&str; 2] = ["anonymous", "ftp"];

/// What the host keeps with the question for a code: only the code is missing.
const CODE_MISSING: &[u8] = b"code";

/// The users that are let in.
struct Users {
    /// Boxed, since a map makes room for eleven at once.
    accounts: BTreeMap<String, Box<Account>>,
    anonymous: Option<Account>,
    /// One password of each scheme that is in use. Every password is checked once in each scheme,
    /// so that the time tells nothing of the user.
    decoys: Vec<Encoded>,
    /// Whether an unknown user is left to the next authenticator.
    pass_unknown: bool,
    /// Whether nobody logs in without TLS.
    require_tls: bool,
    /// Whether a code stands behind the password, and is not asked for with ACCT.
    code_behind_password: bool,
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
        let changes = |account: &Account| account.view.changes();
        if self.anonymous.as_ref().is_some_and(changes) {
            warnings.add("anonymous", "whoever comes along may change files");
        }
        warnings
    }
}

impl Authenticator for Users {
    fn begin(&self, session: &Session<'_>, user: &str) -> Result<Step, Failure> {
        let account = self.account(user).or_else(|| self.anonymous(user));
        if account.is_none() && self.pass_unknown {
            return Ok(Step::Pass);
        }
        let require_tls = self.require_tls || account.is_some_and(|account| account.require_tls);
        if require_tls && !session.secure() {
            return Ok(Step::Deny(Denial::new(DenialReason::NeedsTls)));
        }
        Ok(match account {
            Some(account) if account.shows_certificate(session) => match account.totp {
                Some(_) => ask_for_code(),
                None => account.admit(session, user),
            },
            _ => Step::Ask(Prompt::password()),
        })
    }

    fn answer(
        &self,
        session: &Session<'_>,
        user: &str,
        credential: Credential,
        continuation: &[u8],
    ) -> Result<Step, Failure> {
        match credential {
            Credential::Password(password) => self.password(session, user, password),
            Credential::Account(code) if continuation == CODE_MISSING => {
                self.code(session, user, code.expose())
            }
            _ => Ok(Step::Deny(Denial::credentials())),
        }
    }
}

impl Users {
    /// The account of a user that is listed.
    fn account(&self, user: &str) -> Option<&Account> {
        self.accounts.get(user).map(Box::as_ref)
    }

    /// The account of strangers, if this is their name.
    fn anonymous(&self, user: &str) -> Option<&Account> {
        self.anonymous
            .as_ref()
            .filter(|_| ANONYMOUS.contains(&user))
    }

    /// What a password leads to.
    fn password(
        &self,
        session: &Session<'_>,
        user: &str,
        given: Password,
    ) -> Result<Step, Failure> {
        if let Some(account) = self.anonymous(user) {
            return Ok(account.admit(session, ANONYMOUS[0]));
        }
        let account = self.account(user);
        let has_code = account.is_some_and(|account| account.totp.is_some());
        let (password, code) = match factor::split(&given) {
            Some((password, code)) if self.code_behind_password && has_code => {
                (password, Some(code))
            }
            _ => (given, None),
        };
        let Some(account) = self.verify(account, &password)? else {
            return Ok(Step::Deny(Denial::credentials()));
        };
        match code {
            Some(code) => self.code(session, user, &code),
            None if has_code && self.code_behind_password => Ok(Step::Deny(
                Denial::credentials().detail("the code is missing"),
            )),
            None if has_code => Ok(ask_for_code()),
            None => Ok(account.admit(session, user)),
        }
    }

    /// What a code leads to that follows a right password or certificate.
    fn code(&self, session: &Session<'_>, user: &str, code: &str) -> Result<Step, Failure> {
        let account = self.account(user);
        if let Some(account) = account
            && let Some(seed) = &account.totp
            && seed.accepts(user, code)?
        {
            return Ok(account.admit(session, user));
        }
        Ok(Step::Deny(
            Denial::credentials().detail("the code is wrong"),
        ))
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

/// Asks for the code of the moment.
fn ask_for_code() -> Step {
    let prompt = Prompt::account().text("Send the code of six digits with ACCT.");
    Step::Ask(prompt.continuation(CODE_MISSING))
}

#[cfg(test)]
mod tests;
