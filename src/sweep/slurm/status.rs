//! How far a sweep on a cluster is: from the manifest, the shards, the files of the units and the queue.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::SlurmError;
use super::commands::{self, Phase, Queued};
use super::submission::{self, MergeFile, Said, Submission, Unit, UnitFile};
use crate::record::finished_episodes;
use crate::sweep::Manifest;
use crate::sweep::manifest::State;

/// Where an array task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitPlace {
    /// In the queue, or in it again.
    Pending,
    /// On a node.
    Running,
    /// All its episodes are there.
    Done,
    /// It has ended without them.
    Failed,
    /// It has begun and not ended, and the queue cannot be asked.
    Unknown,
}

/// An array task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnitStatus {
    /// Number of the unit.
    pub unit: usize,
    /// Job and index, `41_3`; empty when it was not submitted.
    pub job: String,
    /// The task.
    pub task: String,
    /// Part, from 1.
    pub part: u64,
    /// Number of parts.
    pub of: u64,
    /// Episodes of the part.
    pub episodes: u64,
    /// How many of them are there.
    pub finished: u64,
    /// Where it is.
    pub state: UnitPlace,
    /// How often it was begun.
    pub starts: u32,
    /// Why it failed or waits; empty where there is nothing to say.
    pub reason: String,
    /// Its log, in the folder of the submission.
    pub log: String,
}

/// A task of the sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskStatus {
    /// Its name.
    pub name: String,
    /// What the manifest says: `done`, `pending`, `failed` or `missing_assets`.
    pub status: &'static str,
    /// Why, where it is neither done nor pending.
    pub reason: String,
    /// Episodes that were asked for; None where that was never found out.
    pub episodes: Option<u64>,
    /// How many of them are there.
    pub finished: u64,
    /// Its array tasks on a node.
    pub running: usize,
    /// Its array tasks in the queue.
    pub pending: usize,
    /// Its array tasks that have ended without their episodes.
    pub failed: usize,
}

/// A sweep on a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Folder of the last submission.
    pub folder: std::path::PathBuf,
    /// Name of its jobs.
    pub name: String,
    /// The tasks, by name.
    pub tasks: Vec<TaskStatus>,
    /// The array tasks of the last submission.
    pub units: Vec<UnitStatus>,
    /// The job that checks and joins.
    pub merge_job: Option<u64>,
    /// Where that job is.
    pub merge: UnitPlace,
    /// Why it failed or waits.
    pub merge_reason: String,
    /// Digest of the whole sweep's content, when every task is done.
    pub content_sha256: Option<String>,
    /// The command that goes on with the sweep.
    pub command: String,
    /// Why the queue could not be asked.
    pub no_queue: Option<String>,
}

impl Status {
    /// Whether there is nothing left to wait for.
    pub fn is_over(&self) -> bool {
        !matches!(self.merge, UnitPlace::Pending | UnitPlace::Running | UnitPlace::Unknown)
            && !self
                .units
                .iter()
                .any(|u| matches!(u.state, UnitPlace::Pending | UnitPlace::Running | UnitPlace::Unknown))
    }
}

/// How far the sweep in a folder is.
///
/// # Errors
/// [`SlurmError`]; [`SlurmError::NoSubmission`] when it never was on a cluster. A queue that cannot be asked is
/// no error.
pub fn status(sweep: &Path) -> Result<Status, SlurmError> {
    let last = submission::folders(sweep)?.pop();
    let folder = last.ok_or_else(|| SlurmError::NoSubmission { folder: sweep.to_owned() })?;
    let note = Submission::read(&folder)?;
    let queue = commands::queue(&note.name);
    let no_queue = queue.as_ref().err().map(ToString::to_string);
    let queue = queue.ok();
    // Of the folder that was asked for: a sweep may have been copied from the cluster since.
    let manifest = Manifest::of(sweep)?;
    let present = present(sweep, &manifest)?;
    let units = units(&note, &folder, sweep, &manifest, &present, queue.as_deref())?;
    let (merge, merge_reason) = merge(&note, &folder, queue.as_deref())?;
    let tasks = manifest.tasks.iter().map(|(name, entry)| {
        let count = |state: UnitPlace| units.iter().filter(|u| u.task == *name && u.state == state).count();
        let (status, reason) = match &entry.state {
            State::Done(_) => ("done", String::new()),
            State::Pending => ("pending", String::new()),
            State::Failed { reason } => ("failed", reason.clone()),
            State::MissingAssets { reason, fix } => ("missing_assets", format!("{reason}; {fix}")),
        };
        let known = entry.estimate.map(|e| e.episodes).or(entry.settings.episodes);
        let (episodes, finished) = match &entry.state {
            State::Done(done) => (Some(done.episodes), done.episodes),
            _ => {
                let there = present.get(name).map_or(0, |p| p.range(..known.unwrap_or(u64::MAX)).count() as u64);
                (known, there)
            }
        };
        let (running, pending, failed) =
            (count(UnitPlace::Running), count(UnitPlace::Pending), count(UnitPlace::Failed));
        TaskStatus { name: name.clone(), status, reason, episodes, finished, running, pending, failed }
    });
    Ok(Status {
        tasks: tasks.collect(),
        name: note.name.clone(),
        merge_job: note.merge,
        merge,
        merge_reason,
        content_sha256: manifest.content_sha256.clone(),
        command: note.command.clone(),
        no_queue,
        units,
        folder,
    })
}

