//! The judge of the engines: differences of whole steps at many nudges, extrapolated to none entry by entry, and
//! whether there is a derivative to judge about. It shares nothing with the implicit engine but MuJoCo.
//!
//! The nudges are powers of two from 2^-10 to 2^-24, so that they are exact. At each, mjd_transitionFD gives the
//! one-sided differences F(h) and F(-h). Their mean is the central difference, whose error is a series in h^2: where
//! a contact pushes back over a millimetre, 1e-6 of its value at h = 1e-6 and 1 at 1e-3. Rounding grows as 1/h.
//! Extrapolation takes the series off, and each entry has a best place between the two.
//!
//! Their difference F(h) - F(-h) goes to 0 with h where the step is smooth, and to a constant where it has a kink, even
//! one that the state lies exactly on, which central differences at any two nudges agree about and get wrong.

mod extrapolate;
mod switch;

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::next_state::NextState;
use super::{Difference, Engine, EngineSpec, Jacobian, TransitionFd};
use crate::physics::{JointKind, Model, PhysicsError, Sim, Solver};
use extrapolate::{Limit, extrapolate};
use switch::Regime;
pub use switch::SwitchKind;

/// Exponents of the nudges.
const NUDGES: RangeInclusive<i32> = 10..=24;

/// Central differences of a control need as many nudges inside its range; else its column is one-sided.
const ENOUGH: usize = 8;

/// One-sided derivatives that are apart by more than this share of the largest entry of A make a kink, where they are
/// apart by more than that many times the error of their difference too.
const KINK: f64 = 1e-7;
const SURE: f64 = 10.0;

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
    nudges: Vec<f64>,
    /// F(h) and F(-h) at every nudge, as [`Judgement::values`].
    sides: Vec<[Vec<f64>; 2]>,
    /// See [`Arbiter::note_next`].
    grain: Vec<f64>,
    next: NextState,
    /// Space of a nudge (nv).
    direction: Vec<f64>,
    jacobian: Jacobian,
}

impl Arbiter {
    /// The solver settings that the model should have: tighter than those of a recording, so that what the solver
    /// leaves behind stays below rounding.
    pub const SOLVER: Solver = Solver { iterations: 100, ls_iterations: 50, tolerance: 1e-20 };

    /// For a model, with a simulation of its own.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for one.
    pub fn new(model: &Arc<Model>) -> Result<Self, PhysicsError> {
        let nudges: Vec<f64> = NUDGES.map(|k| 0.5_f64.powi(k)).collect();
        let n = model.ndx() * (model.ndx() + model.nu());
        Ok(Self {
            sim: Sim::new(model)?,
            sides: nudges.iter().map(|_| [vec![0.0; n], vec![0.0; n]]).collect(),
            nudges,
            grain: vec![0.0; model.ndx()],
            next: NextState::new(model),
            direction: vec![0.0; model.nv()],
            jacobian: Jacobian::zeros(model, false),
        })
    }

