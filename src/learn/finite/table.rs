//! Scores under intervention as a table.

use super::super::evaluate::{ALL, VARYING};
use super::super::grid::RunResult;
use super::super::loss::Loss;
use super::super::manifold::LearningTarget;
use super::super::models::ModelKind;
use super::score::{FinitePredictor, FiniteScore};
use crate::analysis::table::{Table, row};

row! {
    struct Line<'a> in "learned_influence":
        "predicted changes under interventions of finite size against those of the simulator, and what each is held against"
    {
        task: &'a str => "task",
        model: ModelKind => "network",
        loss: &'a Loss => "loss",
        target: LearningTarget => "what the network predicts",
        seed: u64 => "seed of weights, batches and columns",
        size: f64 => "size of the interventions",
        unit: &'a str => "its unit",
        states: usize => "rows of the study that are scored",
        entries: usize => "decided entries of them",
        unchanged: Option<f64> => "share of these that the interventions do not change",
        prediction: &'a str => "what is predicted",
        roc_auc: Option<f64> => "ROC-AUC of the size of the predicted change as a score for changed entries",
        roc_auc_varying: Option<f64> => "the same over entries that are changed at some rows of the training episodes and not at others",
        pr_auc_unchanged: Option<f64> => "average precision of unchanged entries",
        relative_error: Option<f64> => "norm of predicted minus simulated change by that of the simulated one",
        median_error: Option<f64> => "the same of each intervention by itself, the median",
        mae: Option<f64> => "mean size of predicted minus simulated change, in standard deviations of the training states",
        below_1e6: Option<f64> => "share of entries that are predicted to change by less than 1e-6 standard deviations",
        below_1e4: Option<f64> => "by less than 1e-4",
        below_1e2: Option<f64> => "by less than 1e-2",
        truth_below_1e6: Option<f64> => "share of entries that the simulator changes by less than 1e-6",
    }
}

/// A line for every run, size and prediction.
pub(in super::super) fn finite_table(runs: &[RunResult]) -> Table {
    let lines = runs.iter().flat_map(|run| {
        run.influence
            .iter()
            .flat_map(move |score| score.predictors.iter().map(move |predictor| line(run, score, predictor)))
    });
    Table::of(lines)
}

fn line<'a>(run: &'a RunResult, score: &'a FiniteScore, predictor: &'a FinitePredictor) -> Line<'a> {
    let group = |name: &str| predictor.recovered.groups.iter().find(|g| g.name == name);
    let below = |i: usize| Some(group(ALL)?.cuts.get(i)?.sparsity).filter(|_| predictor.error.is_some());
    let spec = &run.spec;
    Line {
        task: &run.task,
        model: spec.model.kind,
        loss: &spec.loss,
        target: spec.target,
        seed: spec.seed,
        size: score.size,
        unit: &score.unit,
        states: score.states,
        entries: score.entries,
        unchanged: score.unchanged(),
        prediction: &predictor.name,
        roc_auc: group(ALL).and_then(|g| g.roc_auc),
        roc_auc_varying: group(VARYING).and_then(|g| g.roc_auc),
        pr_auc_unchanged: group(ALL).and_then(|g| g.pr_auc_zeros),
        relative_error: predictor.error.and_then(|e| e.relative),
        median_error: predictor.error.and_then(|e| e.median),
        mae: predictor.error.map(|e| e.mae),
        below_1e6: below(0),
        below_1e4: below(1),
        below_1e2: below(2),
        truth_below_1e6: predictor.sparsity.map(|s| s.target_small),
    }
}
