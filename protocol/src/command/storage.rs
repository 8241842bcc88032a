//! Arguments of the commands that name files and directories.

use super::request::{Request, number, split_word};
use super::{Command, CommandError, HashAlgorithm, ListArgument};
use crate::path::PathArgument;
use crate::timestamp::Timestamp;
use crate::transfer::{ListKey, ListOrder};

/// What `ls` takes for options. A word with any other character in it is a path.
const LS_OPTIONS: &[u8] = b"1AaCcdFfgHhikLlmnopqRrSsTtux";

/// Options of `ls` in front are stripped, up to `--`. A name that looks like options is reached by
/// `./-x` or `-- -x`.
pub(super) fn list(request: Request<'_>) -> Result<ListArgument, CommandError> {
    let mut argument = ListArgument::default();
    let mut rest = request.text()?;
    loop {
        let (word, after) = split_word(rest);
        match word.strip_prefix('-') {
            // `--` ends the options.
            Some("-") => {
                rest = after;
                break;
            }
            Some(options) if are_ls_options(options) => {
                argument.hidden |= options.contains(['a', 'A']);
                obey(options, &mut argument.order);
                rest = after;
            }
            _ => break,
        }
    }
    if !rest.is_empty() {
        argument.path = Some(request.path_of(rest.as_bytes())?);
    }
    Ok(argument)
}

/// As `ls` does it, the last one holds of options that contradict each other.
fn obey(options: &str, order: &mut ListOrder) {
    for option in options.bytes() {
        match option {
            b't' => order.by = ListKey::Time,
            b'S' => order.by = ListKey::Size,
            b'r' => order.reversed = true,
            _ => {}
        }
    }
}

fn are_ls_options(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|option| LS_OPTIONS.contains(&option))
}

pub(super) fn stat(request: Request<'_>) -> Result<Command, CommandError> {
    match request.text()? {
        "" => Ok(Command::Stat(None)),
        _ => list(request).map(|argument| Command::Stat(Some(argument))),
    }
}

/// A first word that is a time makes it the old way to set one; a file with such a name is reached
/// through its directory.
pub(super) fn mdtm(request: Request<'_>) -> Result<Command, CommandError> {
    let (word, rest) = split_word(request.text()?);
    match Timestamp::parse(word) {
        Some(modified) if !rest.is_empty() => Ok(Command::MdtmSet {
            modified,
            path: request.path_of(rest.as_bytes())?,
        }),
        _ => request.path().map(Command::Mdtm),
    }
}

pub(super) fn mfmt(request: Request<'_>) -> Result<Command, CommandError> {
    request.word()?;
    let (word, rest) = split_word(request.text()?);
    let modified = Timestamp::parse(word).ok_or(request.bad())?;
    Ok(Command::Mfmt {
        modified,
        path: request.path_of(rest.as_bytes())?,
    })
}

/// `path`, `"path"`, either of them perhaps with the first byte and the byte after the last one.
///
/// Clients that know of ranges quote paths, the others send them bare: of a bare path only two
/// numbers are cut off, never one.
pub(super) fn checksum(
    request: Request<'_>,
    algorithm: HashAlgorithm,
) -> Result<Command, CommandError> {
    let text = request.text()?;
    let (path, range) = match unquote(text) {
        Some((path, rest)) => {
            let range = quoted_range(rest).ok_or(request.bad())?;
            (request.path_of(path.as_bytes())?, range)
        }
        None => bare_range(request, text)?,
    };
    match range {
        Some((start, end)) if start > end => Err(request.bad()),
        range => Ok(Command::Checksum {
            algorithm,
            path,
            range,
        }),
    }
}

type Range = Option<(u64, u64)>;

fn quoted_range(text: &str) -> Option<Range> {
    let mut words = text.split_ascii_whitespace();
    let range = match words.next() {
        None => None,
        Some(start) => Some((number(start)?, words.next().map_or(Some(u64::MAX), number)?)),
    };
    words.next().is_none().then_some(range)
}

fn bare_range(request: Request<'_>, text: &str) -> Result<(PathArgument, Range), CommandError> {
    let mut words = text.rsplitn(3, ' ');
    let end = words.next().and_then(number);
    let start = words.next().and_then(number);
    match (words.next(), start, end) {
        (Some(path), Some(start), Some(end)) => {
            Ok((request.path_of(path.as_bytes())?, Some((start, end))))
        }
        _ => Ok((request.path()?, None)),
    }
}

/// The text between quotes, two of which stand for one, and what follows.
fn unquote(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut path = String::new();
    let mut rest = inside;
    loop {
        let (part, after) = rest.split_once('"')?;
        path.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                path.push('"');
                rest = after;
            }
            None => return Some((path, after)),
        }
    }
}
