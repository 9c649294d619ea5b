//! What is not covered in closed form: differences of forces at a fixed acceleration, extrapolated.

use nalgebra::{DMatrix, DVector};

use super::motion::ULP;
use crate::physics::{Model, PhysicsError, Sim};

/// Nudges: powers of two. Differences at one and two of them are extrapolated, with an error of the fourth order.
const POSITION: f64 = 1.0 / 262_144.0;
const VELOCITY: f64 = 1.0 / 16_384.0;
const CONTROL: f64 = 1.0 / 8192.0;

#[derive(Debug)]
pub(super) struct Differences {
    qpos: Vec<f64>,
    direction: Vec<f64>,
    jar: Vec<f64>,
    /// Forces at +h, -h, +2h, -2h.
    sides: [Vec<f64>; 4],
}

/// What is differenced.
#[derive(Debug, Clone, Copy)]
struct What {
    smooth: bool,
    constraints: bool,
}

impl Differences {
    pub(super) fn new(model: &Model) -> Self {
        let nv = model.nv();
        Self {
            qpos: vec![0.0; model.nq()],
            direction: vec![0.0; nv],
            jar: Vec::new(),
            sides: std::array::from_fn(|_| vec![0.0; nv]),
        }
    }

    /// Adds the derivatives of springs, dampers and actuators (`smooth`), and of constraint forces (`constraints`), to
    /// `out` (nv x 2 nv + nu), and bounds on their errors to `noise`.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    #[allow(clippy::too_many_arguments, reason = "two matrices, the state, and what of it")]
    pub(super) fn add(
        &mut self,
        work: &mut Sim,
        smooth: bool,
        constraints: bool,
        a: &DVector<f64>,
        out: &mut DMatrix<f64>,
        noise: &mut DMatrix<f64>,
    ) -> Result<(), PhysicsError> {
        let model = work.model().clone();
        let (nv, nu) = (model.nv(), model.nu());
        let what = What { smooth, constraints };
        self.qpos.copy_from_slice(work.qpos());
        for c in 0..nv {
            self.direction.fill(0.0);
            self.direction[c] = 1.0;
            for (side, nudge) in nudges(POSITION) {
                work.qpos_mut().copy_from_slice(&self.qpos);
                model.integrate_pos(work.qpos_mut(), &self.direction, nudge);
                work.stage_position()?;
                work.stage_velocity()?;
                work.stage_actuation()?;
                self.read(work, what, a, side)?;
            }
            self.difference(c, POSITION, out, noise);
        }
        work.qpos_mut().copy_from_slice(&self.qpos);
        work.stage_position()?;
        work.stage_velocity()?;
        work.stage_actuation()?;
        for c in 0..nv {
            let v = work.qvel()[c];
            for (side, nudge) in nudges(VELOCITY) {
                work.qvel_mut()[c] = v + nudge;
                work.stage_velocity()?;
                work.stage_actuation()?;
                self.read(work, what, a, side)?;
            }
            work.qvel_mut()[c] = v;
            self.difference(nv + c, VELOCITY, out, noise);
        }
        work.stage_velocity()?;
        let what = What { constraints: false, ..what };
        for c in 0..if smooth { nu } else { 0 } {
            let u = work.ctrl()[c];
            let step = inwards(&model, c, u);
            for (side, nudge) in nudges(CONTROL) {
                // On the edge of its range it is nudged inwards alone, over the same distances.
                work.ctrl_mut()[c] = u + nudge + step;
                work.stage_actuation()?;
                self.read(work, what, a, side)?;
            }
            work.ctrl_mut()[c] = u;
            self.difference(2 * nv + c, CONTROL, out, noise);
        }
        work.stage_actuation()?;
        work.stage_constraint(a.as_slice(), &mut self.jar, true)
    }

    fn read(&mut self, work: &mut Sim, what: What, a: &DVector<f64>, side: usize) -> Result<(), PhysicsError> {
        if what.constraints {
            work.stage_constraint(a.as_slice(), &mut self.jar, false)?;
        }
        let to = &mut self.sides[side];
        to.fill(0.0);
        if what.smooth {
            work.pushing_force(to);
        }
        if what.constraints {
            for (x, f) in to.iter_mut().zip(work.qfrc_constraint()) {
                *x += f;
            }
        }
        Ok(())
    }

    fn difference(&self, c: usize, h: f64, out: &mut DMatrix<f64>, noise: &mut DMatrix<f64>) {
        let [p1, m1, p2, m2] = &self.sides;
        let largest = self.sides.iter().flatten().fold(0.0_f64, |m, x| m.max(x.abs()));
        for r in 0..p1.len() {
            let near = (p1[r] - m1[r]) / (2.0 * h);
            let far = (p2[r] - m2[r]) / (4.0 * h);
            let apart = (near - far).abs();
            let x = if apart == 0.0 { near } else { near + (near - far) / 3.0 };
            out[(r, c)] += x;
            if near == 0.0 && far == 0.0 {
                continue;
            }
            let left = apart * (30.0 * apart / (x.abs() + f64::MIN_POSITIVE)).min(1.0);
            noise[(r, c)] += left + 4.0 * ULP * largest / h;
        }
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
