//! What the roles around storage speak of: places, checksums, entries, and why storage fails.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Failure;

/// A place in a configured sink.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The sink's name in `wharf.toml`.
    pub sink: String,
    /// Relative to the sink's root: `/` between parts, no leading `/`, no `.` or `..`. The root
    /// itself is the empty key.
    pub key: String,
}

impl Location {
    /// The place at `key` in `sink`.
    pub fn new(sink: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            sink: sink.into(),
            key: key.into(),
        }
    }

    /// The last part of the key; empty for the root.
    pub fn name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }

    /// The same directory with `name` as the last part.
    #[must_use]
    pub fn with_name(&self, name: &str) -> Self {
        let directory = self.key.rsplit_once('/').map_or("", |(above, _)| above);
        Self::new(&self.sink, directory).join(name)
    }

    /// The place at `key` below this one.
    #[must_use]
    pub fn join(&self, key: &str) -> Self {
        let between = if self.key.is_empty() || key.is_empty() {
            ""
        } else {
            "/"
        };
        Self::new(&self.sink, format!("{}{between}{key}", self.key))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sink, self.key)
    }
}

/// A checksum of a whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    /// `crc32`, `md5`, `sha1`, `sha256` or `sha512`.
    pub algorithm: String,
    /// The value in lower-case hexadecimal.
    pub hex: String,
}

/// What stands in a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The last part of its path.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// In bytes; 0 for what is no file.
    pub size: u64,
    /// When it was last changed, to the millisecond, where that is known.
    pub modified: Option<SystemTime>,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    #[default]
    File,
    /// A directory.
    Directory,
    /// Neither, such as a link that leads nowhere.
    Other,
}

/// What a client wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `LIST`, `NLST`, `MLSD`
    Browse,
    /// `SIZE`, `MDTM`, `MLST`, `STAT`
    Stat,
    /// `CWD`, `CDUP`
    ChangeDirectory,
    /// `RETR`
    Download,
    /// `STOR`, `STOU`
    Upload,
    /// `APPE`, and `STOR` behind `REST`
    Append,
    /// `DELE`
    Delete,
    /// `RNFR`
    RenameSource,
    /// `RNTO`
    RenameTarget,
    /// `MKD`
    MakeDirectory,
    /// `RMD`
    RemoveDirectory,
    /// `MFMT`
    SetTime,
    /// `SITE CHMOD`
    SetMode,
    /// `HASH`, `XCRC` and their like
    Checksum,
    /// A copy within the storage
    Copy,
    /// What this version of the contract has no name for
    Other,
}

/// Why storage could not do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageError {
    /// There is no such file or directory.
    NotFound,
    /// There is one already.
    Exists,
    /// It is a directory.
    IsDirectory,
    /// It is no directory.
    NotDirectory,
    /// The directory is not empty.
    NotEmpty,
    /// There is no space left.
    NoSpace,
    /// A quota is reached, or a limit on the sizes of files.
    QuotaExceeded,
    /// The back end lets this account do it elsewhere, perhaps, but not here.
    PermissionDenied,
    /// The back end has no files of such a name.
    InvalidName,
    /// This sink cannot do that at all.
    Unsupported,
    /// The operator did not allow it, or the back end refused the credentials; for the log.
    NotGranted(String),
    /// The back end failed, and trying again may help; for the log.
    Failed(String),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "there is no such file or directory",
            Self::Exists => "there is one already",
            Self::IsDirectory => "it is a directory",
            Self::NotDirectory => "it is no directory",
            Self::NotEmpty => "the directory is not empty",
            Self::NoSpace => "there is no space left",
            Self::QuotaExceeded => "a quota or size limit is reached",
            Self::PermissionDenied => "the back end permits no access",
            Self::InvalidName => "the name cannot be stored",
            Self::Unsupported => "the sink cannot do that",
            Self::NotGranted(why) => return write!(f, "not granted: {why}"),
            Self::Failed(why) => return write!(f, "the storage failed: {why}"),
        })
    }
}

impl std::error::Error for StorageError {}

impl From<Failure> for StorageError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.to_string())
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotGranted(_) => Self::Misconfigured(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// A moment as the contract counts it: milliseconds since 1970 in UTC.
pub(crate) fn milliseconds(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The moment so many milliseconds after the beginning of 1970.
pub(crate) fn moment(milliseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_put_together_without_stray_slashes() {
        let root = Location::new("local", "");
        assert_eq!(root.join("a").join("b/c"), Location::new("local", "a/b/c"));
        assert_eq!(root.join("a").join(""), Location::new("local", "a"));
        for (key, name, renamed) in [("a/b", "b", "a/x"), ("b", "b", "x"), ("", "", "x")] {
            let place = Location::new("local", key);
            assert_eq!(place.name(), name);
            assert_eq!(place.with_name("x"), Location::new("local", renamed));
        }
        assert_eq!(Location::new("local", "a/b").to_string(), "local:a/b");
    }
}
