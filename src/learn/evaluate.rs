//! How good a network is: the next state, the Jacobian, and which entries of it are zero.

use burn_tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::LearnError;
use super::baseline::{Baseline, baselines};
use super::batch::{Wanted, assemble, seen};
use super::data::{Data, Part, evenly};
use super::gate_score::gate_groups;
use super::metrics::{self, Cut};
use super::models::{Network, predict};
use super::place::{self, Place};
use super::strip::{self, Strip};
use super::train::{CHUNK, Trained};
use super::truths::Truths;
use crate::zero::ZeroVerdict;

/// Relative sparsity counts entries of the normalised Jacobian below this, as arXiv 2511.08086 does.
pub(super) const SPARSITY_THRESHOLD: f64 = 1e-6;

/// Fixed thresholds of |J|.
pub const FIXED: [f64; 3] = [1e-6, 1e-4, 1e-2];

/// The group of all entries.
pub const ALL: &str = "all";

/// The group of entries that are zero at some training states and not at others.
pub const VARYING: &str = "entries that depend on the state";

/// Groups by time to the nearest step at which the set of touching geoms changes.
pub const BY_TIME: [&str; 4] = [
    "0 to 1 steps from a switch",
    "2 to 5 steps from a switch",
    "6 to 20 steps from a switch",
    "farther from a switch",
];

/// Horizons of open-loop prediction, in steps.
pub(super) const HORIZONS: [usize; 3] = [5, 20, 100];

/// States that an open-loop prediction starts from at most.
const STARTS: usize = 128;

/// States whose next state is predicted together.
const NEXT_CHUNK: usize = 512;

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Part of the recording: `test`, or `all` of another recording.
    pub part: String,
    /// Of the next state.
    pub next: NextError,
    /// What the numbers below stand on.
    pub judged: Judged,
    /// Of the Jacobian.
    pub jacobian: JacobianError,
    /// Shares of entries below `SPARSITY_THRESHOLD` (1e-6).
    pub sparsity: Sparsity,
    /// Which entries are zero.
    pub recovered: Recovered,
    /// The same by the probabilities of its gates, where it has some: all entries, and those that depend on the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<Vec<EntryGroup>>,
    /// True and learned verdicts along a stretch of an episode, where there is a threshold.
    #[serde(default)]
    pub strip: Option<Strip>,
    /// The same numbers of predictions that nothing has learned.
    #[serde(default)]
    pub baselines: Vec<Baseline>,
    /// Coordinates that never change in the training episodes: their rows and columns are in no score.
    #[serde(default)]
    pub still: Vec<String>,
}

/// The states whose Jacobian is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// States scored: of those with a derivative, evenly apart.
    pub states: usize,
    /// Their entries that are decided.
    pub entries: usize,
    /// States of the part that have a derivative.
    pub usable: usize,
    /// States of the part.
    pub all: usize,
}

/// Error of the next state, whatever a network's target is; in standard deviations of the training data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NextError {
    /// Mean square over all tangent coordinates that change; of an orientation they are the turn that is missing.
    #[serde(with = "crate::number")]
    pub mse: f64,
    /// Of positions, velocities and activations; None where there are none.
    #[serde(with = "crate::number")]
    pub blocks: [Option<f64>; 3],
    /// The same of a prediction that nothing changes.
    #[serde(with = "crate::number")]
    pub persistence: f64,
    /// Open loop: the network's own predictions and the recorded actions.
    pub open_loop: Vec<OpenLoop>,
}

/// After a number of steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OpenLoop {
    /// Steps.
    pub horizon: usize,
    /// Root of the mean square over coordinates and starts; None where it is not finite.
    #[serde(default, with = "crate::number")]
    pub rmse: Option<f64>,
    /// The same of a prediction that nothing changes.
    #[serde(with = "crate::number")]
    pub persistence: f64,
    /// Starts.
    pub starts: usize,
}

/// Error of the normalised Jacobian over decided entries of states that have one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct JacobianError {
    /// States.
    pub states: usize,
    /// Root of the mean square of J - J*.
    #[serde(with = "crate::number")]
    pub rmse: f64,
    /// Mean of |J - J*|.
    #[serde(with = "crate::number")]
    pub mae: f64,
    /// Norm of J - J* by the norm of J*.
    #[serde(default, with = "crate::number")]
    pub relative: Option<f64>,
}

/// Relative sparsity: shares of the decided entries, all of the same ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sparsity {
    /// Of the network.
    #[serde(with = "crate::number")]
    pub model: f64,
    /// Of the truth, by its zero test.
    #[serde(with = "crate::number")]
    pub target: f64,
    /// Of the truth by the rule of the network, |J*| below the threshold.
    #[serde(with = "crate::number")]
    pub target_small: f64,
    /// Of the network before training; None where it is not known.
    #[serde(default, with = "crate::number")]
    pub untrained: Option<f64>,
}

