//! One user: how it is known, and what it is granted.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use wharf_plugin::{Denial, DenialReason, Grant, Operations, Session, Step, clock};

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
    /// What is granted.
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

/// What a user sees and may do.
pub struct View {
    /// The sink and the prefix that is shown as `/`.
    pub root: (String, String),
    /// Other directories, their sinks and prefixes.
    pub mounts: Vec<(String, String, String)>,
    /// Where a session begins.
    pub home: String,
    /// Patterns of paths and what they allow or forbid, in order.
    pub rules: Vec<(String, Rule)>,
    /// How much of it.
    pub limits: Limits,
    /// For other plugins.
    pub groups: Vec<String>,
    /// For other plugins, events and the audit trail.
    pub attributes: BTreeMap<String, String>,
    /// The text of the reply to a login.
    pub welcome: Option<String>,
}

/// What a rule does.
pub enum Rule {
    /// These are allowed.
    Allow(Operations),
    /// These are not.
    Forbid(Operations),
}

/// How much a user may have; `None` is what the host says.
#[derive(Default)]
pub struct Limits {
    /// Sessions at once.
    pub max_sessions: Option<u32>,
    /// Transfers at once.
    pub max_transfers: Option<u32>,
    /// In bytes.
    pub max_upload_size: Option<u64>,
    /// In bytes, of all that stands below the root.
    pub quota: Option<u64>,
    /// Of all that stands below the root.
    pub quota_files: Option<u64>,
    /// In bytes per second.
    pub upload_rate: Option<u64>,
    /// In bytes per second.
    pub download_rate: Option<u64>,
    /// When an idle session is closed.
    pub idle_timeout: Option<Duration>,
    /// How often session guards are asked.
    pub revalidate_every: Option<Duration>,
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
            _ if self.disabled => denied(DenialReason::AccountDisabled),
            _ if !placed => denied(DenialReason::Address),
            Some(end) if end <= clock::now() => denied(DenialReason::AccountExpired),
            Some(end) => Step::Grant(self.view.grant(principal).expires_at(end)),
            None => Step::Grant(self.view.grant(principal)),
        }
    }
}

impl View {
    /// The view as the host keeps it.
    fn grant(&self, principal: &str) -> Grant {
        let (sink, prefix) = &self.root;
        let mut grant = Grant::new(principal).root(sink, prefix).home(&self.home);
        for (directory, sink, prefix) in &self.mounts {
            grant = grant.mount(directory, sink, prefix);
        }
        for (path, rule) in &self.rules {
            grant = match rule {
                Rule::Allow(what) => grant.allow(path, *what),
                Rule::Forbid(what) => grant.forbid(path, *what),
            };
        }
        for group in &self.groups {
            grant = grant.group(group);
        }
        for (name, value) in &self.attributes {
            grant = grant.attribute(name, value);
        }
        if let Some(welcome) = &self.welcome {
            grant = grant.welcome(welcome);
        }
        self.limits.set(grant)
    }

    /// Whether anything is allowed that leaves a trace.
    pub fn changes(&self) -> bool {
        let changes = |what: &Operations| !Operations::READ.contains(*what);
        self.rules
            .iter()
            .any(|(_, rule)| matches!(rule, Rule::Allow(what) if changes(what)))
    }
}

impl Limits {
    /// The grant with those limits that there are.
    fn set(&self, mut grant: Grant) -> Grant {
        if let Some(count) = self.max_sessions {
            grant = grant.max_sessions(count);
        }
        if let Some(count) = self.max_transfers {
            grant = grant.max_transfers(count);
        }
        if let Some(bytes) = self.max_upload_size {
            grant = grant.max_upload_size(bytes);
        }
        if self.quota.is_some() || self.quota_files.is_some() {
            grant = grant.quota(self.quota, self.quota_files);
        }
        if self.upload_rate.is_some() || self.download_rate.is_some() {
            grant = grant.bandwidth(self.upload_rate, self.download_rate);
        }
        if let Some(after) = self.idle_timeout {
            grant = grant.idle_timeout(after);
        }
        if let Some(period) = self.revalidate_every {
            grant = grant.revalidate_every(period);
        }
        grant
    }
}
