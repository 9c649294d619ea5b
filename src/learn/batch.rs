//! Some states of the data as tensors.

use burn_tensor::Tensor;

use super::LearnError;
use super::data::Data;
use super::models::Input;
use super::place::Place;
use super::truths::Truths;
use crate::zero::ZeroVerdict;

/// States with their truth.
#[derive(Debug, Clone)]
pub struct Batch {
    /// What a network sees.
    pub input: Input,
    /// Normalised true next state, [batch, outputs].
    pub next: Tensor<2>,
    /// The true Jacobian, where it was asked for.
    pub truth: Option<Truth>,
}

/// The true Jacobian along the directions of a batch, which are inputs.
#[derive(Debug, Clone)]
pub struct Truth {
    /// J*, [direction, batch, outputs]; 0 where it is undecided or the state has none.
    pub jacobian: Tensor<3>,
    /// 1 where J* is decided and the state has a derivative.
    pub decided: Tensor<3>,
    /// 1 where it is zero besides.
    pub zero: Tensor<3>,
    /// 1 / decided entries that are expected along so many directions, of all inputs the batch was drawn from.
    pub per_decided: f64,
    /// The same of zero entries.
    pub per_zero: f64,
}

/// What a batch holds besides states.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Inputs to differentiate by; None: no derivatives.
    pub columns: Option<&'a [usize]>,
    /// The true Jacobian along them.
    pub truth: bool,
    /// The true mask as an input.
    pub mask: bool,
}

/// Builds a batch of the steps of these numbers.
///
/// # Errors
/// As [`Data::truths`].
pub fn assemble(data: &Data, steps: &[usize], wanted: Wanted<'_>, place: &Place) -> Result<Batch, LearnError> {
    let (inputs, outputs, b) = (data.inputs(), data.outputs(), steps.len());
    let gather = |values: &[f32], width: usize| -> Vec<f32> {
        steps.iter().flat_map(|s| values[s * width..(s + 1) * width].iter().copied()).collect()
    };
    let columns = wanted.columns.filter(|_| wanted.truth);
    let truths = if wanted.mask || columns.is_some() { data.truths(steps)? } else { Truths::default() };
    let mask = wanted.mask.then(|| {
        let open = truths.all_verdicts().iter().map(|v| f32::from(*v != ZeroVerdict::Zero.code()));
        place.tensor(open.collect(), [b, outputs, inputs])
    });
    let directions = wanted.columns.map(|columns| {
        let mut seeds = vec![0.0; columns.len() * inputs];
        columns.iter().enumerate().for_each(|(k, column)| seeds[k * inputs + column] = 1.0);
        place.tensor(seeds, [columns.len(), 1, 1, inputs])
    });
    let truth = columns.map(|columns| truth(data, steps, &truths, columns, place));
    Ok(Batch {
        input: Input { x: place.tensor(gather(data.x(), inputs), [b, inputs]), mask, directions },
        next: place.tensor(gather(data.next(), outputs), [b, outputs]),
        truth,
    })
}

fn truth(data: &Data, steps: &[usize], truths: &Truths, columns: &[usize], place: &Place) -> Truth {
    let (inputs, outputs) = (data.inputs(), data.outputs());
    let shape = [columns.len(), steps.len(), outputs];
    let n = shape.iter().product();
    let (mut jacobian, mut decided, mut zero) = (vec![0.0f32; n], vec![0.0f32; n], vec![0.0f32; n]);
    // Counted over all inputs: what is drawn must not decide the weight of what is drawn, or the estimate has a bias.
    let mut counts = [0usize; 2];
    for (at, _) in steps.iter().enumerate().filter(|(_, s)| data.has_derivative(**s)) {
        for verdict in truths.verdicts(at) {
            counts[0] += usize::from(*verdict != ZeroVerdict::Undecided.code());
            counts[1] += usize::from(*verdict == ZeroVerdict::Zero.code());
        }
    }
    let mut at = 0;
    for column in columns {
        for (which, step) in steps.iter().enumerate() {
            let (values, verdicts) = (truths.jacobian(which), truths.verdicts(which));
            for output in 0..outputs {
                let entry = output * inputs + column;
                if data.has_derivative(*step) && verdicts[entry] != ZeroVerdict::Undecided.code() {
                    jacobian[at] = values[entry];
                    decided[at] = 1.0;
                    zero[at] = f32::from(verdicts[entry] == ZeroVerdict::Zero.code());
                }
                at += 1;
            }
        }
    }
    let [per_decided, per_zero] = counts.map(|n| inputs as f64 / (columns.len() * n.max(1)) as f64);
    let tensor = |values| place.tensor(values, shape);
    Truth { jacobian: tensor(jacobian), decided: tensor(decided), zero: tensor(zero), per_decided, per_zero }
}
