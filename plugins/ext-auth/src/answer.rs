//! The answer of an external authentication: lines of a name, a colon and a value.

use std::collections::BTreeMap;

use wharf_plugin::config::ByteSize;
use wharf_plugin::paths::is_key;
use wharf_plugin::{View, ViewLimits};

/// An answer has a dozen short lines.
const MAX_BYTES: usize = 16 * 1024;

/// What it says.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// `auth_ok:0`: there is no such user, and another may know him.
    Unknown,
    /// `auth_ok:-1`: the user is known, and must not come in.
    Refused,
    /// `auth_ok:1`
    Accepted(Account),
}

/// What is said of a user who may come in.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Account {
    directory: Option<String>,
    limits: ViewLimits,
    attributes: BTreeMap<String, String>,
    /// Lines that nothing here corresponds to.
    pub unmapped: Vec<String>,
}

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    /// It is none, or not all of one.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        if body.len() > MAX_BYTES {
            return Err("its answer is too long".into());
        }
        let text = str::from_utf8(body).map_err(|_| "its answer is not UTF-8")?;
        let mut verdict = None;
        let mut account = Account::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line == "end" {
                return match verdict {
                    Some(0) => Ok(Self::Unknown),
                    Some(-1) => Ok(Self::Refused),
                    Some(1) => Ok(Self::Accepted(account)),
                    Some(other) => Err(format!("`auth_ok` is {other}")),
                    None => Err("its answer has no `auth_ok`".into()),
                };
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.trim();
            match name.trim() {
                "auth_ok" => verdict = Some(number::<i8>(name, value)?),
                name => account.note(name, value)?,
            }
        }
        Err("its answer breaks off before `end`".into())
    }
}

impl Account {
    fn note(&mut self, name: &str, value: &str) -> Result<(), String> {
        let limits = &mut self.limits;
        // As in the protocol, 0 is without limit.
        match name {
            "dir" => self.directory = Some(value.to_owned()),
            "uid" | "gid" => {
                self.attributes.insert(name.to_owned(), value.to_owned());
            }
            "throttling_bandwidth_ul" => limits.upload_rate = limit(name, value)?.map(ByteSize),
            "throttling_bandwidth_dl" => limits.download_rate = limit(name, value)?.map(ByteSize),
            "user_quota_size" => limits.quota_size = limit(name, value)?.map(ByteSize),
            "user_quota_files" => limits.quota_files = limit(name, value)?,
            "per_user_max" => {
                let most = u64::from(u32::MAX);
                let count = limit(name, value)?.map(|count| count.min(most));
                limits.max_sessions = count.and_then(|count| u32::try_from(count).ok());
            }
            // Nobody's directory is looked up here by the name of the user, fast or slowly.
            "slow_tilde_expansion" => {}
            _ => self.unmapped.push(format!("{name}:{value}")),
        }
        Ok(())
    }

    /// What is granted, in a sink that shows the directory `base`.
    ///
    /// # Errors
    /// The user's directory is not there.
    pub fn view(self, base: &str) -> Result<View, String> {
        let mut view = View {
            limits: self.limits,
            attributes: self.attributes,
            ..View::default()
        };
        let Some(directory) = self.directory else {
            return Ok(view);
        };
        // With no `base` it would be all of the sink.
        if directory.is_empty() {
            return Err("its `dir` is empty".into());
        }
        // What stands behind `/./` is where a session begins below the root.
        let (root, home) = match directory.split_once("/./") {
            Some((root, home)) => (root, Some(home.trim_matches('/'))),
            None => (directory.as_str(), None),
        };
        let below = root
            .strip_prefix(base)
            .filter(|below| below.is_empty() || below.starts_with('/') && root.starts_with('/'));
        let key = below.map(|below| below.trim_matches('/'));
        let key = key.filter(|key| key.is_empty() || is_key(key) && !key.contains(['{', '}']));
        let key = key.ok_or_else(|| format!("its `dir` {directory:?} is not below {base:?}"))?;
        view.root = Some(key.to_owned());
        if let Some(home) = home.filter(|home| !home.is_empty()) {
            if !is_key(home) {
                return Err(format!("its `dir` {directory:?} begins nowhere"));
            }
            view.home = Some(format!("/{home}"));
        }
        Ok(view)
    }
}

/// A number above 0; none where there is no limit.
fn limit(name: &str, value: &str) -> Result<Option<u64>, String> {
    Ok(Some(number(name, value)?).filter(|limit| *limit > 0))
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("`{name}` is {value:?}"))
}
