//! A place in one of the configured sinks.

use std::fmt;
use std::sync::Arc;

use super::Key;

/// A place in a configured sink.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The name of the sink.
    pub sink: Arc<str>,
    /// What is meant in it.
    pub key: Key,
}

impl Location {
    /// `key` in the sink called `sink`.
    pub fn new(sink: impl Into<Arc<str>>, key: Key) -> Self {
        Self {
            sink: sink.into(),
            key,
        }
    }

    /// What is called `below`, seen from here.
    pub fn join(&self, below: &Key) -> Self {
        Self {
            sink: Arc::clone(&self.sink),
            key: self.key.join(below),
        }
    }

    /// Whether `other` is this place or stands somewhere below it.
    pub fn covers(&self, other: &Self) -> bool {
        self.sink == other.sink && (self.key == other.key || self.key.holds(&other.key))
    }
}

impl fmt::Display for Location {
    /// As an operator reads it: `archive:in/box`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sink, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_covers_what_stands_below_it_in_its_own_sink() {
        let place = |sink: &str, key: &str| Location::new(sink, Key::parse(key).unwrap());
        let cases = [
            (place("a", ""), place("a", "x/y"), true),
            (place("a", "x"), place("a", "x"), true),
            (place("a", "x"), place("a", "x/y"), true),
            (place("a", "x"), place("a", "xy"), false),
            (place("a", "x/y"), place("a", "x"), false),
            (place("a", ""), place("b", ""), false),
        ];
        for (outer, inner, expected) in cases {
            assert_eq!(outer.covers(&inner), expected, "{outer} {inner}");
        }
    }
}
