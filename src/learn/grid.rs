//! Many runs: every recording with every model, loss and seed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::baseline::CONSTANT_VELOCITY;
use super::data::{Data, MEMORY, Part, Split};
use super::evaluate::{ALL, EntryGroup, Evaluation, VARYING, evaluate};
use super::finite::{FiniteScore, FiniteTruth, finite_table, score_network};
use super::loss::Loss;
use super::manifold::{LearningTarget, StateFeatures};
use super::models::{MOST_DEPTH, ModelKind, ModelSpec, Space};
use super::place::{Backend, Place};
use super::stats::{self, Mean, Paired};
use super::train::{Look, RunSpec, Training, TrainingProgress, no_gates, train};
use super::{LearnError, files, tables};
use crate::analysis::table::Table;
use crate::bounded;
use crate::files::{Lock, sweep_up};
use crate::seal;

/// The file of a folder that holds the results of all its runs.
const RESULTS: &str = "results.json";

/// Runs of a grid, and entries of one of its lists, at most.
const MOST_RUNS: u64 = 100_000;
const MOST_IN_A_LIST: usize = 10_000;

/// What to run; also the format of a grid file (TOML).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Recordings; relative paths count from where the program runs.
    pub recordings: Vec<PathBuf>,
    /// Networks.
    #[serde(default = "mlp")]
    pub models: Vec<ModelKind>,
    /// Losses.
    #[serde(default = "mse")]
    pub losses: Vec<Loss>,
    /// What networks predict.
    #[serde(default = "next")]
    pub targets: Vec<LearningTarget>,
    /// What they see of a state.
    #[serde(default)]
    pub features: StateFeatures,
    /// Seeds 0, 1, ...
    #[serde(default = "one")]
    pub seeds: u64,
    /// Neurons of a hidden layer, or features of a token; absent: by the model.
    pub width: Option<usize>,
    /// Numbers in a network: each has the width that comes nearest to so many, so that networks are compared at equal size.
    pub weights: Option<usize>,
    /// Hidden layers; absent: by the model.
    pub depth: Option<usize>,
    /// Test states whose Jacobian is evaluated, at most.
    #[serde(default = "states")]
    pub states: usize,
    /// Studies by `dynsparse influence`, each of one of the recordings: networks are asked for the same interventions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub influence: Vec<PathBuf>,
    /// How to train.
    #[serde(default)]
    pub training: Training,
    /// How to split.
    #[serde(default)]
    pub split: Split,
    /// What computes.
    #[serde(default)]
    pub backend: Backend,
    /// Memory for the Jacobians of all recordings, GiB; what needs more is read from a file as training goes on. It changes
    /// no result.
    #[serde(default = "memory")]
    pub memory: f64,
}

fn memory() -> f64 {
    (MEMORY >> 30) as f64
}

fn mlp() -> Vec<ModelKind> {
    vec![ModelKind::Mlp]
}

fn mse() -> Vec<Loss> {
    "mse".parse().into_iter().collect()
}

fn next() -> Vec<LearningTarget> {
    vec![LearningTarget::Next]
}

fn one() -> u64 {
    1
}

fn states() -> usize {
    STATES
}

/// Test states whose Jacobian is evaluated where nothing is said.
pub const STATES: usize = 500;

impl Grid {
    /// Reads a grid file.
    ///
    /// # Errors
    /// [`LearnError::File`] that names the field.
    pub fn read(file: &Path) -> Result<Self, LearnError> {
        let text = bounded::read_text(file).map_err(|e| LearnError::io(file, "cannot be read", e))?;
        toml::from_str(&text).map_err(|e| LearnError::file(file, e.to_string().trim().replace('\n', " ")))
    }

