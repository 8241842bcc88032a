//! One answer of a client that logs in: whether it is listened to, what the authenticators say of
//! it, and what a no costs.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::time::sleep;
use tracing::{info, warn};
use wharf_protocol::effect::{Credential, LoginDenial};

use super::{Answer, Grant};
use crate::admission::FailedLogin;
use crate::control::Control;
use crate::control::job::{Completed, Job};
use crate::host::Host;
use crate::plugin::{Continuation, Login, SessionFacts};

impl Control {
    /// Asks the authenticators. A denial is counted against the client's address, and its reply
    /// waits the longer the more there were; a wrong password is counted against the user too.
    pub(in crate::control) fn log_in(&mut self, credential: Credential) -> Job {
        if let Credential::User(user) = &credential {
            self.login.set_user(user);
        }
        let attempt = LoginAttempt {
            facts: self.login.facts(),
            continuation: self.login.continuation.take(),
            peer: self.peer.ip(),
            host: Arc::clone(&self.host),
        };
        Box::pin(async move { Completed::LoggedIn(attempt.answer(credential).await) })
    }
}

struct LoginAttempt {
    facts: Arc<SessionFacts>,
    continuation: Option<Continuation>,
    peer: IpAddr,
    host: Arc<Host>,
}

/// Why somebody is not let in.
struct Denial {
    reason: LoginDenial,
    text: Option<String>,
    detail: String,
    /// The user is locked: it was not looked at whether the password is right.
    locked: bool,
}

impl LoginAttempt {
    async fn answer(mut self, credential: Credential) -> Answer {
        let admission = &self.host.admission;
        if admission.ban_left(self.peer, Instant::now()).is_some() {
            return Answer::Banned;
        }
        let guesses = !matches!(credential, Credential::User(_));
        // Nobody is asked about the password of a locked user: whether it is right shows neither
        // in the reply nor in the time that it takes.
        if guesses && self.is_locked() {
            return self.denied(Denial::locked(), guesses).await;
        }
        let facts = Arc::clone(&self.facts);
        match self.ask(credential).await {
            Login::Denied {
                reason,
                text,
                detail,
            } => {
                let denial = Denial {
                    reason,
                    text,
                    detail,
                    locked: false,
                };
                self.denied(denial, guesses).await
            }
            // Others may have guessed at it at the same time, more often than is allowed.
            _ if guesses && self.is_locked() => self.denied(Denial::locked(), guesses).await,
            Login::Granted(identity) => match Grant::new(*identity, &facts, &self.host).await {
                Some(grant) => Answer::Granted(grant),
                // A grant is worth something only where it is known what it leads to.
                None => Answer::Unmapped,
            },
            other => Answer::Login(other),
        }
    }

    async fn ask(&mut self, credential: Credential) -> Login {
        let plugins = self.host.plugins.current();
        let facts = Arc::clone(&self.facts);
        match (credential, self.continuation.take()) {
            (Credential::User(user), _) => plugins.begin(facts, &user).await,
            (credential, Some(continuation)) => {
                plugins.answer(facts, continuation, credential).await
            }
            // The session takes PASS and ACCT only behind a prompt, which left one.
            (_, None) => Login::Denied {
                reason: LoginDenial::Other,
                text: None,
                detail: "an answer without a prompt".to_owned(),
            },
        }
    }

    /// Tells of a denial, once it has cost what it does.
    async fn denied(&self, denial: Denial, guessed: bool) -> Answer {
        let Denial {
            reason,
            text,
            detail,
            locked,
        } = denial;
        let mut failed = FailedLogin::FREE;
        // Not for want of TLS: many clients try in clear first, and all of an office are one
        // address.
        if reason != LoginDenial::NeedsTls {
            failed = self.cost(guessed);
        }
        info!(detail, banned = failed.banned, "login failed");
        sleep(failed.delay).await;
        Answer::Failed {
            reason,
            text,
            detail,
            banned: failed.banned,
            locked,
        }
    }

    /// Counts a failure against the address and, where it was a guess, against the user.
    fn cost(&self, guessed: bool) -> FailedLogin {
        let (admission, now) = (&self.host.admission, Instant::now());
        if let Some(user) = self.facts.user.as_deref().filter(|_| guessed)
            && admission.wrong_password(user, now)
        {
            warn!(user, "too many logins failed, the user is locked");
        }
        admission.failed_login(self.peer, now)
    }

    fn is_locked(&self) -> bool {
        let user = self.facts.user.as_deref();
        user.is_some_and(|user| self.host.admission.is_locked(user, Instant::now()))
    }
}

impl Denial {
    /// In the words of a wrong password.
    fn locked() -> Self {
        Self {
            reason: LoginDenial::Credentials,
            text: None,
            detail: "the user is locked, as too many logins failed".to_owned(),
            locked: true,
        }
    }
}
