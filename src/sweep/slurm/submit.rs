//! Writes the scripts and hands them to Slurm.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::arrays::{Array, deal};
use super::commands::{self, Phase};
use super::script::Scripts;
use super::submission::{self, Submission, Submitted};
use super::work::{SkippedTask, Work};
use super::{SlurmError, SlurmSettings};
use crate::files::{self, FileKind};
use crate::sweep::folder::{Folder, MANIFEST};
use crate::sweep::manifest::State;
use crate::sweep::{Manifest, Plan, SweepError};

/// Slurm's own default, for a dry run on a machine without Slurm.
const USUAL_ARRAY_SIZE: u32 = 1001;

/// A sweep for a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The tasks.
    pub plan: &'a Plan,
    /// The folder of the sweep, an absolute path that the nodes see too.
    pub folder: &'a Path,
    /// What the cluster is asked for.
    pub settings: &'a SlurmSettings,
    /// This program, an absolute path.
    pub program: &'a Path,
    /// The command that this came from.
    pub command: &'a str,
    /// Threads to measure the tasks with.
    pub threads: usize,
    /// Drop what another sweep has left in the folder.
    pub force: bool,
    /// Set when the work is to stop.
    pub stop: &'a AtomicBool,
}

/// What is, or would be, submitted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Draft {
    /// Folder of the submission; None where there is nothing to submit.
    pub folder: Option<PathBuf>,
    /// Name of the jobs.
    pub name: String,
    /// Scripts by their names: the arrays, then the merge.
    pub scripts: Vec<(String, String)>,
    /// Array tasks.
    pub units: usize,
    /// Time of all of them on one thread, s.
    pub seconds: f64,
    /// Time of the longest array task, s.
    pub longest: f64,
    /// Tasks whose recording is whole.
    pub done: usize,
    /// Tasks with work in this submission.
    pub tasks: usize,
    /// Tasks that cannot be recorded.
    pub skipped: Vec<SkippedTask>,
    /// Slurm's numbers of the arrays and, last, of the merge. Empty in a dry run.
    pub jobs: Vec<u64>,
    /// MaxArraySize where the cluster could not be asked for it.
    pub assumed_array_size: Option<u32>,
    /// Digest of the whole sweep's content, when every task is done already.
    pub content_sha256: Option<String>,
}

/// Name of the jobs of a sweep: recognisable in `squeue`, and no other sweep's.
pub(super) fn job_name(folder: &Path) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = folder.file_name().unwrap_or_default().to_string_lossy().chars().map(plain).take(32).collect();
    let hash = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let hash: String = hash.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("dynsparse-{name}-{hash}")
}

/// What would be submitted; nothing is written.
///
/// # Errors
/// [`SlurmError`].
pub fn draft_submission(request: &Request<'_>) -> Result<Draft, SlurmError> {
    request.settings.validate()?;
    request.scripts("", request.folder)?;
    let there = if request.force { None } else { Manifest::read(&request.folder.join(MANIFEST))? };
    if let Some(difference) = there.as_ref().and_then(|there| Manifest::new(request.plan).difference(there)) {
        return Err(SweepError::OtherSweep { folder: request.folder.to_owned(), difference }.into());
    }
    let work = Work::find(request, there.as_ref(), false)?;
    let (size, assumed) = match request.settings.max_array_size {
        Some(size) => (size, None),
        None => match commands::max_array_size() {
            Err(SlurmError::Missing { .. }) => (USUAL_ARRAY_SIZE, Some(USUAL_ARRAY_SIZE)),
            other => (other?, None),
        },
    };
    let folder = submission::name_next(request.folder);
    let mut draft = Draft::new(request, &work, there.as_ref());
    draft.assumed_array_size = assumed;
    if !work.is_nothing() {
        let arrays = deal(work.units.len(), size, request.settings.max_running);
        draft.scripts = request.scripts(&draft.name, &folder)?.all(&arrays);
        draft.folder = Some(folder);
    }
    Ok(draft)
}

