//! The `logging` interface: what a plugin tells the operator.

mod allowance;

use std::fmt::Write as _;

pub use self::allowance::LogAllowance;
use crate::plugin::bindings::imports::wharf::plugin::logging::{self, Level};
use crate::plugin::instance::InstanceState;

/// What lines of plugins are filtered by.
const TARGET: &str = "wharf::plugin::log";
/// Of one message with its fields, in bytes.
const MAX_LINE: usize = 4096;
/// Fields of one line.
const MAX_FIELDS: usize = 32;

/// A log line of a plugin. `tracing` wants its level and target to be constants.
macro_rules! plugin_line {
    ($level:ident, $plugin:expr, $session:expr, $message:expr) => {
        tracing::event!(
            target: TARGET,
            tracing::Level::$level,
            plugin = $plugin,
            session = $session,
            "{}",
            $message
        )
    };
}

impl logging::Host for InstanceState {
    fn enabled(&mut self, at: Level) -> wasmtime::Result<bool> {
        Ok(match at {
            Level::Trace => tracing::enabled!(target: TARGET, tracing::Level::TRACE),
            Level::Debug => tracing::enabled!(target: TARGET, tracing::Level::DEBUG),
            Level::Info => tracing::enabled!(target: TARGET, tracing::Level::INFO),
            Level::Warn => tracing::enabled!(target: TARGET, tracing::Level::WARN),
            Level::Error => tracing::enabled!(target: TARGET, tracing::Level::ERROR),
        })
    }

    fn write(
        &mut self,
        at: Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        if !logging::Host::enabled(self, at)? {
            // What nobody sees takes no room of what somebody would.
            return Ok(());
        }
        let plugin = self.plugin.name.as_str();
        let session = self.session.as_ref().map(|session| session.id.as_str());
        let log = &self.granted.log;
        let Some(left) = self.log_lines_left.checked_sub(1) else {
            log.leave_out();
            return Ok(());
        };
        self.log_lines_left = left;
        let line = line(&message, &fields);
        if !log.admits(line.len(), self.plugin.limits.log_rate) {
            log.leave_out();
            return Ok(());
        }
        match at {
            Level::Trace => plugin_line!(TRACE, plugin, session, line),
            Level::Debug => plugin_line!(DEBUG, plugin, session, line),
            Level::Info => plugin_line!(INFO, plugin, session, line),
            Level::Warn => plugin_line!(WARN, plugin, session, line),
            Level::Error => plugin_line!(ERROR, plugin, session, line),
        }
        Ok(())
    }
}

/// One line without control characters, so that no plugin can forge a second one.
fn line(message: &str, fields: &[(String, String)]) -> String {
    let mut line = message.to_owned();
    for (name, value) in fields.iter().take(MAX_FIELDS) {
        // Writing to a string cannot fail.
        let _ = write!(line, " {name}={value:?}");
    }
    line.truncate(line.floor_char_boundary(MAX_LINE));
    line.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_bounded_line() {
        let fields = vec![("user".to_owned(), "a\nb".to_owned())];
        assert_eq!(
            line("seen\r\nERROR forged", &fields),
            "seen  ERROR forged user=\"a\\nb\""
        );
        assert_eq!(line(&"é".repeat(MAX_LINE), &[]).len(), MAX_LINE);
        let many = vec![("n".to_owned(), String::new()); 100];
        assert_eq!(line("", &many).matches("n=").count(), MAX_FIELDS);
    }
}
