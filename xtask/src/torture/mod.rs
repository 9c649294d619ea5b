//! `cargo xtask torture`: kills at random moments, full disks and processes side by side, over all verbs that write. What is
//! there in the end must be what an undisturbed run leaves, to the byte.

#[path = "../../../tests/common/dice.rs"]
mod dice;
mod disks;
mod folder;
mod job;
mod kills;
mod rounds;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;

use crate::demo::{Program, build};
use crate::place::{say, tell};
use crate::setup::Setup;
use dice::Dice;
use job::{JOBS, Prepared};

/// Kill, fill disks and run side by side, over all verbs, and compare with undisturbed runs
#[derive(Args)]
pub(crate) struct Torture {
    /// Kills in all
    #[arg(long, value_name = "N", default_value_t = 500)]
    kills: u64,
    /// Full disks in all
    #[arg(long, value_name = "N", default_value_t = 100)]
    full_disks: u64,
    /// Rounds of processes side by side, with equal process ids where the system allows that
    #[arg(long, value_name = "N", default_value_t = 50)]
    rounds: u64,
    /// Seed of the moments and sizes
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Folder for what is left where something went wrong
    #[arg(long, value_name = "DIR", default_value = "torture")]
    failures: PathBuf,
    /// A program to use in place of a release build
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Counts by verb, and what went wrong.
#[derive(Default)]
pub(crate) struct Tally {
    counts: BTreeMap<(&'static str, &'static str), u64>,
    wrong: Vec<String>,
}

impl Tally {
    /// One more of a kind.
    pub(crate) fn count(&mut self, verb: &'static str, what: &'static str) {
        *self.counts.entry((verb, what)).or_default() += 1;
    }

    /// Says what went wrong and keeps the folder.
    pub(crate) fn fault(&mut self, verb: &'static str, what: &str, left: &Path, failures: &Path) {
        let kept = failures.join(format!("{:03}-{verb}", self.wrong.len()));
        let copied = folder::copy(left, &kept).is_ok();
        let line = format!("{verb}: {what}");
        tell(format_args!("{line}{}", if copied { format!(" (kept in {})", kept.display()) } else { String::new() }));
        self.count(verb, "wrong");
        self.wrong.push(line);
    }
}

impl Torture {
    /// Builds, prepares every job, and does its worst.
    pub(crate) fn run(&self) -> Result<()> {
        let program = match &self.program {
            Some(program) => program.canonicalize()?,
            None => {
                Setup::default().run()?;
                build(Program::Whole)?
            }
        };
        let mut jobs = Vec::new();
        for job in &JOBS {
            match Prepared::new(job, &program)? {
                Ok(prepared) => jobs.push(prepared),
                Err(reason) => say(job.verb, format_args!("left out: {reason}")),
            }
        }
        if jobs.is_empty() {
            bail!("no job can be done undisturbed");
        }
        let (mut dice, mut tally) = (Dice(self.seed), Tally::default());
        kills::run(&jobs, self.kills, &self.failures, &mut dice, &mut tally)?;
        disks::run(&jobs, self.full_disks, &self.failures, &mut dice, &mut tally)?;
        rounds::run(&jobs, self.rounds, &self.failures, &mut tally)?;
        for ((verb, what), n) in &tally.counts {
            say(verb, format_args!("{n:>5} {what}"));
        }
        if !tally.wrong.is_empty() {
            bail!("{} things went wrong; see {}", tally.wrong.len(), self.failures.display());
        }
        Ok(())
    }
}
