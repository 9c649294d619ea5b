//! What the process asks of the C library that MuJoCo and everything else share.

use std::sync::OnceLock;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(all(unix, not(all(target_os = "linux", target_env = "gnu"))))]
type Resource = libc::c_int;

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

/// What a compilation may take of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory of the process, bytes, with the program itself.
    pub memory: u64,
    /// Time on processors of one run of MuJoCo's compiler, s, of all threads together.
    pub seconds: u64,
}

/// What the code and the constants of a process take of its memory at most, bytes: what it writes to has a limit, that has none.
#[cfg(unix)]
const PROGRAM: u64 = 64 << 20;

/// The limits that this process is held to.
static HELD: OnceLock<Limits> = OnceLock::new();

impl Limits {
    /// Holds this process to them from now on: it gets no more memory, and ends with SIGXCPU when a compilation takes too long. It
    /// leaves no core file, and ends when the process ends that has started it. Does nothing where there is no Unix.
    pub fn hold(self) {
        let _ = HELD.set(self);
        #[cfg(unix)]
        {
            limit(libc::RLIMIT_DATA, self.memory.saturating_sub(PROGRAM));
            limit(libc::RLIMIT_CORE, 0);
        }
        #[cfg(target_os = "linux")]
        // SAFETY: sets a flag of this process.
        unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        }
        Self::begin();
    }

    /// Before a run of the compiler: its time begins.
    pub(super) fn begin() {
        #[cfg(unix)]
        if let Some(held) = HELD.get() {
            let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: fills the struct that is passed.
            unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
            let used = u64::try_from(time.tv_sec).unwrap_or(0);
            limit(libc::RLIMIT_CPU, used.saturating_add(held.seconds).saturating_add(1));
        }
    }
}

/// Lowers or raises what this process may have of something, as far as its own bounds allow.
#[cfg(unix)]
fn limit(resource: Resource, most: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls take a struct of this function; what the system refuses stays as it was.
    unsafe {
        if libc::getrlimit(resource, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max.min(most as libc::rlim_t);
            libc::setrlimit(resource, &raw const limit);
        }
    }
}
