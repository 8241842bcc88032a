//! What passes between a session and the host that drives it.

use std::net::SocketAddr;

use crate::failure::Failure;
use crate::line::Line;
use crate::path::VirtualPath;
use crate::reply::{Code, Reply, ReplyLine};
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use crate::transfer::Transfer;

/// What the host tells the session.
#[derive(Debug)]
pub enum Input {
    /// A line of the control connection. Given only while
    /// [`crate::session::Session::wants_line`] says so.
    Line(Line),
    /// A line longer than the bound was thrown away.
    LineTooLong,
    /// The handshake after [`Effect::StartTls`] is done (a failed one ends the connection without
    /// asking the session).
    Secured,
    /// The answer to [`Effect::Login`].
    Login(LoginStep),
    /// The answer to [`Effect::Listen`]: the address to tell the client.
    Listening(Result<SocketAddr, Failure>),
    /// The answer to [`Effect::Perform`].
    Performed(Result<Outcome, Failure>),
    /// The answer to [`Effect::Prepare`]: the object is open and the data connection is there.
    Prepared(Result<Prepared, Failure>),
    /// The answer to [`Effect::Run`], also after [`Effect::Abort`].
    Finished(Result<Finished, Failure>),
    /// An upload is all in, and what decides on it takes so long that the client has to hear
    /// something; given as often as that.
    StillCommitting,
    /// The answer to [`Effect::TellProgress`]: bytes moved so far.
    Progress(u64),
    /// Before the host does anything else it has to decide whether the session may go on: what
    /// waits for the end of a transfer goes on waiting for [`Input::GoOn`].
    HoldBack,
    /// The session may go on.
    GoOn,
    /// The host ends the session: idle, login time-out, shutting down, ban.
    End(EndReason),
}

/// What one input leads to, in the order in which it is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects(Vec<Effect>);

impl Effects {
    pub(crate) fn push(&mut self, effect: Effect) {
        self.0.push(effect);
    }

    pub(crate) fn reply(&mut self, code: Code, text: impl Into<String>) {
        self.push(Effect::Reply(Reply::new(code, text)));
    }

    /// Whether a reply says that the connection is closed now.
    pub(crate) fn announces_close(&self) -> bool {
        let closing = Code::ServiceClosing.number();
        self.0
            .iter()
            .any(|effect| matches!(effect, Effect::Reply(r) if r.code() == closing))
    }
}

impl IntoIterator for Effects {
    type Item = Effect;
    type IntoIter = std::vec::IntoIter<Effect>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// What the session wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this.
    Reply(Reply),
    /// Send this line of a reply of which the last line is still to come.
    ReplyLine(ReplyLine),
    /// Throw away whatever was read behind the current line, then perform the TLS handshake.
    StartTls,
    /// CCC: send close_notify and go on in clear.
    StopTls,
    /// Ask the authenticator; answered by [`Input::Login`].
    Login(Credential),
    /// REIN, or a new USER: forget who is logged in.
    Logout,
    /// Open a passive listener; answered by [`Input::Listening`]. What an earlier
    /// [`Effect::Listen`] or [`Effect::Connect`] left is closed.
    Listen {
        /// EPSV: only the port is told, and the family may be fixed by its argument.
        extended: bool,
        /// The network protocol that EPSV asked for.
        family: Option<Family>,
    },
    /// PORT or EPRT, already checked against bounces: connect there for the next transfer. What an
    /// earlier [`Effect::Listen`] or [`Effect::Connect`] left is closed.
    Connect(SocketAddr),
    /// Close what [`Effect::Listen`] or [`Effect::Connect`] left, and what [`Effect::Prepare`]
    /// opened if no [`Effect::Run`] followed.
    ForgetDataConnection,
    /// Do this; answered by [`Input::Performed`].
    Perform(Operation),
    /// Open the object, then wait for the data connection; answered by [`Input::Prepared`].
    Prepare(Transfer),
    /// Handshake where the transfer is protected, and move the bytes; answered by
    /// [`Input::Finished`].
    Run,
    /// STAT while a transfer is prepared or run; answered at once by [`Input::Progress`].
    TellProgress,
    /// Stop the transfer that is being prepared or run. Its one answer still comes; where it was
    /// already on its way, it stands ([`Input::Prepared`] is not followed by [`Effect::Run`] then).
    Abort,
    /// Flush what was replied, then close the control connection.
    Close,
}

/// What a client showed to log in.
#[derive(Debug, PartialEq, Eq)]
pub enum Credential {
    /// USER
    User(String),
    /// PASS
    Password(Secret),
    /// ACCT
    Account(Secret),
}

