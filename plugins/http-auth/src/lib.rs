//! Lets in whom a web service lets in, and asks it again while they are there.
//!
//! The service says yes (2xx), no (401 or 403), or nothing that helps: then nobody is told that a
//! password is wrong.

mod answer;
mod digest;
mod exchange;
mod kind;
mod memory;
mod settings;

use std::time::Duration;

use wharf_plugin::{
    Authenticator, Credential, Denial, DenialReason, Failure, Grant, Lifecycle, Problems, Prompt,
    Ruling, Session, SessionGuard, Step, View, config, log,
};

use crate::answer::Parts;
use crate::exchange::{Endpoint, Service, Verdict};
use crate::kind::Kind;
use crate::memory::Memory;

/// How users are asked about.
struct HttpAuth {
    kind: Kind,
    service: Service,
    login: Endpoint,
    recheck: Option<Recheck>,
    /// Whether nobody logs in without TLS.
    require_tls: bool,
    /// What a user is granted.
    view: View,
    /// What of it the service may say.
    parts: Parts,
}

/// How it is asked again.
struct Recheck {
    every: Duration,
    /// Another place than that of the login.
    endpoint: Option<Endpoint>,
    /// Whether who is in stays in while nobody can decide.
    keeps_undecided: bool,
}

wharf_plugin::export!(HttpAuth: Authenticator + SessionGuard);

impl Lifecycle for HttpAuth {
    fn start() -> Result<Self, Problems> {
        config::parse::<settings::Settings>()?.resolve()
    }

    fn warnings(&self) -> Problems {
        let mut warnings = Problems::new();
        let recheck = self.recheck.as_ref().and_then(|it| it.endpoint.as_ref());
        for (key, endpoint) in [("url", Some(&self.login)), ("recheck.url", recheck)] {
            let in_clear = endpoint.is_some_and(|it| it.url.starts_with("http:"));
            if in_clear && !self.kind.is_digest() {
                warnings.add(key, "is not encrypted, and passwords travel to it in clear");
            }
        }
        if self.kind.takes_any_name() && self.trusts_names() {
            let message = "is made of a name, and whoever has a token chooses his; let the service \
                           say the `principal`, and make it of {principal}";
            warnings.add("grant.root", message);
        }
        if self.service.redirects > 0 {
            let message = "a service that redirects whom it does not know to a page for \
                           logging in, which answers 200, lets everybody in";
            warnings.add("redirects", message);
        }
        warnings
    }
}

impl Authenticator for HttpAuth {
    fn begin(&self, session: &Session<'_>, _user: &str) -> Result<Step, Failure> {
        Memory::forget(session);
        if self.require_tls && !session.secure() {
            return Ok(Step::Deny(Denial::new(DenialReason::NeedsTls)));
        }
        Ok(Step::Ask(Prompt::password()))
    }

    fn answer(
        &self,
        session: &Session<'_>,
        user: &str,
        credential: Credential,
        _continuation: &[u8],
    ) -> Result<Step, Failure> {
        let Credential::Password(password) = credential else {
            return Ok(Step::Deny(Denial::credentials()));
        };
        let proof = match self.kind.proof(user, password.expose())? {
            Ok(proof) => proof,
            Err(why) => return Ok(Step::Deny(Denial::credentials().detail(why))),
        };
        let mut nonce = None;
        let asked = self
            .kind
            .ask(&self.service, &self.login, &proof, &mut nonce);
        let response = match asked? {
            Verdict::Accepted(response) => response,
            Verdict::Refused(why) => return Ok(Step::Deny(Denial::credentials().detail(why))),
        };
        let said = self.parts.read(&response)?.unwrap_or_default();
        self.parts.check(&said)?;
        let grant = match self.grant(&said.or(&self.view), user) {
            Ok(grant) => grant,
            Err(denial) => return Ok(Step::Deny(denial)),
        };
        if self.recheck.is_some() {
            Memory { proof, nonce }.keep(session)?;
        }
        Ok(Step::Grant(grant))
    }
}

impl SessionGuard for HttpAuth {
    fn revalidate(&self, session: &Session<'_>) -> Result<Ruling, Failure> {
        // Whoever came in otherwise is not this plugin's to judge.
        let (Some(recheck), Some(mut memory)) = (&self.recheck, Memory::of(session)) else {
            return Ok(Ruling::Keep);
        };
        let asked = match &recheck.endpoint {
            Some(other) => {
                self.kind
                    .ask_again(&self.service, other, &memory.proof, &mut memory.nonce)
            }
            None => self
                .kind
                .ask(&self.service, &self.login, &memory.proof, &mut memory.nonce),
        };
        let response = match asked {
            Ok(Verdict::Accepted(response)) => response,
            Err(failure) if recheck.keeps_undecided => {
                let cause = failure.to_string();
                log::warn(
                    "nobody can decide, so the session goes on",
                    &[("cause", &cause)],
                );
                return Ok(Ruling::Keep);
            }
            Err(failure) => return Err(failure),
            Ok(Verdict::Refused(why)) => return Ok(Ruling::End(Denial::credentials().detail(why))),
        };
        memory.keep(session)?;
        let Some(said) = self.parts.read(&response)? else {
            return Ok(Ruling::Keep);
        };
        self.parts.check(&said)?;
        Ok(match self.grant(&said.or(&self.view), &memory.proof.user) {
            Ok(grant) => Ruling::Replace(grant),
            Err(denial) => Ruling::End(denial),
        })
    }
}

impl HttpAuth {
    /// Whether what a user sees depends on a name that the service does not say.
    fn trusts_names(&self) -> bool {
        let mounts = self.view.mounts.iter().flatten();
        let mut roots = self.view.root.iter().chain(mounts.map(|mount| &mount.root));
        let says_principal = self.parts.may_say("principal");
        roots.any(|root| root.contains("{user}") || root.contains("{principal}") && !says_principal)
    }

    /// What `view` grants to the user for as long as it is not asked again.
    fn grant(&self, view: &View, user: &str) -> Result<Grant, Denial> {
        let grant = view.grant(user)?;
        Ok(match &self.recheck {
            Some(recheck) => grant.revalidate_every(recheck.every),
            None => grant,
        })
    }
}

#[cfg(test)]
mod tests;
