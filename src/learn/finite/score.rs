//! Predicted changes against a study.

use serde::{Deserialize, Serialize};

use super::super::LearnError;
use super::super::data::{Data, MEMORY, Part, evenly};
use super::super::evaluate::{FIXED, Habits, Recovered, Sparsity, decided, jacobians, recovered_of, steps_of};
use super::super::place::Place;
use super::super::score::EDGE;
use super::super::train::Trained;
use super::super::truths::Truths;
use super::file::FinitePrediction;
use super::predict::{OfEdges, OfFile, OfJacobians, OfNetwork, OfRecording, Ones, Predictor};
use super::study::{FiniteTruth, Graph, StudySize};

/// Bytes of an entry and a row: a number and a verdict of the truth, and numbers of what is predicted.
const ENTRY: usize = 5 + 4 * 4;

/// Predictions against interventions of one size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FiniteScore {
    /// The size.
    #[serde(with = "crate::number")]
    pub size: f64,
    /// Its unit.
    pub unit: String,
    /// Rows that are scored.
    pub states: usize,
    /// Rows of the study.
    pub of: usize,
    /// Entries that are decided.
    pub entries: usize,
    /// Of the model first, then of what it is held against.
    pub predictors: Vec<FinitePredictor>,
}

impl FiniteScore {
    /// Share of the decided entries that the interventions do not change.
    pub fn unchanged(&self) -> Option<f64> {
        let all = self.predictors.first()?.recovered.groups.first()?;
        (all.entries > 0).then(|| all.zeros as f64 / all.entries as f64)
    }
}

/// What a prediction of changes is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinitePredictor {
    /// What is predicted.
    pub name: String,
    /// Of the sizes of changes; None where edges are predicted.
    #[serde(default)]
    pub error: Option<ChangeError>,
    /// Shares of entries that change by less than 1e-6 standard deviations; None where edges are predicted.
    #[serde(default)]
    pub sparsity: Option<Sparsity>,
    /// How well the size of a change tells changed entries from others.
    pub recovered: Recovered,
}

/// Error of predicted changes over decided entries, signs apart, in standard deviations of the data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChangeError {
    /// Root of the mean square of predicted minus simulated change.
    #[serde(with = "crate::number")]
    pub rmse: f64,
    /// Mean of its absolute value.
    #[serde(with = "crate::number")]
    pub mae: f64,
    /// Norm of predicted minus simulated change by that of the simulated one; None where nothing changes. Where something jumps, as when a
    /// contact begins, most of both norms is of that.
    #[serde(default, with = "crate::number")]
    pub relative: Option<f64>,
    /// The same of each intervention (a row, a sign and an input) by itself, the median.
    #[serde(default, with = "crate::number")]
    pub median: Option<f64>,
}

/// Scores a network's predictions under intervention: on rows of the part, at most `states` of them, evenly apart.
///
/// # Errors
/// [`LearnError`] where no row of the study lies in the part, the size is none of the study's, or a prediction is not finite.
pub fn score_network(
    trained: &Trained,
    data: &Data,
    part: Option<Part>,
    (truth, size): (&FiniteTruth, Option<&StudySize>),
    states: usize,
    place: &Place,
) -> Result<Vec<FiniteScore>, LearnError> {
    truth.has_rows_in(data, part)?;
    let rows: Vec<[usize; 2]> =
        evenly(&truth.rows_in(data, part), states).into_iter().map(|row| truth.rows()[row]).collect();
    let steps: Vec<usize> = rows.iter().map(|[_, step]| *step).collect();
    let values = jacobians(&*trained.model, &trained.weights, data, &steps, place)?;
    let (mut network, mut recorded, mut ones) = (OfNetwork::new(&*trained.model, &trained.weights)?, OfRecording, Ones);
    let mut own = OfJacobians { name: "its Jacobian times size", steps, values };
    let of = |size| score(data, (truth, size), &rows, &mut [&mut network, &mut own, &mut recorded, &mut ones]);
    truth.places(size)?.into_iter().map(of).collect()
}

/// Scores what a file predicts under intervention, on the rows that it predicts.
///
/// # Errors
/// [`LearnError`] where it predicts nothing of a size, or a prediction is not finite.
pub fn score_interventions(
    data: &Data,
    truth: &FiniteTruth,
    size: Option<&StudySize>,
    file: &FinitePrediction,
) -> Result<Vec<FiniteScore>, LearnError> {
    let places = match size {
        Some(_) => truth.places(size)?,
        None => file.sizes().map_or_else(|| truth.places(None), |sizes| Ok(sizes.to_vec()))?,
    };
    let of = |size: usize| {
        let mut changes = OfFile { file, size };
        let jacobians = file.beside.as_ref().filter(|prediction| prediction.jacobian);
        let mut own = jacobians.map(|prediction| OfJacobians {
            name: "its Jacobian times size",
            steps: prediction.steps.clone(),
            values: prediction.values.clone(),
        });
        let mut edges = file.beside.as_ref().filter(|prediction| !prediction.jacobian).map(OfEdges);
        let (mut recorded, mut ones) = (OfRecording, Ones);
        let mut all: Vec<&mut dyn Predictor> = Vec::new();
        if file.has_changes() {
            all.push(&mut changes);
        }
        own.iter_mut().for_each(|own| all.push(own));
        edges.iter_mut().for_each(|edges| all.push(edges));
        all.extend([&mut recorded as &mut dyn Predictor, &mut ones]);
        score(data, (truth, size), file.rows(), &mut all)
    };
    places.into_iter().map(of).collect()
}

