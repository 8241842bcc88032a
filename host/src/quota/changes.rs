//! Where something happened lately, so that an upload knows whether it still replaces what it did.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::sink::Key;

/// So many changes are remembered. Whatever began before them counts as changed, which costs an
/// upload a look at the storage.
const CHANGES_MAX: usize = 64;

/// The last changes of a place. They are counted, and the count is the generation of the place.
#[derive(Debug, Default)]
pub(super) struct Changes {
    generation: u64,
    /// What stands for the keys, oldest first: one that is taken for another costs no more than a
    /// change too many.
    last: VecDeque<u64>,
}

impl Changes {
    /// How many there were.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Something happened at `key`, or below.
    pub(super) fn add(&mut self, key: &Key) {
        if self.last.len() == CHANGES_MAX {
            self.last.pop_front();
        }
        self.last.push_back(hash(key));
        self.generation += 1;
    }

    /// Whether what stands at `key` may be something else than it was at that generation.
    pub(super) fn touch(&self, key: &Key, generation: u64) -> bool {
        let since = self.generation.saturating_sub(generation);
        let Ok(since @ ..=CHANGES_MAX) = usize::try_from(since) else {
            return true;
        };
        if since == 0 {
            return false;
        }
        let skipped = self.last.len().saturating_sub(since);
        let mut at = Some(key.clone());
        while let Some(key) = at {
            let wanted = hash(&key);
            if self.last.iter().skip(skipped).any(|it| *it == wanted) {
                return true;
            }
            at = key.split().map(|(above, _)| above);
        }
        false
    }
}

fn hash(key: &Key) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.as_str().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_touches_what_stands_there_and_below() {
        let key = |text: &str| Key::parse(text).unwrap();
        for (changed, asked, expected) in [
            ("a/b", "a/b", true),
            ("a", "a/b", true),
            ("", "a/b", true),
            ("a/b", "a", false),
            ("a/c", "a/b", false),
            ("a/b", "a/bc", false),
        ] {
            let mut changes = Changes::default();
            changes.add(&key("a/b"));
            let before = changes.generation();
            assert!(!changes.touch(&key(asked), before), "{asked}");
            changes.add(&key(changed));
            assert_eq!(
                changes.touch(&key(asked), before),
                expected,
                "{changed} {asked}"
            );
        }
        let mut changes = Changes::default();
        for number in 0..=CHANGES_MAX as u64 {
            assert_eq!(changes.generation(), number);
            assert!(!changes.touch(&key("b"), 0), "{number}");
            if number < CHANGES_MAX as u64 {
                changes.add(&key("a"));
            }
        }
        changes.add(&key("a"));
        assert!(changes.touch(&key("b"), 0), "nobody knows any more");
        assert!(!changes.touch(&key("b"), 1));
        assert!(changes.touch(&key("a"), CHANGES_MAX as u64));
    }
}
