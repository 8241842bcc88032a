//! Reply codes by what they mean.

/// A three-digit reply code. RFC 959 section 4.2 unless a variant says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Code {
    /// The object is open, the data connection is there, bytes follow.
    TransferStarts = 150,
    /// Done; also for what needs no doing.
    Okay = 200,
    /// Superfluous here.
    Superfluous = 202,
    /// How the session or a transfer stands; FEAT (RFC 2389).
    SystemStatus = 211,
    /// How a directory stands.
    DirectoryStatus = 212,
    /// How a file stands; SIZE, MDTM (RFC 3659), MFMT, HASH, AVBL.
    FileStatus = 213,
    /// HELP.
    Help = 214,
    /// SYST.
    SystemType = 215,
    /// The server is ready for a new user.
    Ready = 220,
    /// QUIT.
    Goodbye = 221,
    /// ABOR closed a data connection on which nothing moved.
    NoTransfer = 225,
    /// The transfer is complete, or ABOR is.
    TransferComplete = 226,
    /// PASV.
    Passive = 227,
    /// EPSV (RFC 2428).
    ExtendedPassive = 229,
    /// Logged in.
    LoggedIn = 230,
    /// AUTH: the handshake follows (RFC 4217).
    HandshakeFollows = 234,
    /// The file action is done.
    ActionDone = 250,
    /// A path: PWD, MKD.
    Path = 257,
    /// A password is wanted.
    PasswordWanted = 331,
    /// An account is wanted.
    AccountWanted = 332,
    /// Something more is wanted: REST, RNFR.
    Pending = 350,
    /// The connection is closed after this.
    ServiceClosing = 421,
    /// No data connection.
    NoDataConnection = 425,
    /// The data connection broke, or ABOR ended the transfer.
    TransferAborted = 426,
    /// Something failed here; trying again may help.
    LocalError = 451,
    /// No space.
    NoSpace = 452,
    /// Not a command.
    SyntaxError = 500,
    /// Not an argument.
    ArgumentError = 501,
    /// A command that this server does not carry out.
    NotImplemented = 502,
    /// A command out of its order.
    BadSequence = 503,
    /// A parameter that this server does not support.
    ParameterNotImplemented = 504,
    /// No data connection under this PROT (RFC 4217).
    ProtectionWanted = 521,
    /// The network protocol is not supported (RFC 2428), or the TLS of a data connection failed
    /// (RFC 4217).
    ProtocolRefused = 522,
    /// Not logged in.
    NotLoggedIn = 530,
    /// The command channel may not be cleared (RFC 2228, RFC 4217).
    ChannelProtectionDenied = 533,
    /// Refused by the server's policy (RFC 2228).
    PolicyDenied = 534,
    /// This protection level is not supported (RFC 2228).
    LevelUnsupported = 536,
    /// The file is not available.
    Unavailable = 550,
    /// A quota or size limit.
    QuotaExceeded = 552,
    /// The name is not allowed.
    NameRefused = 553,
}

impl Code {
    /// The three digits.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// Whether another reply to the same command follows (1yz).
    pub fn is_preliminary(self) -> bool {
        self.number() < 200
    }
}
