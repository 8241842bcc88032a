//! Session guards: asked before the greeting, and before a command once the grant says so.

use std::sync::Arc;

use tracing::info;
use wharf_protocol::effect::{EndReason, Input};

use super::job::{Completed, Job};
use super::{Control, Ended, ending};
use crate::plugin::{Role, SessionRuling};

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
            ruling = plugins.connect(&facts) => ruling,
        };
        Ok(end(&ruling))
    }

    /// Asks whether the session may go on.
    pub(super) fn revalidate(&self) -> Job {
        let (host, facts) = (Arc::clone(&self.host), self.login.facts());
        Box::pin(async move {
            let principal = facts.principal.as_deref().unwrap_or_default();
            Completed::Revalidated(host.plugins.current().revalidate(&facts, principal).await)
        })
    }

    /// What the guards' ruling means to the session: the command that waited for it, or the end.
    pub(super) fn rule(&mut self, ruling: SessionRuling) -> Option<Input> {
        let held = self.held.take();
        if let Some(reason) = end(&ruling) {
            return Some(Input::End(reason));
        }
        match ruling {
            SessionRuling::Replace(identity) => self.login.replace(*identity, &self.host),
            _ => self.login.keep(),
        }
        held
    }
}

/// Why the session ends, if it does.
fn end(ruling: &SessionRuling) -> Option<EndReason> {
    match ruling {
        SessionRuling::Keep | SessionRuling::Replace(_) => None,
        SessionRuling::End { text, detail } => {
            info!(detail, "session refused");
            Some(EndReason::Refused { text: text.clone() })
        }
        SessionRuling::Undecided => Some(EndReason::Undecided),
    }
}
