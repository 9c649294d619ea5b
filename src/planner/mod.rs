//! Controls that are planned: model-predictive control by sampling, on the recorder's own physics.
//!
//! Before every action a plan (the points of a spline over the horizon) is improved by rollouts from the present
//! state: plans around the last one are tried, and the best, a weighted mean or the mean of the best is the next one.
//! Its first action is taken, and the rest is where the next search begins. After Howell et al., "Predictive
//! Sampling: Real-time Behaviour Synthesis with MuJoCo" (arXiv 2212.00541), Williams et al., "Information theoretic
//! MPC" (ICRA 2017), and Rubinstein's cross-entropy method. The same seed, episode and states give the same actions,
//! on any number of threads.

mod error;
mod rollout;
mod settings;
mod spline;

use std::sync::Arc;

pub use error::PlanError;
pub use rollout::Pool;
pub use settings::resolve;

use crate::physics::{Model, Sim};
use crate::policy::{ControlRanges, PlanSpec};
use crate::rng::Stream;
use crate::task::{ActionSpec, Task};
use rollout::{Batch, Rollouts};
use settings::{Settings, Update};
use spline::Curve;

/// A return below this is no reward at all.
const NOTHING: f64 = 1e-12;

/// Samples of cem never come closer than this share of the noise.
const NARROWEST: f64 = 0.1;

/// Plans the actions of one episode after the other.
#[derive(Debug)]
pub struct Planner {
    settings: Settings,
    rollouts: Rollouts,
    pool: Arc<Pool>,
    curve: Curve,
    ranges: ControlRanges,
    /// Middle and half width of every control's range (nu).
    middle: Vec<f64>,
    half: Vec<f64>,
    stream: Stream,
    /// The plan: its points (points x nu), as half ranges from the middle. The first one is at action `start`.
    plan: Vec<f64>,
    start: usize,
    /// Whether no sample of the last iteration saw any reward.
    blind: bool,
    /// Samples of an iteration (samples x points x nu), in half ranges and in units of the controls.
    samples: Vec<f64>,
    controls: Vec<f64>,
    returns: Vec<f64>,
    /// Standard deviation of each number of the plan.
    spread: Vec<f64>,
    state: Vec<f64>,
}

impl Planner {
    /// A planner for a task whose settings are [`resolve`]d.
    ///
    /// # Errors
    /// [`PlanError::NoReward`], [`PlanError::Rules`] for a task whose actions are not its controls or that has events
    /// or ends, [`PlanError::Setting`], [`PlanError::Policy`] for controls without a range.
    pub fn new(task: &Task, model: &Arc<Model>, spec: &PlanSpec) -> Result<Self, PlanError> {
        let name = || task.spec.name.clone();
        let scorer = task.scorer(model)?.ok_or_else(|| PlanError::NoReward { task: name() })?;
        let rules = [
            (task.spec.action != ActionSpec::Control, "actions that are not the controls themselves"),
            (!task.spec.events.is_empty(), "random events"),
            (!task.spec.done.is_empty(), "conditions that end the episode"),
            (model.nu() == 0, "no control at all"),
        ];
        if let Some((_, what)) = rules.into_iter().find(|(found, _)| *found) {
            return Err(PlanError::Rules { task: name(), what });
        }
        let settings = Settings::new(spec)?;
        let rollouts = Rollouts::new(task, &scorer, &settings, model)?;
        let ranges = ControlRanges::from(&**model);
        let (middle, half) = ranges.middle_and_half()?;
        let nu = model.nu();
        let curve = Curve { spline: settings.spline, spacing: settings.spacing, width: nu };
        let size = curve.points(settings.horizon) * nu;
        let (samples, returns) = (vec![0.0; settings.samples * size], vec![0.0; settings.samples]);
        Ok(Self {
            settings,
            rollouts,
            pool: Arc::new(Pool::ALONE),
            curve,
            ranges,
            middle,
            half,
            stream: Stream::new(0, "plan", 0),
            plan: vec![0.0; size],
            start: 0,
            controls: samples.clone(),
            samples,
            returns,
            blind: false,
            spread: vec![0.0; size],
            state: vec![0.0; model.state_size()],
        })
    }

    /// Spreads rollouts over the threads of `pool`, which changes no result.
    pub fn share(&mut self, pool: &Arc<Pool>) {
        self.pool = pool.clone();
    }

    /// Forgets the last episode.
    pub fn begin(&mut self, seed: u64, episode: u64) {
        self.stream = Stream::new(seed, "plan", episode);
        self.plan.fill(0.0);
        (self.start, self.blind) = (0, false);
    }

    /// Memory of the simulations that it has made so far, bytes.
    pub fn bytes(&self) -> u64 {
        self.rollouts.bytes()
    }

    /// Writes action `step` (nu, inside the control ranges) for the present state of `sim`, which stays as it is.
    /// Steps come in order, each once: the plan and the random numbers go on from the last one.
    ///
    /// # Errors
    /// [`PlanError::Diverged`], [`PlanError::Physics`].
    pub fn act(&mut self, sim: &mut Sim, step: usize, action: &mut [f64]) -> Result<(), PlanError> {
        sim.get_state(&mut self.state)?;
        self.forward(step);
        self.spread.fill(self.settings.noise);
        for _ in 0..self.settings.iterations {
            self.draw();
            self.try_all(step)?;
            self.update()?;
        }
        self.curve.write(&self.plan, step - self.start, action);
        for (i, u) in action.iter_mut().enumerate() {
            *u = self.control(i, *u);
        }
        Ok(())
    }