    /// # Errors
    /// [`LearnError::Settings`] that names the field.
    pub fn check(&self) -> Result<(), LearnError> {
        let empty = [
            ("recordings", self.recordings.is_empty()),
            ("models", self.models.is_empty()),
            ("losses", self.losses.is_empty()),
            ("targets", self.targets.is_empty()),
            ("seeds", self.seeds == 0),
            ("states", self.states == 0),
            ("width", self.width == Some(0)),
            ("weights", self.weights == Some(0)),
        ];
        if let Some((name, _)) = empty.iter().find(|(_, empty)| *empty) {
            return Err(LearnError::Settings(format!("{name} must not be empty or 0")));
        }
        if self.width.is_some() && self.weights.is_some() {
            return Err(LearnError::Settings("width follows from weights: give one of the two".to_owned()));
        }
        if !(self.memory >= 0.0 && self.memory.is_finite()) {
            return Err(LearnError::Settings(format!("memory is {} GiB; it must be at least 0", self.memory)));
        }
        if self.depth.is_some_and(|d| !(1..=MOST_DEPTH).contains(&d)) {
            return Err(LearnError::Settings(format!("depth must be 1 to {MOST_DEPTH}")));
        }
        let lists = [
            ("recordings", self.recordings.len()),
            ("models", self.models.len()),
            ("losses", self.losses.len()),
            ("targets", self.targets.len()),
        ];
        for (name, n) in lists {
            bounded::within(&format!("the number of {name}"), n, &(1..=MOST_IN_A_LIST))
                .map_err(LearnError::Settings)?;
        }
        bounded::within("states", self.states, &(1..=10_000_000)).map_err(LearnError::Settings)?;
        let [recordings, models, losses, targets] = lists.map(|(name, n)| (name, n as u64));
        bounded::product(&[recordings, models, losses, targets, ("seeds", self.seeds)], MOST_RUNS, "runs")
            .map_err(LearnError::Settings)?;
        if let Some(twice) = self.targets.iter().enumerate().find(|(i, t)| self.targets[..*i].contains(t)) {
            return Err(LearnError::Settings(format!("targets has {} twice; once is enough", twice.1)));
        }
        let mask = self.losses.iter().any(|loss| loss.gates().is_some());
        if let Some(kind) = self.models.iter().find(|kind| mask && !kind.has_gates()) {
            return Err(no_gates(kind.name()));
        }
        let untaught = self.losses.iter().any(|loss| loss.gates().is_none());
        if let Some(kind) = self.models.iter().find(|kind| untaught && kind.has_gates()) {
            tracing::warn!(
                "without the loss mask nothing teaches the gates of {}: they stay near what was drawn",
                kind.name()
            );
        }
        self.training.check()
    }

    /// The runs on one recording with one target.
    fn specs(&self, space: Space<'_>, target: LearningTarget) -> Result<Vec<RunSpec>, LearnError> {
        let mut all = Vec::new();
        for kind in &self.models {
            let (width, depth) = kind.sizes();
            let (width, depth) = (self.width.unwrap_or(width), self.depth.unwrap_or(depth));
            let model = match self.weights {
                Some(weights) => ModelSpec::of_weights(*kind, depth, weights, space)?,
                None => ModelSpec { kind: *kind, width, depth },
            };
            for loss in &self.losses {
                all.extend((0..self.seeds).map(|seed| RunSpec {
                    model,
                    loss: loss.clone(),
                    seed,
                    training: self.training.clone(),
                    split: self.split,
                    backend: self.backend,
                    features: self.features,
                    target,
                }));
            }
        }
        Ok(all)
    }

    /// Runs of the grid.
    pub fn len(&self) -> usize {
        let lists = [self.recordings.len(), self.models.len(), self.losses.len(), self.targets.len()];
        lists.into_iter().fold(usize::try_from(self.seeds).unwrap_or(usize::MAX), usize::saturating_mul)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The task.
    pub task: String,
    /// The settings.
    pub spec: RunSpec,
    /// Weights of the network.
    pub weights: usize,
    /// Optimiser steps taken.
    pub steps: usize,
    /// The step with the best validation loss, whose weights are kept.
    pub best: usize,
    /// Losses along the way.
    pub looks: Vec<Look>,
    /// How good it is.
    pub evaluation: Evaluation,
    /// Under interventions of finite size, where there is a study of the recording.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub influence: Vec<FiniteScore>,
}

impl RunResult {
    fn group(&self, name: &str) -> Option<&EntryGroup> {
        self.evaluation.recovered.groups.iter().find(|g| g.name == name)
    }