    /// Judges a state ([`Sim::get_state`]).
    ///
    /// # Errors
    /// As [`Engine::jacobian`].
    pub fn judge(&mut self, state: &[f64]) -> Result<Judgement, PhysicsError> {
        self.place(state)?;
        self.sim.step()?;
        self.note_next();
        self.place(state)?;
        let model = self.sim.model().clone();
        for (nudge, sides) in self.nudges.iter().zip(&mut self.sides) {
            for (sign, side) in [1.0, -1.0].iter().zip(sides) {
                let (eps, difference) = (sign * nudge, Difference::Forward);
                let spec = EngineSpec { eps, difference, zero_test: false, ..EngineSpec::default() };
                TransitionFd::new(&spec, &model).jacobian(&mut self.sim, &mut self.jacobian)?;
                side_by_side(&self.jacobian, model.ndx(), model.nu(), side);
            }
        }
        self.whole_steps(state)?;
        self.place(state)?;
        let (ndx, columns) = (model.ndx(), model.ndx() + model.nu());
        let mut out =
            Judgement { values: vec![0.0; ndx * columns], errors: vec![0.0; ndx * columns], ..Judgement::default() };
        let mut kinks = vec![0.0_f64; ndx * columns];
        for column in 0..columns {
            let room = self.room(column);
            for row in 0..ndx {
                let k = row * columns + column;
                let (limit, kink) = self.entry(k, &room, self.grain[row]);
                (out.values[k], out.errors[k], kinks[k]) = (limit.value, limit.error, kink);
                if column < ndx {
                    out.scale = out.scale.max(limit.value.abs());
                }
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

    /// Puts the simulation into a state, but for the warm start. A solver that starts next to the solution may find
    /// nothing worth an iteration and keep what is left of the step before; the difference of two such solves is the
    /// derivative of that rest: for a box at rest 4e-8 where the truth is 5e-11.
    fn place(&mut self, state: &[f64]) -> Result<(), PhysicsError> {
        self.sim.set_state(state)?;
        self.sim.qacc_warmstart_mut().fill(0.0);
        Ok(())
    }

    /// Columns of activations and controls again, by whole steps: mjd_transitionFD (3.17) keeps the inertia of the
    /// implicit integrators when it nudges them, although actuators whose damping they scale change it.
    fn whole_steps(&mut self, state: &[f64]) -> Result<(), PhysicsError> {
        let model = self.sim.model().clone();
        let (nv, ndx, columns) = (model.nv(), model.ndx(), model.ndx() + model.nu());
        let mut change = vec![0.0; ndx];
        for column in 2 * nv..columns {
            let room = self.room(column);
            for i in 0..self.nudges.len() {
                for side in 0..2 {
                    // Where only one side has room, both are that one.
                    let up = match room {
                        Room::Both(from) if i >= from => side == 0,
                        Room::One { side, from } if i >= from => side == 0,
                        _ => continue,
                    };
                    let nudge = if up { self.nudges[i] } else { -self.nudges[i] };
                    self.place(state)?;
                    self.sim.nudge(column, nudge, &mut self.direction);
                    self.sim.step()?;
                    self.next.difference(&self.sim, nudge, &mut change);
                    for (row, x) in change.iter().enumerate() {
                        self.sides[i][side][row * columns + column] = *x;
                    }
                }
            }
        }
        Ok(())
    }

    /// The next state, which was just reached, and half a unit in the last place of each of its entries at the finest
    /// nudge.
    fn note_next(&mut self) {
        let Self { sim, grain, nudges, next, .. } = self;
        next.note(sim);
        let (model, nv) = (sim.model(), sim.model().nv());
        let finest = nudges.last().copied().unwrap_or(1.0);
        // Turns are differences of unit quaternions.
        grain.fill(1.0);
        for joint in model.joints() {
            let n = match joint.kind {
                JointKind::Free => 3,
                JointKind::Ball => 0,
                JointKind::Slide | JointKind::Hinge => 1,
            };
            grain[joint.dof..joint.dof + n].copy_from_slice(&sim.qpos()[joint.qpos..joint.qpos + n]);
        }
        grain[nv..2 * nv].copy_from_slice(sim.qvel());
        grain[2 * nv..].copy_from_slice(sim.act());
        grain.iter_mut().for_each(|x| *x = 0.5 * f64::EPSILON * x.abs() / finest);
    }

    /// The limit of an entry, and how far its one-sided derivatives are apart (0 where that is not sure).
    fn entry(&self, k: usize, room: &Room, grain: f64) -> (Limit, f64) {
        let series =
            |f: &dyn Fn(&[Vec<f64>; 2]) -> f64, from: usize| self.sides[from..].iter().map(f).collect::<Vec<f64>>();
        match *room {
            Room::Both(from) => {
                // Even powers of the nudge only, or all where a second derivative jumps.
                let central = series(&|s| 0.5 * (s[0][k] + s[1][k]), from);
                let (even, all) = (extrapolate(&central, 4.0, grain), extrapolate(&central, 2.0, grain));
                let limit = if all.error < even.error { all } else { even };
                let apart = extrapolate(&series(&|s| s[0][k] - s[1][k], from), 2.0, 2.0 * grain);
                // Without a limit of their difference, their last one.
                let sure = apart.error.is_finite() && apart.value.abs() > SURE * apart.error;
                (limit, if sure { apart.value.abs() } else { 0.0 })
            }
            Room::One { side, from } => (extrapolate(&series(&|s| s[side][k], from), 2.0, 2.0 * grain), 0.0),
            Room::None => (Limit { value: 0.0, error: 0.0 }, 0.0),
        }
    }

    /// How an input can be nudged: mjd_transitionFD keeps a limited control inside its range, so at an edge its column
    /// is the derivative towards the inside.
    fn room(&self, column: usize) -> Room {
        let model = self.sim.model();
        let Some(control) = column.checked_sub(model.ndx()) else { return Room::Both(0) };
        let Some([low, high]) = model.ctrl_range(control) else { return Room::Both(0) };
        let u = self.sim.ctrl()[control];
        let first = |fits: &dyn Fn(f64) -> bool| self.nudges.iter().position(|h| fits(*h)).unwrap_or(self.nudges.len());
        let (up, down) = (first(&|h| u + h <= high), first(&|h| u - h >= low));
        let n = self.nudges.len();
        match (up.max(down), up.min(down)) {
            (both, _) if both + ENOUGH <= n => Room::Both(both),
            (_, one) if one < n => Room::One { side: usize::from(down < up), from: one },
            _ => Room::None,
        }
    }

    /// What switches nearest to a state when one input is nudged: the constraints of the nudged states are compared
    /// with its own, from the finest nudge up. With the nudge.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn switch_near(&mut self, state: &[f64], column: usize) -> Result<Option<(SwitchKind, f64)>, PhysicsError> {
        self.place(state)?;
        self.sim.forward()?;
        let here = Regime::of(&self.sim);
        for i in (0..self.nudges.len()).rev() {
            let h = self.nudges[i];
            for nudge in [h, -h] {
                self.place(state)?;
                self.sim.nudge(column, nudge, &mut self.direction);
                self.sim.forward()?;
                if let Some(kind) = here.switch(&Regime::of(&self.sim), h) {
                    return Ok(Some((kind, h)));
                }
            }
        }
        Ok(None)
    }
}

/// How far an input can be nudged; the number is the first nudge that fits.
enum Room {
    Both(usize),
    One { side: usize, from: usize },
    None,
}

/// A and B as one matrix.
pub(crate) fn side_by_side(jacobian: &Jacobian, ndx: usize, nu: usize, out: &mut [f64]) {
    for (row, out) in out.chunks_exact_mut(ndx + nu).enumerate() {
        out[..ndx].copy_from_slice(&jacobian.a[row * ndx..(row + 1) * ndx]);
        out[ndx..].copy_from_slice(&jacobian.b[row * nu..(row + 1) * nu]);
    }
}

/// The largest of some numbers that are not negative, and where; NaN counts as infinite.
pub(crate) fn largest(values: &[f64]) -> (usize, f64) {
    values.iter().enumerate().fold((0, 0.0), |(at, most), (i, x)| {
        let x = if x.is_nan() { f64::INFINITY } else { *x };
        if x > most { (i, x) } else { (at, most) }
    })
}

#[cfg(test)]
mod tests;
