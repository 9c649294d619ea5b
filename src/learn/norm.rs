//! What numbers are shifted and scaled by, and how that follows from the training episodes.

use serde::{Deserialize, Serialize};

use crate::moments::Moments;
use crate::quat;

/// What numbers are shifted and scaled by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Norm {
    /// By tangent coordinate, state then action: the mean, in units of the recording; 0 for orientations.
    #[serde(with = "crate::number")]
    pub mean: Vec<f64>,
    /// By tangent coordinate: the standard deviation, in units of the recording, above 0.
    #[serde(with = "crate::number")]
    pub std: Vec<f64>,
    /// Tangent coordinates that never change in the training episodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub still: Vec<usize>,
    /// Mean and standard deviation by feature; empty where features are the coordinates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<[f64; 2]>,
    /// The same by output of a network; empty where outputs are the next coordinates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target: Vec<[f64; 2]>,
}

impl Moments {
    /// Which ones never change.
    pub(super) fn still(&self) -> Vec<bool> {
        self.std().iter().zip(&self.mean).map(|(s, m)| *s <= 1e-12 * m.abs().max(1e-3)).collect()
    }

    /// Mean and standard deviation of each; 1 for those that never change.
    pub(super) fn scales(&self) -> Vec<[f64; 2]> {
        let still = self.still();
        let std = self.std().into_iter().zip(still).map(|(s, still)| if still { 1.0 } else { s });
        self.mean.iter().zip(std).map(|(m, s)| [*m, s]).collect()
    }
}

/// How far orientations are from their mean: the root of a third of the mean square angle, rad. The mean is that of the
/// quaternions, each with the sign that is nearer to the first one.
pub(super) fn angular<I: Iterator<Item = quat::Quat>>(all: impl Fn() -> I) -> f64 {
    let Some(first) = all().next() else { return 0.0 };
    let mut sum = [0.0; 4];
    for q in all() {
        let same = q.iter().zip(&first).map(|(a, b)| a * b).sum::<f64>() >= 0.0;
        sum.iter_mut().zip(q).for_each(|(s, x)| *s += if same { x } else { -x });
    }
    let mean = quat::normalized(sum);
    let (mut n, mut square) = (0.0, 0.0);
    for q in all() {
        n += 1.0;
        square += quat::turn(q, mean).iter().map(|x| x * x).sum::<f64>();
    }
    (square / n / 3.0_f64).sqrt()
}
