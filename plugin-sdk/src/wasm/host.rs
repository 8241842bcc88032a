//! The host as the plugin's imports show it.

use super::bindings::types;
pub(crate) use super::bindings::types::Session;
pub(crate) use super::bindings::wharf::plugin::grants::Grant;
use super::bindings::wharf::plugin::{clock, config, crypto, logging};
use crate::{Failure, Operations, log::Level};

pub(crate) fn config_json() -> String {
    config::json()
}

pub(crate) fn config_get(key: &str) -> Option<String> {
    config::get(key)
}

pub(crate) fn now_ms() -> u64 {
    clock::now_ms()
}

pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    crypto::equal(a, b)
}

pub(crate) fn verify_password(encoded: &str, password: &str) -> Result<bool, Failure> {
    crypto::verify_password(encoded, password).map_err(|error| match error {
        crypto::Error::Unsupported(why)
        | crypto::Error::Malformed(why)
        | crypto::Error::TooCostly(why) => Failure::Misconfigured(why),
        crypto::Error::Busy => Failure::Unavailable("the host is busy with passwords".into()),
    })
}

pub(crate) fn inspect_password(encoded: &str) -> Result<String, String> {
    crypto::inspect_password(encoded).map_err(|error| match error {
        crypto::Error::Unsupported(why)
        | crypto::Error::Malformed(why)
        | crypto::Error::TooCostly(why) => why,
        crypto::Error::Busy => "the host is busy with passwords".into(),
    })
}

pub(crate) fn log(level: Level, message: &str, fields: &[(&str, &str)]) {
    let level = match level {
        Level::Trace => logging::Level::Trace,
        Level::Debug => logging::Level::Debug,
        Level::Info => logging::Level::Info,
        Level::Warn => logging::Level::Warn,
        Level::Error => logging::Level::Error,
    };
    let fields: Vec<_> = fields
        .iter()
        .map(|(n, v)| ((*n).into(), (*v).into()))
        .collect();
    logging::write(level, message, &fields);
}

pub(crate) fn operations(set: Operations) -> types::Operations {
    types::Operations::from_bits_retain(set.bits())
}