    /// ROC-AUC over a group of entries.
    pub fn auc(&self, group: &str) -> Option<f64> {
        self.group(group).and_then(|g| g.roc_auc)
    }

    fn gates(&self, name: &str) -> Option<f64> {
        self.evaluation.gates.iter().flatten().find(|g| g.name == name).and_then(|g| g.roc_auc)
    }

    /// A number of it; None where it has none.
    pub fn measure(&self, what: Measure) -> Option<f64> {
        let e = &self.evaluation;
        match what {
            Measure::Next => Some(e.next.mse),
            Measure::OpenLoop => e.next.open_loop.iter().find(|o| o.horizon == 20).and_then(|o| o.rmse),
            Measure::Jacobian => e.jacobian.relative,
            Measure::Sparsity => Some(e.sparsity.model),
            Measure::Target => Some(e.sparsity.target),
            Measure::TargetSmall => Some(e.sparsity.target_small),
            Measure::Untrained => e.sparsity.untrained,
            Measure::Auc => self.auc(ALL),
            Measure::AucVaries => self.auc(VARYING),
            Measure::AucGates => self.gates(ALL),
            Measure::AucGatesVaries => self.gates(VARYING),
            Measure::PrZeros => e.recovered.groups.first().and_then(|g| g.pr_auc_zeros),
            Measure::States => Some(e.judged.states as f64),
            Measure::Usable => Some(e.judged.usable as f64 / e.judged.all.max(1) as f64),
            Measure::Entries => Some(e.judged.entries as f64),
            Measure::Varying => Some(self.group(VARYING).map_or(0.0, |g| g.entries as f64)),
            Measure::PresentState => Some(e.next.persistence),
            Measure::ConstantVelocity => {
                e.baselines.iter().find(|b| b.name == CONSTANT_VELOCITY).map(|baseline| baseline.mse)
            }
        }
    }
}

/// What summaries are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Mean square error of the next state.
    Next,
    /// Root of the mean square error after 20 steps of open loop.
    OpenLoop,
    /// Relative error of the Jacobian.
    Jacobian,
    /// Relative sparsity at 1e-6.
    Sparsity,
    /// The truth's, by its zero test.
    Target,
    /// The truth's by the same rule as the network's.
    TargetSmall,
    /// That of the untrained network.
    Untrained,
    /// ROC-AUC of |J|.
    Auc,
    /// The same over entries that depend on the state.
    AucVaries,
    /// ROC-AUC of the probabilities of gates.
    AucGates,
    /// The same over entries that depend on the state.
    AucGatesVaries,
    /// PR-AUC of zeros.
    PrZeros,
    /// States whose Jacobian is scored.
    States,
    /// Share of the states of the part that have a derivative, from which these are taken.
    Usable,
    /// Entries that are scored.
    Entries,
    /// Those of them that depend on the state.
    Varying,
    /// Mean square error of the next state if it were the present one.
    PresentState,
    /// The same if velocities stayed as they are.
    ConstantVelocity,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Next,
        Self::OpenLoop,
        Self::Jacobian,
        Self::Sparsity,
        Self::Target,
        Self::TargetSmall,
        Self::Untrained,
        Self::Auc,
        Self::AucVaries,
        Self::AucGates,
        Self::AucGatesVaries,
        Self::PrZeros,
        Self::States,
        Self::Usable,
        Self::Entries,
        Self::Varying,
        Self::PresentState,
        Self::ConstantVelocity,
    ];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next_mse",
            Self::OpenLoop => "open_loop_20_rmse",
            Self::Jacobian => "jacobian_relative_error",
            Self::Sparsity => "sparsity",
            Self::Target => "sparsity_target",
            Self::TargetSmall => "sparsity_target_1e-6",
            Self::Untrained => "sparsity_untrained",
            Self::Auc => "roc_auc",
            Self::AucVaries => "roc_auc_state_dependent",
            Self::AucGates => "roc_auc_gates",
            Self::AucGatesVaries => "roc_auc_gates_state_dependent",
            Self::PrZeros => "pr_auc_zeros",
            Self::States => "scored_states",
            Self::Usable => "usable_states_share",
            Self::Entries => "scored_entries",
            Self::Varying => "scored_entries_state_dependent",
            Self::PresentState => "next_mse_present_state",
            Self::ConstantVelocity => "next_mse_constant_velocity",
        }
    }

    /// What it says.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Next => "mean square error of the next state, in variances of the training states",
            Self::OpenLoop => "root of the mean square error after 20 steps of open loop",
            Self::Jacobian => "norm of J - J* by the norm of J*, normalised map",
            Self::Sparsity => "share of entries of J below 1e-6",
            Self::Target => "share of the decided entries that are zero in truth, by its zero test",
            Self::TargetSmall => "share of entries of J* below 1e-6: the truth by the network's rule",
            Self::Untrained => "share below 1e-6 before training",
            Self::Auc => "ROC-AUC of |J| as a score for edges, all entries",
            Self::AucVaries => "the same over entries that depend on the state",
            Self::AucGates => "ROC-AUC of the probabilities of gates, where the network has some, all entries",
            Self::AucGatesVaries => "the same over entries that depend on the state",
            Self::PrZeros => "average precision of zeros",
            Self::States => "states whose Jacobian is scored",
            Self::Usable => "share of the test states that have a derivative; the scored ones are of these",
            Self::Entries => "decided entries of them, which the scores stand on",
            Self::Varying => "those that depend on the state",
            Self::PresentState => "next_mse of the present state as a prediction",
            Self::ConstantVelocity => "next_mse of the present velocities, positions moved by them",
        }
    }
}

