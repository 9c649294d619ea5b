//! What the zero test says of the matrices of a recording, summed up.

use dynsparse::dataset::schema::Var;
use dynsparse::dataset::{DatasetError, Recording};
use dynsparse::zero::ZeroVerdict;

use super::super::picture::Entries;
use super::BLOCK;

/// What the zero test says of a matrix.
pub(super) struct Verdicts {
    pub(super) matrix: &'static str,
    /// Entries by verdict.
    pub(super) counts: [usize; ZeroVerdict::ALL.len()],
    pub(super) columns: usize,
    /// By entry, whether it has each verdict in some step.
    seen: Vec<[bool; ZeroVerdict::ALL.len()]>,
    /// Share of the entries that are zero, by step of the first episode.
    pub(super) first: Vec<Option<f64>>,
}

impl Verdicts {
    /// Adds up the verdicts in a mask, whose first `first` steps are those of the first episode.
    pub(super) fn read(
        recording: &Recording,
        matrix: &'static str,
        mask: Var,
        first: usize,
    ) -> Result<Self, DatasetError> {
        let shape = recording.shape(mask);
        let (steps, entries) = (shape[0], shape[1..].iter().product::<usize>());
        let columns = shape.last().copied().unwrap_or(0);
        let mut out = Self {
            matrix,
            counts: Default::default(),
            columns,
            seen: vec![Default::default(); entries],
            first: Vec::new(),
        };
        let rows = (BLOCK / entries.max(1)).max(1);
        for start in (0..steps).step_by(rows) {
            let verdicts = recording.bytes(mask, start..(start + rows).min(steps))?;
            for step in verdicts.chunks_exact(entries.max(1)) {
                let mut counts = [0; ZeroVerdict::ALL.len()];
                for (verdict, seen) in step.iter().zip(&mut out.seen) {
                    // A byte that is no verdict counts nowhere.
                    if let Some(count) = counts.get_mut(usize::from(*verdict)) {
                        *count += 1;
                        seen[usize::from(*verdict)] = true;
                    }
                }
                if out.first.len() < first {
                    out.first.push(Some(counts[ZeroVerdict::Zero as usize] as f64 / entries as f64));
                }
                out.counts.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            }
        }
        Ok(out)
    }

    pub(super) fn entries(&self) -> Entries {
        let [nonzero, zero] = [ZeroVerdict::Nonzero, ZeroVerdict::Zero].map(|verdict| verdict as usize);
        Entries {
            name: self.matrix,
            columns: self.columns,
            nonzero: self.seen.iter().map(|seen| seen[nonzero]).collect(),
            switches: self.seen.iter().map(|seen| seen[nonzero] && seen[zero]).collect(),
        }
    }
}
