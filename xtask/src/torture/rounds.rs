//! Processes side by side in one folder, with one process id where the system gives them worlds of their own.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::Result;

use super::Tally;
use super::folder;
use super::job::{Prepared, refused, words};
use crate::place::say;

/// As many rounds as asked for, dealt to all jobs.
pub(crate) fn run(jobs: &[Prepared], rounds: u64, failures: &Path, tally: &mut Tally) -> Result<()> {
    let worlds = Command::new("unshare").args(["--pid", "--fork", "true"]).output().is_ok_and(|o| o.status.success());
    if rounds > 0 && !worlds {
        say("rounds", "process ids cannot be made equal here: processes have their own");
    }
    // Jobs that can be dealt to processes have a kind of round more.
    let dealt = jobs.iter().filter(|job| job.job.parts.is_some()).map(|job| (job, true));
    let kinds: Vec<(&Prepared, bool)> = jobs.iter().map(|job| (job, false)).chain(dealt).collect();
    for (job, parts) in kinds.iter().cycle().take(usize::try_from(rounds)?) {
        let folder = job.fresh()?;
        let what = match job.job.parts.filter(|_| *parts) {
            Some((each, last)) => dealt_out(job, folder.path(), each, last, worlds)?,
            None => the_same(job, folder.path(), worlds)?,
        };
        tally.count(job.job.verb, if worlds { "rounds with equal process ids" } else { "rounds" });
        if let Some(what) = what {
            tally.fault(job.job.verb, &what, folder.path(), failures);
        }
    }
    Ok(())
}

/// Each does its part; none may fail.
fn dealt_out(job: &Prepared, folder: &Path, each: [&str; 2], last: &str, worlds: bool) -> Result<Option<String>> {
    if let Some(out) = together(job, folder, &each, worlds)?.iter().find(|out| !out.status.success()) {
        return Ok(Some(format!("a part of two fails: {}", words(out))));
    }
    let out = job.command(folder, last).output()?;
    if !out.status.success() {
        return Ok(Some(format!("the parts cannot be joined: {}", words(&out))));
    }
    Ok(folder::difference(&folder::files(folder)?, &job.expected))
}

/// Three do the same: one does it, the others do it too or say that somebody is at work.
fn the_same(job: &Prepared, folder: &Path, worlds: bool) -> Result<Option<String>> {
    let all = together(job, folder, &[job.job.command; 3], worlds)?;
    let busy = |out: &Output| refused(out) && String::from_utf8_lossy(&out.stderr).contains("another ");
    if let Some(out) = all.iter().find(|out| !out.status.success() && !busy(out)) {
        return Ok(Some(format!("one of three fails, and not because another is at work: {}", words(out))));
    }
    // Variants of an ablation are recorded one by one, so that each may have one that the others miss.
    if job.job.verb != "ablate" && all.iter().all(|out| !out.status.success()) {
        return Ok(Some("each of three says that another one is at work".to_owned()));
    }
    job.finish(folder)
}

/// Starts all, then waits for all.
fn together(job: &Prepared, folder: &Path, commands: &[&str], worlds: bool) -> Result<Vec<Output>> {
    let mut children = Vec::new();
    for words in commands {
        let mut command = job.command(folder, words);
        if worlds {
            let mut outer = Command::new("unshare");
            outer.args(["--pid", "--fork"]).arg(command.get_program()).args(command.get_args());
            outer.current_dir(folder).stdin(std::process::Stdio::null());
            outer.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command = outer;
        }
        children.push(command.spawn()?);
    }
    // Words on stderr are few: no pipe runs full while another is read.
    children.into_iter().map(|child| Ok(child.wait_with_output()?)).collect()
}
