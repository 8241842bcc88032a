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
