//! `session-guard`: the settings `connect`, `connect-from` and `revalidate` name the deeds, and
//! users called `revalidate-DEED` ask for one.
//!
//! `refuse`, `lines`, `long`: denied with that text, which ends a session. `replace`: a session
//! goes on, seeing `local` from its root and changing nothing. `once`: it is refused the second
//! time it is looked at.

use wharf_plugin::{Denial, Failure, Grant, Operations, Ruling, Session, SessionGuard};

use crate::deed::{denial, perform};
use crate::{Obliging, asked};

impl SessionGuard for Obliging {
    fn connect(&self, session: &Session<'_>) -> Result<Option<Denial>, Failure> {
        let peer = session.peer().address.to_string();
        let from = self.settings.connect_from.get(&peer);
        let deed = from.unwrap_or(&self.settings.connect);
        perform(deed, &self.settings)?;
        Ok(denial(deed))
    }

    fn revalidate(&self, session: &Session<'_>) -> Result<Ruling, Failure> {
        let user = session.user().unwrap_or_default();
        let deed = asked(&user, "revalidate").unwrap_or(&self.settings.revalidate);
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
