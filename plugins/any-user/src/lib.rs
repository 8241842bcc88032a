//! Lets in everybody: for tests, and for networks in which whoever is there may do everything.

use serde::Deserialize;
use wharf_plugin::{
    Authenticator, Credential, Denial, DenialReason, Failure, Lifecycle, Operations, Problems,
    Prompt, Session, Step, View, config, log,
};

/// Who is let in, and to what.
struct AnyUser {
    who: Who,
    in_clear: bool,
    view: View,
}

/// Who is let in.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Who {
    /// Without a password.
    Everybody,
    /// With whatever password, but not as `root`.
    AllButRoot,
}

/// The `[config]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    who: Who,
    #[serde(default)]
    in_clear: bool,
    #[serde(default)]
    grant: View,
}

wharf_plugin::export!(AnyUser: Authenticator);

impl Lifecycle for AnyUser {
    fn start() -> Result<Self, Problems> {
        let Settings {
            who,
            in_clear,
            grant,
        } = config::parse()?;
        let mut problems = Problems::new();
        grant.check("grant", &mut problems);
        problems.or(Self {
            who,
            in_clear,
            // Whoever wants more for strangers says so.
            view: View {
                permissions: grant.permissions.or(Some(Operations::READ)),
                ..grant
            },
        })
    }

    fn warnings(&self) -> Problems {
        let mut warnings = Problems::new();
        warnings.add(
            "who",
            match self.who {
                Who::Everybody => "EVERYBODY IS LET IN, without a password",
                Who::AllButRoot => "EVERYBODY IS LET IN, with whatever password",
            },
        );
        if self.view.changes() {
            warnings.add("grant", "WHOEVER COMES ALONG MAY CHANGE FILES");
        }
        if self.in_clear {
            let message = "IN CLEAR TOO: whoever is on the way reads and changes what is \
                           transferred, and nobody can tell who was there";
            warnings.add("in-clear", message);
        }
        warnings
    }
}

impl Authenticator for AnyUser {
    fn begin(&self, session: &Session<'_>, user: &str) -> Result<Step, Failure> {
        if !session.secure() && !self.in_clear {
            return Ok(Step::Deny(Denial::new(DenialReason::NeedsTls)));
        }
        Ok(match self.who {
            Who::Everybody => self.admit(session, user),
            Who::AllButRoot => Step::Ask(Prompt::password()),
        })
    }

    fn answer(
        &self,
        session: &Session<'_>,
        user: &str,
        _credential: Credential,
        _continuation: &[u8],
    ) -> Result<Step, Failure> {
        Ok(match user.trim().to_lowercase().as_str() {
            "root" if self.who == Who::AllButRoot => {
                Step::Deny(Denial::credentials().detail("nobody is root"))
            }
            _ => self.admit(session, user),
        })
    }
}

impl AnyUser {
    fn admit(&self, session: &Session<'_>, user: &str) -> Step {
        let secure = if session.secure() { "true" } else { "false" };
        log::warn(
            "let in without a look at who it is",
            &[("user", user), ("tls", secure)],
        );
        match self.view.grant(user) {
            Ok(grant) => Step::Grant(grant),
            Err(denial) => Step::Deny(denial),
        }
    }
}

#[cfg(test)]
mod tests;
