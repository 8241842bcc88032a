//! Instances of one plugin between calls, and who waits for one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::CallError;
use super::instance::PluginInstance;
use super::limits::MAX_WAITING;
use super::statistics::InstanceStatus;

/// Calls after which an instance is thrown away, so that a leak in a guest has an end.
const MAX_CALLS: u32 = 10_000;
/// The age after which it is, less up to a quarter, so that not all go at once.
const MAX_AGE: Duration = Duration::from_mins(10);
/// Memory that an instance may have gained over twice what it began with.
const MEMORY_SLACK: usize = 1024 * 1024;

/// The instances of a plugin. What was used last is used first: its memory is in the caches.
pub struct Pool {
    warm: Mutex<Warm>,
    limit: usize,
    /// Handed out in the order in which they were asked for.
    seats: Arc<Semaphore>,
    /// Those of them that transfers may have.
    leases: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// Instances between calls.
struct Warm {
    /// The one used last is the last.
    instances: Vec<PluginInstance>,
    /// How many of the first ones no call has needed since this was last asked.
    unneeded: usize,
    /// Whether another plugin has taken this one's place.
    retired: bool,
}

impl Pool {
    /// For at most `instances` at once.
    pub fn new(instances: usize) -> Self {
        Self {
            warm: Mutex::new(Warm {
                instances: Vec::new(),
                unneeded: 0,
                retired: false,
            }),
            limit: instances,
            seats: Arc::new(Semaphore::new(instances)),
            leases: Arc::new(Semaphore::new(leases(instances))),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Waits until an instance may be used.
    ///
    /// # Errors
    /// Too many wait already.
    pub async fn seat(&self) -> Result<OwnedSemaphorePermit, CallError> {
        self.turn(&self.seats).await
    }

    /// Waits until an instance may be used for a whole transfer.
    ///
    /// # Errors
    /// Too many wait already.
    pub async fn lease(&self) -> Result<Leased, CallError> {
        Ok(Leased {
            _lease: self.turn(&self.leases).await?,
            _seat: self.turn(&self.seats).await?,
        })
    }

    async fn turn(&self, seats: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, CallError> {
        if let Ok(seat) = Arc::clone(seats).try_acquire_owned() {
            return Ok(seat);
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(CallError::QueueFull);
        }
        let _waiting = Waiting(&self.waiting);
        // Never closed, so this only ever waits.
        let seat = Arc::clone(seats).acquire_owned().await;
        seat.map_err(|_| CallError::QueueFull)
    }

    /// An instance that has served before. Only with a seat.
    pub fn take(&self) -> Option<PluginInstance> {
        let mut warm = self.lock();
        let instance = warm.instances.pop();
        warm.unneeded = warm.unneeded.min(warm.instances.len());
        instance
    }

    /// Keeps `instance` for the next call, unless it has served long enough. Only after a call that
    /// went well.
    pub fn keep(&self, mut instance: PluginInstance) {
        instance.end_exchanges();
        if instance.calls >= MAX_CALLS || is_worn(&instance) {
            return;
        }
        let mut warm = self.lock();
        if !warm.retired {
            warm.instances.push(instance);
        }
    }

    /// Lets go of the instances that no call has needed since this was last called, but for one.
    pub fn trim(&self) {
        let mut warm = self.lock();
        let idle = warm.unneeded.min(warm.instances.len().saturating_sub(1));
        let idle: Vec<PluginInstance> = warm.instances.drain(..idle).collect();
        warm.unneeded = warm.instances.len();
        // Ending an instance takes longer than a call may wait for the lock.
        drop(warm);
        drop(idle);
    }

    /// Lets go of all instances, and of those that still serve when they come back: another plugin
    /// has taken this one's place.
    pub fn retire(&self) {
        let mut warm = self.lock();
        warm.retired = true;
        let instances = std::mem::take(&mut warm.instances);
        drop(warm);
        drop(instances);
    }

    /// What an operator is told of it.
    pub fn status(&self) -> InstanceStatus {
        InstanceStatus {
            limit: self.limit,
            warm: self.lock().instances.len(),
            busy: self.limit.saturating_sub(self.seats.available_permits()),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Warm> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A seat for as long as a transfer takes.
pub struct Leased {
    _lease: OwnedSemaphorePermit,
    _seat: OwnedSemaphorePermit,
}

/// How many of `instances` transfers may have: clients whose transfers take long must not keep
/// everybody else from asking what stands where. Of two both, since a copy reads and writes.
fn leases(instances: usize) -> usize {
    match instances {
        0..=2 => instances,
        more => more - 1,
    }
}

fn is_worn(instance: &PluginInstance) -> bool {
    let memory = instance.store.data().memory.used();
    if memory > 2 * instance.memory_at_start + MEMORY_SLACK {
        return true;
    }
    // The clock is read now and then only; the calls of an instance come in a row.
    instance.calls.is_multiple_of(16) && instance.retires_at <= Instant::now()
}

/// When an instance made now is to be thrown away.
pub fn retirement() -> Instant {
    let early = rand::random::<f64>() / 4.0;
    Instant::now() + MAX_AGE.mul_f64(1.0 - early)
}

/// One of those that wait.
struct Waiting<'p>(&'p AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
