//! One episode: reset, act, differentiate, step, and hand every row to a sink.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::residual::Residuals;
use super::{Job, RecordError, Replayed, StepKind};
use crate::dataset::{COMPLETED, Floats, StepRow, Store};
use crate::flags::StepFlags;
use crate::jacobian::{Chain, Engine, Jacobian, Verdicts, ZeroVerdict};
use crate::physics::{BodyId, Divergence, Model, PhysicsError, Sim};
use crate::planner::{PlanError, Planner};
use crate::policy::{
    self, ControlRanges, Exploration, NetworkMemory, OnnxFile, Policy, PolicySpec, ReplayEpisode, ReplayWith,
};
use crate::task::{Env, Memory, Scorer, Taken, Task};

/// Where PGS leaves more of the constraint forces than this share, it has stopped because a sweep gains too little, and not because
/// it is done.
const STOPPED_SHORT: f64 = 1e-5;

/// How the end of an episode begins that one of the task's conditions has ended.
pub(super) const TERMINATED: &str = "terminated: ";

/// Takes the rows of an episode.
pub trait Sink {
    /// One row, in order.
    ///
    /// # Errors
    /// Whatever keeps the sink from taking it; the episode stops.
    fn row(&mut self, row: &StepRow<'_>) -> Result<(), RecordError>;

    /// Whether the work is to stop; asked between the physics steps of a row too.
    fn stopped(&self) -> bool;
}

/// Simulates episodes of one job, one after the other, on one thread.
pub struct Runner<'a> {
    task: &'a Task,
    job: &'a Job,
    replay: Option<&'a Replayed>,
    /// Of a robot's log.
    residuals: Option<Residuals>,
    model: Arc<Model>,
    sim: Sim,
    engine: Box<dyn Engine>,
    /// Size of the engine's nudges.
    eps: f64,
    /// Where a row is several physics steps.
    chain: Option<Chain>,
    ranges: ControlRanges,
    /// Of the policy's actions.
    actions: ControlRanges,
    env: Env,
    scorer: Option<Scorer>,
    /// What reward and observation remember of the episode.
    memory: Memory,
    planner: Option<Planner>,
    network: Option<OnnxFile>,
    row: Row,
}

/// Who says what is done in an episode.
enum Actor<'a> {
    Policy(Box<dyn Policy>),
    Planner,
    /// A network, and what it remembers of the episode.
    Network(OnnxFile, NetworkMemory),
    /// The actions of every row, as recorded.
    Script(&'a [f64]),
}

/// Why an episode ends before its time.
enum End {
    /// The simulation cannot go on; the last row was not given.
    Diverged(Divergence),
    /// The task says so; the last row was given.
    Done(String),
    /// There is no action for the next row.
    Lost(String),
}

impl<'a> Runner<'a> {
    /// A runner with its own simulation.
    ///
    /// # Errors
    /// [`RecordError::Physics`] when MuJoCo cannot make one.
    pub fn new(
        task: &'a Task,
        job: &'a Job,
        model: &Arc<Model>,
        replay: Option<&'a Replayed>,
    ) -> Result<Self, RecordError> {
        let env = task.env(model)?;
        let ranges = ControlRanges::from(&**model);
        let labels = env.action_labels();
        let scorer = job.scorer(model)?;
        let spec = job.jacobian.resolve(model).spec;
        Ok(Self {
            task,
            job,
            replay,
            residuals: match &job.policy {
                PolicySpec::Log { map, .. } => Some(Residuals::new(model, map, job.substeps_per_row())?),
                _ => None,
            },
            model: model.clone(),
            sim: Sim::new(model)?,
            engine: spec.build(model)?,
            eps: spec.reach(),
            chain: (job.substeps_per_row() > 1).then(|| Chain::new(model, &spec)),
            actions: labels.as_ref().map_or_else(|| ranges.clone(), |l| ControlRanges::unit(l.len())),
            ranges,
            row: Row::new(
                model,
                job.jacobian.sensors,
                &Kept {
                    action: if replay.is_some() { 0 } else { labels.map_or(0, |l| l.len()) },
                    observation: scorer.as_ref().map_or(0, |s| s.labels().len()),
                    forced: env.forced_bodies().collect(),
                    single: job.store == Store::F32,
                },
            ),
            env,
            scorer,
            memory: Memory::default(),
            planner: match &job.policy {
                PolicySpec::Expert { plan } => Some(Planner::new(task, model, plan)?),
                _ => None,
            },
            network: None,
        })
    }

