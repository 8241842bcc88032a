//! How TCP paces what it sends.

use std::fs;

use anyhow::Result;

/// How TCP paces what it sends: by nothing but losses, of which loopback has none, so that the
/// figures of machines compare. Needs root; dropping it restores what there was.
pub struct Congestion {
    before: Option<String>,
}

impl Congestion {
    const SETTING: &str = "/proc/sys/net/ipv4/tcp_congestion_control";

    /// Sets it for all new connections, if that is allowed.
    pub fn reno() -> Self {
        let before = fs::read_to_string(Self::SETTING).ok();
        let changed = fs::write(Self::SETTING, "reno").is_ok();
        Self {
            before: before.filter(|_| changed),
        }
    }

    /// What there is now.
    pub fn current(&self) -> Result<String> {
        Ok(fs::read_to_string(Self::SETTING)?.trim_end().to_owned())
    }
}

impl Drop for Congestion {
    fn drop(&mut self) {
        if let Some(before) = &self.before
            && let Err(error) = fs::write(Self::SETTING, before)
        {
            eprintln!("cannot restore {}: {error}", Self::SETTING);
        }
    }
}
