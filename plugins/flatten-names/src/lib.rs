//! Stores files under one level of names, whatever directories a client has in mind.

use std::collections::BTreeMap;

use serde::Deserialize;
use wharf_plugin::paths::{is_part, is_path};
use wharf_plugin::{
    Decision, Denial, DenialReason, Failure, Intent, Lifecycle, Location, Operation, Problems,
    Session, StorageError, StorageGuard, config, sinks,
};

/// How many names are tried for one upload: a directory with more of one name needs another rule.
const MAX_TRIES: u32 = 100;

/// The `[config]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Flatten {
    #[serde(default = "root")]
    below: String,
    #[serde(default)]
    mode: Mode,
    #[serde(default = "underscore")]
    separator: String,
    #[serde(default)]
    lower_case: bool,
    #[serde(default)]
    replace: BTreeMap<String, String>,
    #[serde(default)]
    collision: Collision,
    #[serde(default)]
    directories: Directories,
}

/// Which directories there are.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Directories {
    /// Those that were made.
    #[default]
    Made,
    /// All that anybody can think of, and each is the one that the settings name.
    Any,
}

/// What becomes of the directories in a path.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    /// The last part is the name.
    #[default]
    Basename,
    /// All parts, with the separator between them, are the name.
    Join,
    /// They stay; only the last part is changed.
    Keep,
}

/// What becomes of an upload whose name is taken.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Collision {
    /// It replaces what is there, if the user may.
    #[default]
    Replace,
    /// It gets a number.
    Number,
}

wharf_plugin::export!(Flatten: StorageGuard);

impl Lifecycle for Flatten {
    fn start() -> Result<Self, Problems> {
        let settings: Self = config::parse()?;
        let mut problems = Problems::new();
        if !is_path(&settings.below) {
            problems.add("below", "is not an absolute path such as \"/scans\"");
        }
        if !settings.separator.is_empty() && !is_part(&settings.separator) {
            problems.add("separator", "cannot stand in a name");
        }
        for (from, to) in &settings.replace {
            if from.chars().count() != 1 {
                problems.add(format!("replace.{from}"), "is not one character");
            }
            if !to.is_empty() && to.contains(|c: char| c == '/' || c.is_control()) {
                problems.add(
                    format!("replace.{from}"),
                    "becomes what cannot stand in a name",
                );
            }
        }
        problems.or(settings)
    }
}

impl StorageGuard for Flatten {
    fn before(&self, _session: &Session<'_>, intent: &Intent) -> Result<Decision, Failure> {
        let (path, place) = match (&intent.new_path, &intent.new_place) {
            (Some(path), Some(place)) => (path, place),
            _ => (&intent.path, &intent.place),
        };
        let depth = self.depth(path);
        let is_any = self.directories == Directories::Any;
        if is_any
            && depth > 0
            && matches!(intent.what, Operation::ChangeDirectory | Operation::Browse)
        {
            return Ok(Decision::Redirect(above(place, depth)));
        }
        let is_flat = is_about_files(intent.what) || (is_any && is_about_directories(intent.what));
        if depth == 0 || !is_flat {
            return Ok(Decision::Allow);
        }
        let Some(flat) = self.flat(place, depth) else {
            let denial = Denial::new(DenialReason::NameNotAllowed);
            return Ok(Decision::Deny(denial.detail("nothing is left of the name")));
        };
        let flat = match (intent.what, &self.collision) {
            (Operation::Upload, Collision::Number) => free(flat)?,
            _ => flat,
        };
        Ok(match flat == *place {
            true => Decision::Allow,
            false => Decision::Redirect(flat),
        })
    }
}

impl Flatten {
    /// How many parts the path has below the directory that the settings name.
    fn depth(&self, path: &str) -> usize {
        let rest = match self.below.as_str() {
            "/" => path.strip_prefix('/'),
            below => path
                .strip_prefix(below)
                .and_then(|rest| rest.strip_prefix('/')),
        };
        let parts = rest.map(|rest| rest.split('/').filter(|part| !part.is_empty()));
        parts.map_or(0, Iterator::count)
    }

    /// The place with its last `depth` parts made one; none where no name would be left.
    fn flat(&self, place: &Location, depth: usize) -> Option<Location> {
        let parts: Vec<_> = place.key.split('/').collect();
        let depth = match self.mode {
            Mode::Keep => 1,
            Mode::Basename | Mode::Join => depth.min(parts.len()),
        };
        let (above, below) = parts.split_at(parts.len() - depth);
        let name = match self.mode {
            Mode::Join => below.join(&self.separator),
            Mode::Basename | Mode::Keep => (*below.last()?).to_owned(),
        };
        let name = self.written(&name);
        is_part(&name).then(|| Location::new(&place.sink, above.join("/")).join(&name))
    }

    /// The name in the characters that the settings want.
    fn written(&self, name: &str) -> String {
        let mut written = String::new();
        for character in name.chars() {
            match self.replace.get(character.encode_utf8(&mut [0; 4])) {
                Some(other) => written.push_str(other),
                None => written.push(character),
            }
        }
        if self.lower_case {
            written = written.to_lowercase();
        }
        written
    }
}

/// Whether the operation is one on a file. Directories keep their names.
fn is_about_files(operation: Operation) -> bool {
    use Operation::{
        Append, Checksum, Delete, Download, RenameSource, RenameTarget, SetMode, SetTime, Stat,
        Upload,
    };
    matches!(
        operation,
        Append
            | Checksum
            | Delete
            | Download
            | RenameSource
            | RenameTarget
            | SetMode
            | SetTime
            | Stat
            | Upload
    )
}

/// Whether the operation makes or removes a directory.
fn is_about_directories(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::MakeDirectory | Operation::RemoveDirectory
    )
}

/// The directory `depth` levels above a place.
fn above(place: &Location, depth: usize) -> Location {
    let mut key = place.key.as_str();
    for _ in 0..depth {
        key = key.rsplit_once('/').map_or("", |(above, _)| above);
    }
    Location::new(&place.sink, key)
}

/// The place, or the next one with a number at which nothing stands.
fn free(place: Location) -> Result<Location, Failure> {
    for number in 1..=MAX_TRIES {
        let candidate = match number {
            1 => place.clone(),
            _ => place.with_name(&numbered(place.name(), number)),
        };
        match sinks::stat(&candidate) {
            Err(StorageError::NotFound) => return Ok(candidate),
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
    }
    Err(Failure::Unavailable(format!(
        "{MAX_TRIES} names like {place} are taken"
    )))
}

/// The name with a number before its ending.
fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => format!("{stem}-{number}.{ending}"),
        _ => format!("{name}-{number}"),
    }
}

fn root() -> String {
    "/".into()
}

fn underscore() -> String {
    "_".into()
}

#[cfg(test)]
mod tests;