    /// Lets a network act, which the job's policy must be.
    pub fn act_by(&mut self, network: &OnnxFile) {
        self.network = Some(network.clone());
    }

    /// Spreads what is planned over the idle threads of the rayon pool that episodes are run in.
    pub fn share(&mut self) {
        if let Some(planner) = &mut self.planner {
            planner.share();
        }
    }

    /// Resets, differentiates once and asks a network once, so that a model that cannot be recorded is refused before
    /// anything is written.
    ///
    /// # Errors
    /// [`RecordError::NotDifferentiable`], [`RecordError::Task`], [`RecordError::Policy`].
    pub fn preflight(&mut self) -> Result<(), RecordError> {
        let reset = self.task.reset(&mut self.sim, self.job.seed, 0).map_err(physics_first);
        let first = match reset {
            Ok(()) => self.engine.jacobian(&mut self.sim, &mut self.row.step),
            Err(RecordError::Physics(reason)) => Err(reason),
            Err(other) => return Err(other),
        };
        if let Err(PhysicsError::Stopped) = first {
            return Err(RecordError::Stopped);
        }
        first.map_err(|reason| {
            let text = reason.to_string();
            let hint = if text.contains("RK4") {
                "use --engine whole-step, or set <option integrator=\"implicitfast\"/>"
            } else if text.contains("delay") || text.contains("history") {
                "use --engine whole-step"
            } else if text.contains("memory") || text.contains("stack") || text.contains("arena") {
                "raise <size memory=\"...\"/>"
            } else {
                "change what the message names"
            };
            RecordError::NotDifferentiable { model: self.model.file().to_owned(), reason: Box::new(reason), hint }
        })?;
        if let (Some(network), Some(scorer)) = (&self.network, &self.scorer) {
            let mut memory = scorer.begin(&self.sim, self.job.seed, 0);
            scorer.observe(&self.sim, &mut memory, &mut self.row.observation_next);
            network.act(&self.row.observation_next, &mut network.memory(), &mut vec![0.0; self.actions.lo.len()])?;
        }
        match self.sim.divergence() {
            None => Ok(()),
            Some(reason) => Err(RecordError::Setting(format!(
                "{}: the first state of episode 0 is unusable: {reason}; mend the model or its start",
                self.model.file()
            ))),
        }
    }

    /// Memory of the simulation, bytes.
    pub fn bytes(&self) -> u64 {
        self.sim.bytes() + self.planner.as_ref().map_or(0, Planner::bytes)
    }

    /// Runs episode `episode` and returns how many rows it gave and why it ended.
    ///
    /// # Errors
    /// What the sink or a replay file raised. Trouble inside the simulation is not an error: it ends the
    /// episode, and the reason is returned.
    pub fn run(&mut self, episode: u64, sink: &mut dyn Sink) -> Result<(usize, String), RecordError> {
        let mut rows = 0;
        let end = match self.replay {
            Some(file) => {
                let source = file.episode(episode)?;
                self.replayed(episode, &source, file.with(), &mut rows, sink)
            }
            None => self.acted(episode, None, &mut rows, sink),
        };
        self.concluded(end, rows)
    }

    /// Runs episode `episode` under recorded actions (those of every row, one after the other) in place of the policy
    /// and its exploration. Otherwise as [`Runner::run`].
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub fn follow(
        &mut self,
        episode: u64,
        actions: &[f64],
        sink: &mut dyn Sink,
    ) -> Result<(usize, String), RecordError> {
        let mut rows = 0;
        let end = self.acted(episode, Some(actions), &mut rows, sink);
        self.concluded(end, rows)
    }

    fn concluded(
        &mut self,
        end: Result<Option<End>, RecordError>,
        rows: usize,
    ) -> Result<(usize, String), RecordError> {
        let reason = match end {
            Ok(None) => return Ok((rows, COMPLETED.to_owned())),
            Ok(Some(End::Done(reason))) => {
                return Ok((rows, format!("{TERMINATED}{reason}, in step {}", rows.saturating_sub(1))));
            }
            Ok(Some(End::Lost(reason))) => reason,
            Ok(Some(End::Diverged(reason))) => reason.to_string(),
            Err(RecordError::Physics(PhysicsError::Stopped)) => return Err(RecordError::Stopped),
            Err(RecordError::Physics(error)) => {
                // A fatal error leaves the mjData half-computed; the next episode gets a new one.
                self.sim = Sim::new(&self.model)?;
                Divergence::Fatal(error.to_string()).to_string()
            }
            Err(error) => return Err(error),
        };
        Ok((rows, format!("{reason}, in step {rows}")))
    }

