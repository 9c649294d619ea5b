//! What the process asks of the C library that MuJoCo and everything else share.

/// Keeps freed memory for what is allocated next, rather than giving every large block back to the system at once and
/// clearing it anew: training makes and drops hundreds of tensors a step, which this makes twice as fast. For commands whose
/// memory is about the same all along. Does nothing where the C library is not glibc.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt sets numbers of the allocator, under its own lock, and refuses those that it does not take.
    unsafe {
        // 32 MiB is the most that glibc takes.
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}
