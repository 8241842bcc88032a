//! "No" and "I cannot tell": the two ways not to grant what a client asked.

use std::fmt;

/// A decision against the client.
///
/// The host turns the reason into a reply. The client sees `text` if there is one, else a
/// sentence of the host's; the detail goes to the log and the audit trail only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    pub(crate) reason: DenialReason,
    pub(crate) text: Option<String>,
    pub(crate) detail: Option<String>,
}

impl Denial {
    /// A denial for `reason`.
    pub fn new(reason: DenialReason) -> Self {
        Self {
            reason,
            text: None,
            detail: None,
        }
    }

    /// The name or the password is wrong, and the client is not told which.
    pub fn credentials() -> Self {
        Self::new(DenialReason::Credentials)
    }

    /// What the client is shown in place of the host's own sentence.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// What the operator reads; never a password.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Why the client is refused.
    pub fn reason(&self) -> DenialReason {
        self.reason
    }
}

/// Why a client is refused; the host picks the reply code from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DenialReason {
    /// A wrong name, password, certificate or second factor.
    Credentials,
    /// The account is switched off.
    AccountDisabled,
    /// The account's time is over.
    AccountExpired,
    /// Not from this address.
    Address,
    /// Not without TLS.
    NeedsTls,
    /// Not without a client certificate.
    NeedsCertificate,
    /// The user is logged in often enough.
    TooManySessions,
    /// The operation is not allowed.
    Permission,
    /// There is no such file or directory.
    NotFound,
    /// The name may not be used.
    NameNotAllowed,
    /// The user's space is used up.
    Quota,
    /// The file is too large.
    TooLarge,
    /// The content was examined and refused.
    ContentRejected,
    /// Any other rule of the operator.
    Policy,
}

/// The plugin could not decide. The operator's failure policy applies, and the client is told
/// that the service is unavailable, never that its password was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Something the plugin depends on is away.
    Unavailable(String),
    /// Something the plugin depends on took too long.
    TimedOut(String),
    /// The settings do not allow an answer.
    Misconfigured(String),
    /// The plugin is at fault.
    Internal(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "unavailable: {why}"),
            Self::TimedOut(why) => write!(f, "timed out: {why}"),
            Self::Misconfigured(why) => write!(f, "misconfigured: {why}"),
            Self::Internal(why) => write!(f, "internal: {why}"),
        }
    }
}

impl std::error::Error for Failure {}
