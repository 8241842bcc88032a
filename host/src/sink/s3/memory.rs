//! The buffers that all transfers of a sink share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What permits are counted in: a semaphore cannot count the bytes of a large machine.
const UNIT: u64 = 64 * 1024;
/// What the connection that moves a part or range has in memory beside it.
const CONNECTION: u64 = 256 * 1024;

/// How long there has to be no transfer before the system gets back what the last ones have left:
/// meanwhile their connections end, too.
const REST: Duration = Duration::from_secs(1);

/// So much memory for buffers, and no more.
#[derive(Clone, Debug)]
pub struct Memory {
    units: u32,
    free: Arc<Semaphore>,
    /// Whether somebody waits for a rest.
    is_watched: Arc<AtomicBool>,
}

impl Memory {
    /// `bytes` in all.
    pub fn new(bytes: u64) -> Self {
        let units = units(bytes);
        Self {
            units,
            free: Arc::new(Semaphore::new(units as usize)),
            is_watched: Arc::default(),
        }
    }

    /// Waits for room for `bytes`; what is larger than all of it gets all of it.
    pub async fn room(&self, bytes: u64) -> OwnedSemaphorePermit {
        let free = Arc::clone(&self.free);
        match free.acquire_many_owned(moving(bytes).min(self.units)).await {
            Ok(room) => room,
            // The semaphore is never closed.
            Err(_) => std::future::pending().await,
        }
    }

    /// Room for `bytes` that nobody needs yet, if there is plenty: a quarter is left to those who
    /// wait for theirs.
    pub fn room_ahead(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let units = moving(bytes);
        let left = self.units.div_ceil(4).saturating_add(units);
        if self.free.available_permits() < left as usize {
            return None;
        }
        Arc::clone(&self.free).try_acquire_many_owned(units).ok()
    }

    /// Gives back what of `room` is not needed for `bytes`.
    pub fn keep(&self, room: &mut OwnedSemaphorePermit, bytes: u64) {
        let spare = room.num_permits().saturating_sub(moving(bytes) as usize);
        drop(room.split(spare));
    }

    /// A transfer has ended: when it was the last one, the system gets back what they have left.
    pub fn ended(&self, runtime: &Handle) {
        if !self.is_unused() || self.is_watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let memory = self.clone();
        runtime.spawn(async move {
            tokio::time::sleep(REST).await;
            memory.is_watched.store(false, Ordering::Relaxed);
            if memory.is_unused() {
                tokio::task::spawn_blocking(crate::memory::give_back);
            }
        });
    }

    fn is_unused(&self) -> bool {
        self.free.available_permits() == self.units as usize
    }
}

/// The largest part that `memory` bytes hold.
pub fn largest(memory: u64) -> u64 {
    memory.saturating_sub(CONNECTION)
}

/// Of a part or range.
fn moving(bytes: u64) -> u32 {
    units(bytes.saturating_add(CONNECTION))
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT))
        .unwrap_or(u32::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_never_more_than_all_and_those_who_wait_get_theirs() {
        let memory = Memory::new(16 * UNIT);
        let ahead = memory.room_ahead(7 * UNIT).expect("there is plenty");
        assert!(memory.room_ahead(1).is_none());
        let rest = memory.room(1).await;
        let later = memory.clone();
        let waiting = tokio::spawn(async move { later.room(100 * UNIT).await });
        drop((ahead, rest));
        let mut all = waiting.await.unwrap();
        assert_eq!(all.num_permits(), 16);
        assert!(memory.room_ahead(1).is_none());
        memory.keep(&mut all, 1);
        assert_eq!(all.num_permits(), 5);
        assert!(memory.room_ahead(3 * UNIT).is_some());
        memory.keep(&mut all, 100 * UNIT);
        assert_eq!(all.num_permits(), 5);
    }
}
