//! The `metrics` interface: figures of a plugin's own, beside the host's.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use metrics::{Key, Label, Level, Metadata, with_recorder};

use crate::plugin::bindings::imports::wharf::plugin::metrics::Host;
use crate::plugin::instance::InstanceState;
use crate::plugin::text::one_line;

/// Series of one plugin, each a name with its labels: whoever collects them keeps each for long.
const MAX_SERIES: usize = 256;
/// Labels of one series.
const MAX_LABELS: usize = 8;
/// Of the name of a series or label, in bytes.
const MAX_NAME: usize = 64;
/// Of the value of a label, in bytes.
const MAX_VALUE: usize = 128;

/// What goes before every name.
const PREFIX: &str = "wharf_plugin_custom_";
/// Endings that collectors give a meaning to: with them, figures of two kinds could have one name.
const RESERVED: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];
/// What goes before the name of what is observed, so that a unit stays its end.
const OBSERVED: &str = "observed_";

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// A kind of figure.
#[derive(Clone, Copy)]
enum Figure {
    Count(u64),
    Gauge(f64),
    Observation(f64),
}

/// The series of one plugin.
#[derive(Debug)]
pub struct Figures {
    plugin: String,
    series: Mutex<HashSet<Key>>,
    warned: AtomicBool,
}

impl Figures {
    /// None yet, of `plugin`.
    pub fn new(plugin: &str) -> Self {
        Self {
            plugin: plugin.to_owned(),
            series: Mutex::default(),
            warned: AtomicBool::new(false),
        }
    }

    fn record(&self, name: &str, figure: Figure, labels: Vec<(String, String)>) {
        let recorded = self
            .key(name, figure, labels)
            .and_then(|key| self.admit(key));
        match (recorded, figure) {
            (Ok(key), Figure::Count(by)) => {
                with_recorder(|r| r.register_counter(&key, &METADATA).increment(by));
            }
            (Ok(key), Figure::Gauge(value)) => {
                with_recorder(|r| r.register_gauge(&key, &METADATA).set(value));
            }
            (Ok(key), Figure::Observation(value)) => {
                with_recorder(|r| r.register_histogram(&key, &METADATA).record(value));
            }
            (Err(cause), _) if !self.warned.swap(true, Ordering::Relaxed) => tracing::warn!(
                plugin = self.plugin,
                figure = one_line(name),
                cause,
                "a figure of the plugin is dropped, and so will others without a word"
            ),
            (Err(_), _) => {}
        }
    }

    /// The series that `name` and `labels` are, if they can be one.
    fn key(
        &self,
        name: &str,
        figure: Figure,
        labels: Vec<(String, String)>,
    ) -> Result<Key, &'static str> {
        if labels.len() > MAX_LABELS {
            return Err("it has too many labels");
        }
        let mut names = HashSet::from(["plugin"]);
        if !labels
            .iter()
            .all(|(name, _)| is_name(name) && names.insert(name))
        {
            return Err("the name of a label makes no sense, or is there twice");
        }
        let is_value = |value: &str| value.len() <= MAX_VALUE && !value.contains(char::is_control);
        if !labels.iter().all(|(_, value)| is_value(value)) {
            return Err("the value of a label is too long, or no text");
        }
        let name = full_name(name, figure)?;
        let own = Label::new("plugin", self.plugin.clone());
        let mut labels: Vec<Label> = labels.into_iter().map(|(n, v)| Label::new(n, v)).collect();
        labels.push(own);
        labels.sort();
        Ok(Key::from_parts(name, labels))
    }

    fn admit(&self, key: Key) -> Result<Key, &'static str> {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if series.contains(&key) {
            return Ok(key);
        }
        if series.len() >= MAX_SERIES {
            return Err("it has too many series");
        }
        series.insert(key.clone());
        Ok(key)
    }
}

fn is_name(name: &str) -> bool {
    let is_known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(is_known)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
}

