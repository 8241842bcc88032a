//! Arguments of the commands that log in, secure the connection and settle its options.

use super::request::{Request, number, split_word};
use super::{AuthMechanism, Command, CommandError, FeatureOption, HashAlgorithm, ProtectionLevel};
use crate::secret::Secret;
use crate::transfer::Facts;

pub(super) fn user(request: Request<'_>) -> Result<Command, CommandError> {
    match request.text()? {
        "" => Err(CommandError::MissingArgument(request.verb())),
        name => Ok(Command::User(name.to_owned())),
    }
}

/// A password may be empty, and may begin or end with spaces.
pub(super) fn pass(request: Request<'_>) -> Result<Command, CommandError> {
    request.text().map(|text| Command::Pass(Secret::new(text)))
}

pub(super) fn acct(request: Request<'_>) -> Result<Command, CommandError> {
    request.text().map(|text| Command::Acct(Secret::new(text)))
}

/// Clients walk through the mechanisms until one is taken; 504 tells them to go on.
pub(super) fn auth(request: Request<'_>) -> Result<Command, CommandError> {
    let mechanism = request.optional_word()?.ok_or(request.unsupported())?;
    match mechanism.to_ascii_uppercase().as_str() {
        "TLS" | "TLS-C" => Ok(Command::Auth(AuthMechanism::Tls)),
        "SSL" | "TLS-P" => Ok(Command::Auth(AuthMechanism::TlsWithData)),
        _ => Err(request.unsupported()),
    }
}

pub(super) fn pbsz(request: Request<'_>) -> Result<Command, CommandError> {
    number(request.word()?)
        .map(Command::Pbsz)
        .ok_or(request.bad())
}

pub(super) fn prot(request: Request<'_>) -> Result<Command, CommandError> {
    match request.word()?.to_ascii_uppercase().as_str() {
        "C" => Ok(Command::Prot(ProtectionLevel::Clear)),
        "S" => Ok(Command::Prot(ProtectionLevel::Safe)),
        "E" => Ok(Command::Prot(ProtectionLevel::Confidential)),
        "P" => Ok(Command::Prot(ProtectionLevel::Private)),
        _ => Err(request.unsupported()),
    }
}

pub(super) fn host(request: Request<'_>) -> Result<Command, CommandError> {
    request.word().map(|name| Command::Host(name.to_owned()))
}

/// An unknown option is a bad argument (501), the only refusal that RFC 2389 section 4 knows.
pub(super) fn opts(request: Request<'_>) -> Result<Command, CommandError> {
    let (name, value) = split_word(request.word()?);
    let value = value.trim_matches(' ');
    let option = match name.to_ascii_uppercase().as_str() {
        "UTF8" | "UTF-8" => utf8(value),
        "MLST" => facts(value).map(FeatureOption::Mlst),
        "HASH" => return hash(request, value),
        "REST" if value.eq_ignore_ascii_case("STOR") => Some(FeatureOption::RestStor),
        _ => None,
    };
    option.map(Command::Opts).ok_or(request.bad())
}

fn utf8(value: &str) -> Option<FeatureOption> {
    match value.to_ascii_uppercase().as_str() {
        "" | "ON" => Some(FeatureOption::Utf8(true)),
        "OFF" => Some(FeatureOption::Utf8(false)),
        _ => None,
    }
}

/// RFC 3659 section 7.9: facts that are not known are passed over, none switches all off.
fn facts(value: &str) -> Option<Facts> {
    if value.contains(' ') {
        return None;
    }
    let mut facts = Facts::NONE;
    for name in value.split(';') {
        facts.switch_on(name);
    }
    Some(facts)
}

fn hash(request: Request<'_>, value: &str) -> Result<Command, CommandError> {
    let algorithm = match value {
        "" => None,
        name => Some(HashAlgorithm::from_name(name).ok_or(request.unsupported())?),
    };
    Ok(Command::Opts(FeatureOption::Hash(algorithm)))
}
