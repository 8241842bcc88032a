//! Text that stands outside the configuration file: in the environment, or in a file of its own.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// The longest file that a value may be read from: a key or a token is far shorter.
const VALUE_FILE_BYTES_MAX: u64 = 1 << 20;

/// What values may stand in beside the file that names them.
pub trait Environment {
    /// The value of the variable `name`, if it is set.
    fn variable(&self, name: &str) -> Option<String>;

    /// The text of the file `path`, which starts at `directory` if it is relative, without the end
    /// of its last line.
    ///
    /// # Errors
    /// [`Missing::Unreadable`]
    fn file(&self, path: &str, directory: &Path) -> Result<String, Missing> {
        read_value_file(path, directory)
    }
}

/// The environment of this process.
#[derive(Clone, Copy, Debug)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// Why a value that stands elsewhere is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// `${` without `}`.
    #[error("`${{` has no `}}` behind it")]
    Unclosed,
    /// `${}` and the like.
    #[error("{0:?} is no name of an environment variable")]
    BadName(String),
    /// The variable is not there, or not UTF-8.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// The file is not there or may not be read.
    #[error("the file {path:?} {reason}")]
    Unreadable {
        /// As written.
        path: String,
        /// Why, to follow the path.
        reason: String,
    },
}

impl Missing {
    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Unclosed => "write \"${NAME}\", or \"$${\" to mean these two characters".into(),
            Self::BadName(_) => "a name has letters, digits and underscores only".into(),
            Self::Unset(name) => format!("set {name} where `wharf` is started"),
            Self::Unreadable { .. } => {
                "a relative path starts at the directory of this file".into()
            }
        }
    }
}

/// `text` with every `${NAME}` replaced, or nothing if there is none; `$${` stands for `${`.
///
/// # Errors
/// [`Missing`], if a name is malformed or not set.
pub fn expand(text: &str, environment: &dyn Environment) -> Result<Option<String>, Missing> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((clear, behind)) = rest.split_once("${") {
        if let Some(clear) = clear.strip_suffix('$') {
            expanded.push_str(clear);
            expanded.push_str("${");
            rest = behind;
            continue;
        }
        let (name, behind) = behind.split_once('}').ok_or(Missing::Unclosed)?;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(Missing::BadName(name.to_owned()));
        }
        let value = environment
            .variable(name)
            .ok_or_else(|| Missing::Unset(name.to_owned()))?;
        expanded.push_str(clear);
        expanded.push_str(&value);
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(Some(expanded))
}

fn read_value_file(path: &str, directory: &Path) -> Result<String, Missing> {
    let unreadable = |reason: &str| Missing::Unreadable {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let mut text = String::new();
    let read = File::open(directory.join(path)).and_then(|file| {
        file.take(VALUE_FILE_BYTES_MAX + 1)
            .read_to_string(&mut text)
    });
    match read {
        Ok(_) if text.len() as u64 > VALUE_FILE_BYTES_MAX => {
            Err(unreadable("is longer than 1 MiB"))
        }
        Ok(_) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) => Err(unreadable(read_failure(&error))),
    }
}

/// Why a file cannot be read, to follow its name.
pub fn read_failure(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "is not there",
        ErrorKind::PermissionDenied => "may not be read by this user",
        ErrorKind::InvalidData => "is not UTF-8 text",
        ErrorKind::IsADirectory => "is a directory",
        _ => "cannot be read",
    }
}
