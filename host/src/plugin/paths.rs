//! The stage *where*: which virtual directory shows which part of which sink.
//!
//! The mounts of a session are asked for once and evaluated here, without any plugin, whenever a
//! path is looked at. Of the mounts that hold a path the one with the longest directory shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use wharf_protocol::path::{MAX_PATH_BYTES, VirtualPath};

use super::allow::{Allowances, SinkOperation};
use super::bindings::imports::wharf::plugin::types;
use crate::identity::{Identity, Operation, Operations};
use crate::sink::{Key, Location};

/// Mounts of one grant, and of one plugin's answer: each is kept as long as the session.
pub const MAX_MOUNTS: usize = 1024;

/// A part of a sink, shown at a virtual directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The directory.
    pub directory: VirtualPath,
    /// What it shows.
    pub target: Location,
    /// What may be done there, where the rules of the grant permit it too.
    pub allow: Operations,
    /// Whether a plugin is asked for each path below.
    pub dynamic: bool,
}

/// The mounts of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountTable {
    /// By their directories.
    mounts: BTreeMap<String, Mount>,
    /// Whether one is elsewhere than at the root.
    has_directories: bool,
    /// The generation of plugins that was asked for them.
    pub generation: u64,
}

impl MountTable {
    /// The root of the grant, then its mounts, then `mapped`: of several at one directory the last
    /// one stands.
    pub fn new(identity: &Identity, mapped: Vec<Mount>, generation: u64) -> Self {
        let root = identity.root.as_ref().map(|target| Mount {
            directory: VirtualPath::root(),
            target: target.clone(),
            allow: Operations::ALL,
            dynamic: false,
        });
        let granted = identity.mounts.iter().map(|mount| Mount {
            directory: mount.directory.clone(),
            target: mount.target.clone(),
            allow: Operations::ALL,
            dynamic: false,
        });
        let all = root.into_iter().chain(granted).chain(mapped);
        let mounts: BTreeMap<String, Mount> = all
            .map(|mount| (mount.directory.as_str().to_owned(), mount))
            .collect();
        Self {
            has_directories: mounts.keys().any(|directory| directory != "/"),
            mounts,
            generation,
        }
    }

    /// Where its mounts lead.
    pub fn targets(&self) -> impl Iterator<Item = &Location> {
        self.mounts.values().map(|mount| &mount.target)
    }

    /// The mount that shows `path`, and the place that it leads to unless a plugin knows better.
    pub fn lead(&self, path: &VirtualPath) -> Option<(&Mount, Location)> {
        let (mount, below) = self.mount_of(path)?;
        // A path is normalised, and so is each piece of it.
        let below = Key::parse(below).ok()?;
        Some((mount, mount.target.join(&below)))
    }

