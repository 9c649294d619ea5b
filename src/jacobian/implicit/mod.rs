//! The Jacobian by implicit differentiation of the constraint solve: one solve per state, none per input.
//!
//! At the solution `a` of the forward dynamics the residual
//!
//! ```text
//! R(p) = S(p) - M(p) a,      S(p) = smooth(p) + J(p)' f(p; a)
//! ```
//!
//! vanishes. Along an input p, with a held fixed inside R,
//!
//! ```text
//! da/dp = H^-1 dR/dp,        H = M + J' W J,
//! ```
//!
//! where W holds the constraint masses of the rows that push back in proportion, and the Hessians of elliptic cones
//! in their middle zone. R needs no solve: by velocity its derivative is known in closed form, by control it changes
//! through the actuators alone, by position it is differenced. An integrator that damps implicitly then solves
//! `MH a_n = S`, and
//!
//! ```text
//! da_n/dp = MH^-1 (dS/dp - J' W J da/dp - dM/dp a_n).
//! ```
//!
//! The next velocity is v + h a_n, the next position q turned and moved by it for h.

mod space;
mod support;

use std::sync::Arc;

use nalgebra::{Cholesky, DMatrix, Dyn};

use super::{Engine, EngineSpec, Jacobian};
use crate::physics::{Damping, Model, PhysicsError, Sim, turn_derivatives};
use space::Space;

/// Nudge of a control, in its own units. Forces are linear in it.
const CONTROL_NUDGE: f64 = 1e-4;

/// Nudge of a velocity, where the closed form does not hold.
const VELOCITY_NUDGE: f64 = 1e-6;

/// Implicit differentiation.
#[derive(Debug)]
pub struct Implicit {
    work: Sim,
    /// Nudge of a position.
    eps: f64,
    damping: Damping,
    space: Space,
}

impl Implicit {
    /// What of a model the engine does not cover; nothing when it covers all.
    pub fn obstacles(model: &Model) -> Vec<String> {
        support::obstacles(model)
    }

    /// The engine, with a simulation of its own.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for one.
    pub fn new(spec: &EngineSpec, model: &Arc<Model>) -> Result<Self, PhysicsError> {
        Ok(Self {
            work: Sim::new(model)?,
            eps: spec.eps,
            damping: model.integrator_damping().unwrap_or(Damping::None),
            space: Space::new(model),
        })
    }

    /// dS/dv = d smooth / dv - J' W B J, where B are the damping factors of the rows. By differences where that is not
    /// all: a force held by a limit does not change, and equality rows have accelerations that are quadratic in the
    /// velocity.
    fn by_velocity(&mut self) -> Result<(), PhysicsError> {
        let Self { work, space, .. } = self;
        let nv = space.nv;
        if work.force_is_clamped() || work.has_equality_rows() {
            let qvel = work.qvel().to_vec();
            for (i, v) in qvel.iter().enumerate() {
                for (side, nudge) in [(0, VELOCITY_NUDGE), (1, -VELOCITY_NUDGE)] {
                    work.qvel_mut()[i] = v + nudge;
                    work.stage_velocity()?;
                    work.stage_actuation()?;
                    space.read_force(work, side)?;
                }
                work.qvel_mut()[i] = *v;
                space.difference_force(nv + i, 2.0 * VELOCITY_NUDGE);
            }
            work.stage_velocity()?;
            return work.stage_actuation();
        }
        work.smooth_derivative(true, &mut space.square)?;
        for c in 0..nv {
            for r in 0..nv {
                space.ds[(r, nv + c)] = space.square[r * nv + c];
            }
        }
        for (row, b) in work.constraint_damping().enumerate() {
            if space.pushes(row) {
                let (j, wj) = (&space.j[row * nv..(row + 1) * nv], &space.wj[row * nv..(row + 1) * nv]);
                for c in (0..nv).filter(|c| j[*c] != 0.0) {
                    for (r, wj) in wj.iter().enumerate() {
                        space.ds[(r, nv + c)] -= b * wj * j[c];
                    }
                }
            }
        }
        Ok(())
    }

    /// dS/du, from the actuators alone. A control at its limit is nudged inwards.
    fn by_control(&mut self) -> Result<(), PhysicsError> {
        let Self { work, space, .. } = self;
        let model = work.model().clone();
        for i in 0..space.nu {
            let u = work.ctrl()[i];
            let (up, down) = nudges(&model, i, u);
            for (side, nudge) in [(0, up), (1, -down)] {
                work.ctrl_mut()[i] = u + nudge;
                work.stage_actuation()?;
                work.smooth_force(space.sides[side].s.as_mut_slice());
            }
            work.ctrl_mut()[i] = u;
            space.difference_force(2 * space.nv + i, up + down);
        }
        Ok(())
    }

