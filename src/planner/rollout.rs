//! Rollouts of many plans from one state, in parallel.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::PlanError;
use super::settings::Settings;
use super::spline::Curve;
use crate::physics::{Model, PhysicsError, Sim, SolverMode};
use crate::policy::Guide;
use crate::task::{RewardSpec, Scorer, Task};

/// Threads that planners share; rollouts are spread over them, and no result depends on how.
#[derive(Debug)]
pub struct Pool(Option<rayon::ThreadPool>);

impl Pool {
    /// The caller's own thread does all.
    pub const ALONE: Self = Self(None);

    /// So many threads.
    ///
    /// # Errors
    /// [`PlanError::Threads`].
    pub fn new(threads: usize) -> Result<Self, PlanError> {
        if threads < 2 {
            return Ok(Self::ALONE);
        }
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("planner-{i}"));
        let pool = builder.build().map_err(|e| PlanError::Threads { threads, reason: e.to_string() })?;
        Ok(Self(Some(pool)))
    }
}

/// The reward without its thresholds, where it has such a form.
fn dense(reward: RewardSpec) -> RewardSpec {
    match reward {
        RewardSpec::Acrobot { .. } => RewardSpec::Acrobot { sparse: false },
        RewardSpec::Cartpole { .. } => RewardSpec::Cartpole { sparse: false },
        other => other,
    }
}

/// Simulations of one task for rollouts.
#[derive(Debug)]
pub(super) struct Rollouts {
    model: Arc<Model>,
    scorer: Scorer,
    guides: Vec<(Entry, Guide)>,
    /// Physics steps of a control step, control steps of an action.
    substeps: usize,
    repeat: usize,
    idle: Mutex<Vec<Sim>>,
}

/// What a guide looks at.
#[derive(Debug, Clone, Copy)]
enum Entry {
    Observation(usize),
    Qpos(usize),
    Qvel(usize),
}

/// What all rollouts of a batch share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch<'a> {
    /// The integration state they start from.
    pub(super) state: &'a [f64],
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
    pub(super) fn new(task: &Task, scorer: &Scorer, settings: &Settings, model: &Model) -> Result<Self, PlanError> {
        let labels = scorer.labels();
        let named = |names: &[String], name: Option<&str>| names.iter().position(|n| Some(n.as_str()) == name);
        let guides = settings.guides.iter().map(|guide| {
            let observed = labels.iter().position(|l| *l == guide.entry).map(Entry::Observation);
            let qpos = || named(&model.names().qpos, guide.entry.strip_prefix("qpos:")).map(Entry::Qpos);
            let qvel = || named(&model.names().dof, guide.entry.strip_prefix("qvel:")).map(Entry::Qvel);
            match observed.or_else(qpos).or_else(qvel) {
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
        Ok(Self { model, scorer, guides, substeps, repeat, idle: Mutex::default() })
    }

    /// The mean reward of each plan (its points inside the control ranges), minus infinity for one that diverges.
    ///
    /// # Errors
    /// [`PhysicsError`] when no simulation can be made.
    pub(super) fn returns(
        &self,
        pool: &Pool,
        batch: Batch<'_>,
        plans: &[f64],
        out: &mut [f64],
    ) -> Result<(), PhysicsError> {
        let size = plans.len() / out.len().max(1);
        let one = |(out, plan): (&mut f64, &[f64])| {
            *out = self.one(batch, plan)?;
            Ok(())
        };
        match &pool.0 {
            None => out.iter_mut().zip(plans.chunks(size)).try_for_each(one),
            Some(pool) => pool.install(|| out.par_iter_mut().zip(plans.par_chunks(size)).try_for_each(one)),
        }
    }

    fn one(&self, batch: Batch<'_>, plan: &[f64]) -> Result<f64, PhysicsError> {
        let idle = self.lock().pop();
        let mut sim = match idle {
            Some(sim) => sim,
            None => Sim::new(&self.model)?,
        };
        match self.simulate(&mut sim, batch, plan) {
            Ok(Some(total)) => {
                self.lock().push(sim);
                Ok(total / (batch.horizon * self.repeat) as f64)
            }
            // A simulation that has diverged keeps its warnings, and one with a fatal error is unusable.
            Ok(None) | Err(PhysicsError::Mujoco(_) | PhysicsError::Poisoned) => Ok(f64::NEG_INFINITY),
            Err(error) => Err(error),
        }
    }

    /// The sum of rewards; None when the simulation diverges.
    fn simulate(&self, sim: &mut Sim, batch: Batch<'_>, plan: &[f64]) -> Result<Option<f64>, PhysicsError> {
        sim.set_state(batch.state)?;
        let mut action = vec![0.0; batch.curve.width];
        let mut seen = vec![0.0; if self.guides.is_empty() { 0 } else { self.scorer.size() }];
        let mut total = 0.0;
        for k in 0..batch.horizon {
            batch.curve.write(plan, batch.first + k, &mut action);
            for _ in 0..self.repeat {
                sim.ctrl_mut().copy_from_slice(&action);
                for _ in 0..self.substeps {
                    sim.step()?;
                }
                if sim.divergence().is_some() {
                    return Ok(None);
                }
                total += self.scorer.reward(sim, &action);
                if !self.guides.is_empty() {
                    self.scorer.observe(sim, &mut seen);
                    let value = |entry: &Entry| match *entry {
                        Entry::Observation(i) => seen[i],
                        Entry::Qpos(i) => sim.qpos()[i],
                        Entry::Qvel(i) => sim.qvel()[i],
                    };
                    total += self.guides.iter().map(|(entry, guide)| guide.of(value(entry))).sum::<f64>();
                }
            }
        }
        Ok(total.is_finite().then_some(total))
    }

    /// Memory of the simulations, bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.lock().iter().map(Sim::bytes).sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Sim>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
