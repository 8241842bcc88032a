//! Who may connect, and who may stay.

use wharf_plugin::{Denial, Failure, Ruling, Session, SessionGuard};

use crate::Settings;

impl SessionGuard for Settings {
    /// Before the greeting. `None` lets the client in.
    fn connect(&self, _session: &Session<'_>) -> Result<Option<Denial>, Failure> {
        Ok(None)
    }

    /// As often as the grant's `revalidate_every` says.
    fn revalidate(&self, _session: &Session<'_>) -> Result<Ruling, Failure> {
        Ok(Ruling::Keep)
    }
}
