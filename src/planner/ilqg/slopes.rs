//! Derivatives along a plan: of the dynamics from the engine, of the reward by differences.

use std::sync::Arc;

use nalgebra::{DMatrix, DVector};

use super::super::rollout::{Rollouts, StepReward};
use super::super::{Here, PlanError};
use crate::idle::Idle;
use crate::jacobian::{ControlStep, EngineRequest};
use crate::physics::{Model, PhysicsError, Sim, SolverMode};
use crate::task::{Memory, Taken};

/// How far a state or a control is moved to see what that is worth. Rewards have kinks but little noise, and a plan looks at
/// what is far: a wide difference sees more.
const NUDGE: f64 = 1e-3;

/// A loss below this has no direction: its square root is too steep to follow.
const NO_LOSS: f64 = 1e-9;

/// Derivatives of one action of a plan. Controls are in half ranges.
#[derive(Debug)]
pub(super) struct Slope {
    /// d next state / d state (ndx x ndx), and / d control (ndx x nu), in the tangent space.
    pub(super) a: DMatrix<f64>,
    pub(super) b: DMatrix<f64>,
    /// What the next state loses against the most there is: gradient (ndx) and curvature (ndx x ndx, no direction negative).
    pub(super) state: (DVector<f64>, DMatrix<f64>),
    /// The same of the control (nu).
    pub(super) control: (DVector<f64>, DMatrix<f64>),
}

/// The derivatives of all actions of a plan.
#[derive(Debug)]
pub(super) struct Slopes {
    pub(super) all: Vec<Slope>,
    /// The planner's model, with a solver that is run to its end: what stops early has no derivative.
    model: Arc<Model>,
    request: EngineRequest,
    idle: Idle<Worker>,
}

