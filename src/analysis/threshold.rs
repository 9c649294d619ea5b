//! Ablation: what fixed thresholds would have said, against the zero test that was recorded.

use serde::Serialize;

use super::pattern::{Matrix, Shape};
use super::scan::Sums;

/// One threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Threshold {
    /// The threshold: entries |x| below it are zero.
    pub threshold: f64,
    /// Entries that are zero in every sample.
    pub always_zero: usize,
    /// Mean sparsity of a step.
    pub mean: f64,
    /// Against the recorded test; None where none was recorded.
    pub against_mask: Option<Disagreement>,
}

/// Values that a threshold and the recorded test see differently.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disagreement {
    /// Zero by the test, not by the threshold.
    pub false_nonzero: u64,
    /// Nonzero by the test, zero by the threshold.
    pub false_zero: u64,
    /// Undecided by the test, zero by the threshold.
    pub undecided_zero: u64,
    /// Undecided by the test, nonzero by the threshold.
    pub undecided_nonzero: u64,
    /// Values that the test decided.
    pub decided: u64,
}

/// All thresholds for one matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Thresholds {
    /// The matrix.
    pub matrix: Matrix,
    /// Entries.
    pub entries: usize,
    /// Values in all samples.
    pub values: u64,
    /// By threshold, ascending.
    pub thresholds: Vec<Threshold>,
}

pub(super) fn result(matrix: Matrix, shape: Shape, sums: &Sums, thresholds: &[f64], masks: bool) -> Thresholds {
    let total = |bins: &[[u64; 3]]| {
        bins.iter().fold([0; 3], |mut sum, bin| {
            sum.iter_mut().zip(bin).for_each(|(a, b)| *a += b);
            sum
        })
    };
    let values = total(&sums.joint).iter().sum::<u64>();
    let one = |(i, threshold): (usize, &f64)| {
        let ([nonzero, zero, undecided], rest) = (total(&sums.joint[..=i]), total(&sums.joint[i + 1..]));
        Threshold {
            threshold: *threshold,
            always_zero: if values > 0 { sums.largest.iter().filter(|x| **x < *threshold).count() } else { 0 },
            mean: (nonzero + zero + undecided) as f64 / values.max(1) as f64,
            against_mask: masks.then(|| Disagreement {
                false_nonzero: rest[1],
                false_zero: nonzero,
                undecided_zero: undecided,
                undecided_nonzero: rest[2],
                decided: nonzero + zero + rest[0] + rest[1],
            }),
        }
    };
    Thresholds {
        matrix,
        entries: shape.entries(),
        values,
        thresholds: thresholds.iter().enumerate().map(one).collect(),
    }
}
