//! Settings and the clock, and what is written down: log lines and metrics.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

/// What the host of this thread was told, and what it saw.
#[derive(Default)]
struct Records {
    config: String,
    now: Option<SystemTime>,
    logged: Vec<String>,
    metrics: Vec<String>,
}

thread_local! {
    static HOST: RefCell<Records> = RefCell::default();
}

/// Sets the settings, as a JSON object.
pub fn set_config(json: &str) {
    HOST.with_borrow_mut(|host| json.clone_into(&mut host.config));
}

/// Stops the clock at `now`.
pub fn set_now(now: SystemTime) {
    HOST.with_borrow_mut(|host| host.now = Some(now));
}

/// Stops the clock, if it runs, and moves it on.
pub fn advance(by: Duration) {
    HOST.with_borrow_mut(|host| {
        host.now = Some(host.now.unwrap_or_else(SystemTime::now) + by);
    });
}

/// Takes the lines logged so far: the level, the message, and each field as `name=value`.
pub fn logged() -> Vec<String> {
    HOST.with_borrow_mut(|host| std::mem::take(&mut host.logged))
}

/// Takes the figures given so far: `count`, `gauge` or `observe`, the name, the value, and each
/// label as `name=value`.
pub fn metrics() -> Vec<String> {
    HOST.with_borrow_mut(|host| std::mem::take(&mut host.metrics))
}

pub(super) mod host {
    use std::time::SystemTime;

    use super::HOST;
    use crate::log::Level;
    use crate::{config, storage};

    pub(crate) fn config_json() -> String {
        HOST.with_borrow(|host| {
            if host.config.is_empty() {
                "{}".into()
            } else {
                host.config.clone()
            }
        })
    }

    pub(crate) fn config_get(key: &str) -> Option<String> {
        let settings: serde_json::Value = config::parse().ok()?;
        let value = key
            .split('.')
            .try_fold(&settings, |table, part| table.get(part))?;
        Some(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        )
    }

    pub(crate) fn now_ms() -> u64 {
        let now = HOST.with_borrow(|host| host.now);
        storage::milliseconds(now.unwrap_or_else(SystemTime::now))
    }

    pub(crate) fn monotonic_ns() -> u64 {
        now_ms() * 1_000_000
    }

    pub(crate) fn log(level: Level, message: &str, fields: &[(&str, &str)]) {
        let line = format!("{level:?} {message}{}", written(fields));
        HOST.with_borrow_mut(|host| host.logged.push(line));
    }

    pub(crate) fn log_enabled(_level: Level) -> bool {
        true
    }

    pub(crate) fn metric_count(name: &str, by: u64, labels: &[(&str, &str)]) {
        record(format!("count {name} {by}{}", written(labels)));
    }

    pub(crate) fn metric_gauge(name: &str, value: f64, labels: &[(&str, &str)]) {
        record(format!("gauge {name} {value}{}", written(labels)));
    }

    pub(crate) fn metric_observe(name: &str, value: f64, labels: &[(&str, &str)]) {
        record(format!("observe {name} {value}{}", written(labels)));
    }

    fn record(metric: String) {
        HOST.with_borrow_mut(|host| host.metrics.push(metric));
    }

    /// Fields and labels as they are written down.
    fn written(pairs: &[(&str, &str)]) -> String {
        pairs
            .iter()
            .map(|(name, value)| format!(" {name}={value}"))
            .collect()
    }
}