/// Several seeds of the same settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The task.
    pub task: String,
    /// The network.
    pub model: String,
    /// The loss.
    pub loss: String,
    /// What is predicted.
    pub target: String,
    /// By name of [`Measure`]: mean and interval over the seeds.
    pub means: BTreeMap<&'static str, Option<Mean>>,
}

/// A setting against the first one of the grid, paired by task (means over seeds); by seed where there is one task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingComparison {
    /// The network, the loss and the target.
    pub setting: [String; 3],
    /// What it is compared with.
    pub against: [String; 3],
    /// By name of [`Measure`].
    pub tests: BTreeMap<&'static str, Option<Paired>>,
}

/// What a grid came to.
#[derive(Debug, Default)]
pub struct GridOutcome {
    /// Of the runs that finished, in order.
    pub results: Vec<RunResult>,
    /// Of the others.
    pub failures: Vec<LearnError>,
    /// Keeps other processes from the folder, while the caller writes more into it.
    pub held: Option<Lock>,
}

/// Hears of runs: the run's number from 0, its name, and how it comes along.
pub type GridWatch<'a> = dyn FnMut(usize, &str, TrainingProgress) + 'a;

/// Runs a grid into a folder: a folder for every run, then `results.json` and `results.csv`. What is finished is taken
/// as it is, what was killed goes on. A run that fails leaves the others alone.
///
/// # Errors
/// [`LearnError`] when settings make no sense, a recording cannot be used, or a result cannot be written.
pub fn run_grid(grid: &Grid, folder: &Path, watch: &mut GridWatch<'_>) -> Result<GridOutcome, LearnError> {
    grid.check()?;
    let place = &Place::new(grid.backend)?;
    let mut memory = (grid.memory * f64::from(1 << 30)) as u64;
    let mut outcome = GridOutcome::default();
    let mut number = 0;
    // Unusable recordings are known before the first hour of training.
    let mut all: Vec<Data> = Vec::new();
    for recording in &grid.recordings {
        let data = Data::read_within(recording, &grid.split, grid.features, memory)?;
        if data.kinematics.is_none() && grid.models.contains(&ModelKind::Graph) {
            let text = "does not tell its kinematic tree (root attribute kinematics), which the model graph needs: record it \
                        again with this version";
            return Err(LearnError::file(recording, text));
        }
        if all.iter().any(|other| other.task == data.task) {
            let text = format!("is a second recording of {}: learn it into another folder", data.task);
            return Err(LearnError::file(recording, text));
        }
        let test = data.steps(Part::Test);
        if !test.iter().any(|step| data.has_derivative(*step)) {
            let text = format!(
                "none of the {} states of its test episodes has a Jacobian to compare with: a contact, a limit or friction \
                 switches at each (flags), and a recording does not tell which columns that bends",
                test.len()
            );
            return Err(LearnError::file(recording, text));
        }
        memory = memory.saturating_sub(data.held());
        all.push(data);
    }
    let truths = FiniteTruth::of_each(&grid.influence, &grid.recordings)?;
    for (data, truth) in all.iter().zip(&truths) {
        truth.as_ref().map_or(Ok(()), |truth| truth.has_rows_in(data, Some(Part::Test)))?;
    }
    // So are settings that do not suit them.
    let aimed: Vec<(Data, Option<&FiniteTruth>)> = all
        .iter()
        .zip(&truths)
        .flat_map(|(data, truth)| grid.targets.iter().map(move |target| (data.with_target(*target), truth.as_ref())))
        .collect();
    for (data, _) in &aimed {
        for spec in grid.specs(data.space(), data.coordinates.target())? {
            spec.model.build(data.space())?;
            spec.check_size(data.space())?;
        }
    }
    outcome.held = Some(claim(folder)?);
    for (data, truth) in &aimed {
        for spec in grid.specs(data.space(), data.coordinates.target())? {
            let name = spec.name(&data.task);
            let place_of_run = folder.join(&name);
            let trained = train(data, &spec, &place_of_run, place, &mut |p| watch(number, &name, p));
            number += 1;
            let trained = match trained {
                Ok(trained) => trained,
                Err(failure @ LearnError::Diverged { .. }) => {
                    outcome.failures.push(failure);
                    continue;
                }
                Err(other) => return Err(other),
            };
            let influence = match truth {
                Some(truth) => score_network(&trained, data, Some(Part::Test), (truth, None), grid.states, place)?,
                None => Vec::new(),
            };
            let result = RunResult {
                task: data.task.clone(),
                weights: trained.model.layout().count(),
                steps: trained.notes.step,
                best: trained.notes.best,
                looks: trained.notes.looks.clone(),
                evaluation: evaluate(&trained, data, Some(Part::Test), grid.states, place)?,
                influence,
                spec,
            };
            write_json(&place_of_run.join("result.json"), &result)?;
            write_csv(&place_of_run.join("curve.csv"), &tables::curve(&result.looks))?;
            outcome.results.push(result);
        }
    }
    let all = serde_json::json!({
        "runs": outcome.results, "summaries": summaries(&outcome.results), "comparisons": setting_comparisons(&outcome.results),
    });
    write_json(&folder.join(RESULTS), &all)?;
    write_csv(&folder.join("results.csv"), &tables::results(&outcome.results))?;
    if !grid.influence.is_empty() {
        write_csv(&folder.join("influence.csv"), &finite_table(&outcome.results))?;
    }
    Ok(outcome)
}

