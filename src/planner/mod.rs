//! Controls that are planned: model-predictive control on the recorder's own physics.
//!
//! Before every action a plan over the horizon is improved from the present state, its first action is taken, and the
//! rest is where the next search begins. Rollouts follow the rules of the task and carry what its reward remembers; they do not know
//! what will disturb an episode, nor the next command. The sampler tries plans around the last one; ilqg follows the Jacobians
//! of the dynamics. The same seed, episode and states give the same actions, on any number of threads.

mod error;
mod ilqg;
mod rollout;
mod sampler;
mod settings;
mod spline;
mod threads;

use std::sync::Arc;

pub use error::PlanError;
pub use settings::resolve_plan;

use crate::physics::{BodyId, Model, Sim};
use crate::policy::{ControlRanges, PlanSpec};
use crate::rng::Stream;
use crate::task::{ActionSpec, Env, Memory, Scorer, Task};
use ilqg::Ilqg;
use rollout::Rollouts;
use sampler::Sampler;
use settings::{PlanSettings, Search};
use threads::Threads;

/// Plans the actions of one episode after the other.
#[derive(Debug)]
pub struct Planner {
    rollouts: Rollouts,
    threads: Threads,
    units: Units,
    stream: Stream,
    method: Method,
    state: Vec<f64>,
}

#[derive(Debug)]
enum Method {
    Samples(Box<Sampler>),
    Jacobians(Box<Ilqg>),
}

/// What a search starts from.
struct Here<'a> {
    rollouts: &'a Rollouts,
    threads: Threads,
    units: &'a Units,
    stream: &'a mut Stream,
    start: Start<'a>,
}

/// Where an episode is.
#[derive(Clone, Copy)]
struct Start<'a> {
    /// The integration state.
    state: &'a [f64],
    /// The rules without what disturbs, and what the reward remembers.
    env: &'a Env,
    memory: &'a Memory,
    /// Bodies that a disturbance may hold just now.
    forced: &'a [BodyId],
    /// Numbers of an action.
    actions: usize,
}

impl Start<'_> {
    /// Lets go of what a disturbance holds.
    fn calm(&self, sim: &mut Sim) {
        self.forced.iter().for_each(|body| sim.set_body_force(*body, [0.0; 6]));
    }
}

/// Controls as half ranges from the middle of their range, in [-1, 1].
#[derive(Debug)]
struct Units {
    ranges: ControlRanges,
    /// Middle and half width of every control's range (nu).
    middle: Vec<f64>,
    half: Vec<f64>,
}

impl Units {
    /// Control `i` at `x` half ranges from the middle. Rounding must not carry it out of its range.
    fn control(&self, i: usize, x: f64) -> f64 {
        (self.middle[i] + self.half[i] * x).clamp(self.ranges.lo[i], self.ranges.hi[i])
    }

    /// All of `x` (nu) as controls, into `out`.
    fn controls(&self, x: &[f64], out: &mut [f64]) {
        out.iter_mut().zip(x).enumerate().for_each(|(i, (u, x))| *u = self.control(i, *x));
    }
}

