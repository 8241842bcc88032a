//! What a client asks for: one typed command for every line.

mod access;
mod error;
mod feature;
mod request;
mod site;
mod storage;
mod table;
mod transport;

use std::net::{SocketAddr, SocketAddrV4};

pub use self::error::{CommandError, Foreign};
pub use self::feature::{Offer, features};
pub use self::request::Request;
pub use self::table::{Verb, find, table};
use crate::effect::Family;
use crate::path::PathArgument;
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use crate::transfer::{Facts, ListOrder, Representation, TransferMode};

/// A command with its arguments, named as on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// USER: who wants to log in.
    User(String),
    /// PASS: the password, possibly empty.
    Pass(Secret),
    /// ACCT: an account or second factor, possibly empty.
    Acct(Secret),
    /// REIN: forget the login, keep the connection.
    Rein,
    /// QUIT
    Quit,

    /// AUTH (RFC 4217 section 4).
    Auth(AuthMechanism),
    /// PBSZ: under TLS only 0 makes sense, whatever is asked for (RFC 4217 section 8).
    Pbsz(u32),
    /// PROT
    Prot(ProtectionLevel),
    /// CCC: go on in clear.
    Ccc,
    /// HOST: the virtual host that is meant (RFC 7151).
    Host(String),

    /// FEAT
    Feat,
    /// HELP, perhaps about one verb.
    Help(Option<String>),
    /// SYST
    Syst,
    /// STAT: of the session, or a listing over the control connection.
    Stat(Option<ListArgument>),
    /// NOOP
    Noop,
    /// OPTS
    Opts(FeatureOption),
    /// CLNT: the client's name, for the log.
    Clnt(String),
    /// LANG: a language tag; `None` asks for the default (RFC 2640 section 4.1).
    Lang(Option<String>),

    /// PWD
    Pwd,
    /// CWD
    Cwd(PathArgument),
    /// CDUP
    Cdup,
    /// MKD
    Mkd(PathArgument),
    /// RMD
    Rmd(PathArgument),
    /// DELE
    Dele(PathArgument),
    /// RNFR
    Rnfr(PathArgument),
    /// RNTO
    Rnto(PathArgument),

    /// LIST
    List(ListArgument),
    /// NLST
    Nlst(ListArgument),
    /// MLSD: a directory, else the current one.
    Mlsd(Option<PathArgument>),
    /// MLST: a file or directory, else the current one.
    Mlst(Option<PathArgument>),
    /// SIZE
    Size(PathArgument),
    /// MDTM
    Mdtm(PathArgument),
    /// MDTM with a time before the path: sets it, as some clients did before there was MFMT.
    MdtmSet {
        /// The new time.
        modified: Timestamp,
        /// What.
        path: PathArgument,
    },
    /// MFMT (draft-somers-ftp-mfxx).
    Mfmt {
        /// The new time.
        modified: Timestamp,
        /// What.
        path: PathArgument,
    },
    /// AVBL: how much can be stored, there or here.
    Avbl(Option<PathArgument>),
    /// HASH: by the algorithm that OPTS HASH chose (draft-bryan-ftpext-hash).
    Hash(PathArgument),
    /// XCRC, XMD5, XSHA, XSHA1, XSHA256, XSHA512
    Checksum {
        /// Which.
        algorithm: HashAlgorithm,
        /// The file.
        path: PathArgument,
        /// First byte, and the byte after the last one; the latter may lie beyond the file.
        range: Option<(u64, u64)>,
    },

    /// RETR
    Retr(PathArgument),
    /// STOR
    Stor(PathArgument),
    /// STOU: under a name of the server's choice, perhaps near this one.
    Stou(Option<PathArgument>),
    /// APPE
    Appe(PathArgument),
    /// REST: the offset for the next transfer.
    Rest(u64),
    /// ALLO: the size of the next upload, where the client told one.
    Allo(Option<u64>),
    /// ABOR
    Abor,

    /// TYPE
    Type(Representation),
    /// MODE
    Mode(TransferMode),
    /// STRU F, the only structure.
    Stru,
    /// PASV
    Pasv,
    /// EPSV
    Epsv(ExtendedPassive),
    /// PORT: not yet checked against bounces.
    Port(SocketAddrV4),
    /// EPRT: not yet checked against bounces.
    Eprt(SocketAddr),
    /// SITE
    Site(SiteCommand),
}

impl Command {
    /// Reads a line of the control connection, without its end.
    pub fn parse(line: &[u8]) -> Result<Self, CommandError> {
        Request::recognise(line)?.command()
    }
}

/// What AUTH asks for. It starts the same TLS handshake either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMechanism {
    /// TLS, TLS-C: data connections stay in clear until PROT P.
    Tls,
    /// SSL, TLS-P: data connections are protected from the start (draft-murray-auth-ftp-ssl).
    TlsWithData,
}

/// The argument of PROT (RFC 2228 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectionLevel {
    /// C
    Clear,
    /// S: integrity alone, which TLS does not offer (536).
    Safe,
    /// E: confidentiality alone, which TLS does not offer (536).
    Confidential,
    /// P
    Private,
}

/// The argument of OPTS (RFC 2389 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureOption {
    /// `UTF8 ON`, `UTF8 OFF`, or `UTF8` alone, which means on.
    Utf8(bool),
    /// `MLST fact;fact;`: the facts known and named; the others are switched off.
    Mlst(Facts),
    /// `HASH`: which algorithm is chosen? `HASH algorithm`: choose it.
    Hash(Option<HashAlgorithm>),
    /// `REST STOR`, which WinSCP sends before it resumes an upload: it changes nothing.
    RestStor,
}

/// The argument of LIST, NLST and STAT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListArgument {
    /// What to list; `None` is the current directory.
    pub path: Option<PathArgument>,
    /// `-a` or `-A`: names that begin with a dot are wanted too.
    pub hidden: bool,
    /// `-t`, `-S`, `-r`: the order.
    pub order: ListOrder,
}

/// The argument of EPSV (RFC 2428 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedPassive {
    /// None: the family of the control connection.
    Default,
    /// 1 or 2
    Family(Family),
    /// ALL: from now on nothing but EPSV will be used.
    All,
}

/// The argument of SITE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteCommand {
    /// HELP
    Help,
    /// CHMOD mode path
    Chmod {
        /// Permission bits, at most 0o7777.
        mode: u32,
        /// What.
        path: PathArgument,
    },
    /// UTIME time path, or UTIME path accessed modified created UTC
    Utime {
        /// The new time.
        modified: Timestamp,
        /// What.
        path: PathArgument,
    },
}

/// A checksum that HASH or one of its elders can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// CRC32, as in zlib.
    Crc32,
    /// MD5
    Md5,
    /// SHA-1
    Sha1,
    /// SHA-256
    #[default]
    Sha256,
    /// SHA-512
    Sha512,
}

impl HashAlgorithm {
    /// All, in the order of the FEAT line.
    pub const ALL: [Self; 5] = [
        Self::Sha256,
        Self::Sha512,
        Self::Sha1,
        Self::Md5,
        Self::Crc32,
    ];

    /// The name on the wire, from the IANA registry of hash function textual names where it has
    /// one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The algorithm of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests;
