//! Results of runs as tidy tables.

use serde_json::{Value, json};

use super::finite::finite_table;
use super::grid::{Measure, RunResult};
use super::loss::Loss;
use super::manifold::LearningTarget;
use super::models::ModelKind;
use super::train::Look;
use crate::analysis::table::{Cells, Column, Table, row};

/// All tables of some runs. Those without a row are left out.
pub fn learning_tables(runs: &[RunResult]) -> Vec<Table> {
    let curves = runs.iter().flat_map(|run| run.looks.iter().map(|look| (Source::of(run), CurveRow::of(look))));
    let mut all = vec![
        results(runs),
        Table::of(baselines(runs)),
        Table::of(runs.iter().flat_map(groups)),
        Table::of(curves),
        Table::of(runs.iter().flat_map(masks)),
        finite_table(runs),
    ];
    all.retain(|t| !t.rows.is_empty());
    all
}

row! {
    /// The run that a row is of.
    struct Source<'a> {
        task: &'a str => "task",
        model: ModelKind => "network",
        loss: &'a Loss => "loss",
        target: LearningTarget => "what the network predicts",
        seed: u64 => "seed of weights, batches and columns",
    }
}

impl<'a> Source<'a> {
    fn of(run: &'a RunResult) -> Self {
        let spec = &run.spec;
        Self { task: &run.task, model: spec.model.kind, loss: &spec.loss, target: spec.target, seed: spec.seed }
    }
}

row! {
    struct ResultRow<'a> in "learned":
        "trained networks: error of the next state, and how much of the sparsity they recover"
    {
        weights: usize => "numbers in the network",
        steps: usize => "optimiser steps",
        best_step: usize => "step that is kept",
        measures: Measures<'a>,
    }
}

/// A column for every [`Measure`].
struct Measures<'a>(&'a RunResult);

impl Cells for Measures<'_> {
    fn columns(all: &mut Vec<Column>) {
        all.extend(Measure::ALL.map(|m| Column { name: m.name(), about: m.about() }));
    }

    fn values(&self, all: &mut Vec<Value>) {
        all.extend(Measure::ALL.map(|m| json!(self.0.measure(m))));
    }
}

/// How good the runs are.
pub(super) fn results(runs: &[RunResult]) -> Table {
    Table::of(runs.iter().map(|run| {
        let row = ResultRow { weights: run.weights, steps: run.steps, best_step: run.best, measures: Measures(run) };
        (Source::of(run), row)
    }))
}

row! {
    struct BaselineRow<'a> in "learned_baselines":
        "the scores of predictions that nothing has learned, on the same states and entries as those of the networks of a task"
    {
        task: &'a str => "task",
        prediction: &'a str => "what is predicted: the present state, or the present velocities with positions moved by them",
        next_mse: f64 => "mean square error of the next state, in variances of the training states",
        open_loop_20_rmse: Option<f64> => "root of the mean square error after 20 steps of open loop",
        jacobian_relative_error: Option<f64> => "norm of J - J* by the norm of J*, normalised map",
        roc_auc: Option<f64> => "ROC-AUC of |J| as a score for edges, all entries",
        roc_auc_state_dependent: Option<f64> => "the same over entries that depend on the state",
    }
}

/// Of every task once: they depend on the data alone.
fn baselines(runs: &[RunResult]) -> impl Iterator<Item = BaselineRow<'_>> {
    let first = move |(i, run): &(usize, &RunResult)| !runs[..*i].iter().any(|earlier| earlier.task == run.task);
    runs.iter().enumerate().filter(first).flat_map(|(_, run)| {
        run.evaluation.baselines.iter().map(|b| BaselineRow {
            task: &run.task,
            prediction: &b.name,
            next_mse: b.mse,
            open_loop_20_rmse: b.open_loop,
            jacobian_relative_error: b.jacobian,
            roc_auc: b.auc,
            roc_auc_state_dependent: b.auc_varying,
        })
    })
}

row! {
    struct GroupRow<'a> in "learned_groups":
        "how well networks tell edges from zeros, by contact, time to a switch and kind of entry"
    {
        group: &'a str => "group of states or entries",
        states: usize => "states with an entry in it",
        entries: usize => "entries",
        zeros: usize => "of these, zero in truth",
        roc_auc: Option<f64> => "ROC-AUC of |J| as a score for edges",
        pr_auc: Option<f64> => "average precision of edges",
        pr_auc_zeros: Option<f64> => "average precision of zeros",
    }
}

fn groups(run: &RunResult) -> impl Iterator<Item = (Source<'_>, GroupRow<'_>)> {
    run.evaluation.recovered.groups.iter().map(|g| {
        let row = GroupRow {
            group: &g.name,
            states: g.states,
            entries: g.entries,
            zeros: g.zeros,
            roc_auc: g.roc_auc,
            pr_auc: g.pr_auc,
            pr_auc_zeros: g.pr_auc_zeros,
        };
        (Source::of(run), row)
    })
}

row! {
    struct CurveRow in "learned_curves": "losses along training" {
        step: usize => "optimiser steps so far",
        train_loss: f64 => "mean training loss since the last look",
        validation_loss: f64 => "loss on validation episodes",
        gradient_norm: f64 => "mean norm of the gradient since the last look",
    }
}

impl CurveRow {
    fn of(look: &Look) -> Self {
        Self { step: look.step, train_loss: look.train, validation_loss: look.validation, gradient_norm: look.gradient }
    }
}

/// The losses of one run.
pub(super) fn curve(looks: &[Look]) -> Table {
    Table::of(looks.iter().map(CurveRow::of))
}

row! {
    struct MaskRow<'a> in "learned_masks": "true and learned verdicts along a stretch of a test episode" {
        episode: usize => "episode's place in the recording",
        first_step: usize => "first step, counted in the episode",
        entry: &'a str => "output / input",
        truth: Option<&'a str> => "a letter by step: 1 nonzero, 0 zero, ? unknown",
        learned: Option<&'a str> => "the same by |J| at the threshold that is best on validation episodes",
    }
}

fn masks(run: &RunResult) -> impl Iterator<Item = (Source<'_>, MaskRow<'_>)> {
    run.evaluation.strip.iter().flat_map(move |strip| {
        strip.entries.iter().enumerate().map(move |(i, entry)| {
            let row = MaskRow {
                episode: strip.episode,
                first_step: strip.first,
                entry,
                truth: strip.truth.get(i).map(String::as_str),
                learned: strip.found.get(i).map(String::as_str),
            };
            (Source::of(run), row)
        })
    })
}
