//! Kinds of files, told by the bytes that they begin with.

/// How many bytes it takes to tell them all: a tar names itself at its 257th.
pub const HEAD: u32 = 512;

/// A kind of file.
#[derive(Debug)]
pub struct Kind {
    /// As it is called in settings.
    pub name: &'static str,
    /// The ends of names that promise it, in lower case.
    extensions: &'static [&'static str],
    mark: Mark,
}

/// What tells a kind.
#[derive(Debug)]
enum Mark {
    /// One of these, each made of bytes at their offsets.
    Bytes(&'static [&'static [(usize, &'static [u8])]]),
    /// UTF-8 without control characters but for white space.
    Text,
}

const fn kind(
    name: &'static str,
    extensions: &'static [&'static str],
    marks: &'static [&'static [(usize, &'static [u8])]],
) -> Kind {
    Kind {
        name,
        extensions,
        mark: Mark::Bytes(marks),
    }
}

/// What the office formats of today have in common with other archives.
const ZIP: &[&[(usize, &[u8])]] = &[&[(0, b"PK\x03\x04")], &[(0, b"PK\x05\x06")]];

/// All kinds that are known.
pub const KINDS: &[Kind] = &[
    kind("7z", &["7z"], &[&[(0, b"7z\xbc\xaf\x27\x1c")]]),
    kind("avi", &["avi"], &[&[(0, b"RIFF"), (8, b"AVI ")]]),
    kind("bmp", &["bmp"], &[&[(0, b"BM")]]),
    kind("bzip2", &["bz2"], &[&[(0, b"BZh")]]),
    kind("dicom", &["dcm"], &[&[(128, b"DICM")]]),
    kind("elf", &["so"], &[&[(0, b"\x7fELF")]]),
    kind("exe", &["exe", "dll", "scr"], &[&[(0, b"MZ")]]),
    kind("gif", &["gif"], &[&[(0, b"GIF87a")], &[(0, b"GIF89a")]]),
    kind("gzip", &["gz", "tgz"], &[&[(0, b"\x1f\x8b")]]),
    kind(
        "heic",
        &["heic"],
        &[&[(4, b"ftyphei")], &[(4, b"ftypmif1")]],
    ),
    kind("jpeg", &["jpg", "jpeg"], &[&[(0, b"\xff\xd8\xff")]]),
    kind(
        "mp3",
        &["mp3"],
        &[
            &[(0, b"ID3")],
            &[(0, b"\xff\xfb")],
            &[(0, b"\xff\xf3")],
            &[(0, b"\xff\xf2")],
        ],
    ),
    kind("mp4", &["mp4", "m4a", "m4v", "mov"], &[&[(4, b"ftyp")]]),
    kind(
        "office",
        &["docx", "xlsx", "pptx", "odt", "ods", "odp"],
        ZIP,
    ),
    kind(
        "ole",
        &["doc", "xls", "ppt", "msg"],
        &[&[(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")]],
    ),
    kind("pdf", &["pdf"], &[&[(0, b"%PDF-")]]),
    kind("png", &["png"], &[&[(0, b"\x89PNG\r\n\x1a\n")]]),
    kind("postscript", &["ps", "eps"], &[&[(0, b"%!PS")]]),
    kind("rar", &["rar"], &[&[(0, b"Rar!\x1a\x07")]]),
    kind("rtf", &["rtf"], &[&[(0, b"{\\rtf")]]),
    kind("tar", &["tar"], &[&[(257, b"ustar")]]),
    Kind {
        name: "text",
        extensions: &["txt", "csv", "xml", "json", "md"],
        mark: Mark::Text,
    },
    kind(
        "tiff",
        &["tif", "tiff"],
        &[&[(0, b"II*\0")], &[(0, b"MM\0*")]],
    ),
    kind("wav", &["wav"], &[&[(0, b"RIFF"), (8, b"WAVE")]]),
    kind("webp", &["webp"], &[&[(0, b"RIFF"), (8, b"WEBP")]]),
    kind("xz", &["xz"], &[&[(0, b"\xfd7zXZ\0")]]),
    kind("zip", &["zip"], ZIP),
    kind("zstd", &["zst"], &[&[(0, b"\x28\xb5\x2f\xfd")]]),
];

impl Kind {
    /// The kind of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// Whether a file that begins with `head` can be of this kind.
    pub fn fits(&self, head: &[u8]) -> bool {
        let stands = |(offset, bytes): &(usize, &[u8])| {
            head.get(*offset..)
                .is_some_and(|rest| rest.starts_with(bytes))
        };
        match self.mark {
            Mark::Bytes(marks) => marks.iter().any(|mark| mark.iter().all(stands)),
            Mark::Text => is_text(head),
        }
    }
}

/// The kinds that the end of a name promises.
pub fn of_extension(extension: &str) -> impl Iterator<Item = &'static Kind> {
    KINDS
        .iter()
        .filter(move |kind| kind.extensions.contains(&extension))
}

/// Whether these are characters that a person reads; the last one may be cut off.
fn is_text(head: &[u8]) -> bool {
    let text = match str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_some() => return false,
        Err(error) => str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    !text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c'))
}