/// How well |J| tells edges from zeros.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recovered {
    /// The threshold of best mean F1 on the validation episodes.
    #[serde(default, with = "crate::number")]
    pub threshold: Option<f64>,
    /// By group of states or entries; the first is all.
    pub groups: Vec<EntryGroup>,
    /// All, over a range of thresholds.
    pub curve: Vec<Cut>,
}

/// A group of states or entries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntryGroup {
    /// Which.
    pub name: String,
    /// States with an entry in it.
    pub states: usize,
    /// Entries.
    pub entries: usize,
    /// Of these, zero in truth.
    pub zeros: usize,
    /// See [`metrics::roc_auc`]; None without both zeros and edges.
    #[serde(default, with = "crate::number")]
    pub roc_auc: Option<f64>,
    /// See [`metrics::pr_auc`], of edges.
    #[serde(default, with = "crate::number")]
    pub pr_auc: Option<f64>,
    /// Of zeros, which are fewer.
    #[serde(default, with = "crate::number")]
    pub pr_auc_zeros: Option<f64>,
    /// At the fixed thresholds, then at the best one of the validation episodes.
    pub cuts: Vec<Cut>,
}

/// Evaluates a network on a part of the data: at most `states` states for Jacobians, all for the next state.
///
/// # Errors
/// [`LearnError::Library`]; [`LearnError::Settings`] where no state has a Jacobian.
pub fn evaluate(
    trained: &Trained,
    data: &Data,
    part: Option<Part>,
    states: usize,
    place: &Place,
) -> Result<Evaluation, LearnError> {
    let model = &*trained.model;
    let usable = |steps: Vec<usize>| -> Vec<usize> { steps.into_iter().filter(|s| data.has_derivative(*s)).collect() };
    let all = part.map_or_else(|| (0..data.len()).collect(), |part| data.steps(part));
    let mut judged = Judged { states: 0, entries: 0, usable: 0, all: all.len() };
    let there = usable(all);
    let chosen = evenly(&there, states);
    (judged.states, judged.usable) = (chosen.len(), there.len());
    if chosen.is_empty() {
        return Err(LearnError::Settings("no state of the test episodes has a Jacobian".to_owned()));
    }
    let jacobians = |steps: &[usize], weights: &[Tensor<2>]| jacobians(model, weights, data, steps, place);
    let found = jacobians(&chosen, &trained.weights)?;
    let untrained = jacobians(&chosen, &trained.untrained(place))?;
    let threshold = if part == Some(Part::Test) {
        let steps = evenly(&usable(data.steps(Part::Validation)), states.min(256));
        let values = jacobians(&steps, &trained.weights)?;
        best_threshold(&Entries::of(&data.truths(&steps)?, &steps, &values, |_, _| true))
    } else {
        None
    };
    let truths = data.truths(&chosen)?;
    judged.entries = decided(&truths);
    let strip = match (threshold, strip::window(data, part)?) {
        (Some(threshold), Some(window)) => {
            let steps: Vec<usize> = window.steps.clone().collect();
            Some(window.read(data, &jacobians(&steps, &trained.weights)?, threshold))
        }
        _ => None,
    };
    Ok(Evaluation {
        part: if part.is_some() { "test" } else { "all" }.to_owned(),
        next: next_error(model, &trained.weights, data, part, place)?,
        judged,
        jacobian: jacobian_error(&truths, &found),
        sparsity: Sparsity::of(&truths, &found, Some(&untrained)),
        recovered: recovered(data, &chosen, &truths, &found, &FIXED, threshold)?,
        gates: gate_groups((model, &trained.weights), data, &chosen, &truths, place)?,
        strip,
        baselines: baselines(data, part, &chosen, &truths, place)?,
        still: data.still(),
    })
}

/// Jacobians at steps, [step, outputs, inputs].
pub(super) fn jacobians(
    model: &dyn Network,
    weights: &[Tensor<2>],
    data: &Data,
    steps: &[usize],
    place: &Place,
) -> Result<Vec<f32>, LearnError> {
    let columns: Vec<usize> = (0..data.inputs()).collect();
    let mut all = Vec::with_capacity(steps.len() * data.outputs() * data.inputs());
    for chunk in steps.chunks(CHUNK) {
        let wanted = Wanted { columns: Some(&columns), mask: model.needs_mask(), ..Wanted::default() };
        let batch = assemble(data, chunk, wanted, place)?;
        let (_, jacobian) = predict(model, weights, &batch.input)?;
        let jacobian = jacobian.ok_or_else(|| LearnError::Library("a network gave no derivatives".to_owned()))?;
        // [direction, batch, output] to [batch, output, direction]
        all.extend(place::numbers32(jacobian.permute([1, 2, 0]))?);
    }
    Ok(all)
}

