//! What is left to do of a sweep, as units for array tasks.

use std::collections::BTreeSet;

use serde::Serialize;

use super::settings::MOST_UNITS;
use super::submission::Unit;
use super::{Request, SlurmError};
use crate::dataset::file_sha256;
use crate::record::{Prepared, RecordError, drop_unsound, finished_episodes};
use crate::sweep::manifest::State;
use crate::sweep::{Estimate, Manifest, Planned, cost};
use crate::task::TaskError;

/// What is left to do.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Parts with missing episodes, the longest first.
    pub(super) units: Vec<Unit>,
    /// Tasks whose recording is whole.
    pub(super) done: Vec<String>,
    /// Tasks whose episodes are all there and only want joining.
    pub(super) to_join: Vec<String>,
    /// Tasks whose recording is not what the manifest says.
    pub(super) damaged: Vec<String>,
    /// Tasks that cannot be recorded.
    pub(super) skipped: Vec<SkippedTask>,
    /// What the tasks that are not done were measured to cost.
    pub(super) estimates: Vec<(String, Estimate)>,
    /// Time of all units on one thread, s.
    pub(super) seconds: f64,
    /// Wall-clock time of the longest unit, s.
    pub(super) longest: f64,
}

/// A task that cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedTask {
    /// The task.
    pub task: String,
    /// Why.
    pub reason: String,
    /// The command that fetches its model files, where that is the reason.
    pub fix: Option<String>,
}

impl SkippedTask {
    fn new(task: &Planned, error: &RecordError) -> Self {
        let fix = match error {
            RecordError::Task(TaskError::Missing { fetch, .. }) => Some(fetch.clone()),
            _ => None,
        };
        let text = error.to_string();
        let reason = text.strip_prefix(&format!("{}: ", task.name)).unwrap_or(&text).to_owned();
        Self { task: task.name.clone(), reason, fix }
    }
}

impl Work {
    /// Looks at the folder and measures the tasks that are not done. To `mend` is to drop shards that a merge
    /// could not use.
    ///
    /// # Errors
    /// [`RecordError::Stopped`], or an I/O error.
    pub(super) fn find(request: &Request<'_>, manifest: Option<&Manifest>, mend: bool) -> Result<Self, SlurmError> {
        let Request { plan, folder, settings, threads, stop, .. } = *request;
        let mut work = Self::default();
        let mut open: Vec<(&Planned, Option<Estimate>, bool)> = Vec::new();
        for task in &plan.tasks {
            let entry = manifest.and_then(|m| m.tasks.get(&task.name));
            if let Some(State::Done(done)) = entry.map(|e| &e.state) {
                let file = folder.join(task.file());
                if file.is_file() && file_sha256(&file)? == done.sha256 {
                    work.done.push(task.name.clone());
                    continue;
                }
                work.damaged.push(task.name.clone());
            }
            let failed = entry.is_some_and(|e| matches!(e.state, State::Failed { .. }));
            open.push((task, entry.and_then(|e| e.estimate), failed && mend));
        }
        let unknown: Vec<&Planned> = open.iter().filter(|(_, e, _)| e.is_none()).map(|(t, ..)| *t).collect();
        let mut measured = cost::measure_some(&unknown, &plan.assets, threads, stop, &|_, _| {}).into_iter();
        let threads = settings.threads() as u64;
        let mut timed: Vec<(f64, Unit)> = Vec::new();
        for (task, known, mend) in open {
            let estimate = match known.map_or_else(|| measured.next().unwrap_or(Err(RecordError::Stopped)), Ok) {
                Ok(estimate) => estimate,
                Err(RecordError::Stopped) => return Err(RecordError::Stopped.into()),
                Err(error) => {
                    work.skipped.push(SkippedTask::new(task, &error));
                    continue;
                }
            };
            work.estimates.push((task.name.clone(), estimate));
            if mend && let Err(error) = drop_shards(request, task) {
                match error {
                    RecordError::Stopped => return Err(error.into()),
                    error => work.skipped.push(SkippedTask::new(task, &error)),
                }
                continue;
            }
            let present = finished_episodes(&folder.join(task.file()))?;
            let parts = settings.parts(estimate.episodes);
            if parts.saturating_add(timed.len() as u64) > MOST_UNITS {
                let reason =
                    format!("the sweep has more than {MOST_UNITS} array tasks; give fewer to each of its tasks");
                return Err(SlurmError::Setting { name: "jobs-per-task", reason });
            }
            let units = units(&task.name, estimate.episodes, parts, &present);
            if units.is_empty() {
                work.to_join.push(task.name.clone());
            }
            let each = estimate.seconds / estimate.episodes.max(1) as f64;
            for (missing, unit) in units {
                let seconds = missing as f64 * each;
                work.seconds += seconds;
                work.longest = work.longest.max(seconds / missing.clamp(1, threads) as f64);
                timed.push((seconds, unit));
            }
        }
        timed.sort_by(|a, b| b.0.total_cmp(&a.0));
        work.units = timed.into_iter().map(|(_, unit)| unit).collect();
        Ok(work)
    }
}

/// After a merge that failed, its shards are looked at; it takes as long as reading them.
fn drop_shards(request: &Request<'_>, task: &Planned) -> Result<(), RecordError> {
    let (loaded, job) = task.load(&request.plan.assets)?;
    let output = request.folder.join(task.file());
    drop_unsound(&Prepared::new(loaded, job)?, &output, request.threads, request.stop).map(drop)
}

/// The parts of a task that miss episodes, and how many each.
fn units(task: &str, episodes: u64, of: u64, present: &BTreeSet<u64>) -> Vec<(u64, Unit)> {
    let unit = |part: u64| Unit { task: task.to_owned(), part, of, episodes: (episodes - part) / of + 1 };
    (1..=of).map(unit).map(|unit| (unit.missing(present), unit)).filter(|(missing, _)| *missing > 0).collect()
}

impl Unit {
    /// How many episodes of this part are not among those that are there.
    pub(super) fn missing(&self, present: &BTreeSet<u64>) -> u64 {
        let end = self.of.saturating_mul(self.episodes);
        let there = present.range(..end).filter(|e| **e % self.of == self.part - 1).count() as u64;
        self.episodes - there.min(self.episodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_parts_with_missing_episodes_are_units() {
        let found = |episodes, of, present: &[u64]| {
            let present = present.iter().copied().collect();
            let units = units("T", episodes, of, &present);
            units.into_iter().map(|(missing, u)| (missing, u.part, u.episodes)).collect::<Vec<_>>()
        };
        assert_eq!(found(5, 2, &[]), [(3, 1, 3), (2, 2, 2)]);
        assert_eq!(found(5, 2, &[0, 2, 4]), [(2, 2, 2)]);
        assert_eq!(found(5, 2, &[0, 1, 3]), [(2, 1, 3)]);
        assert_eq!(found(5, 1, &[0, 1, 2, 3, 4]), []);
        // Episodes of a longer recording are not ours.
        assert_eq!(found(2, 2, &[2, 3, 4]), [(1, 1, 1), (1, 2, 1)]);
    }
}
