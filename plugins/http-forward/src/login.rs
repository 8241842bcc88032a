//! The login with the application's own users, so that their passwords stay in one plugin.

use std::time::Duration;

use serde_json::Value;
use wharf_plugin::http::Request;
use wharf_plugin::{
    Authenticator, Credential, Denial, Failure, Grant, Location, Operations, Password, Prompt,
    Session, Step,
};

use crate::Forward;
use crate::answer::{Accept, Verdict};
use crate::template::Values;

/// How the application is asked who may log in.
pub struct Login {
    pub url: String,
    pub json: Value,
    pub accept: Accept,
    /// Where uploads are received.
    pub root: Location,
}

/// Under which name the password of a user is remembered, in the memory of his session.
pub fn note(user: &str) -> String {
    format!("password/{user}")
}

impl Login {
    fn ask(&self, user: &str, password: &Password, wait: Duration) -> Result<Verdict, Failure> {
        let values = Values {
            account: user,
            user,
            password: password.expose(),
            ..Values::default()
        };
        let (json, _) = values.json(&self.json);
        let request = Request::post(&self.url).header("content-type", "application/json");
        let response = request.timeout(wait).body(json).send()?;
        if response.status == 401 {
            let (reason, large) = (None, false);
            return Ok(Verdict::Refused { reason, large });
        }
        self.accept.judge(&response, password.expose())
    }
}

impl Authenticator for Forward {
    fn begin(&self, _session: &Session<'_>, _user: &str) -> Result<Step, Failure> {
        Ok(match self.login {
            Some(_) => Step::Ask(Prompt::password()),
            None => Step::Pass,
        })
    }

    fn answer(
        &self,
        session: &Session<'_>,
        user: &str,
        credential: Credential,
        _continuation: &[u8],
    ) -> Result<Step, Failure> {
        let (Some(login), Credential::Password(password)) = (&self.login, credential) else {
            return Ok(Step::Pass);
        };
        if let Verdict::Refused { reason, .. } = login.ask(user, &password, self.timeout)? {
            let denial = Denial::credentials();
            return Ok(Step::Deny(match reason {
                Some(reason) => denial.detail(format!("the application: {reason}")),
                None => denial,
            }));
        }
        if self.account.is_none() && !session.remember(&note(user), password.expose().as_bytes()) {
            return Err(Failure::Internal("the password is too long".into()));
        }
        let grant = Grant::new(user).root(&login.root.sink, &login.root.key);
        Ok(Step::Grant(grant.allow("/**", Operations::ALL)))
    }
}
