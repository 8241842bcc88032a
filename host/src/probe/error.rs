//! Why a probe fails, in one line.

use std::fmt;
use std::io;

use tokio_rustls::rustls;

/// What a probe does, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reads the certificates that are believed.
    Trust,
    /// Finds the server and reads its greeting.
    Connect,
    /// AUTH TLS and the handshake.
    Secure,
    /// USER, PASS, and what a session begins with.
    LogIn,
    /// CWD
    ChangeDirectory,
    /// LIST
    List,
    /// STOR
    Store,
    /// LIST, which has to show the file.
    ListAgain,
    /// RETR
    Fetch,
    /// What came is what went.
    Compare,
    /// DELE
    Delete,
    /// QUIT
    LogOut,
}

impl Step {
    pub(super) fn failed(self, error: ProbeError) -> StepFailed {
        StepFailed {
            step: self,
            error,
            left: None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Trust => "read the certificates to trust",
            Self::Connect => "connect",
            Self::Secure => "begin TLS",
            Self::LogIn => "log in",
            Self::ChangeDirectory => "change the directory",
            Self::List => "list",
            Self::Store => "store a file",
            Self::ListAgain => "see the file in the listing",
            Self::Fetch => "fetch the file",
            Self::Compare => "find the file unchanged",
            Self::Delete => "delete the file",
            Self::LogOut => "log out",
        })
    }
}

/// The step that failed, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step}: {error}{}", shown(.left.as_deref()))]
pub struct StepFailed {
    /// The step.
    pub step: Step,
    /// Why.
    pub error: ProbeError,
    /// The file that may be left behind.
    pub left: Option<String>,
}

fn shown(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("; {name} may be left there"))
}

/// Why a step fails.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The time for the whole probe is over.
    #[error("no answer in time")]
    TimedOut,
    /// The server closed the connection.
    #[error("the connection was closed")]
    Closed,
    /// The connection broke.
    #[error("{0}")]
    Io(io::Error),
    /// TLS failed.
    #[error("{0}")]
    Tls(rustls::Error),
    /// The server said no.
    #[error("the server said {}", text.escape_debug())]
    Refused {
        /// Code and text.
        text: String,
    },
    /// The server said what is no reply, or one that does not belong there.
    #[error("{0:?} is no answer to that")]
    Nonsense(String),
    /// What the server said is longer than any reply or listing has to be.
    #[error("the server says too much")]
    TooLong,
    /// The certificates to trust cannot be read.
    #[error("{0}")]
    Trust(String),
    /// A file that was stored does not show.
    #[error("it is not there")]
    NotListed,
    /// A file that was stored is another now.
    #[error("it came back different")]
    Different,
}

impl From<io::Error> for ProbeError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
        match error.kind() {
            WouldBlock | TimedOut => Self::TimedOut,
            UnexpectedEof | ConnectionReset => Self::Closed,
            _ => match error.downcast::<rustls::Error>() {
                Ok(error) => Self::Tls(error),
                Err(error) => Self::Io(error),
            },
        }
    }
}
