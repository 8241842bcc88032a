//! Arguments of the commands that shape a transfer and its data connection.

use super::request::{Request, number};
use super::{Command, CommandError, ExtendedPassive};
use crate::address::{self, ExtendedAddressError};
use crate::transfer::{Representation, TransferMode};

pub(super) fn rest(request: Request<'_>) -> Result<Command, CommandError> {
    number(request.word()?)
        .map(Command::Rest)
        .ok_or(request.bad())
}

/// `n` or `n R record-size`. Devices send whatever they like here, and nothing depends on it.
pub(super) fn allo(request: Request<'_>) -> Result<Command, CommandError> {
    let mut words = request.text()?.split_ascii_whitespace();
    let size = match words.next() {
        // A number beyond all files announces nothing.
        Some(size) if size.bytes().all(|byte| byte.is_ascii_digit()) => number(size),
        Some(_) => return Err(request.bad()),
        None => None,
    };
    let record = [words.next(), words.next(), words.next()];
    let well_formed = match record {
        [None, None, None] => true,
        [Some(r), Some(size), None] => r.eq_ignore_ascii_case("R") && number::<u64>(size).is_some(),
        _ => false,
    };
    if well_formed {
        Ok(Command::Allo(size))
    } else {
        Err(request.bad())
    }
}

/// Telnet format controls (`A T`) say nothing about text that is not printed; carriage control
/// (`A C`) would change it.
pub(super) fn kind(request: Request<'_>) -> Result<Command, CommandError> {
    let text = request.word()?.to_ascii_uppercase();
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    match words.as_slice() {
        ["A"] | ["A", "N" | "T"] => Ok(Command::Type(Representation::Ascii)),
        ["I"] | ["L", "8"] => Ok(Command::Type(Representation::Image)),
        ["L"] | [_, _, _, ..] => Err(request.bad()),
        _ => Err(request.unsupported()),
    }
}

pub(super) fn mode(request: Request<'_>) -> Result<Command, CommandError> {
    match request.word()?.to_ascii_uppercase().as_str() {
        "S" => Ok(Command::Mode(TransferMode::Stream)),
        "Z" => Ok(Command::Mode(TransferMode::Deflate)),
        word if word.len() == 1 => Err(request.unsupported()),
        _ => Err(request.bad()),
    }
}

pub(super) fn stru(request: Request<'_>) -> Result<Command, CommandError> {
    match request.word()?.to_ascii_uppercase().as_str() {
        "F" => Ok(Command::Stru),
        word if word.len() == 1 => Err(request.unsupported()),
        _ => Err(request.bad()),
    }
}

pub(super) fn epsv(request: Request<'_>) -> Result<Command, CommandError> {
    let argument = match request.optional_word()? {
        None => ExtendedPassive::Default,
        Some(word) if word.eq_ignore_ascii_case("ALL") => ExtendedPassive::All,
        Some(word) if word.bytes().all(|byte| byte.is_ascii_digit()) => {
            let family = number(word).and_then(address::family);
            ExtendedPassive::Family(family.ok_or(CommandError::UnsupportedNetworkProtocol)?)
        }
        Some(_) => return Err(request.bad()),
    };
    Ok(Command::Epsv(argument))
}

pub(super) fn port(request: Request<'_>) -> Result<Command, CommandError> {
    address::parse_port(request.word()?)
        .map(Command::Port)
        .ok_or(request.bad())
}

pub(super) fn eprt(request: Request<'_>) -> Result<Command, CommandError> {
    match address::parse_extended(request.word()?) {
        Ok(address) => Ok(Command::Eprt(address)),
        Err(ExtendedAddressError::Syntax) => Err(request.bad()),
        Err(ExtendedAddressError::Protocol) => Err(CommandError::UnsupportedNetworkProtocol),
    }
}
