//! Rows of a recording as what the simulator starts from: state, controls and forces put back, and what the Jacobian says there.

use std::sync::Arc;

use super::InfluenceError;
use super::judge::Derivative;
use crate::dataset::schema::Var;
use crate::dataset::{FlagReader, Recording, RowReader};
use crate::flags::StepFlags;
use crate::jacobian::Drive;
use crate::physics::{Model, Sim};
use crate::record::RecordedRows;
use crate::zero::ZeroVerdict;

/// A recorded next state is met within this, relative to its size or 1: to the last bit on the machine that recorded, and within
/// rounding on another one.
const SAME: f64 = 1e-9;

/// What a step depends on and what comes of it.
const NEEDED: [Var; 11] = [
    Var::Time,
    Var::Qpos,
    Var::Qvel,
    Var::Act,
    Var::Ctrl,
    Var::QaccWarmstart,
    Var::MocapPos,
    Var::MocapQuat,
    Var::QposNext,
    Var::QvelNext,
    Var::ActNext,
];

/// Reads rows of a recording and simulates them as they were recorded.
pub(super) struct Starts<'r> {
    recording: &'r Recording,
    sim: Sim,
    substeps: usize,
    rows: RecordedRows<'r>,
    /// Numbers and verdicts of A and B, where the recording has them.
    matrices: Vec<(Var, RowReader<'r>)>,
    flags: FlagReader<'r>,
    /// Where every row's episode ends.
    ends: Arc<[usize]>,
}

/// A row to intervene at.
pub(super) struct Start {
    /// As [`Sim::get_state`] has it.
    pub(super) state: Vec<f64>,
    /// By control step.
    pub(super) drives: Vec<Drive>,
    /// Flags of all its control steps.
    pub(super) flags: StepFlags,
    /// The largest distance of the simulated states from the recorded ones, relative to their size or 1; NaN where they diverge.
    pub(super) off: f64,
}

impl Start {
    /// Whether the recording has all that its steps depend on.
    pub(super) fn is_restored(&self) -> bool {
        self.off <= SAME
    }
}

impl<'r> Starts<'r> {
    /// A reader with a simulation of its own.
    ///
    /// # Errors
    /// [`InfluenceError::Record`] where the recording does not have the numbers of its model.
    pub(super) fn new(recording: &'r Recording, model: &Arc<Model>, substeps: usize) -> Result<Self, InfluenceError> {
        let rows = RecordedRows::new(recording, model, &NEEDED, "its steps cannot be simulated again")?;
        let mut matrices = Vec::new();
        let (ndx, nu) = (model.ndx(), model.nu());
        for (var, size) in [(Var::A, ndx * ndx), (Var::B, ndx * nu), (Var::AZero, ndx * ndx), (Var::BZero, ndx * nu)] {
            if recording.has(var) && recording.shape(var).iter().skip(1).product::<usize>() == size {
                matrices.push((var, RowReader::new(recording, var)?));
            }
        }
        let mut ends = vec![0; recording.shape(Var::Qpos)[0]];
        for bound in recording.offsets()?.windows(2) {
            ends[bound[0]..bound[1]].fill(bound[1]);
        }
        let flags = FlagReader::new(recording)?;
        Ok(Self { recording, sim: Sim::new(model)?, substeps, rows, matrices, flags, ends: ends.into() })
    }

    /// The rows that have so many rows before the end of their episode, themselves included.
    pub(super) fn rows(&self, horizon: usize) -> Vec<usize> {
        (0..self.ends.len()).filter(|row| self.ends[*row] - row >= horizon).collect()
    }

