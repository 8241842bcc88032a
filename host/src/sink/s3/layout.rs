//! Where files and directories stand in a bucket.
//!
//! A file is an object. A directory is an object of no bytes, the *marker*, whose key is the
//! directory's and a suffix; where directories are implicit, every key with something below it is a
//! directory too.

use crate::sink::Key;

/// The longest key (Amazon S3, "object key naming guidelines").
const KEY_BYTES: usize = 1024;

/// What keys look like below a sink's prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Before every key; empty, or with a `/` at its end.
    prefix: String,
    /// Behind the key of a directory; begins with a `/`.
    suffix: String,
}

impl Layout {
    /// For a prefix and suffix as they are configured.
    pub fn new(prefix: &str, suffix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        Self {
            prefix: match prefix {
                "" => String::new(),
                _ => format!("{prefix}/"),
            },
            suffix: suffix.to_owned(),
        }
    }

    /// The object of a file.
    pub fn object(&self, file: &Key) -> String {
        format!("{}{}", self.prefix, file.as_str())
    }

    /// The marker of a directory; the root has none.
    pub fn marker(&self, directory: &Key) -> Option<String> {
        let object = self.object(directory);
        (!directory.is_root()).then(|| format!("{object}{}", self.suffix))
    }

    /// Whether an object is the marker of some directory.
    pub fn is_marker(&self, object: &str) -> bool {
        object.ends_with(&self.suffix)
    }

    /// Whether nothing can have this name: it would be taken for the marker of its directory, or is
    /// longer than a store keeps it.
    pub fn excludes(&self, key: &Key) -> bool {
        let hides = !key.is_root() && format!("/{}", key.as_str()).ends_with(&self.suffix);
        hides || self.prefix.len() + key.as_str().len() > KEY_BYTES
    }

    /// What the keys of everything in a directory begin with.
    pub fn below(&self, directory: &Key) -> String {
        match directory.is_root() {
            true => self.prefix.clone(),
            false => format!("{}/", self.object(directory)),
        }
    }

    /// The name of the file that the object `key` in `directory` is; `None` for a marker, and for
    /// what has no name.
    pub fn name<'k>(&self, directory: &Key, key: &'k str) -> Option<&'k str> {
        if self.marker(directory).is_some_and(|marker| marker == key) {
            return None;
        }
        let name = key.strip_prefix(&self.below(directory))?;
        // The root's own marker, which other programs leave, is hidden like any other.
        let is_marker = format!("/{name}") == self.suffix;
        (!name.is_empty() && !name.contains('/') && !is_marker).then_some(name)
    }

    /// The name of the directory that a common prefix in `directory` is.
    pub fn directory_name<'k>(&self, directory: &Key, common: &'k str) -> Option<&'k str> {
        let name = common.strip_prefix(&self.below(directory))?;
        let name = name.strip_suffix('/')?;
        (!name.is_empty()).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::parse(text).expect("a key")
    }

    #[test]
    fn keys_have_their_prefix_and_directories_their_suffix() {
        let cases = [
            ("", "/", "a/b", "a/b", Some("a/b/"), "a/b/"),
            (
                "in/",
                "/.s3keep",
                "a",
                "in/a",
                Some("in/a/.s3keep"),
                "in/a/",
            ),
            ("/in", "/", "", "in/", None, "in/"),
            ("", "/", "", "", None, ""),
        ];
        for (prefix, suffix, of, object, marker, below) in cases {
            let layout = Layout::new(prefix, suffix);
            let of = key(of);
            assert_eq!(layout.object(&of), object);
            assert_eq!(layout.marker(&of).as_deref(), marker);
            assert_eq!(layout.below(&of), below);
        }
    }

    #[test]
    fn nothing_takes_the_name_of_a_marker() {
        for (suffix, name, hidden) in [
            ("/", "", false),
            ("/", "a", false),
            ("/", "a/.s3keep", false),
            ("/.s3keep", "", false),
            ("/.s3keep", ".s3keep", true),
            ("/.s3keep", "a/.s3keep", true),
            ("/.s3keep", "a.s3keep", false),
        ] {
            let layout = Layout::new("in", suffix);
            assert_eq!(layout.excludes(&key(name)), hidden, "{suffix} {name}");
        }
        let layout = Layout::new("in", "/");
        for (length, expected) in [(1021, false), (1022, true)] {
            assert_eq!(
                layout.excludes(&key(&"x".repeat(length))),
                expected,
                "{length}"
            );
        }
    }

    #[test]
    fn markers_are_hidden_and_names_are_not() {
        for (suffix, directory, listed, name) in [
            ("/", "d", "d/", None),
            ("/", "d", "d/f", Some("f")),
            ("/", "", "f", Some("f")),
            ("/.s3keep", "d", "d/.s3keep", None),
            ("/.s3keep", "", ".s3keep", None),
            ("/.s3keep", "d", "d/", None),
            ("/", "d", "d/.s3keep", Some(".s3keep")),
        ] {
            let layout = Layout::new("", suffix);
            assert_eq!(layout.name(&key(directory), listed), name, "{listed}");
        }
        let layout = Layout::new("in", "/");
        assert_eq!(layout.directory_name(&key("d"), "in/d/e/"), Some("e"));
        assert_eq!(layout.directory_name(&key("d"), "in/d//"), None);
    }
}
