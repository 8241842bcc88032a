//! Why a plugin's call gave no answer, in words for an operator.

use std::fmt::Write as _;
use std::time::Duration;

use wasmtime::{Trap, WasmBacktrace};

use super::bindings::imports::wharf::plugin::types::Failure;
use super::limits::MAX_WAITING;
use super::text::one_line;
use crate::metrics::CallFailure;

/// Why there is no answer. The text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The plugin says that it could not decide.
    #[error("the plugin could not decide: {0}")]
    Failed(String),
    /// It answered what makes no sense.
    #[error("the plugin's answer makes no sense: {0}")]
    Nonsense(String),
    /// The component trapped, or returned what is not of the type.
    #[error("{function} trapped: {cause}")]
    Trapped {
        /// The function that was called.
        function: &'static str,
        /// What happened in it.
        cause: String,
    },
    /// It went beyond a bound.
    #[error("{function} {bound}")]
    Exceeded {
        /// The function that was called.
        function: &'static str,
        /// Which bound.
        bound: String,
    },
    /// The wall clock.
    #[error("{function} took longer than its deadline of {deadline:?}")]
    Deadline {
        /// The function that was called.
        function: &'static str,
        /// `[limits] deadline`
        deadline: Duration,
    },
    /// No instance is free and too many calls wait already.
    #[error("all instances are busy and {MAX_WAITING} calls wait already")]
    QueueFull,
    /// What the instance held for one transfer went with it.
    #[error("the instance that served this transfer is gone")]
    InstanceGone,
    /// A new instance could not be made.
    #[error("an instance could not be started: {0}")]
    Start(String),
    /// It failed so often of late that it is not asked for a while.
    #[error("unavailable: the plugin kept failing and is not asked for another {0:.0?}")]
    Unavailable(Duration),
}

impl CallError {
    /// What metrics and statistics call it.
    pub fn kind(&self) -> CallFailure {
        match self {
            Self::Failed(_) => CallFailure::Undecided,
            Self::Nonsense(_) => CallFailure::Nonsense,
            Self::Trapped { .. } => CallFailure::Trap,
            Self::Exceeded { .. } => CallFailure::Bound,
            Self::Deadline { .. } => CallFailure::Deadline,
            Self::QueueFull => CallFailure::Queue,
            Self::InstanceGone => CallFailure::Gone,
            Self::Start(_) => CallFailure::Start,
            Self::Unavailable(_) => CallFailure::Breaker,
        }
    }

    /// Whether the plugin itself is at fault, which must not go on for ever. One that says that it
    /// cannot decide works as it should, one that is asked too much can do nothing for it, and an
    /// instance is gone because of a fault that was counted.
    pub fn is_fault(&self) -> bool {
        match self.kind() {
            CallFailure::Undecided
            | CallFailure::Queue
            | CallFailure::Gone
            | CallFailure::Breaker => false,
            CallFailure::Nonsense
            | CallFailure::Trap
            | CallFailure::Bound
            | CallFailure::Deadline
            | CallFailure::Start => true,
        }
    }
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        Self::Failed(match failure {
            Failure::Unavailable(text) => format!("unavailable: {text}"),
            Failure::TimedOut(text) => format!("timed out: {text}"),
            Failure::Misconfigured(text) => format!("misconfigured: {text}"),
            Failure::Internal(text) => format!("internal: {text}"),
        })
    }
}

/// How many frames of the guest's stack are told.
const FRAMES: usize = 4;

/// What a trap was, and where in the guest.
pub fn trap_cause(error: &wasmtime::Error) -> String {
    let mut cause = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    let frames = error
        .downcast_ref::<WasmBacktrace>()
        .map_or(&[][..], WasmBacktrace::frames);
    let names: Vec<&str> = frames
        .iter()
        .filter_map(|frame| frame.func_name())
        .collect();
    if !names.is_empty() {
        let shown = names[..names.len().min(FRAMES)].join(" < ");
        // Writing to a string cannot fail.
        let _ = write!(cause, " (in {shown})");
    }
    // The names are the guest's.
    one_line(&cause)
}