/// The finished episodes of every task that is not done.
fn present(sweep: &Path, manifest: &Manifest) -> Result<BTreeMap<String, BTreeSet<u64>>, SlurmError> {
    let open = manifest.tasks.iter().filter(|(_, e)| !matches!(e.state, State::Done(_)));
    open.map(|(name, e)| Ok((name.clone(), finished_episodes(&sweep.join(&e.file))?))).collect()
}

/// The array tasks of a submission.
///
/// # Errors
/// [`SlurmError::File`].
pub(super) fn units(
    note: &Submission,
    folder: &Path,
    sweep: &Path,
    manifest: &Manifest,
    present: &BTreeMap<String, BTreeSet<u64>>,
    queue: Option<&[Queued]>,
) -> Result<Vec<UnitStatus>, SlurmError> {
    let mut found = Vec::with_capacity(note.units.len());
    for (number, unit) in note.units.iter().enumerate() {
        let done = matches!(manifest.tasks.get(&unit.task).map(|e| &e.state), Some(State::Done(_)));
        let whole = done || sweep.join(format!("{}.h5", crate::task::file_stem(&unit.task))).is_file();
        let missing = match present.get(&unit.task) {
            _ if whole => 0,
            Some(present) => unit.missing(present),
            None => unit.episodes,
        };
        let file = UnitFile::read(folder, number)?;
        let task = note.task_of(number);
        let queued = task.and_then(|(job, index)| find(queue?, job, Some(index)));
        let (state, reason) = judge(missing, file.as_ref(), queue.is_some(), queued);
        found.push(status_of(number, unit, missing, state, reason, file.as_ref(), task));
    }
    // Queue and files are silent about some: accounting may still know.
    let silent = |u: &UnitStatus| u.state == UnitPlace::Failed && (u.reason == VANISHED || u.reason == NEVER_BEGAN);
    if found.iter().any(silent) {
        let jobs: Vec<u64> = note.arrays.iter().filter_map(|a| a.job).collect();
        let history = commands::history(&jobs);
        for unit in found.iter_mut().filter(|u| silent(u)) {
            let task = note.task_of(unit.unit);
            if let Some(old) = task.and_then(|(job, index)| find(&history, job, Some(index))) {
                unit.reason = in_words(&old.state, &old.reason, &unit.reason);
            }
        }
    }
    Ok(found)
}

fn status_of(
    number: usize,
    unit: &Unit,
    missing: u64,
    state: UnitPlace,
    reason: String,
    file: Option<&UnitFile>,
    task: Option<(u64, u64)>,
) -> UnitStatus {
    UnitStatus {
        unit: number,
        job: task.map(|(job, index)| format!("{job}_{index}")).unwrap_or_default(),
        task: unit.task.clone(),
        part: unit.part,
        of: unit.of,
        episodes: unit.episodes,
        finished: unit.episodes - missing,
        state,
        starts: file.map_or(0, |f| f.starts),
        reason,
        log: task.map(|(job, index)| format!("logs/{job}_{index}.log")).unwrap_or_default(),
    }
}

fn find(queue: &[Queued], job: u64, index: Option<u64>) -> Option<&Queued> {
    queue.iter().find(|q| q.job == job && q.index == index)
}

const VANISHED: &str = "it ended without a word: killed, out of memory, or its node failed";
const NEVER_BEGAN: &str = "it never began; its log may say why";

/// Where a unit is, and why, from all that is known of it.
fn judge(missing: u64, file: Option<&UnitFile>, asked: bool, queued: Option<&Queued>) -> (UnitPlace, String) {
    if missing == 0 {
        return (UnitPlace::Done, String::new());
    }
    let said = file.map(|f| f.state);
    match queued.map(|q| (q, q.phase())) {
        Some((q, Phase::Pending)) => {
            let again = file.map_or(String::new(), |f| format!("begun {} times, ", f.starts));
            return (UnitPlace::Pending, format!("{again}{}", q.reason));
        }
        Some((_, Phase::Running | Phase::Completing)) => return (UnitPlace::Running, String::new()),
        _ => {}
    }
    let reason = file.and_then(|f| f.reason.clone());
    match said {
        Some(Said::Failed | Said::Stopped) => (UnitPlace::Failed, reason.unwrap_or_else(|| "it stopped".to_owned())),
        Some(Said::Done) => (UnitPlace::Failed, "its episodes were there and are gone".to_owned()),
        _ if !asked => (UnitPlace::Unknown, String::new()),
        said => {
            let nothing = if said.is_some() { VANISHED } else { NEVER_BEGAN };
            let words = queued.map(|q| in_words(&q.state, &q.reason, nothing));
            (UnitPlace::Failed, words.unwrap_or_else(|| nothing.to_owned()))
        }
    }
}

