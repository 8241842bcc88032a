//! What is remembered of a session in order to ask about it again.
//!
//! It is the host that keeps it, for this session and this plugin alone and in memory only, until
//! the session ends.

use serde::{Deserialize, Serialize};
use wharf_plugin::{Failure, Session};

use crate::digest::Nonce;
use crate::kind::Proof;

/// Under which it is kept.
const KEY: &str = "proof";

/// What was shown, and how to show it again.
#[derive(Serialize, Deserialize)]
pub struct Memory {
    /// What the service took.
    pub proof: Proof,
    /// What it said to make a digest of.
    pub nonce: Option<Nonce>,
}

impl Memory {
    /// What was kept of this user, who may be another than in the login before.
    pub fn of(session: &Session<'_>) -> Option<Self> {
        let memory: Self = serde_json::from_slice(&session.recall(KEY)?).ok()?;
        (session.user().as_deref() == Some(&memory.proof.user)).then_some(memory)
    }

    /// Keeps it.
    ///
    /// # Errors
    /// The host does not.
    pub fn keep(&self, session: &Session<'_>) -> Result<(), Failure> {
        let written = serde_json::to_vec(self).unwrap_or_default();
        match !written.is_empty() && session.remember(KEY, &written) {
            true => Ok(()),
            false => Err(Failure::Internal(
                "what it takes to ask again is not kept".into(),
            )),
        }
    }

    /// Whoever was here before is gone.
    pub fn forget(session: &Session<'_>) {
        session.remember(KEY, b"");
    }
}
