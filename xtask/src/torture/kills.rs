//! Kills at random moments; then the same command goes on.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Tally;
use super::dice::Dice;
use super::folder;
use super::job::Prepared;
use crate::place::tell;

/// A job that has died so often in one folder is let be.
const IN_ONE_FOLDER: u64 = 6;

/// As many kills as asked for, dealt to all jobs.
pub(crate) fn run(jobs: &[Prepared], kills: u64, failures: &Path, dice: &mut Dice, tally: &mut Tally) -> Result<()> {
    let mut done = 0;
    for round in 0.. {
        if done >= kills {
            return Ok(());
        }
        let job = &jobs[round % jobs.len()];
        let landed = one(job, (kills - done).min(IN_ONE_FOLDER), failures, dice, tally)?;
        if done / 50 != (done + landed) / 50 {
            tell(format_args!("{} of {kills} kills", done + landed));
        }
        done += landed;
    }
    Ok(())
}

/// Kills a job again and again, at most so often, and lets it end. Returns how many kills landed.
fn one(job: &Prepared, most: u64, failures: &Path, dice: &mut Dice, tally: &mut Tally) -> Result<u64> {
    let folder = job.fresh()?;
    let (mut kills, mut tries) = (0, 0);
    // A machine that is slower than it was gets later kills too.
    while kills < most && tries < 3 * IN_ONE_FOLDER {
        tries += 1;
        let mut command = job.command(folder.path(), job.job.command);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let reach = u64::try_from(job.takes.as_micros())? * (1 + tries / 6);
        let moment = Instant::now() + Duration::from_micros(dice.below(reach));
        let ended = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if Instant::now() >= moment {
                break None;
            }
            std::thread::sleep(Duration::from_micros(500));
        };
        if let Some(status) = ended {
            if !status.success() {
                tally.fault(job.job.verb, &format!("fails after {kills} kills: {status}"), folder.path(), failures);
                return Ok(kills);
            }
            break;
        }
        child.kill()?;
        child.wait()?;
        kills += 1;
        tally.count(job.job.verb, "kills");
        let there = folder::files(folder.path())?;
        let unfinished = |name: &Path| name.ends_with("manifest.json");
        if let Some(name) = folder::broken(&there, &job.expected).filter(|name| !unfinished(name)) {
            let what = format!("a file that is not whole has the name {} after kill {kills}", name.display());
            tally.fault(job.job.verb, &what, folder.path(), failures);
            return Ok(kills);
        }
    }
    if let Some(what) = job.finish(folder.path())? {
        tally.fault(job.job.verb, &format!("after {kills} kills: {what}"), folder.path(), failures);
    }
    Ok(kills)
}
