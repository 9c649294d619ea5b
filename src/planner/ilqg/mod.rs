//! Plans along Jacobians: iterative LQG with limits on the controls.
//!
//! The plan is a control per action. An iteration takes the derivatives of the dynamics and of the reward along it
//! ([`slopes`]), solves the linear-quadratic problem that they make ([`backward`]), and follows the solution with its
//! feedback from the present state, for several step sizes at once; the best of these is the next plan, if it is better. After
//! Tassa, Erez and Todorov, "Synthesis and stabilization of complex behaviors through online trajectory optimization" (IROS
//! 2012), and Tassa, Mansard and Todorov, "Control-limited differential dynamic programming" (ICRA 2014). With samples,
//! the iterations begin at the best of plans that are tried around the last one.

mod backward;
mod box_qp;
mod slopes;
#[cfg(test)]
mod tests;

use nalgebra::DVector;

use super::rollout::Rollouts;
use super::settings::{Newton, PlanSettings, Sampling};
use super::spline::Curve;
use super::{Here, PlanError, best, shift};
use crate::physics::{Model, PhysicsError, Sim};
use backward::Gains;
use slopes::Slopes;

/// The damping added to the curvature along every control (in half ranges): at first, and its bounds.
const DAMPING: f64 = 1e-3;
const LEAST_DAMPING: f64 = 1e-8;
const MOST_DAMPING: f64 = 1e6;
/// It falls and rises by this factor, which grows with every further change of one kind (Tassa 2012, section F).
const FACTOR: f64 = 1.6;

/// A plan and where it leads.
#[derive(Debug, Clone)]
struct Trajectory {
    /// A control per action, half ranges from the middle (horizon x nu).
    plan: Vec<f64>,
    /// The integration states along it (horizon + 1 of them), and their coordinates: qpos, qvel, act.
    states: Vec<f64>,
    coordinates: Vec<f64>,
    /// Mean reward less effort; minus infinity where it diverges.
    value: f64,
}

/// A plan that is improved along Jacobians.
#[derive(Debug)]
pub(super) struct Ilqg {
    settings: Newton,
    sampling: Option<Sampling>,
    horizon: usize,
    iterations: usize,
    nu: usize,
    now: Trajectory,
    /// What an iteration tries.
    candidates: Vec<Trajectory>,
    /// Where `now` begins.
    start: usize,
    slopes: Slopes,
    gains: Gains,
    damping: f64,
    factor: f64,
}

impl Ilqg {
    pub(super) fn new(
        settings: &PlanSettings,
        newton: Newton,
        sampling: Option<Sampling>,
        rollouts: &Rollouts,
    ) -> Result<Self, PlanError> {
        let (model, horizon) = (&rollouts.model, settings.horizon);
        let nu = model.nu();
        let trajectory = Trajectory {
            plan: vec![0.0; horizon * nu],
            states: vec![0.0; (horizon + 1) * model.state_size()],
            coordinates: vec![0.0; (horizon + 1) * width(model)],
            value: f64::NEG_INFINITY,
        };
        let candidates = vec![trajectory.clone(); newton.tries.max(sampling.map_or(1, |s| s.samples))];
        Ok(Self {
            settings: newton,
            sampling,
            horizon,
            iterations: settings.iterations,
            nu,
            now: trajectory,
            candidates,
            start: 0,
            slopes: Slopes::new(rollouts, horizon)?,
            gains: Gains::new(horizon, model.ndx(), nu),
            damping: DAMPING,
            factor: 1.0,
        })
    }

    pub(super) fn begin(&mut self) {
        self.now.plan.fill(0.0);
        (self.start, self.damping, self.factor) = (0, DAMPING, 1.0);
    }

    pub(super) fn bytes(&self) -> u64 {
        let numbers = |t: &Trajectory| t.plan.len() + t.states.len() + t.coordinates.len();
        let candidates = (self.candidates.len() + 1) * numbers(&self.now) * size_of::<f64>();
        self.slopes.bytes() + candidates as u64
    }

    /// See [`super::Planner::act`].
    pub(super) fn act(&mut self, mut here: Here<'_>, step: usize, action: &mut [f64]) -> Result<(), PlanError> {
        while self.start < step {
            shift(&mut self.now.plan, self.nu);
            self.start += 1;
        }
        self.look(&mut here)?;
        let mut fresh = false;
        for _ in 0..self.iterations {
            if !fresh {
                self.slopes.take(&here, &self.now.states, &self.now.plan)?;
            }
            fresh = !self.improve(&here)?;
        }
        here.units.controls(&self.now.plan[..self.nu], action);
        Ok(())
    }