    /// A row and those that follow it, `horizon` in all, simulated again.
    ///
    /// # Errors
    /// [`InfluenceError`].
    pub(super) fn start(&mut self, row: usize, horizon: usize) -> Result<Start, InfluenceError> {
        let drives = (row..row + horizon).map(|row| self.rows.drive(row)).collect::<Result<Vec<_>, _>>()?;
        let sim = &mut self.sim;
        sim.reset()?;
        self.rows.put_back(sim, row)?;
        let mut state = vec![0.0; sim.model().state_size()];
        sim.get_state(&mut state)?;
        let (mut off, mut flags) = (0.0_f64, StepFlags::empty());
        for (i, drive) in drives.iter().enumerate() {
            flags |= self.flags.step(row + i)?;
            drive.apply(&mut self.sim);
            for _ in 0..self.substeps {
                self.sim.step()?;
            }
            for (var, of) in
                [(Var::QposNext, Sim::qpos as fn(&Sim) -> &[f64]), (Var::QvelNext, Sim::qvel), (Var::ActNext, Sim::act)]
            {
                let recorded = self.rows.numbers(var, row + i)?;
                off = recorded.iter().zip(of(&self.sim)).fold(off, |off, (x, y)| {
                    let apart = (x - y).abs() / x.abs().max(1.0);
                    if apart.is_nan() || off.is_nan() { f64::NAN } else { off.max(apart) }
                });
            }
        }
        Ok(Start { state, drives, flags, off })
    }

    /// What the Jacobian of the rows says of every entry (ndx x (ndx + nu), row-major): of one row as it is recorded, of several the
    /// product, as [`crate::jacobian::Chain`] takes it; the controls are those of the first.
    ///
    /// # Errors
    /// [`InfluenceError::Dataset`].
    pub(super) fn derivatives(&mut self, row: usize, horizon: usize) -> Result<Vec<Derivative>, InfluenceError> {
        let (ndx, nu) = (self.sim.model().ndx(), self.sim.model().nu());
        let mut product = Vec::new();
        for row in row..row + horizon {
            let a = self.matrix([Var::A, Var::AZero], row, ndx, ndx)?;
            if product.is_empty() {
                let b = self.matrix([Var::B, Var::BZero], row, ndx, nu)?;
                let rows = a.chunks(ndx).enumerate().map(|(i, a)| [a, &b[i * nu..(i + 1) * nu]].concat());
                product = rows.flatten().collect();
            } else {
                product = multiplied(&a, &product, ndx);
            }
        }
        Ok(product)
    }

    fn matrix(
        &mut self,
        [numbers, verdicts]: [Var; 2],
        row: usize,
        rows: usize,
        columns: usize,
    ) -> Result<Vec<Derivative>, InfluenceError> {
        let n = rows * columns;
        let (mut values, mut codes) = (vec![f64::NAN; n], vec![ZeroVerdict::Undecided.code(); n]);
        for (var, reader) in &mut self.matrices {
            if *var == numbers {
                values.copy_from_slice(reader.numbers(row)?);
            } else if *var == verdicts {
                codes.copy_from_slice(reader.row(row)?);
            }
        }
        let recording = self.recording;
        let strange = || recording.foreign(&format!("{} has a code that is none", verdicts.spec().name));
        let of = |(code, value): (&u8, &f64)| match ZeroVerdict::ALL.get(usize::from(*code)) {
            Some(verdict) => Ok(Derivative { verdict: *verdict, value: *value }),
            None => Err(strange().into()),
        };
        codes.iter().zip(&values).map(of).collect()
    }
}

/// The product of a (ndx x ndx) and b (ndx x any): nonzero where a path is nonzero in both, zero where every path has a zero, else
/// undecided.
fn multiplied(a: &[Derivative], b: &[Derivative], ndx: usize) -> Vec<Derivative> {
    let columns = b.len() / ndx;
    let entry = |at: usize| {
        let (i, j) = (at / columns, at % columns);
        let mut found = Derivative { verdict: ZeroVerdict::Zero, value: 0.0 };
        for (k, a) in a[i * ndx..(i + 1) * ndx].iter().enumerate() {
            let b = b[k * columns + j];
            if a.verdict == ZeroVerdict::Zero || b.verdict == ZeroVerdict::Zero {
                continue;
            }
            found.value += a.value * b.value;
            if a.verdict == ZeroVerdict::Nonzero && b.verdict == ZeroVerdict::Nonzero {
                found.verdict = ZeroVerdict::Nonzero;
            } else if found.verdict == ZeroVerdict::Zero {
                found.verdict = ZeroVerdict::Undecided;
            }
        }
        found
    };
    (0..b.len()).map(entry).collect()
}
