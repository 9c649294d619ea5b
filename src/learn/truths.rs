//! The true Jacobians of many steps: in memory while they fit, else in a file without a name, which the system removes with
//! the process.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;

use super::LearnError;

/// Jacobians of some steps with their verdicts, step by step; an entry is [outputs, inputs], row-major.
#[derive(Debug, Clone, Default)]
pub struct Truths {
    /// Entries of a step.
    per: usize,
    values: Vec<f32>,
    verdicts: Vec<u8>,
}

impl Truths {
    fn new(per: usize) -> Self {
        Self { per, ..Self::default() }
    }

    /// Of numbers and verdicts that were found elsewhere, `per` of each a step.
    pub(super) fn of(per: usize, values: Vec<f32>, verdicts: Vec<u8>) -> Self {
        Self { per, values, verdicts }
    }

    /// Of the normalised map, of the step at this place.
    pub fn jacobian(&self, at: usize) -> &[f32] {
        &self.values[at * self.per..(at + 1) * self.per]
    }

    /// What is known of each entry, as numbers of [`ZeroVerdict`](crate::zero::ZeroVerdict).
    pub fn verdicts(&self, at: usize) -> &[u8] {
        &self.verdicts[at * self.per..(at + 1) * self.per]
    }

    /// Entries of a step.
    pub fn per(&self) -> usize {
        self.per
    }

    /// Steps.
    pub fn len(&self) -> usize {
        self.verdicts.len() / self.per.max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.verdicts.is_empty()
    }

    /// Of the normalised map, of all steps.
    pub fn all_jacobians(&self) -> &[f32] {
        &self.values
    }

    /// Of all entries of all steps.
    pub fn all_verdicts(&self) -> &[u8] {
        &self.verdicts
    }
}

/// Bytes of an entry: its number and its verdict.
const ENTRY: usize = 5;

/// Where the truths of all steps are.
#[derive(Debug)]
pub(super) enum Store {
    /// All of them.
    Memory(Truths),
    /// A record by step: its numbers, then its verdicts.
    Disk { file: File, per: usize },
}

impl Store {
    /// Memory that they take, bytes.
    pub(super) fn held(&self) -> u64 {
        match self {
            Self::Memory(all) => (all.verdicts.len() * ENTRY) as u64,
            Self::Disk { .. } => 0,
        }
    }

    /// The truths of these steps, in this order.
    pub(super) fn read(&self, steps: &[usize]) -> Result<Truths, LearnError> {
        match self {
            Self::Memory(all) => {
                let mut found = Truths::new(all.per);
                for step in steps {
                    found.values.extend_from_slice(all.jacobian(*step));
                    found.verdicts.extend_from_slice(all.verdicts(*step));
                }
                Ok(found)
            }
            Self::Disk { file, per } => {
                let mut found = Truths::new(*per);
                let mut record = vec![0u8; per * ENTRY];
                for step in steps {
                    let from = *step as u64 * (per * ENTRY) as u64;
                    file.read_exact_at(&mut record, from).map_err(|e| trouble(&e))?;
                    let (values, verdicts) = record.split_at(4 * per);
                    found.values.extend(values.as_chunks::<4>().0.iter().map(|b| f32::from_ne_bytes(*b)));
                    found.verdicts.extend_from_slice(verdicts);
                }
                Ok(found)
            }
        }
    }
}

fn trouble(e: &std::io::Error) -> LearnError {
    let folder = std::env::temp_dir();
    let text =
        format!("cannot hold the recording's Jacobians ({e}): set TMPDIR to a folder with room, or raise --memory");
    LearnError::file(&folder, text)
}

/// Fills a [`Store`] step by step.
pub(super) struct Filling {
    steps: Truths,
    disk: Option<BufWriter<File>>,
}

impl Filling {
    /// For steps of `per` entries, `memory` bytes of which are held at most.
    pub(super) fn new(per: usize, steps: usize, memory: u64) -> Result<Self, LearnError> {
        let too_large = (per * ENTRY) as u64 * steps as u64 > memory;
        let disk = if too_large { Some(BufWriter::new(tempfile::tempfile().map_err(|e| trouble(&e))?)) } else { None };
        Ok(Self { steps: Truths::new(per), disk })
    }

    pub(super) fn push(&mut self, value: f32, verdict: u8) {
        self.steps.values.push(value);
        self.steps.verdicts.push(verdict);
    }

    /// After the last entry of a step.
    pub(super) fn end_step(&mut self) -> Result<(), LearnError> {
        let Some(disk) = &mut self.disk else { return Ok(()) };
        let Truths { values, verdicts, .. } = &mut self.steps;
        let written = disk.write_all(bytemuck::cast_slice(values)).and_then(|()| disk.write_all(verdicts));
        values.clear();
        verdicts.clear();
        written.map_err(|e| trouble(&e))
    }

    pub(super) fn finish(self) -> Result<Store, LearnError> {
        let Some(disk) = self.disk else { return Ok(Store::Memory(self.steps)) };
        let file = disk.into_inner().map_err(|e| trouble(e.error()))?;
        Ok(Store::Disk { file, per: self.steps.per })
    }
}
