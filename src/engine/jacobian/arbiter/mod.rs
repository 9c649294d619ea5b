//! The judge of the engines: differences of whole steps at many nudges, extrapolated to none entry by entry ([`Steps`]), in
//! every column, and whether there is a derivative to judge about. It shares nothing with the implicit engine but MuJoCo,
//! and nothing with mjd_transitionFD but `mj_step`.

mod switch;

use std::sync::Arc;

use super::Jacobian;
use super::steps::{Column, Schedule, Steps};
use crate::physics::{Model, PhysicsError, Sim, Solver};
use switch::ConstraintStates;
pub use switch::SwitchKind;

/// One-sided derivatives that are apart by more than this share of the largest entry of A make a kink.
const KINK: f64 = 1e-7;

/// An error estimate beyond this share of the largest entry of A: the differences do not settle on anything.
const UNSETTLED: f64 = 1e-7;

/// An entry of A or B: its row, and its column of A with those of B behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry {
    /// Of ndx.
    pub row: usize,
    /// Of ndx + nu.
    pub column: usize,
}

/// What the arbiter has found at one state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// A and B side by side: ndx x (ndx + nu), row-major.
    pub values: Vec<f64>,
    /// How far off each may be.
    pub errors: Vec<f64>,
    /// The largest entry of A.
    pub scale: f64,
    /// The largest error, as a share of `scale`; infinite where a value is not a number.
    pub error: f64,
    /// The largest difference of one-sided derivatives that is more than its own error, as a share of `scale`.
    pub kink: f64,
    /// The entry that `kink` or, without a kink, `error` is of.
    pub entry: Entry,
    /// C and D; empty where sensors are not judged.
    pub sensed: SensorJudgement,
}

/// C and D side by side, each of nsensordata x (ndx + nu), row-major.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SensorJudgement {
    /// The derivatives.
    pub values: Vec<f64>,
    /// How far off each may be.
    pub errors: Vec<f64>,
    /// How far the derivatives of the two sides are apart, where that is more than its own error; else 0.
    pub kinks: Vec<f64>,
}

impl Judgement {
    /// Whether the one-sided derivatives of some entry differ.
    pub fn is_kink(&self) -> bool {
        self.kink > KINK
    }

    /// Whether there is a derivative, and one that differences can see: no kink, and they settle.
    pub fn is_smooth(&self) -> bool {
        !self.is_kink() && self.error <= UNSETTLED
    }
}

/// Extrapolated differences of one model.
#[derive(Debug)]
pub struct Arbiter {
    sim: Sim,
    steps: Steps,
    schedule: Schedule,
    column: Column,
    /// Space of a nudge (nv).
    direction: Vec<f64>,
}

impl Arbiter {
    /// The solver settings that the model should have: tighter than those of a recording, so that what the solver
    /// leaves behind stays below rounding. MuJoCo's Newton stops by what a step would gain, which is the square of the
    /// residual; in the middle zone of an elliptic cone the rest that 1e-13 leaves varies with the state, and what 1e-20 leaves of a
    /// light body beside a heavy one is seen as a derivative of 1e-9 between groups that share nothing.
    pub const SOLVER: Solver = Solver { iterations: 100, ls_iterations: 50, tolerance: 1e-24 };

    /// For a model, with a simulation of its own.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for one.
    pub fn new(model: &Arc<Model>) -> Result<Self, PhysicsError> {
        Self::of(model, false)
    }

