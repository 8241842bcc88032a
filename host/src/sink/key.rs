//! The name of an object in a sink.

use std::fmt;

use wharf_protocol::path::VirtualPath;

/// A normalised path below the root of a sink; empty is the root itself.
///
/// Its components are separated by single `/`; none is empty, `.` or `..` or holds CR, LF or NUL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

/// This text is not a [`Key`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no path below a sink's root")]
pub struct InvalidKey {
    text: String,
}

impl Key {
    /// The root of a sink.
    pub fn root() -> Self {
        Self::default()
    }

    /// Parse a key, as a prefix stands in a configuration; `/` at either end is ignored.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let trimmed = text.trim_matches('/');
        if trimmed.is_empty() || trimmed.split('/').all(is_component) {
            Ok(Self(trimmed.to_owned()))
        } else {
            Err(InvalidKey {
                text: text.to_owned(),
            })
        }
    }

    /// The key of a virtual path in a sink that is mounted at `/`.
    pub fn of(path: &VirtualPath) -> Self {
        Self(path.as_str().trim_start_matches('/').to_owned())
    }

    /// `below`, seen from this key.
    pub fn join(&self, below: &Self) -> Self {
        match (self.is_root(), below.is_root()) {
            (true, _) => below.clone(),
            (_, true) => self.clone(),
            _ => Self(format!("{self}/{below}")),
        }
    }

    /// What is called `name` in this directory.
    pub fn child(&self, name: &str) -> Result<Self, InvalidKey> {
        if is_component(name) && !name.contains('/') {
            Ok(self.join(&Self(name.to_owned())))
        } else {
            Err(InvalidKey {
                text: name.to_owned(),
            })
        }
    }

    /// The directory that holds it and its name there; `None` for the root.
    pub fn split(&self) -> Option<(Self, &str)> {
        if self.is_root() {
            return None;
        }
        let (parent, name) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        Some((Self(parent.to_owned()), name))
    }

    /// Whether `other` stands somewhere below this key.
    pub fn holds(&self, other: &Self) -> bool {
        let below = other.0.strip_prefix(&self.0);
        below.is_some_and(|below| below.starts_with('/') || (self.is_root() && !below.is_empty()))
    }

    /// Whether it is the root of the sink.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The names on the way, outermost first; none for the root.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }

    /// The key as text, without `/` at either end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_component(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['\0', '\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_below_the_root_is_a_key() {
        for (text, key) in [
            ("", Some("")),
            ("/", Some("")),
            ("/a/b/", Some("a/b")),
            ("...", Some("...")),
            (" a ", Some(" a ")),
            ("a//b", None),
            ("a/../b", None),
            ("..", None),
            ("./a", None),
            ("a\0b", None),
            ("a\nb", None),
        ] {
            assert_eq!(
                Key::parse(text).ok().as_ref().map(Key::as_str),
                key,
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_key_is_taken_apart_as_it_was_joined() {
        let directory = Key::parse("in/box").expect("valid");
        let file = directory.child("a.txt").expect("valid");
        assert_eq!(file.as_str(), "in/box/a.txt");
        assert_eq!(file.split(), Some((directory.clone(), "a.txt")));
        assert_eq!(Key::root().join(&file), file);
        assert_eq!(file.join(&Key::root()), file);
        assert_eq!(Key::root().split(), None);
        assert!(directory.holds(&file) && Key::root().holds(&file));
        assert!(!directory.holds(&directory) && !Key::root().holds(&Key::root()));
        assert!(!Key::parse("in/bo").expect("valid").holds(&file));
        assert!(directory.child("a/b").is_err());
        assert_eq!(
            file.components().collect::<Vec<_>>(),
            ["in", "box", "a.txt"]
        );
    }
}
