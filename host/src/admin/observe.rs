//! What is measured when it is asked for: how much there is of something now.

use std::fs;
use std::time::{Duration, SystemTime};

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::readiness::Readiness;
use crate::host::Host;
use crate::metrics;

/// Sets the metrics that tell of the process and of `host`, where it has started. It blocks.
pub fn observe(host: Option<&Host>, started: SystemTime, readiness: &Readiness) {
    metrics::build_info(env!("CARGO_PKG_VERSION")).set(1.0);
    metrics::ready().set(if readiness.ready { 1.0 } else { 0.0 });
    process(started);
    let Some(host) = host else { return };
    let (used, free) = host.passive.usage();
    metrics::passive_ports_used().set(used as f64);
    metrics::passive_ports_free().set(free as f64);
    if let Some(seconds) = host.tls.expires_unix() {
        metrics::certificate_expiry().set(seconds as f64);
    }
    metrics::spool_bytes().set(host.spool.used() as f64);
    let outbox = &host.outbox;
    metrics::outbox_events().set(outbox.depth() as f64);
    // What keeps it from being read, whoever writes to it says in the log.
    if let Ok(dead) = outbox.dead_letters() {
        metrics::outbox_dead_letters().set(dead as f64);
    }
    if let Ok(age) = outbox.oldest_age() {
        metrics::outbox_age().set(age.unwrap_or_default().as_secs_f64());
    }
    let plugins = host.plugins.status();
    metrics::plugin_generation().set(plugins.generation as f64);
    for plugin in &plugins.plugins {
        let instances = plugin.instances.warm + plugin.instances.busy;
        metrics::plugin_instances(&plugin.name).set(instances as f64);
        metrics::plugin_queue(&plugin.name).set(plugin.instances.waiting as f64);
        let is_open = plugin.breaker != "closed";
        metrics::plugin_breaker_open(&plugin.name).set(f64::from(u8::from(is_open)));
    }
}

fn process(started: SystemTime) {
    let since = started.duration_since(SystemTime::UNIX_EPOCH);
    metrics::process_start_time().set(since.unwrap_or_default().as_secs_f64());
    let time = clock_gettime(ClockId::ProcessCPUTime);
    if let Ok(time) = Duration::try_from(time) {
        metrics::process_cpu().absolute(time.as_secs());
    }
    if let Some(bytes) = resident_memory() {
        metrics::process_resident_memory().set(bytes as f64);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        metrics::process_open_files().set(open.count() as f64);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        metrics::process_max_files().set(most as f64);
    }
}

/// In bytes, where the system tells it.
fn resident_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_has_memory() {
        assert!(resident_memory().unwrap() > 1024 * 1024);
    }
}