    /// The same, which judges C and D too.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_sensors(model: &Arc<Model>) -> Result<Self, PhysicsError> {
        Self::of(model, true)
    }

    fn of(model: &Arc<Model>, sensors: bool) -> Result<Self, PhysicsError> {
        Ok(Self {
            sim: Sim::new(model)?,
            steps: Steps::new(model, sensors)?,
            schedule: Schedule::FULL,
            column: Column::default(),
            direction: vec![0.0; model.nv()],
        })
    }

    /// Nudges by other sizes from here on. What is sure by both is no accident of rounding.
    pub fn nudge_otherwise(&mut self) {
        self.schedule = Schedule::OTHERS;
    }

    /// Nudges by finer sizes from here on. A kink that these see too is at the state, not beside it.
    pub fn nudge_finely(&mut self) {
        self.schedule = Schedule::FINE;
    }

    /// Judges a state ([`Sim::get_state`]).
    ///
    /// # Errors
    /// As [`super::Engine::jacobian`].
    pub fn judge(&mut self, state: &[f64]) -> Result<Judgement, PhysicsError> {
        let model = self.sim.model().clone();
        let (ndx, columns) = (model.ndx(), model.ndx() + model.nu());
        let mut out =
            Judgement { values: vec![0.0; ndx * columns], errors: vec![0.0; ndx * columns], ..Judgement::default() };
        let mut kinks = vec![0.0_f64; ndx * columns];
        self.steps.begin(state)?;
        let sensors = self.steps.rows() - ndx;
        for part in [&mut out.sensed.values, &mut out.sensed.errors, &mut out.sensed.kinks] {
            part.resize(sensors * columns, 0.0);
        }
        for column in 0..columns {
            self.steps.column(column, &self.schedule, &mut self.column)?;
            let Column { values, errors, kinks: apart } = &self.column;
            for row in 0..ndx {
                let k = row * columns + column;
                (out.values[k], out.errors[k], kinks[k]) = (values[row], errors[row], apart[row]);
                if column < ndx {
                    out.scale = out.scale.max(values[row].abs());
                }
            }
            let SensorJudgement { values: of, errors: off, kinks: bends } = &mut out.sensed;
            for row in 0..sensors {
                let (k, row) = (row * columns + column, ndx + row);
                (of[k], off[k], bends[k]) = (values[row], errors[row], apart[row]);
            }
        }
        let place = |k: usize| Entry { row: k / columns, column: k % columns };
        let (worst, error) = largest(&out.errors);
        let (bent, kink) = largest(&kinks);
        out.error = if error == 0.0 { 0.0 } else { error / out.scale };
        out.kink = if kink == 0.0 { 0.0 } else { kink / out.scale };
        out.entry = place(if out.is_kink() { bent } else { worst });
        Ok(out)
    }

    /// Puts the simulation into a state, but for the warm start of its solver.
    fn place(&mut self, state: &[f64]) -> Result<(), PhysicsError> {
        self.sim.set_state(state)?;
        self.sim.qacc_warmstart_mut().fill(0.0);
        Ok(())
    }

    /// What switches nearest to a state when one input is nudged: the constraints of the nudged states are compared
    /// with its own, from the finest nudge up. With the nudge.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn switch_near(&mut self, state: &[f64], column: usize) -> Result<Option<(SwitchKind, f64)>, PhysicsError> {
        self.place(state)?;
        self.sim.forward()?;
        let here = ConstraintStates::of(&self.sim);
        for h in Schedule::FULL.nudges().rev() {
            for nudge in [h, -h] {
                self.place(state)?;
                self.sim.nudge(column, nudge, &mut self.direction);
                self.sim.forward()?;
                if let Some(kind) = here.switch(&ConstraintStates::of(&self.sim), h) {
                    return Ok(Some((kind, h)));
                }
            }
        }
        Ok(None)
    }
}

/// A and B as one matrix.
pub fn side_by_side(jacobian: &Jacobian, ndx: usize, nu: usize, out: &mut [f64]) {
    for (row, out) in out.chunks_exact_mut(ndx + nu).enumerate() {
        out[..ndx].copy_from_slice(&jacobian.a[row * ndx..(row + 1) * ndx]);
        out[ndx..].copy_from_slice(&jacobian.b[row * nu..(row + 1) * nu]);
    }
}

/// The largest of some numbers that are not negative, and where; NaN counts as infinite.
pub fn largest(values: &[f64]) -> (usize, f64) {
    values.iter().enumerate().fold((0, 0.0), |(at, most), (i, x)| {
        let x = if x.is_nan() { f64::INFINITY } else { *x };
        if x > most { (i, x) } else { (at, most) }
    })
}

#[cfg(test)]
mod tests;
