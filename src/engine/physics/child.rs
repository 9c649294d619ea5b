//! Child processes: how they ended and what they took.

use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// How a child process ended, and what it took.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// The most memory that it, or a process that it waited for, held at a time, in bytes.
    pub peak_memory: u64,
    /// Processor time, of it and of the processes that it waited for.
    pub processor_time: Duration,
    /// Whether it was killed because it had not ended in time.
    pub late: bool,
}

/// Waits for a child, and asks the system what it took. One that has not ended within `limit` is killed.
///
/// # Errors
/// Those of waiting; a child that somebody else has waited for is one.
pub fn wait_measured(mut child: Child, limit: Duration) -> std::io::Result<Ended> {
    let pid = libc::pid_t::try_from(child.id()).map_err(std::io::Error::other)?;
    let begun = Instant::now();
    let mut late = false;
    loop {
        let mut status = 0;
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: both places are ours and have the types that the call writes; zeros are a valid rusage.
        let (waited, usage) = unsafe {
            let waited = libc::wait4(pid, &raw mut status, libc::WNOHANG, usage.as_mut_ptr());
            (waited, usage.assume_init())
        };
        if waited == pid {
            return Ok(Ended {
                status: ExitStatus::from_raw(status),
                peak_memory: u64::try_from(usage.ru_maxrss).unwrap_or(0) * MAXRSS_UNIT,
                processor_time: duration(usage.ru_utime) + duration(usage.ru_stime),
                late,
            });
        }
        if waited < 0 {
            let error = std::io::Error::last_os_error();
            if error.kind() != std::io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        if !late && begun.elapsed() > limit {
            late = true;
            child.kill()?;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What the system counts the largest resident set in, in bytes.
const MAXRSS_UNIT: u64 = if cfg!(target_os = "macos") { 1 } else { 1024 };

fn duration(time: libc::timeval) -> Duration {
    let microseconds = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0)) + Duration::from_micros(microseconds)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_child_is_measured() {
        let ended = wait_measured(Command::new("sh").args(["-c", "exit 7"]).spawn().unwrap(), LONG).unwrap();
        assert_eq!((ended.status.code(), ended.late), (Some(7), false));
        assert!(ended.peak_memory > 100_000, "{ended:?}");
        let busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
        let ended = wait_measured(Command::new("sh").args(["-c", busy]).spawn().unwrap(), LONG).unwrap();
        assert!(ended.status.success() && ended.processor_time > Duration::from_millis(10), "{ended:?}");
    }

    #[test]
    fn a_child_that_does_not_end_is_killed() {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        let ended = wait_measured(child, Duration::from_millis(50)).unwrap();
        assert!(ended.late);
        assert_eq!(ended.status.signal(), Some(libc::SIGKILL));
    }
}
