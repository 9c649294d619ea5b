//! Rollouts of many plans from one state, in parallel.

use std::sync::Arc;

use super::settings::PlanSettings;
use super::spline::Curve;
use super::threads::Threads;
use super::{PlanError, Start};
use crate::idle::Idle;
use crate::physics::{Model, PhysicsError, Sim, SolverMode};
use crate::policy::{ControlRanges, Guide};
use crate::task::reward::ShapedSpec;
use crate::task::reward::shaped::Total;
use crate::task::{Memory, RewardSpec, Scorer, Taken, Task};

/// The reward without its thresholds, where it has such a form: costs count below 0 too.
fn dense(reward: RewardSpec) -> RewardSpec {
    match reward {
        RewardSpec::Shaped(spec) if spec.total != Total::Product => {
            RewardSpec::Shaped(Box::new(ShapedSpec { total: Total::Sum, ..*spec }))
        }
        RewardSpec::Acrobot { .. } => RewardSpec::Acrobot { sparse: false },
        RewardSpec::Cartpole { .. } => RewardSpec::Cartpole { sparse: false },
        other => other,
    }
}

/// Simulations of one task for rollouts.
#[derive(Debug)]
pub(super) struct Rollouts {
    /// The task as it is planned for, and its model with the task's own solver.
    pub(super) task: Task,
    pub(super) model: Arc<Model>,
    scorer: Scorer,
    ranges: ControlRanges,
    guides: Vec<(Entry, Guide)>,
    /// Physics steps of a control step, control steps of an action.
    substeps: usize,
    repeat: usize,
    idle: Idle<Sim>,
}

/// What a guide looks at.
#[derive(Debug, Clone, Copy)]
enum Entry {
    Observation(usize),
    /// One entry of the observation less another.
    Gap(usize, usize),
    Qpos(usize),
    Qvel(usize),
}

/// What all rollouts of a batch share.
#[derive(Clone, Copy)]
pub(super) struct Batch<'a> {
    pub(super) start: Start<'a>,
    pub(super) curve: Curve,
    /// The action of the curve that comes first, and how many are taken.
    pub(super) first: usize,
    pub(super) horizon: usize,
}

impl Rollouts {
    /// For a task with a reward; a sparse one is planned for by its dense form, which shows the way. The planner's own
    /// model has the solver settings of the task and, where `coarse` is
    /// above 1, fewer and longer physics steps; a state of one model is a state of the other.
    ///
    /// # Errors
    /// [`PlanError::Setting`] for a guide of an entry that is not observed, [`PlanError::Task`].
    pub(super) fn new(task: &Task, scorer: &Scorer, settings: &PlanSettings, model: &Model) -> Result<Self, PlanError> {
        let labels = scorer.labels();
        let named = |names: &[String], name: Option<&str>| names.iter().position(|n| Some(n.as_str()) == name);
        let guides = settings.guides.iter().map(|guide| {
            let observed = labels.iter().position(|l| *l == guide.entry).map(Entry::Observation);
            let qpos = || named(&model.names().qpos, guide.entry.strip_prefix("qpos:")).map(Entry::Qpos);
            let qvel = || named(&model.names().dof, guide.entry.strip_prefix("qvel:")).map(Entry::Qvel);
            let gap = || {
                let (a, b) = guide.entry.split_once(" - ")?;
                Some(Entry::Gap(labels.iter().position(|l| l == a)?, labels.iter().position(|l| l == b)?))
            };
            match observed.or_else(qpos).or_else(qvel).or_else(gap) {
                Some(entry) => Ok((entry, guide.clone())),
                None => Err(PlanError::Setting {
                    field: "guide",
                    value: format!("\"{}\"", guide.entry),
                    fix: format!("name a qpos:, a qvel:, or what the task observes: {}", labels.join("; ")),
                }),
            }
        });
        let guides = guides.collect::<Result<_, _>>()?;
        let mut own = task.clone();
        own.spec.reward = own.spec.reward.map(dense);
        own.spec.substeps = task.spec.substeps.div_ceil(settings.coarse);
        own.spec.timestep = Some(task.control_dt(model) / own.spec.substeps as f64);
        let model = Arc::new(own.model(SolverMode::Task)?);
        let scorer = own.scorer(&model)?.ok_or_else(|| PlanError::NoReward { task: own.spec.name.clone() })?;
        let (substeps, repeat) = (own.spec.substeps, own.spec.action_repeat);
        let ranges = ControlRanges::from(&*model);
        Ok(Self { task: own, model, scorer, ranges, guides, substeps, repeat, idle: Idle::default() })
    }

    /// The mean reward of each plan (its points inside the control ranges), minus infinity for one that diverges.
    ///
    /// # Errors
    /// [`PhysicsError`] when no simulation can be made.
    pub(super) fn returns(
        &self,
        threads: Threads,
        batch: Batch<'_>,
        plans: &[f64],
        out: &mut [f64],
    ) -> Result<(), PhysicsError> {
        let size = plans.len() / out.len().max(1);
        threads.each(out, |i, out| {
            let plan = &plans[i * size..(i + 1) * size];
            *out = self.follow(batch.start, batch.horizon, |_, k, action| {
                batch.curve.write(plan, batch.first + k, action);
                Ok(())
            })?;
            Ok(())
        })
    }

