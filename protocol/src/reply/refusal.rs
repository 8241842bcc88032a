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
    /// EPSV: what cannot be done is its network protocol (RFC 2428 section 3).
    ExtendedPassive,
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
            (Situation::ExtendedPassive, Failure::Unsupported) => {
                CommandError::UnsupportedNetworkProtocol.into()
            }
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
        Failure::Changed => (
            Code::LocalError,
            "Somebody else has changed the file meanwhile",
        ),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Foreign, find};

    #[test]
    fn each_failure_has_its_code() {
        let text = || Some("a plugin's words".to_owned());
        let table = [
            (Failure::NotFound, 550),
            (Failure::Exists, 550),
            (Failure::IsDirectory, 550),
            (Failure::NotDirectory, 550),
            (Failure::NotEmpty, 550),
            (Failure::Denied { text: text() }, 550),
            (Failure::NameRefused { text: text() }, 553),
            (Failure::QuotaExceeded { text: text() }, 552),
            (Failure::NoSpace, 452),
            (Failure::Unsupported, 502),
            (Failure::Changed, 451),
            (Failure::Storage, 451),
            (Failure::Undecided, 451),
            (
                Failure::TooMany {
                    text: "full".to_owned(),
                },
                421,
            ),
            (Failure::NoDataConnection, 425),
            (Failure::NotResumed, 522),
            (Failure::DataHandshake, 522),
            (Failure::ConnectionLost, 426),
            (Failure::Aborted, 426),
        ];
        for (failure, code) in table {
            assert_eq!(Reply::from(failure.clone()).code(), code, "{failure:?}");
        }
        let shown = Reply::from(Failure::Denied { text: text() }).to_string();
        assert_eq!(shown, "550 a plugin's words\r\n");
    }

    #[test]
    fn the_situation_changes_some() {
        let code = |failure, situation| Reply::refusing(failure, situation).code();
        assert_eq!(code(Failure::Undecided, Situation::Login), 421);
        assert_eq!(code(Failure::Storage, Situation::Login), 421);
        assert_eq!(code(Failure::NotFound, Situation::Login), 550);
        assert_eq!(code(Failure::Unsupported, Situation::Resume), 504);
        assert_eq!(code(Failure::NotFound, Situation::Resume), 550);
    }

    #[test]
    fn each_bad_command_has_its_code() {
        let verb = |name: &str| find(name.as_bytes()).expect("a verb of the table");
        let table = [
            (CommandError::Empty, 500),
            (CommandError::Unknown, 500),
            (CommandError::NotImplemented(verb("SMNT")), 502),
            (CommandError::MissingArgument(verb("AUTH")), 504),
            (CommandError::MissingArgument(verb("CWD")), 501),
            (CommandError::BadArgument(verb("REST")), 501),
            (CommandError::UnsupportedParameter(verb("AUTH")), 504),
            (CommandError::UnsupportedNetworkProtocol, 522),
            (CommandError::NotUtf8(verb("CWD")), 501),
            (CommandError::ForbiddenByte(verb("CWD")), 501),
            (CommandError::PathTooLong(verb("CWD")), 501),
            (CommandError::NotFtp(Foreign::Http), 501),
        ];
        for (error, code) in table {
            assert_eq!(Reply::from(error).code(), code, "{error:?}");
        }
        assert_eq!(
            Reply::from(CommandError::Unknown).to_string(),
            "500 Unknown verb\r\n"
        );
        assert_eq!(Reply::from(PathError::TooLong).code(), 501);
    }
}
