//! The bounds of a plugin: memory, CPU, time, instances, and what an instance may hand over.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::{ResourceLimiter, UpdateDeadline};

/// The most that `[limits] memory` can say: what one slot of the pool holds.
pub const MAX_MEMORY: usize = 256 * 1024 * 1024;
/// Calls of one plugin that may wait for an instance. More would not get one within the deadline.
pub const MAX_WAITING: usize = 256;
/// What one call of the host may make it copy out of the guest, in bytes.
pub const MAX_HOSTCALL_BYTES: usize = 4 * 1024 * 1024;
/// Resource handles alive at once in one instance; a login uses a handful.
pub const MAX_HANDLES: usize = 4096;
/// Core instances of one component: an interpreter with its adapters has ten.
pub const MAX_CORE_INSTANCES: u32 = 64;
/// Tables of one component: one of each module, and one between it and its adapters.
pub const MAX_TABLES: u32 = 16;
/// Linear memories of one component: one, or one of each component that it is composed of.
pub const MAX_MEMORIES: u32 = 8;
/// Elements of a table, as many as a slot of the pool holds.
const MAX_TABLE_ELEMENTS: usize = 100_000;

/// `[limits]` of a sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What the linear memories of one instance may hold together, in bytes.
    pub memory: usize,
    /// What one call may spend on the CPU clock.
    pub cpu: Duration,
    /// What the host may spend for one call on other threads, on the CPU clock.
    pub host_cpu: Duration,
    /// What one call may take on the wall clock, waiting for an instance included.
    pub deadline: Duration,
    /// How many instances there may be at once.
    pub instances: usize,
    /// What it may log in a second on average, in bytes.
    pub log_rate: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 32 * 1024 * 1024,
            cpu: Duration::from_millis(50),
            host_cpu: Duration::from_secs(2),
            deadline: Duration::from_secs(10),
            instances: 8,
            // At most 1.4 GB a day, and eighty ordinary lines a second.
            log_rate: 16 * 1024,
        }
    }
}

/// Counts the memory of one instance, its tables included, and refuses what goes beyond the cap:
/// the guest sees its allocation fail.
#[derive(Debug)]
pub struct MemoryCap {
    cap: usize,
    used: usize,
    refused: bool,
}

impl MemoryCap {
    /// Nothing used yet, of `cap` bytes.
    pub fn new(cap: usize) -> Self {
        Self {
            cap,
            used: 0,
            refused: false,
        }
    }

    /// Counts that a part of it grows from `current` bytes to `desired`, if that may be.
    fn grows(&mut self, current: usize, desired: usize) -> bool {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        self.refused |= used > self.cap;
        if used <= self.cap {
            self.used = used;
        }
        used <= self.cap
    }

    /// What is used, in bytes.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Whether memory was refused since this was last asked.
    pub fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }
}

impl ResourceLimiter for MemoryCap {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.grows(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let maximum = maximum.unwrap_or(usize::MAX).min(MAX_TABLE_ELEMENTS);
        let bytes = |elements: usize| elements.saturating_mul(size_of::<usize>());
        Ok(desired <= maximum && self.grows(bytes(current), bytes(desired)))
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }
}

/// Ticks after which a call lets others run on its thread.
const TICKS_BETWEEN_YIELDS: u64 = 5;
/// A plugin with no more CPU than this for a call never lets others run before its call is over,
/// and so needs no stack of its own to do it.
pub const MAX_UNYIELDING: Duration = Duration::from_millis(10);

/// What one call has spent on the CPU clock.
///
/// A call is a future: it may run on several threads, and others run on them in between. So time is
/// only counted within its polls, the host's part in them included. In the first poll the clock is
/// read from the first tick on, so that a call shorter than a tick never reads it; what is missed
/// is less than a tick. Once a call has waited, all of each poll is counted: it could wait ever
/// again.
#[derive(Debug, Default)]
pub struct CpuMeter {
    /// Whether the first poll is over.
    waited: AtomicBool,
    /// Whether the poll that runs is counted from `since_ns` on.
    counts: AtomicBool,
    since_ns: AtomicU64,
    spent_ns: AtomicU64,
    /// What the host has spent for the call on other threads.
    elsewhere_ns: AtomicU64,
    ticks: AtomicU64,
    exceeded: AtomicBool,
}

// One thread at a time uses a meter, and the executor orders them: no ordering is needed here.
const RELAXED: Ordering = Ordering::Relaxed;

impl CpuMeter {
    /// Begins a new call.
    pub fn reset(&self) {
        self.waited.store(false, RELAXED);
        self.spent_ns.store(0, RELAXED);
        self.elsewhere_ns.store(0, RELAXED);
        self.ticks.store(0, RELAXED);
        self.exceeded.store(false, RELAXED);
    }

    /// Whether the call was stopped because it went beyond its budget.
    pub fn is_exceeded(&self) -> bool {
        self.exceeded.load(RELAXED)
    }

    /// Runs one poll of the call.
    pub fn poll<T>(&self, poll: impl FnOnce() -> T) -> T {
        self.counts.store(false, RELAXED);
        if self.waited.load(RELAXED) {
            self.begin_to_count();
        }
        let outcome = poll();
        if self.counts.load(RELAXED) {
            self.count();
        }
        self.waited.store(true, RELAXED);
        outcome
    }

