//! The tree of names: each directory and file is one value in the state.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wharf_plugin::{StorageError, state};

use crate::content::{Content, failed};

/// What stands at a key.
pub enum Node {
    Directory {
        names: Vec<String>,
    },
    File {
        content: Content,
        modified: SystemTime,
    },
}

impl Node {
    /// A file of which only the size is known.
    pub fn endless(size: u64) -> Self {
        Self::File {
            content: Content { id: 0, size },
            modified: UNIX_EPOCH,
        }
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let mut lines = str::from_utf8(value).ok()?.lines();
        match lines.next()? {
            "directory" => Some(Self::Directory {
                names: lines.map(str::to_owned).collect(),
            }),
            _ => {
                let mut number = || lines.next()?.parse::<u64>().ok();
                let content = Content {
                    id: number()?,
                    size: number()?,
                };
                let modified = UNIX_EPOCH + Duration::from_millis(number()?);
                Some(Self::File { content, modified })
            }
        }
    }

    fn value(&self) -> Vec<u8> {
        match self {
            Self::Directory { names } => format!("directory\n{}", names.join("\n")),
            Self::File { content, modified } => {
                let since_epoch = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
                let milliseconds = since_epoch.as_millis();
                format!("file\n{}\n{}\n{milliseconds}", content.id, content.size)
            }
        }
        .into_bytes()
    }
}

/// The directory of a key and its name in it.
pub fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('/').unwrap_or(("", key))
}

/// A name in a directory.
pub fn join(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        _ => format!("{directory}/{name}"),
    }
}

/// What stands at `key`.
pub fn node(key: &str) -> Result<Node, StorageError> {
    let value = state::get(&slot(key)).map_err(failed)?;
    match value.as_deref().map(Node::parse) {
        Some(Some(node)) => Ok(node),
        Some(None) => Err(StorageError::Failed("a name is damaged".into())),
        None if key.is_empty() => Ok(Node::Directory { names: Vec::new() }),
        None => {
            // What is missing below a file is another error than what is missing.
            names(split(key).0)?;
            Err(StorageError::NotFound)
        }
    }
}

/// What a directory holds.
pub fn names(directory: &str) -> Result<Vec<String>, StorageError> {
    match node(directory)? {
        Node::Directory { names } => Ok(names),
        Node::File { .. } => Err(StorageError::NotDirectory),
    }
}

/// Sets what stands at `key`, in a directory that exists.
pub fn put(key: &str, node: &Node) -> Result<(), StorageError> {
    state::set(&slot(key), &node.value(), None).map_err(failed)?;
    list(key)
}

/// Sets what stands at `key`, where nothing does yet.
pub fn add(key: &str, node: &Node) -> Result<(), StorageError> {
    match state::swap(&slot(key), None, &node.value()).map_err(failed)? {
        true => list(key),
        false => Err(StorageError::Exists),
    }
}

/// Names what stands at `key` in its directory.
fn list(key: &str) -> Result<(), StorageError> {
    change(key, |names, name| {
        if let Err(place) = names.binary_search_by(|other| other.as_str().cmp(name)) {
            names.insert(place, name.to_owned());
        }
    })
}

/// Removes what stands at `key`.
pub fn remove(key: &str) -> Result<(), StorageError> {
    change(key, |names, name| names.retain(|other| other != name))?;
    state::remove(&slot(key)).map_err(failed)
}

/// Moves what stands at `source`, with all below it, over a file at `target` if `replace`.
pub fn rename(source: &str, target: &str, replace: bool) -> Result<(), StorageError> {
    let moved = node(source)?;
    names(split(target).0)?;
    match moved {
        Node::File { .. } if replace => put(target, &moved)?,
        Node::File { .. } => add(target, &moved)?,
        Node::Directory { names } => {
            add(target, &Node::Directory { names: Vec::new() })?;
            for name in names {
                rename(&join(source, &name), &join(target, &name), false)?;
            }
        }
    }
    remove(source)
}

/// Changes what the directory of `key` holds, whoever else does.
fn change(key: &str, change: impl Fn(&mut Vec<String>, &str)) -> Result<(), StorageError> {
    let (directory, name) = split(key);
    loop {
        let before = state::get(&slot(directory)).map_err(failed)?;
        let mut names = names(directory)?;
        change(&mut names, name);
        let after = Node::Directory { names }.value();
        let slot = slot(directory);
        if state::swap(&slot, before.as_deref(), &after).map_err(failed)? {
            return Ok(());
        }
    }
}

fn slot(key: &str) -> String {
    format!("name/{key}")
}
