//! Events as people read them.

use std::fmt::Write as _;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::outbox::{Entry, State};

/// One line for an entry of a list.
pub fn line(entry: &Entry) -> String {
    let event = &entry.event;
    let mut line = format!("{}  {}  {}", entry.number, at(event.at_ms), event.kind);
    let parts = [&event.principal, &event.path, &event.new_path];
    for part in parts.into_iter().flatten() {
        // Writing to a string cannot fail.
        let _ = write!(line, "  {part}");
    }
    let _ = write!(line, "  {}", how_far(entry));
    printable(&line)
}

/// How far a plugin is with an event.
fn how_far(entry: &Entry) -> String {
    let (plugin, attempts) = (&entry.plugin, entry.attempts);
    match &entry.state {
        State::Waiting if attempts == 0 => format!("waits for {plugin}"),
        State::Waiting => format!("waits for {plugin}, tried {attempts} times"),
        State::Dead { at_ms, cause } => {
            let at = at(*at_ms);
            format!("given up for {plugin} at {at} after {attempts} attempts: {cause}")
        }
    }
}

/// An event whole: its fields, then how far each plugin is.
pub fn whole(entries: &[Entry]) -> anyhow::Result<String> {
    let mut text = String::new();
    if let Some(entry) = entries.first() {
        text += &serde_json::to_string_pretty(&entry.event)?;
        text.push('\n');
    }
    for entry in entries {
        text += &printable(&how_far(entry));
        text.push('\n');
    }
    Ok(text)
}

/// A time in milliseconds since 1970 in UTC.
fn at(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    let at = OffsetDateTime::from_unix_timestamp(seconds).ok();
    let text = at.and_then(|at| at.format(&Rfc3339).ok());
    text.unwrap_or_else(|| ms.to_string())
}

/// What a client or a plugin wrote must not steer a terminal.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Kind};

    fn entry(state: State, attempts: u32) -> Entry {
        let mut event = Event::example(Kind::Rename, "s1", 7);
        event.path = Some("/a\u{1b}[2J".to_owned());
        event.new_path = Some("/b".to_owned());
        Entry {
            number: 12,
            plugin: "50-webhook".to_owned(),
            attempts,
            state,
            event,
        }
    }

    #[test]
    fn a_line_says_what_happened_and_who_waits() {
        let fresh = line(&entry(State::Waiting, 0));
        let start = "12  2023-11-14T22:13:20Z  rename  alice  /a?[2J  /b  ";
        assert_eq!(fresh, format!("{start}waits for 50-webhook"));
        let tried = line(&entry(State::Waiting, 3));
        assert_eq!(tried, format!("{start}waits for 50-webhook, tried 3 times"));
        let dead = State::Dead {
            at_ms: 1_700_000_060_000,
            cause: "down".to_owned(),
        };
        let dead = line(&entry(dead, 300));
        let end = "given up for 50-webhook at 2023-11-14T22:14:20Z after 300 attempts: down";
        assert_eq!(dead, format!("{start}{end}"));
    }
}
