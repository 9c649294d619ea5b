//! AdamW with clipping and a cosine schedule (Loshchilov and Hutter 2019, arXiv 1711.05101). The state is three lists of
//! matrices, so that a checkpoint holds all of it, bit for bit.

use burn_tensor::Tensor;

use super::{LearnError, place};

const BETA: [f64; 2] = [0.9, 0.999];
const EPS: f64 = 1e-8;

/// Matrices and what the optimiser remembers of their gradients.
#[derive(Debug, Clone)]
pub struct AdamW {
    /// The matrices.
    pub weights: Vec<Tensor<2>>,
    /// Mean of the gradients, decaying.
    pub first: Vec<Tensor<2>>,
    /// Mean of their squares, decaying.
    pub second: Vec<Tensor<2>>,
}

/// Sizes of a step.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Learning rate.
    pub lr: f64,
    /// Weight decay, as a share of it.
    pub decay: f64,
    /// Largest norm of all gradients together.
    pub clip: f64,
}

impl AdamW {
    /// At the first step.
    pub fn new(weights: Vec<Tensor<2>>) -> Self {
        let zeros: Vec<_> = weights.iter().map(Tensor::zeros_like).collect();
        Self { weights, first: zeros.clone(), second: zeros }
    }

    /// Step number `t`, from 1. Returns the norm of the gradients before clipping.
    ///
    /// # Errors
    /// [`LearnError::Library`].
    pub fn step(&mut self, gradients: Vec<Tensor<2>>, t: usize, rates: Rates) -> Result<f64, LearnError> {
        let mut square = 0.0;
        for g in &gradients {
            square += place::numbers(g.clone().square().sum())?.first().copied().unwrap_or(f64::NAN);
        }
        let norm = square.sqrt();
        let shrink = if norm > rates.clip { rates.clip / norm } else { 1.0 };
        let bias = BETA.map(|b| 1.0 - b.powi(t as i32));
        for (i, g) in gradients.into_iter().enumerate() {
            let g = g * shrink;
            let first = self.first[i].clone() * BETA[0] + g.clone() * (1.0 - BETA[0]);
            let second = self.second[i].clone() * BETA[1] + g.square() * (1.0 - BETA[1]);
            let root = (second.clone() * (1.0 / bias[1])).sqrt() + EPS;
            let step = first.clone() * (rates.lr / bias[0]) / root;
            self.weights[i] = self.weights[i].clone() * (1.0 - rates.lr * rates.decay) - step;
            (self.first[i], self.second[i]) = (first, second);
        }
        Ok(norm)
    }
}

/// The learning rate at step `t` of `steps`, both from 1: rises over the first twentieth, then a half cosine to 0.
pub(super) fn schedule(lr: f64, t: usize, steps: usize) -> f64 {
    let warm = (steps / 20).max(1);
    if t <= warm {
        return lr * t as f64 / warm as f64;
    }
    let share = (t - warm) as f64 / (steps - warm).max(1) as f64;
    lr * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
}
