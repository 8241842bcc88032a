//! Who is logged in on a control connection, and how far a login has come.

mod attempt;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::task::spawn_blocking;
use tokio::time;
use tracing::{error, info, warn};
use wharf_protocol::effect::{LoginDenial, LoginStep};

use crate::admission::{Refusal, SessionPermit};
use crate::host::Host;
use crate::identity::Identity;
use crate::limits;
use crate::metrics::{self, LoginOutcome};
use crate::plugin::{self, Continuation, SessionFacts, SessionNotes, TlsFacts};
use crate::sessions::{Sessions, ShownSession};
use crate::storage::Storage;

/// The login of one control connection.
pub(super) struct Login {
    facts: Arc<SessionFacts>,
    /// What plugins had noted before anybody began to log in; `None` until then.
    before: Option<SessionNotes>,
    /// The facts, for whoever looks from outside.
    shown: ShownSession,
    /// Set between a prompt and its answer.
    continuation: Option<Continuation>,
    user: Option<User>,
}

/// A logged-in user.
struct User {
    identity: Arc<Identity>,
    storage: Storage,
    /// When he logged in.
    since: Instant,
    /// When the grant runs out.
    expires: Option<time::Instant>,
    /// When it was last decided that the session may go on.
    validated: time::Instant,
    /// Counts the session against the user's limit until it ends.
    permit: SessionPermit,
}

/// A grant with what it leads to: ready to be taken.
pub(super) struct Grant {
    identity: Arc<Identity>,
    storage: Storage,
    /// Whether the storage keeps times of modification.
    keeps_times: bool,
    facts: Arc<SessionFacts>,
}

impl Grant {
    /// `None` where the path mappers could not tell what it leads to, which is logged.
    pub(super) async fn new(
        identity: Identity,
        facts: &SessionFacts,
        host: &Host,
    ) -> Option<Box<Self>> {
        let facts = Arc::new(facts.granted(&identity));
        let identity = Arc::new(identity);
        let (sinks, plugins) = (Arc::clone(&host.sinks), Arc::clone(&host.plugins));
        match Storage::new(Arc::clone(&identity), sinks, plugins, &facts).await {
            Ok(storage) => {
                let asked = storage.clone();
                let keeps_times = spawn_blocking(move || asked.keeps_times()).await;
                Some(Box::new(Self {
                    identity,
                    storage,
                    keeps_times: keeps_times.unwrap_or_default(),
                    facts,
                }))
            }
            Err(error) => {
                error!(principal = identity.principal, %error, "no telling what the user sees");
                None
            }
        }
    }
}

/// What came of asking the authenticators.
pub(super) enum Answer {
    /// They let the user in, and what he sees is known.
    Granted(Box<Grant>),
    /// They let the user in, and nobody could tell what he sees.
    Unmapped,
    /// They answered.
    Login(plugin::Login),
    /// They said no, and the reply has waited as long as it had to.
    Failed {
        reason: LoginDenial,
        text: Option<String>,
        /// For events: who said so, and why.
        detail: String,
        banned: bool,
        /// They were not asked, as the user is locked.
        locked: bool,
    },
    /// They were not asked.
    Banned,
}

impl Answer {
    /// The whole cause, where it is a no or no decision.
    pub(super) fn cause(&self) -> Option<String> {
        match self {
            Self::Failed { detail, .. } | Self::Login(plugin::Login::Denied { detail, .. }) => {
                Some(detail.clone())
            }
            Self::Login(plugin::Login::Undecided { plugin, cause }) => {
                Some(format!("{plugin}: {cause}"))
            }
            Self::Unmapped => Some("nobody could tell what the user sees".to_owned()),
            Self::Banned => Some(Refusal::Banned.to_string()),
            Self::Granted(_) | Self::Login(_) => None,
        }
    }
}

