//! The time of day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time now, to the millisecond.
pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(crate::host::now_ms())
}