/// Makes the folder of a grid, or takes one that [`run`] has left, and keeps other processes from it.
///
/// # Errors
/// [`LearnError::File`] where it is somebody else's, or another process trains into it.
fn claim(folder: &Path) -> Result<Lock, LearnError> {
    let lock = files::MARK.lock(folder, true)?.ok_or_else(|| {
        LearnError::file(folder, "another process is training into it; wait for it, or choose another folder with -o")
    })?;
    sweep_up(folder);
    Ok(lock)
}

/// What [`run_grid`] has left in a folder.
///
/// # Errors
/// [`LearnError::File`] when it has not, or with another version.
pub fn read_results(folder: &Path) -> Result<Vec<RunResult>, LearnError> {
    #[derive(Deserialize)]
    struct All {
        runs: Vec<RunResult>,
    }
    let file = folder.join(RESULTS);
    let bytes = files::read(&file)?.ok_or_else(|| {
        LearnError::file(folder, format!("has no {RESULTS}: give a folder that `dynsparse learn` has finished"))
    })?;
    let all: All = seal::parse(&bytes).and_then(seal::unseal).map_err(|e| {
        let fix = "give the same `dynsparse learn` again: it trains only what is missing, and writes the results anew";
        LearnError::file(&file, format!("{e}: {fix}"))
    })?;
    Ok(all.runs)
}

