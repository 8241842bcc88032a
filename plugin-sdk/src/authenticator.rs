//! The role that lets users in.

use std::fmt;

use crate::{Denial, Failure, Grant, Lifecycle, Session};

/// Decides who may log in, and what a login is granted.
///
/// Authenticators are asked in the order of their file names until one does not
/// [pass](Step::Pass); who asked for a password is the one to get it.
pub trait Authenticator: Lifecycle {
    /// The client sent `USER`. It may be let in at once, for its certificate or because it is
    /// anonymous; by default it is asked for a password, whoever it is.
    ///
    /// # Errors
    /// No decision could be made: see [`Failure`].
    fn begin(&self, session: &Session<'_>, user: &str) -> Result<Step, Failure> {
        let _ = (session, user);
        Ok(Step::Ask(Prompt::password()))
    }

    /// The client answered a prompt. `continuation` is what the prompt carried: the instance
    /// that asked may be gone.
    ///
    /// # Errors
    /// No decision could be made: see [`Failure`].
    fn answer(
        &self,
        session: &Session<'_>,
        user: &str,
        credential: Credential,
        continuation: &[u8],
    ) -> Result<Step, Failure>;
}

/// What comes next in a login.
#[derive(Debug)]
pub enum Step {
    /// The user is in.
    Grant(Grant),
    /// The client must answer this first.
    Ask(Prompt),
    /// The user is refused; no other authenticator is asked.
    Deny(Denial),
    /// Not this plugin's user: the next authenticator decides.
    Pass,
}

/// What a client has to show for itself; `Debug` shows the kind alone.
#[non_exhaustive]
pub enum Credential {
    /// The answer to a prompt for a password (`PASS`).
    Password(Password),
    /// The answer to a prompt for an account (`ACCT`).
    Account(Password),
    /// A kind this version of the crate does not know, by name.
    Other(String, Vec<u8>),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(..)",
            Self::Account(_) => "Account(..)",
            Self::Other(kind, _) => return write!(f, "Other({kind:?}, ..)"),
        })
    }
}

/// A secret the client typed; `Debug` never shows it.
pub struct Password(String);

impl Password {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, to be handed on and not kept.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is `expected`, in a time that tells nothing about where they differ.
    pub fn matches(&self, expected: &str) -> bool {
        crate::crypto::equal(self.0.as_bytes(), expected.as_bytes())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A question to the client.
#[derive(Clone, PartialEq, Eq)]
pub struct Prompt {
    pub(crate) account: bool,
    pub(crate) text: Option<String>,
    pub(crate) continuation: Vec<u8>,
}

impl Prompt {
    /// Asks for a password (331).
    pub fn password() -> Self {
        Self {
            account: false,
            text: None,
            continuation: Vec::new(),
        }
    }

    /// Asks for an account (332): a second factor, for example.
    pub fn account() -> Self {
        Self {
            account: true,
            text: None,
            continuation: Vec::new(),
        }
    }

    /// What the client is shown in place of the host's own sentence.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// What the host keeps and hands back with the answer, at most 4 KiB; the client never sees it.
    #[must_use]
    pub fn continuation(mut self, continuation: impl Into<Vec<u8>>) -> Self {
        self.continuation = continuation.into();
        self
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.account { "account" } else { "password" };
        // The continuation may hold what the client answered before.
        f.debug_struct("Prompt")
            .field("kind", &kind)
            .field("text", &self.text)
            .field(
                "continuation",
                &format_args!("{} bytes", self.continuation.len()),
            )
            .finish()
    }
}
