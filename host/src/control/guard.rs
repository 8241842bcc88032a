//! Session guards: asked before the greeting, and before a command once the grant says so.

use std::sync::Arc;

use tracing::info;
use wharf_protocol::effect::{EndReason, Input};

use super::job::{Completed, Job};
use super::login::Grant;
use super::{Control, Ended, ending};
use crate::plugin::{Role, SessionRuling};

/// What came of asking whether a session may go on.
pub(super) enum Revalidated {
    /// It may, as it is.
    Keep,
    /// It may, with another grant.
    Replace(Box<Grant>),
    /// It may not.
    End(EndReason),
}

impl Control {
    /// Why the client is not greeted, if it is not.
    pub(super) async fn ask_before_greeting(&mut self) -> Result<Option<EndReason>, Ended> {
        let plugins = self.host.plugins.current();
        if plugins.of(Role::SessionGuard).is_empty() {
            return Ok(None);
        }
        let facts = self.login.facts();
        let mut phase = self.host.phase.clone();
        let ruling = tokio::select! {
            biased;
            _ = ending(&mut phase, false) => return Err(Ended::Stopped),
            // Boxed: the call would otherwise take room in every session for its whole life.
            ruling = Box::pin(plugins.connect(&facts)) => ruling,
        };
        Ok(end(&ruling))
    }

    /// Asks whether the session may go on.
    pub(super) fn revalidate(&self) -> Job {
        let (host, facts) = (Arc::clone(&self.host), self.login.facts());
        Box::pin(async move {
            let principal = facts.principal.as_deref().unwrap_or_default();
            let ruling = host.plugins.current().revalidate(&facts, principal).await;
            Completed::Revalidated(match ruling {
                SessionRuling::Replace(identity) => {
                    match Grant::new(*identity, &facts, &host).await {
                        Some(grant) => Revalidated::Replace(grant),
                        None => Revalidated::End(EndReason::Undecided),
                    }
                }
                ruling => end(&ruling).map_or(Revalidated::Keep, Revalidated::End),
            })
        })
    }

    /// What the client said during a transfer is to be done when that ends, and must not be where
    /// the guards are to be asked first.
    pub(super) fn hold_back(&mut self) {
        if self.login.is_to_be_revalidated() {
            // Nothing follows from it but that the rest waits.
            self.session.handle(Input::HoldBack);
        }
    }

    /// What that means to the session: the command that waited for it, or the end.
    pub(super) fn rule(&mut self, outcome: Revalidated) -> Option<Input> {
        let held = self.held.take();
        match outcome {
            Revalidated::Keep => self.login.keep(),
            Revalidated::Replace(grant) => self.login.replace(*grant),
            Revalidated::End(reason) => return Some(Input::End(reason)),
        }
        held
    }
}

/// Why the session ends, if it does.
fn end(ruling: &SessionRuling) -> Option<EndReason> {
    match ruling {
        SessionRuling::Keep | SessionRuling::Replace(_) => None,
        SessionRuling::End { reason, detail } => {
            info!(detail, "session refused");
            Some(reason.clone())
        }
        SessionRuling::Undecided => Some(EndReason::Undecided),
    }
}
