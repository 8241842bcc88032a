//! `authenticator`: users called `begin-DEED` and `answer-DEED` ask for a deed, those when they
//! give their name, these when they give their password. Whoever has another name is not known
//! here.
//!
//! `refuse`, `lines`, `long`: denied with that text.

use wharf_plugin::{Authenticator, Credential, Failure, Prompt, Session, Step};

use crate::deed::{denial, perform};
use crate::{Obliging, asked};

impl Authenticator for Obliging {
    fn begin(&self, _session: &Session<'_>, user: &str) -> Result<Step, Failure> {
        match (asked(user, "begin"), asked(user, "answer")) {
            (Some(deed), _) => self.decide(deed),
            (None, Some(_)) => Ok(Step::Ask(Prompt::password())),
            (None, None) => Ok(Step::Pass),
        }
    }

    fn answer(
        &self,
        _session: &Session<'_>,
        user: &str,
        _credential: Credential,
        _continuation: &[u8],
    ) -> Result<Step, Failure> {
        self.decide(asked(user, "answer").unwrap_or_default())
    }
}

impl Obliging {
    fn decide(&self, deed: &str) -> Result<Step, Failure> {
        perform(deed, &self.settings)?;
        Ok(denial(deed).map_or(Step::Pass, Step::Deny))
    }
}
