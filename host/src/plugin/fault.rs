//! Why a plugin's call gave no answer, in words for an operator.

use std::fmt::Write as _;
use std::time::Duration;

use wasmtime::{Trap, WasmBacktrace};

use super::bindings::imports::wharf::plugin::types::Failure;
use super::limits::MAX_WAITING;
use super::text::one_line;

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

/// Declares the kinds of failures with what metrics and statistics call them.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)+) => {
        /// What kind of failure it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum FailureKind {
            $($(#[$doc])* $kind,)+
        }

        impl FailureKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// What metrics and statistics call it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

kinds! {
    /// [`CallError::Failed`]
    Failed = "failed",
    /// [`CallError::Nonsense`]
    Nonsense = "nonsense",
    /// [`CallError::Trapped`]
    Trapped = "trap",
    /// [`CallError::Exceeded`]
    Exceeded = "limit",
    /// [`CallError::Deadline`]
    Deadline = "deadline",
    /// [`CallError::QueueFull`]
    QueueFull = "queue-full",
    /// [`CallError::InstanceGone`]
    InstanceGone = "instance-gone",
    /// [`CallError::Start`]
    Start = "start",
    /// [`CallError::Unavailable`]
    Unavailable = "unavailable",
}

impl CallError {
    /// What kind of failure it is.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Failed(_) => FailureKind::Failed,
            Self::Nonsense(_) => FailureKind::Nonsense,
            Self::Trapped { .. } => FailureKind::Trapped,
            Self::Exceeded { .. } => FailureKind::Exceeded,
            Self::Deadline { .. } => FailureKind::Deadline,
            Self::QueueFull => FailureKind::QueueFull,
            Self::InstanceGone => FailureKind::InstanceGone,
            Self::Start(_) => FailureKind::Start,
            Self::Unavailable(_) => FailureKind::Unavailable,
        }
    }

    /// Whether the plugin itself is at fault, which must not go on for ever. One that says that it
    /// cannot decide works as it should, one that is asked too much can do nothing for it, and an
    /// instance is gone because of a fault that was counted.
    pub fn is_fault(&self) -> bool {
        match self.kind() {
            FailureKind::Failed
            | FailureKind::QueueFull
            | FailureKind::InstanceGone
            | FailureKind::Unavailable => false,
            FailureKind::Nonsense
            | FailureKind::Trapped
            | FailureKind::Exceeded
            | FailureKind::Deadline
            | FailureKind::Start => true,
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
