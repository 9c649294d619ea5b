//! Runs a sweep: every task in turn, the longest first, all on one budget of threads.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::cost::measure_some;
use super::folder::Folder;
use super::manifest::{Done, Manifest, State};
use super::{Estimate, Plan, Planned, SweepError, unit};
use crate::dataset::schema::{Axis, attribute};
use crate::dataset::{COMPLETED, DatasetError, Recording, file_sha256};
use crate::files::FileKind;
use crate::record::{self, Budget, Permit, Prepared, RecordError, RecordProgress, Run, check_content};
use crate::task::TaskError;

/// Which part of a sweep a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// All of it.
    Whole,
    /// Part `.0` of `.1` (from 1) of every task's episodes; nothing is joined.
    Shard(u64, u64),
    /// Nothing is recorded, what is there is joined.
    Merge,
}

/// How to run a sweep, which does not change its result.
#[derive(Debug, Clone, Copy)]
pub struct How<'a> {
    /// The folder of the sweep.
    pub folder: &'a Path,
    /// Threads of all tasks together.
    pub threads: usize,
    /// Which part.
    pub share: Share,
    /// Start anew where the folder holds something else.
    pub force: bool,
    /// Set when the work is to stop.
    pub stop: &'a AtomicBool,
}

/// Told what happens. Called from many threads.
pub trait SweepWatch: Sync {
    /// Costs are being measured, or tasks begin: `tasks` of them, and what they are thought to take on one
    /// thread, s, where that is known.
    fn planned(&self, tasks: usize, seconds: Option<f64>);
    /// A task begins; its recording tells the value returned how it comes along.
    fn begin(&self, task: &str) -> Arc<dyn RecordProgress + Send + Sync>;
    /// A task has ended.
    fn end(&self, report: &TaskReport);
}

/// What became of a task in this run.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskOutcome {
    /// It was recorded now.
    Recorded(Done),
    /// It was there already, with the checksum of the manifest.
    Kept(Done),
    /// This process's part of it is recorded.
    Part,
    /// It could not be recorded.
    Failed {
        /// Why.
        reason: String,
    },
    /// Its model files are not there.
    MissingAssets {
        /// What is missing.
        reason: String,
        /// The command that fetches it.
        fix: String,
    },
    /// The work was stopped before or while it was recorded.
    Stopped,
}

impl TaskOutcome {
    /// What the manifest says of it; None where it says what it said.
    pub(super) fn state(&self) -> Option<State> {
        match self {
            Self::Recorded(done) | Self::Kept(done) => Some(State::Done(done.clone())),
            Self::Failed { reason } => Some(State::Failed { reason: reason.clone() }),
            Self::MissingAssets { reason, fix } => {
                Some(State::MissingAssets { reason: reason.clone(), fix: fix.clone() })
            }
            Self::Part | Self::Stopped => None,
        }
    }

    /// The recording, when there is one.
    pub fn done(&self) -> Option<&Done> {
        match self {
            Self::Recorded(done) | Self::Kept(done) => Some(done),
            _ => None,
        }
    }

    /// Whether it is as it should be.
    pub fn good(&self) -> bool {
        matches!(self, Self::Recorded(_) | Self::Kept(_) | Self::Part)
    }
}

/// One task after a run.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskReport {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub outcome: TaskOutcome,
    /// Wall-clock time that this run spent on it, s.
    pub seconds: f64,
}

/// A sweep after a run.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepReport {
    /// The tasks, by name.
    pub tasks: Vec<TaskReport>,
    /// Digest of the whole sweep's content, when every task is done.
    pub content_sha256: Option<String>,
}

