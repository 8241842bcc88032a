//! Figures beside the host's own, named after the plugin.

use crate::host;

/// Adds to a counter.
pub fn count(name: &str, by: u64, labels: &[(&str, &str)]) {
    host::metric_count(name, by, labels);
}

/// Sets a figure that goes up and down.
pub fn gauge(name: &str, value: f64, labels: &[(&str, &str)]) {
    host::metric_gauge(name, value, labels);
}

/// Adds one observation to a distribution, such as a duration in seconds.
pub fn observe(name: &str, value: f64, labels: &[(&str, &str)]) {
    host::metric_observe(name, value, labels);
}
