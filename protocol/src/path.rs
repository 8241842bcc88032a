//! The only way from a client's bytes to a path.

use std::fmt;

use thiserror::Error;

/// The longest path, in bytes: what Linux takes (`PATH_MAX` without its NUL), and four times the
/// longest key of S3.
pub const MAX_PATH_BYTES: usize = 4095;

/// Why bytes are not a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// There are none.
    #[error("the path is empty")]
    Empty,
    /// They are not UTF-8.
    #[error("the path is not UTF-8")]
    NotUtf8,
    /// CR, LF or NUL, which no reply and no listing could show.
    #[error("the path holds CR, LF or NUL")]
    ForbiddenByte,
    /// Beyond [`MAX_PATH_BYTES`], alone or joined to the current directory.
    #[error("the path is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
    /// Relative, where a path that stands for itself is needed.
    #[error("the path does not begin with /")]
    Relative,
}

/// A path argument as the client sent it: UTF-8, without CR, LF and NUL, at least one byte.
///
/// It becomes meaningful only with [`VirtualPath::join`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathArgument(String);

impl PathArgument {
    /// Takes the bytes as they are: spaces at either end belong to the name, and so does every
    /// form of Unicode normalisation.
    pub fn parse(bytes: &[u8]) -> Result<Self, PathError> {
        if bytes.is_empty() {
            return Err(PathError::Empty);
        }
        if bytes.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| PathError::NotUtf8)?;
        if text.contains(is_forbidden) {
            return Err(PathError::ForbiddenByte);
        }
        Ok(Self(text.to_owned()))
    }

    /// The argument as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

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

    /// A path that stands for itself, as configurations and plugins write it: absolute, and
    /// folded like a client's.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let argument = PathArgument::parse(text.as_bytes())?;
        if !text.starts_with('/') {
            return Err(PathError::Relative);
        }
        Self::root().join(&argument)
    }

    /// Where `argument` leads from the directory `self`.
    ///
    /// An absolute argument starts at the root. `.` and repeated slashes are dropped, `..` goes up
    /// but never above the root, without asking whether what it leaves exists.
    pub fn join(&self, argument: &PathArgument) -> Result<Self, PathError> {
        let mut path = match argument.as_str().starts_with('/') {
            true => Self::root(),
            false => self.clone(),
        };
        for component in argument.as_str().split('/') {
            match component {
                "" | "." => {}
                ".." => path.truncate_to_parent(),
                name => path.push(name),
            }
        }
        if path.0.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        Ok(path)
    }

    /// What is called `name` in this directory. `None` where that is no component: empty, `.`,
    /// `..`, or with a slash, CR, LF or NUL.
    pub fn child(&self, name: &str) -> Option<Self> {
        let component =
            !matches!(name, "" | "." | "..") && !name.contains('/') && !name.contains(is_forbidden);
        component.then(|| {
            let mut child = self.clone();
            child.push(name);
            child
        })
    }

    /// The directory that holds it; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let mut parent = self.clone();
        parent.truncate_to_parent();
        (!self.is_root()).then_some(parent)
    }

    /// Its last component; `None` for the root.
    pub fn name(&self) -> Option<&str> {
        self.components().next_back()
    }

    /// Its components from the root on; none for the root.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|component| !component.is_empty())
    }

    /// Whether it is `/`.
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// The path as text, `/` first.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn push(&mut self, name: &str) {
        if !self.is_root() {
            self.0.push('/');
        }
        self.0.push_str(name);
    }

    fn truncate_to_parent(&mut self) {
        // The first byte is always a slash, so at least that stays.
        let end = self.0.rfind('/').unwrap_or(0).max(1);
        self.0.truncate(end);
    }
}

impl fmt::Display for VirtualPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether no line of the control connection could carry this character.
pub(crate) fn is_forbidden(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\0')
}

#[cfg(test)]
mod tests;