impl Login {
    /// Nobody is logged in.
    pub(super) fn new(facts: SessionFacts, sessions: &Arc<Sessions>) -> Self {
        let facts = Arc::new(facts);
        Self {
            shown: sessions.show(Arc::clone(&facts)),
            facts,
            before: None,
            continuation: None,
            user: None,
        }
    }

    /// The user, once logged in.
    pub(super) fn identity(&self) -> Option<&Identity> {
        self.user.as_ref().map(|user| &*user.identity)
    }

    /// What the user can reach.
    pub(super) fn storage(&self) -> Option<Storage> {
        self.user.as_ref().map(|user| user.storage.clone())
    }

    /// Since when somebody is logged in.
    pub(super) fn since(&self) -> Option<Instant> {
        self.user.as_ref().map(|user| user.since)
    }

    /// When the grant runs out.
    pub(super) fn expires(&self) -> Option<time::Instant> {
        self.user.as_ref()?.expires
    }

    /// Whether the session guards are to be asked before the next command.
    pub(super) fn is_to_be_revalidated(&self) -> bool {
        self.user.as_ref().is_some_and(|user| {
            let every = user.identity.revalidate_every;
            every.is_some_and(|every| user.validated.elapsed() >= every)
        })
    }

    /// The session may go on as it is.
    pub(super) fn keep(&mut self) {
        if let Some(user) = &mut self.user {
            user.validated = time::Instant::now();
        }
    }

    /// The session may go on with another grant.
    pub(super) fn replace(&mut self, grant: Grant) {
        if let Some(User { permit, since, .. }) = self.user.take() {
            self.take(grant, permit, since);
        }
    }

    /// What plugins may know of the session now.
    pub(super) fn facts(&self) -> Arc<SessionFacts> {
        Arc::clone(&self.facts)
    }

    /// What is seen of the session from outside.
    pub(super) fn shown(&self) -> &ShownSession {
        &self.shown
    }

    /// The control connection is under TLS now, or in clear again.
    pub(super) fn set_tls(&mut self, tls: Option<TlsFacts>) {
        self.change(|facts| facts.tls = tls);
    }

    /// USER: whom the client wants to be.
    fn set_user(&mut self, user: &str) {
        match self.before {
            // Another login was begun before, which need not have come to an end.
            Some(_) => self.forget_notes(),
            None => self.before = Some(self.facts.notes.copied()),
        }
        self.change(|facts| facts.user = Some(user.to_owned()));
    }

    fn change(&mut self, change: impl FnOnce(&mut SessionFacts)) {
        change(Arc::make_mut(&mut self.facts));
        self.shown.update(&self.facts);
    }

    /// Nobody is logged in any more.
    pub(super) fn forget(&mut self) {
        self.continuation = None;
        self.user = None;
        self.change(|facts| {
            facts.user = None;
            facts.principal = None;
            facts.groups.clear();
            facts.attributes.clear();
        });
        self.forget_notes();
    }

    /// What plugins have noted of a login goes with it: it may be a password, and the next user is
    /// another. What they noted of the connection stays.
    fn forget_notes(&mut self) {
        if let Some(before) = &self.before {
            // Not emptied: whoever still tells of the login before has the notes of that one.
            let notes = Arc::new(before.copied());
            self.change(|facts| facts.notes = notes);
        }
    }

    /// Takes note of what the authenticators said and puts it in the session's terms.
    pub(super) fn settle(&mut self, answer: Answer, host: &Host) -> LoginStep {
        let unasked = match &answer {
            Answer::Banned => Some(LoginOutcome::Banned),
            Answer::Failed { locked: true, .. } => Some(LoginOutcome::Locked),
            _ => None,
        };
        let step = self.step(answer, host);
        let outcome = match &step {
            LoginStep::NeedPassword { .. } | LoginStep::NeedAccount { .. } => return step,
            LoginStep::Granted { .. } => LoginOutcome::Granted,
            LoginStep::Denied { .. } => LoginOutcome::Denied,
            LoginStep::Undecided => LoginOutcome::Undecided,
            LoginStep::TooMany { .. } => LoginOutcome::TooMany,
        };
        metrics::logins(unasked.unwrap_or(outcome)).increment(1);
        step
    }