    /// Control `i` at `x` half ranges from the middle. Rounding must not carry it out of its range.
    fn control(&self, i: usize, x: f64) -> f64 {
        (self.middle[i] + self.half[i] * x).clamp(self.ranges.lo[i], self.ranges.hi[i])
    }

    /// Drops the points that lie behind. The last one is repeated in their place, or, where there is nothing to go for,
    /// drawn.
    fn forward(&mut self, step: usize) {
        let nu = self.curve.width;
        while step - self.start >= self.settings.spacing {
            self.plan.copy_within(nu.., 0);
            let end = self.plan.len();
            if end >= 2 * nu {
                self.plan.copy_within(end - 2 * nu..end - nu, end - nu);
            }
            if self.blind {
                let last = self.plan.len() - nu;
                self.plan[last..].iter_mut().for_each(|x| *x = 2.0 * self.stream.uniform() - 1.0);
            }
            self.start += self.settings.spacing;
        }
    }

    /// The plan itself, then plans around it.
    fn draw(&mut self) {
        let (size, nu) = (self.plan.len(), self.curve.width);
        for (i, sample) in self.samples.chunks_mut(size).enumerate() {
            let scale = if i == 0 { 0.0 } else { libm::exp2(-(((i - 1) % self.settings.levels) as f64)) };
            for (k, x) in sample.iter_mut().enumerate() {
                let noise = if i == 0 { 0.0 } else { self.stream.normal() };
                *x = (self.plan[k] + scale * self.spread[k] * noise).clamp(-1.0, 1.0);
            }
        }
        for k in 0..self.samples.len() {
            self.controls[k] = self.control(k % nu, self.samples[k]);
        }
    }

    fn try_all(&mut self, step: usize) -> Result<(), PlanError> {
        let batch =
            Batch { state: &self.state, curve: self.curve, first: step - self.start, horizon: self.settings.horizon };
        Ok(self.rollouts.returns(&self.pool, batch, &self.controls, &mut self.returns)?)
    }

    /// The next plan from the samples and their returns. All sums are in the order of the samples.
    fn update(&mut self) -> Result<(), PlanError> {
        let size = self.plan.len();
        let (best, most) = best(&self.returns);
        if most == f64::NEG_INFINITY {
            return Err(PlanError::Diverged);
        }
        let least = self.returns.iter().copied().fold(f64::INFINITY, f64::min);
        let sample = |i: usize| &self.samples[i * size..(i + 1) * size];
        let was_blind = std::mem::replace(&mut self.blind, most <= NOTHING && least > f64::NEG_INFINITY);
        if self.blind && !was_blind {
            // Nothing in sight: the widest sample is as good as any, and goes somewhere.
            self.plan.copy_from_slice(sample(1));
        }
        if self.blind || self.returns[0] >= most {
            return Ok(());
        }
        match self.settings.update {
            Update::Best => self.plan.copy_from_slice(sample(best)),
            Update::Weighted { temperature } => {
                let finite = self.returns.iter().filter(|r| r.is_finite());
                let mean = finite.clone().sum::<f64>() / finite.count() as f64;
                let unit = temperature * (most - mean);
                if unit <= 0.0 {
                    return Ok(());
                }
                let weights: Vec<f64> = self.returns.iter().map(|r| libm::exp((r - most) / unit)).collect();
                let total: f64 = weights.iter().sum();
                self.plan.fill(0.0);
                for (weight, sample) in weights.iter().zip(self.samples.chunks(size)) {
                    let share = weight / total;
                    self.plan.iter_mut().zip(sample).for_each(|(p, x)| *p += share * x);
                }
                self.plan.iter_mut().for_each(|p| *p = p.clamp(-1.0, 1.0));
            }
            Update::Elites(n) => {
                let mut order: Vec<usize> = (0..self.returns.len()).filter(|i| self.returns[*i].is_finite()).collect();
                // Stable, so that equals stay in the order of the samples.
                order.sort_by(|a, b| self.returns[*b].total_cmp(&self.returns[*a]));
                order.truncate(n);
                let share = 1.0 / order.len() as f64;
                for k in 0..size {
                    let values = || order.iter().map(|i| self.samples[i * size + k]);
                    let mean = share * values().sum::<f64>();
                    let variance = share * values().map(|x| (x - mean) * (x - mean)).sum::<f64>();
                    self.plan[k] = mean.clamp(-1.0, 1.0);
                    self.spread[k] = variance.sqrt().max(NARROWEST * self.settings.noise);
                }
            }
        }
        Ok(())
    }
}

/// The first of the largest numbers, and it.
fn best(values: &[f64]) -> (usize, f64) {
    let mut found = (0, f64::NEG_INFINITY);
    for (i, value) in values.iter().enumerate() {
        if *value > found.1 {
            found = (i, *value);
        }
    }
    found
}
