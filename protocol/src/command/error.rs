//! Why a line is no command, split so that each kind has one reply.

use thiserror::Error;

use super::table::Verb;

/// What was wrong with a line. Holds nothing that the client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// An empty line (500).
    #[error("empty line")]
    Empty,
    /// No such verb (500).
    #[error("unknown verb")]
    Unknown,
    /// A verb of some RFC that is not implemented here (502).
    #[error("{} is not implemented", .0.name)]
    NotImplemented(&'static Verb),
    /// An argument is needed (501; 504 for AUTH, as clients expect).
    #[error("{} needs an argument", .0.name)]
    MissingArgument(&'static Verb),
    /// The argument does not have the verb's syntax (501).
    #[error("bad argument of {}", .0.name)]
    BadArgument(&'static Verb),
    /// The syntax is right, but this parameter is not supported (504).
    #[error("unsupported parameter of {}", .0.name)]
    UnsupportedParameter(&'static Verb),
    /// A network protocol other than 1 and 2 (522, RFC 2428 sections 2 and 3).
    #[error("unsupported network protocol")]
    UnsupportedNetworkProtocol,
    /// The argument is not UTF-8 (501).
    #[error("argument of {} is not UTF-8", .0.name)]
    NotUtf8(&'static Verb),
    /// CR, LF or NUL inside the argument (501).
    #[error("forbidden byte in the argument of {}", .0.name)]
    ForbiddenByte(&'static Verb),
    /// A path beyond [`crate::path::MAX_PATH_BYTES`] (501).
    #[error("path too long")]
    PathTooLong(&'static Verb),
    /// Another protocol's first line: the connection should be closed.
    #[error("not FTP but {0}")]
    NotFtp(Foreign),
}

/// A protocol that is spoken to the FTP port by mistake or malice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Foreign {
    /// A request line of HTTP, RTSP or SIP.
    #[error("HTTP")]
    Http,
    /// EHLO, HELO or LHLO.
    #[error("SMTP")]
    Smtp,
    /// An identification string of SSH.
    #[error("SSH")]
    Ssh,
    /// A TLS ClientHello, where AUTH is needed first.
    #[error("TLS")]
    Tls,
}
