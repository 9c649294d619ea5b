//! Who predicts what interventions change.

use burn_tensor::Tensor;

use super::super::LearnError;
use super::super::batch::{Wanted, assemble};
use super::super::data::Data;
use super::super::models::{Input, Network, predict};
use super::super::place::{self, Place};
use super::super::score::Prediction;
use super::file::FinitePrediction;
use super::study::Graph;

/// A prediction of changes.
pub(super) trait Predictor {
    /// What it is called.
    fn name(&self) -> String;

    /// Whether it says how large changes are; else only which are likely.
    fn has_sizes(&self) -> bool {
        true
    }

    /// Changes in standard deviations of the data at the row and the sizes of a graph, [sign, output, input]; of signs that were not
    /// applied any numbers.
    ///
    /// # Errors
    /// [`LearnError`] where there are none.
    fn changes(&mut self, data: &Data, graph: &Graph) -> Result<Vec<f64>, LearnError>;
}

/// A network that is asked for x' with and without the intervention, in double precision: a difference of single ones has their rounding.
pub(super) struct OfNetwork<'a> {
    model: &'a dyn Network,
    weights: Vec<Tensor<2>>,
    place: Place,
}

impl<'a> OfNetwork<'a> {
    pub(super) fn new(model: &'a dyn Network, weights: &[Tensor<2>]) -> Result<Self, LearnError> {
        let place = Place::cpu64();
        let double = |w: &Tensor<2>| Ok(place.tensor64(place::numbers(w.clone())?, w.dims()));
        let weights = weights.iter().map(double).collect::<Result<_, LearnError>>()?;
        Ok(Self { model, weights, place })
    }
}

impl Predictor for OfNetwork<'_> {
    fn name(&self) -> String {
        "its next states".to_owned()
    }

    fn changes(&mut self, data: &Data, graph: &Graph) -> Result<Vec<f64>, LearnError> {
        let (coordinates, norm) = (&data.coordinates, &data.norm);
        let (nx, inputs, base) = (data.outputs(), data.inputs(), data.row(graph.step));
        // Moved by nothing too, so that all quaternions are scaled to length 1 in the same way.
        let mut rows = vec![moved(data, base, 0, 0.0)];
        rows.extend(graph.applied.iter().enumerate().map(|(at, by)| moved(data, base, at % inputs, *by)));
        let z: Vec<f64> = rows.iter().flat_map(|row| coordinates.normal(norm, row)).collect();
        let x = self.place.tensor64(z, [rows.len(), coordinates.inputs()]);
        // Of the intervened states no mask is known: a network that is given one keeps that of the row.
        let mask = if self.model.needs_mask() {
            let wanted = Wanted { mask: true, ..Wanted::default() };
            assemble(data, &vec![graph.step; rows.len()], wanted, &self.place)?.input.mask
        } else {
            None
        };
        let input = Input { x, mask, directions: None, chain: None };
        let said = place::numbers(predict(self.model, &self.weights, &input)?.0)?;
        let mut outputs = said.chunks(coordinates.outputs().max(1));
        let mut next = |row: &Vec<f64>| coordinates.next(norm, row, outputs.next().unwrap_or_default());
        let without = next(&rows[0]);
        let mut changes = vec![0.0; 2 * nx * inputs];
        for (at, row) in rows[1..].iter().enumerate() {
            let (sign, j) = (at / inputs, at % inputs);
            for (i, x) in coordinates.apart(&without, &next(row)).into_iter().enumerate() {
                changes[(sign * nx + i) * inputs + j] = x / norm.std[i];
            }
        }
        Ok(changes)
    }
}

/// A state of the data with an input changed: of the tangent state along it, of the controls by adding to them.
fn moved(data: &Data, row: &[f64], input: usize, by: f64) -> Vec<f64> {
    let mut along = vec![0.0; data.outputs()];
    if let Some(along) = along.get_mut(input) {
        *along = by;
    }
    let mut moved = data.coordinates.moved(row, &along);
    let controls = moved.len();
    moved.extend_from_slice(&row[controls..]);
    if let Some(control) = input.checked_sub(data.outputs()) {
        moved[controls + control] += by;
    }
    moved
}

/// Jacobians times the sizes that were applied.
pub(super) struct OfJacobians {
    pub(super) name: &'static str,
    /// Steps, rising, and Jacobians of the normalised map at them, [step, output, input].
    pub(super) steps: Vec<usize>,
    pub(super) values: Vec<f32>,
}

impl Predictor for OfJacobians {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn changes(&mut self, data: &Data, graph: &Graph) -> Result<Vec<f64>, LearnError> {
        let per = data.outputs() * data.inputs();
        let at = self.steps.iter().position(|step| *step == graph.step);
        let values = at.map(|at| &self.values[at * per..(at + 1) * per]);
        let values = values.ok_or_else(|| missing("a Jacobian", graph.step))?;
        Ok(times(data, graph, |entry| f64::from(values[entry])))
    }
}

/// The recorded Jacobian times the sizes that were applied: what a study takes the place of.
pub(super) struct OfRecording;

impl Predictor for OfRecording {
    fn name(&self) -> String {
        "recorded Jacobian times size".to_owned()
    }

    fn changes(&mut self, data: &Data, graph: &Graph) -> Result<Vec<f64>, LearnError> {
        Ok(times(data, graph, |entry| graph.jacobian[entry]))
    }
}

/// J_ij delta_j, [sign, output, input]; J of the normalised map.
fn times(data: &Data, graph: &Graph, jacobian: impl Fn(usize) -> f64) -> Vec<f64> {
    let (inputs, per) = (data.inputs(), data.outputs() * data.inputs());
    let of = |at: usize| {
        let (sign, entry) = (at / per, at % per);
        let j = entry % inputs;
        jacobian(entry) * graph.applied[sign * inputs + j] / data.norm.std[j]
    };
    (0..2 * per).map(of).collect()
}

/// Everything changes by one standard deviation.
pub(super) struct Ones;

impl Predictor for Ones {
    fn name(&self) -> String {
        "everything changes".to_owned()
    }

    fn changes(&mut self, data: &Data, _: &Graph) -> Result<Vec<f64>, LearnError> {
        Ok(vec![1.0; 2 * data.outputs() * data.inputs()])
    }
}

/// Changes out of a file.
pub(super) struct OfFile<'a> {
    pub(super) file: &'a FinitePrediction,
    /// The place of the size among those of the study.
    pub(super) size: usize,
}

impl Predictor for OfFile<'_> {
    fn name(&self) -> String {
        "its changes".to_owned()
    }

    fn changes(&mut self, data: &Data, graph: &Graph) -> Result<Vec<f64>, LearnError> {
        self.file.changes(data, graph, self.size)
    }
}

/// How likely each entry is an edge, out of a file.
pub(super) struct OfEdges<'a>(pub(super) &'a Prediction);

impl Predictor for OfEdges<'_> {
    fn name(&self) -> String {
        "its edges".to_owned()
    }

    fn has_sizes(&self) -> bool {
        false
    }

    fn changes(&mut self, data: &Data, graph: &Graph) -> Result<Vec<f64>, LearnError> {
        let per = data.outputs() * data.inputs();
        let at = self.0.steps.iter().position(|step| *step == graph.step);
        let edges = at.and_then(|at| self.0.values.get(at * per..(at + 1) * per));
        let edges = edges.ok_or_else(|| missing("edges", graph.step))?;
        Ok([edges, edges].concat().into_iter().map(f64::from).collect())
    }
}

fn missing(what: &str, step: usize) -> LearnError {
    LearnError::Settings(format!("the prediction has no {what} of step {step}, which it predicts changes of"))
}
