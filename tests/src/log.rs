//! What a running server says, line by line, to be waited for and looked at.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::PATIENCE;

/// The lines so far, filled by threads of its own.
#[derive(Clone, Default)]
pub struct Log {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    /// Sources that have not ended.
    open: usize,
}

impl Log {
    /// Read `source` to its end in the background.
    pub fn follow(&self, source: impl Read + Send + 'static) {
        self.update(|state| state.open += 1);
        let log = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n') {
                let Ok(line) = line else { break };
                let line = String::from_utf8_lossy(&line).into_owned();
                log.update(|state| state.lines.push(line));
            }
            log.update(|state| state.open -= 1);
        });
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        self.lock().lines.join("\n")
    }

    /// Everything, once every source has ended.
    pub fn to_its_end(&self) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        while state.open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the log never ended");
            let waited = self.inner.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.lines.join("\n")
    }

    /// The first line, old or new, for which `wanted` finds something.
    pub fn wait<T>(&self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        let mut seen = 0;
        loop {
            if let Some(found) = state.lines[seen..].iter().find_map(|line| wanted(line)) {
                return found;
            }
            seen = state.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            let ended = state.open == 0;
            assert!(
                !left.is_zero() && !ended,
                "the log never told {what}{}:\n{}",
                if ended { " and the server ended" } else { "" },
                state.lines.join("\n")
            );
            state = self
                .inner
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Wait for a line that holds every one of `words`.
    pub fn wait_for(&self, words: &[&str]) -> String {
        self.wait(&format!("{words:?}"), |line| {
            let all = words.iter().all(|word| line.contains(word));
            all.then(|| line.to_owned())
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        let locked = self.inner.state.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.inner.changed.notify_all();
    }
}

/// A field of a JSON line, wherever the line has its fields.
pub fn field(line: &str, name: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let value = line.get("fields").and_then(|fields| fields.get(name));
    match value.or_else(|| line.get(name))? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