    fn reset(&mut self, episode: u64) -> Result<Option<End>, RecordError> {
        self.task.reset(&mut self.sim, self.job.seed, episode).map_err(physics_first)?;
        self.env.begin(&self.sim, self.job.seed, episode);
        if let Some(scorer) = &self.scorer {
            self.memory = scorer.begin(&self.sim, self.job.seed, episode);
            scorer.observe(&self.sim, &mut self.memory, &mut self.row.observation_next);
        }
        Ok(self.sim.divergence().map(End::Diverged))
    }

    /// An episode under a policy, a planner, or recorded actions.
    fn acted(
        &mut self,
        episode: u64,
        script: Option<&[f64]>,
        rows: &mut usize,
        sink: &mut dyn Sink,
    ) -> Result<Option<End>, RecordError> {
        if let Some(reason) = self.reset(episode)? {
            return Ok(Some(reason));
        }
        let repeat = self.job.task.action_repeat;
        let dt = self.task.control_dt(&self.model) * repeat as f64;
        let actions = self.job.steps.div_ceil(repeat);
        let (job, seed) = (self.job, self.job.seed);
        let mut actor = match (script, &mut self.planner, &self.network) {
            (Some(script), ..) => Actor::Script(script),
            (None, Some(planner), _) => {
                planner.begin(seed, episode);
                Actor::Planner
            }
            (None, None, Some(network)) => Actor::Network(network.clone(), network.memory()),
            (None, None, None) => Actor::Policy(policy::build(&job.policy, &self.actions, seed, episode, actions, dt)?),
        };
        let explore = job.explore.filter(|_| script.is_none());
        let mut explore = explore.map(|e| Exploration::new(&e, &self.actions, seed, episode, actions)).transpose()?;
        let rows_per_control = match self.job.step {
            StepKind::Control => 1,
            StepKind::Physics => self.job.task.substeps,
        };
        let mut action = vec![0.0; self.actions.lo.len()];
        let mut ctrl = vec![0.0; self.model.nu()];
        for k in 0..self.job.steps {
            if k % repeat == 0 {
                if let Some(lost) = self.next(&mut actor, k / repeat, *rows, &mut action)? {
                    return Ok(Some(lost));
                }
                if let Some(explore) = &mut explore {
                    explore.add(k / repeat, &mut action);
                }
            }
            let mut event = self.env.act(&mut self.sim, &action, &mut ctrl);
            for r in 0..rows_per_control {
                let asked = Asked { ctrl: &ctrl, action: &action, event, last: r + 1 == rows_per_control };
                let end = self.advance(episode, *rows, asked, sink)?;
                if let Some(End::Diverged(_)) = end {
                    return Ok(end);
                }
                *rows += 1;
                if end.is_some() && !self.job.past_done {
                    return Ok(end);
                }
                event = false;
            }
        }
        Ok(None)
    }

    /// Writes the action of number `k`, which begins with row `row`.
    fn next(
        &mut self,
        actor: &mut Actor<'_>,
        k: usize,
        row: usize,
        action: &mut [f64],
    ) -> Result<Option<End>, RecordError> {
        match (actor, &mut self.planner) {
            (Actor::Policy(policy), _) => policy.act(k, action),
            (Actor::Script(script), _) => match script.get(row * action.len()..(row + 1) * action.len()) {
                Some(recorded) => action.copy_from_slice(recorded),
                None => return Ok(Some(End::Lost("the recorded actions end".to_owned()))),
            },
            (Actor::Network(network, memory), _) => {
                network.act(&self.row.observation_next, memory, action)?;
                // As every policy, so that what the file holds is what acted.
                self.actions.clamp(action);
            }
            (Actor::Planner, Some(planner)) => match planner.act(&mut self.sim, (&self.env, &self.memory), k, action) {
                Err(error @ PlanError::Diverged) => return Ok(Some(End::Lost(error.to_string()))),
                other => other?,
            },
            (Actor::Planner, None) => {}
        }
        Ok(None)
    }