/// Submits what is missing. All or nothing: when sbatch refuses one script, the jobs of the others are
/// cancelled.
///
/// # Errors
/// [`SlurmError`]; [`SlurmError::Queued`] while jobs of an earlier submission are there.
pub fn submit(request: &Request<'_>) -> Result<Draft, SlurmError> {
    request.settings.validate()?;
    let name = job_name(request.folder);
    request.scripts(&name, request.folder)?;
    let size = match request.settings.max_array_size {
        Some(size) => size,
        None => commands::max_array_size()?,
    };
    // The lock of the sweep itself cannot be held: the first array tasks may begin before the last is submitted.
    let _alone = submission::lock(request.folder)?;
    refuse_queued(&name)?;
    let folder = Folder::open(request.folder, true)?;
    let mut manifest = folder.settle(request.plan, request.force)?;
    let work = Work::find(request, Some(&manifest), true)?;
    let mut draft = Draft::new(request, &work, Some(&manifest));
    if work.is_nothing() {
        return Ok(draft);
    }
    settle(&folder, &mut manifest, &work, request)?;
    drop(folder);

    let arrays = deal(work.units.len(), size, request.settings.max_running);
    let place = submission::next_folder(request.folder)?;
    draft.scripts = request.scripts(&name, &place)?.all(&arrays);
    for (script, text) in &draft.scripts {
        let path = place.join(script);
        files::replace_ours(&path, text.as_bytes()).map_err(|e| SlurmError::file(e.file, e.message))?;
    }
    let assets = absolute(request.plan.assets.root())?;
    let mut note = Submission::new(request.folder, name, &assets, request.command.to_owned(), request.settings.clone());
    note.units = work.units;
    note.arrays = arrays
        .iter()
        .zip(&draft.scripts)
        .map(|(a, (script, _))| Submitted {
            script: script.clone(),
            first: a.units.start,
            units: a.units.len(),
            job: None,
        })
        .collect();
    note.write(&place)?;
    if let Err(error) = hand_over(&mut note, &place, &arrays, &draft.scripts) {
        let jobs: Vec<u64> = note.arrays.iter().filter_map(|a| a.job).collect();
        if !jobs.is_empty() {
            commands::cancel(&jobs)?;
        }
        let _ = std::fs::remove_dir_all(&place);
        return Err(error);
    }
    draft.jobs = note.arrays.iter().filter_map(|a| a.job).chain(note.merge).collect();
    draft.folder = Some(place);
    Ok(draft)
}

/// Submits the arrays and the merge, and notes each number at once.
fn hand_over(
    note: &mut Submission,
    place: &Path,
    arrays: &[Array],
    scripts: &[(String, String)],
) -> Result<(), SlurmError> {
    for (i, array) in arrays.iter().enumerate() {
        let after: Vec<u64> = array.after.and_then(|before| note.arrays[before].job).into_iter().collect();
        note.arrays[i].job = Some(commands::submit(&place.join(&note.arrays[i].script), &after)?);
        note.write(place)?;
    }
    let jobs: Vec<u64> = note.arrays.iter().filter_map(|a| a.job).collect();
    if let Some((script, _)) = scripts.last() {
        note.merge = Some(commands::submit(&place.join(script), &jobs)?);
    }
    note.write(place)
}

/// A recording that is not what the manifest says is in the way of its own shards: it goes, and its task is
/// open again. What was measured is kept.
fn settle(folder: &Folder, manifest: &mut Manifest, work: &Work, request: &Request<'_>) -> Result<(), SlurmError> {
    for (name, estimate) in &work.estimates {
        if let Some(entry) = manifest.tasks.get_mut(name) {
            entry.estimate = Some(*estimate);
        }
    }
    for name in &work.damaged {
        tracing::warn!("{name}: its recording is not what the manifest says, it is recorded again");
        if let Some(entry) = manifest.tasks.get_mut(name) {
            let file = request.folder.join(&entry.file);
            if !FileKind::Hdf5.fits(&file) {
                return Err(SlurmError::file(&file, "is in the way and no HDF5 file; remove it"));
            }
            match std::fs::remove_file(&file) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(SlurmError::file(&file, e)),
                _ => entry.state = State::Pending,
            }
        }
    }
    manifest.content_sha256 = manifest.content();
    Ok(folder.write(manifest)?)
}

