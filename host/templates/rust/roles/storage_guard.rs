//! Whether an operation may be done, and where.

use wharf_plugin::{
    Decision, Denial, DenialReason, Failure, Intent, Operation, Session, StorageGuard,
};

use crate::Settings;

impl StorageGuard for Settings {
    /// What ends in `.keep` is not deleted.
    fn before(&self, _session: &Session<'_>, intent: &Intent) -> Result<Decision, Failure> {
        if intent.what == Operation::Delete && intent.path.ends_with(".keep") {
            return Ok(Decision::Deny(Denial::new(DenialReason::Policy)));
        }
        Ok(Decision::Allow)
    }
}