    /// dS/dq, d(M a)/dq and d(M a_n)/dq, by central differences in the tangent space.
    fn by_position(&mut self) -> Result<(), PhysicsError> {
        let Self { work, space, eps, .. } = self;
        let model = work.model().clone();
        space.qpos.copy_from_slice(work.qpos());
        for i in 0..space.nv {
            space.direction.fill(0.0);
            space.direction[i] = 1.0;
            for (side, nudge) in [(0, *eps), (1, -*eps)] {
                work.qpos_mut().copy_from_slice(&space.qpos);
                model.integrate_pos(work.qpos_mut(), &space.direction, nudge);
                work.stage_position()?;
                work.stage_velocity()?;
                work.stage_actuation()?;
                space.read_force(work, side)?;
                let out = &mut space.sides[side];
                work.mul_inertia(space.a.as_slice(), out.ma.as_mut_slice());
                work.mul_inertia(space.a_n.as_slice(), out.ma_n.as_mut_slice());
            }
            space.difference_force(i, 2.0 * *eps);
            space.difference_inertia(i, 2.0 * *eps);
        }
        Ok(())
    }

    /// The inertia that the integrator solves with; None when that is M, or cannot be factored.
    fn integrator_inertia(&mut self, inertia: &DMatrix<f64>) -> Result<Option<Cholesky<f64, Dyn>>, PhysicsError> {
        let Self { work, space, damping, .. } = self;
        let (nv, model) = (space.nv, work.model().clone());
        let h = model.timestep();
        let mut damped = inertia.clone();
        match damping {
            Damping::None | Damping::Full => return Ok(None),
            Damping::Joints => {
                for (i, d) in model.dof_damping().iter().enumerate() {
                    damped[(i, i)] += h * d;
                }
            }
            Damping::Symmetric => {
                work.smooth_derivative(false, &mut space.square)?;
                for c in 0..nv {
                    for r in 0..nv {
                        damped[(r, c)] -= 0.5 * h * (space.square[r * nv + c] + space.square[c * nv + r]);
                    }
                }
            }
        }
        Ok(Cholesky::new(damped))
    }

    /// From accelerations to the next state, into the row-major matrices of `out`. `dv` is da_n/dp.
    fn integrate(&self, mut dv: DMatrix<f64>, out: &mut Jacobian) {
        let Self { work, space, .. } = self;
        let (nv, nu, h) = (space.nv, space.nu, work.model().timestep());
        let (ndx, columns) = (2 * nv, 2 * nv + nu);
        dv *= h;
        for i in 0..nv {
            dv[(i, nv + i)] += 1.0;
        }
        let mut dq = h * &dv;
        for i in 0..nv {
            dq[(i, i)] += 1.0;
        }
        for dof in work.turns() {
            let next = std::array::from_fn(|k| work.qvel()[dof + k] + h * space.a_n[dof + k]);
            let (by_turn, by_velocity) = turn_derivatives(next, h);
            for c in 0..columns {
                for r in 0..3 {
                    let turn = if (dof..dof + 3).contains(&c) { by_turn[3 * r + c - dof] } else { 0.0 };
                    dq[(dof + r, c)] = (0..3).fold(turn, |x, k| x + by_velocity[3 * r + k] * dv[(dof + k, c)]);
                }
            }
        }
        for r in 0..nv {
            for c in 0..ndx {
                out.a[r * ndx + c] = dq[(r, c)];
                out.a[(nv + r) * ndx + c] = dv[(r, c)];
            }
            for c in 0..nu {
                out.b[r * nu + c] = dq[(r, ndx + c)];
                out.b[(nv + r) * nu + c] = dv[(r, ndx + c)];
            }
        }
    }
}

impl Engine for Implicit {
    /// Every entry is NaN where H or the integrator's inertia is not positive definite.
    fn jacobian(&mut self, sim: &mut Sim, out: &mut Jacobian) -> Result<(), PhysicsError> {
        sim.get_state(&mut self.space.state)?;
        self.work.set_state(&self.space.state)?;
        self.work.forward()?;
        self.space.solution(&mut self.work)?;
        let inertia = DMatrix::from_column_slice(self.space.nv, self.space.nv, &self.space.square);
        let Some(hessian) = Cholesky::new(&inertia + &self.space.jwj) else {
            out.fill(f64::NAN);
            return Ok(());
        };
        let implicit = self.integrator_inertia(&inertia)?;
        if self.damping != Damping::None && implicit.is_none() {
            out.fill(f64::NAN);
            return Ok(());
        }
        self.space.integrated_acceleration(&self.work, implicit.as_ref());

        self.by_velocity()?;
        self.by_control()?;
        self.by_position()?;

        let space = &self.space;
        let mut da = &space.ds - &space.dma;
        hessian.solve_mut(&mut da);
        let da_n = match implicit {
            None => da,
            Some(inertia) => {
                let mut right = &space.ds - &space.dma_n - &space.jwj * da;
                inertia.solve_mut(&mut right);
                right
            }
        };
        self.integrate(da_n, out);
        Ok(())
    }
}

/// How far up and down a control can be nudged without leaving its range.
fn nudges(model: &Model, i: usize, u: f64) -> (f64, f64) {
    let Some([low, high]) = model.ctrl_range(i).filter(|_| model.clamps_controls()) else {
        return (CONTROL_NUDGE, CONTROL_NUDGE);
    };
    let up = if u + CONTROL_NUDGE <= high { CONTROL_NUDGE } else { 0.0 };
    let down = if u - CONTROL_NUDGE >= low { CONTROL_NUDGE } else { 0.0 };
    // A range that is narrower than a nudge clamps both sides: no influence.
    if up + down == 0.0 { (CONTROL_NUDGE, CONTROL_NUDGE) } else { (up, down) }
}