    /// An episode from a file: every state given, or the controls and at most the first state.
    fn replayed(
        &mut self,
        episode: u64,
        source: &ReplayEpisode,
        with: ReplayWith,
        rows: &mut usize,
        sink: &mut dyn Sink,
    ) -> Result<Option<End>, RecordError> {
        if let Some(reason) = self.reset(episode)? {
            return Ok(Some(reason));
        }
        let dt = self.model.timestep() * self.job.substeps_per_row() as f64;
        let mut ctrl = vec![0.0; self.model.nu()];
        for k in 0..source.steps.min(self.job.steps) {
            if with == ReplayWith::States || k == 0 {
                set_state(&mut self.sim, source, k, dt).map_err(|error| match (error, self.replay) {
                    (PhysicsError::NoCycles(trees), Some(Replayed::File(file))) => RecordError::Setting(format!(
                        "{}: row {k} of an episode has the tree_asleep {trees:?}, in which no trees sleep together; store \
                         mjData.tree_asleep as it is, or leave it out",
                        file.path()
                    )),
                    (error, _) => error.into(),
                })?;
                self.observe_anew()?;
            }
            if let Some(residuals) = &mut self.residuals {
                residuals.of_row(&mut self.sim, source, k, &self.ranges)?;
                self.row.residuals.clone_from(&residuals.out);
            }
            copy_row(&mut ctrl, source.ctrl.as_deref(), k);
            let asked = Asked { ctrl: &ctrl, action: &[], event: false, last: true };
            // The file says how long an episode is, not the task.
            if let Some(End::Diverged(reason)) = self.advance(episode, k, asked, sink)? {
                return Ok(Some(End::Diverged(reason)));
            }
            *rows += 1;
        }
        Ok(None)
    }

    /// Observes a state that was set, and leaves it as it is, the warm start too.
    fn observe_anew(&mut self) -> Result<(), RecordError> {
        if let Some(scorer) = &self.scorer {
            let mut state = vec![0.0; self.model.state_size()];
            self.sim.get_state(&mut state)?;
            self.sim.forward()?;
            scorer.observe(&self.sim, &mut self.memory, &mut self.row.observation_next);
            self.sim.set_state(&state)?;
        }
        Ok(())
    }

