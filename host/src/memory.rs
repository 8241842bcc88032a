//! How the process takes memory from the system.

/// Blocks from this size on are mapped and unmapped one by one: the 19 MiB in which argon2id works,
/// and no buffer of a transfer.
#[cfg(target_env = "gnu")]
const MAPPED_BYTES: libc::c_int = 4 * 1024 * 1024;

/// Heaps of the allocator. It would make eight for each core, and each keeps what a burst needed.
#[cfg(target_env = "gnu")]
const ARENAS: libc::c_int = 2;

/// Has large blocks given back to the system as soon as they are free. To be called before there is
/// a second thread.
///
/// By itself the C library keeps blocks of up to 32 MiB once one of that size was freed, in every
/// heap, so that a host that verified a few passwords at a time would hold hundreds of MiB.
#[cfg(target_env = "gnu")]
pub fn keep_small() {
    // SAFETY: mallopt(3) only sets numbers of the allocator, which knows these two; no other
    // thread is there to allocate meanwhile.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}

/// Other C libraries give large blocks back by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn keep_small() {}

/// Gives back to the system what lies between blocks that are in use: a burst of transfers leaves
/// the buffers of its connections there. It takes milliseconds, and may be called at any time.
#[cfg(target_env = "gnu")]
pub fn give_back() {
    // SAFETY: malloc_trim(3) is thread-safe, and touches no block that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other C libraries keep less.
#[cfg(not(target_env = "gnu"))]
pub fn give_back() {}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_in_use_stays() {
        let mut blocks: Vec<_> = (0..64_u8).map(|fill| vec![fill; 100_000]).collect();
        blocks.retain(|block| block[0] % 2 == 0);
        super::give_back();
        assert!(
            blocks
                .iter()
                .all(|block| block.iter().all(|&byte| byte == block[0]))
        );
        assert_eq!(blocks.len(), 32);
    }
}
