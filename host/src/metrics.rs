//! What is measured, for Prometheus: the one place where metrics have their names, labels and
//! meaning.
//!
//! `table` makes a function of each metric. It gives a handle: keep it where something is counted
//! thousands of times a second; elsewhere ask for it each time. Until [`begin`] was called nothing
//! is kept, and a handle that was had before stays deaf.

mod table;
mod words;

use ::metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, Recorder, SharedString};
use ::metrics::{Level, with_recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

pub use table::*;
pub use words::*;

/// One metric, as the documentation has it.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its name; the unit is its end.
    pub name: &'static str,
    /// The names of its labels, none of which grows with users, paths or addresses.
    pub labels: &'static [&'static str],
    /// What it tells, in a sentence.
    pub help: &'static str,
    describe: fn(&dyn Recorder, KeyName, SharedString),
}

/// The value of a label: a word of ours, or a name that the operator gave.
pub trait LabelValue {
    /// As Prometheus shows it.
    fn value(self) -> SharedString;
}

/// The name of a listener or of a plugin.
impl LabelValue for &str {
    fn value(self) -> SharedString {
        SharedString::from_owned(self.to_owned())
    }
}

/// What a kind of metric is handled by.
trait Handle {
    const KIND: &str;
    const DESCRIBE: fn(&dyn Recorder, KeyName, SharedString);

    fn register(recorder: &dyn Recorder, key: &Key) -> Self;
}

const METADATA: Metadata<'static> = Metadata::new("wharf", Level::INFO, None);

impl Handle for Counter {
    const KIND: &str = "counter";
    const DESCRIBE: fn(&dyn Recorder, KeyName, SharedString) =
        |recorder, name, help| recorder.describe_counter(name, None, help);

    fn register(recorder: &dyn Recorder, key: &Key) -> Self {
        recorder.register_counter(key, &METADATA)
    }
}

impl Handle for Gauge {
    const KIND: &str = "gauge";
    const DESCRIBE: fn(&dyn Recorder, KeyName, SharedString) =
        |recorder, name, help| recorder.describe_gauge(name, None, help);

    fn register(recorder: &dyn Recorder, key: &Key) -> Self {
        recorder.register_gauge(key, &METADATA)
    }
}

impl Handle for Histogram {
    const KIND: &str = "histogram";
    const DESCRIBE: fn(&dyn Recorder, KeyName, SharedString) =
        |recorder, name, help| recorder.describe_histogram(name, None, help);

    fn register(recorder: &dyn Recorder, key: &Key) -> Self {
        recorder.register_histogram(key, &METADATA)
    }
}

fn handle<H: Handle>(name: &'static str, labels: Vec<Label>) -> H {
    let key = Key::from_parts(name, labels);
    with_recorder(|recorder| H::register(recorder, &key))
}

/// Everything that was measured.
#[derive(Clone)]
pub struct Exposition(PrometheusHandle);

impl Exposition {
    /// All of it, in Prometheus' text format 0.0.4.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Of a recorder that nothing is measured with.
    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        Self(builder().build_recorder().handle())
    }

    /// Sorts what histograms were given into their buckets. To be called every few seconds: until
    /// then each value takes memory.
    pub fn settle(&self) {
        self.0.run_upkeep();
    }
}

/// Counts an error, where somebody has to look at it.
pub fn count_error(blame: Option<Blame>) {
    if let Some(blame) = blame {
        errors(blame).increment(1);
    }
}

/// A plugin serves no more: what is only ever set while it does would stay as it was.
pub fn plugin_is_gone(plugin: &str) {
    for gauge in [plugin_instances, plugin_queue, plugin_breaker_open] {
        gauge(plugin).set(0.0);
    }
}

/// Something else measures in this process already.
#[derive(Debug, thiserror::Error)]
#[error("measuring was begun twice")]
pub struct BegunTwice;

/// Begins to measure, for the whole process.
///
/// # Errors
/// [`BegunTwice`]
pub fn begin() -> Result<Exposition, BegunTwice> {
    let recorder = builder().build_recorder();
    let exposition = Exposition(recorder.handle());
    ::metrics::set_global_recorder(recorder).map_err(|_| BegunTwice)?;
    with_recorder(describe);
    begin_at_zero();
    Ok(exposition)
}

/// Bounds of the buckets of a duration, in seconds: a plugin answers in microseconds, and a
/// transfer takes hours.
const SECONDS: [f64; 14] = [
    1e-5, 1e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 900.0, 3600.0,
];

fn builder() -> PrometheusBuilder {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new();
    // Refused for an empty list only.
    match builder.set_buckets_for_metric(seconds, &SECONDS) {
        Ok(builder) => builder,
        Err(_) => PrometheusBuilder::new(),
    }
}

fn describe(recorder: &dyn Recorder) {
    for metric in ALL {
        let (name, help) = (
            KeyName::from(metric.name),
            SharedString::const_str(metric.help),
        );
        (metric.describe)(recorder, name, help);
    }
}

/// Shows the counts whose labels are all known before anything happened, so that the first of a
/// kind is an increase and not a new series, which no alert would see.
fn begin_at_zero() {
    for outcome in LoginOutcome::ALL {
        logins(*outcome).absolute(0);
    }
    for kind in Transfer::ALL {
        for outcome in TransferOutcome::ALL {
            transfers(*kind, *outcome).absolute(0);
        }
    }
    for direction in Direction::ALL {
        transfer_bytes(*direction).absolute(0);
    }
    for blame in Blame::ALL {
        errors(*blame).absolute(0);
    }
    for reason in ConnectionRefusal::ALL {
        connections_refused(*reason).absolute(0);
    }
    for outcome in ReloadOutcome::ALL {
        plugin_reloads(*outcome).absolute(0);
    }
    passive_refusals().absolute(0);
}

#[cfg(test)]
mod tests;
