//! The only way from a client's bytes to a path.

use std::fmt;

/// A path argument as the client sent it: UTF-8, without CR, LF and NUL, at least one byte.
///
/// It becomes meaningful only with [`VirtualPath::join`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathArgument(String);

/// An absolute, normalised path in the tree that a user sees.
///
/// It begins with `/`, holds no empty, `.` or `..` component, no CR, LF or NUL, and ends with `/`
/// only when it is the root. Whether it exists, and where, is not its business.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VirtualPath(String);

impl VirtualPath {
    /// The root, `/`.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// The path as text, `/` first.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VirtualPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