/// Decided entries.
pub(super) fn decided(truths: &Truths) -> usize {
    truths.all_verdicts().iter().filter(|v| **v != ZeroVerdict::Undecided.code()).count()
}

impl Sparsity {
    /// Of Jacobians [step, outputs, inputs] beside those of the same steps.
    pub(super) fn of(truths: &Truths, found: &[f32], untrained: Option<&[f32]>) -> Self {
        let verdicts = truths.all_verdicts();
        let entries = decided(truths).max(1) as f64;
        let small = |values: &[f32]| {
            let known = values.iter().zip(verdicts).filter(|(_, v)| **v != ZeroVerdict::Undecided.code());
            known.filter(|(j, _)| f64::from(j.abs()) < SPARSITY_THRESHOLD).count() as f64 / entries
        };
        let zeros = verdicts.iter().filter(|v| **v == ZeroVerdict::Zero.code()).count();
        Self {
            model: small(found),
            target: zeros as f64 / entries,
            target_small: small(truths.all_jacobians()),
            untrained: untrained.map(small),
        }
    }
}

/// Squares of errors of next states, by tangent coordinate.
pub(super) struct Squares<'a> {
    data: &'a Data,
    by_coordinate: Vec<f64>,
    n: usize,
}

impl<'a> Squares<'a> {
    pub(super) fn new(data: &'a Data) -> Self {
        Self { data, by_coordinate: vec![0.0; data.outputs()], n: 0 }
    }

    /// Of a predicted next state and the recorded one of a step.
    pub(super) fn add(&mut self, predicted: &[f64], step: usize) {
        let error = self.data.coordinates.error(&self.data.norm, predicted, self.data.after(step));
        self.by_coordinate.iter_mut().zip(error).for_each(|(sum, e)| *sum += e * e);
        self.n += 1;
    }

    /// Mean over those coordinates that change and whose names begin so; None where there are none.
    pub(super) fn mean(&self, tag: &str) -> Option<f64> {
        let names = self.data.state.iter().zip(&self.by_coordinate).enumerate();
        let own = names.filter(|(i, (name, _))| name.starts_with(tag) && !self.data.norm.still.contains(i));
        let of: Vec<f64> = own.map(|(_, (_, sum))| *sum).collect();
        (!of.is_empty()).then(|| of.iter().sum::<f64>() / (self.n.max(1) * of.len()) as f64)
    }

    /// Over all of them.
    pub(super) fn all(&self) -> f64 {
        self.mean("").unwrap_or(0.0)
    }
}

/// Steps of a part, or of all episodes.
pub(super) fn steps_of(data: &Data, part: Option<Part>) -> Vec<usize> {
    match part {
        Some(part) => data.steps(part),
        None => data.episodes.iter().cloned().flatten().collect(),
    }
}

fn next_error(
    model: &dyn Network,
    weights: &[Tensor<2>],
    data: &Data,
    part: Option<Part>,
    place: &Place,
) -> Result<NextError, LearnError> {
    let coordinates = &data.coordinates;
    let steps = steps_of(data, part);
    let (mut found, mut still) = (Squares::new(data), Squares::new(data));
    for chunk in steps.chunks(NEXT_CHUNK) {
        let wanted = Wanted { mask: model.needs_mask(), ..Wanted::default() };
        let batch = assemble(data, chunk, wanted, place)?;
        let said = place::numbers(predict(model, weights, &batch.input)?.0)?;
        for (step, outputs) in chunk.iter().zip(said.chunks(coordinates.outputs().max(1))) {
            found.add(&coordinates.next(&data.norm, data.row(*step), outputs), *step);
            still.add(data.row(*step), *step);
        }
    }
    Ok(NextError {
        mse: found.all(),
        blocks: ["pos:", "vel:", "act:"].map(|tag| found.mean(tag)),
        persistence: still.all(),
        open_loop: open_loop(model, weights, data, part, place)?,
    })
}