/// The name as it is collected, which tells the kinds apart.
fn full_name(name: &str, figure: Figure) -> Result<String, &'static str> {
    if let Figure::Gauge(value) | Figure::Observation(value) = figure
        && !value.is_finite()
    {
        return Err("it is no number");
    }
    let base = match figure {
        Figure::Count(_) => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    };
    if !is_name(base) {
        return Err("its name is not made of a-z, 0-9 and _");
    }
    if RESERVED.iter().any(|ending| base.ends_with(ending)) || base.starts_with(OBSERVED) {
        return Err("its name is like that of another kind of figure");
    }
    Ok(match figure {
        Figure::Count(_) => format!("{PREFIX}{base}_total"),
        Figure::Gauge(_) => format!("{PREFIX}{base}"),
        Figure::Observation(_) => format!("{PREFIX}{OBSERVED}{base}"),
    })
}

type Labels = Vec<(String, String)>;

impl Host for InstanceState {
    fn count(&mut self, name: String, by: u64, labels: Labels) -> wasmtime::Result<()> {
        self.granted
            .figures
            .record(&name, Figure::Count(by), labels);
        Ok(())
    }

    fn gauge(&mut self, name: String, value: f64, labels: Labels) -> wasmtime::Result<()> {
        self.granted
            .figures
            .record(&name, Figure::Gauge(value), labels);
        Ok(())
    }

    fn observe(&mut self, name: String, value: f64, labels: Labels) -> wasmtime::Result<()> {
        let observation = Figure::Observation(value);
        self.granted.figures.record(&name, observation, labels);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    /// What a collector sees of what `record` does.
    fn collected(record: impl FnOnce(&Figures)) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        let figures = Figures::new("webhook");
        metrics::with_local_recorder(&recorder, || record(&figures));
        recorder.handle().render()
    }

    fn label(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn each_kind_has_its_name_and_the_plugin() {
        let text = collected(|figures| {
            let labels = || vec![label("result", "ok")];
            figures.record("sent", Figure::Count(2), labels());
            figures.record("sent_total", Figure::Count(1), labels());
            figures.record("sent", Figure::Gauge(4.5), vec![]);
            figures.record("sent", Figure::Observation(1.0), vec![]);
        });
        for line in [
            "wharf_plugin_custom_sent_total{plugin=\"webhook\",result=\"ok\"} 3",
            "wharf_plugin_custom_sent{plugin=\"webhook\"} 4.5",
            "wharf_plugin_custom_observed_sent_count{plugin=\"webhook\"} 1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn what_is_no_figure_is_dropped() {
        let text = collected(|figures| {
            for name in ["", "Sent", "a-b", "9a", "a\nb 1", &"a".repeat(65), "_total"] {
                figures.record(name, Figure::Count(1), vec![]);
            }
            for name in ["a_total", "a_sum", "a_count", "a_bucket", "observed_a"] {
                figures.record(name, Figure::Gauge(1.0), vec![]);
                figures.record(name, Figure::Observation(1.0), vec![]);
            }
            figures.record("a", Figure::Gauge(f64::NAN), vec![]);
            figures.record("a", Figure::Observation(f64::INFINITY), vec![]);
            for labels in [
                vec![label("plugin", "other")],
                vec![label("a", "1"), label("a", "2")],
                vec![label("A", "1")],
                vec![label("a", "1\n")],
                vec![label("a", &"x".repeat(MAX_VALUE + 1))],
                (0..9).map(|n| label(&format!("a{n}"), "")).collect(),
            ] {
                figures.record("a", Figure::Count(1), labels);
            }
        });
        assert!(!text.contains(PREFIX), "{text}");
    }

    #[test]
    fn the_series_of_a_plugin_have_an_end() {
        let text = collected(|figures| {
            for n in 0..1000 {
                let labels = vec![label("n", &n.to_string())];
                figures.record("a", Figure::Count(1), labels);
            }
            figures.record("a", Figure::Count(7), vec![label("n", "0")]);
        });
        let series = text.lines().filter(|line| line.starts_with(PREFIX));
        assert_eq!(series.count(), MAX_SERIES);
        assert!(
            text.contains("{n=\"0\",plugin=\"webhook\"} 8"),
            "those that there are go on"
        );
    }
}
