//! What stands in a directory, and how LIST, NLST and MLSD show it.

mod line;

use std::cmp::Ordering;

pub use self::line::{facts_line, long_line, write_line};
use crate::path::is_forbidden;
use crate::timestamp::Timestamp;
use crate::transfer::{ListKey, ListOrder};

/// A file or directory as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes; 0 where that means nothing.
    pub size: u64,
    /// When it was last modified, where the storage knows.
    pub modified: Option<Timestamp>,
    /// Permission bits, at most 0o7777, where the storage has them.
    pub mode: Option<u32>,
    /// Names the same thing under every path, where the storage has such a pair (on a file system:
    /// device and inode).
    pub unique: Option<(u64, u64)>,
    /// What this user may do with it.
    pub allowed: Allowed,
}

impl Entry {
    /// An entry about which nothing else is known, with everything allowed.
    ///
    /// `None` for a name that cannot be listed: empty, `.`, `..`, or with a slash (except `/`, the
    /// root, which MLST may show), CR, LF or NUL. Such a name is left out of listings rather than
    /// shown changed: no command could name it, and its line would be read as two.
    pub fn new(name: impl Into<String>, kind: EntryKind) -> Option<Self> {
        let name = name.into();
        let listable = !matches!(name.as_str(), "" | "." | "..")
            && !name.contains(is_forbidden)
            && (name == "/" || !name.contains('/'));
        listable.then_some(Self {
            name,
            kind,
            size: 0,
            modified: None,
            mode: None,
            unique: None,
            allowed: Allowed::ALL,
        })
    }

    /// The same under another name: that of the user, where storage has one of its own. `None` as
    /// for [`Entry::new`].
    pub fn named(self, name: &str) -> Option<Self> {
        if self.name == name {
            return Some(self);
        }
        let Self { name, .. } = Self::new(name, self.kind)?;
        Some(Self { name, ..self })
    }

    /// The last component of its path, or `/`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl ListOrder {
    /// Which of two entries comes first.
    pub fn compare(self, one: &Entry, other: &Entry) -> Ordering {
        let first = match self.by {
            ListKey::Name => Ordering::Equal,
            ListKey::Time => other.modified.cmp(&one.modified),
            ListKey::Size => other.size.cmp(&one.size),
        };
        let order = first.then_with(|| one.name.cmp(&other.name));
        match self.reversed {
            true => order.reverse(),
            false => order,
        }
    }
}

/// What an [`Entry`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link that is shown as one: it leads nowhere, or out of what the user may see.
    Symlink,
}

/// What a user may do with an entry: the fact `perm` (RFC 3659 section 7.5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// RETR of the file.
    pub retrieve: bool,
    /// STOR over the file; in a directory: of new files.
    pub store: bool,
    /// APPE to the file.
    pub append: bool,
    /// DELE or RMD.
    pub delete: bool,
    /// RNFR
    pub rename: bool,
    /// CWD and listing of the directory.
    pub list: bool,
    /// MKD in the directory.
    pub make_directory: bool,
}

impl Allowed {
    /// Everything.
    pub const ALL: Self = Self {
        retrieve: true,
        store: true,
        append: true,
        delete: true,
        rename: true,
        list: true,
        make_directory: true,
    };
}

#[cfg(test)]
mod tests;