/// What the authenticator made of it. Texts are safe to show and hold no line break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginStep {
    /// Logged in (230, also at USER: clients that log in without a password know no 232 there).
    Granted {
        /// Where the user starts.
        home: VirtualPath,
        /// The text of the reply.
        welcome: Option<String>,
        /// Whether the storage that the user sees keeps times of modification: FEAT tells of MFMT
        /// then.
        modification_times: bool,
    },
    /// A password is wanted (331).
    NeedPassword {
        /// The text of the reply.
        text: Option<String>,
    },
    /// An account or second factor is wanted (332).
    NeedAccount {
        /// The text of the reply.
        text: Option<String>,
    },
    /// No (530, or 522/534 where TLS is the reason).
    Denied {
        /// Why, as far as the client may know.
        reason: LoginDenial,
        /// The text of the reply.
        text: Option<String>,
        /// The connection is closed after the reply (too many failures).
        close: bool,
    },
    /// Nobody could decide: 421 and close. Never told as a wrong password.
    Undecided,
    /// A limit on sessions (421 and close).
    TooMany {
        /// The text of the reply.
        text: String,
    },
}

/// Why a login was denied, as far as it changes the reply code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginDenial {
    /// 530
    Credentials,
    /// 534 for USER in clear where this user needs TLS.
    NeedsTls,
    /// 530
    Other,
}

/// The network protocols of RFC 2428.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// 1
    V4,
    /// 2
    V6,
}

/// An operation on storage without a data connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// CWD, CDUP: is it a directory that may be entered? -> [`Outcome::Done`]
    ChangeDirectory(VirtualPath),
    /// MKD -> [`Outcome::Done`]
    MakeDirectory(VirtualPath),
    /// RMD -> [`Outcome::Done`]
    RemoveDirectory(VirtualPath),
    /// DELE -> [`Outcome::Done`]
    Delete(VirtualPath),
    /// RNFR: may it be renamed? -> [`Outcome::Done`]
    RenameFrom(VirtualPath),
    /// RNTO -> [`Outcome::Done`]
    Rename {
        /// What.
        source: VirtualPath,
        /// Its new path; a file there is replaced.
        target: VirtualPath,
    },
    /// SIZE -> [`Outcome::Size`]
    Size(VirtualPath),
    /// MDTM -> [`Outcome::Modified`]
    Modified(VirtualPath),
    /// MFMT, MDTM with a time, SITE UTIME -> [`Outcome::Done`]
    SetModified {
        /// What.
        path: VirtualPath,
        /// The new time.
        modified: Timestamp,
    },
    /// SITE CHMOD -> [`Outcome::Done`]
    SetMode {
        /// What.
        path: VirtualPath,
        /// Permission bits, at most 0o7777.
        mode: u32,
    },
    /// MLST -> [`Outcome::Entry`]
    Describe(VirtualPath),
    /// STAT with a path -> [`Outcome::Entries`], bounded by the host.
    Status(VirtualPath),
    /// HASH, XCRC, XMD5, XSHA1, XSHA256 … -> [`Outcome::Checksum`]
    Checksum {
        /// The file.
        path: VirtualPath,
        /// Which.
        algorithm: crate::command::HashAlgorithm,
        /// First byte and the byte after the last; `None` is the whole file.
        range: Option<(u64, u64)>,
    },
    /// AVBL -> [`Outcome::Available`]
    Available(VirtualPath),
}

/// What came of an [`Operation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// Bytes.
    Size(u64),
    /// When it was last modified.
    Modified(Timestamp),
    /// What stands there.
    Entry(crate::listing::Entry),
    /// What stands in the directory, or the file itself.
    Entries {
        /// Whether they stand in a directory (212), or the only one is the file itself (213).
        directory: bool,
        /// In the order of a listing, those that begin with a dot too.
        entries: Vec<crate::listing::Entry>,
        /// The time, which decides the form of their dates.
        now: Timestamp,
    },
    /// Lower-case hexadecimal, and the range that was read.
    Checksum {
        /// The digest.
        hex: String,
        /// First byte read.
        start: u64,
        /// The byte after the last one read.
        end: u64,
    },
    /// Bytes that can be stored.
    Available(u64),
}

/// What the session must know before it answers 150.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Prepared {
    /// The size of a file that is downloaded, for the text.
    pub size: Option<u64>,
    /// The name that STOU chose.
    pub name: Option<String>,
}

/// How a transfer ended well.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Finished {
    /// Bytes of the file or listing that were moved.
    pub bytes: u64,
    /// What the client calls the file that STOU made, if he can see it.
    pub name: Option<String>,
}

/// Why the host ends a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Nothing was heard for the idle time-out.
    Idle,
    /// No login within the login time-out.
    LoginTimeout,
    /// The grant of the login has run out.
    Expired,
    /// A rule of the operator's ends it.
    Refused {
        /// Shown to the client.
        text: Option<String>,
    },
    /// Whoever logged in may not any more (530, so that no client tries again in vain).
    LoggedOut {
        /// Shown to the client.
        text: Option<String>,
    },
    /// It could not be decided whether the session may go on.
    Undecided,
    /// The server is being stopped.
    ShuttingDown,
    /// The peer sent what no FTP client sends (HTTP, TLS on a plain port) or too many bad lines.
    NotFtp,
}
