//! The host as the plugin's imports show it.

mod crypto;
mod network;
mod storage;

pub(crate) use self::crypto::{
    digest, equal, hash_password, hmac, inspect_password, random, verify_password, verify_totp,
};
pub(crate) use self::network::{Exchange, begin, finish, read, secret, send, write};
pub(crate) use self::storage::{
    read_staged, sink_browse, sink_copy, sink_delete, sink_put, sink_read, sink_stat, state_get,
    state_increment, state_remove, state_set, state_swap,
};
use super::bindings::types;
pub(crate) use super::bindings::types::Session;
pub(crate) use super::bindings::wharf::plugin::grants::Grant;
pub(crate) use super::bindings::wharf::plugin::staging::Staged;
use super::bindings::wharf::plugin::{clock, config, logging, metrics};
use crate::Operations;
use crate::log::Level;

pub(crate) fn config_json() -> String {
    config::json()
}

pub(crate) fn config_get(key: &str) -> Option<String> {
    config::get(key)
}

pub(crate) fn now_ms() -> u64 {
    clock::now_ms()
}

pub(crate) fn monotonic_ns() -> u64 {
    clock::monotonic_ns()
}

pub(crate) fn log(level: Level, message: &str, fields: &[(&str, &str)]) {
    logging::write(level.into(), message, &owned(fields));
}

pub(crate) fn log_enabled(level: Level) -> bool {
    logging::enabled(level.into())
}

impl From<Level> for logging::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

pub(crate) fn metric_count(name: &str, by: u64, labels: &[(&str, &str)]) {
    metrics::count(name, by, &owned(labels));
}

pub(crate) fn metric_gauge(name: &str, value: f64, labels: &[(&str, &str)]) {
    metrics::gauge(name, value, &owned(labels));
}

pub(crate) fn metric_observe(name: &str, value: f64, labels: &[(&str, &str)]) {
    metrics::observe(name, value, &owned(labels));
}

pub(crate) fn operations(set: Operations) -> types::Operations {
    set.into()
}

/// Names and values as the contract takes them.
fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
    pairs.iter().map(owned).collect()
}
