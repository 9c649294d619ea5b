//! AdamW with clipping and a cosine schedule (Loshchilov and Hutter 2019, arXiv 1711.05101). The state is three lists of
//! matrices, so that a checkpoint holds all of it, bit for bit.

use burn_tensor::{DType, Tensor, TensorData};

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
    /// On the processor every matrix is gone through once, on a graphics card by operations of its library; the numbers
    /// are the same but for rounding.
    ///
    /// # Errors
    /// [`LearnError::Library`].
    pub fn step(&mut self, gradients: Vec<Tensor<2>>, t: usize, rates: Rates) -> Result<f64, LearnError> {
        let on_host = self.weights.first().is_some_and(|w| place::on_host(w) && w.dtype() == DType::F32);
        let bias = BETA.map(|b| 1.0 - b.powi(t as i32));
        if on_host { self.step_here(gradients, bias, rates) } else { self.step_there(gradients, bias, rates) }
    }

    fn step_here(&mut self, gradients: Vec<Tensor<2>>, bias: [f64; 2], rates: Rates) -> Result<f64, LearnError> {
        let shapes: Vec<_> = gradients.iter().map(|g| g.dims()).collect();
        let device = gradients.first().map(Tensor::device);
        let mut read = Vec::with_capacity(gradients.len());
        for gradient in gradients {
            read.push(place::numbers32(gradient)?);
        }
        let square: f64 = read.iter().flatten().map(|g| f64::from(*g) * f64::from(*g)).sum();
        let norm = square.sqrt();
        let shrink = if norm > rates.clip { rates.clip / norm } else { 1.0 } as f32;
        let [lr, keep] = [rates.lr / bias[0], 1.0 - rates.lr * rates.decay].map(|x| x as f32);
        let [b0, b1, eps, unbias] = [BETA[0], BETA[1], EPS, 1.0 / bias[1]].map(|x| x as f32);
        // Taken out, so that no tensor but ours has the numbers and none is copied.
        let lists = [&mut self.weights, &mut self.first, &mut self.second].map(std::mem::take);
        let [weights, first, second] = lists.map(Vec::into_iter);
        for (((w, m), v), (g, shape)) in weights.zip(first).zip(second).zip(read.into_iter().zip(shapes)) {
            let [mut w, mut m, mut v] = [place::numbers32(w)?, place::numbers32(m)?, place::numbers32(v)?];
            for (((w, m), v), g) in w.iter_mut().zip(&mut m).zip(&mut v).zip(g) {
                let g = shrink * g;
                *m = b0 * *m + (1.0 - b0) * g;
                *v = b1 * *v + (1.0 - b1) * g * g;
                *w = keep * *w - lr * *m / ((*v * unbias).sqrt() + eps);
            }
            if let Some(device) = &device {
                let tensor = |values| Tensor::from_data(TensorData::new(values, shape), (device, DType::F32));
                self.weights.push(tensor(w));
                self.first.push(tensor(m));
                self.second.push(tensor(v));
            }
        }
        Ok(norm)
    }

    fn step_there(&mut self, gradients: Vec<Tensor<2>>, bias: [f64; 2], rates: Rates) -> Result<f64, LearnError> {
        let mut square = 0.0;
        for g in &gradients {
            square += place::numbers(g.clone().square().sum())?.first().copied().unwrap_or(f64::NAN);
        }
        let norm = square.sqrt();
        let shrink = if norm > rates.clip { rates.clip / norm } else { 1.0 };
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

#[cfg(test)]
mod tests {
    use super::super::place::Place;
    use super::*;

    #[test]
    fn both_ways_of_a_step_come_to_the_same() {
        let place = Place::cpu();
        let wave = |n: usize, by: f32| place.tensor((0..n).map(|i| (by * i as f32).sin()).collect(), [n / 2, 2]);
        let start = || AdamW::new(vec![wave(6, 0.3), wave(10, 0.7)]);
        let (mut here, mut there) = (start(), start());
        let rates = Rates { lr: 0.01, decay: 0.1, clip: 1.0 };
        for t in 1..20 {
            let gradients = || vec![wave(6, t as f32), wave(10, 0.5 * t as f32)];
            let bias = BETA.map(|b| 1.0 - b.powi(t));
            let norms = [here.step(gradients(), t as usize, rates), there.step_there(gradients(), bias, rates)];
            let [a, b] = norms.map(|n| n.unwrap());
            assert!((a - b).abs() < 1e-5 && a > 1.0, "{a} {b}");
        }
        for (a, b) in [(&here.weights, &there.weights), (&here.first, &there.first), (&here.second, &there.second)] {
            for (a, b) in a.iter().zip(b) {
                let [a, b] = [a, b].map(|t| place::numbers32(t.clone()).unwrap());
                assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6), "{a:?} {b:?}");
            }
        }
    }
}
