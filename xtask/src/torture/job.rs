//! What is tortured: a command of every verb that writes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::folder::{self, Files};

/// A command, and those before it that make what it reads. Words are separated by blanks.
pub(crate) struct Job {
    pub(crate) verb: &'static str,
    before: &'static [&'static str],
    pub(crate) command: &'static str,
    /// Commands that may run beside each other, each of which does its part, and the one that comes after them.
    pub(crate) parts: Option<([&'static str; 2], &'static str)>,
}

const RECORDING: &str = "record --episodes 6 --steps 25 --threads 2 -o r.h5";

/// One job a verb.
pub(crate) const JOBS: [Job; 10] = [
    Job {
        verb: "record",
        before: &[],
        command: "record --episodes 12 --steps 40 --threads 2 -o out.h5",
        parts: Some((
            [
                "record --episodes 12 --steps 40 --threads 2 -o out.h5 --shard 1/2",
                "record --episodes 12 --steps 40 --threads 2 -o out.h5 --shard 2/2",
            ],
            "merge --episodes 12 --steps 40 --threads 2 -o out.h5",
        )),
    },
    Job { verb: "replay", before: &[RECORDING], command: "record --replay r.h5 --threads 2 -o again.h5", parts: None },
    Job {
        verb: "merge",
        before: &[
            "record --episodes 12 --steps 40 --threads 2 -o out.h5 --shard 1/2",
            "record --episodes 12 --steps 40 --threads 2 -o out.h5 --shard 2/2",
        ],
        command: "merge --episodes 12 --steps 40 --threads 2 -o out.h5",
        parts: None,
    },
    Job {
        verb: "sweep",
        before: &[],
        command: "sweep Juggler --episodes 8 --steps 30 --threads 2 --out s",
        parts: Some((
            [
                "sweep Juggler --episodes 8 --steps 30 --threads 2 --out s --shard 1/2",
                "sweep Juggler --episodes 8 --steps 30 --threads 2 --out s --shard 2/2",
            ],
            "sweep Juggler --episodes 8 --steps 30 --threads 2 --out s --merge",
        )),
    },
    Job { verb: "analyze", before: &[RECORDING], command: "analyze r.h5 --embed 50 -o tables", parts: None },
    Job {
        verb: "report",
        before: &[RECORDING],
        command: "report r.h5 --embed 50 -o report.html --figures figures",
        parts: None,
    },
    Job {
        verb: "learn",
        before: &[RECORDING],
        command: "learn r.h5 --steps 40 --check-every 4 --patience 100 --width 8 --depth 1 --states 5 -o learned",
        parts: None,
    },
    Job {
        verb: "ablate",
        before: &[],
        command: "ablate --over step --episodes 2 --steps 10 --threads 2 -o ablation",
        parts: None,
    },
    Job {
        verb: "influence",
        before: &[RECORDING],
        command: "influence r.h5 --steps 40 --radius --second --threads 2 --csv graphs.csv -o graphs.h5 --force",
        parts: None,
    },
    Job {
        verb: "render",
        before: &[RECORDING],
        command: "render r.h5 --frames 2 --size 64x48 -o film.png",
        parts: None,
    },
];

/// A job whose undisturbed end is known.
pub(crate) struct Prepared {
    pub(crate) job: &'static Job,
    pub(crate) program: PathBuf,
    /// What is there before.
    seed: TempDir,
    /// What is there in the end.
    pub(crate) expected: Files,
    /// How long that takes.
    pub(crate) takes: Duration,
}

impl Prepared {
    /// Runs a job undisturbed. Where that cannot be done here, the reason.
    pub(crate) fn new(job: &'static Job, program: &Path) -> Result<Result<Self, String>> {
        let seed = tempfile::tempdir()?;
        for command in job.before {
            let out = command_in(program, seed.path(), command).output()?;
            if !out.status.success() {
                bail!("{command}: {}", words(&out));
            }
        }
        let mut prepared =
            Self { job, program: program.to_owned(), seed, expected: Files::new(), takes: Duration::ZERO };
        let folder = prepared.fresh()?;
        let begun = Instant::now();
        let out = prepared.run(folder.path())?;
        if !out.status.success() {
            return Ok(Err(words(&out)));
        }
        prepared.takes = begun.elapsed();
        prepared.expected = folder::files(folder.path())?;
        Ok(Ok(prepared))
    }

    /// A folder as it is before the command.
    pub(crate) fn fresh(&self) -> Result<TempDir> {
        let fresh = tempfile::tempdir()?;
        folder::copy(self.seed.path(), fresh.path())?;
        Ok(fresh)
    }

    /// A command of this job in a folder.
    pub(crate) fn command(&self, folder: &Path, words: &str) -> Command {
        command_in(&self.program, folder, words)
    }

    /// The job itself, to its end.
    pub(crate) fn run(&self, folder: &Path) -> Result<Output> {
        self.command(folder, self.job.command).output().context("the program cannot be started")
    }

    /// Runs the job to its end; what is wrong then, if anything.
    pub(crate) fn finish(&self, folder: &Path) -> Result<Option<String>> {
        let out = self.run(folder)?;
        if !out.status.success() {
            return Ok(Some(format!("the same command does not go on: {}", words(&out))));
        }
        Ok(folder::difference(&folder::files(folder)?, &self.expected))
    }
}

fn command_in(program: &Path, folder: &Path, words: &str) -> Command {
    let mut command = Command::new(program);
    command.args(words.split(' ')).current_dir(folder).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).env_remove("DYNSPARSE_LOG");
    command
}

/// The last of what a program said, and how it ended.
pub(crate) fn words(out: &Output) -> String {
    let text = String::from_utf8_lossy(&out.stderr);
    format!("{} ({})", text.lines().last().unwrap_or("no words"), out.status)
}

/// Whether a process refused in one line of words, as it should.
pub(crate) fn refused(out: &Output) -> bool {
    let text = String::from_utf8_lossy(&out.stderr);
    let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("error: ")).collect();
    out.status.code() == Some(1) && !errors.is_empty() && errors.last().copied() == text.lines().last()
}
