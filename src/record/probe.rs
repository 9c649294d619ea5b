//! What a job will cost, measured on a few of its steps.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Prepared, RecordError, Sink};
use crate::dataset::schema::{Var, chunk_rows};
use crate::dataset::{Encoder, StepRow};

/// Bytes of the rows that are kept to see how they compress.
const SAMPLE_BYTES: usize = 8 << 20;

/// What a job costs, as far as a short measurement tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// Time of one row on one thread, s: policy, Jacobians, physics and compression.
    pub seconds_per_row: f64,
    /// Bytes of one row in the file.
    pub bytes_per_row: f64,
    /// Memory that each worker needs for itself, bytes.
    pub worker_bytes: u64,
    /// Memory that all workers share, bytes: the model and its files.
    pub shared_bytes: u64,
    /// Bytes of the model's files in the recording, at most: meshes and text deflate to 0.26 to 0.49 of their size.
    pub model_bytes: u64,
}

impl Prepared {
    /// Runs the beginning of episode 0 for about `time`, at least one row, and keeps nothing.
    ///
    /// # Errors
    /// Whatever stops the episode; [`RecordError::Stopped`] when `stop` is set.
    pub fn probe(&self, time: Duration, stop: &AtomicBool) -> Result<Probe, RecordError> {
        let mut runner = self.runner()?;
        let mut sink = Sample {
            stop,
            time,
            begun: Instant::now(),
            first: None,
            last: None,
            rows: 0,
            taken: 0,
            bytes: BTreeMap::new(),
        };
        match runner.run(0, &mut sink) {
            Err(RecordError::Stopped) if !stop.load(Ordering::Relaxed) => {}
            other => drop(other?),
        }
        // The first row has the reset in it, so it counts only where there is no other.
        let (rows, from) = match sink.first {
            Some(first) if sink.rows > 1 => (sink.rows - 1, first),
            _ => (sink.rows.max(1), sink.begun),
        };
        let simulated = sink.last.unwrap_or_else(Instant::now).duration_since(from).as_secs_f64() / rows as f64;
        let header = self.header("", true)?;
        let begun = Instant::now();
        let held: Vec<Var> = header.variables().collect();
        let mut encoder = Encoder::new(self.job.compression);
        let encoded: usize = sink
            .bytes
            .iter()
            .filter(|(var, bytes)| held.contains(var) && !bytes.is_empty())
            .map(|(var, bytes)| encoder.encode(bytes, header.kind(*var).size()).len())
            .sum();
        let rows = sink.taken.max(1) as f64;
        let chunks = header.variables().map(|var| {
            let row = header.kind(var).size() * header.tail(var).iter().product::<usize>();
            (row * chunk_rows(row, var.spec().axes[0], header.rows_per_episode)) as u64
        });
        let files: u64 = self.files.files.iter().map(|f| f.bytes.len() as u64).sum();
        Ok(Probe {
            seconds_per_row: simulated + begun.elapsed().as_secs_f64() / rows,
            bytes_per_row: encoded as f64 / rows,
            worker_bytes: runner.bytes() + chunks.sum::<u64>(),
            shared_bytes: files + self.model.bytes(),
            model_bytes: files / 2,
        })
    }
}

struct Sample<'a> {
    stop: &'a AtomicBool,
    time: Duration,
    begun: Instant,
    first: Option<Instant>,
    last: Option<Instant>,
    rows: usize,
    taken: usize,
    bytes: BTreeMap<Var, Vec<u8>>,
}

impl Sink for Sample<'_> {
    fn row(&mut self, row: &StepRow<'_>) -> Result<(), RecordError> {
        if self.rows < 1000 && self.bytes.values().map(Vec::len).sum::<usize>() < SAMPLE_BYTES {
            row.visit(|var, bytes| self.bytes.entry(var).or_default().extend_from_slice(bytes));
            self.taken += 1;
        }
        self.rows += 1;
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
        let enough = now.duration_since(self.begun) >= self.time;
        if enough || self.stopped() { Err(RecordError::Stopped) } else { Ok(()) }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
