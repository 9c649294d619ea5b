//! Plans by sampling: the points of a spline over the horizon.
//!
//! Plans around the last one are tried, and the best, a weighted mean or the mean of the best is the next one. After
//! Howell et al., "Predictive Sampling: Real-time Behaviour Synthesis with MuJoCo" (arXiv 2212.00541), Williams et al.,
//! "Information theoretic MPC" (ICRA 2017), and Rubinstein's cross-entropy method.

use super::rollout::Batch;
use super::settings::{PlanSettings, Sampling, Update};
use super::spline::Curve;
use super::{Here, PlanError, best, shift};
use crate::rng::Stream;

/// A return of at most this size is no reward at all.
const NOTHING: f64 = 1e-12;

/// Samples of cem never come closer than this share of the noise.
const NARROWEST: f64 = 0.1;

/// A spline that is improved by samples.
#[derive(Debug)]
pub(super) struct Sampler {
    settings: Sampling,
    iterations: usize,
    horizon: usize,
    curve: Curve,
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
}

impl Sampler {
    pub(super) fn new(settings: &PlanSettings, sampling: Sampling, nu: usize) -> Self {
        let curve = Curve { spline: sampling.spline, spacing: sampling.spacing, width: nu };
        let size = curve.points(settings.horizon) * nu;
        let (samples, returns) = (vec![0.0; sampling.samples * size], vec![0.0; sampling.samples]);
        Self {
            settings: sampling,
            iterations: settings.iterations,
            horizon: settings.horizon,
            curve,
            plan: vec![0.0; size],
            start: 0,
            controls: samples.clone(),
            samples,
            returns,
            blind: false,
            spread: vec![0.0; size],
        }
    }

    pub(super) fn begin(&mut self) {
        self.plan.fill(0.0);
        (self.start, self.blind) = (0, false);
    }

    /// See [`super::Planner::act`].
    pub(super) fn act(&mut self, here: Here<'_>, step: usize, action: &mut [f64]) -> Result<(), PlanError> {
        self.forward(step, here.stream);
        self.spread.fill(self.settings.noise);
        for _ in 0..self.iterations {
            self.draw(here.stream);
            let nu = self.curve.width;
            for (u, x) in self.controls.chunks_mut(nu).zip(self.samples.chunks(nu)) {
                here.units.controls(x, u);
            }
            let batch = Batch { start: here.start, curve: self.curve, first: step - self.start, horizon: self.horizon };
            here.rollouts.returns(here.threads, batch, &self.controls, &mut self.returns)?;
            self.update()?;
        }
        self.curve.write(&self.plan, step - self.start, action);
        for (i, u) in action.iter_mut().enumerate() {
            *u = here.units.control(i, *u);
        }
        Ok(())
    }

    /// Drops the points that lie behind. The last one is repeated in their place, or, where there is nothing to go for,
    /// drawn.
    fn forward(&mut self, step: usize, stream: &mut Stream) {
        let nu = self.curve.width;
        while step - self.start >= self.settings.spacing {
            shift(&mut self.plan, nu);
            if self.blind {
                let last = self.plan.len() - nu;
                self.plan[last..].iter_mut().for_each(|x| *x = 2.0 * stream.uniform() - 1.0);
            }
            self.start += self.settings.spacing;
        }
    }

    /// The plan itself, then plans around it.
    fn draw(&mut self, stream: &mut Stream) {
        let size = self.plan.len();
        for (i, sample) in self.samples.chunks_mut(size).enumerate() {
            let scale = self.settings.scale(i);
            for (k, x) in sample.iter_mut().enumerate() {
                let noise = if i == 0 { 0.0 } else { stream.normal() };
                *x = (self.plan[k] + scale * self.spread[k] * noise).clamp(-1.0, 1.0);
            }
        }
    }

    /// The next plan from the samples and their returns. All sums are in the order of the samples.
    fn update(&mut self) -> Result<(), PlanError> {
        let size = self.plan.len();
        let (best, most) = best(self.returns.iter().copied());
        if most == f64::NEG_INFINITY {
            return Err(PlanError::Diverged);
        }
        let least = self.returns.iter().copied().fold(f64::INFINITY, f64::min);
        let sample = |i: usize| &self.samples[i * size..(i + 1) * size];
        let was_blind = std::mem::replace(&mut self.blind, most <= NOTHING && least >= -NOTHING);
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
