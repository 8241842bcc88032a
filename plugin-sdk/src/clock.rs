//! The time of day, and time that passes.

mod date;

use std::time::{Duration, SystemTime};

pub use self::date::{Date, NoDate, rfc3339};

use crate::{host, storage};

/// The time now, to the millisecond.
pub fn now() -> SystemTime {
    storage::moment(host::now_ms())
}

/// The time since some fixed moment; never goes back.
pub fn elapsed() -> Duration {
    Duration::from_nanos(host::monotonic_ns())
}