impl Planner {
    /// A planner for a task whose settings [`resolve_plan`] has made.
    ///
    /// # Errors
    /// [`PlanError::NoReward`], [`PlanError::Rules`] for a method that follows Jacobians in a task whose actions are not its
    /// controls, whose reward remembers, or that has events or ends, [`PlanError::Setting`], [`PlanError::Policy`] for controls without a range.
    pub fn new(task: &Task, model: &Arc<Model>, spec: &PlanSpec) -> Result<Self, PlanError> {
        let name = || task.spec.name.clone();
        let scorer = task.scorer(model)?.filter(Scorer::rewards).ok_or_else(|| PlanError::NoReward { task: name() })?;
        let settings = PlanSettings::new(spec)?;
        let derived = matches!(settings.search, Search::Jacobians(..));
        let rules = [
            (model.nu() == 0, "no control at all"),
            (derived && task.spec.action != ActionSpec::Control, "derivatives and actions that are not the controls"),
            (derived && !task.spec.events.is_empty(), "derivatives and random events"),
            (derived && !task.spec.done.is_empty(), "derivatives and conditions that end the episode"),
            (derived && scorer.remembers(), "derivatives and a reward that depends on earlier control steps"),
        ];
        if let Some((_, what)) = rules.into_iter().find(|(found, _)| *found) {
            return Err(PlanError::Rules { task: name(), what });
        }
        let rollouts = Rollouts::new(task, &scorer, &settings, model)?;
        let actions = task.env(model)?.action_labels().map(|labels| labels.len());
        let ranges = actions.map_or_else(|| ControlRanges::from(&**model), ControlRanges::unit);
        let actions = ranges.lo.len();
        let (middle, half) = ranges.middle_and_half()?;
        let method = match settings.search {
            Search::Samples(sampling) => Method::Samples(Box::new(Sampler::new(&settings, sampling, actions))),
            Search::Jacobians(newton, sampling) => {
                Method::Jacobians(Box::new(Ilqg::new(&settings, newton, sampling, &rollouts)?))
            }
        };
        Ok(Self {
            rollouts,
            threads: Threads::One,
            units: Units { ranges, middle, half },
            stream: Stream::new(0, "plan", 0),
            method,
            state: vec![0.0; model.state_size()],
        })
    }

    /// Spreads rollouts over the idle threads of the rayon pool that [`Self::act`] is called in, which changes no result.
    pub fn share(&mut self) {
        self.threads = Threads::Pool;
    }

    /// Forgets the last episode.
    pub fn begin(&mut self, seed: u64, episode: u64) {
        self.stream = Stream::new(seed, "plan", episode);
        match &mut self.method {
            Method::Samples(sampler) => sampler.begin(),
            Method::Jacobians(ilqg) => ilqg.begin(),
        }
    }

    /// Memory of the simulations that it has made so far, bytes.
    pub fn bytes(&self) -> u64 {
        let own = match &self.method {
            Method::Samples(_) => 0,
            Method::Jacobians(ilqg) => ilqg.bytes(),
        };
        self.rollouts.bytes() + own
    }

    /// Writes action `step` (inside its ranges) for the present state of `sim`, which stays as it is, in an episode that is where
    /// `env` and `memory` say. Steps come in order, each once: the plan and the random numbers go on from the last one.
    ///
    /// # Errors
    /// [`PlanError::Diverged`], [`PlanError::Physics`].
    pub fn act(
        &mut self,
        sim: &mut Sim,
        (env, memory): (&Env, &Memory),
        step: usize,
        action: &mut [f64],
    ) -> Result<(), PlanError> {
        sim.get_state(&mut self.state)?;
        let Self { rollouts, threads, units, stream, method, state } = self;
        let forced: Vec<BodyId> = env.forced_bodies().collect();
        let (env, memory) = (env.clone().undisturbed(), memory.without_foresight());
        let start = Start { state, env: &env, memory: &memory, forced: &forced, actions: action.len() };
        let here = Here { rollouts, threads: *threads, units, stream, start };
        match method {
            Method::Samples(sampler) => sampler.act(here, step, action),
            Method::Jacobians(ilqg) => ilqg.act(here, step, action),
        }
    }
}

/// Drops the first row of `nu` numbers of a plan; the last one is repeated in its place.
fn shift(plan: &mut [f64], nu: usize) {
    plan.copy_within(nu.., 0);
    let end = plan.len();
    if end >= 2 * nu {
        plan.copy_within(end - 2 * nu..end - nu, end - nu);
    }
}

/// The first of the largest numbers, and it.
fn best(values: impl IntoIterator<Item = f64>) -> (usize, f64) {
    let mut found = (0, f64::NEG_INFINITY);
    for (i, value) in values.into_iter().enumerate() {
        if value > found.1 {
            found = (i, value);
        }
    }
    found
}
