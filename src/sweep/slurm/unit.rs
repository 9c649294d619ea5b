//! What an array task does.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::SlurmError;
use super::commands::{self, Phase};
use super::submission::{Said, Submission, Unit, UnitFile};
use crate::record::finished_episodes;
use crate::sweep::{How, Manifest, Plan, Planned, Share, SweepError, SweepWatch, TaskOutcome, run_unit};
use crate::task::{Assets, file_stem};

/// How an array task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitEnd {
    /// All its episodes are there.
    Done,
    /// It was asked to stop, and the rest waits for later.
    Stopped,
}

/// Records the episodes of a unit of the submission in `folder`. `stop` asks it to end; `time_is_up` says that
/// the time limit is the reason. Where Slurm has not decided what becomes of the job, it goes back into the
/// queue.
///
/// # Errors
/// [`SlurmError`]; why the unit failed is also in its file.
pub fn run_unit_of(
    folder: &Path,
    number: usize,
    stop: &AtomicBool,
    time_is_up: &AtomicBool,
    watch: &dyn SweepWatch,
) -> Result<UnitEnd, SlurmError> {
    let note = Submission::read(folder)?;
    let unit = note.units.get(number).ok_or_else(|| SlurmError::NoUnit { unit: number, folder: folder.to_owned() })?;
    let before = UnitFile::read(folder, number)?;
    let mut file = UnitFile {
        state: Said::Running,
        starts: before.map_or(0, |f| f.starts).saturating_add(1),
        host: gethostname::gethostname().to_string_lossy().into_owned(),
        reason: None,
    };
    file.write(folder, number)?;
    let failed = |mut file: UnitFile, reason: String| {
        file.state = Said::Failed;
        file.reason = Some(reason.clone());
        file.write(folder, number)?;
        Err(SlurmError::Unit { task: unit.task.clone(), part: unit.part, of: unit.of, reason })
    };
    let output = note.sweep.join(format!("{}.h5", file_stem(&unit.task)));
    let missing_before = unit.missing(&finished_episodes(&output)?);
    match record(&note, unit, stop, watch) {
        Ok(()) => {
            file.state = Said::Done;
            file.write(folder, number)?;
            Ok(UnitEnd::Done)
        }
        Err(SlurmError::Sweep(SweepError::Stopped)) => {
            let up = time_is_up.load(Ordering::Relaxed);
            if up && unit.missing(&finished_episodes(&output)?) == missing_before {
                // It would be so for ever.
                return failed(file, "no episode was finished before the time limit; raise slurm.time".to_owned());
            }
            file.state = Said::Stopped;
            file.reason = Some(if up { "the time limit came" } else { "it was told to stop" }.to_owned());
            file.write(folder, number)?;
            tracing::warn!("unit {number}: {}; finished episodes are kept", file.reason.as_deref().unwrap_or_default());
            if note.settings.requeues() {
                requeue(&mut file);
                file.write(folder, number)?;
            }
            Ok(UnitEnd::Stopped)
        }
        Err(error) => failed(file, error.to_string()),
    }
}

fn record(note: &Submission, unit: &Unit, stop: &AtomicBool, watch: &dyn SweepWatch) -> Result<(), SlurmError> {
    let plan = plan(note)?;
    let threads = note.settings.threads();
    let share = Share::Shard(unit.part, unit.of);
    let how = How { folder: &note.sweep, threads, share, force: false, stop };
    let report = run_unit(&plan, &unit.task, (unit.part, unit.of), &how, watch)?;
    match report.outcome {
        TaskOutcome::Failed { reason } => Err(SweepError::Setting(reason).into()),
        TaskOutcome::MissingAssets { reason, .. } => Err(SweepError::Setting(reason).into()),
        _ => Ok(()),
    }
}

/// The plan as it was submitted: settings changed since then are another sweep's.
pub(super) fn plan(note: &Submission) -> Result<Plan, SlurmError> {
    let manifest = Manifest::of(&note.sweep)?;
    let tasks = manifest.tasks.into_iter().map(|(name, e)| Planned { name, suite: e.suite, settings: e.settings });
    // A container has its own folder of model files, and says so in the environment.
    let assets = if note.assets.is_dir() { Assets::find(Some(&note.assets)) } else { Assets::find(None) };
    Ok(Plan { tasks: tasks.collect(), assets })
}

/// A job that was only signalled, by its time limit or before a preemption, has to go back into the queue by
/// itself. One that was cancelled, or that Slurm sends back, is on its way out already.
fn requeue(file: &mut UnitFile) {
    let Some(job) = own_job() else { return };
    let asked = match commands::job(&job) {
        Ok(Some(there)) if there.phase() == Phase::Running => commands::requeue(&job),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = asked {
        let why = file.reason.take().unwrap_or_default();
        file.reason = Some(format!("{why}, and it cannot go back into the queue: {error}"));
    }
}

/// The job of this process, as Slurm's commands take it. One task of every array has the number of the array as its
/// SLURM_JOB_ID, and the commands would take that for all of its tasks.
fn own_job() -> Option<String> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (variable("SLURM_ARRAY_JOB_ID"), variable("SLURM_ARRAY_TASK_ID")) {
        (Some(array), Some(index)) => Some(format!("{array}_{index}")),
        _ => variable("SLURM_JOB_ID"),
    }
}
