//! Some states of the data as tensors.

use burn_tensor::Tensor;

use super::LearnError;
use super::data::Data;
use super::manifold::TangentChain;
use super::models::Input;
use super::place::Place;
use super::truths::Truths;
use crate::zero::ZeroVerdict;

/// States with their truth.
#[derive(Debug, Clone)]
pub struct Batch {
    /// What a network sees.
    pub input: Input,
    /// What a network should say, normalised, [batch, outputs]: the next state, or what the target has in its place.
    pub next: Tensor<2>,
    /// The true Jacobian, where it was asked for.
    pub truth: Option<Truth>,
    /// What gates are taught by, where it was asked for.
    pub marks: Option<Marks>,
}

/// Where outputs depend on features, as far as it is known.
#[derive(Debug, Clone)]
pub struct Marks {
    /// 1 where an output depends on a feature, [batch, outputs, features]; 0 where it does not, or nobody knows.
    pub open: Tensor<3>,
    /// 1 where one of the two is known of a state that has a derivative.
    pub known: Tensor<3>,
    /// 1 / known entries.
    pub per_known: f64,
}

/// The true Jacobian along the directions of a batch, which are its columns.
#[derive(Debug, Clone)]
pub struct Truth {
    /// J*, [direction, batch, rows]; 0 where it is undecided or the state has none.
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
    /// Tangent coordinates to differentiate by; None: no derivatives.
    pub columns: Option<&'a [usize]>,
    /// The true Jacobian along them.
    pub truth: bool,
    /// The true mask as an input.
    pub mask: bool,
    /// The true mask as what gates are taught by.
    pub marks: bool,
}

/// Builds a batch of the steps of these numbers.
///
/// # Errors
/// As [`Data::truths`].
pub fn assemble(data: &Data, steps: &[usize], wanted: Wanted<'_>, place: &Place) -> Result<Batch, LearnError> {
    let rows: Vec<&[f64]> = steps.iter().map(|step| data.row(*step)).collect();
    let goal = |(step, row): (&usize, &&[f64])| data.coordinates.normal_goal(&data.norm, row, data.after(*step));
    let next: Vec<f32> = steps.iter().zip(&rows).flat_map(goal).map(|y| y as f32).collect();
    let columns = wanted.columns.filter(|_| wanted.truth);
    let truths = if wanted.mask || wanted.marks || columns.is_some() { data.truths(steps)? } else { Truths::default() };
    let truth = columns.map(|columns| truth(data, steps, &truths, columns, place));
    let mut input = seen(data, &rows, wanted.columns, place);
    input.mask = wanted.mask.then(|| mask(data, &truths, place));
    let marks = wanted.marks.then(|| marks(data, steps, &truths, place));
    let next = place.tensor(next, [steps.len(), data.coordinates.outputs()]);
    Ok(Batch { input, next, truth, marks })
}

/// What a network sees of states, which need not be those of the recording, without a mask.
pub(super) fn seen(data: &Data, rows: &[&[f64]], columns: Option<&[usize]>, place: &Place) -> Input {
    let (coordinates, features) = (&data.coordinates, data.coordinates.inputs());
    let x = rows.iter().flat_map(|row| coordinates.normal(&data.norm, row)).map(|z| z as f32).collect();
    let directions = columns.map(|columns| {
        // Where features are the coordinates, all states share the directions.
        let own = if coordinates.copies() { &rows[..rows.len().min(1)] } else { rows };
        let mut seeds = vec![0.0; columns.len() * own.len() * features];
        for (seeds, column) in seeds.chunks_mut((own.len() * features).max(1)).zip(columns) {
            for (seeds, row) in seeds.chunks_mut(features.max(1)).zip(own) {
                coordinates.add_direction(&data.norm, row, *column, seeds);
            }
        }
        place.tensor64(seeds, [columns.len(), own.len(), 1, features])
    });
    let chain = columns.and_then(|columns| TangentChain::new(coordinates, &data.norm, rows, columns, place));
    Input { x: place.tensor(x, [rows.len(), features]), mask: None, directions, chain }
}

/// 1 where the truth lets an output see a feature, [batch, outputs, features].
fn mask(data: &Data, truths: &Truths, place: &Place) -> Tensor<3> {
    let (inputs, features, outputs) = (data.inputs(), data.coordinates.inputs(), data.coordinates.outputs());
    let open = |verdict: u8| verdict != ZeroVerdict::Zero.code();
    let mut values: Vec<f32> = Vec::with_capacity(truths.len() * outputs * features);
    match data.coordinates.ties() {
        None => values.extend(truths.all_verdicts().iter().map(|v| f32::from(open(*v)))),
        Some(ties) => {
            for at in 0..truths.len() {
                let verdicts = truths.verdicts(at);
                let entry = |[row, column]: &[usize; 2]| open(verdicts[row * inputs + column]);
                let sees = |window: &Option<Vec<[usize; 2]>>| window.as_ref().is_none_or(|w| w.iter().any(entry));
                values.extend(ties.windows.iter().map(|window| f32::from(sees(window))));
            }
        }
    }
    place.tensor(values, [truths.len(), outputs, features])
}

/// See [`Marks`]. What a network may always see is open; of a feature of several columns one that counts is enough.
fn marks(data: &Data, steps: &[usize], truths: &Truths, place: &Place) -> Marks {
    let (inputs, features, outputs) = (data.inputs(), data.coordinates.inputs(), data.coordinates.outputs());
    let (mut open, mut known) = (Vec::new(), Vec::new());
    for (at, step) in steps.iter().enumerate() {
        let (verdicts, counts) = (truths.verdicts(at), data.has_derivative(*step));
        let mut mark = |found: Option<bool>| {
            let found = found.filter(|_| counts);
            open.push(f32::from(found == Some(true)));
            known.push(f32::from(found.is_some()));
        };
        match data.coordinates.ties() {
            None => verdicts.iter().for_each(|verdict| mark(depends([*verdict].into_iter()))),
            Some(ties) => {
                let entry = |[row, column]: &[usize; 2]| verdicts[row * inputs + column];
                let of = |window: &Option<Vec<[usize; 2]>>| {
                    window.as_ref().map_or(Some(true), |entries| depends(entries.iter().map(entry)))
                };
                ties.windows.iter().for_each(|window| mark(of(window)));
            }
        }
    }
    let per_known = 1.0 / known.iter().filter(|k| **k > 0.0).count().max(1) as f64;
    let shape = [steps.len(), outputs, features];
    Marks { open: place.tensor(open, shape), known: place.tensor(known, shape), per_known }
}

/// Whether one of some entries is not zero; None where that is not known.
fn depends(verdicts: impl Iterator<Item = u8>) -> Option<bool> {
    let mut all_zero = true;
    for verdict in verdicts {
        if verdict == ZeroVerdict::Nonzero.code() {
            return Some(true);
        }
        all_zero &= verdict == ZeroVerdict::Zero.code();
    }
    all_zero.then_some(false)
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
