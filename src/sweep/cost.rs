//! What a task will cost, measured on this machine.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Plan, Planned};
use crate::record::{Prepared, RecordError};
use crate::task::Assets;

/// How long a task is measured.
const TIME: Duration = Duration::from_millis(40);

/// What a task is thought to cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Episodes.
    pub episodes: u64,
    /// Rows of an episode.
    pub steps: u64,
    /// Time of all rows on one thread, s.
    pub seconds: f64,
    /// Bytes of the recording.
    pub disk: u64,
    /// Memory that each thread needs, bytes.
    pub memory_per_thread: u64,
    /// Memory that all threads share, bytes.
    pub memory_shared: u64,
}

impl Estimate {
    /// Memory on so many threads, bytes.
    pub fn memory(&self, threads: usize) -> u64 {
        let workers = self.episodes.min(threads as u64);
        self.memory_shared + self.memory_per_thread * workers
    }
}

/// Measures one task.
///
/// # Errors
/// [`RecordError`]: what would keep it from being recorded, [`RecordError::Task`] for missing files.
pub(super) fn one(task: &Planned, assets: &Assets, stop: &AtomicBool) -> Result<Estimate, RecordError> {
    let (task, job) = task.load(assets)?;
    let prepared = Prepared::new(task, job)?;
    let (episodes, steps) = (prepared.job().episodes, prepared.job().rows_per_episode() as u64);
    let probe = prepared.probe(TIME, stop)?;
    let rows = episodes as f64 * steps as f64;
    Ok(Estimate {
        episodes,
        steps,
        seconds: rows * probe.seconds_per_row,
        disk: (rows * probe.bytes_per_row) as u64 + probe.model_bytes,
        memory_per_thread: probe.worker_bytes,
        memory_shared: probe.shared_bytes,
    })
}

/// Measures all tasks of a plan on so many threads, in the plan's order.
///
/// # Errors
/// Those of the tasks stand in the list; [`RecordError::Stopped`] for all that come after a stop.
pub fn measure(plan: &Plan, threads: usize, stop: &AtomicBool) -> Vec<Result<Estimate, RecordError>> {
    let tasks: Vec<&Planned> = plan.tasks.iter().collect();
    measure_some(&tasks, &plan.assets, threads, stop, &|_, _| {})
}

/// As [`measure`]; `each` is told of every estimate as soon as it is there.
pub(super) fn measure_some(
    tasks: &[&Planned],
    assets: &Assets,
    threads: usize,
    stop: &AtomicBool,
    each: &(dyn Fn(&Planned, Estimate) + Sync),
) -> Vec<Result<Estimate, RecordError>> {
    let next = AtomicUsize::new(0);
    let slots: Vec<Mutex<Option<Result<Estimate, RecordError>>>> = tasks.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, tasks.len().max(1)) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(at) else { return };
                    let measured = one(task, assets, stop);
                    if let Ok(estimate) = &measured {
                        each(task, *estimate);
                    }
                    *slots[at].lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(measured);
                }
            });
        }
    });
    let value = |slot: Mutex<Option<_>>| slot.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    slots.into_iter().map(|slot| value(slot).unwrap_or(Err(RecordError::Stopped))).collect()
}
