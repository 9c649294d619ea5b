//! What is not covered in closed form: differences of forces at a fixed acceleration, extrapolated.

use nalgebra::{DMatrix, DVector};

use super::motion::ULP;
use crate::physics::{Model, PhysicsError, Sim};

/// Nudges: powers of two. Differences at one and two of them are extrapolated, with an error of the fourth order. Where
/// that is more than rounding, the next nudge is tried, and the one with the smallest error taken.
const POSITION: [f64; 3] = [1.0 / 262_144.0, 1.0 / 4_194_304.0, 1.0 / 67_108_864.0];
const VELOCITY: f64 = 1.0 / 16_384.0;
const CONTROL: f64 = 1.0 / 8192.0;

/// A force (nv) at +h, -h, +2h, -2h.
#[derive(Debug)]
pub(super) struct Sides([Vec<f64>; 4]);

#[derive(Debug)]
pub(super) struct Differences {
    jar: Vec<f64>,
    sides: Sides,
    nudger: Nudger,
}

/// Visits the inputs of a state, nudged.
#[derive(Debug)]
pub(super) struct Nudger {
    qpos: Vec<f64>,
    direction: Vec<f64>,
    /// Derivatives by the input under way, and bounds on their errors (nv).
    column: Vec<(f64, f64)>,
}

/// Nudges and samples one input: the simulation has gone through all stages but those of contacts and inertia.
pub(super) type Sample<'a> = &'a mut dyn FnMut(&mut Sim, &mut [f64]) -> Result<(), PhysicsError>;

impl Nudger {
    pub(super) fn new(model: &Model) -> Self {
        Self { qpos: vec![0.0; model.nq()], direction: vec![0.0; model.nv()], column: Vec::new() }
    }

    /// Differences `sample` by all positions and velocities, and by activations and controls with `inner`, into columns of
    /// `out` (nv x ndx + nu), times `sign`, with bounds on the errors in `noise`. Forgets the contacts of `work`.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn differentiate(
        &mut self,
        work: &mut Sim,
        inner: bool,
        sides: &mut Sides,
        sample: Sample<'_>,
        sign: f64,
        (out, noise): (&mut DMatrix<f64>, &mut DMatrix<f64>),
    ) -> Result<(), PhysicsError> {
        let model = work.model().clone();
        let (nv, na, nu) = (model.nv(), model.na(), model.nu());
        self.qpos.copy_from_slice(work.qpos());
        for c in 0..nv {
            self.direction.fill(0.0);
            self.direction[c] = 1.0;
            let mut best = f64::INFINITY;
            for h in POSITION {
                for (side, nudge) in nudges(h) {
                    work.qpos_mut().copy_from_slice(&self.qpos);
                    model.integrate_pos(work.qpos_mut(), &self.direction, nudge);
                    work.stage_light()?;
                    work.stage_velocity()?;
                    work.stage_actuation()?;
                    sample(work, &mut sides.0[side])?;
                }
                let (left, rounding) = sides.errors(h);
                if left + rounding < best {
                    best = left + rounding;
                    sides.difference(h, sign, &mut self.column);
                }
                if left <= rounding {
                    break;
                }
            }
            self.put(c, out, noise);
        }
        work.qpos_mut().copy_from_slice(&self.qpos);
        work.stage_light()?;
        for c in 0..nv {
            let v = work.qvel()[c];
            for (side, nudge) in nudges(VELOCITY) {
                work.qvel_mut()[c] = v + nudge;
                work.stage_velocity()?;
                work.stage_actuation()?;
                sample(work, &mut sides.0[side])?;
            }
            work.qvel_mut()[c] = v;
            sides.difference(VELOCITY, sign, &mut self.column);
            self.put(nv + c, out, noise);
        }
        work.stage_velocity()?;
        for c in 0..if inner { na } else { 0 } {
            let act = work.act()[c];
            for (side, nudge) in nudges(CONTROL) {
                work.act_mut()[c] = act + nudge;
                work.stage_actuation()?;
                sample(work, &mut sides.0[side])?;
            }
            work.act_mut()[c] = act;
            sides.difference(CONTROL, sign, &mut self.column);
            self.put(2 * nv + c, out, noise);
        }
        for c in 0..if inner { nu } else { 0 } {
            let u = work.ctrl()[c];
            let step = inwards(&model, c, u);
            for (side, nudge) in nudges(CONTROL) {
                // On the edge of its range it is nudged inwards alone, over the same distances.
                work.ctrl_mut()[c] = u + nudge + step;
                work.stage_actuation()?;
                sample(work, &mut sides.0[side])?;
            }
            work.ctrl_mut()[c] = u;
            sides.difference(CONTROL, sign, &mut self.column);
            self.put(2 * nv + na + c, out, noise);
        }
        work.stage_actuation()
    }

    fn put(&self, c: usize, out: &mut DMatrix<f64>, noise: &mut DMatrix<f64>) {
        for (r, (x, error)) in self.column.iter().enumerate() {
            out[(r, c)] += x;
            noise[(r, c)] += error;
        }
    }
}

