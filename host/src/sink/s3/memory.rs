//! The buffers that all transfers of a sink share.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What permits are counted in: a semaphore cannot count the bytes of a large machine.
const UNIT: u64 = 1024 * 1024;

/// So much memory for buffers, and no more.
#[derive(Clone, Debug)]
pub struct Memory {
    units: u32,
    free: Arc<Semaphore>,
}

impl Memory {
    /// `bytes` in all.
    pub fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes.div_ceil(UNIT))
            .unwrap_or(u32::MAX)
            .max(1);
        Self {
            units,
            free: Arc::new(Semaphore::new(units as usize)),
        }
    }

    /// Waits for room for `bytes`; what is larger than all of it gets all of it.
    pub async fn room(&self, bytes: u64) -> OwnedSemaphorePermit {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let free = Arc::clone(&self.free);
        match free.acquire_many_owned(units.clamp(1, self.units)).await {
            Ok(room) => room,
            // The semaphore is never closed.
            Err(_) => std::future::pending().await,
        }
    }

    /// Room for `bytes` that nobody needs yet, if there is plenty: a quarter is left to those who
    /// wait for theirs.
    pub fn room_ahead(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let left = self.units.div_ceil(4).saturating_add(units);
        if self.free.available_permits() < left as usize {
            return None;
        }
        Arc::clone(&self.free).try_acquire_many_owned(units).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_never_more_than_all_and_those_who_wait_get_theirs() {
        let memory = Memory::new(16 * UNIT);
        let ahead = memory.room_ahead(12 * UNIT).expect("there is plenty");
        assert!(memory.room_ahead(1).is_none());
        let rest = memory.room(4 * UNIT).await;
        let later = memory.clone();
        let waiting = tokio::spawn(async move { later.room(100 * UNIT).await });
        drop((ahead, rest));
        let all = waiting.await.unwrap();
        assert_eq!(all.num_permits(), 16);
        assert!(memory.room_ahead(1).is_none());
    }
}
