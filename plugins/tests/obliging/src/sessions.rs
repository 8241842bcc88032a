//! `session-guard`: the settings `connect` and `revalidate` name the deeds.
//!
//! `refuse`, `lines`, `long`: denied with that text, which ends a session. `replace`: a session
//! goes on, seeing `local` from its root and changing nothing. `once`: it is refused the second
//! time it is looked at.

use wharf_plugin::{Denial, Failure, Grant, Operations, Ruling, Session, SessionGuard};

use crate::Obliging;
use crate::deed::{denial, perform};

impl SessionGuard for Obliging {
    fn connect(&self, _session: &Session<'_>) -> Result<Option<Denial>, Failure> {
        let deed = &self.settings.connect;
        perform(deed, &self.settings)?;
        Ok(denial(deed))
    }

    fn revalidate(&self, session: &Session<'_>) -> Result<Ruling, Failure> {
        let deed = self.settings.revalidate.as_str();
        perform(deed, &self.settings)?;
        if let Some(denial) = denial(deed) {
            return Ok(Ruling::End(denial));
        }
        Ok(match deed {
            "replace" => {
                let principal = session.principal().unwrap_or_default();
                let grant = Grant::new(&principal).root("local", "");
                Ruling::Replace(grant.allow("/**", Operations::READ))
            }
            "once" if session.recall("seen").is_some() => {
                Ruling::End(Denial::credentials().text("seen twice"))
            }
            "once" => {
                session.remember("seen", b"yes");
                Ruling::Keep
            }
            _ => Ruling::Keep,
        })
    }
}