/// Refuses work in a folder whose jobs are in the queue. Nothing is asked where nothing was ever submitted, and a
/// machine that has no queue to ask cannot refuse.
///
/// # Errors
/// [`SlurmError::Queued`].
pub fn check_idle(folder: &Path) -> Result<(), SlurmError> {
    if submission::folders(folder)?.is_empty() {
        return Ok(());
    }
    match refuse_queued(&job_name(&absolute(folder)?)) {
        Err(error @ SlurmError::Queued { .. }) => Err(error),
        _ => Ok(()),
    }
}

/// Refuses while jobs of the sweep are in the queue.
fn refuse_queued(name: &str) -> Result<(), SlurmError> {
    let queue = commands::queue(name)?;
    let count = |phase: &[Phase]| queue.iter().filter(|q| phase.contains(&q.phase())).count();
    let (running, pending) = (count(&[Phase::Running, Phase::Completing]), count(&[Phase::Pending]));
    if running + pending == 0 {
        return Ok(());
    }
    Err(SlurmError::Queued { queued: format!("{running} running, {pending} pending"), name: name.to_owned() })
}

fn absolute(path: &Path) -> Result<PathBuf, SlurmError> {
    std::path::absolute(path).map_err(|e| SlurmError::file(path, e))
}

impl Work {
    /// Whether there is nothing to record and nothing to join.
    fn is_nothing(&self) -> bool {
        self.units.is_empty() && self.to_join.is_empty()
    }

    /// Whether that is because every recording is whole.
    fn is_all_done(&self) -> bool {
        self.is_nothing() && self.skipped.is_empty() && self.damaged.is_empty()
    }
}

impl Draft {
    fn new(request: &Request<'_>, work: &Work, manifest: Option<&Manifest>) -> Self {
        let mut tasks: Vec<&str> = work.units.iter().map(|u| u.task.as_str()).collect();
        tasks.sort_unstable();
        tasks.dedup();
        Self {
            folder: None,
            name: job_name(request.folder),
            scripts: Vec::new(),
            units: work.units.len(),
            seconds: work.seconds,
            longest: work.longest,
            done: work.done.len(),
            tasks: tasks.len(),
            skipped: work.skipped.clone(),
            jobs: Vec::new(),
            assumed_array_size: None,
            content_sha256: manifest.and_then(|m| m.content_sha256.clone()).filter(|_| work.is_all_done()),
        }
    }
}

impl Request<'_> {
    fn scripts<'b>(&'b self, name: &'b str, folder: &'b Path) -> Result<Scripts<'b>, SlurmError> {
        let scripts = Scripts { settings: self.settings, name, folder, program: self.program };
        scripts.check_folder()?;
        Ok(scripts)
    }
}

impl Scripts<'_> {
    /// All scripts by their names: the arrays, then the merge.
    fn all(&self, arrays: &[Array]) -> Vec<(String, String)> {
        let array = |(i, array): (usize, &Array)| (format!("array-{}.sh", i + 1), self.array(array));
        let mut scripts: Vec<_> = arrays.iter().enumerate().map(array).collect();
        scripts.push(("merge.sh".to_owned(), self.merge()));
        scripts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_jobs_tell_sweeps_apart() {
        let name = job_name(Path::new("/project/my sweep"));
        assert!(name.starts_with("dynsparse-my-sweep-"), "{name}");
        assert_ne!(name, job_name(Path::new("/scratch/my sweep")));
        assert_eq!(name, job_name(Path::new("/project/my sweep")));
        assert!(job_name(Path::new("/a,b")).starts_with("dynsparse-a-b-"));
    }
}