/// Where open-loop predictions start, and how long they are.
pub(super) fn starts(data: &Data, part: Option<Part>) -> (Vec<usize>, usize) {
    let episodes: Vec<_> = match part {
        Some(part) => data.part(part).collect(),
        None => data.episodes.clone(),
    };
    let longest = HORIZONS.into_iter().filter(|h| episodes.iter().any(|e| e.len() >= *h)).max().unwrap_or(0);
    let possible: Vec<usize> =
        episodes.iter().filter(|e| e.len() >= longest).flat_map(|e| e.start..=e.end - longest).collect();
    let n = if longest == 0 { 0 } else { STARTS.min(possible.len()) };
    ((0..n).map(|i| possible[i * possible.len() / n]).collect(), longest)
}

/// Predictions from predictions, all starts side by side; actions and mocap bodies are the recorded ones.
fn open_loop(
    model: &dyn Network,
    weights: &[Tensor<2>],
    data: &Data,
    part: Option<Part>,
    place: &Place,
) -> Result<Vec<OpenLoop>, LearnError> {
    let coordinates = &data.coordinates;
    let (starts, longest) = starts(data, part);
    let mut rows: Vec<Vec<f64>> = starts.iter().map(|start| data.row(*start).to_vec()).collect();
    let mut results = Vec::new();
    for ahead in 0..if starts.is_empty() { 0 } else { longest } {
        let now: Vec<usize> = starts.iter().map(|s| s + ahead).collect();
        for (row, step) in rows.iter_mut().zip(&now) {
            row[coordinates.after()..].copy_from_slice(&data.row(*step)[coordinates.after()..]);
        }
        let mut input = seen(data, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>(), None, place);
        if model.needs_mask() {
            let wanted = Wanted { mask: true, ..Wanted::default() };
            input.mask = assemble(data, &now, wanted, place)?.input.mask;
        }
        let said = place::numbers(predict(model, weights, &input)?.0)?;
        for (row, outputs) in rows.iter_mut().zip(said.chunks(coordinates.outputs().max(1))) {
            let next = coordinates.next(&data.norm, row, outputs);
            row[..next.len()].copy_from_slice(&next);
        }
        if HORIZONS.contains(&(ahead + 1)) {
            let (mut error, mut still) = (Squares::new(data), Squares::new(data));
            for ((start, now), row) in starts.iter().zip(&now).zip(&rows) {
                error.add(row, *now);
                still.add(data.row(*start), *now);
            }
            let rmse = Some(error.all().sqrt()).filter(|e| e.is_finite());
            let (horizon, persistence) = (ahead + 1, still.all().sqrt());
            results.push(OpenLoop { horizon, rmse, persistence, starts: starts.len() });
        }
    }
    Ok(results)
}

/// Of Jacobians [step, outputs, inputs] against those of the same steps.
pub fn jacobian_error(truths: &Truths, found: &[f32]) -> JacobianError {
    let (mut square, mut absolute, mut truth, mut n) = (0.0, 0.0, 0.0, 0usize);
    for at in 0..truths.len() {
        let values = &found[at * truths.per()..(at + 1) * truths.per()];
        for ((j, t), verdict) in values.iter().zip(truths.jacobian(at)).zip(truths.verdicts(at)) {
            if *verdict != ZeroVerdict::Undecided.code() {
                let off = f64::from(j - t);
                square += off * off;
                absolute += off.abs();
                truth += f64::from(*t).powi(2);
                n += 1;
            }
        }
    }
    let count = n.max(1) as f64;
    JacobianError {
        states: truths.len(),
        rmse: (square / count).sqrt(),
        mae: absolute / count,
        relative: (truth > 0.0).then(|| (square / truth).sqrt()),
    }
}

/// Decided entries with their scores.
struct Entries {
    scores: Vec<f32>,
    edges: Vec<bool>,
    states: usize,
}

impl Entries {
    /// Those of the entries (step, entry) that `take` takes.
    fn of(truths: &Truths, steps: &[usize], found: &[f32], take: impl Fn(usize, usize) -> bool) -> Self {
        let mut entries = Self { scores: Vec::new(), edges: Vec::new(), states: 0 };
        for (at, (step, values)) in steps.iter().zip(found.chunks(truths.per().max(1))).enumerate() {
            let before = entries.scores.len();
            for (entry, (j, verdict)) in values.iter().zip(truths.verdicts(at)).enumerate() {
                if *verdict != ZeroVerdict::Undecided.code() && take(*step, entry) {
                    entries.scores.push(j.abs());
                    entries.edges.push(*verdict == ZeroVerdict::Nonzero.code());
                }
            }
            entries.states += usize::from(entries.scores.len() > before);
        }
        entries
    }
}

fn best_threshold(entries: &Entries) -> Option<f64> {
    let both = entries.edges.iter().any(|e| *e) && entries.edges.iter().any(|e| !*e);
    let cuts = metrics::cuts(&entries.scores, &entries.edges, entries.states, &metrics::curve());
    both.then(|| cuts.into_iter().max_by(|a, b| a.macro_f1().total_cmp(&b.macro_f1())).map(|c| c.threshold))?
}