    /// One row: its physics steps under the controls that were asked for, with their Jacobian.
    fn advance(
        &mut self,
        episode: u64,
        step: usize,
        asked: Asked<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Option<End>, RecordError> {
        let row = &mut self.row;
        row.ctrl.copy_from_slice(asked.ctrl);
        row.flags = if asked.event { StepFlags::EVENT } else { StepFlags::empty() };
        if !row.action.is_empty() {
            row.action.copy_from_slice(asked.action);
        }
        row.observation.copy_from_slice(&row.observation_next);
        if self.ranges.clamp(&mut row.ctrl) > 0 {
            row.flags |= StepFlags::CTRL_CLAMPED;
        }
        if self.ranges.at_limit(&row.ctrl, self.eps) {
            row.flags |= StepFlags::CTRL_AT_LIMIT;
        }
        self.sim.ctrl_mut().copy_from_slice(&row.ctrl);
        self.sim.wake_moved()?;
        row.before(&self.sim);

        let substeps = self.job.substeps_per_row();
        let (limit, tolerance) = (self.model.solver().iterations, self.model.solver().tolerance);
        let at_once = substeps > 1 && self.engine.jacobian_at_once(&mut self.sim, substeps, &mut row.whole)?;
        let mut chain = self.chain.as_mut().filter(|_| !at_once);
        if let Some(chain) = &mut chain {
            chain.start();
        }
        for s in 0..substeps {
            if s > 0 && sink.stopped() {
                return Err(RecordError::Stopped);
            }
            if substeps == 1 {
                self.engine.jacobian(&mut self.sim, &mut row.whole)?;
            } else if let Some(chain) = &mut chain {
                self.engine.jacobian(&mut self.sim, &mut row.step)?;
                chain.push(&row.step);
            }
            self.sim.step()?;
            if let Some(reason) = self.sim.divergence() {
                return Ok(Some(End::Diverged(reason)));
            }
            // After mj_step, contacts, constraints and statistics are those of the state before it.
            let swept = self.sim.swept_residual(&mut row.jar)?;
            if s == 0 {
                self.sim.settle_constraints(&mut row.jar)?;
                row.contacts(&self.sim);
            } else if row.pairs_differ(&self.sim) {
                row.flags |= StepFlags::CONTACTS_CHANGED;
            }
            if substeps > 1 {
                row.count_touches();
            }
            let mut stats = self.sim.solver_stats();
            let mut short = false;
            if let Some([residual, share]) = swept {
                stats.residual = residual;
                short = share > STOPPED_SHORT;
            }
            row.iterations = row.iterations.max(stats.iterations);
            // f64::max would drop the NaN of a solver that does not tell.
            row.residual = if stats.residual.is_nan() || row.residual.is_nan() {
                f64::NAN
            } else {
                row.residual.max(stats.residual)
            };
            if short || stats.iterations >= limit && (stats.residual.is_nan() || stats.residual > tolerance) {
                row.flags |= StepFlags::SOLVER_UNCONVERGED;
            }
        }
        if substeps > 1 {
            if let Some(chain) = chain {
                chain.finish(&mut row.whole);
            }
            row.touches();
        }
        if !row.whole.is_finite() {
            row.flags |= StepFlags::JACOBIAN_NOT_FINITE;
        }
        if self.job.jacobian.zero_test {
            row.verdicts();
        }
        row.round();
        // Sensors are recorded as the steps left them.
        let sensed = self.job.task.refresh.then(|| self.sim.sensordata().to_vec());
        if sensed.is_some() {
            self.sim.refresh()?;
        }
        let over = asked.last.then(|| self.env.over(&self.sim)).flatten();
        self.worth(&asked, over.is_some());
        if let Some(sensed) = sensed {
            self.sim.sensordata_mut().copy_from_slice(&sensed);
        }
        let row = &mut self.row;
        row.terminated = over.is_some();
        sink.row(&row.view(&self.sim, episode, step))?;
        Ok(over.map(End::Done))
    }

    /// Rewards and observes the row that was just simulated, and lets the events happen that come after a control step. What
    /// depends on earlier control steps is given for control steps alone: within one the reward is 0, and the observation stays.
    fn worth(&mut self, asked: &Asked<'_>, over: bool) {
        let Self { env, scorer, memory, row, sim, replay, .. } = self;
        // A replay brings controls; they are the action then, as they were applied.
        let action = if replay.is_some() { &row.ctrl[..] } else { asked.action };
        let unreachable = env.unreachable();
        let applied = env.applied().unwrap_or(action).to_vec();
        if let Some(scorer) = scorer {
            let taken = Taken { sim, action, applied: &applied, unreachable, over };
            row.reward = if asked.last || !scorer.remembers() { scorer.score(&taken, memory) } else { 0.0 };
        }
        // A replay's trajectory is the file's.
        if asked.last && replay.is_none() {
            env.conclude(sim);
        }
        if let Some(scorer) = scorer {
            if asked.last || !scorer.sees_memory() {
                scorer.observe(sim, memory, &mut row.observation_next);
            }
            if asked.last {
                scorer.conclude(&Taken { sim, action, applied: &applied, unreachable, over }, memory);
            }
        }
    }
}

/// What is asked of a row.
#[derive(Clone, Copy)]
struct Asked<'a> {
    /// Controls, perhaps outside their ranges (nu).
    ctrl: &'a [f64],
    /// The policy's action.
    action: &'a [f64],
    /// Whether an event changed the state before the row.
    event: bool,
    /// Whether it ends a control step.
    last: bool,
}

