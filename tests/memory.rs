//! Memory does not grow with the length of a recording: rows stream to disk and, for an analysis, from it.
//!
//! These tests are a binary of their own. What the kernel says of a child includes the moment before it becomes the program,
//! when it has the memory of the process that starts it: that must be a small one.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use dynsparse_engine::physics::wait_measured;

/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(600);

/// The largest resident set of a recording in KiB.
fn peak(dir: &Path, steps: usize) -> u64 {
    let (steps, file) = (steps.to_string(), format!("{steps}.h5"));
    peak_of(dir, &["record", "--episodes", "2", "--threads", "2", "--steps", &steps, "-o", &file])
}

/// The largest resident set of a command in KiB, as the kernel tells it to whoever waits for the process. No reading comes
/// too late, however busy the machine is.
fn peak_of(dir: &Path, args: &[&str]) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dynsparse"));
    let child = command.args(args).current_dir(dir).stdout(Stdio::null()).spawn().unwrap();
    let ended = wait_measured(child, LIMIT).unwrap();
    assert!(ended.status.success(), "{args:?}: {ended:?}");
    let peak = ended.peak_memory / 1024;
    // Until it becomes the program, the child has the memory of this process.
    assert!(peak > own_peak(), "{args:?}: {peak} KiB may be those of the test itself");
    peak
}

/// The largest resident set of this process in KiB.
fn own_peak() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
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

/// Ten times as many episodes: as many chunks of the same size are under way.
#[test]
fn the_analysis_of_a_longer_recording_needs_no_more_memory() {
    let dir = tempfile::tempdir().unwrap();
    let analyse = |episodes: &str| {
        let file = format!("{episodes}_episodes.h5");
        let record = ["record", "--episodes", episodes, "--steps", "1000", "--no-zero-test", "-o", &file];
        peak_of(dir.path(), &record);
        peak_of(dir.path(), &["analyze", &file, "--threads", "1", "--embed", "100"])
    };
    let (few, many) = (analyse("4"), analyse("40"));
    eprintln!("peak of the analysis: {few} KiB for 4000 steps, {many} KiB for 40 000");
    let file = std::fs::metadata(dir.path().join("40_episodes.h5")).unwrap().len() / 1024;
    assert!(file > 2 * many, "a file of {file} KiB would fit into {many} KiB");
    assert!(many * 5 <= few * 6, "{few} KiB for 4000 steps, {many} KiB for 40 000");
}
