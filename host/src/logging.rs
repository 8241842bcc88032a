//! Log lines: for people on a terminal, or one JSON object a line.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people, in colour on a terminal.
    Human,
    /// One JSON object a line.
    Json,
}

/// Logging cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter is malformed.
    #[error("{0:?} is no log filter; write a level, such as \"debug\", or \"info,wharf=trace\"")]
    Filter(String),
    /// Something else logs already.
    #[error("logging was begun twice")]
    Twice,
}

/// Begins to log to standard error what `filter` lets through: a level, or directives as
/// `RUST_LOG` has them.
///
/// # Errors
/// [`LoggingError`]
pub fn begin(format: LogFormat, filter: &str) -> Result<(), LoggingError> {
    let colour = io::stderr().is_terminal();
    let subscriber = subscriber(format, filter, colour, io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LoggingError::Twice)
}

/// Collects what plugins log while `work` runs on this thread.
pub fn collected<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    let lines = Lines::default();
    let writer = lines.clone();
    let filter = EnvFilter::new("off,wharf::plugin::log=trace");
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_writer(move || writer.clone())
        .finish();
    let done = tracing::subscriber::with_default(subscriber, work);
    let bytes = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&bytes);
    (done, text.lines().map(str::to_owned).collect())
}

/// Log lines in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What writes log lines to `writer`. The fields of the spans around a line, the session's number
/// above all, stand in it.
fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    colour: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, LoggingError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter).map_err(|_| LoggingError::Filter(filter.to_owned()))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    Ok(match format {
        LogFormat::Human => Box::new(builder.with_ansi(colour).with_target(false).finish()),
        LogFormat::Json => Box::new(
            builder
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .finish(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(format: LogFormat, filter: &str) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(format, filter, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let _session = tracing::info_span!("session", id = 7).entered();
            tracing::info!(user = "ann", "logged in");
            tracing::debug!("quiet");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_for_people_names_the_session() {
        let text = logged(LogFormat::Human, "info");
        assert!(
            text.ends_with("INFO session{id=7}: logged in user=\"ann\"\n"),
            "{text}"
        );
    }

    #[test]
    fn a_line_of_json_names_the_session() {
        let text = logged(LogFormat::Json, "info");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "logged in");
        assert_eq!(line["user"], "ann");
        assert_eq!(line["span"]["id"], 7);
    }

    #[test]
    fn the_filter_chooses_and_is_checked() {
        assert!(logged(LogFormat::Human, "wharf=debug").contains("quiet"));
        assert_eq!(logged(LogFormat::Human, "warn"), "");
        let error = begin(LogFormat::Human, "wharf=loud").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("\"wharf=loud\" is no log filter"),
            "{error}"
        );
    }
}
