//! What a user sees and may do, as an authenticator has it in its settings.

mod limits;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use self::limits::ViewLimits;
use crate::paths::{is_key, is_part, is_path};
use crate::{Denial, DenialReason, Grant, Operations, Problems};

/// A table such as `[config.grant]`, or what a back end says of a user. What one does not say,
/// [another](View::or) may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct View {
    /// Who this is; else the name given with `USER`.
    pub principal: Option<String>,
    /// Where the files are; else the sink that `wharf init` sets up.
    pub sink: Option<String>,
    /// The directory in it that is shown as `/`, with `{user}` and `{principal}` to fill in; else
    /// all of it.
    pub root: Option<String>,
    /// More directories, over the root.
    pub mounts: Option<Vec<ViewMount>>,
    /// Where a session begins.
    pub home: Option<String>,
    /// What is permitted everywhere; else everything.
    pub permissions: Option<Operations>,
    /// Changes to that, in order.
    pub rules: Option<Vec<ViewRule>>,
    /// How much of it.
    #[serde(default)]
    pub limits: ViewLimits,
    /// For other plugins.
    pub groups: Option<Vec<String>>,
    /// For other plugins, events and the audit trail.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The text of the reply to the login.
    pub welcome: Option<String>,
}

/// A directory beside the root.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewMount {
    /// Where it is shown.
    pub directory: String,
    /// Where it leads; else the sink of the root.
    pub sink: Option<String>,
    /// The directory in it, with `{user}` and `{principal}` to fill in.
    pub root: String,
}

/// What is permitted in a part of what a user sees: one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewRule {
    /// A pattern as [`Grant::allow`] has it.
    pub path: String,
    /// Permitted besides.
    pub allow: Option<Operations>,
    /// Forbidden in spite of all.
    pub forbid: Option<Operations>,
}

