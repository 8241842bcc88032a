//! Sets of what a user may do.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// A set of operations, by the names of the plugin contract.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Operations(u16);

/// Declares one constant for each operation, in the order of the contract's `flags`.
macro_rules! operations {
    ($($bit:literal $name:ident $text:literal $meaning:literal,)*) => {
        impl Operations {
            $(#[doc = $meaning] pub const $name: Self = Self(1 << $bit);)*

            /// Every operation there is.
            pub const ALL: Self = Self(0 $(| 1 << $bit)*);

            /// Each operation with the name it has in the contract and in settings.
            pub const NAMES: &[(&str, Self)] = &[$(($text, Self::$name),)*];
        }

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use crate::wasm::bindings::types::Operations as Generated;
            assert!(Generated::all().bits() == Operations::ALL.0);
            $(assert!(Generated::$name.bits() == Operations::$name.0);)*
        };
    };
}

operations! {
    0 BROWSE "browse" "List a directory.",
    1 STAT "stat" "Ask for facts about one name.",
    2 CHANGE_DIRECTORY "change-directory" "Change into a directory.",
    3 DOWNLOAD "download" "Fetch a file.",
    4 UPLOAD "upload" "Store a new file.",
    5 OVERWRITE "overwrite" "Store over a file that is there.",
    6 APPEND "append" "Add to a file that is there, or resume an upload.",
    7 DELETE "delete" "Delete a file.",
    8 RENAME "rename" "Rename a file or a directory.",
    9 MAKE_DIRECTORY "make-directory" "Make a directory.",
    10 REMOVE_DIRECTORY "remove-directory" "Remove a directory.",
    11 SET_TIME "set-time" "Change a modification time.",
    12 SET_MODE "set-mode" "Change a mode.",
    13 CHECKSUM "checksum" "Have a checksum computed.",
    14 COPY "copy" "Copy within the server.",
    15 OTHER "other" "Whatever has no name of its own yet.",
}

impl Operations {
    /// Look and fetch, change nothing.
    pub const READ: Self = Self(
        Self::BROWSE.0
            | Self::STAT.0
            | Self::CHANGE_DIRECTORY.0
            | Self::DOWNLOAD.0
            | Self::CHECKSUM.0,
    );

    /// Bring new files and directories and nothing else: a drop box that cannot be looked into
    /// and in which nothing is overwritten.
    pub const WRITE: Self =
        Self(Self::CHANGE_DIRECTORY.0 | Self::UPLOAD.0 | Self::MAKE_DIRECTORY.0);

    /// The set of nothing.
    pub const NONE: Self = Self(0);

    /// Sets that have a name of their own in settings.
    pub const PRESETS: &[(&str, Self)] = &[
        ("full", Self::ALL),
        ("read-only", Self::READ),
        ("write-only", Self::WRITE),
    ];

    /// Whether all of `other` is in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set as the contract's bits.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn bits(self) -> u16 {
        self.0
    }
}

impl BitOr for Operations {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Operations {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Self::NAMES.iter().filter(|(_, bit)| self.contains(*bit));
        f.debug_set().entries(names.map(|(name, _)| name)).finish()
    }
}

/// No operation has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownOperation(pub String);

impl fmt::Display for UnknownOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Operations::NAMES.iter().map(|(name, _)| *name).collect();
        write!(
            f,
            "unknown operation `{}`, expected one of {}",
            self.0,
            names.join(", ")
        )
    }
}

impl std::error::Error for UnknownOperation {}

impl FromStr for Operations {
    type Err = UnknownOperation;

    /// One operation by its name.
    fn from_str(name: &str) -> Result<Self, UnknownOperation> {
        let known = Self::NAMES.iter().find(|(known, _)| *known == name);
        known
            .map(|(_, bit)| *bit)
            .ok_or_else(|| UnknownOperation(name.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Operations {
    /// Reads a preset's name or a list of operations' names.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Reads a set as it is written in settings.
struct Written;

impl<'de> de::Visitor<'de> for Written {
    type Value = Operations;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"full\", \"read-only\", \"write-only\" or a list of operations")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Operations, E> {
        let preset = Operations::PRESETS.iter().find(|(known, _)| *known == name);
        let unexpected = || E::invalid_value(de::Unexpected::Str(name), &self);
        preset.map(|(_, set)| *set).ok_or_else(unexpected)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut names: A) -> Result<Operations, A::Error> {
        let mut set = Operations::NONE;
        while let Some(name) = names.next_element::<String>()? {
            set |= name.parse().map_err(de::Error::custom)?;
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_written_by_name() {
        let set: Operations = serde_json::from_str(r#"["browse", "upload"]"#).unwrap();
        assert_eq!(set, Operations::BROWSE | Operations::UPLOAD);
        assert_eq!(format!("{set:?}"), r#"{"browse", "upload"}"#);
    }

    #[test]
    fn presets_are_written_by_name() {
        let read = |text| serde_json::from_str::<Operations>(text);
        assert_eq!(read(r#""read-only""#).unwrap(), Operations::READ);
        let error = read(r#""readonly""#).unwrap_err().to_string();
        assert!(error.contains(r#"expected "full", "read-only""#), "{error}");
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let error = serde_json::from_str::<Operations>(r#"["brows"]"#)
            .unwrap_err()
            .to_string();
        assert!(error.contains("unknown operation `brows`"), "{error}");
        assert!(error.contains("change-directory"), "{error}");
    }

    #[test]
    fn presets_do_not_reach_too_far() {
        assert!(!Operations::READ.contains(Operations::UPLOAD));
        assert!(!Operations::WRITE.contains(Operations::BROWSE));
        assert!(!Operations::WRITE.contains(Operations::OVERWRITE));
        assert!(Operations::ALL.contains(Operations::READ | Operations::WRITE));
    }
}