/// Puts a simulation into state `k` of a replay. What the file does not say (activation, mocap bodies)
/// stays; the warm start is the file's or zero, never what the last row happened to leave. Trees are awake where the file does not
/// say that they sleep.
fn set_state(sim: &mut Sim, source: &ReplayEpisode, k: usize, dt: f64) -> Result<(), PhysicsError> {
    let before = sim.model().sleeps().then(|| (sim.qpos().to_vec(), sim.tree_asleep().to_vec()));
    copy_row(sim.qpos_mut(), source.qpos.as_deref(), k);
    copy_row(sim.qvel_mut(), source.qvel.as_deref(), k);
    copy_row(sim.act_mut(), source.act.as_deref(), k);
    copy_row(sim.mocap_pos_mut(), source.mocap_pos.as_deref(), k);
    copy_row(sim.mocap_quat_mut(), source.mocap_quat.as_deref(), k);
    if source.qacc_warmstart.is_some() {
        copy_row(sim.qacc_warmstart_mut(), source.qacc_warmstart.as_deref(), k);
    } else if source.qpos.is_some() {
        sim.qacc_warmstart_mut().fill(0.0);
    }
    let time = source.time.as_ref().map_or(k as f64 * dt, |t| t[k]);
    sim.set_time(time);
    if source.qpos.is_some() && sim.model().sleeps() {
        let row = |of: &Option<Vec<f64>>| {
            let width = of.as_ref().map_or(0, |all| all.len() / source.steps.max(1));
            of.as_ref().map_or(Vec::new(), |all| all[k * width..(k + 1) * width].to_vec())
        };
        let trees: Vec<i32> = row(&source.tree_asleep).into_iter().map(|x| x as i32).collect();
        let trees = source.tree_asleep.is_some().then_some(&trees[..]);
        sim.set_asleep(trees, &row(&source.qacc_smooth), &row(&source.act_dot))?;
        // Where the file goes on from the row before, sensors of what sleeps have been left by the step in which it fell asleep.
        let goes_on = before.is_some_and(|(qpos, trees)| qpos == sim.qpos() && trees == sim.tree_asleep());
        if !goes_on {
            sim.renew_asleep_sensors();
        }
    }
    Ok(())
}

fn copy_row(to: &mut [f64], from: Option<&[f64]>, k: usize) {
    if let Some(from) = from {
        let n = to.len();
        to.copy_from_slice(&from[k * n..(k + 1) * n]);
    }
}

/// A MuJoCo error inside a task call ends the episode like any other.
fn physics_first(error: crate::task::TaskError) -> RecordError {
    match error {
        crate::task::TaskError::Physics(inner @ (PhysicsError::Mujoco(_) | PhysicsError::Poisoned)) => {
            RecordError::Physics(inner)
        }
        other => RecordError::Task(other),
    }
}

/// Buffers of the row under way.
struct Row {
    time: f64,
    qpos: Vec<f64>,
    qvel: Vec<f64>,
    act: Vec<f64>,
    ctrl: Vec<f64>,
    action: Vec<f64>,
    warmstart: Vec<f64>,
    forced: Vec<BodyId>,
    forces: Vec<f64>,
    mocap_pos: Vec<f64>,
    mocap_quat: Vec<f64>,
    /// What sleeps; empty where the model does not.
    asleep: Vec<i32>,
    qacc_smooth: Vec<f64>,
    act_dot: Vec<f64>,
    step: Jacobian,
    whole: Jacobian,
    /// Its A, B, C and D in single precision, where they are kept so.
    single: Option<[Vec<f32>; 4]>,
    a_zero: Vec<u8>,
    b_zero: Vec<u8>,
    c_zero: Vec<u8>,
    d_zero: Vec<u8>,
    zero_floor: Vec<f64>,
    geom1: Vec<i32>,
    geom2: Vec<i32>,
    dist: Vec<f64>,
    constraint_type: Vec<u8>,
    constraint_id: Vec<i32>,
    constraint_state: Vec<u8>,
    pairs: Vec<[i32; 2]>,
    scratch: Vec<[i32; 2]>,
    /// Pairs that have touched within the row, and in how many of its physics steps.
    touched: BTreeMap<[i32; 2], i32>,
    /// The same as the columns of the file.
    touch: [Vec<i32>; 3],
    jar: Vec<f64>,
    iterations: i32,
    residual: f64,
    /// By horizon; empty without a log.
    residuals: [Vec<f64>; 3],
    observation: Vec<f64>,
    observation_next: Vec<f64>,
    reward: f64,
    terminated: bool,
    flags: StepFlags,
    sensors: bool,
}

/// What a row keeps of the task's own: numbers of the action and the observation, bodies under forces.
struct Kept {
    action: usize,
    observation: usize,
    forced: Vec<BodyId>,
    /// Whether its Jacobians are kept in single precision.
    single: bool,
}

