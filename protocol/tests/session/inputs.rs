//! What the host says, as transcripts write it.

use wharf_protocol::effect::{
    EndReason, Finished, Input, LoginDenial, LoginStep, Outcome, Prepared,
};
use wharf_protocol::failure::Failure;
use wharf_protocol::listing::{Entry, EntryKind};
use wharf_protocol::path::VirtualPath;
use wharf_protocol::timestamp::Timestamp;

/// The input that a line behind `< ` stands for.
pub fn read(text: &str) -> Input {
    let (word, rest) = split(text);
    match word {
        "secured" => Input::Secured,
        "too-long" => Input::LineTooLong,
        "login" => Input::Login(login(rest)),
        "listening" => Input::Listening(failure(rest).map_or_else(
            || {
                Ok(rest
                    .parse()
                    .unwrap_or_else(|_| panic!("no address: {rest}")))
            },
            Err,
        )),
        "performed" => Input::Performed(failure(rest).map_or_else(|| Ok(outcome(rest)), Err)),
        "prepared" => Input::Prepared(failure(rest).map_or_else(|| Ok(prepared(rest)), Err)),
        "finished" => Input::Finished(failure(rest).map_or_else(|| Ok(finished(rest)), Err)),
        "still-committing" => Input::StillCommitting,
        "hold-back" => Input::HoldBack,
        "go-on" => Input::GoOn,
        "progress" => Input::Progress(number(rest)),
        "end" => Input::End(match rest {
            "idle" => EndReason::Idle,
            "login-timeout" => EndReason::LoginTimeout,
            "expired" => EndReason::Expired,
            "logged-out" => EndReason::LoggedOut { text: None },
            "shutting-down" => EndReason::ShuttingDown,
            "not-ftp" => EndReason::NotFtp,
            _ => panic!("no reason: {rest}"),
        }),
        _ => panic!("no input: {text}"),
    }
}

fn login(text: &str) -> LoginStep {
    let (word, rest) = split(text);
    let text = (!rest.is_empty()).then(|| rest.to_owned());
    let denied = |reason, close| LoginStep::Denied {
        reason,
        text: text.clone(),
        close,
    };
    match word {
        "granted" => {
            let (home, welcome) = split(rest);
            let welcome = (!welcome.is_empty()).then(|| welcome.to_owned());
            LoginStep::Granted {
                home: path(home),
                welcome,
                modification_times: true,
            }
        }
        "granted-timeless" => LoginStep::Granted {
            home: path("/"),
            welcome: None,
            modification_times: false,
        },
        "password" => LoginStep::NeedPassword { text },
        "account" => LoginStep::NeedAccount { text },
        "denied" => denied(LoginDenial::Credentials, false),
        "denied-tls" => denied(LoginDenial::NeedsTls, false),
        "denied-last" => denied(LoginDenial::Other, true),
        "undecided" => LoginStep::Undecided,
        "too-many" => LoginStep::TooMany {
            text: rest.to_owned(),
        },
        _ => panic!("no login step: {word}"),
    }
}

fn outcome(text: &str) -> Outcome {
    let (word, rest) = split(text);
    match word {
        "done" => Outcome::Done,
        "size" => Outcome::Size(number(rest)),
        "available" => Outcome::Available(number(rest)),
        "modified" => Outcome::Modified(time(rest)),
        "entry" => Outcome::Entry(entry(rest)),
        "directory" | "file" => Outcome::Entries {
            directory: word == "directory",
            entries: rest.split(' ').map(entry).collect(),
            now: time("20240901120000"),
        },
        "checksum" => {
            let (hex, range) = split(rest);
            let (start, end) = split(range);
            Outcome::Checksum {
                hex: hex.to_owned(),
                start: number(start),
                end: number(end),
            }
        }
        _ => panic!("no outcome: {text}"),
    }
}

/// `name` is a file of 7 bytes, `name/` a directory.
fn entry(text: &str) -> Entry {
    let (name, kind) = match text.strip_suffix('/') {
        Some(name) => (name, EntryKind::Directory),
        None => (text, EntryKind::File),
    };
    let mut entry = Entry::new(name, kind).unwrap_or_else(|| panic!("no name: {name}"));
    entry.size = if kind == EntryKind::File { 7 } else { 0 };
    entry.modified = Some(time("20240822134501"));
    entry
}

/// The bytes, and the name of a file of STOU.
fn finished(text: &str) -> Finished {
    let (bytes, name) = split(text);
    Finished {
        bytes: number(bytes),
        name: (!name.is_empty()).then(|| name.to_owned()),
    }
}

fn prepared(text: &str) -> Prepared {
    match split(text) {
        ("", _) => Prepared::default(),
        ("size", size) => Prepared {
            size: Some(number(size)),
            ..Prepared::default()
        },
        ("name", name) => Prepared {
            name: Some(name.to_owned()),
            ..Prepared::default()
        },
        _ => panic!("nothing prepared: {text}"),
    }
}

/// The failure that a text begins with, if it does.
fn failure(text: &str) -> Option<Failure> {
    let (word, rest) = split(text);
    let text = (!rest.is_empty()).then(|| rest.to_owned());
    Some(match word {
        "not-found" => Failure::NotFound,
        "exists" => Failure::Exists,
        "is-directory" => Failure::IsDirectory,
        "not-directory" => Failure::NotDirectory,
        "not-empty" => Failure::NotEmpty,
        "denied" => Failure::Denied { text },
        "name-refused" => Failure::NameRefused { text },
        "quota" => Failure::QuotaExceeded { text },
        "no-space" => Failure::NoSpace,
        "unsupported" => Failure::Unsupported,
        "storage" => Failure::Storage,
        "undecided" => Failure::Undecided,
        "too-many" => Failure::TooMany {
            text: rest.to_owned(),
        },
        "no-data-connection" => Failure::NoDataConnection,
        "not-resumed" => Failure::NotResumed,
        "data-handshake" => Failure::DataHandshake,
        "connection-lost" => Failure::ConnectionLost,
        "aborted" => Failure::Aborted,
        _ => return None,
    })
}

pub fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|| panic!("no time: {text}"))
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

fn split(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}
