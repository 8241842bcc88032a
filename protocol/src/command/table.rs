//! Every verb, once: its names, its syntax, when it is allowed, what FEAT says, how it is read.

use std::fmt;

use super::HashAlgorithm::{Crc32, Md5, Sha1, Sha256, Sha512};
use super::feature::Feature;
use super::request::Request;
use super::{Command, CommandError, access, site, storage, transport};

/// How the argument of a verb is read.
type Parse = fn(Request<'_>) -> Result<Command, CommandError>;

/// A verb of the control connection.
pub struct Verb {
    /// In capitals, as replies and HELP show it.
    pub name: &'static str,
    /// Other spellings with the same meaning.
    pub aliases: &'static [&'static str],
    /// What follows the verb, as HELP shows it; empty where nothing may.
    pub arguments: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// Whether it is refused with 530 before login.
    pub needs_login: bool,
    /// Whether it is allowed in clear where the listener demands TLS.
    pub in_clear: bool,
    /// Whether it is acted on at once while a transfer is under way; the others wait for its end.
    pub at_once: bool,
    pub(super) feature: Option<Feature>,
    /// `None`: a verb of some RFC that is refused with 502.
    pub(super) parse: Option<Parse>,
}

impl Verb {
    /// Whether it does anything here.
    pub fn is_implemented(&self) -> bool {
        self.parse.is_some()
    }

    /// The verb and its arguments, as HELP shows them.
    pub fn syntax(&self) -> String {
        format!("{} {}", self.name, self.arguments)
            .trim_end()
            .to_owned()
    }

    /// Whether `word` names it, in any case.
    fn is_named(&self, word: &[u8]) -> bool {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        is(self.name) || self.aliases.iter().any(|alias| is(alias))
    }

    /// A verb that works after login, under TLS where that is demanded, between transfers.
    const fn new(
        name: &'static str,
        arguments: &'static str,
        summary: &'static str,
        parse: Parse,
    ) -> Self {
        Self {
            name,
            aliases: &[],
            arguments,
            summary,
            needs_login: true,
            in_clear: false,
            at_once: false,
            feature: None,
            parse: Some(parse),
        }
    }

    const fn not_implemented(name: &'static str, summary: &'static str) -> Self {
        let unused: Parse = |request| Err(CommandError::NotImplemented(request.verb()));
        let verb = Self::new(name, "", summary, unused).before_tls();
        Self {
            parse: None,
            ..verb
        }
    }

    const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn before_login(self) -> Self {
        Self {
            needs_login: false,
            ..self
        }
    }

    /// In clear is also before login.
    const fn before_tls(self) -> Self {
        Self {
            needs_login: false,
            in_clear: true,
            ..self
        }
    }

    const fn at_once(self) -> Self {
        Self {
            at_once: true,
            ..self
        }
    }

    const fn feature(self, text: &'static str) -> Self {
        Self {
            feature: Some(Feature::Fixed(text)),
            ..self
        }
    }

    const fn feature_if(self, feature: Feature) -> Self {
        Self {
            feature: Some(feature),
            ..self
        }
    }
}

/// All verbs, in the order of HELP and FEAT.
pub fn table() -> &'static [Verb] {
    VERBS
}

/// The verb that `word` names, in any case.
pub fn find(word: &[u8]) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.is_named(word))
}