impl Row {
    fn new(model: &Model, sensors: bool, kept: &Kept) -> Self {
        let zeros = |n| vec![0.0; n];
        Self {
            time: 0.0,
            qpos: zeros(model.nq()),
            qvel: zeros(model.nv()),
            act: zeros(model.na()),
            ctrl: zeros(model.nu()),
            action: zeros(kept.action),
            forces: zeros(6 * kept.forced.len()),
            forced: kept.forced.clone(),
            warmstart: zeros(model.nv()),
            mocap_pos: zeros(3 * model.nmocap()),
            mocap_quat: zeros(4 * model.nmocap()),
            asleep: Vec::new(),
            qacc_smooth: Vec::new(),
            act_dot: Vec::new(),
            step: Jacobian::zeros(model, sensors),
            whole: Jacobian::zeros(model, sensors),
            single: kept.single.then(Default::default),
            a_zero: Vec::new(),
            b_zero: Vec::new(),
            c_zero: Vec::new(),
            d_zero: Vec::new(),
            zero_floor: Vec::new(),
            geom1: Vec::new(),
            geom2: Vec::new(),
            dist: Vec::new(),
            constraint_type: Vec::new(),
            constraint_id: Vec::new(),
            constraint_state: Vec::new(),
            pairs: Vec::new(),
            scratch: Vec::new(),
            touched: BTreeMap::new(),
            touch: Default::default(),
            jar: Vec::new(),
            iterations: 0,
            residual: 0.0,
            residuals: Default::default(),
            observation: zeros(kept.observation),
            observation_next: zeros(kept.observation),
            reward: f64::NAN,
            terminated: false,
            flags: StepFlags::empty(),
            sensors,
        }
    }

    /// The state that the row starts from.
    fn before(&mut self, sim: &Sim) {
        self.time = sim.time();
        self.qpos.copy_from_slice(sim.qpos());
        self.qvel.copy_from_slice(sim.qvel());
        self.act.copy_from_slice(sim.act());
        self.warmstart.copy_from_slice(sim.qacc_warmstart());
        self.mocap_pos.copy_from_slice(sim.mocap_pos());
        self.mocap_quat.copy_from_slice(sim.mocap_quat());
        if sim.model().sleeps() {
            self.asleep = sim.tree_asleep().to_vec();
            self.qacc_smooth = sim.qacc_smooth().to_vec();
            self.act_dot = sim.act_dot().to_vec();
        }
        for (body, force) in self.forced.iter().zip(self.forces.chunks_exact_mut(6)) {
            force.copy_from_slice(&sim.body_force(*body));
        }
        self.iterations = 0;
        self.residual = 0.0;
        self.touched.clear();
    }

    fn contacts(&mut self, sim: &Sim) {
        self.geom1.clear();
        self.geom2.clear();
        self.dist.clear();
        for contact in sim.contacts() {
            self.geom1.push(contact.geom[0]);
            self.geom2.push(contact.geom[1]);
            self.dist.push(contact.dist);
        }
        let (kinds, ids, states) = sim.constraints();
        self.constraint_type.clear();
        self.constraint_type.extend(kinds.iter().map(|k| *k as u8));
        self.constraint_id.clear();
        self.constraint_id.extend_from_slice(ids);
        self.constraint_state.clear();
        self.constraint_state.extend(states.iter().map(|s| *s as u8));
        collect_pairs(sim, &mut self.pairs);
    }

    /// What the zero test says of the row's Jacobian, in the codes and flags of the schema.
    fn verdicts(&mut self) {
        let codes = |out: &mut Vec<u8>, verdicts: &[ZeroVerdict], values: &[f64]| {
            out.clear();
            // Nothing is known of a number that is none.
            let known = |(v, x): (&ZeroVerdict, &f64)| if x.is_finite() { *v } else { ZeroVerdict::Undecided };
            out.extend(verdicts.iter().zip(values).map(|pair| known(pair).code()));
        };
        let Verdicts { a, b, c, d, floor, .. } = &self.whole.verdicts;
        self.zero_floor.clear();
        self.zero_floor.extend(floor.iter().map(|x| round_up_to_four_bits(*x)));
        codes(&mut self.a_zero, a, &self.whole.a);
        codes(&mut self.b_zero, b, &self.whole.b);
        codes(&mut self.c_zero, c, &self.whole.c);
        codes(&mut self.d_zero, d, &self.whole.d);
        self.flags |= self.whole.verdicts.flags();
    }

    /// Rounds the Jacobian to single precision, where it is kept so.
    fn round(&mut self) {
        let Some(single) = &mut self.single else { return };
        let Jacobian { a, b, c, d, .. } = &self.whole;
        for (to, from) in single.iter_mut().zip([a, b, c, d]) {
            to.clear();
            to.extend(from.iter().map(|x| *x as f32));
        }
    }

