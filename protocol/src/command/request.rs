//! A line whose verb is known and whose argument is still to be read.

use super::table::{self, Verb};
use super::{Command, CommandError, Foreign};
use crate::path::{PathArgument, PathError};

/// A line with its verb recognised.
///
/// Whether the verb is allowed right now can be decided before the argument is read.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    verb: &'static Verb,
    /// What stands after the verb and one space; `None` where nothing stands there.
    argument: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// Finds the verb of a line. Fails with [`CommandError::Empty`], [`CommandError::Unknown`] or
    /// [`CommandError::NotFtp`].
    pub fn recognise(line: &'a [u8]) -> Result<Self, CommandError> {
        let (word, argument) = match line.iter().position(|&byte| byte == b' ') {
            Some(space) => (&line[..space], &line[space + 1..]),
            None => (line, &[][..]),
        };
        let argument = (!argument.is_empty()).then_some(argument);
        match table::find(word) {
            Some(verb) => Ok(Self { verb, argument }),
            None if line.is_empty() => Err(CommandError::Empty),
            None => Err(foreign(line, word).map_or(CommandError::Unknown, CommandError::NotFtp)),
        }
    }

    /// The verb.
    pub fn verb(self) -> &'static Verb {
        self.verb
    }

    /// Reads the argument.
    pub fn command(self) -> Result<Command, CommandError> {
        match self.verb.parse {
            Some(parse) => parse(self),
            None => Err(CommandError::NotImplemented(self.verb)),
        }
    }

    /// `command`, where the line has no argument but spaces.
    pub(super) fn nothing(self, command: Command) -> Result<Command, CommandError> {
        match self.argument {
            Some(bytes) if bytes.iter().any(|&byte| byte != b' ') => Err(self.bad()),
            _ => Ok(command),
        }
    }

    /// The argument as it is, spaces and all; empty where there is none.
    pub(super) fn text(self) -> Result<&'a str, CommandError> {
        let bytes = self.argument.unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|_| CommandError::NotUtf8(self.verb))?;
        match text.contains(crate::path::is_forbidden) {
            true => Err(CommandError::ForbiddenByte(self.verb)),
            false => Ok(text),
        }
    }

    /// The argument without spaces at its ends, where no more than that may be harmless.
    pub(super) fn optional_word(self) -> Result<Option<&'a str>, CommandError> {
        let text = self.text()?.trim_matches(' ');
        Ok((!text.is_empty()).then_some(text))
    }

    /// As [`Self::optional_word`], where something is needed.
    pub(super) fn word(self) -> Result<&'a str, CommandError> {
        self.optional_word()?
            .ok_or(CommandError::MissingArgument(self.verb))
    }

    /// The whole argument as a path, spaces and all.
    pub(super) fn path(self) -> Result<PathArgument, CommandError> {
        self.optional_path()?
            .ok_or(CommandError::MissingArgument(self.verb))
    }

    /// As [`Self::path`], where there is any.
    pub(super) fn optional_path(self) -> Result<Option<PathArgument>, CommandError> {
        match self.argument {
            Some(bytes) => self.path_of(bytes).map(Some),
            None => Ok(None),
        }
    }

    /// A path that is part of the argument.
    pub(super) fn path_of(self, bytes: &[u8]) -> Result<PathArgument, CommandError> {
        PathArgument::parse(bytes).map_err(|error| match error {
            PathError::Empty => CommandError::MissingArgument(self.verb),
            PathError::NotUtf8 => CommandError::NotUtf8(self.verb),
            PathError::ForbiddenByte => CommandError::ForbiddenByte(self.verb),
            PathError::TooLong => CommandError::PathTooLong(self.verb),
            PathError::Relative => CommandError::BadArgument(self.verb),
        })
    }

    pub(super) fn bad(self) -> CommandError {
        CommandError::BadArgument(self.verb)
    }

    pub(super) fn unsupported(self) -> CommandError {
        CommandError::UnsupportedParameter(self.verb)
    }
}

/// Splits off the first word; what follows it and one space is kept as it is.
pub(super) fn split_word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

/// A number of nothing but digits.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// Which other protocol begins like this, if one does.
fn foreign(line: &[u8], word: &[u8]) -> Option<Foreign> {
    let last = line.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    let is = |names: &[&str]| {
        names
            .iter()
            .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    if line.starts_with(&crate::line::CLIENT_HELLO) {
        Some(Foreign::Tls)
    } else if line.starts_with(b"SSH-") {
        Some(Foreign::Ssh)
    } else if is(&["EHLO", "HELO", "LHLO"]) {
        Some(Foreign::Smtp)
    } else if [&b"HTTP/"[..], b"RTSP/", b"SIP/"]
        .iter()
        .any(|name| last.starts_with(name))
    {
        Some(Foreign::Http)
    } else {
        // A request line cut short, or one of HTTP/0.9; none of these is a verb of FTP.
        is(&["GET", "HEAD", "POST", "PUT", "CONNECT", "OPTIONS"]).then_some(Foreign::Http)
    }
}
