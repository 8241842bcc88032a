//! The `session-guard` role: who may connect at all, and whether a session may go on.
//!
//! All guards are asked in the order of their file names, and the first denial stands. A guard that
//! fails denies, unless the operator said otherwise.

use std::sync::Arc;

use wasmtime::Store;
use wharf_protocol::effect::EndReason;

use super::Plugins;
use super::bindings::imports::wharf::plugin::types::Denial;
use super::bindings::session_guard::exports::wharf::plugin::session_guard as wit;
use super::call::Plugin;
use super::denial;
use super::facts::SessionFacts;
use super::fault::CallError;
use super::imports::grants::GrantDraft;
use super::instance::{InstanceState, PluginInstance};
use super::role::Role;
use super::sidecar::OnFailure;
use super::text::one_line;
use crate::identity::Identity;

/// What the guards make of a session.
#[derive(Debug)]
pub enum SessionRuling {
    /// It may go on.
    Keep,
    /// It may go on with this grant.
    Replace(Box<Identity>),
    /// It ends.
    End {
        /// What the client hears; the text is safe to show.
        reason: EndReason,
        /// For the log.
        detail: String,
    },
    /// It ends because nobody could decide.
    Undecided,
}

/// What one guard made of a session.
enum Ruling {
    Keep,
    Replace(Box<GrantDraft>),
    End(Denial),
}

impl Plugins {
    /// A client has connected: whether it is greeted. Never a replacement, since there is no grant.
    pub async fn connect(&self, session: &Arc<SessionFacts>) -> SessionRuling {
        for guard in self.of(Role::SessionGuard) {
            match guard.connect(Arc::clone(session)).await {
                Ok(None) => {}
                Ok(Some(denial)) => {
                    let text = denial::text(&denial);
                    return ended(guard, &denial, EndReason::Refused { text });
                }
                Err(cause) if goes_on(guard, session, &cause) => {}
                Err(_) => return SessionRuling::Undecided,
            }
        }
        SessionRuling::Keep
    }

    /// Whether a session of the logged-in `principal` may go on. Where several guards replace the
    /// grant, the last one's holds.
    pub async fn revalidate(&self, session: &Arc<SessionFacts>, principal: &str) -> SessionRuling {
        let mut ruling = SessionRuling::Keep;
        for guard in self.of(Role::SessionGuard) {
            let answer = guard.revalidate(Arc::clone(session)).await;
            match answer.and_then(|answer| self.in_host_terms(guard, answer, principal)) {
                Ok(SessionRuling::Keep) => {}
                Ok(replaced @ SessionRuling::Replace(_)) => ruling = replaced,
                Ok(ended) => return ended,
                Err(cause) if goes_on(guard, session, &cause) => {}
                Err(_) => return SessionRuling::Undecided,
            }
        }
        ruling
    }

    fn in_host_terms(
        &self,
        guard: &Plugin,
        ruling: Ruling,
        principal: &str,
    ) -> Result<SessionRuling, CallError> {
        let grant = match ruling {
            Ruling::Keep => return Ok(SessionRuling::Keep),
            Ruling::End(denial) => {
                let reason = denial::end(&denial);
                return Ok(ended(guard, &denial, reason));
            }
            Ruling::Replace(grant) => grant,
        };
        let nonsense = |fault| guard.nonsense("revalidate", format!("its grant: {fault}"));
        let identity = grant.finish(&self.sinks).map_err(nonsense)?;
        // What is counted and logged for one principal must not become another's in between.
        match identity.principal == principal {
            true => Ok(SessionRuling::Replace(Box::new(identity))),
            false => Err(nonsense("it is for another principal".to_owned())),
        }
    }
}

fn ended(guard: &Plugin, denial: &Denial, reason: EndReason) -> SessionRuling {
    SessionRuling::End {
        reason,
        detail: denial::for_log(guard.name(), denial),
    }
}

/// Logs that a guard failed, and tells whether that stops nobody.
fn goes_on(guard: &Plugin, session: &SessionFacts, cause: &CallError) -> bool {
    let (session, plugin) = (&session.id, guard.name());
    let cause = one_line(&cause.to_string());
    match guard.facts.on_failure {
        OnFailure::Allow => {
            tracing::warn!(session, plugin, cause, "session goes on: a plugin failed");
            true
        }
        OnFailure::Deny => {
            tracing::error!(session, plugin, cause, "session ended: a plugin failed");
            false
        }
    }
}

impl Plugin {
    async fn connect(&self, session: Arc<SessionFacts>) -> Result<Option<Denial>, CallError> {
        let denial = self.call("connect", session, |instance, client| {
            Box::pin(async move {
                let (guest, store) = guest(instance)?;
                guest.call_connect(store, client).await
            })
        });
        Ok(denial.await??)
    }

    async fn revalidate(&self, session: Arc<SessionFacts>) -> Result<Ruling, CallError> {
        let ruling = self.call("revalidate", session, |instance, client| {
            Box::pin(async move {
                let (guest, store) = guest(instance)?;
                Ok(match guest.call_revalidate(&mut *store, client).await? {
                    Ok(wit::Ruling::Keep) => Ok(Ruling::Keep),
                    Ok(wit::Ruling::End(denial)) => Ok(Ruling::End(denial)),
                    Ok(wit::Ruling::Replace(grant)) => {
                        let grant = store.data_mut().table.delete(grant)?;
                        Ok(Ruling::Replace(Box::new(grant)))
                    }
                    Err(failure) => Err(failure),
                })
            })
        });
        Ok(ruling.await??)
    }
}

fn guest(
    instance: &mut PluginInstance,
) -> wasmtime::Result<(&wit::Guest, &mut Store<InstanceState>)> {
    let PluginInstance { exports, store, .. } = instance;
    let role = exports
        .session_guard
        .as_ref()
        .ok_or_else(|| wasmtime::format_err!("no session guard"))?;
    Ok((role.wharf_plugin_session_guard(), store))
}
