//! What the chain of authenticators makes of a login.

use wharf_protocol::effect::LoginDenial;

use crate::identity::Identity;

/// The outcome of one step of a login. Texts are safe to show and hold no line break.
#[derive(Debug)]
pub enum Login {
    /// Logged in.
    Granted(Box<Identity>),
    /// A password is wanted.
    NeedPassword {
        /// The text of the reply.
        text: Option<String>,
        /// To be handed back with the answer.
        continuation: Continuation,
    },
    /// An account or a second factor is wanted.
    NeedAccount {
        /// The text of the reply.
        text: Option<String>,
        /// To be handed back with the answer.
        continuation: Continuation,
    },
    /// No.
    Denied {
        /// Why, as far as it changes the reply code.
        reason: LoginDenial,
        /// The text of the reply.
        text: Option<String>,
        /// For the log: the plugin's reason and its detail.
        detail: String,
    },
    /// Nobody could decide; never to be told as a wrong password.
    Undecided {
        /// The plugin that failed.
        plugin: String,
        /// Why, for the log.
        cause: String,
    },
}

/// Where a login stands between a prompt and its answer. Opaque: only the chain reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct Continuation {
    pub(super) plugin: String,
    /// Of the component that asked: only it knows what the state means.
    pub(super) sha256: [u8; 32],
    pub(super) user: String,
    pub(super) state: Vec<u8>,
}

impl std::fmt::Debug for Continuation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The state is the plugin's own and may hold a secret.
        f.debug_struct("Continuation")
            .field("plugin", &self.plugin)
            .finish_non_exhaustive()
    }
}
