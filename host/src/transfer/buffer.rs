//! The blocks that bytes are moved in, kept by each thread for its next transfer.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use crate::limits::TRANSFER_BLOCK_BYTES;

/// How many blocks a thread keeps: one of plain and one of encrypted bytes.
const KEPT: usize = 2;

thread_local! {
    // Blocking threads end when they have been idle for a while, and their blocks with them.
    static FREE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// A block of [`TRANSFER_BLOCK_BYTES`], given back to its thread when it is dropped. It holds what
/// an earlier transfer left in it.
pub(super) struct Block(Box<[u8]>);

impl Block {
    pub(super) fn take() -> Self {
        let free = FREE.try_with(|free| free.borrow_mut().pop()).ok().flatten();
        Self(free.unwrap_or_else(|| vec![0; TRANSFER_BLOCK_BYTES].into()))
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let block = std::mem::take(&mut self.0);
        // A thread that is ending has no place for it any more.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < KEPT {
                free.push(block);
            }
        });
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_two_blocks() {
        let addresses = |blocks: &[Block]| blocks.iter().map(|b| b.as_ptr()).collect::<Vec<_>>();
        let first = [Block::take(), Block::take(), Block::take()];
        let known = addresses(&first);
        drop(first);
        FREE.with(|free| assert_eq!(free.borrow().len(), KEPT));
        let second = [Block::take(), Block::take()];
        assert!(
            addresses(&second)
                .iter()
                .all(|address| known.contains(address))
        );
        assert_eq!(second[0].len(), TRANSFER_BLOCK_BYTES);
    }
}
