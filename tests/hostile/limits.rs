//! One process of the program under limits.

use std::io::{Read as _, Seek as _};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use dynsparse::physics::wait_measured;

use crate::common::Place;

/// A shell that limits the process which it becomes: no core dumps, 20 s of processor time, files of some GiB, 6 GiB of
/// addresses. Processor time is a limit that the load of the machine does not move.
const LIMITED: &str = r#"
ulimit -c 0; ulimit -S -t 20; ulimit -H -t 25; ulimit -f 4194304; ulimit -v 6291456
program=$1; shift
exec "${DYNSPARSE_FUZZ_PROGRAM:-$program}" "$@""#;

/// A process that has not ended by then sleeps.
const ASLEEP: Duration = Duration::from_secs(900);

/// More words than that are cut off.
const WORDS: u64 = 1 << 22;

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    /// The most memory it held, in bytes.
    pub(crate) memory: u64,
    /// Processor time.
    pub(crate) processor: Duration,
    pub(crate) wall: Duration,
    /// It was killed because it did nothing.
    pub(crate) asleep: bool,
}

/// Runs a command that makes a part of an input, its words separated by blanks, and returns what it says.
pub(crate) fn make(place: &Place, command: &str) -> Vec<u8> {
    let ended = run(place, &command.split(' ').map(str::to_owned).collect::<Vec<_>>());
    assert!(ended.status.success(), "{command}: {}: {}", ended.status, ended.stderr);
    ended.stdout
}

/// The program in a folder, under its limits.
pub(crate) fn program(place: &Place, arguments: &[&str]) -> Command {
    place.shell(LIMITED, arguments)
}

/// Runs the program in a folder.
pub(crate) fn run(place: &Place, arguments: &[String]) -> Ended {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut command = program(place, &arguments);
    let words = || tempfile::tempfile().expect("a temporary file");
    let (mut stdout, mut stderr) = (words(), words());
    let pipe = |file: &std::fs::File| Stdio::from(file.try_clone().expect("a handle"));
    command.stdout(pipe(&stdout)).stderr(pipe(&stderr));
    let begun = Instant::now();
    let ended = wait_measured(command.spawn().expect("the program starts"), ASLEEP).expect("a child is waited for");
    let read = |file: &mut std::fs::File| {
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.take(WORDS).read_to_end(&mut bytes)).expect("words are read");
        bytes
    };
    Ended {
        status: ended.status,
        stdout: read(&mut stdout),
        stderr: String::from_utf8_lossy(&read(&mut stderr)).into_owned(),
        memory: ended.peak_memory,
        processor: ended.processor_time,
        wall: begun.elapsed(),
        asleep: ended.late,
    }
}
