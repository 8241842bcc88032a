//! TYPE, MODE, STRU, REST, ALLO and OPTS: how the next transfers are to be.

use std::mem;

use super::State;
use super::context::Context;
use super::policy::AsciiMode;
use crate::command::{FeatureOption, HashAlgorithm};
use crate::effect::Effects;
use crate::reply::Code;
use crate::transfer::{Facts, Representation, TransferMode};

/// What holds from one transfer to the next, and what holds for the next one only.
#[derive(Debug)]
pub(super) struct Parameters {
    pub(super) representation: Representation,
    pub(super) mode: TransferMode,
    pub(super) facts: Facts,
    pub(super) hash: HashAlgorithm,
    next: NextTransfer,
}

/// What was said for the next transfer only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NextTransfer {
    /// REST
    pub(super) offset: u64,
    /// ALLO
    pub(super) size: Option<u64>,
}

impl Default for Parameters {
    /// RFC 959 section 5.1: ASCII, stream.
    fn default() -> Self {
        Self {
            representation: Representation::Ascii,
            mode: TransferMode::Stream,
            facts: Facts::DEFAULT,
            hash: HashAlgorithm::default(),
            next: NextTransfer::default(),
        }
    }
}

impl Parameters {
    /// For a transfer command: whatever becomes of it, the one after it starts afresh.
    pub(super) fn take_next(&mut self) -> NextTransfer {
        mem::take(&mut self.next)
    }
}

impl Context {
    /// TYPE
    pub(super) fn representation(
        &mut self,
        wanted: Representation,
        effects: &mut Effects,
    ) -> State {
        self.parameters.representation = wanted;
        let text = match wanted {
            Representation::Ascii => "Type is A",
            Representation::Image => "Type is I",
        };
        effects.reply(Code::Okay, text);
        State::Ready
    }

    /// What TYPE does to bytes, by the operator's leave.
    pub(super) fn effective_representation(&self) -> Representation {
        match self.policy.ascii {
            AsciiMode::Convert => self.parameters.representation,
            AsciiMode::Binary => Representation::Image,
        }
    }

    pub(super) fn mode(&mut self, mode: TransferMode, effects: &mut Effects) -> State {
        self.parameters.mode = mode;
        let text = match mode {
            TransferMode::Stream => "Mode is S",
            TransferMode::Deflate => "Mode is Z",
        };
        effects.reply(Code::Okay, text);
        State::Ready
    }

    /// STRU F, the only one that is read as a command.
    pub(super) fn stru(&self, effects: &mut Effects) -> State {
        effects.reply(Code::Okay, "Structure is F");
        State::Ready
    }

    pub(super) fn rest(&mut self, offset: u64, effects: &mut Effects) -> State {
        self.parameters.next.offset = offset;
        effects.reply(
            Code::Pending,
            format!("The next transfer starts at {offset}"),
        );
        State::Ready
    }

    /// The size is a hint: nothing is set aside.
    pub(super) fn allo(&mut self, size: Option<u64>, effects: &mut Effects) -> State {
        self.parameters.next.size = size;
        match size {
            Some(size) => effects.reply(Code::Okay, format!("{size} bytes expected")),
            None => effects.reply(Code::Superfluous, "No allocation is needed"),
        }
        State::Ready
    }

    pub(super) fn opts(&mut self, option: FeatureOption, effects: &mut Effects) -> State {
        match option {
            FeatureOption::Utf8(true) => effects.reply(Code::Okay, "UTF8 is on"),
            FeatureOption::Utf8(false) => {
                effects.reply(Code::ParameterNotImplemented, "UTF8 is always on");
            }
            FeatureOption::Mlst(facts) => {
                self.parameters.facts = facts;
                effects.reply(Code::Okay, format!("MLST OPTS {}", facts.names()));
            }
            FeatureOption::Hash(chosen) => {
                if let Some(algorithm) = chosen {
                    self.parameters.hash = algorithm;
                }
                effects.reply(Code::Okay, self.parameters.hash.name());
            }
            FeatureOption::RestStor => effects.reply(Code::Okay, "REST works with STOR"),
        }
        State::Ready
    }
}
