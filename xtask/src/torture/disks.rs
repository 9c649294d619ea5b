//! Disks that are full: a file system of a few pages where one can be mounted, else a limit on the size of files.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result};

use super::Tally;
use super::dice::Dice;
use super::folder;
use super::job::{Prepared, refused, words};
use crate::place::{say, tell};

/// Mounts a file system of $1 KiB in the folder $2, in a name space of its own, fills it with the folder $3 and runs the
/// rest. What is there then is copied to the folder $4, where there is room.
const MOUNTED: &str = r#"
size=$1 at=$2 seed=$3 left=$4; shift 4
mount -t tmpfs -o size="$size"k none "$at" && cp -a "$seed/." "$at" && cd "$at" || exit 99
"$@"
code=$?
cp -a . "$left" || exit 99
exit $code"#;

/// A limit of $1 blocks on every file.
const LIMITED: &str = r#"ulimit -f "$1"; shift; exec "$@""#;

/// As many full disks as asked for, dealt to all jobs and both ways.
pub(crate) fn run(jobs: &[Prepared], disks: u64, failures: &Path, dice: &mut Dice, tally: &mut Tally) -> Result<()> {
    let mounts = disks > 0 && can_mount()?;
    if disks > 0 && !mounts {
        say("full disks", "no file system can be mounted here: limits on the size of files stand in");
    }
    // What fits is no full disk.
    let (mut full, mut tries) = (0, 0);
    while full < disks && tries < 20 * disks {
        let job = &jobs[usize::try_from(tries)? % jobs.len()];
        tries += 1;
        let mounted = mounts && tries % 2 == 0;
        let folder = if mounted { tempfile::tempdir()? } else { job.fresh()? };
        let out = if mounted { on_a_small_disk(job, folder.path(), dice)? } else { limited(job, folder.path(), dice)? };
        if out.status.code() == Some(99) {
            continue;
        }
        if !out.status.success() {
            full += 1;
            tally.count(job.job.verb, if mounted { "full disks" } else { "limits on files" });
            if full % 25 == 0 {
                tell(format_args!("{full} of {disks} full disks"));
            }
        }
        if !out.status.success() && !refused(&out) {
            tally.fault(
                job.job.verb,
                &format!("a full disk is no error line: {}", words(&out)),
                folder.path(),
                failures,
            );
            continue;
        }
        if let Some(what) = job.finish(folder.path())? {
            let said = words(&out);
            tally.fault(job.job.verb, &format!("after a full disk ({said}): {what}"), folder.path(), failures);
        }
    }
    Ok(())
}

/// Whether a file system can be mounted in a name space of its own.
fn can_mount() -> Result<bool> {
    let at = tempfile::tempdir()?;
    let line = r#"mount -t tmpfs -o size=64k none "$1""#;
    let tried = Command::new("unshare").args(["--mount", "sh", "-c", line, "sh"]).arg(at.path()).output();
    Ok(tried.is_ok_and(|out| out.status.success()))
}

/// A disk that holds what is there before and a part of what comes. The empty `folder` gets what was left in the end.
fn on_a_small_disk(job: &Prepared, folder: &Path, dice: &mut Dice) -> Result<Output> {
    let seed = job.fresh()?;
    let before: usize = folder::files(seed.path())?.values().map(Vec::len).sum();
    let after: usize = job.expected.values().map(Vec::len).sum();
    let room = dice.below(after.saturating_sub(before).max(1) as u64 + 16_384) / 1024;
    // A file takes whole pages.
    let pages = 4 * (job.expected.len() as u64 + 1);
    let size = before as u64 / 1024 + pages / 2 + room;
    let at = tempfile::tempdir()?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", MOUNTED, "sh", &size.to_string()]);
    command.arg(at.path()).arg(seed.path()).arg(folder).arg(&job.program).args(job.job.command.split(' '));
    command.output().context("unshare cannot be started")
}

/// Files no longer than a random length.
fn limited(job: &Prepared, folder: &Path, dice: &mut Dice) -> Result<Output> {
    let largest = job.expected.values().map(Vec::len).max().unwrap_or(0) as u64;
    // A shell counts in blocks of 512 or 1024 bytes.
    let blocks = dice.below(largest / 512 + 1);
    let mut command = Command::new("sh");
    command.args(["-c", LIMITED, "sh", &blocks.to_string()]).arg(&job.program).args(job.job.command.split(' '));
    command.current_dir(folder).output().context("sh cannot be started")
}