/// Runs a sweep, or a part of it.
///
/// # Errors
/// [`SweepError`] where nothing could be begun, and [`SweepError::Stopped`]. A task that fails is no error: the
/// others are recorded, and the report says why.
pub fn run_sweep(plan: &Plan, how: &How<'_>, watch: &dyn SweepWatch) -> Result<SweepReport, SweepError> {
    if plan.tasks.is_empty() {
        return Err(SweepError::Setting("no task is selected; name some, or leave them out for all".to_owned()));
    }
    let shard = matches!(how.share, Share::Shard(..));
    if shard && how.force {
        let text = "--force with --shard: each process would drop the work of the others; run --force once without";
        return Err(SweepError::Setting(text.to_owned()));
    }
    let folder = Folder::open(how.folder, !shard)?;
    let manifest = folder.settle(plan, how.force)?;
    let sweep = Sweep { plan, how, watch, folder, manifest: Mutex::new(manifest) };
    let reports = sweep.all()?;
    if how.stop.load(Ordering::Relaxed) {
        return Err(SweepError::Stopped);
    }
    let content_sha256 = if shard { None } else { sweep.complete()? };
    Ok(SweepReport { tasks: reports, content_sha256 })
}

/// A sweep under way.
pub(super) struct Sweep<'a> {
    pub(super) plan: &'a Plan,
    pub(super) how: &'a How<'a>,
    pub(super) watch: &'a dyn SweepWatch,
    pub(super) folder: Folder,
    pub(super) manifest: Mutex<Manifest>,
}

