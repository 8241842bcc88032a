//! The only place where an error becomes a reply code.

use super::{Code, Reply};
use crate::command::CommandError;
use crate::failure::Failure;
use crate::path::PathError;

/// What was being done, as far as it changes the code of a [`Failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// Anything that is not named below.
    Ordinary,
    /// Logging in: what cannot be decided ends the session, so that nobody takes it for a wrong
    /// password.
    Login,
    /// A transfer from an offset: what a sink cannot do is the parameter of REST.
    Resume,
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        Reply::refusing(failure, Situation::Ordinary)
    }
}

impl From<CommandError> for Reply {
    fn from(error: CommandError) -> Self {
        let code = match error {
            CommandError::Empty | CommandError::Unknown => Code::SyntaxError,
            CommandError::NotImplemented(_) => Code::NotImplemented,
            // RFC 4217 section 4 has no 501 for AUTH, and clients take 504 to try another word.
            CommandError::MissingArgument(verb) if verb.name == "AUTH" => {
                Code::ParameterNotImplemented
            }
            CommandError::UnsupportedParameter(_) => Code::ParameterNotImplemented,
            CommandError::UnsupportedNetworkProtocol => Code::ProtocolRefused,
            CommandError::MissingArgument(_)
            | CommandError::BadArgument(_)
            | CommandError::NotUtf8(_)
            | CommandError::ForbiddenByte(_)
            | CommandError::PathTooLong(_)
            | CommandError::NotFtp(_) => Code::ArgumentError,
        };
        Self::new(code, sentence(&error.to_string()))
    }
}

impl From<PathError> for Reply {
    fn from(error: PathError) -> Self {
        Self::new(Code::ArgumentError, sentence(&error.to_string()))
    }
}

/// `text` with a capital first letter, as all replies have.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

impl Reply {
    /// The final reply to a command that failed in `situation`.
    pub fn refusing(failure: Failure, situation: Situation) -> Self {
        match (situation, failure) {
            (Situation::Login, Failure::Undecided | Failure::Storage) => Self::new(
                Code::ServiceClosing,
                "The login cannot be decided now, try again later",
            ),
            (Situation::Resume, Failure::Unsupported) => Self::new(
                Code::ParameterNotImplemented,
                "This storage cannot resume here, use REST 0",
            ),
            (_, failure) => Self::ordinary(failure),
        }
    }

    fn ordinary(failure: Failure) -> Self {
        let (code, ours) = code_and_text(&failure);
        match failure {
            Failure::Denied { text }
            | Failure::NameRefused { text }
            | Failure::QuotaExceeded { text } => Self::foreign(code, text, ours),
            Failure::TooMany { text } => Self::foreign(code, Some(text), ours),
            _ => Self::new(code, ours),
        }
    }
}

fn code_and_text(failure: &Failure) -> (Code, &'static str) {
    match failure {
        Failure::NotFound => (Code::Unavailable, "No such file or directory"),
        Failure::Exists => (Code::Unavailable, "It already exists"),
        Failure::IsDirectory => (Code::Unavailable, "It is a directory"),
        Failure::NotDirectory => (Code::Unavailable, "Not a directory"),
        Failure::NotEmpty => (Code::Unavailable, "The directory is not empty"),
        Failure::Denied { .. } => (Code::Unavailable, "Permission denied"),
        Failure::NameRefused { .. } => (Code::NameRefused, "The name is not allowed"),
        Failure::QuotaExceeded { .. } => (Code::QuotaExceeded, "The quota is exceeded"),
        Failure::NoSpace => (Code::NoSpace, "No space left"),
        Failure::Unsupported => (Code::NotImplemented, "This storage cannot do that"),
        Failure::Storage => (Code::LocalError, "The storage failed, try again later"),
        Failure::Undecided => (
            Code::LocalError,
            "This cannot be decided now, try again later",
        ),
        Failure::TooMany { .. } => (Code::ServiceClosing, "Too many"),
        Failure::NoDataConnection => (Code::NoDataConnection, "No data connection"),
        Failure::NotResumed => (
            Code::ProtocolRefused,
            "TLS session of data connection not resumed",
        ),
        Failure::DataHandshake => (
            Code::ProtocolRefused,
            "TLS handshake of data connection failed",
        ),
        Failure::ConnectionLost => (
            Code::TransferAborted,
            "Data connection lost, transfer aborted",
        ),
        Failure::Aborted => (Code::TransferAborted, "Transfer aborted"),
    }
}
