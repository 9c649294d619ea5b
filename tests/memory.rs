//! Memory does not grow with the length of a recording: rows stream to disk.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The largest resident set of a recording in KiB: the kernel's own high-water mark, read until the
/// process ends. The mark only rises, so that a peak between two readings is seen by the next one.
fn peak(dir: &Path, steps: usize) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dynsparse"))
        .args(["record", "--episodes", "2", "--threads", "2", "--steps", &steps.to_string()])
        .args(["-o", &format!("{steps}.h5")])
        .current_dir(dir)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        // A process that has ended but was not waited for has no such line.
        if let Some(kib) = line.and_then(|l| l.trim().strip_suffix(" kB")?.parse().ok()) {
            peak = peak.max(kib);
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{steps} steps: {status}");
            return peak;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
}

#[test]
fn a_hundred_times_longer_recording_needs_no_more_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (short, long) = (peak(dir.path(), 50), peak(dir.path(), 5000));
    eprintln!("peak: {short} KiB for 50 steps an episode, {long} KiB for 5000");
    let size = |steps: usize| std::fs::metadata(dir.path().join(format!("{steps}.h5"))).unwrap().len() / 1024;
    // Were all rows kept, the long recording's would not fit into the limit below.
    assert!(size(5000) > 30 * size(50), "{} and {} KiB", size(50), size(5000));
    assert!(short > 4096, "{short} KiB cannot be the peak of a whole process");
    // Chunks of a short recording are as small as the recording; hence the fifth.
    assert!(long * 5 <= short * 6, "{short} KiB for 50 steps an episode, {long} KiB for 5000");
}
