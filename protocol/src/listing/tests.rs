//! Tests of listings: exact lines, and that strict clients read back what was written.

use proptest::prelude::*;

use super::*;
use crate::transfer::{Facts, ListFormat};

const MLSD: ListFormat = ListFormat::Facts(Facts::DEFAULT);

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn now() -> Timestamp {
    time("20240901000000")
}

fn line(entry: &Entry, format: ListFormat) -> String {
    let mut out = Vec::new();
    write_line(entry, format, now(), &mut out);
    String::from_utf8(out).expect("UTF-8")
}

fn file() -> Entry {
    Entry {
        size: 1234,
        modified: Some(time("20240822134501")),
        mode: Some(0o640),
        unique: Some((0xfd01, 0x1f)),
        ..Entry::new("a b", EntryKind::File).expect("a name")
    }
}

fn directory() -> Entry {
    Entry {
        modified: Some(time("20200102030405")),
        ..Entry::new("déjà vu", EntryKind::Directory).expect("a name")
    }
}

#[test]
fn lines_of_a_file() {
    for (format, expected) in [
        (
            ListFormat::Long,
            "-rw-r-----   1 ftp ftp         1234 Aug 22 13:45 a b\r\n",
        ),
        (ListFormat::Names, "a b\r\n"),
        (
            MLSD,
            "type=file;size=1234;modify=20240822134501;perm=adfrw;unique=fd01g1f;UNIX.mode=0640; \
             a b\r\n",
        ),
        (ListFormat::Facts(Facts::NONE), " a b\r\n"),
    ] {
        assert_eq!(line(&file(), format), expected);
    }
}

#[test]
fn lines_of_a_directory_and_a_link() {
    let link = Entry::new("out", EntryKind::Symlink).expect("a name");
    for (entry, format, expected) in [
        (
            directory(),
            ListFormat::Long,
            "drwxr-xr-x   1 ftp ftp            0 Jan  2  2020 déjà vu\r\n",
        ),
        (directory(), ListFormat::Names, "déjà vu\r\n"),
        (
            directory(),
            MLSD,
            "type=dir;modify=20200102030405;perm=cdeflmp; déjà vu\r\n",
        ),
        (
            link.clone(),
            ListFormat::Long,
            "lrwxrwxrwx   1 ftp ftp            0 Jan  1  1970 out\r\n",
        ),
        (link, MLSD, "type=OS.unix=symlink;perm=adfrw; out\r\n"),
    ] {
        assert_eq!(line(&entry, format), expected);
    }
}

#[test]
fn lines_of_the_control_connection() {
    let size = Facts {
        size: true,
        ..Facts::NONE
    };
    assert_eq!(
        facts_line(&file(), size, "/home/a b"),
        "size=1234; /home/a b"
    );
    let long = "-rw-r-----   1 ftp ftp         1234 Aug 22 13:45 a b";
    assert_eq!(long_line(&file(), now()), long);
}

#[test]
fn permissions() {
    const NOTHING: Allowed = Allowed {
        retrieve: false,
        store: false,
        append: false,
        delete: false,
        rename: false,
        list: false,
        make_directory: false,
    };
    let perm = Facts {
        perm: true,
        ..Facts::NONE
    };
    let read = Allowed {
        retrieve: true,
        list: true,
        ..NOTHING
    };
    let write = Allowed {
        store: true,
        make_directory: true,
        ..NOTHING
    };
    for (kind, allowed, expected) in [
        (EntryKind::File, NOTHING, "perm=; x"),
        (EntryKind::File, read, "perm=r; x"),
        (EntryKind::File, write, "perm=w; x"),
        (EntryKind::Directory, NOTHING, "perm=; x"),
        (EntryKind::Directory, read, "perm=el; x"),
        (EntryKind::Directory, write, "perm=cm; x"),
    ] {
        let entry = Entry {
            allowed,
            ..Entry::new("x", kind).expect("a name")
        };
        assert_eq!(facts_line(&entry, perm, "x"), expected);
    }
}

#[test]
fn special_bits() {
    for (mode, expected) in [
        (0, "----------"),
        (0o7777, "-rwsrwsrwt"),
        (0o7666, "-rwSrwSrwT"),
        (0o4755, "-rwsr-xr-x"),
    ] {
        let entry = Entry {
            mode: Some(mode),
            ..file()
        };
        assert_eq!(line(&entry, ListFormat::Long)[..10], *expected);
    }
}

#[test]
fn names_that_cannot_be_listed() {
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "a\rb",
        "a\nb",
        "a\r\n-rw-r--r--",
        "a\0",
        "/a",
    ] {
        assert_eq!(Entry::new(name, EntryKind::File), None, "{name:?}");
    }
    for name in ["/", " ", "...", "-x", "a\tb", "a\u{1b}b", "\u{202e}x", "\\"] {
        assert!(Entry::new(name, EntryKind::File).is_some(), "{name:?}");
    }
}