impl View {
    /// The same, and what `other` says where this says nothing. Attributes come together.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let other = other.clone();
        let mut attributes = other.attributes;
        attributes.extend(self.attributes);
        Self {
            principal: self.principal.or(other.principal),
            sink: self.sink.or(other.sink),
            root: self.root.or(other.root),
            mounts: self.mounts.or(other.mounts),
            home: self.home.or(other.home),
            permissions: self.permissions.or(other.permissions),
            rules: self.rules.or(other.rules),
            limits: self.limits.or(other.limits),
            groups: self.groups.or(other.groups),
            attributes,
            welcome: self.welcome.or(other.welcome),
        }
    }

    /// Notes everything that is wrong with it; `key` is where it stands, and empty where it stands
    /// in no table of its own.
    pub fn check(&self, key: &str, problems: &mut Problems) {
        let at = |setting: &str| match key {
            "" => setting.to_owned(),
            key => format!("{key}.{setting}"),
        };
        let mut problem = |setting: String, message: &str| problems.add(at(&setting), message);
        if self.root.as_deref().is_some_and(|root| !is_template(root)) {
            problem("root".into(), NO_TEMPLATE);
        }
        if self.home.as_deref().is_some_and(|home| !is_path(home)) {
            problem("home".into(), "is not an absolute path such as \"/inbox\"");
        }
        for (index, mount) in self.mounts.iter().flatten().enumerate() {
            if !is_path(&mount.directory) {
                let message = "is not an absolute path such as \"/shared\"";
                problem(format!("mounts[{index}].directory"), message);
            }
            if !is_template(&mount.root) {
                problem(format!("mounts[{index}].root"), NO_TEMPLATE);
            }
        }
        for (index, rule) in self.rules.iter().flatten().enumerate() {
            if !is_path(&rule.path) {
                let message = "is not an absolute path such as \"/inbox/**\"";
                problem(format!("rules[{index}].path"), message);
            }
            if rule.allow.is_some() == rule.forbid.is_some() {
                problem(format!("rules[{index}]"), "wants `allow` or `forbid`");
            }
        }
        self.limits.check(&at("limits"), problems);
    }

    /// Whether a directory is made of the name of the user.
    pub fn names_its_user(&self) -> bool {
        let mounts = self.mounts.iter().flatten().map(|mount| &mount.root);
        let mut templates = self.root.iter().chain(mounts);
        templates.any(|text| text.contains("{user}") || text.contains("{principal}"))
    }

    /// Whether anything is permitted that leaves a trace.
    pub fn changes(&self) -> bool {
        let allowed = self.rules.iter().flatten().filter_map(|rule| rule.allow);
        let everywhere = self.permissions.unwrap_or(Operations::ALL);
        let mut allowed = allowed.chain([everywhere]);
        allowed.any(|what| !Operations::READ.contains(what))
    }

    /// What it grants to `user`.
    ///
    /// # Errors
    /// A directory is made of the name, and this one can stand in none.
    pub fn grant(&self, user: &str) -> Result<Grant, Denial> {
        let principal = self.principal.as_deref().unwrap_or(user);
        let names = Names { user, principal };
        let sink = self.sink.as_deref().unwrap_or("local");
        let root = names.fill(self.root.as_deref().unwrap_or_default())?;
        let mut grant = Grant::new(principal)
            .root(sink, &root)
            .home(self.home.as_deref().unwrap_or("/"))
            .allow("/**", self.permissions.unwrap_or(Operations::ALL));
        for mount in self.mounts.iter().flatten() {
            let sink = mount.sink.as_deref().unwrap_or(sink);
            grant = grant.mount(&mount.directory, sink, &names.fill(&mount.root)?);
        }
        for rule in self.rules.iter().flatten() {
            grant = match (rule.allow, rule.forbid) {
                (Some(what), _) => grant.allow(&rule.path, what),
                (None, what) => grant.forbid(&rule.path, what.unwrap_or(Operations::ALL)),
            };
        }
        for group in self.groups.iter().flatten() {
            grant = grant.group(group);
        }
        for (name, value) in &self.attributes {
            grant = grant.attribute(name, value);
        }
        if let Some(welcome) = &self.welcome {
            grant = grant.welcome(welcome);
        }
        Ok(self.limits.set(grant))
    }
}

/// What may stand between braces.
struct Names<'a> {
    user: &'a str,
    principal: &'a str,
}

impl Names<'_> {
    /// The key that the template is for them.
    fn fill(&self, template: &str) -> Result<String, Denial> {
        for (place, name) in [("{user}", self.user), ("{principal}", self.principal)] {
            if template.contains(place) && !is_part(name) {
                let detail = "a directory is made of the name, which can stand in none";
                return Err(Denial::new(DenialReason::NameNotAllowed).detail(detail));
            }
        }
        let parts = template.split('/').filter(|part| !part.is_empty());
        // One name must not be filled into the other.
        let filled: Vec<_> = parts.map(|part| self.fill_part(part)).collect();
        match filled.iter().all(|part| is_part(part)) {
            true => Ok(filled.join("/")),
            // Two harmless pieces may still make `..` together.
            false => Err(Denial::new(DenialReason::NameNotAllowed)),
        }
    }

    fn fill_part(&self, part: &str) -> String {
        let pieces = part.split("{user}");
        let pieces = pieces.map(|piece| piece.replace("{principal}", self.principal));
        pieces.collect::<Vec<_>>().join(self.user)
    }
}

const NO_TEMPLATE: &str = "is not a directory such as \"home/{user}\": it may hold {user} and \
    {principal}, and no `.`, `..` or empty part";

/// Whether a key can be made of it.
fn is_template(text: &str) -> bool {
    let filled = text.replace("{user}", "x").replace("{principal}", "x");
    let filled = filled.trim_matches('/');
    filled.is_empty() || (is_key(filled) && !filled.contains(['{', '}']))
}

#[cfg(test)]
mod tests;
