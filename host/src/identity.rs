//! Who is logged in, and what they may do: the outcome of a login, checked once.

mod operations;
mod pattern;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use wharf_protocol::path::VirtualPath;

pub use operations::{Operation, Operations};
pub use pattern::{Pattern, PatternError};

use crate::quota::Quota;
use crate::sink::Location;

/// A logged-in user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name that stays the same however the user logged in.
    pub principal: String,
    /// Where everything lies that the user sees and no mount shows.
    pub root: Option<Location>,
    /// What else is shown, over the root; there is a root or at least one mount.
    pub mounts: Vec<GrantMount>,
    /// The directory to begin in.
    pub home: VirtualPath,
    /// What is permitted where.
    pub rules: Rules,
    /// How fast bytes may move, all transfers of the session together.
    pub bandwidth: Bandwidth,
    /// How many sessions the principal may have at once.
    pub max_sessions: Option<u32>,
    /// How many transfers the principal may run at once.
    pub max_transfers: Option<u32>,
    /// How much may stand below what is shown at `/`.
    pub quota: Quota,
    /// The largest file that may be stored, in bytes.
    pub max_upload_size: Option<u64>,
    /// How long the session may be idle.
    pub idle_timeout: Option<Duration>,
    /// How often the session guards are asked whether the session may go on.
    pub revalidate_every: Option<Duration>,
    /// When the session ends, whatever it does.
    pub expires_at: Option<SystemTime>,
    /// The groups the principal belongs to.
    pub groups: Vec<String>,
    /// What the authenticator has to say about the user to other plugins and to events.
    pub attributes: BTreeMap<String, String>,
    /// The text of the reply to the login.
    pub welcome: Option<String>,
}

impl Identity {
    /// Somebody who sees nothing and may do nothing, and is bounded by nothing of his own.
    pub fn new(principal: String) -> Self {
        Self {
            principal,
            root: None,
            mounts: Vec::new(),
            home: VirtualPath::root(),
            rules: Rules::default(),
            bandwidth: Bandwidth::default(),
            max_sessions: None,
            max_transfers: None,
            quota: Quota::default(),
            max_upload_size: None,
            idle_timeout: None,
            revalidate_every: None,
            expires_at: None,
            groups: Vec::new(),
            attributes: BTreeMap::new(),
            welcome: None,
        }
    }

    /// Whether `operation` is permitted at `path`. What no rule permits is forbidden.
    pub fn permits(&self, operation: Operation, path: &VirtualPath) -> bool {
        self.permitted(path).contains(operation)
    }

    /// Whether all below the directory `path` is permitted alike, so that moving it as a whole
    /// takes nothing out of a rule or into one.
    pub fn is_uniform_below(&self, path: &VirtualPath) -> bool {
        !self.rules.differ_below(path)
    }

    /// All that is permitted at `path`.
    pub fn permitted(&self, path: &VirtualPath) -> Operations {
        self.rules.permitted(path)
    }
}

/// A prefix of a configured sink, shown at a virtual directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantMount {
    /// The directory.
    pub directory: VirtualPath,
    /// What is shown there.
    pub target: Location,
}

/// In bytes per second; `None` is without limit, and neither is ever 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bandwidth {
    /// From the client.
    pub upload: Option<u64>,
    /// To the client.
    pub download: Option<u64>,
}

/// Ordered permissions: for each operation the last rule that matches decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether it permits or forbids.
    pub permit: bool,
    /// Where it applies.
    pub pattern: Pattern,
    /// To what it applies.
    pub operations: Operations,
}

impl Rules {
    /// Rules in the order in which they apply.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// Whether they tell apart what lies below the directory `path`.
    fn differ_below(&self, path: &VirtualPath) -> bool {
        self.0
            .iter()
            .any(|rule| rule.pattern.reaches_below(path.as_str()))
    }

    /// In their order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// What they permit at `path`.
    pub fn permitted(&self, path: &VirtualPath) -> Operations {
        let mut permitted = Operations::default();
        for rule in &self.0 {
            if rule.pattern.matches(path.as_str()) {
                permitted = match rule.permit {
                    true => permitted.with(rule.operations),
                    false => permitted.without(rule.operations),
                };
            }
        }
        permitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(permit: bool, pattern: &str, operations: &[Operation]) -> Rule {
        Rule {
            permit,
            pattern: pattern.parse().unwrap(),
            operations: operations.iter().copied().collect(),
        }
    }

    #[test]
    fn the_last_rule_that_matches_decides_for_each_operation() {
        use Operation::{Browse, Delete, Upload};
        let rules = [
            rule(true, "/**", &[Browse, Upload, Delete]),
            rule(false, "/**", &[Delete]),
            rule(true, "/", &[Delete]),
        ];
        let root = VirtualPath::root();
        let cases: &[(usize, Operation, bool)] = &[
            (0, Browse, false),
            (1, Browse, true),
            (1, Delete, true),
            (2, Delete, false),
            (2, Upload, true),
            (3, Delete, true),
        ];
        for &(count, operation, expected) in cases {
            let rules = Rules::new(rules[..count].to_vec());
            assert_eq!(
                rules.permitted(&root).contains(operation),
                expected,
                "{count} rules, {operation:?}"
            );
        }
    }
}