proptest! {
    #[test]
    fn a_strict_client_reads_long_lines_back(entry in entry()) {
        let read = read_long(&line(&entry, ListFormat::Long)).expect("a line of ls -l");
        let modified = entry.modified.unwrap_or(Timestamp::EPOCH);
        prop_assert_eq!(read.name, entry.name());
        prop_assert_eq!(read.kind, entry.kind);
        prop_assert_eq!(read.size, entry.size);
        // A time of day has no seconds, and an old date no time of day.
        let digits = modified.to_string();
        prop_assert!(digits.starts_with(&read.modified), "{} is not of {digits}", read.modified);
    }

    #[test]
    fn a_strict_client_reads_facts_back(entry in entry()) {
        let text = line(&entry, MLSD);
        let (facts, name) = text.strip_suffix("\r\n").and_then(|line| line.split_once(' '))
            .expect("facts and a name");
        prop_assert_eq!(name, entry.name());
        let fact = |wanted: &str| {
            let mut found = facts.split_terminator(';').filter_map(|fact| fact.split_once('='));
            found.find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
        };
        prop_assert!(facts.ends_with(';'));
        prop_assert_eq!(fact("modify"), entry.modified.map(|modified| modified.to_string()));
        let size = (entry.kind == EntryKind::File).then(|| entry.size.to_string());
        prop_assert_eq!(fact("size"), size);
        prop_assert_eq!(fact("UNIX.mode"), entry.mode.map(|mode| format!("{mode:04o}")));
        prop_assert_eq!(fact("unique").is_some(), entry.unique.is_some());
    }
}

fn entry() -> impl Strategy<Value = Entry> {
    let name = prop_oneof![
        any::<String>(),
        "[ -~]{1,40}",
        " {0,3}[a-z🎉\u{308} ]{1,9} {0,3}"
    ];
    let kind = prop_oneof![
        Just(EntryKind::File),
        Just(EntryKind::Directory),
        Just(EntryKind::Symlink)
    ];
    // Half of them near `now`, whose dates have a time of day.
    let seconds = prop_oneof![any::<i64>(), 1_690_000_000_i64..1_730_000_000];
    let modified = proptest::option::of(seconds.prop_map(|s| Timestamp::from_unix(s, 0)));
    let mode = proptest::option::of(0_u32..=0o7777);
    let unique = proptest::option::of(any::<(u64, u64)>());
    (name, kind, any::<u64>(), modified, mode, unique).prop_filter_map(
        "a name that can be listed",
        |(name, kind, size, modified, mode, unique)| {
            Some(Entry {
                size,
                modified,
                mode,
                unique,
                ..Entry::new(name, kind)?
            })
        },
    )
}

/// What a client keeps of a long line.
struct Read {
    kind: EntryKind,
    size: u64,
    /// `YYYYMMDDHHMM` or `YYYYMMDD`
    modified: String,
    name: String,
}

/// Reads a long line by the union of the rules of rclone's library and FileZilla: a mode of ten
/// characters, a link count above 0, a size without leading zero, a known month, a year of four
/// digits or a time within the last year, one space, and the rest is the name.
fn read_long(line: &str) -> Option<Read> {
    let line = line.strip_suffix("\r\n")?;
    if line.contains(['\r', '\n']) || line.find(' ')? != 10 {
        return None;
    }
    let kind = match line.as_bytes()[0] {
        b'-' => EntryKind::File,
        b'd' => EntryKind::Directory,
        b'l' => EntryKind::Symlink,
        _ => return None,
    };
    let mut rest = line;
    let mut field = || {
        let (field, after) = rest.trim_start_matches(' ').split_once(' ')?;
        rest = after;
        Some(field)
    };
    let _mode = field()?;
    let links: u32 = field()?.parse().ok()?;
    let (_owner, _group) = (field()?, field()?);
    let size = field()?;
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = months.find(field()?)? / 3 + 1;
    let day: u32 = field()?.parse().ok()?;
    let modified = match field()? {
        clock if clock.contains(':') => {
            // The last such day before `now`.
            let (hour, minute) = clock.split_once(':')?;
            let in_year = |year| format!("{year}{month:02}{day:02}{hour}{minute}");
            let recent = |text: &String| Timestamp::parse(&format!("{text}00")) <= Some(now());
            [in_year(2024), in_year(2023)].into_iter().find(recent)?
        }
        year if year.len() == 4 => format!("{year}{month:02}{day:02}"),
        _ => return None,
    };
    if links == 0 || (size.len() > 1 && size.starts_with('0')) {
        return None;
    }
    Some(Read {
        kind,
        size: size.parse().ok()?,
        modified,
        name: rest.to_owned(),
    })
}