    /// The mount that shows `path`, and the rest of the path below its directory.
    pub fn mount_of<'p>(&self, path: &'p VirtualPath) -> Option<(&Mount, &'p str)> {
        let path = path.as_str();
        let mut directory = path;
        loop {
            if let Some(mount) = self.mounts.get(directory) {
                return Some((mount, path.strip_prefix(directory)?));
            }
            directory = match directory.rfind('/')? {
                0 if directory == "/" => return None,
                0 => "/",
                end => &directory[..end],
            };
        }
    }

    /// Whether `path` is there whatever the sinks hold: the root, a mount's directory, or one on
    /// the way to it.
    pub fn is_fixed(&self, path: &VirtualPath) -> bool {
        path.is_root()
            || self.has_directories
                && (self.mounts.contains_key(path.as_str()) || self.leads_on(path))
    }

    /// Whether a mount's directory stands below `path`.
    pub fn leads_on(&self, path: &VirtualPath) -> bool {
        self.below(path).next().is_some()
    }

    /// The names in `directory` that are there whatever the sinks hold.
    pub fn fixed_names(&self, directory: &VirtualPath) -> BTreeSet<&str> {
        self.below(directory)
            .filter_map(|below| below.split('/').next())
            .collect()
    }

    /// What may be done at `place` through any of the mounts.
    pub fn permits_at(&self, place: &Location) -> Operations {
        self.mounts
            .values()
            .filter(|mount| mount.target.covers(place))
            .fold(Operations::default(), |permitted, mount| {
                permitted.with(mount.allow)
            })
    }

    /// What the user calls `place`, where a mount shows it without asking a plugin.
    pub fn path_of(&self, place: &Location) -> Option<VirtualPath> {
        let mounts = self.mounts.values().filter(|mount| !mount.dynamic);
        let mut paths = mounts.filter_map(|mount| {
            let below = mount.target.key.as_str();
            let below = place.key.as_str().strip_prefix(below)?;
            let mut names = below.split('/').filter(|name| !name.is_empty());
            names.try_fold(mount.directory.clone(), |path, name| path.child(name))
        });
        paths.find(|path| self.lead(path).is_some_and(|(_, leads)| leads == *place))
    }

    /// What the mount shows that leads nearest to `place`, whichever path was named.
    pub fn nearest_target(&self, place: &Location) -> Option<&Location> {
        let targets = self.mounts.values().map(|mount| &mount.target);
        targets
            .filter(|target| target.covers(place))
            .max_by_key(|target| target.key.as_str().len())
    }

    /// The mounts' directories below `path`, without it.
    fn below(&self, path: &VirtualPath) -> impl Iterator<Item = &str> {
        let path = path.as_str();
        let prefix = match path {
            "/" => path.to_owned(),
            _ => format!("{path}/"),
        };
        // A range begins where it can, and a mount at the root is not below it.
        let from = (Bound::Excluded(prefix.clone()), Bound::Unbounded);
        self.mounts
            .range(from)
            .map_while(move |(directory, _)| directory.strip_prefix(&prefix))
    }
}

/// The place that a plugin names, as far as its form goes.
///
/// # Errors
/// What is wrong with it, for the log.
pub fn location(named: types::Location) -> Result<Location, String> {
    let key = match named.key.len() {
        ..=MAX_PATH_BYTES => Key::parse(&named.key).map_err(|error| error.to_string())?,
        _ => return Err(format!("a key is longer than {MAX_PATH_BYTES} bytes")),
    };
    Ok(Location::new(named.sink, key))
}

impl From<Location> for types::Location {
    fn from(place: Location) -> Self {
        Self {
            sink: place.sink.to_string(),
            key: place.key.to_string(),
        }
    }
}

/// What a plugin may make possible at `place`: all that `shown` permits there already, and what the
/// operator allowed the plugin to do there itself.
pub fn reach(shown: &MountTable, allow: &Allowances, place: &Location) -> Operations {
    let own = |operation: &Operation| {
        let mut needed = sink_operations(*operation).iter();
        needed.all(|needed| allow.permits(*needed, &place.sink, &place.key))
    };
    let allowed = Operation::ALL.iter().copied().filter(own).collect();
    shown.permits_at(place).with(allowed)
}

/// Whether a plugin may lead the user to `place` for `operation`. Every location that a plugin
/// returns is asked for here, and one that may not be is a failure of the plugin.
pub fn may_lead(
    shown: &MountTable,
    allow: &Allowances,
    place: &Location,
    operation: Operation,
) -> bool {
    reach(shown, allow, place).contains(operation)
}

/// What is done in a sink where a user does `operation`.
fn sink_operations(operation: Operation) -> &'static [SinkOperation] {
    use SinkOperation as Sink;
    match operation {
        Operation::Browse => &[Sink::List],
        Operation::Stat | Operation::ChangeDirectory => &[Sink::Head],
        Operation::Download | Operation::Checksum => &[Sink::Get],
        Operation::Upload
        | Operation::Overwrite
        | Operation::Append
        | Operation::MakeDirectory
        | Operation::SetTime
        | Operation::SetMode => &[Sink::Put],
        Operation::Delete | Operation::RemoveDirectory => &[Sink::Delete],
        Operation::Rename => &[Sink::Get, Sink::Put, Sink::Delete],
        Operation::Copy => &[Sink::Get, Sink::Put],
        Operation::Other => &[Sink::Get, Sink::Put, Sink::Delete, Sink::List, Sink::Head],
    }
}

#[cfg(test)]
mod tests;
