//! SITE: its own small set of commands.

use super::request::{Request, split_word};
use super::{Command, CommandError, SiteCommand};
use crate::timestamp::Timestamp;

/// Permission bits, with set-user-id, set-group-id and sticky.
const MODE_MAX: u32 = 0o7777;

pub(super) fn site(request: Request<'_>) -> Result<Command, CommandError> {
    request.word()?;
    let (name, argument) = split_word(request.text()?);
    let site = match name.to_ascii_uppercase().as_str() {
        "HELP" => SiteCommand::Help,
        "CHMOD" => chmod(request, argument)?,
        "UTIME" => utime(request, argument)?,
        _ => return Err(request.unsupported()),
    };
    Ok(Command::Site(site))
}

fn chmod(request: Request<'_>, argument: &str) -> Result<SiteCommand, CommandError> {
    let (mode, path) = split_word(argument);
    let octal = !mode.is_empty() && mode.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    let mode = u32::from_str_radix(mode, 8)
        .ok()
        .filter(|mode| octal && *mode <= MODE_MAX);
    match mode {
        Some(mode) => Ok(SiteCommand::Chmod {
            mode,
            path: request.path_of(path.as_bytes())?,
        }),
        None => Err(request.bad()),
    }
}

/// `path accessed modified created UTC`, or `time path` with or without seconds in the time.
fn utime(request: Request<'_>, argument: &str) -> Result<SiteCommand, CommandError> {
    let (path, modified) = match three_times(argument) {
        Some(found) => found,
        None => {
            let (time, path) = split_word(argument);
            let modified = match time.len() {
                12 => Timestamp::parse(&format!("{time}00")),
                _ => Timestamp::parse(time),
            };
            (path, modified.ok_or(request.bad())?)
        }
    };
    Ok(SiteCommand::Utime {
        modified,
        path: request.path_of(path.as_bytes())?,
    })
}

fn three_times(argument: &str) -> Option<(&str, Timestamp)> {
    let mut words = argument.rsplitn(5, ' ');
    let zone = words.next()?;
    let _created = Timestamp::parse(words.next()?)?;
    let modified = Timestamp::parse(words.next()?)?;
    let _accessed = Timestamp::parse(words.next()?)?;
    let path = words.next()?;
    zone.eq_ignore_ascii_case("UTC").then_some((path, modified))
}
