//! For the tests of the host: a storage back end that keeps its files in the plugin's state.
//!
//! Every instance sees the same files, since none holds any. Two kinds of names keep nothing, so
//! that a test can move more than there is room for: `zeros-N` reads as N zeros, and what is stored
//! as `void-…` is thrown away.

use std::time::SystemTime;

use wharf_plugin::sinks::Page;
use wharf_plugin::{
    Entry, EntryKind, Feature, Incoming, Lifecycle, Problems, Reader, Start, StorageError,
    StorageSink, clock, config,
};

use crate::content::{Content, Writer};
use crate::tree::Node;

mod content;
mod endless;
mod tree;

/// The longest name of a file, in bytes, as file systems have it.
const NAME_MAX: usize = 255;

/// The plugin.
struct Shelf {
    /// Whether it reads back what is not published yet, which the setting `blind` takes from it.
    reads_back: bool,
}

impl Lifecycle for Shelf {
    fn start() -> Result<Self, Problems> {
        Ok(Self {
            reads_back: config::get("blind").is_none(),
        })
    }
}

impl StorageSink for Shelf {
    fn features(&self) -> Vec<Feature> {
        let mut features = vec![
            Feature::Append,
            Feature::Resume,
            Feature::Rename,
            Feature::Directories,
            Feature::SetModified,
        ];
        features.extend(self.reads_back.then_some(Feature::ReadBack));
        features
    }

    fn stat(&self, key: &str) -> Result<Entry, StorageError> {
        match endless::size(key) {
            Some(size) => Ok(entry(key, &Node::endless(size))),
            None => Ok(entry(key, &tree::node(key)?)),
        }
    }

    fn browse(&self, key: &str, limit: u32, after: Option<&str>) -> Result<Page, StorageError> {
        let names = tree::names(key)?;
        let is_next = |name: &&String| after.is_none_or(|after| name.as_str() > after);
        let mut rest = names.iter().filter(is_next);
        let mut entries = Vec::new();
        for name in rest.by_ref().take(limit as usize) {
            entries.push(entry(name, &tree::node(&tree::join(key, name))?));
        }
        let last = entries.last().map(|entry| entry.name.clone());
        let next = rest.next().and(last);
        Ok(Page { entries, next })
    }

    fn open(&self, key: &str, offset: u64) -> Result<Box<dyn Reader>, StorageError> {
        if let Some(size) = endless::size(key) {
            return Ok(Box::new(endless::Zeros::new(size - offset.min(size))));
        }
        match tree::node(key)? {
            Node::Directory { .. } => Err(StorageError::IsDirectory),
            Node::File { content, .. } => Ok(Box::new(content.reader(offset))),
        }
    }

    fn begin_upload(
        &self,
        key: &str,
        at: Start,
        _: Option<u64>,
    ) -> Result<Box<dyn Incoming>, StorageError> {
        let (directory, name) = tree::split(key);
        if name.len() > NAME_MAX {
            return Err(StorageError::Failed("the name is too long".into()));
        }
        tree::names(directory)?;
        if endless::is_void(key) {
            return Ok(Box::new(endless::Void::default()));
        }
        let mut writer = Writer::new()?;
        let there = match tree::node(key) {
            Ok(Node::Directory { .. }) => return Err(StorageError::IsDirectory),
            Ok(Node::File { content, .. }) => Some(content),
            Err(StorageError::NotFound) => None,
            Err(error) => return Err(error),
        };
        match (at, there) {
            (Start::Append, Some(content)) => writer.resume(content, content.size)?,
            (Start::Resume(offset), Some(content)) => writer.resume(content, offset)?,
            (Start::Replace, _) | (_, None) => {}
        }
        Ok(Box::new(Staged(Some(writer))))
    }

    fn delete(&self, key: &str) -> Result<(), StorageError> {
        match tree::node(key)? {
            Node::Directory { .. } => Err(StorageError::IsDirectory),
            Node::File { content, .. } => {
                tree::remove(key)?;
                content.expire()
            }
        }
    }

    fn rename(&self, source: &str, target: &str, replace: bool) -> Result<(), StorageError> {
        let replaced = tree::node(target);
        tree::rename(source, target, replace)?;
        match replaced {
            Ok(Node::File { content, .. }) => content.expire(),
            _ => Ok(()),
        }
    }

    fn make_directory(&self, key: &str) -> Result<(), StorageError> {
        match tree::node(key) {
            Ok(_) => Err(StorageError::Exists),
            Err(StorageError::NotFound) => tree::put(key, &Node::Directory { names: Vec::new() }),
            Err(error) => Err(error),
        }
    }

    fn remove_directory(&self, key: &str) -> Result<(), StorageError> {
        match tree::names(key)?.is_empty() {
            true => tree::remove(key),
            false => Err(StorageError::NotEmpty),
        }
    }

    fn set_modified(&self, key: &str, modified: SystemTime) -> Result<(), StorageError> {
        match tree::node(key)? {
            Node::File { content, .. } => tree::put(key, &Node::File { content, modified }),
            Node::Directory { .. } => Err(StorageError::Unsupported),
        }
    }
}

/// What is staged of an upload, until it is published or thrown away.
struct Staged(Option<Writer>);

impl Incoming for Staged {
    fn write(&mut self, piece: &[u8]) -> Result<(), StorageError> {
        self.0.as_mut().ok_or_else(over)?.write(piece)
    }

    fn publish(mut self: Box<Self>, key: &str, replace: bool) -> Result<Entry, StorageError> {
        let content = self.0.take().ok_or_else(over)?.finish()?;
        let before = tree::node(key);
        let modified = clock::now();
        let node = Node::File { content, modified };
        if replace {
            tree::put(key, &node)?;
        } else if let Err(error) = tree::add(key, &node) {
            content.expire()?;
            return Err(error);
        }
        if let Ok(Node::File { content, .. }) = before {
            content.expire()?;
        }
        Ok(entry(key, &node))
    }

    fn discard(mut self: Box<Self>) -> Result<(), StorageError> {
        self.0.take().ok_or_else(over)?.finish()?.expire()
    }

    fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, StorageError> {
        self.0.as_mut().ok_or_else(over)?.read(offset, length)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(writer) = self.0.take() {
            // Nobody hears of it; what is left has no name.
            let _ = writer.finish().and_then(Content::expire);
        }
    }
}

fn over() -> StorageError {
    StorageError::Failed("the upload is over".into())
}

fn entry(key: &str, node: &Node) -> Entry {
    let (_, name) = tree::split(key);
    let (kind, size, modified) = match node {
        Node::Directory { .. } => (EntryKind::Directory, 0, None),
        Node::File { content, modified } => (EntryKind::File, content.size, Some(*modified)),
    };
    Entry {
        // The root has no name, and one must be told.
        name: if name.is_empty() { "root" } else { name }.to_owned(),
        kind,
        size,
        modified,
    }
}

wharf_plugin::export!(Shelf: StorageSink);
