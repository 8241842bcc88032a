//! What can be permitted or forbidden, and sets of it.

/// One thing a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// List a directory.
    Browse,
    /// Ask for facts about one entry.
    Stat,
    /// Enter a directory.
    ChangeDirectory,
    /// Read a file.
    Download,
    /// Store a file that is not there yet.
    Upload,
    /// Store a file over one that is there.
    Overwrite,
    /// Add to a file.
    Append,
    /// Delete a file.
    Delete,
    /// Rename; wanted at both ends.
    Rename,
    /// Make a directory.
    MakeDirectory,
    /// Remove a directory.
    RemoveDirectory,
    /// Set the time of modification.
    SetTime,
    /// Set permission bits.
    SetMode,
    /// Have a checksum computed.
    Checksum,
    /// Copy within the storage.
    Copy,
    /// Whatever has no name of its own.
    Other,
}

impl Operation {
    /// Every one of them.
    pub const ALL: [Self; 16] = [
        Self::Browse,
        Self::Stat,
        Self::ChangeDirectory,
        Self::Download,
        Self::Upload,
        Self::Overwrite,
        Self::Append,
        Self::Delete,
        Self::Rename,
        Self::MakeDirectory,
        Self::RemoveDirectory,
        Self::SetTime,
        Self::SetMode,
        Self::Checksum,
        Self::Copy,
        Self::Other,
    ];
}

/// A set of [`Operation`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations(u16);

impl Operations {
    /// Every one of them.
    pub const ALL: Self = Self(u16::MAX);

    /// Those that only look at a directory or go there.
    pub const LOOKING: Self = Self(
        1 << Operation::Browse as u16
            | 1 << Operation::Stat as u16
            | 1 << Operation::ChangeDirectory as u16,
    );

    /// Whether `operation` is in the set.
    pub fn contains(self, operation: Operation) -> bool {
        self.0 & (1 << operation as u16) != 0
    }

    /// Whether there is none in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of either set.
    pub fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Those of this set that are not in the other.
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Those of both sets.
    pub fn within(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Adds `operation`.
    pub fn insert(&mut self, operation: Operation) {
        self.0 |= 1 << operation as u16;
    }
}

impl FromIterator<Operation> for Operations {
    fn from_iter<T: IntoIterator<Item = Operation>>(operations: T) -> Self {
        let mut set = Self::default();
        operations
            .into_iter()
            .for_each(|operation| set.insert(operation));
        set
    }
}
