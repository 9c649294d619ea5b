//! Rows of a recording as what the simulator starts from: state, controls and forces put back, and what the Jacobian says there.

use std::sync::Arc;

use super::InfluenceError;
use super::judge::Derivative;
use crate::dataset::schema::{Axis, Var};
use crate::dataset::{FlagReader, Recording, RowReader};
use crate::flags::StepFlags;
use crate::jacobian::Drive;
use crate::physics::{BodyId, Model, Sim};
use crate::zero::ZeroVerdict;

/// A recorded next state is met within this, relative to its size or 1: to the last bit on the machine that recorded, and within
/// rounding on another one.
const SAME: f64 = 1e-9;

/// Reads rows of a recording and simulates them as they were recorded.
pub(super) struct Starts<'r> {
    recording: &'r Recording,
    sim: Sim,
    substeps: usize,
    readers: Vec<(Var, RowReader<'r>)>,
    flags: FlagReader<'r>,
    forced: Vec<BodyId>,
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
    /// [`InfluenceError::Dataset`] where the recording does not have the numbers of its model.
    pub(super) fn new(recording: &'r Recording, model: &Arc<Model>, substeps: usize) -> Result<Self, InfluenceError> {
        let sizes = [
            (Var::Time, 1),
            (Var::Qpos, model.nq()),
            (Var::Qvel, model.nv()),
            (Var::Act, model.na()),
            (Var::Ctrl, model.nu()),
            (Var::QaccWarmstart, model.nv()),
            (Var::MocapPos, 3 * model.nmocap()),
            (Var::MocapQuat, 4 * model.nmocap()),
            (Var::QposNext, model.nq()),
            (Var::QvelNext, model.nv()),
            (Var::ActNext, model.na()),
        ];
        let mut readers = Vec::new();
        for (var, size) in sizes.into_iter().filter(|(_, size)| *size > 0) {
            let name = var.spec().name;
            if !recording.has(var) {
                return Err(recording
                    .foreign(&format!("has no {name}, so its steps cannot be simulated again"))
                    .into());
            }
            let found = recording.shape(var).iter().skip(1).product::<usize>();
            if found != size {
                let text = format!("{name} has {found} numbers a step, its model {size}: the file is damaged");
                return Err(recording.foreign(&text).into());
            }
            readers.push((var, RowReader::new(recording, var)?));
        }
        let (ndx, nu) = (model.ndx(), model.nu());
        for (var, size) in [(Var::A, ndx * ndx), (Var::B, ndx * nu), (Var::AZero, ndx * ndx), (Var::BZero, ndx * nu)] {
            if recording.has(var) && recording.shape(var).iter().skip(1).product::<usize>() == size {
                readers.push((var, RowReader::new(recording, var)?));
            }
        }
        let mut forced = Vec::new();
        if recording.has(Var::XfrcApplied) {
            readers.push((Var::XfrcApplied, RowReader::new(recording, Var::XfrcApplied)?));
            for body in recording.labels(Axis::ForcedBody)? {
                forced.push(model.body(&body)?);
            }
        }
        let mut ends = vec![0; recording.shape(Var::Qpos)[0]];
        for bound in recording.offsets()?.windows(2) {
            ends[bound[0]..bound[1]].fill(bound[1]);
        }
        let flags = FlagReader::new(recording)?;
        Ok(Self { recording, sim: Sim::new(model)?, substeps, readers, flags, forced, ends: ends.into() })
    }

    /// The rows that have so many rows before the end of their episode, themselves included.
    pub(super) fn rows(&self, horizon: usize) -> Vec<usize> {
        (0..self.ends.len()).filter(|row| self.ends[*row] - row >= horizon).collect()
    }

    fn read(&mut self, var: Var, row: usize) -> Result<&[f64], InfluenceError> {
        match self.readers.iter_mut().find(|(held, _)| *held == var) {
            Some((_, reader)) => Ok(reader.numbers(row)?),
            None => Ok(&[]),
        }
    }

    fn drive(&mut self, row: usize) -> Result<Drive, InfluenceError> {
        let forces = self.read(Var::XfrcApplied, row)?.as_chunks::<6>().0.to_vec();
        Ok(Drive {
            ctrl: self.read(Var::Ctrl, row)?.to_vec(),
            mocap_pos: self.read(Var::MocapPos, row)?.to_vec(),
            mocap_quat: self.read(Var::MocapQuat, row)?.to_vec(),
            forces: self.forced.iter().copied().zip(forces).collect(),
        })
    }

    /// A row and those that follow it, `horizon` in all, simulated again.
    ///
    /// # Errors
    /// [`InfluenceError`].
    pub(super) fn start(&mut self, row: usize, horizon: usize) -> Result<Start, InfluenceError> {
        let drives = (row..row + horizon).map(|row| self.drive(row)).collect::<Result<Vec<_>, _>>()?;
        let [time, qpos, qvel, act, warmstart] = [Var::Time, Var::Qpos, Var::Qvel, Var::Act, Var::QaccWarmstart]
            .map(|var| self.read(var, row).map(<[f64]>::to_vec));
        let sim = &mut self.sim;
        sim.reset()?;
        sim.set_time(time?[0]);
        sim.qpos_mut().copy_from_slice(&qpos?);
        sim.qvel_mut().copy_from_slice(&qvel?);
        sim.act_mut().copy_from_slice(&act?);
        sim.qacc_warmstart_mut().copy_from_slice(&warmstart?);
        drives[0].apply(sim);
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
                let recorded = self.read(var, row + i)?.to_vec();
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
        let mut values = self.read(numbers, row)?.to_vec();
        values.resize(n, f64::NAN);
        let codes = match self.readers.iter_mut().find(|(held, _)| *held == verdicts) {
            Some((_, reader)) => reader.row(row)?.to_vec(),
            None => vec![ZeroVerdict::Undecided.code(); n],
        };
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