    /// The mean reward of `horizon` actions, minus infinity where the simulation diverges; once the task ends the episode there is
    /// no more. `act` writes the action of step k for the state that it is given; after the last step it is called once
    /// more, with k = `horizon`, and what it writes then is not used.
    ///
    /// # Errors
    /// [`PhysicsError`] when no simulation can be made.
    pub(super) fn follow(
        &self,
        start: Start<'_>,
        horizon: usize,
        act: impl FnMut(&mut Sim, usize, &mut [f64]) -> Result<(), PhysicsError>,
    ) -> Result<f64, PhysicsError> {
        let mut sim = self.idle.take(|| Sim::new(&self.model))?;
        match self.simulate(&mut sim, start, horizon, act) {
            Ok(Some(total)) => {
                self.idle.put(sim);
                Ok(total / (horizon * self.repeat) as f64)
            }
            // A simulation that has diverged keeps its warnings, and one with a fatal error is unusable.
            Ok(None) | Err(PhysicsError::Mujoco(_) | PhysicsError::Poisoned) => Ok(f64::NEG_INFINITY),
            Err(error) => Err(error),
        }
    }

    /// The sum of rewards; None when the simulation diverges.
    fn simulate(
        &self,
        sim: &mut Sim,
        start: Start<'_>,
        horizon: usize,
        mut act: impl FnMut(&mut Sim, usize, &mut [f64]) -> Result<(), PhysicsError>,
    ) -> Result<Option<f64>, PhysicsError> {
        sim.set_state(start.state)?;
        let (mut env, mut memory) = (start.env.clone(), start.memory.clone());
        start.calm(sim);
        let mut action = vec![0.0; start.actions];
        let mut ctrl = vec![0.0; self.model.nu()];
        let mut reward = StepReward::new(self);
        let mut total = 0.0;
        for k in 0..horizon {
            act(sim, k, &mut action)?;
            for _ in 0..self.repeat {
                env.act(sim, &action, &mut ctrl);
                self.ranges.clamp(&mut ctrl);
                sim.ctrl_mut().copy_from_slice(&ctrl);
                for _ in 0..self.substeps {
                    sim.step()?;
                }
                if sim.divergence().is_some() {
                    return Ok(None);
                }
                if self.task.spec.refresh {
                    sim.refresh()?;
                }
                let over = env.over(sim).is_some();
                let applied = env.applied().unwrap_or(&action);
                let taken = Taken { sim, action: &action, applied, unreachable: env.unreachable(), over };
                total += reward.of(self, &taken, &mut memory).iter().sum::<f64>();
                self.scorer.conclude(&taken, &mut memory);
                if over {
                    return Ok(total.is_finite().then_some(total));
                }
                env.conclude(sim);
            }
        }
        act(sim, horizon, &mut action)?;
        Ok(total.is_finite().then_some(total))
    }

    /// Physics steps of an action.
    pub(super) fn steps(&self) -> usize {
        self.substeps * self.repeat
    }

    /// The most that the reward and each guide can be worth.
    pub(super) fn most(&self) -> Vec<f64> {
        std::iter::once(1.0).chain(self.guides.iter().map(|(_, guide)| guide.weight.max(0.0))).collect()
    }

    /// Memory of the simulations, bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.idle.sum(Sim::bytes)
    }
}

/// Space for what a state is worth.
#[derive(Debug)]
pub(super) struct StepReward {
    seen: Vec<f64>,
    terms: Vec<f64>,
}

impl StepReward {
    pub(super) fn new(rollouts: &Rollouts) -> Self {
        let observes = rollouts.guides.iter().any(|(entry, _)| matches!(entry, Entry::Observation(_) | Entry::Gap(..)));
        let seen = vec![0.0; if observes { rollouts.scorer.size() } else { 0 }];
        Self { seen, terms: vec![0.0; 1 + rollouts.guides.len()] }
    }

    /// The reward of a step that was just taken, then what each guide adds.
    pub(super) fn of(&mut self, rollouts: &Rollouts, taken: &Taken<'_>, memory: &mut Memory) -> &[f64] {
        let sim = taken.sim;
        self.terms[0] = rollouts.scorer.score(taken, memory);
        if !self.seen.is_empty() {
            rollouts.scorer.observe(sim, memory, &mut self.seen);
        }
        for (term, (entry, guide)) in self.terms[1..].iter_mut().zip(&rollouts.guides) {
            *term = guide.of(match *entry {
                Entry::Observation(i) => self.seen[i],
                Entry::Gap(i, j) => self.seen[i] - self.seen[j],
                Entry::Qpos(i) => sim.qpos()[i],
                Entry::Qvel(i) => sim.qvel()[i],
            });
        }
        &self.terms
    }
}