impl Differences {
    pub(super) fn new(model: &Model) -> Self {
        Self { jar: Vec::new(), sides: Sides::new(model.nv()), nudger: Nudger::new(model) }
    }

    /// Adds the derivatives of springs, dampers and actuators (`smooth`), and of the forces of constraints that are no
    /// contacts (`constraints`), to `out` (nv x ndx + nu), and bounds on their errors to `noise`. Forgets the contacts of
    /// `work`. Returns whether a force reaches its range or leaves it on the way.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn add(
        &mut self,
        work: &mut Sim,
        smooth: bool,
        constraints: bool,
        a: &DVector<f64>,
        out: (&mut DMatrix<f64>, &mut DMatrix<f64>),
    ) -> Result<bool, PhysicsError> {
        let Self { jar, sides, nudger } = self;
        let (held, mut edge) = (work.clamped_forces(), false);
        let mut sample = |work: &mut Sim, to: &mut [f64]| {
            to.fill(0.0);
            if smooth {
                work.pushing_force(to);
                edge |= work.clamped_forces() != held;
            }
            if constraints {
                work.stage_constraint(a.as_slice(), jar, false)?;
                for (x, f) in to.iter_mut().zip(work.qfrc_constraint()) {
                    *x += f;
                }
            }
            Ok(())
        };
        nudger.differentiate(work, smooth, sides, &mut sample, 1.0, out)?;
        Ok(edge)
    }
}

impl Sides {
    pub(super) fn new(nv: usize) -> Self {
        Self(std::array::from_fn(|_| vec![0.0; nv]))
    }

    /// The extrapolated difference of row `r`, and a bound on what the extrapolation leaves.
    fn row(&self, r: usize, h: f64) -> (f64, f64) {
        let [p1, m1, p2, m2] = &self.0;
        let near = (p1[r] - m1[r]) / (2.0 * h);
        let far = (p2[r] - m2[r]) / (4.0 * h);
        let apart = (near - far).abs();
        let x = if apart == 0.0 { near } else { near + (near - far) / 3.0 };
        // Where both agree well, what is left after the extrapolation is smaller by as much again.
        (x, apart * (30.0 * apart / (x.abs() + f64::MIN_POSITIVE)).min(1.0))
    }

    fn rounding(&self, h: f64) -> f64 {
        4.0 * ULP * self.0.iter().flatten().fold(0.0_f64, |m, x| m.max(x.abs())) / h
    }

    /// The largest error of the extrapolation, and of rounding.
    fn errors(&self, h: f64) -> (f64, f64) {
        let left = (0..self.0[0].len()).map(|r| self.row(r, h).1).fold(0.0, f64::max);
        (left, self.rounding(h))
    }

    /// The extrapolated differences, with bounds on their errors.
    fn difference(&self, h: f64, sign: f64, column: &mut Vec<(f64, f64)>) {
        let rounding = self.rounding(h);
        column.clear();
        column.extend((0..self.0[0].len()).map(|r| {
            let (x, left) = self.row(r, h);
            (sign * x, if x == 0.0 && left == 0.0 { 0.0 } else { left + rounding })
        }));
    }
}

fn nudges(h: f64) -> [(usize, f64); 4] {
    [(0, h), (1, -h), (2, 2.0 * h), (3, -2.0 * h)]
}

/// By how much the middle of the nudges is moved so that all of them are within a control's range.
fn inwards(model: &Model, i: usize, u: f64) -> f64 {
    let Some([low, high]) = model.ctrl_range(i).filter(|_| model.clamps_controls()) else { return 0.0 };
    let room = 2.0 * CONTROL;
    if u < low || u > high || high - low < 2.0 * room {
        // Beyond its range it has no influence; a range that is narrower than the nudges is taken as none.
        return 0.0;
    }
    if u + room > high {
        high - room - u
    } else if u - room < low {
        low + room - u
    } else {
        0.0
    }
}