/// Sums of the errors of one predictor.
#[derive(Debug, Default)]
struct Sums {
    scores: Vec<f32>,
    square: f64,
    absolute: f64,
    /// By intervention that changes something, in any order.
    ratios: Vec<f32>,
}

impl Sums {
    /// Takes predicted changes at a row, those that are `seen`.
    fn add(&mut self, graph: &Graph, found: &[f64], seen: &[usize]) {
        let (per, inputs) = (graph.verdicts.len(), graph.applied.len() / 2);
        self.scores.extend(graph.largest(found));
        let mut by_intervention = vec![[0.0; 2]; 2 * inputs];
        for at in seen {
            let off = found[*at] - graph.change[*at];
            self.square += off * off;
            self.absolute += off.abs();
            let [own, all] = &mut by_intervention[at / per * inputs + at % inputs];
            *own += off * off;
            *all += graph.change[*at].powi(2);
        }
        let changed = by_intervention.iter().filter(|[_, all]| *all > 0.0);
        self.ratios.extend(changed.map(|[own, all]| (own / all).sqrt() as f32));
    }

    /// Of `n` changes whose squares sum up to `of_truth`.
    fn error(&self, n: usize, of_truth: f64) -> ChangeError {
        let mut sorted = self.ratios.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let count = n.max(1) as f64;
        ChangeError {
            rmse: (self.square / count).sqrt(),
            mae: self.absolute / count,
            relative: (of_truth > 0.0).then(|| (self.square / of_truth).sqrt()),
            median: sorted.get(sorted.len() / 2).map(|x| f64::from(*x)),
        }
    }
}

fn score(
    data: &Data,
    (truth, size): (&FiniteTruth, usize),
    rows: &[[usize; 2]],
    predictors: &mut [&mut dyn Predictor],
) -> Result<FiniteScore, LearnError> {
    let per = data.outputs() * data.inputs();
    let bytes = rows.len().saturating_mul(per).saturating_mul(ENTRY);
    if bytes as u64 > MEMORY {
        let text =
            format!("{} rows of {per} entries are more than can be scored at once: study fewer rows", rows.len());
        return Err(truth.refuse(text));
    }
    let mut sums: Vec<Sums> = predictors.iter().map(|_| Sums::default()).collect();
    let (mut values, mut verdicts) = (Vec::with_capacity(rows.len() * per), Vec::with_capacity(rows.len() * per));
    let (mut of_truth, mut n) = (0.0, 0usize);
    for row in rows {
        let graph = truth.graph(data, *row, size)?;
        values.extend(graph.largest(&graph.change));
        verdicts.extend_from_slice(&graph.verdicts);
        let seen: Vec<usize> = (0..2 * per).filter(|at| graph.counts(*at)).collect();
        of_truth += seen.iter().map(|at| graph.change[*at].powi(2)).sum::<f64>();
        n += seen.len();
        for (predictor, sums) in predictors.iter_mut().zip(&mut sums) {
            let found = predictor.changes(data, &graph)?;
            if let Some(at) = seen.iter().find(|at| !found[**at].is_finite()) {
                let (name, j) = (predictor.name(), at % data.inputs());
                let by = graph.applied[at / per * data.inputs() + j];
                return Err(LearnError::Settings(format!(
                    "{name}: what is predicted of step {} under an intervention on input {j} by {by:e} is not finite; give a number for \
                     every intervention of the study",
                    graph.step
                )));
            }
            sums.add(&graph, &found, &seen);
        }
    }
    let truths = Truths::of(per, values, verdicts);
    let habits = habits(data, truth, size)?;
    let steps: Vec<usize> = rows.iter().map(|[_, step]| *step).collect();
    let mut found = Vec::new();
    for (predictor, sums) in predictors.iter().zip(&sums) {
        let sized = predictor.has_sizes();
        let fixed: &[f64] = if sized { &FIXED } else { &EDGE };
        found.push(FinitePredictor {
            name: predictor.name(),
            error: sized.then(|| sums.error(n, of_truth)),
            sparsity: sized.then(|| Sparsity::of(&truths, &sums.scores, None)),
            recovered: recovered_of(data, &habits, &steps, (&truths, &sums.scores), fixed, None),
        });
    }
    Ok(FiniteScore {
        size: truth.sizes()[size],
        unit: truth.unit().to_owned(),
        states: rows.len(),
        of: truth.all_rows(),
        entries: decided(&truths),
        predictors: found,
    })
}

/// Which entries of the study's graphs change with the state: over its rows in the training episodes.
fn habits(data: &Data, truth: &FiniteTruth, size: usize) -> Result<Habits, LearnError> {
    let train = steps_of(data, Some(Part::Train));
    let mut found = Habits::new(data);
    for [row, step] in truth.rows() {
        if train.binary_search(step).is_ok() {
            found.look(&truth.verdicts(data, *row, size)?);
        }
    }
    Ok(found)
}
