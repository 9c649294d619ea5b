//! Ablation: recordings of one task side by side, by what differs in how they were made.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Analysis, Matrix, paper};

/// Attributes that say how a recording was made, and not what came out or where.
const KEYS: [&str; 17] = [
    "step_kind",
    "engine",
    "difference",
    "eps",
    "solver",
    "policy",
    "seed",
    "timestep",
    "model_edits",
    "substeps",
    "integrator",
    "cone",
    "solver_max_iterations",
    "solver_ls_iterations",
    "solver_tolerance",
    "schema_version",
    "mujoco_version",
];

/// One recording of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// What differs, in the order of [`Comparison::keys`]; null where it does not say.
    pub values: Vec<Value>,
    /// Steps that count.
    pub samples: u64,
    /// By matrix: figures.
    pub figures: Vec<ComparedFigures>,
}

/// The main figures of one matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedFigures {
    /// The matrix.
    pub matrix: Matrix,
    /// Entries.
    pub entries: usize,
    /// Entries that are zero in every sample.
    pub always_zero: usize,
    /// Entries that are never nonzero, but undecided at least once.
    pub undecided: usize,
    /// Mean sparsity of a step.
    pub mean: f64,
    /// The same with the published threshold ([`paper::THRESHOLD`]) instead of the criterion; None where it was not among
    /// the thresholds.
    pub mean_published: Option<f64>,
    /// Mean share of undecided entries.
    pub mean_undecided: f64,
    /// Distinct patterns.
    pub patterns: usize,
    /// Entropy of the pattern, bits.
    pub entropy_bits: f64,
    /// Steps whose pattern differs from the one before, per step.
    pub event_rate: Option<f64>,
    /// The same per second of simulated time.
    pub events_per_second: Option<f64>,
    /// Switches per entry and step.
    pub switch_rate: Option<f64>,
    /// Mean length of a run of zero, steps.
    pub zero_run: Option<f64>,
    /// Mean length of a run of nonzero, steps.
    pub nonzero_run: Option<f64>,
    /// Share of the pattern's entropy that contact sets which recur explain beyond chance, see [`super::Chance`].
    pub explained_by_contacts: Option<f64>,
    /// Share that the constraint rows which act explain beyond chance.
    pub explained_by_constraints: Option<f64>,
}

/// Recordings of one task side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The task.
    pub task: String,
    /// Attributes that differ among them.
    pub keys: Vec<String>,
    /// The recordings.
    pub recordings: Vec<Compared>,
}

/// The main figures of a recording, by matrix.
pub fn figures(analysis: &Analysis) -> Vec<ComparedFigures> {
    let duration = analysis.subject.attributes.get("step_duration").and_then(Value::as_f64).filter(|d| *d > 0.0);
    let all = analysis.global.iter().zip(&analysis.state).zip(&analysis.temporal);
    let one = |((global, state), temporal): ((&super::GlobalSparsity, &super::StateDependence), &super::Temporal)| {
        let explained = |regime: &str| {
            let mut all = analysis.regimes.information.iter();
            all.find(|i| i.matrix == global.matrix && i.regime == regime)?.chance.as_ref()?.recurring.beyond
        };
        let mut thresholds =
            analysis.thresholds.iter().filter(|t| t.matrix == global.matrix).flat_map(|t| &t.thresholds);
        let published = thresholds.find(|t| t.threshold == paper::THRESHOLD);
        ComparedFigures {
            matrix: global.matrix,
            entries: global.entries,
            always_zero: global.zero,
            undecided: global.undecided,
            mean: state.mean,
            mean_published: published.map(|t| t.mean),
            mean_undecided: state.mean_undecided,
            patterns: state.patterns.distinct,
            entropy_bits: state.patterns.entropy_bits,
            event_rate: temporal.events.rate,
            events_per_second: temporal.events.rate.zip(duration).map(|(rate, d)| rate / d),
            switch_rate: temporal.events.switch_rate,
            zero_run: temporal.zero.mean,
            nonzero_run: temporal.nonzero.mean,
            explained_by_contacts: explained("contacts"),
            explained_by_constraints: explained("constraints"),
        }
    };
    all.map(one).collect()
}

/// A comparison for every task that has several recordings.
pub fn comparisons(analyses: &[Analysis]) -> Vec<Comparison> {
    let mut tasks: BTreeMap<&str, Vec<&Analysis>> = BTreeMap::new();
    for analysis in analyses {
        tasks.entry(&analysis.subject.task).or_default().push(analysis);
    }
    tasks.into_iter().filter(|(_, of)| of.len() > 1).map(|(task, of)| compare(task, &of)).collect()
}

fn compare(task: &str, analyses: &[&Analysis]) -> Comparison {
    let value = |analysis: &Analysis, key: &str| match key {
        "zero" => Value::String(analysis.criterion.to_string()),
        "masks" => Value::Bool(analysis.masks),
        _ => analysis.subject.attributes.get(key).cloned().unwrap_or(Value::Null),
    };
    let differs = |key: &&str| analyses.iter().any(|a| value(a, key) != value(analyses[0], key));
    let keys: Vec<&str> = ["zero", "masks"].into_iter().chain(KEYS).filter(differs).collect();
    Comparison {
        task: task.to_owned(),
        recordings: analyses
            .iter()
            .map(|analysis| Compared {
                name: analysis.subject.name.clone(),
                values: keys.iter().map(|key| value(analysis, key)).collect(),
                samples: analysis.selection.samples,
                figures: figures(analysis),
            })
            .collect(),
        keys: keys.into_iter().map(str::to_owned).collect(),
    }
}