    /// Follows the plan from the present state, and what else may be better.
    fn look(&mut self, here: &mut Here<'_>) -> Result<(), PlanError> {
        let count = self.sampling.map_or(1, |s| s.samples);
        let candidates = &mut self.candidates[..count];
        candidates.iter_mut().for_each(|t| t.plan.copy_from_slice(&self.now.plan));
        if let Some(sampling) = &self.sampling {
            let curve = Curve { spline: sampling.spline, spacing: sampling.spacing, width: self.nu };
            let mut points = vec![0.0; curve.points(self.horizon) * self.nu];
            let mut change = vec![0.0; self.nu];
            for (i, trajectory) in candidates.iter_mut().enumerate().skip(1) {
                let scale = sampling.scale(i) * sampling.noise;
                points.iter_mut().for_each(|x| *x = scale * here.stream.normal());
                for (k, u) in trajectory.plan.chunks_mut(self.nu).enumerate() {
                    curve.write(&points, k, &mut change);
                    u.iter_mut().zip(&change).for_each(|(u, c)| *u = (*u + c).clamp(-1.0, 1.0));
                }
            }
        }
        let effort = self.settings.effort;
        here.threads.each(candidates, |_, trajectory| follow(here, trajectory, effort, |_, _, _| ()))?;
        let (found, most) = best(candidates.iter().map(|t| t.value));
        if most > f64::NEG_INFINITY {
            std::mem::swap(&mut self.now, &mut candidates[found]);
            return Ok(());
        }
        // The old plan leads nowhere from here: begin anew, with no control at all.
        self.now.plan.fill(0.0);
        follow(here, &mut self.now, effort, |_, _, _| ())?;
        if self.now.value == f64::NEG_INFINITY { Err(PlanError::Diverged) } else { Ok(()) }
    }

    /// One step along the slopes; whether it made the plan better.
    fn improve(&mut self, here: &Here<'_>) -> Result<bool, PlanError> {
        if !here.threads.alone(|| self.solve()) {
            return Ok(false);
        }
        let Self { now, candidates, gains, .. } = self;
        let (model, nu, ndx) = (&here.rollouts.model, self.nu, here.rollouts.model.ndx());
        let candidates = &mut candidates[..self.settings.tries];
        here.threads.each(candidates, |i, trajectory| {
            let share = libm::exp2(-(i as f64));
            let mut apart = DVector::zeros(ndx);
            follow(here, trajectory, self.settings.effort, |coordinates, k, u| {
                difference(model, step_of(&now.coordinates, k, coordinates.len()), coordinates, apart.as_mut_slice());
                let back = &gains.feedback[k] * &apart;
                for (j, u) in u.iter_mut().enumerate() {
                    *u = (now.plan[k * nu + j] + share * gains.change[k][j] + back[j]).clamp(-1.0, 1.0);
                }
            })
        })?;
        let (found, most) = best(candidates.iter().map(|t| t.value));
        let better = most > now.value;
        if better {
            std::mem::swap(now, &mut candidates[found]);
            self.easier();
        } else {
            self.harder();
        }
        Ok(better)
    }

    /// The change of the plan, with as little damping as it takes; false where there is none.
    fn solve(&mut self) -> bool {
        while !self.gains.solve(&self.slopes.all, &self.now.plan, self.settings.effort, self.damping) {
            if self.damping >= MOST_DAMPING {
                return false;
            }
            self.harder();
        }
        true
    }

    fn harder(&mut self) {
        self.factor = (self.factor * FACTOR).max(FACTOR);
        self.damping = (self.damping * self.factor).min(MOST_DAMPING);
    }

    fn easier(&mut self) {
        self.factor = (self.factor / FACTOR).min(1.0 / FACTOR);
        self.damping = (self.damping * self.factor).max(LEAST_DAMPING);
    }
}

/// Numbers of the coordinates of a state.
fn width(model: &Model) -> usize {
    model.nq() + model.nv() + model.na()
}

/// Row `k` of a table with rows of `width`.
fn step_of(table: &[f64], k: usize, width: usize) -> &[f64] {
    &table[k * width..(k + 1) * width]
}

/// The tangent vector (ndx) from one state's coordinates to another's.
fn difference(model: &Model, from: &[f64], to: &[f64], out: &mut [f64]) {
    let (nq, nv) = (model.nq(), model.nv());
    model.differentiate_pos(&from[..nq], &to[..nq], 1.0, &mut out[..nv]);
    for ((out, a), b) in out[nv..].iter_mut().zip(&from[nq..]).zip(&to[nq..]) {
        *out = b - a;
    }
}

/// Follows the trajectory's plan, which `steer` may change on the way: it is given the coordinates of a state, the step and
/// its control (nu).
fn follow(
    here: &Here<'_>,
    trajectory: &mut Trajectory,
    effort: f64,
    mut steer: impl FnMut(&[f64], usize, &mut [f64]),
) -> Result<(), PhysicsError> {
    let model = &here.rollouts.model;
    let (size, width, nu) = (model.state_size(), width(model), model.nu());
    let horizon = trajectory.plan.len() / nu;
    let Trajectory { plan, states, coordinates, value } = trajectory;
    let mut strain = 0.0;
    *value = here.rollouts.follow(here.start, horizon, |sim: &mut Sim, k, action| {
        sim.get_state(&mut states[k * size..(k + 1) * size])?;
        let at = &mut coordinates[k * width..(k + 1) * width];
        at.iter_mut().zip([sim.qpos(), sim.qvel(), sim.act()].into_iter().flatten()).for_each(|(x, y)| *x = *y);
        if k < horizon {
            let u = &mut plan[k * nu..(k + 1) * nu];
            steer(at, k, u);
            strain += u.iter().map(|x| x * x).sum::<f64>();
            here.units.controls(u, action);
        }
        Ok(())
    })? - effort * strain / horizon as f64;
    Ok(())
}
