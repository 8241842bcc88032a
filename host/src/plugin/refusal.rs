//! Why plugins let something in storage not happen: one said no, or could not decide.

use wharf_protocol::failure::Failure;

use super::bindings::imports::wharf::plugin::types::Denial;
use super::call::Plugin;
use super::denial;
use super::fault::CallError;
use super::text::one_line;

/// Why plugins let something not happen.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// One said no.
    #[error("refused by {detail}")]
    Denied {
        /// What the client is told.
        failure: Failure,
        /// Who denied, and why; for the log.
        detail: String,
    },
    /// One could not decide.
    #[error("plugin {plugin} failed: {cause}")]
    Undecided {
        /// Which.
        plugin: String,
        /// Why; for the log.
        cause: String,
    },
}

impl Refusal {
    /// What `plugin` said.
    pub(super) fn denied(plugin: &Plugin, said: &Denial) -> Self {
        Self::Denied {
            failure: denial::failure(said),
            detail: denial::for_log(plugin.name(), said),
        }
    }

    /// Why `plugin` has no answer.
    pub(super) fn undecided(plugin: &Plugin, cause: &CallError) -> Self {
        Self::Undecided {
            plugin: plugin.name().to_owned(),
            // Much of it may be the plugin's own words.
            cause: one_line(&cause.to_string()),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied { failure, .. } => failure,
            Refusal::Undecided { .. } => Self::Undecided,
        }
    }
}