    fn step(&mut self, answer: Answer, host: &Host) -> LoginStep {
        match answer {
            Answer::Banned => LoginStep::TooMany {
                text: Refusal::Banned.to_string(),
            },
            Answer::Failed {
                reason,
                text,
                banned,
                ..
            } => LoginStep::Denied {
                reason,
                text,
                close: banned,
            },
            Answer::Granted(grant) => self.admit(*grant, host),
            Answer::Login(plugin::Login::NeedPassword { text, continuation }) => {
                self.continuation = Some(continuation);
                LoginStep::NeedPassword { text }
            }
            Answer::Login(plugin::Login::NeedAccount { text, continuation }) => {
                self.continuation = Some(continuation);
                LoginStep::NeedAccount { text }
            }
            Answer::Login(plugin::Login::Denied { reason, text, .. }) => LoginStep::Denied {
                reason,
                text,
                close: false,
            },
            // A grant of which nobody knows what it leads to is none.
            Answer::Unmapped
            | Answer::Login(plugin::Login::Granted(_) | plugin::Login::Undecided { .. }) => {
                LoginStep::Undecided
            }
        }
    }

    fn admit(&mut self, grant: Grant, host: &Host) -> LoginStep {
        let identity = &grant.identity;
        let permit = match host
            .admission
            .log_in(&identity.principal, identity.max_sessions)
        {
            Ok(permit) => permit,
            Err(refusal) => {
                warn!(principal = identity.principal, %refusal, "login refused");
                return LoginStep::TooMany {
                    text: refusal.to_string(),
                };
            }
        };
        info!(principal = identity.principal, "logged in");
        let step = LoginStep::Granted {
            home: identity.home.clone(),
            welcome: identity.welcome.clone(),
            modification_times: grant.keeps_times,
        };
        self.take(grant, permit, Instant::now());
        step
    }

    fn take(&mut self, grant: Grant, permit: SessionPermit, since: Instant) {
        let Grant {
            identity,
            storage,
            facts,
            ..
        } = grant;
        self.facts = facts;
        self.shown.update(&self.facts);
        // What has run out already ends at once.
        let expires = identity.expires_at.map(|at| {
            let left = at.duration_since(SystemTime::now()).unwrap_or_default();
            time::Instant::now() + left.min(limits::GRANT_MAX)
        });
        self.user = Some(User {
            identity,
            storage,
            since,
            expires,
            validated: time::Instant::now(),
            permit,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    #[test]
    fn what_is_noted_of_a_login_ends_with_it() {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 21));
        let facts = SessionFacts {
            id: "1".to_owned(),
            listener: "public".to_owned(),
            peer: here,
            local: here,
            tls: None,
            user: None,
            principal: None,
            groups: Vec::new(),
            attributes: Default::default(),
            notes: Arc::default(),
        };
        let mut login = Login::new(facts, &Arc::new(Sessions::default()));
        let note = |login: &Login, key: &str| {
            let kept = login.facts.notes.remember("plugin", key, b"value".to_vec());
            assert!(kept, "{key}");
        };
        let noted = |login: &Login, key: &str| login.facts.notes.recall("plugin", key).is_some();
        note(&login, "connect");
        login.set_user("ann");
        note(&login, "login");
        let told = login.facts();
        assert!(noted(&login, "connect") && noted(&login, "login"));
        login.forget();
        assert!(noted(&login, "connect") && !noted(&login, "login"));
        assert!(told.notes.recall("plugin", "login").is_some());
        // Nor does one that never came to an end leave anything.
        login.set_user("bob");
        note(&login, "login");
        login.set_user("ann");
        assert!(noted(&login, "connect") && !noted(&login, "login"));
    }
}
