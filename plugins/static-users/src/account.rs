//! One user: how it is known, and what it is granted.

use std::time::SystemTime;

use wharf_plugin::{Denial, DenialReason, Session, Step, View, clock};

use crate::factor::Seed;
use crate::network::Network;

/// One user, and how to know it.
pub struct Account {
    /// The encoded password; without one, only a certificate will do.
    pub password: Option<Encoded>,
    /// SHA-256 of the certificates that need no password, in lower-case hexadecimal.
    pub certificates: Vec<String>,
    /// What is asked for besides.
    pub totp: Option<Seed>,
    /// Where the user may come from; without any, from everywhere.
    pub addresses: Vec<Network>,
    /// Whether it does not log in without TLS.
    pub require_tls: bool,
    /// Whether it does not log in at all.
    pub disabled: bool,
    /// The moment from which on the account is no more.
    pub expires: Option<SystemTime>,
    /// What is granted, but for when it ends.
    pub view: View,
}

/// A password as it is kept.
#[derive(Clone)]
pub struct Encoded {
    /// How it was encoded: what takes the same time to verify has the same text.
    pub scheme: String,
    /// The encoded password.
    pub text: String,
}

impl Account {
    /// Whether the client holds the key of one of the account's certificates.
    pub fn shows_certificate(&self, session: &Session<'_>) -> bool {
        let shown = session.client_fingerprint();
        shown.is_some_and(|shown| self.certificates.contains(&shown))
    }

    /// The answer to a user who has proved to be the one.
    pub fn admit(&self, session: &Session<'_>, principal: &str) -> Step {
        let denied = |reason| Step::Deny(Denial::new(reason));
        let address = session.peer().address;
        let placed = self.addresses.is_empty()
            || self
                .addresses
                .iter()
                .any(|network| network.contains(address));
        match self.expires {
            _ if self.disabled => return denied(DenialReason::AccountDisabled),
            _ if !placed => return denied(DenialReason::Address),
            Some(end) if end <= clock::now() => return denied(DenialReason::AccountExpired),
            _ => {}
        }
        match (self.view.grant(principal), self.expires) {
            (Ok(grant), Some(end)) => Step::Grant(grant.expires_at(end)),
            (Ok(grant), None) => Step::Grant(grant),
            (Err(denial), _) => Step::Deny(denial),
        }
    }
}
