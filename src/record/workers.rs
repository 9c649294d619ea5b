//! The workers: each takes the next episode, simulates it and streams it into its shard. A thread of its own
//! (joiner.rs) makes finished shards durable and joins them, so that no worker waits for the disk.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use super::joiner::{Closed, Joiner};
use super::parts::Parts;
use super::{Prepared, RecordError, RecordProgress, Run, Runner, Sink, Todo, machine};
use crate::dataset::{EpisodeDigest, EpisodeRow, Header, StepRow, Writer};

/// Shards that may wait for the disk; then workers wait too, so that unsafe work stays bounded.
const WAITING: usize = 16;

/// The first error of any thread; the others stop when there is one.
#[derive(Default)]
struct FirstError {
    raised: AtomicBool,
    error: Mutex<Option<RecordError>>,
}

impl FirstError {
    fn keep(&self, result: Result<(), RecordError>) {
        if let Err(error) = result {
            let mut slot = self.error.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            slot.get_or_insert(error);
            self.raised.store(true, Ordering::Relaxed);
        }
    }

    fn into_result(self) -> Result<(), RecordError> {
        self.error.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// Records the missing episodes on all workers and returns the joined file, which a process that records a
/// part only does not make.
///
/// # Errors
/// The first error; every shard that was finished is safe.
pub(super) fn record(
    prepared: &Prepared,
    run: &Run<'_>,
    parts: &Parts,
    todo: &Todo,
    progress: &dyn RecordProgress,
) -> Result<PathBuf, RecordError> {
    let workers = run.threads.clamp(1, usize::try_from(todo.missing()).unwrap_or(usize::MAX).max(1));
    // Threads without an episode help the others to plan. A permit is for one thread, so that a job that shares them has
    // its workers alone, and each plans by itself.
    let shares = prepared.job.policy.is_expert() && run.budget.is_none();
    let threads = if shares { run.threads.max(1) } else { workers };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|i| format!("worker-{i}"))
        .build()
        .map_err(|e| RecordError::Setting(format!("cannot start {threads} threads: {e}")))?;
    let shift = Shift {
        shares,
        prepared,
        run,
        parts,
        todo,
        progress,
        next: AtomicU64::new(0),
        machine: (machine::host(), machine::cpu()),
        header: prepared.header(&run.command, true)?,
    };
    let errors = FirstError::default();
    let (sender, receiver) = sync_channel(WAITING);
    let mut joined = None;
    std::thread::scope(|threads| {
        let (shift, errors) = (&shift, &errors);
        let joiner = threads.spawn(move || {
            let joined =
                Joiner::new(prepared, run, parts, todo, progress).and_then(|j| j.run(&receiver, &errors.raised));
            joined.map_err(|error| errors.keep(Err(error))).ok()
        });
        // Once on every thread; a task could be taken by one that waits in the middle of a plan.
        pool.broadcast(|thread| {
            if thread.index() < workers {
                errors.keep(shift.work(&sender, errors));
            }
        });
        // The joiner ends when the sender is gone.
        drop(sender);
        joined = joiner.join().ok().flatten();
    });
    errors.into_result()?;
    joined.ok_or_else(|| {
        RecordError::Setting("the thread that joins the episodes has died; start the same command again".to_owned())
    })
}

/// What all threads share.
struct Shift<'a> {
    /// Whether threads without an episode plan for the others.
    shares: bool,
    prepared: &'a Prepared,
    run: &'a Run<'a>,
    parts: &'a Parts,
    todo: &'a Todo,
    progress: &'a dyn RecordProgress,
    next: AtomicU64,
    machine: (String, String),
    /// Of every shard.
    header: Header,
}

impl Shift<'_> {
    fn work(&self, closed: &SyncSender<Closed>, errors: &FirstError) -> Result<(), RecordError> {
        let _permit = self.run.budget.map(|(budget, rank)| budget.take(rank));
        // The others may have done it all while this one waited.
        if self.next.load(Ordering::Relaxed) >= self.todo.episodes {
            return Ok(());
        }
        let mut runner = self.prepared.runner()?;
        if self.shares {
            runner.share();
        }
        loop {
            let episode = self.next.fetch_add(1, Ordering::Relaxed);
            if episode >= self.todo.episodes {
                return Ok(());
            }
            if !self.todo.wants(episode) {
                continue;
            }
            if self.run.stop.load(Ordering::Relaxed) {
                return Err(RecordError::Stopped);
            }
            if errors.raised.load(Ordering::Relaxed) {
                return Ok(());
            }
            let file = self.parts.draft(episode);
            let result = self.episode(&mut runner, episode, &file);
            let (rows, end) = result.inspect_err(|_| drop(std::fs::remove_file(&file)))?;
            // The receiver lives until every sender is gone.
            let _ = closed.send(Closed { episode, rows, end, file });
        }
    }

    fn episode(&self, runner: &mut Runner<'_>, episode: u64, file: &Path) -> Result<(usize, String), RecordError> {
        let writer = Writer::create(file, self.header.clone())?;
        let mut sink =
            Shard { writer, digest: EpisodeDigest::new(&self.header), stop: self.run.stop, progress: self.progress };
        let (rows, end) = runner.run(episode, &mut sink)?;
        let Shard { mut writer, digest, .. } = sink;
        writer.end_episode(EpisodeRow {
            episode: episode as i64,
            length: rows as i64,
            end: end.clone(),
            sha256: digest.finish(&end),
            host: self.machine.0.clone(),
            cpu: self.machine.1.clone(),
        });
        writer.finish()?;
        Ok((rows, end))
    }
}

struct Shard<'a> {
    writer: Writer,
    digest: EpisodeDigest,
    stop: &'a AtomicBool,
    progress: &'a dyn RecordProgress,
}

impl Sink for Shard<'_> {
    fn row(&mut self, row: &StepRow<'_>) -> Result<(), RecordError> {
        if self.stopped() {
            return Err(RecordError::Stopped);
        }
        self.writer.step(row)?;
        self.digest.row(row);
        self.progress.row();
        Ok(())
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