    /// Does `work` for the call on a thread that is not the call's, and counts it.
    pub fn elsewhere<T>(&self, work: impl FnOnce() -> T) -> T {
        let began = thread_cpu_ns();
        let outcome = work();
        let spent = thread_cpu_ns().saturating_sub(began);
        self.elsewhere_ns.fetch_add(spent, RELAXED);
        outcome
    }

    /// What was spent for the call on other threads.
    pub fn spent_elsewhere(&self) -> Duration {
        Duration::from_nanos(self.elsewhere_ns.load(RELAXED))
    }

    /// The epoch has advanced while the guest runs.
    pub fn tick(&self, budget: Duration) -> UpdateDeadline {
        match self.counts.load(RELAXED) {
            true => self.count(),
            false => self.begin_to_count(),
        }
        if u128::from(self.spent_ns.load(RELAXED)) > budget.as_nanos() {
            self.exceeded.store(true, RELAXED);
            return UpdateDeadline::Interrupt;
        }
        let ticks = self.ticks.fetch_add(1, RELAXED);
        match budget > MAX_UNYIELDING && ticks.is_multiple_of(TICKS_BETWEEN_YIELDS) {
            true => UpdateDeadline::Yield(1),
            false => UpdateDeadline::Continue(1),
        }
    }

    fn begin_to_count(&self) {
        self.since_ns.store(thread_cpu_ns(), RELAXED);
        self.counts.store(true, RELAXED);
    }

    fn count(&self) {
        let now = thread_cpu_ns();
        let since = self.since_ns.swap(now, RELAXED);
        self.spent_ns.fetch_add(now.saturating_sub(since), RELAXED);
    }
}

/// The CPU time of this thread.
pub fn thread_cpu_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_over_all_memories_of_an_instance() {
        let mut cap = MemoryCap::new(100);
        assert!(cap.memory_growing(0, 60, None).unwrap());
        assert!(!cap.memory_growing(0, 60, None).unwrap());
        assert!(cap.take_refused());
        assert!(!cap.take_refused());
        assert!(cap.memory_growing(60, 100, None).unwrap());
        assert_eq!(cap.used(), 100);
        assert!(!cap.memory_growing(60, 100, Some(80)).unwrap());
        assert!(
            !cap.take_refused(),
            "the guest's own maximum is not the cap"
        );
    }

    #[test]
    fn tables_are_memory_too() {
        let mut cap = MemoryCap::new(100);
        assert!(cap.table_growing(0, 10, None).unwrap());
        assert_eq!(cap.used(), 80);
        assert!(!cap.table_growing(10, 13, None).unwrap());
        assert!(cap.take_refused());
        assert!(!cap.memory_growing(0, 30, None).unwrap());
        assert!(cap.memory_growing(0, 20, None).unwrap());
        let mut roomy = MemoryCap::new(usize::MAX);
        assert!(
            !roomy
                .table_growing(0, MAX_TABLE_ELEMENTS + 1, None)
                .unwrap()
        );
        assert!(!roomy.table_growing(0, 3, Some(2)).unwrap());
        assert!(!roomy.take_refused(), "these bounds are not the cap");
    }

    /// Works for so many nanoseconds.
    fn spin(ns: u64) {
        let end = thread_cpu_ns() + ns;
        while thread_cpu_ns() < end {}
    }

    #[test]
    fn only_time_within_the_polls_of_a_call_is_counted() {
        let meter = CpuMeter::default();
        let budget = Duration::from_millis(10);
        // Others' work on the same thread, between the polls.
        for _ in 0..4 {
            meter.poll(|| assert!(!matches!(meter.tick(budget), UpdateDeadline::Interrupt)));
            spin(5_000_000);
        }
        assert!(!meter.is_exceeded());
        meter.poll(|| {
            meter.tick(budget);
            spin(11_000_000);
            assert!(matches!(meter.tick(budget), UpdateDeadline::Interrupt));
        });
        assert!(meter.is_exceeded());
        meter.reset();
        assert!(!meter.is_exceeded());
    }

    #[test]
    fn a_call_that_waits_all_the_time_is_counted_all_the_same() {
        let meter = CpuMeter::default();
        let budget = Duration::from_millis(10);
        let ends = |meter: &CpuMeter| matches!(meter.tick(budget), UpdateDeadline::Interrupt);
        meter.poll(|| {
            spin(11_000_000);
            assert!(
                !ends(&meter),
                "what came before the first tick is not known"
            );
        });
        // None of these polls is longer than a tick, and no tick comes in them.
        for _ in 0..110 {
            meter.poll(|| spin(100_000));
        }
        assert!(meter.poll(|| ends(&meter)));
    }

    #[test]
    fn what_is_done_for_a_call_elsewhere_is_counted_by_itself() {
        let meter = CpuMeter::default();
        meter.elsewhere(|| spin(2_000_000));
        meter.elsewhere(|| spin(2_000_000));
        assert!(meter.spent_elsewhere() >= Duration::from_millis(4));
        meter.reset();
        assert_eq!(meter.spent_elsewhere(), Duration::ZERO);
    }
}
