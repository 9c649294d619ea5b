//! What predictions are worth that nothing has learned: a next state is mostly the present one, and where it is not, mostly the
//! present one moved on. They stand beside every network, so that a reader sees how much of its score they are.
//!
//! ```text
//! present state       q' = q,          v' = v, a' = a      A = I (of an orientation too), B = 0
//! constant velocity   q' = q (+) h v,  v' = v, a' = a      rows of q': exp(-[h w]x) by q, h Jr(h w) by v, see manifold
//! ```

use burn_tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::LearnError;
use super::data::{Data, Part};
use super::evaluate::{ALL, FIXED, HORIZONS, Squares, VARYING, jacobian_error, recovered, starts, steps_of};
use super::manifold::{LearningTarget, TangentChain};
use super::place::{self, Place};
use super::train::CHUNK;
use super::truths::Truths;

/// A prediction that nothing has learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// `present state` or `constant velocity`.
    pub name: String,
    /// As [`NextError::mse`](super::NextError::mse).
    #[serde(with = "crate::number")]
    pub mse: f64,
    /// Root of the mean square error after 20 steps; None where no episode has so many.
    #[serde(default, with = "crate::number")]
    pub open_loop: Option<f64>,
    /// Norm of J - J* by the norm of J*.
    #[serde(default, with = "crate::number")]
    pub jacobian: Option<f64>,
    /// ROC-AUC of |J|, all entries.
    #[serde(default, with = "crate::number")]
    pub auc: Option<f64>,
    /// The same over entries that depend on the state.
    #[serde(default, with = "crate::number")]
    pub auc_varying: Option<f64>,
}

/// Of a part of the data; Jacobians at the chosen steps, whose truths these are.
pub(super) fn baselines(
    data: &Data,
    part: Option<Part>,
    chosen: &[usize],
    truths: &Truths,
    place: &Place,
) -> Result<Vec<Baseline>, LearnError> {
    let of = |name: &str, target: LearningTarget| -> Result<Baseline, LearnError> {
        let still = Still::new(data, target);
        let mut next = Squares::new(&still.data);
        steps_of(data, part).into_iter().for_each(|step| next.add(&still.next(data.row(step)), step));
        let found = still.jacobians(chosen, place)?;
        let groups = recovered(data, chosen, truths, &found, &FIXED, None)?.groups;
        let auc = |name: &str| groups.iter().find(|g| g.name == name).and_then(|g| g.roc_auc);
        Ok(Baseline {
            name: name.to_owned(),
            mse: next.all(),
            open_loop: still.open_loop(part),
            jacobian: jacobian_error(truths, &found).relative,
            auc: auc(ALL),
            auc_varying: auc(VARYING),
        })
    };
    Ok(vec![of(PRESENT_STATE, LearningTarget::Increment)?, of(CONSTANT_VELOCITY, LearningTarget::Acceleration)?])
}

/// Names of the baselines.
const PRESENT_STATE: &str = "present state";
pub(super) const CONSTANT_VELOCITY: &str = "constant velocity";

/// The horizon that stands in tables.
const AHEAD: usize = HORIZONS[1];

/// Nothing is added to a state, or to its velocity.
struct Still {
    data: Data,
    /// The normalised outputs that stand for nothing.
    nothing: Vec<f64>,
}

impl Still {
    fn new(data: &Data, target: LearningTarget) -> Self {
        let data = data.with_target(target);
        let scales = (0..data.coordinates.outputs()).map(|o| data.coordinates.goal_scale(&data.norm, o));
        let nothing = scales.map(|[mean, std]| -mean / std).collect();
        Self { data, nothing }
    }

    fn next(&self, row: &[f64]) -> Vec<f64> {
        self.data.coordinates.next(&self.data.norm, row, &self.nothing)
    }

    fn open_loop(&self, part: Option<Part>) -> Option<f64> {
        let data = &self.data;
        let (starts, longest) = starts(data, part);
        if starts.is_empty() || longest < AHEAD {
            return None;
        }
        let mut error = Squares::new(data);
        for start in starts {
            let mut row = data.row(start).to_vec();
            for _ in 0..AHEAD {
                let next = self.next(&row);
                row[..next.len()].copy_from_slice(&next);
            }
            error.add(&row, start + AHEAD - 1);
        }
        Some(error.all().sqrt())
    }

    /// [step, rows, columns], normalised.
    fn jacobians(&self, steps: &[usize], place: &Place) -> Result<Vec<f32>, LearnError> {
        let data = &self.data;
        let columns: Vec<usize> = (0..data.inputs()).collect();
        let outputs = self.nothing.len();
        let mut all = Vec::with_capacity(steps.len() * data.outputs() * columns.len());
        for chunk in steps.chunks(CHUNK) {
            let rows: Vec<&[f64]> = chunk.iter().map(|step| data.row(*step)).collect();
            let said: Vec<f64> = chunk.iter().flat_map(|_| self.nothing.iter().copied()).collect();
            let said: Tensor<2> = place.tensor64(said, [chunk.len(), outputs]);
            let flat =
                place.tensor64(vec![0.0; columns.len() * chunk.len() * outputs], [columns.len(), chunk.len(), outputs]);
            // Increments and accelerations are never the coordinates themselves.
            let Some(chain) = TangentChain::new(&data.coordinates, &data.norm, &rows, &columns, place) else {
                continue;
            };
            all.extend(place::numbers32(chain.apply(&said, flat).permute([1, 2, 0]))?);
        }
        Ok(all)
    }
}