struct Worker {
    sim: Sim,
    jacobian: ControlStep,
    /// A simulation for what states are worth.
    judge: Sim,
    reward: StepReward,
    /// Of a task that remembers nothing.
    memory: Memory,
    direction: Vec<f64>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Slopes {
    pub(super) fn new(rollouts: &Rollouts, horizon: usize) -> Result<Self, PlanError> {
        let model = Arc::new(rollouts.task.model(SolverMode::Converged)?);
        let (n, nu) = (model.ndx(), model.nu());
        let all = (0..horizon).map(|_| Slope {
            a: DMatrix::zeros(n, n),
            b: DMatrix::zeros(n, nu),
            state: (DVector::zeros(n), DMatrix::zeros(n, n)),
            control: (DVector::zeros(nu), DMatrix::zeros(nu, nu)),
        });
        let request = EngineRequest { zero_test: false, ..EngineRequest::default() };
        Ok(Self { all: all.collect(), model, request, idle: Idle::default() })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.idle.sum(|w| w.sim.bytes() + w.judge.bytes())
    }

    /// Takes the derivatives along a plan (horizon x nu, in half ranges) that goes through `states`.
    pub(super) fn take(&mut self, here: &Here<'_>, states: &[f64], plan: &[f64]) -> Result<(), PlanError> {
        let (size, nu) = (self.model.state_size(), self.model.nu());
        let mut all = std::mem::take(&mut self.all);
        let done = here.threads.each(&mut all, |k, slope| {
            let mut worker = self.idle.take(|| self.worker(here.rollouts))?;
            let from = &states[k * size..(k + 1) * size];
            let to = &states[(k + 1) * size..(k + 2) * size];
            match worker.take(here, slope, [from, to], &plan[k * nu..(k + 1) * nu]) {
                Ok(true) => {}
                // Without a derivative nothing that comes later can be told from what is done here.
                Ok(false) | Err(PhysicsError::Mujoco(_) | PhysicsError::Poisoned) => {
                    slope.clear();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
            self.idle.put(worker);
            Ok(())
        });
        self.all = all;
        Ok(done?)
    }

    fn worker(&self, rollouts: &Rollouts) -> Result<Worker, PhysicsError> {
        let spec = self.request.resolve(&self.model).spec;
        Ok(Worker {
            sim: Sim::new(&self.model)?,
            jacobian: ControlStep::new(&self.model, &spec)?,
            judge: Sim::new(&rollouts.model)?,
            reward: StepReward::new(rollouts),
            memory: Memory::default(),
            direction: vec![0.0; self.model.nv()],
        })
    }
}

impl Slope {
    fn clear(&mut self) {
        self.a.fill(0.0);
        self.b.fill(0.0);
        for (gradient, curvature) in [&mut self.state, &mut self.control] {
            gradient.fill(0.0);
            curvature.fill(0.0);
        }
    }
}

impl Worker {
    /// The derivatives of the action `u` (nu, half ranges) that leads from one state to another; false where one is not
    /// finite.
    fn take(
        &mut self,
        here: &Here<'_>,
        slope: &mut Slope,
        [from, to]: [&[f64]; 2],
        u: &[f64],
    ) -> Result<bool, PhysicsError> {
        let mut action = vec![0.0; u.len()];
        here.units.controls(u, &mut action);
        self.sim.set_state(from)?;
        self.sim.ctrl_mut().copy_from_slice(&action);
        let whole = self.jacobian.over(&mut self.sim, here.rollouts.steps())?;
        // Where an entry has no derivative, nothing is known to flow; the rest of the step still tells the plan its way.
        let matrices = [&mut whole.a, &mut whole.b];
        matrices.into_iter().flatten().filter(|x| x.is_nan()).for_each(|x| *x = 0.0);
        let (n, nu) = (slope.a.nrows(), u.len());
        slope.a.copy_from(&DMatrix::from_row_slice(n, n, &whole.a));
        slope.b.copy_from(&DMatrix::from_row_slice(n, nu, &whole.b));
        for (mut column, half) in slope.b.column_iter_mut().zip(&here.units.half) {
            column *= *half;
        }
        self.state(here.rollouts, slope, to, &action)?;
        self.control(here, slope, u, &mut action);
        let finite = |m: &[f64]| m.iter().all(|x| x.is_finite());
        Ok(finite(slope.a.as_slice())
            && finite(slope.b.as_slice())
            && finite(slope.state.0.as_slice())
            && finite(slope.control.0.as_slice()))
    }

    /// What the state `to` loses, and its derivatives.
    fn state(
        &mut self,
        rollouts: &Rollouts,
        slope: &mut Slope,
        to: &[f64],
        action: &[f64],
    ) -> Result<(), PhysicsError> {
        let Self { judge, reward, memory, direction, .. } = self;
        let mut at = |nudge: Option<(usize, f64)>| -> Result<Vec<f64>, PhysicsError> {
            judge.set_state(to)?;
            if let Some((input, by)) = nudge {
                judge.nudge(input, by, direction);
            }
            judge.forward()?;
            Ok(reward.of(rollouts, &Taken::plain(judge, action), memory).to_vec())
        };
        let here = at(None)?;
        let n = slope.a.nrows();
        let mut ends = Vec::with_capacity(n);
        for input in 0..n {
            ends.push([at(Some((input, -NUDGE)))?, at(Some((input, NUDGE)))?]);
        }
        let (gradient, curvature) = &mut slope.state;
        model(&rollouts.most(), &here, &ends, gradient, curvature);
        Ok(())
    }

    /// What the action loses at that state, which `judge` has seen last but for nudges.
    fn control(&mut self, here: &Here<'_>, slope: &mut Slope, u: &[f64], action: &mut [f64]) {
        let (rollouts, units) = (here.rollouts, here.units);
        let Self { judge, reward, memory, .. } = self;
        let middle = reward.of(rollouts, &Taken::plain(judge, action), memory).to_vec();
        let mut ends = Vec::with_capacity(u.len());
        for (i, x) in u.iter().enumerate() {
            // Rewards take actions beyond their range.
            let mut at = |by: f64| {
                action[i] = units.middle[i] + units.half[i] * (x + by);
                let found = reward.of(rollouts, &Taken::plain(judge, action), memory).to_vec();
                action[i] = units.control(i, *x);
                found
            };
            ends.push([at(-NUDGE), at(NUDGE)]);
        }
        let (gradient, curvature) = &mut slope.control;
        model(&rollouts.most(), &middle, &ends, gradient, curvature);
    }
}

/// Gradient and curvature of what is lost: the sum over all terms of (most - worth), from values at the middle and
/// at both ends of a nudge of each input.
///
/// The curvature of a term l is that of Gauss and Newton for the square of sqrt(2 l), g g' / (2 l), and along single inputs at
/// least the measured one. It is never negative.
fn model(
    most: &[f64],
    middle: &[f64],
    ends: &[[Vec<f64>; 2]],
    gradient: &mut DVector<f64>,
    curvature: &mut DMatrix<f64>,
) {
    gradient.fill(0.0);
    curvature.fill(0.0);
    let mut own = DVector::zeros(ends.len());
    for (i, most) in most.iter().enumerate() {
        let loss = most - middle[i];
        for (j, [down, up]) in ends.iter().enumerate() {
            own[j] = (down[i] - up[i]) / (2.0 * NUDGE);
        }
        *gradient += &own;
        let share = if loss > NO_LOSS { 1.0 / (2.0 * loss) } else { 0.0 };
        curvature.ger(share, &own, &own, 1.0);
        for (j, [down, up]) in ends.iter().enumerate() {
            let measured = (2.0 * middle[i] - down[i] - up[i]) / (NUDGE * NUDGE);
            curvature[(j, j)] += (measured - share * own[j] * own[j]).max(0.0);
        }
    }
}
