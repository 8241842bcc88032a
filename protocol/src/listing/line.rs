//! The lines of LIST, NLST and MLSD, as the clients in use read them.

use super::{Allowed, Entry, EntryKind};
use crate::timestamp::{Timestamp, push_number};
use crate::transfer::{Facts, ListFormat};

/// Columns of the size in a long line, so that sizes below a terabyte line up.
const SIZE_WIDTH: usize = 12;

/// Appends the line of `entry` with its CR LF. Nothing is allocated but room in `out`.
///
/// `now` decides the form of the date where `format` has one without a year.
pub fn write_line(entry: &Entry, format: ListFormat, now: Timestamp, out: &mut Vec<u8>) {
    match format {
        ListFormat::Long => write_long(entry, now, out),
        ListFormat::Names => out.extend_from_slice(entry.name.as_bytes()),
        ListFormat::Facts(facts) => write_facts(entry, facts, &entry.name, out),
    }
    out.extend_from_slice(b"\r\n");
}

/// The line of LIST without its end, for STAT.
pub fn long_line(entry: &Entry, now: Timestamp) -> String {
    text(|out| write_long(entry, now, out))
}

/// The line of MLST without its end: facts, a space, and the path that was asked for.
pub fn facts_line(entry: &Entry, facts: Facts, path: &str) -> String {
    text(|out| write_facts(entry, facts, path, out))
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    // Made of ASCII and of texts, so nothing is ever replaced.
    String::from_utf8_lossy(&out).into_owned()
}

/// `-rw-r--r--   1 ftp ftp         1234 Aug 22 13:45 name`, what every client can read: ten
/// characters of mode, a link count of at least 1 (some read 0 as another format), an owner and a
/// group without spaces, a size without leading zeros, and one space before the name.
fn write_long(entry: &Entry, now: Timestamp, out: &mut Vec<u8>) {
    write_mode(entry, out);
    out.extend_from_slice(b"   1 ftp ftp ");
    push_number::<10>(out, entry.size, SIZE_WIDTH, b' ');
    out.push(b' ');
    entry
        .modified
        .unwrap_or(Timestamp::EPOCH)
        .write_ls_date(now, out);
    out.push(b' ');
    out.extend_from_slice(entry.name.as_bytes());
}

fn write_mode(entry: &Entry, out: &mut Vec<u8>) {
    let (kind, usual) = match entry.kind {
        EntryKind::File => (b'-', 0o644),
        EntryKind::Directory => (b'd', 0o755),
        EntryKind::Symlink => (b'l', 0o777),
    };
    let mode = entry.mode.unwrap_or(usual);
    out.push(kind);
    for (shift, special, marks) in [(6, 0o4000, b"sS"), (3, 0o2000, b"sS"), (0, 0o1000, b"tT")] {
        let bits = mode >> shift;
        out.push(if bits & 4 != 0 { b'r' } else { b'-' });
        out.push(if bits & 2 != 0 { b'w' } else { b'-' });
        out.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => marks[0],
            (false, true) => marks[1],
            (true, false) => b'x',
            (false, false) => b'-',
        });
    }
}

/// RFC 3659 section 7.2. A fact that is not known, or means nothing here, is left out.
fn write_facts(entry: &Entry, facts: Facts, name: &str, out: &mut Vec<u8>) {
    if facts.kind {
        out.extend_from_slice(match entry.kind {
            EntryKind::File => b"type=file;",
            EntryKind::Directory => b"type=dir;",
            EntryKind::Symlink => b"type=OS.unix=symlink;",
        });
    }
    if facts.size && entry.kind == EntryKind::File {
        out.extend_from_slice(b"size=");
        push_number::<10>(out, entry.size, 1, b'0');
        out.push(b';');
    }
    if let (true, Some(modified)) = (facts.modify, entry.modified) {
        out.extend_from_slice(b"modify=");
        modified.write_digits(out);
        out.push(b';');
    }
    if facts.perm {
        out.extend_from_slice(b"perm=");
        write_permissions(entry.kind, entry.allowed, out);
        out.push(b';');
    }
    if let (true, Some((device, inode))) = (facts.unique, entry.unique) {
        out.extend_from_slice(b"unique=");
        push_number::<16>(out, device, 1, b'0');
        out.push(b'g');
        push_number::<16>(out, inode, 1, b'0');
        out.push(b';');
    }
    if let (true, Some(mode)) = (facts.unix_mode, entry.mode) {
        out.extend_from_slice(b"UNIX.mode=");
        push_number::<8>(out, u64::from(mode & 0o7777), 4, b'0');
        out.push(b';');
    }
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
}

/// RFC 3659 section 7.5.5, in its order: append, create, delete, enter, rename, list, make
/// directories, purge, retrieve, write.
fn write_permissions(kind: EntryKind, allowed: Allowed, out: &mut Vec<u8>) {
    let directory = kind == EntryKind::Directory;
    for (letter, holds) in [
        (b'a', !directory && allowed.append),
        (b'c', directory && allowed.store),
        (b'd', allowed.delete),
        (b'e', directory && allowed.list),
        (b'f', allowed.rename),
        (b'l', directory && allowed.list),
        (b'm', directory && allowed.make_directory),
        (b'p', directory && allowed.delete),
        (b'r', !directory && allowed.retrieve),
        (b'w', !directory && allowed.store),
    ] {
        if holds {
            out.push(letter);
        }
    }
}
