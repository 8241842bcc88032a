//! What a transfer is: its direction, its object and the form of its bytes.

use crate::path::VirtualPath;

/// A transfer that the session asked for and the host carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What travels, and which way.
    pub kind: TransferKind,
    /// How bytes are represented.
    pub representation: Representation,
    /// How they are packed on the data connection.
    pub mode: TransferMode,
    /// Whether the data connection is under TLS.
    pub protection: Protection,
}

/// What a transfer moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferKind {
    /// RETR, from `offset` (REST).
    Retrieve {
        /// The file.
        path: VirtualPath,
        /// First byte wanted.
        offset: u64,
    },
    /// STOR: the file is replaced, or from `offset` on (REST) overwritten.
    Store {
        /// The file.
        path: VirtualPath,
        /// Where the first byte belongs; 0 replaces the file.
        offset: u64,
        /// From ALLO, if the client announced a size.
        size_hint: Option<u64>,
    },
    /// APPE: bytes are added at the end; a missing file is made.
    Append {
        /// The file.
        path: VirtualPath,
        /// From ALLO, if the client announced a size.
        size_hint: Option<u64>,
    },
    /// STOU: the host chooses a name in `directory` that is free.
    StoreUnique {
        /// Where.
        directory: VirtualPath,
        /// The name that the client would like.
        name: Option<String>,
    },
    /// LIST, NLST or MLSD.
    List {
        /// A directory; LIST and NLST also take a file.
        path: VirtualPath,
        /// The form of each line.
        format: ListFormat,
        /// Names that begin with a dot are shown.
        hidden: bool,
        /// In which order; `None` is that in which storage has them.
        order: Option<ListOrder>,
        /// What the client wrote before the last part of the path, slash included: NLST repeats
        /// it with each name that a pattern found, so that RETR finds the file (RFC 1123 section
        /// 4.1.2.7).
        said_in: String,
    },
}

impl TransferKind {
    /// Whether bytes come from the client.
    pub fn is_upload(&self) -> bool {
        match self {
            Self::Store { .. } | Self::Append { .. } | Self::StoreUnique { .. } => true,
            Self::Retrieve { .. } | Self::List { .. } => false,
        }
    }
}

/// The form of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFormat {
    /// LIST, as `ls -l` writes it.
    Long,
    /// NLST, bare names.
    Names,
    /// MLSD (RFC 3659 section 7), with these facts.
    Facts(Facts),
}

/// The order of LIST and NLST, as the options of `ls` have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListOrder {
    /// What is compared first; names decide between equals.
    pub by: ListKey,
    /// `-r`: the other way round.
    pub reversed: bool,
}

/// What a [`ListOrder`] compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListKey {
    /// Names, by their bytes.
    #[default]
    Name,
    /// `-t`: times of modification, the latest first.
    Time,
    /// `-S`: sizes, the largest first.
    Size,
}

/// The facts that MLSD and MLST give, as the client chose them with OPTS MLST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `type`
    pub kind: bool,
    /// `size`
    pub size: bool,
    /// `modify`
    pub modify: bool,
    /// `perm`
    pub perm: bool,
    /// `unique`
    pub unique: bool,
    /// `UNIX.mode`
    pub unix_mode: bool,
}

impl Facts {
    /// None of them.
    pub const NONE: Self = Self {
        kind: false,
        size: false,
        modify: false,
        perm: false,
        unique: false,
        unix_mode: false,
    };

    /// All of them, which is what a client gets that chose none.
    pub const DEFAULT: Self = Self {
        kind: true,
        size: true,
        modify: true,
        perm: true,
        unique: true,
        unix_mode: true,
    };

    /// Switches on the fact of that name, in any case. An unknown name changes nothing (RFC 3659
    /// section 7.9).
    pub fn switch_on(&mut self, name: &str) {
        let flags = [
            &mut self.kind,
            &mut self.size,
            &mut self.modify,
            &mut self.perm,
            &mut self.unique,
            &mut self.unix_mode,
        ];
        for (known, flag) in FACT_NAMES.into_iter().zip(flags) {
            *flag |= known.eq_ignore_ascii_case(name);
        }
    }

    /// Those that are on, as the reply to OPTS MLST names them: `type;size;`.
    pub fn names(self) -> String {
        self.marked()
            .filter(|(_, on)| *on)
            .map(|(name, _)| format!("{name};"))
            .collect()
    }

    /// All of them, as FEAT names them: `type*;size;`, an asterisk for those that are on.
    pub fn feature(self) -> String {
        let mark = |on| if on { "*" } else { "" };
        self.marked()
            .map(|(name, on)| format!("{name}{};", mark(on)))
            .collect()
    }

    fn marked(self) -> impl Iterator<Item = (&'static str, bool)> {
        let flags = [
            self.kind,
            self.size,
            self.modify,
            self.perm,
            self.unique,
            self.unix_mode,
        ];
        FACT_NAMES.into_iter().zip(flags)
    }
}

/// In the order of the fields of [`Facts`].
const FACT_NAMES: [&str; 6] = ["type", "size", "modify", "perm", "unique", "UNIX.mode"];

/// TYPE (RFC 959 section 3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Representation {
    /// Line ends travel as CR LF.
    Ascii,
    /// Bytes as they are (also `L 8`).
    Image,
}

/// MODE (RFC 959 section 3.4; Z as deployed, draft-preston-ftpext-deflate).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferMode {
    /// S: the end of the connection is the end of the file.
    Stream,
    /// Z: a zlib stream.
    Deflate,
}

/// PROT (RFC 2228 section 3, RFC 4217 section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// C
    Clear,
    /// P
    Private,
}
