//! Why something could not be done, in the few ways that a client is told apart.

/// What went wrong, reduced to what decides the reply.
///
/// Storage, plugin and data connection errors are converted to this at the edge of the host; the
/// details stay in the log. `text` fields are safe to show and hold no line break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no such file or directory (550).
    NotFound,
    /// Something stands there already (550; 521 of RFC 959 appendix II means TLS since RFC 4217).
    Exists,
    /// A file was needed and a directory is there (550).
    IsDirectory,
    /// A directory was needed and a file is there (550).
    NotDirectory,
    /// The directory is not empty (550).
    NotEmpty,
    /// The user may not do this (550); a plugin's text takes the place of ours.
    Denied {
        /// Shown to the client.
        text: Option<String>,
    },
    /// The name is refused (553).
    NameRefused {
        /// Shown to the client.
        text: Option<String>,
    },
    /// Quota or size limit (552).
    QuotaExceeded {
        /// Shown to the client.
        text: Option<String>,
    },
    /// The device is full (452).
    NoSpace,
    /// This sink cannot do it (504 for parameters such as REST, else 502/550).
    Unsupported,
    /// Somebody else has changed the file while it was read or gone on with (451).
    Changed,
    /// Storage failed; trying again may help (451).
    Storage,
    /// A decision could not be had: a plugin failed (451; 421 during login).
    Undecided,
    /// Too many sessions, connections or transfers (421, which ends the session; clients that
    /// transfer in parallel try again on fewer connections).
    TooMany {
        /// Shown to the client.
        text: String,
    },
    /// No data connection could be had: it did not come, or no port is free (425).
    NoDataConnection,
    /// The data connection did not resume the TLS session of the control connection (522).
    NotResumed,
    /// The TLS handshake of the data connection failed (522, RFC 4217 section 9).
    DataHandshake,
    /// The data connection broke or stalled during the transfer (426).
    ConnectionLost,
    /// The client's ABOR ended the transfer (426, followed by 226).
    Aborted,
}
