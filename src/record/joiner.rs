//! Makes finished shards durable and joins them, in the order of their episodes, while others are recorded.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};

use super::parts::Parts;
use super::{Prepared, RecordError, RecordProgress, Run, Todo};
use crate::dataset::Merger;
use crate::files::publish;

/// A shard that is closed but not yet safe.
pub(super) struct Closed {
    pub(super) episode: u64,
    pub(super) rows: usize,
    pub(super) end: String,
    pub(super) file: PathBuf,
}

/// Takes closed shards until every worker is done; then joins what is left.
pub(super) struct Joiner<'a> {
    parts: &'a Parts,
    progress: &'a dyn RecordProgress,
    stop: &'a AtomicBool,
    episodes: u64,
    /// Shards that are safe and not joined.
    ready: BTreeSet<u64>,
    /// The next episode to join.
    next: u64,
    /// None in a process that leaves the joining to others.
    merger: Option<Merger>,
    merged: PathBuf,
}

impl<'a> Joiner<'a> {
    /// Begins the joined file.
    ///
    /// # Errors
    /// [`RecordError::Dataset`].
    pub(super) fn new(
        prepared: &Prepared,
        run: &Run<'a>,
        parts: &'a Parts,
        todo: &Todo,
        progress: &'a dyn RecordProgress,
    ) -> Result<Self, RecordError> {
        let merged = parts.merged();
        let merger = match run.shard {
            Some(_) => None,
            None => Some(Merger::create(&merged, prepared.header(&run.command, false)?)?),
        };
        let ready = todo.present.clone();
        Ok(Self { parts, progress, stop: run.stop, episodes: todo.episodes, ready, next: 0, merger, merged })
    }

    /// Works until the last sender is gone, and returns the joined file. `failed` says that a worker has
    /// given up, so that there will be nothing whole to join.
    ///
    /// # Errors
    /// [`RecordError`]; published shards stay, the unfinished joined file does not.
    pub(super) fn run(mut self, closed: &Receiver<Closed>, failed: &AtomicBool) -> Result<PathBuf, RecordError> {
        let result = self.work(closed, failed);
        // After an error the rest is still received, so that no worker waits for a place, and kept if it can be.
        for shard in closed {
            if publish(&shard.file, &self.parts.shard(shard.episode)).is_err() {
                let _ = std::fs::remove_file(&shard.file);
            }
        }
        let complete = result.and_then(|()| self.complete());
        if !matches!(complete, Ok(true)) {
            let _ = std::fs::remove_file(&self.merged);
        }
        complete.map(|_| self.merged)
    }

    fn work(&mut self, closed: &Receiver<Closed>, failed: &AtomicBool) -> Result<(), RecordError> {
        loop {
            // Safety first: joining waits while there are shards to publish.
            let shard = match closed.try_recv() {
                Ok(shard) => shard,
                Err(TryRecvError::Empty) if self.join_one()? => continue,
                Err(TryRecvError::Empty) => match closed.recv() {
                    Ok(shard) => shard,
                    Err(_) => break,
                },
                Err(TryRecvError::Disconnected) => break,
            };
            publish(&shard.file, &self.parts.shard(shard.episode))?;
            self.ready.insert(shard.episode);
            self.progress.episode(shard.episode, shard.rows, &shard.end);
        }
        while !failed.load(Ordering::Relaxed) && self.join_one()? {
            if self.stop.load(Ordering::Relaxed) {
                return Err(RecordError::Stopped);
            }
        }
        Ok(())
    }

    /// Appends the next episode's shard, if it is there.
    fn join_one(&mut self) -> Result<bool, RecordError> {
        let Some(merger) = &mut self.merger else { return Ok(false) };
        if !self.ready.remove(&self.next) {
            return Ok(false);
        }
        let shard = self.parts.shard(self.next);
        merger.append(self.next, Path::new(&shard))?;
        self.next += 1;
        self.progress.joining(self.next, self.episodes);
        Ok(true)
    }

    /// Closes the joined file when all episodes are in it.
    fn complete(&mut self) -> Result<bool, RecordError> {
        match self.merger.take() {
            Some(merger) if self.next == self.episodes => {
                merger.finish()?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
