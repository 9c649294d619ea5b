//! Shards that another process has left, and that are not what they should be. A shard is believed by its
//! digest, not because it is there; those of this process are not looked at again.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::parts::Parts;
use super::{Prepared, RecordError, Run, Todo};
use crate::dataset::{DatasetError, check_shard};
use crate::files;

/// Removes the shards of an unfinished recording that cannot be used, and returns their episodes.
///
/// # Errors
/// [`RecordError::Stopped`], [`RecordError::Busy`], [`RecordError::OtherJob`], or an I/O error.
pub fn drop_unsound(
    prepared: &Prepared,
    output: &Path,
    threads: usize,
    stop: &AtomicBool,
) -> Result<Vec<u64>, RecordError> {
    if !files::parts_of(output).is_dir() {
        return Ok(Vec::new());
    }
    let parts = Parts::open(output, &prepared.recipe, true, false)?;
    let todo = Todo { episodes: prepared.job.episodes, shard: None, present: parts.present()? };
    let command = String::new();
    let run = Run { output, threads, budget: None, shard: None, merge_only: true, force: false, command, stop };
    let mut dropped = Vec::new();
    for (episode, error) in find(prepared, &run, &parts, &todo)? {
        tracing::warn!("{error}: the episode is recorded again");
        parts.drop_shard(episode)?;
        dropped.push(episode);
    }
    Ok(dropped)
}

/// The episodes of this process whose shards are there and cannot be used, in order, with the reason.
///
/// # Errors
/// [`RecordError::Stopped`].
pub(super) fn find(
    prepared: &Prepared,
    run: &Run<'_>,
    parts: &Parts,
    todo: &Todo,
) -> Result<Vec<(u64, DatasetError)>, RecordError> {
    let there: Vec<u64> = todo.present.range(..todo.episodes).copied().filter(|e| todo.mine(*e)).collect();
    if there.is_empty() {
        return Ok(Vec::new());
    }
    let recipe = prepared.recipe.sha256();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..run.threads.clamp(1, there.len()) {
            scope.spawn(|| {
                let _permit = run.budget.map(|(budget, rank)| budget.take(rank));
                while !run.stop.load(Ordering::Relaxed) {
                    let Some(episode) = there.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
                    if let Err(error) = check_shard(&parts.shard(*episode), &recipe, *episode) {
                        found.lock().unwrap_or_else(PoisonError::into_inner).push((*episode, error));
                    }
                }
            });
        }
    });
    if run.stop.load(Ordering::Relaxed) {
        return Err(RecordError::Stopped);
    }
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(episode, _)| *episode);
    Ok(found)
}