#[rustfmt::skip]
static VERBS: &[Verb] = &[
    // Logging in and out.
    Verb::new("USER", "name", "log in as", access::user).before_login(),
    Verb::new("PASS", "[password]", "the password", access::pass).before_login(),
    Verb::new("ACCT", "[account]", "an account or second factor", access::acct).before_login(),
    Verb::new("REIN", "", "forget the login", |r| r.nothing(Command::Rein)).before_login(),
    Verb::new("QUIT", "", "end the session", |r| r.nothing(Command::Quit)).before_tls().at_once(),

    // Securing the connection.
    Verb::new("AUTH", "TLS | TLS-C | SSL | TLS-P", "start TLS", access::auth).before_tls()
        .feature_if(Feature::Tls("AUTH TLS")),
    Verb::new("PBSZ", "0", "size of protection buffers", access::pbsz).before_tls()
        .feature_if(Feature::Tls("PBSZ")),
    Verb::new("PROT", "C | P", "protection of data connections", access::prot).before_tls()
        .feature_if(Feature::Tls("PROT")),
    Verb::new("CCC", "", "go on in clear", |r| r.nothing(Command::Ccc)).before_tls()
        .feature_if(Feature::ClearControl("CCC")),

    // Settling how to talk.
    Verb::new("HOST", "name", "the server that is meant", access::host).before_tls()
        .feature("HOST"),
    Verb::new("FEAT", "", "what is supported", |r| r.nothing(Command::Feat)).before_tls(),
    Verb::new("HELP", "[verb]", "how to say it", |r| {
        Ok(Command::Help(r.optional_word()?.map(str::to_owned)))
    }).before_tls(),
    Verb::new("SYST", "", "kind of system", |r| r.nothing(Command::Syst)).before_tls(),
    Verb::new("STAT", "[path]", "state of the session, or a listing", storage::stat).at_once(),
    Verb::new("NOOP", "", "nothing", |_| Ok(Command::Noop)).before_tls().at_once(),
    Verb::new("OPTS", "UTF8 ON | MLST facts | HASH [algorithm]", "options", access::opts)
        .before_tls().feature("UTF8"),
    Verb::new("CLNT", "name", "the client's name", |r| {
        Ok(Command::Clnt(r.optional_word()?.unwrap_or_default().to_owned()))
    }).before_tls().feature("CLNT"),
    Verb::new("LANG", "[tag]", "language of replies", |r| {
        Ok(Command::Lang(r.optional_word()?.map(str::to_owned)))
    }).before_tls().feature("LANG EN*"),

    // Directories and names.
    Verb::new("PWD", "", "the current directory", |r| r.nothing(Command::Pwd)).aliases(&["XPWD"]),
    Verb::new("CWD", "path", "change directory", |r| r.path().map(Command::Cwd))
        .aliases(&["XCWD"]).feature("TVFS"),
    Verb::new("CDUP", "", "change to the parent", |r| r.nothing(Command::Cdup))
        .aliases(&["XCUP"]),
    Verb::new("MKD", "path", "make a directory", |r| r.path().map(Command::Mkd))
        .aliases(&["XMKD"]),
    Verb::new("RMD", "path", "remove an empty directory", |r| r.path().map(Command::Rmd))
        .aliases(&["XRMD"]),
    Verb::new("DELE", "path", "delete a file", |r| r.path().map(Command::Dele)),
    Verb::new("RNFR", "path", "rename: from", |r| r.path().map(Command::Rnfr)),
    Verb::new("RNTO", "path", "rename: to", |r| r.path().map(Command::Rnto)),

    // Listings and facts.
    Verb::new("LIST", "[-a] [path]", "listing as by ls -l", |r| {
        storage::list(r).map(Command::List)
    }),
    Verb::new("NLST", "[-a] [path]", "names only", |r| storage::list(r).map(Command::Nlst)),
    Verb::new("MLSD", "[path]", "listing for machines", |r| r.optional_path().map(Command::Mlsd)),
    Verb::new("MLST", "[path]", "facts about one thing", |r| r.optional_path().map(Command::Mlst))
        .feature_if(Feature::Facts),
    Verb::new("SIZE", "path", "size of a file", |r| r.path().map(Command::Size)).feature("SIZE"),
    Verb::new("MDTM", "[time] path", "time of modification", storage::mdtm).feature("MDTM"),
    Verb::new("MFMT", "time path", "set the time of modification", storage::mfmt)
        .feature_if(Feature::SetModified("MFMT")),
    Verb::new("AVBL", "[path]", "room that is left", |r| r.optional_path().map(Command::Avbl))
        .feature("AVBL"),
    Verb::new("HASH", "path", "checksum of a file", |r| r.path().map(Command::Hash))
        .feature_if(Feature::Hash),
    Verb::new("XCRC", CHECKSUM, "CRC32 of a file", |r| storage::checksum(r, Crc32))
        .feature("XCRC"),
    Verb::new("XMD5", CHECKSUM, "MD5 of a file", |r| storage::checksum(r, Md5)).feature("XMD5"),
    Verb::new("XSHA1", CHECKSUM, "SHA-1 of a file", |r| storage::checksum(r, Sha1))
        .aliases(&["XSHA"]).feature("XSHA1"),
    Verb::new("XSHA256", CHECKSUM, "SHA-256 of a file", |r| storage::checksum(r, Sha256))
        .feature("XSHA256"),
    Verb::new("XSHA512", CHECKSUM, "SHA-512 of a file", |r| storage::checksum(r, Sha512))
        .feature("XSHA512"),

    // Transfers.
    Verb::new("RETR", "path", "download", |r| r.path().map(Command::Retr)),
    Verb::new("STOR", "path", "upload", |r| r.path().map(Command::Stor)),
    Verb::new("STOU", "[name]", "upload under a new name", |r| {
        r.optional_path().map(Command::Stou)
    }),
    Verb::new("APPE", "path", "upload to the end of a file", |r| r.path().map(Command::Appe)),
    Verb::new("REST", "offset", "where the next transfer begins", transport::rest)
        .feature("REST STREAM"),
    Verb::new("ALLO", "[size]", "size of the next upload", transport::allo),
    Verb::new("ABOR", "", "abort the transfer", |r| r.nothing(Command::Abor)).at_once(),
    Verb::new("TYPE", "A | I | L 8", "representation", transport::kind),
    Verb::new("MODE", "S | Z", "stream or deflate", transport::mode).feature("MODE Z"),
    Verb::new("STRU", "F", "structure", transport::stru),
    Verb::new("PASV", "", "listen for IPv4 data", |r| r.nothing(Command::Pasv)),
    Verb::new("EPSV", "[1 | 2 | ALL]", "listen for data", transport::epsv).feature("EPSV"),
    Verb::new("PORT", "h1,h2,h3,h4,p1,p2", "connect for data", transport::port),
    Verb::new("EPRT", "|protocol|address|port|", "connect for data", transport::eprt)
        .feature("EPRT"),
    Verb::new("SITE", "HELP | CHMOD mode path | UTIME time path", "what is ours", site::site),

    // Verbs of RFC 959, 1639, 2228, draft-somers-ftp-mfxx and others that are refused with 502.
    Verb::not_implemented("SMNT", "mount"),
    Verb::not_implemented("LPRT", "connect for data, RFC 1639"),
    Verb::not_implemented("LPSV", "listen for data, RFC 1639"),
    Verb::not_implemented("ADAT", "security data, RFC 2228"),
    Verb::not_implemented("MIC", "integrity protected command, RFC 2228"),
    Verb::not_implemented("CONF", "confidential command, RFC 2228"),
    Verb::not_implemented("ENC", "private command, RFC 2228"),
    Verb::not_implemented("MFF", "set facts"),
    Verb::not_implemented("MFCT", "set the time of creation"),
    Verb::not_implemented("PRET", "announce a transfer before PASV"),
    Verb::not_implemented("SPSV", "listen for data"),
    Verb::not_implemented("COMB", "combine files"),
    Verb::not_implemented("RANG", "range of HASH"),
    Verb::not_implemented("CSID", "client and server identity"),
    Verb::not_implemented("ALGS", "algorithms"),
    Verb::not_implemented("MSND", "mail to a terminal, RFC 765"),
    Verb::not_implemented("MAIL", "mail, RFC 765"),
];

const CHECKSUM: &str = "path | \"path\" [start [end]]";

impl fmt::Debug for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Verb {
    /// Names are unique.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Verb {}
