//! Values with their tangents: forward-mode derivatives made of tensor operations, which reverse mode then
//! differentiates once more. So a loss may depend on the Jacobian of a network, although the tensor library's own
//! derivatives are of first order.
//!
//! The chain rule of every operation is written here once; an architecture is written in these operations and never
//! sees a derivative. Shapes: a value is [batch, token, feature], its tangents are [direction, batch, token, feature],
//! where batch may be 1 as long as all states share them (the identity that a network's input starts with).

use burn_tensor::{Tensor, activation};

use super::{LearnError, place};

/// A value, and its derivative along some directions of the input when that is wanted.
#[derive(Debug, Clone)]
pub struct Dual {
    /// [batch, token, feature]
    pub value: Tensor<3>,
    /// [direction, batch or 1, token, feature]
    pub tangent: Option<Tensor<4>>,
}

fn lift(value: Tensor<3>) -> Tensor<4> {
    value.unsqueeze_dim(0)
}

impl Dual {
    /// A value that depends on no input.
    pub fn constant(value: Tensor<3>) -> Self {
        Self { value, tangent: None }
    }

    fn map_tangent(&self, f: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Option<Tensor<4>> {
        self.tangent.clone().map(f)
    }

    /// x W + b with W [features, out] and b [1, out].
    pub fn linear(&self, weight: &Tensor<2>, bias: Option<&Tensor<2>>) -> Self {
        let [b, n, _] = self.value.dims();
        let [h, out] = weight.dims();
        let value = self.value.clone().reshape([b * n, h]).matmul(weight.clone());
        let value = match bias {
            Some(bias) => value + bias.clone(),
            None => value,
        };
        let tangent = self.map_tangent(|t| {
            let [k, b, n, _] = t.dims();
            t.reshape([k * b * n, h]).matmul(weight.clone()).reshape([k, b, n, out])
        });
        Self { value: value.reshape([b, n, out]), tangent }
    }

    /// ELU with alpha 1: x where x > 0, else exp(x) - 1. With r = max(x, 0) it is r + exp(x - r) - 1, whose derivative
    /// is exp(x - r): no branch, and nothing overflows.
    pub fn elu(&self) -> Self {
        let positive = activation::relu(self.value.clone());
        let slope = (self.value.clone() - positive.clone()).exp();
        let value = positive + slope.clone() - 1.0;
        Self { value, tangent: self.map_tangent(|t| t * lift(slope)) }
    }

    /// max(x, 0), whose derivative is 0 where x <= 0.
    pub fn relu(&self) -> Self {
        let value = activation::relu(self.value.clone());
        let tangent = self.map_tangent(|t| {
            let positive = self.value.clone().inner().greater_elem(0.0).float().cast(self.value.dtype());
            t * lift(Tensor::from_inner(positive))
        });
        Self { value, tangent }
    }

    /// Times constants, [batch or 1, token or 1, feature or 1].
    pub fn times(&self, factors: Tensor<3>) -> Self {
        let tangent = self.map_tangent(|t| t * lift(factors.clone()));
        Self { value: self.value.clone() * factors, tangent }
    }

    /// Plus constants, [batch or 1, token or 1, feature or 1].
    pub fn plus(&self, terms: Tensor<3>) -> Self {
        Self { value: self.value.clone() + terms, tangent: self.tangent.clone() }
    }

    /// Times one number.
    pub fn scaled(&self, factor: f64) -> Self {
        Self { value: self.value.clone() * factor, tangent: self.map_tangent(|t| t * factor) }
    }

    /// Sum of two; sizes of 1 are repeated.
    pub fn add(&self, other: &Self) -> Self {
        let tangent = match (self.tangent.clone(), other.tangent.clone()) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Self { value: self.value.clone() + other.value.clone(), tangent }
    }

    /// Product of two, entry by entry; sizes of 1 are repeated.
    pub fn mul(&self, other: &Self) -> Self {
        let left = self.map_tangent(|t| t * lift(other.value.clone()));
        let right = other.map_tangent(|t| t * lift(self.value.clone()));
        let tangent = match (left, right) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Self { value: self.value.clone() * other.value.clone(), tangent }
    }

    /// Products of matrices, state by state: [batch, n, m] times [batch, m, p].
    pub fn matmul(&self, other: &Self) -> Self {
        let left = self.map_tangent(|t| batched(t, lift(other.value.clone())));
        let right = other.map_tangent(|t| batched(lift(self.value.clone()), t));
        let tangent = match (left, right) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Self { value: self.value.clone().matmul(other.value.clone()), tangent }
    }

    /// Tokens and features change places.
    pub fn transpose(&self) -> Self {
        Self { value: self.value.clone().swap_dims(1, 2), tangent: self.map_tangent(|t| t.swap_dims(2, 3)) }
    }

    /// Sum over features, which become one.
    pub fn sum_features(&self) -> Self {
        Self { value: self.value.clone().sum_dim(2), tangent: self.map_tangent(|t| t.sum_dim(3)) }
    }

    /// Sum over tokens, which become one.
    pub fn sum_tokens(&self) -> Self {
        Self { value: self.value.clone().sum_dim(1), tangent: self.map_tangent(|t| t.sum_dim(2)) }
    }

    /// x_n W_n: every token with a matrix of its own, [token, feature, out].
    pub fn each(&self, weight: Tensor<3>) -> Self {
        let value = self.value.clone().swap_dims(0, 1).matmul(weight.clone()).swap_dims(0, 1);
        let tangent = self.map_tangent(|t| {
            let [k, b, n, h] = t.dims();
            let [.., out] = weight.dims();
            let product = t.permute([2, 0, 1, 3]).reshape([n, k * b, h]).matmul(weight);
            product.reshape([n, k, b, out]).permute([1, 2, 0, 3])
        });
        Self { value, tangent }
    }

    /// As [batch, token, feature] of other sizes with the same product.
    pub fn reshape(&self, tokens: usize, features: usize) -> Self {
        let b = self.value.dims()[0];
        let tangent = self.map_tangent(|t| {
            let [k, b, ..] = t.dims();
            t.reshape([k, b, tokens, features])
        });
        Self { value: self.value.clone().reshape([b, tokens, features]), tangent }
    }

    /// The first tokens.
    pub fn first_tokens(&self, count: usize) -> Self {
        Self { value: self.value.clone().narrow(1, 0, count), tangent: self.map_tangent(|t| t.narrow(2, 0, count)) }
    }

    /// One feature.
    pub fn feature(&self, at: usize) -> Self {
        Self { value: self.value.clone().narrow(2, at, 1), tangent: self.map_tangent(|t| t.narrow(3, at, 1)) }
    }

    /// Softmax over features.
    pub fn softmax(&self) -> Self {
        let value = activation::softmax(self.value.clone(), 2);
        let tangent = self.map_tangent(|t| {
            let s = lift(value.clone());
            let mean = (t.clone() * s.clone()).sum_dim(3);
            (t - mean) * s
        });
        Self { value, tangent }
    }

    /// Sparsemax over features: the nearest point of the simplex, with exact zeros and exact zero derivatives outside
    /// its support (Martins and Astudillo 2016, arXiv 1602.02068). On the support S it is z - (sum of z over S - 1) /
    /// |S|, where S is locally constant.
    ///
    /// # Errors
    /// [`LearnError::Library`].
    pub fn sparsemax(&self) -> Result<Self, LearnError> {
        let dims = self.value.dims();
        let width = dims[2].max(1);
        let logits = place::numbers32(self.value.clone().inner())?;
        let mut support = vec![0.0f32; logits.len()];
        let mut share = Vec::with_capacity(logits.len() / width);
        for (row, out) in logits.chunks(width).zip(support.chunks_mut(width)) {
            let threshold = simplex_threshold(row);
            let mut size = 0.0;
            for (z, s) in row.iter().zip(out) {
                *s = f32::from(*z > threshold);
                size += *s;
            }
            share.push(1.0 / size.max(1.0));
        }
        let like = |values: Vec<f32>, last| {
            let data = burn_tensor::TensorData::new(values, [dims[0], dims[1], last]);
            Tensor::<3>::from_data(data, (&self.value.device(), self.value.dtype()))
        };
        let (support, share) = (like(support, dims[2]), like(share, 1));
        let project = |inside: Tensor<3>, excess: Tensor<3>| (inside - excess * share.clone()) * support.clone();
        let inside = self.value.clone() * support.clone();
        let value = project(inside.clone(), inside.sum_dim(2) - 1.0);
        let tangent = self.map_tangent(|t| {
            let inside = t * lift(support.clone());
            let excess = inside.clone().sum_dim(3) * lift(share.clone());
            (inside - excess) * lift(support.clone())
        });
        Ok(Self { value, tangent })
    }
}

/// A batched product whose batch sizes may be 1 on either side.
fn batched(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    let ([ka, ba, n, m], [kb, bb, _, p]) = (a.dims(), b.dims());
    let (k, batch) = (ka.max(kb), ba.max(bb));
    a.expand([k, batch, n, m]).matmul(b.expand([k, batch, m, p]))
}

/// The number that sparsemax subtracts from every logit: the one for which the positive rests sum to 1.
fn simplex_threshold(row: &[f32]) -> f32 {
    let mut sorted = row.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let (mut sum, mut threshold) = (0.0, f32::NEG_INFINITY);
    for (i, z) in sorted.iter().enumerate() {
        sum += z;
        let candidate = (sum - 1.0) / (i + 1) as f32;
        if *z > candidate {
            threshold = candidate;
        }
    }
    threshold
}
