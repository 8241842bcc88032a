//! `[events]`: how much the outbox keeps, and how long it tries.

use super::section::Section;
use super::value::{ByteSize, choices};

/// `[events]`: what happened and was not taken by every plugin that wants to hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// How many events are kept, dead letters included.
    pub max_events: u32,
    /// How long they are together.
    pub max_bytes: ByteSize,
    /// What happens when that is reached.
    pub when_full: WhenFull,
    /// How often a plugin is given an event that it does not take.
    pub max_attempts: u32,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            max_events: 1_000_000,
            max_bytes: ByteSize(1 << 30),
            when_full: WhenFull::Refuse,
            // The delays of the first nine make nine minutes, the others five minutes each.
            max_attempts: 300,
        }
    }
}

choices! {
    /// What happens when the outbox is full.
    #[derive(Default)]
    pub enum WhenFull("an answer to a full outbox") {
        /// Nothing is changed that could not be told.
        #[default]
        Refuse = "refuse",
        /// The oldest events are lost.
        DropOldest = "drop-oldest",
    }
}

impl Events {
    pub(super) fn read(&mut self, section: &mut Section<'_, '_>) {
        section.positive("max-events", &mut self.max_events);
        section.positive("max-bytes", &mut self.max_bytes);
        section.read("when-full", &mut self.when_full);
        section.positive("max-attempts", &mut self.max_attempts);
    }
}