    /// A, B, C and D as they are kept.
    fn matrices(&self) -> [Floats<'_>; 4] {
        match &self.single {
            Some(single) => single.each_ref().map(|x| x[..].into()),
            None => {
                let Jacobian { a, b, c, d, .. } = &self.whole;
                [a, b, c, d].map(|x| x[..].into())
            }
        }
    }

    /// Counts the pairs of the physics step that was taken last.
    fn count_touches(&mut self) {
        for [a, b] in &self.pairs {
            *self.touched.entry([*a.min(b), *a.max(b)]).or_default() += 1;
        }
    }

    /// Puts the pairs of the row's physics steps into the columns.
    fn touches(&mut self) {
        let [first, second, steps] = &mut self.touch;
        for column in [&mut *first, second, steps] {
            column.clear();
        }
        for ([a, b], n) in &self.touched {
            first.push(*a);
            second.push(*b);
            steps.push(*n);
        }
    }

    /// Whether other geom pairs touch now than in the physics step before.
    fn pairs_differ(&mut self, sim: &Sim) -> bool {
        collect_pairs(sim, &mut self.scratch);
        let differ = self.scratch != self.pairs;
        std::mem::swap(&mut self.scratch, &mut self.pairs);
        differ
    }

    fn view<'r>(&'r self, after: &'r Sim, episode: u64, step: usize) -> StepRow<'r> {
        let [a, b, c, d] = self.matrices();
        StepRow {
            time: self.time,
            episode: episode as i32,
            step: step as i32,
            qpos: &self.qpos,
            qvel: &self.qvel,
            act: &self.act,
            ctrl: &self.ctrl,
            action: &self.action,
            xfrc_applied: &self.forces,
            residual: &self.residuals[0],
            residual_tenth: &self.residuals[1],
            residual_second: &self.residuals[2],
            observation: &self.observation,
            observation_next: &self.observation_next,
            reward: self.reward,
            terminated: self.terminated,
            qacc_warmstart: &self.warmstart,
            mocap_pos: &self.mocap_pos,
            mocap_quat: &self.mocap_quat,
            tree_asleep: &self.asleep,
            qacc_smooth: &self.qacc_smooth,
            act_dot: &self.act_dot,
            qpos_next: after.qpos(),
            qvel_next: after.qvel(),
            act_next: after.act(),
            a,
            b,
            a_zero: &self.a_zero,
            b_zero: &self.b_zero,
            zero_floor: &self.zero_floor,
            kink: self.whole.verdicts.kink,
            sensordata: if self.sensors { after.sensordata() } else { &[] },
            c,
            d,
            c_zero: &self.c_zero,
            d_zero: &self.d_zero,
            solver_iterations: self.iterations,
            solver_residual: self.residual,
            flags: self.flags,
            contact_geom1: &self.geom1,
            contact_geom2: &self.geom2,
            contact_dist: &self.dist,
            constraint_type: &self.constraint_type,
            constraint_id: &self.constraint_id,
            constraint_state: &self.constraint_state,
            touch_geom1: &self.touch[0],
            touch_geom2: &self.touch[1],
            touch_steps: &self.touch[2],
        }
    }
}

/// A number of at least 0, rounded up to 4 bits behind its first one. A floor is an estimate; so it takes little space.
fn round_up_to_four_bits(x: f64) -> f64 {
    const REST: u64 = (1 << (f64::MANTISSA_DIGITS - 1 - 4)) - 1;
    if x.is_finite() { f64::from_bits((x.to_bits() + REST) & !REST) } else { x }
}

fn collect_pairs(sim: &Sim, out: &mut Vec<[i32; 2]>) {
    out.clear();
    out.extend(sim.contacts().map(|c| c.geom));
    out.sort_unstable();
    out.dedup();
}

#[cfg(test)]
mod tests {
    use super::round_up_to_four_bits;

    #[test]
    fn a_floor_is_rounded_up_by_at_most_a_sixteenth() {
        for x in [0.0, 1.0, 1.0625, 3.7e-9, 1e-300, 5e-324, 1.999, f64::INFINITY] {
            let y = round_up_to_four_bits(x);
            assert!(y >= x && (y <= x * 1.0625 || x < 1e-300), "{x} becomes {y}");
            assert_eq!(round_up_to_four_bits(y), y);
        }
        assert!(round_up_to_four_bits(f64::NAN).is_nan());
    }
}