impl Sweep<'_> {
    fn manifest(&self) -> MutexGuard<'_, Manifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.how.stop.load(Ordering::Relaxed)
    }

    /// Changes the manifest, in memory and on disk. Processes that share the folder leave it alone.
    fn change(&self, f: impl FnOnce(&mut Manifest)) -> Result<(), SweepError> {
        let mut manifest = self.manifest();
        f(&mut manifest);
        if matches!(self.how.share, Share::Shard(..)) { Ok(()) } else { self.folder.write(&manifest) }
    }

    /// The tasks, the longest first.
    fn order(&self) -> Result<Vec<&Planned>, SweepError> {
        let unknown: Vec<&Planned> = {
            let manifest = self.manifest();
            let open = |t: &&Planned| {
                manifest.tasks.get(&t.name).is_none_or(|e| e.estimate.is_none() && !matches!(e.state, State::Done(_)))
            };
            self.plan.tasks.iter().filter(open).collect()
        };
        // One task needs no order, a merge is quick, and many processes would all measure the same.
        if self.plan.tasks.len() > 1 && self.how.share == Share::Whole && !unknown.is_empty() {
            self.watch.planned(unknown.len(), None);
            // Noted one by one: a sweep that is killed now does not measure them again.
            let failure = Mutex::new(Ok(()));
            let note = |task: &Planned, estimate: Estimate| {
                let noted = self.change(|manifest| {
                    if let Some(entry) = manifest.tasks.get_mut(&task.name) {
                        entry.estimate = Some(estimate);
                    }
                });
                if noted.is_err() {
                    *lock(&failure) = noted;
                }
            };
            measure_some(&unknown, &self.plan.assets, self.how.threads, self.how.stop, &note);
            failure.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        }
        let manifest = self.manifest();
        let seconds = |t: &Planned| manifest.tasks.get(&t.name).and_then(|e| e.estimate).map_or(0.0, |e| e.seconds);
        let mut tasks: Vec<&Planned> = self.plan.tasks.iter().collect();
        tasks.sort_by(|a, b| seconds(b).total_cmp(&seconds(a)));
        let open = |t: &&&Planned| !matches!(manifest.tasks.get(&t.name).map(|e| &e.state), Some(State::Done(_)));
        let left: f64 = tasks.iter().filter(open).map(|t| seconds(t)).sum();
        self.watch.planned(tasks.len(), Some(left));
        Ok(tasks)
    }

    /// Does every task and reports by name.
    fn all(&self) -> Result<Vec<TaskReport>, SweepError> {
        let tasks = self.order()?;
        let budget = Budget::new(self.how.threads);
        let reports: Mutex<Vec<TaskReport>> = Mutex::new(Vec::new());
        let failure: Mutex<Option<SweepError>> = Mutex::new(None);
        std::thread::scope(|scope| {
            for (rank, task) in tasks.iter().enumerate() {
                // A thread that nobody else has work for begins the next task.
                let permit = budget.take(usize::MAX);
                if self.stopped() || lock(&failure).is_some() {
                    break;
                }
                let (budget, reports, failure) = (&budget, &reports, &failure);
                let work = move || match self.reported(task, Some((budget, rank)), Some(permit)) {
                    Ok(report) => lock(reports).push(report),
                    Err(error) => drop(lock(failure).get_or_insert(error)),
                };
                if let Err(e) = std::thread::Builder::new().name(task.name.clone()).spawn_scoped(scope, work) {
                    lock(failure).get_or_insert(SweepError::Setting(format!("cannot start a thread: {e}")));
                }
            }
        });
        if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let mut reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
        reports.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(reports)
    }

    /// Does one task and notes what became of it.
    pub(super) fn reported(
        &self,
        task: &Planned,
        budget: Option<(&Budget, usize)>,
        permit: Option<Permit<'_>>,
    ) -> Result<TaskReport, SweepError> {
        let begun = Instant::now();
        let state = self.manifest().tasks.get(&task.name).map(|e| e.state.clone());
        let work = Work { sweep: self, task, budget, begun };
        let outcome = work.outcome(state, permit)?;
        if let Some(state) = outcome.state() {
            self.change(|manifest| {
                if let Some(entry) = manifest.tasks.get_mut(&task.name) {
                    entry.state = state;
                }
            })?;
        }
        let report = TaskReport { name: task.name.clone(), outcome, seconds: begun.elapsed().as_secs_f64() };
        match self.how.share {
            Share::Shard(part, of) => unit::note(&self.folder, &report, (part, of))?,
            _ if report.outcome.done().is_some() => unit::forget(&self.folder, &task.name),
            _ => {}
        }
        self.watch.end(&report);
        Ok(report)
    }

    /// Writes the index and the digest of the whole.
    fn complete(&self) -> Result<Option<String>, SweepError> {
        let manifest = self.manifest().clone();
        super::index::write(&self.folder, &manifest)?;
        let content = manifest.content();
        if manifest.content_sha256 != content {
            self.change(|m| m.content_sha256.clone_from(&content))?;
        }
        Ok(content)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One task at work.
struct Work<'a> {
    sweep: &'a Sweep<'a>,
    task: &'a Planned,
    budget: Option<(&'a Budget, usize)>,
    begun: Instant,
}

impl Work<'_> {
    fn file(&self) -> PathBuf {
        self.sweep.folder.file(&self.task.file())
    }

    /// Errors of the task itself are outcomes; errors of the folder are errors.
    fn outcome(&self, state: Option<State>, permit: Option<Permit<'_>>) -> Result<TaskOutcome, SweepError> {
        let file = self.file();
        let mut replace = false;
        if let Some(State::Done(done)) = state {
            if file.is_file() && file_sha256(&file)? == done.sha256 {
                return Ok(TaskOutcome::Kept(done));
            }
            let what = if file.is_file() { "does not have the checksum of the manifest" } else { "is gone" };
            if self.sweep.how.share == Share::Merge {
                let reason = format!("{} {what}; record it again, then merge", file.display());
                return Ok(TaskOutcome::Failed { reason });
            }
            tracing::warn!("{} {what}: it is recorded again", file.display());
            replace = file.is_file();
        }
        let prepared = match self.prepare() {
            Ok(prepared) => prepared,
            Err(RecordError::Task(error)) => match &error {
                TaskError::Missing { fetch, .. } => {
                    return Ok(TaskOutcome::MissingAssets { reason: error.to_string(), fix: fetch.clone() });
                }
                _ => return Ok(TaskOutcome::Failed { reason: error.to_string() }),
            },
            Err(error) => return Ok(self.ended_by(&error)),
        };
        self.sweep.change(|manifest| {
            if let Some(entry) = manifest.tasks.get_mut(&self.task.name) {
                entry.attempts = entry.attempts.saturating_add(1);
                entry.state = State::Pending;
            }
        })?;
        drop(permit);
        Ok(self.record(&prepared, replace).unwrap_or_else(|error| self.ended_by(&error)))
    }

    /// What an error makes of the task: a stop, which may come while it is prepared too, is no failure.
    fn ended_by(&self, error: &RecordError) -> TaskOutcome {
        match error {
            RecordError::Stopped => TaskOutcome::Stopped,
            RecordError::Incomplete { .. } => {
                let parts = unit::failures(&self.sweep.folder, &self.task.name);
                TaskOutcome::Failed { reason: format!("{error}{parts}") }
            }
            error => TaskOutcome::Failed { reason: error.to_string() },
        }
    }

    fn prepare(&self) -> Result<Prepared, RecordError> {
        let (task, job) = self.task.load(&self.sweep.plan.assets)?;
        Prepared::new(task, job)
    }

    fn record(&self, prepared: &Prepared, replace: bool) -> Result<TaskOutcome, RecordError> {
        let how = self.sweep.how;
        let file = self.file();
        let shard = match how.share {
            Share::Shard(part, of) => Some((part, of)),
            _ => None,
        };
        if replace && shard.is_some() {
            // Shards cannot replace a file together; out of the way, they record it as if it had never been.
            if !FileKind::Hdf5.fits(&file) {
                return Err(DatasetError::io(&file, "is in the way and no HDF5 file; remove it").into());
            }
            let _ = std::fs::remove_file(&file);
        }
        let mut run = Run {
            output: &file,
            threads: how.threads,
            budget: self.budget,
            shard,
            merge_only: how.share == Share::Merge,
            force: how.force || replace && shard.is_none(),
            command: record::command(prepared.job(), &self.task.name, &self.task.settings.changes.flags()),
            stop: how.stop,
        };
        let progress = self.sweep.watch.begin(&self.task.name);
        let mut outcome = record::record(prepared, &run, &*progress)?;
        if outcome == record::RecordOutcome::AlreadyThere && shard.is_none() {
            // Finished by a process that died before it could say so in the manifest.
            let whole =
                Recording::open(&file).map_err(RecordError::from).and_then(|r| check_content(&r, None, 1, how.stop));
            match whole {
                Ok(_) => {}
                Err(RecordError::Stopped) => return Err(RecordError::Stopped),
                Err(error) => {
                    tracing::warn!("{error}: it is recorded again");
                    run.force = true;
                    outcome = record::record(prepared, &run, &*progress)?;
                }
            }
        }
        match outcome {
            record::RecordOutcome::PartDone { .. } => Ok(TaskOutcome::Part),
            record::RecordOutcome::AlreadyThere if shard.is_some() => Ok(TaskOutcome::Part),
            _ => self.done(&file).map(TaskOutcome::Recorded),
        }
    }

    /// What the finished file is worth.
    fn done(&self, file: &Path) -> Result<Done, RecordError> {
        let recording = Recording::open(file)?;
        let content = recording.text_attribute(attribute::CONTENT_SHA256);
        let content_sha256 = content.ok_or_else(|| recording.foreign("has no attribute content_sha256"))?;
        let episodes = recording.episodes()?;
        Ok(Done {
            sha256: file_sha256(file)?,
            bytes: std::fs::metadata(file).map_or(0, |m| m.len()),
            content_sha256,
            episodes: episodes.len() as u64,
            steps: recording.len(Axis::Step) as u64,
            ended_early: episodes.iter().filter(|e| e.end != COMPLETED).count() as u64,
            seconds: (self.begun.elapsed().as_secs_f64() * 1e3).round() / 1e3,
        })
    }
}
