//! The stage *who*: credentials in, an identity or a denial out.
//!
//! Plugins are asked in the order of their file names until one does not pass. Whatever goes wrong
//! with a plugin ends the login undecided: those behind it are not asked, since one of them might
//! let in whom it would have refused.

use std::sync::Arc;

use wharf_protocol::effect::{Credential, LoginDenial};

use super::Plugins;
use super::authenticator::{Answer, PromptKind, Step};
use super::bindings::imports::wharf::plugin::types::{Denial, DenialReason};
use super::call::Plugin;
use super::denial;
use super::facts::SessionFacts;
use super::fault::CallError;
use super::login::{Continuation, Login};
use super::role::Role;
use super::text::one_line;
use crate::identity::Identity;

impl Plugins {
    /// USER: what the first plugin that does not pass makes of it.
    pub async fn begin(&self, session: Arc<SessionFacts>, user: &str) -> Login {
        self.ask_from(0, session, user, None).await
    }

    /// PASS or ACCT: what the plugin that asked makes of it, and those behind it where it passes.
    pub async fn answer(
        &self,
        session: Arc<SessionFacts>,
        continuation: Continuation,
        credential: Credential,
    ) -> Login {
        let answer = match credential {
            Credential::User(user) => return self.begin(session, &user).await,
            Credential::Password(secret) => Answer {
                kind: PromptKind::Password,
                secret,
            },
            Credential::Account(secret) => Answer {
                kind: PromptKind::Account,
                secret,
            },
        };
        let Continuation {
            plugin,
            sha256,
            user,
            state,
        } = continuation;
        let same = |asked: &&Arc<Plugin>| asked.name() == plugin && asked.facts.sha256 == sha256;
        let mut authenticators = self.of(Role::Authenticator).iter();
        let Some(index) = authenticators.position(|asked| same(&asked)) else {
            // It was replaced meanwhile, so nobody knows what it would have made of the answer. The
            // login begins anew, and the answer goes to whoever asks for the same.
            return self.ask_from(0, session, &user, Some(&answer)).await;
        };
        let plugin = &self.of(Role::Authenticator)[index];
        match plugin
            .answer(Arc::clone(&session), &user, &answer, &state)
            .await
        {
            Ok(Step::Pass) => {
                self.ask_from(index + 1, session, &user, Some(&answer))
                    .await
            }
            step => self.login(plugin, &session, &user, step),
        }
    }

    /// Asks the authenticators from `first` on. An answer that an earlier one passed on goes to the
    /// next one that asks for the same.
    async fn ask_from(
        &self,
        first: usize,
        session: Arc<SessionFacts>,
        user: &str,
        given: Option<&Answer>,
    ) -> Login {
        for plugin in self.of(Role::Authenticator).iter().skip(first) {
            let mut step = plugin.begin(Arc::clone(&session), user).await;
            if let (Ok(Step::Ask(prompt)), Some(given)) = (&step, given)
                && prompt.kind == given.kind
            {
                let session = Arc::clone(&session);
                step = plugin
                    .answer(session, user, given, &prompt.continuation)
                    .await;
            }
            if !matches!(step, Ok(Step::Pass)) {
                return self.login(plugin, &session, user, step);
            }
        }
        if self.of(Role::Authenticator).is_empty() {
            let cause = "no authenticator is loaded".to_owned();
            return undecided(&session, "none".to_owned(), cause);
        }
        Login::Denied {
            reason: LoginDenial::Credentials,
            text: None,
            detail: "every authenticator passed".to_owned(),
        }
    }

    /// A grant that counts on being looked at again is worth nothing where nobody would.
    fn can_be_kept(&self, identity: Identity) -> Result<Identity, String> {
        match identity.revalidate_every {
            Some(_) if self.of(Role::SessionGuard).is_empty() => {
                Err("it is to be revalidated, and no session-guard is loaded".to_owned())
            }
            _ => Ok(identity),
        }
    }

    fn login(
        &self,
        plugin: &Plugin,
        session: &SessionFacts,
        user: &str,
        step: Result<Step, CallError>,
    ) -> Login {
        let granted = step.and_then(|step| match step {
            Step::Grant(draft) => draft
                .finish(&self.sinks)
                .and_then(|identity| self.can_be_kept(identity))
                .map(|identity| Login::Granted(Box::new(identity)))
                .map_err(|fault| plugin.nonsense("begin", format!("its grant: {fault}"))),
            Step::Ask(prompt) => {
                let text = prompt.text.as_deref().map(one_line);
                let continuation = Continuation {
                    plugin: plugin.name().to_owned(),
                    sha256: plugin.facts.sha256,
                    user: user.to_owned(),
                    state: prompt.continuation,
                };
                Ok(match prompt.kind {
                    PromptKind::Password => Login::NeedPassword { text, continuation },
                    PromptKind::Account => Login::NeedAccount { text, continuation },
                })
            }
            Step::Deny(denial) => Ok(denied(plugin, denial)),
            Step::Pass => Err(plugin.nonsense("begin", "it passed")),
        });
        granted
            .unwrap_or_else(|cause| undecided(session, plugin.name().to_owned(), cause.to_string()))
    }
}

fn denied(plugin: &Plugin, denial: Denial) -> Login {
    let reason = match denial.reason {
        DenialReason::Credentials => LoginDenial::Credentials,
        DenialReason::NeedsTls => LoginDenial::NeedsTls,
        _ => LoginDenial::Other,
    };
    let detail = denial::for_log(plugin.name(), &denial);
    let text = denial::text(&denial);
    Login::Denied {
        reason,
        text,
        detail,
    }
}

fn undecided(session: &SessionFacts, plugin: String, cause: String) -> Login {
    // Much of it may be the plugin's own words.
    let cause = one_line(&cause);
    tracing::error!(
        session = session.id,
        plugin,
        cause,
        "login undecided: a plugin failed"
    );
    Login::Undecided { plugin, cause }
}