fn write_json(file: &Path, value: &impl Serialize) -> Result<(), LearnError> {
    let text = seal::line(value).map_err(|e| LearnError::io(file, "cannot be written", e))?;
    files::replace(file, text.as_bytes())
}

fn write_csv(file: &Path, table: &Table) -> Result<(), LearnError> {
    files::replace(file, &table.to_bare_csv().map_err(|e| LearnError::io(file, "cannot be written", e))?)
}

/// Network, loss and target of a run.
fn setting(run: &RunResult) -> [String; 3] {
    [run.spec.model.kind.to_string(), run.spec.loss.to_string(), run.spec.target.to_string()]
}

/// Seeds together, in the order of the results.
pub fn summaries(results: &[RunResult]) -> Vec<Summary> {
    let mut all: Vec<Summary> = Vec::new();
    for first in results {
        let [model, loss, target] = setting(first);
        if all.iter().any(|s| s.task == first.task && s.is([&model, &loss, &target])) {
            continue;
        }
        let same = |r: &&RunResult| r.task == first.task && setting(r) == setting(first);
        let means = Measure::ALL.map(|measure| {
            let values: Vec<f64> = results.iter().filter(same).filter_map(|r| r.measure(measure)).collect();
            (measure.name(), stats::mean(&values))
        });
        all.push(Summary { task: first.task.clone(), model, loss, target, means: means.into_iter().collect() });
    }
    all
}

impl Summary {
    fn is(&self, [model, loss, target]: [&str; 3]) -> bool {
        self.model == model && self.loss == loss && self.target == target
    }

    /// Whether a run is one of these.
    pub fn has(&self, run: &RunResult) -> bool {
        let [model, loss, target] = setting(run);
        self.task == run.task && self.is([&model, &loss, &target])
    }

    /// Network, loss, and the target where it is not the usual one.
    pub fn setting(&self) -> String {
        let target =
            if self.target == LearningTarget::default().name() { String::new() } else { format!(" {}", self.target) };
        format!("{} {}{target}", self.model, self.loss)
    }
}

/// Every setting against the first.
pub fn setting_comparisons(results: &[RunResult]) -> Vec<SettingComparison> {
    let Some(base) = results.first().map(setting) else { return Vec::new() };
    let mut others: Vec<[String; 3]> = Vec::new();
    for found in results.iter().map(setting) {
        if found != base && !others.contains(&found) {
            others.push(found);
        }
    }
    let compare = |other: [String; 3]| {
        let tests = Measure::ALL.map(|measure| {
            let mut by_task: BTreeMap<&str, Vec<[f64; 2]>> = BTreeMap::new();
            for r in results.iter().filter(|r| setting(r) == other) {
                let twin = results
                    .iter()
                    .find(|t| setting(t) == base && t.task == r.task && t.spec.seed == r.spec.seed)
                    .and_then(|t| t.measure(measure));
                if let (Some(x), Some(y)) = (r.measure(measure), twin) {
                    by_task.entry(&r.task).or_default().push([x, y]);
                }
            }
            // Seeds of one task share its data: they are no cases of their own beside those of other tasks.
            let pairs: Vec<[f64; 2]> = if by_task.len() > 1 {
                let mean =
                    |pairs: &Vec<[f64; 2]>, i: usize| pairs.iter().map(|p| p[i]).sum::<f64>() / pairs.len() as f64;
                by_task.values().map(|pairs| [mean(pairs, 0), mean(pairs, 1)]).collect()
            } else {
                by_task.into_values().flatten().collect()
            };
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().map(|[x, y]| (x, y)).unzip();
            (measure.name(), stats::paired(&a, &b))
        });
        SettingComparison { setting: other, against: base.clone(), tests: tests.into_iter().collect() }
    };
    others.into_iter().map(compare).collect()
}
