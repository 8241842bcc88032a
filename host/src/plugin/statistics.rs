//! What is told of each plugin: its calls, its failures, its instances.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::fault::CallError;
use super::histogram::Histogram;
use super::role::Role;
use super::text::one_line;
use crate::metrics::{self, CallFailure};

/// What the calls of a plugin came to since it was loaded.
#[derive(Default)]
pub struct Statistics {
    /// By [`Role`].
    metrics: [Option<RoleMetrics>; Role::ALL.len()],
    durations: Histogram,
    /// By [`CallFailure`]; what was answered is counted by the durations.
    failures: [AtomicU64; CallFailure::ALL.len()],
    last_error: Mutex<Option<LastError>>,
}

/// What Prometheus is told of the calls in one role.
struct RoleMetrics {
    plugin: String,
    role: Role,
    calls: ::metrics::Counter,
    seconds: ::metrics::Histogram,
}

impl Statistics {
    /// For the plugin called `plugin`.
    pub fn new(plugin: &str, roles: &[Role]) -> Self {
        let mut statistics = Self::default();
        for role in roles {
            statistics.metrics[*role as usize] = Some(RoleMetrics {
                plugin: plugin.to_owned(),
                role: *role,
                calls: metrics::plugin_calls(plugin, *role),
                seconds: metrics::plugin_call_seconds(plugin, *role),
            });
        }
        statistics
    }

    /// Counts a call of `function` that took `duration`.
    pub fn record(&self, function: &str, duration: Duration) {
        self.durations.record(duration);
        if let Some(metrics) = self.metrics_of(function) {
            metrics.calls.increment(1);
            metrics.seconds.record(duration);
        }
    }

    /// Counts a failure of a call of `function`, which is counted as a call too.
    pub fn record_failure(&self, function: &str, error: &CallError) {
        self.failures[error.kind() as usize].fetch_add(1, Ordering::Relaxed);
        if let Some(metrics) = self.metrics_of(function) {
            metrics::plugin_failures(&metrics.plugin, metrics.role, error.kind()).increment(1);
        }
        let last_error = LastError {
            text: one_line(&error.to_string()),
            at_ms: unix_ms(SystemTime::now()),
        };
        *self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(last_error);
    }

    fn metrics_of(&self, function: &str) -> Option<&RoleMetrics> {
        self.metrics[Role::of_function(function)? as usize].as_ref()
    }

    /// What was counted until now.
    pub fn calls(&self) -> CallStatus {
        let durations = self.durations.snapshot();
        let microseconds = |share| {
            let quantile = durations.quantile(share)?;
            Some(quantile.as_secs_f64() * 1e6)
        };
        let failures = CallFailure::ALL.iter().filter_map(|kind| {
            let count = self.failures[*kind as usize].load(Ordering::Relaxed);
            (count > 0).then(|| (kind.word().to_owned(), count))
        });
        CallStatus {
            total: durations.count(),
            failures: failures.collect(),
            p50_us: microseconds(0.5),
            p99_us: microseconds(0.99),
            last_error: self
                .last_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }
}

/// All plugins of a running host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PluginsStatus {
    /// The number of the generation that serves.
    pub generation: u64,
    /// The plugins that serve, in the order of their names.
    pub plugins: Vec<PluginStatus>,
    /// What was refused under names that serve no plugin.
    pub rejected: Vec<RejectedCandidate>,
}

/// One plugin of a running host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginStatus {
    /// Its name.
    pub name: String,
    /// The component.
    pub file: PathBuf,
    /// Of the component, in lower-case hexadecimal.
    pub sha256: String,
    /// The interfaces that it implements.
    pub roles: Vec<String>,
    /// The generation that it came with.
    pub generation: u64,
    /// When it was loaded, in milliseconds since 1970.
    pub loaded_ms: u64,
    /// Its instances.
    pub instances: InstanceStatus,
    /// Its calls since it was loaded.
    pub calls: CallStatus,
    /// Whether it is asked: `closed` if it is, `open` while it is not because it kept failing,
    /// `half-open` while one call shows whether it may be.
    pub breaker: String,
    /// What was to take its place and could not.
    pub rejected: Option<RejectedCandidate>,
}

/// The instances of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// How many there may be.
    pub limit: usize,
    /// How many wait for a call.
    pub warm: usize,
    /// How many calls run.
    pub busy: usize,
    /// How many calls wait for an instance.
    pub waiting: usize,
}

/// The calls of a plugin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallStatus {
    /// How many have ended.
    pub total: u64,
    /// How many of them failed, by the name of the [`CallFailure`].
    pub failures: BTreeMap<String, u64>,
    /// What half of them did not exceed, waiting included, in microseconds.
    pub p50_us: Option<f64>,
    /// What 99 % of them did not exceed.
    pub p99_us: Option<f64>,
    /// The latest failure.
    pub last_error: Option<LastError>,
}

/// The latest failure of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// What happened, in one line.
    pub text: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// Files that were to become a plugin, or to take the place of one, and could not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedCandidate {
    /// The name.
    pub plugin: String,
    /// The file at fault.
    pub file: PathBuf,
    /// Of the component in lower-case hexadecimal, where it could be read.
    pub sha256: Option<String>,
    /// What is wrong with it.
    pub cause: String,
    /// When it was first refused, in milliseconds since 1970.
    pub at_ms: u64,
}

/// `time` in milliseconds since 1970.
pub fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_by_kind_and_the_latest_in_full() {
        let statistics = Statistics::default();
        assert_eq!(statistics.calls(), CallStatus::default());
        let full = CallError::QueueFull;
        let failed = CallError::Failed("no\ndatabase".to_owned());
        for error in [None, Some(&full), Some(&full), Some(&failed)] {
            statistics.record("begin", Duration::from_millis(1));
            error.inspect(|error| statistics.record_failure("begin", error));
        }
        let calls = statistics.calls();
        assert_eq!(calls.total, 4);
        let failures = [("undecided", 1), ("queue", 2)];
        let failures = failures.map(|(kind, count)| (kind.to_owned(), count));
        assert_eq!(calls.failures, BTreeMap::from(failures));
        let median = calls.p50_us.unwrap();
        assert!((1000.0..1200.0).contains(&median), "{median}");
        let text = calls.last_error.unwrap().text;
        assert_eq!(text, "the plugin could not decide: no database");
    }
}