/// Whether an entry (step, entry) is in a group.
type Takes<'a> = &'a dyn Fn(usize, usize) -> bool;

/// What an entry does over the training episodes.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    AlwaysZero,
    NeverZero,
    Varies,
}

fn habits(data: &Data) -> Result<Habits, LearnError> {
    let mut found = Habits::new(data);
    let steps: Vec<usize> = data.part(Part::Train).flatten().filter(|s| data.has_derivative(*s)).collect();
    for chunk in steps.chunks(NEXT_CHUNK) {
        let truths = data.truths(chunk)?;
        (0..truths.len()).for_each(|at| found.look(truths.verdicts(at)));
    }
    Ok(found)
}

/// Which verdicts (nonzero, zero) each entry has had.
pub(super) struct Habits(Vec<[bool; 2]>);

impl Habits {
    /// Of the entries of a recording's Jacobians, none seen yet.
    pub(super) fn new(data: &Data) -> Self {
        Self(vec![[false; 2]; data.outputs() * data.inputs()])
    }

    /// Takes the verdicts of a state.
    pub(super) fn look(&mut self, verdicts: &[u8]) {
        for (seen, verdict) in self.0.iter_mut().zip(verdicts) {
            if let Some(seen) = seen.get_mut(usize::from(*verdict)) {
                *seen = true;
            }
        }
    }

    fn all(&self) -> Vec<Habit> {
        let habit = |seen: &[bool; 2]| match seen {
            [false, true] => Habit::AlwaysZero,
            [_, false] => Habit::NeverZero,
            [true, true] => Habit::Varies,
        };
        self.0.iter().map(habit).collect()
    }
}

/// How well |J|, [step, outputs, inputs] at steps, tells edges from zeros: all, by contact, by time to a switch, and by
/// whether an entry depends on the state.
///
/// # Errors
/// As [`Data::truths`].
pub fn recovered(
    data: &Data,
    steps: &[usize],
    truths: &Truths,
    found: &[f32],
    fixed: &[f64],
    threshold: Option<f64>,
) -> Result<Recovered, LearnError> {
    Ok(recovered_of(data, &habits(data)?, steps, (truths, found), fixed, threshold))
}

/// As [`recovered`], where entries depend on the state as `habits` says.
pub(super) fn recovered_of(
    data: &Data,
    habits: &Habits,
    steps: &[usize],
    (truths, found): (&Truths, &[f32]),
    fixed: &[f64],
    threshold: Option<f64>,
) -> Recovered {
    let habits = habits.all();
    let near = |step: usize| data.to_switch(step);
    let groups: [(&str, Takes<'_>); 9] = [
        (ALL, &|_, _| true),
        ("no contact", &|s, _| data.contacts(s) == 0),
        ("contact", &|s, _| data.contacts(s) > 0),
        (BY_TIME[0], &|s, _| near(s).is_some_and(|d| d <= 1)),
        (BY_TIME[1], &|s, _| near(s).is_some_and(|d| (2..=5).contains(&d))),
        (BY_TIME[2], &|s, _| near(s).is_some_and(|d| (6..=20).contains(&d))),
        (BY_TIME[3], &|s, _| near(s).is_none_or(|d| d > 20)),
        (VARYING, &|_, e| habits[e] == Habit::Varies),
        ("entries that do not", &|_, e| habits[e] != Habit::Varies),
    ];
    let thresholds: Vec<f64> = fixed.iter().copied().chain(threshold).collect();
    let mut curve = Vec::new();
    let groups = groups.iter().map(|(name, take)| {
        let entries = Entries::of(truths, steps, found, take);
        let Entries { scores, edges, states } = &entries;
        if *name == ALL {
            curve = metrics::cuts(scores, edges, *states, &metrics::curve());
        }
        let (negated, zeros): (Vec<f32>, Vec<bool>) = scores.iter().zip(edges).map(|(s, e)| (-s, !e)).unzip();
        EntryGroup {
            name: (*name).to_owned(),
            states: *states,
            entries: scores.len(),
            zeros: zeros.iter().filter(|z| **z).count(),
            roc_auc: metrics::roc_auc(scores, edges),
            pr_auc: metrics::pr_auc(scores, edges),
            pr_auc_zeros: metrics::pr_auc(&negated, &zeros),
            cuts: metrics::cuts(scores, edges, *states, &thresholds),
        }
    });
    let groups = groups.collect();
    Recovered { threshold, groups, curve }
}