/// Slurm's word for the end of a job, and what to do about it.
fn in_words(state: &str, reason: &str, nothing: &str) -> String {
    match state {
        "OUT_OF_MEMORY" => "it ran out of memory; raise slurm.mem".to_owned(),
        "TIMEOUT" | "DEADLINE" => "it ran out of time; raise slurm.time".to_owned(),
        "NODE_FAIL" | "BOOT_FAIL" => "its node failed".to_owned(),
        "PREEMPTED" => "it was preempted; set slurm.requeue = true".to_owned(),
        "CANCELLED" => "it was cancelled".to_owned(),
        // Slurm says so of a program that was killed, too.
        "FAILED" if reason == "JobLaunchFailure" && nothing == NEVER_BEGAN => {
            "Slurm could not start it; can the nodes see the sweep's folder?".to_owned()
        }
        "FAILED" | "COMPLETED" | "" => nothing.to_owned(),
        other => format!("{nothing} ({other})"),
    }
}

fn merge(note: &Submission, folder: &Path, queue: Option<&[Queued]>) -> Result<(UnitPlace, String), SlurmError> {
    let queued = note.merge.and_then(|job| find(queue?, job, None));
    match queued.map(|q| (q, q.phase())) {
        Some((q, Phase::Pending)) => return Ok((UnitPlace::Pending, q.reason.clone())),
        Some((_, Phase::Running | Phase::Completing)) => return Ok((UnitPlace::Running, String::new())),
        _ => {}
    }
    Ok(match MergeFile::read(folder)? {
        Some(MergeFile { reason: None, .. }) => (UnitPlace::Done, String::new()),
        Some(MergeFile { reason: Some(reason), .. }) => (UnitPlace::Failed, reason),
        None if queue.is_none() => (UnitPlace::Unknown, String::new()),
        None if note.merge.is_none() => (UnitPlace::Failed, "it was not submitted".to_owned()),
        None => {
            let words = queued.map(|q| in_words(&q.state, &q.reason, VANISHED));
            (UnitPlace::Failed, words.unwrap_or_else(|| VANISHED.to_owned()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(state: Said, reason: Option<&str>) -> UnitFile {
        UnitFile { state, starts: 2, host: "n1".to_owned(), reason: reason.map(str::to_owned) }
    }

    fn queued(state: &str, reason: &str) -> Queued {
        Queued { job: 41, index: Some(3), state: state.to_owned(), reason: reason.to_owned() }
    }

    #[test]
    fn a_unit_is_judged_by_its_episodes_first_and_the_queue_next() {
        let judge = |missing, file: Option<&UnitFile>, queue: Option<&Queued>| judge(missing, file, true, queue);
        let running = file(Said::Running, None);
        assert_eq!(judge(0, Some(&running), Some(&queued("FAILED", "None"))).0, UnitPlace::Done);
        assert_eq!(judge(1, None, Some(&queued("PENDING", "Priority"))), (UnitPlace::Pending, "Priority".to_owned()));
        let again = judge(1, Some(&file(Said::Stopped, Some("x"))), Some(&queued("PENDING", "BeginTime")));
        assert_eq!(again, (UnitPlace::Pending, "begun 2 times, BeginTime".to_owned()));
        assert_eq!(judge(1, Some(&running), Some(&queued("COMPLETING", "None"))).0, UnitPlace::Running);
        let failed = judge(1, Some(&file(Said::Failed, Some("no disk"))), Some(&queued("FAILED", "NonZeroExitCode")));
        assert_eq!(failed, (UnitPlace::Failed, "no disk".to_owned()));
    }

    #[test]
    fn a_unit_that_died_says_what_slurm_knows() {
        let running = file(Said::Running, None);
        for (file, queued, word) in [
            (Some(&running), Some(queued("OUT_OF_MEMORY", "OutOfMemory")), "slurm.mem"),
            (Some(&running), Some(queued("NODE_FAIL", "NodeDown")), "node failed"),
            (Some(&running), Some(queued("TIMEOUT", "TimeLimit")), "slurm.time"),
            (Some(&running), Some(queued("FAILED", "JobLaunchFailure")), "without a word"),
            (Some(&running), None, "without a word"),
            (None, Some(queued("CANCELLED", "None")), "cancelled"),
            (None, Some(queued("FAILED", "JobLaunchFailure")), "could not start it"),
            (None, None, "never began"),
        ] {
            let (state, reason) = judge(2, file, true, queued.as_ref());
            assert_eq!(state, UnitPlace::Failed);
            assert!(reason.contains(word), "{reason}");
        }
        assert_eq!(judge(2, Some(&running), false, None).0, UnitPlace::Unknown);
        assert_eq!(judge(2, None, false, None).0, UnitPlace::Unknown);
    }
}
