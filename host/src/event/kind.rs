//! The kinds of events, and the patterns by which plugins name those that they want.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares the kinds with their names.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)+) => {
        /// What kind of thing happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)+
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// Its name in the contract with plugins.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

kinds! {
    /// A user logged in.
    Login = "login",
    /// A login was refused, or could not be decided.
    LoginFailed = "login-failed",
    /// A user is no longer logged in: he said so, or his session ended.
    Logout = "logout",
    /// A file was stored, also one of no bytes.
    Upload = "upload",
    /// A file was not stored because something refused it or failed.
    UploadFailed = "upload-failed",
    /// A file was not stored because the client gave it up or its connection ended.
    UploadAborted = "upload-aborted",
    /// A file is complete under its final name. Told once for each file: with its upload where that
    /// had its final name already, else with the rename from a temporary name.
    FileStable = "file-stable",
    /// A file was read to its end.
    Download = "download",
    /// A file was not read to its end.
    DownloadFailed = "download-failed",
    /// A file was deleted.
    Delete = "delete",
    /// A file or directory got another name.
    Rename = "rename",
    /// A directory was made.
    MakeDirectory = "make-directory",
    /// A directory was removed.
    RemoveDirectory = "remove-directory",
}

impl Kind {
    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The names of kinds, with `*` for any number of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindPattern(String);

impl KindPattern {
    /// The pattern `text`. Every text is one; it may match no kind of this host.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether it names `kind`.
    pub fn matches(&self, kind: Kind) -> bool {
        let mut parts = self.0.split('*');
        let (first, name) = (parts.next().unwrap_or_default(), kind.name());
        let Some(mut rest) = name.strip_prefix(first) else {
            return false;
        };
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for KindPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_everywhere() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(*kind));
            let json = serde_json::to_string(kind).unwrap();
            assert_eq!(json, format!("{:?}", kind.name()));
        }
        assert_eq!(Kind::named("copy"), None);
    }

    #[test]
    fn patterns_name_kinds() {
        let cases: &[(&str, &[&str])] = &[
            ("upload", &["upload"]),
            ("upload*", &["upload", "upload-failed", "upload-aborted"]),
            (
                "*-failed",
                &["login-failed", "upload-failed", "download-failed"],
            ),
            ("*load*failed", &["upload-failed", "download-failed"]),
            ("*-*-*", &[]),
            ("*directory", &["make-directory", "remove-directory"]),
            ("u*l*d*d", &["upload-failed", "upload-aborted"]),
            ("upload*upload", &[]),
            ("", &[]),
            ("copy", &[]),
            ("Upload", &[]),
        ];
        for (pattern, expected) in cases {
            let pattern = KindPattern::new(*pattern);
            let matching: Vec<_> = Kind::ALL
                .iter()
                .filter(|kind| pattern.matches(**kind))
                .map(|kind| kind.name())
                .collect();
            assert_eq!(matching, *expected, "{pattern}");
        }
        for pattern in ["*", "**"] {
            let pattern = KindPattern::new(pattern);
            assert!(
                Kind::ALL.iter().all(|kind| pattern.matches(*kind)),
                "{pattern}"
            );
        }
    }
}
