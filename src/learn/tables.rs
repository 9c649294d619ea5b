//! Results of runs as tidy tables.

use serde_json::{Value, json};

use super::grid::{Measure, RunResult};
use crate::analysis::table::Table;

const WHICH: [(&str, &str); 4] =
    [("task", "task"), ("model", "network"), ("loss", "loss"), ("seed", "seed of weights, batches and columns")];

fn which(run: &RunResult) -> Vec<Value> {
    let spec = &run.spec;
    vec![json!(run.task), json!(spec.model.kind), json!(spec.loss), json!(spec.seed)]
}

fn table(name: &'static str, about: &'static str, columns: &[(&'static str, &'static str)]) -> Table {
    Table::plain(name, about, &[&WHICH, columns].concat())
}

/// All tables of some runs. Those without a row are left out.
pub fn tables(runs: &[RunResult]) -> Vec<Table> {
    let mut all = vec![results(runs), groups(runs), curves(runs), masks(runs)];
    all.retain(|t| !t.rows.is_empty());
    all
}

fn results(runs: &[RunResult]) -> Table {
    let mut columns =
        vec![("weights", "numbers in the network"), ("steps", "optimiser steps"), ("best_step", "step that is kept")];
    columns.extend(Measure::ALL.map(|m| (m.name(), m.about())));
    let mut table = table(
        "learned",
        "trained networks: error of the next state, and how much of the sparsity they recover",
        &columns,
    );
    for run in runs {
        let mut row = which(run);
        row.extend([json!(run.weights), json!(run.steps), json!(run.best)]);
        row.extend(Measure::ALL.map(|m| json!(run.measure(m))));
        table.rows.push(row);
    }
    table
}

fn groups(runs: &[RunResult]) -> Table {
    let columns = [
        ("group", "group of states or entries"),
        ("states", "states with an entry in it"),
        ("entries", "entries"),
        ("zeros", "of these, zero in truth"),
        ("roc_auc", "ROC-AUC of |J| as a score for edges"),
        ("pr_auc", "average precision of edges"),
        ("pr_auc_zeros", "average precision of zeros"),
    ];
    let mut table = table(
        "learned_groups",
        "how well networks tell edges from zeros, by contact, time to a switch and kind of entry",
        &columns,
    );
    for run in runs {
        for g in &run.evaluation.recovered.groups {
            let mut row = which(run);
            row.extend([json!(g.name), json!(g.states), json!(g.entries), json!(g.zeros)]);
            row.extend([json!(g.roc_auc), json!(g.pr_auc), json!(g.pr_auc_zeros)]);
            table.rows.push(row);
        }
    }
    table
}

fn curves(runs: &[RunResult]) -> Table {
    let columns = [
        ("step", "optimiser steps so far"),
        ("train_loss", "mean training loss since the last look"),
        ("validation_loss", "loss on validation episodes"),
        ("gradient_norm", "mean norm of the gradient since the last look"),
    ];
    let mut table = table("learned_curves", "losses along training", &columns);
    for run in runs {
        for look in &run.looks {
            let mut row = which(run);
            row.extend([json!(look.step), json!(look.train), json!(look.validation), json!(look.gradient)]);
            table.rows.push(row);
        }
    }
    table
}

fn masks(runs: &[RunResult]) -> Table {
    let columns = [
        ("episode", "episode's place in the recording"),
        ("first_step", "first step, counted in the episode"),
        ("entry", "output / input"),
        ("truth", "a letter by step: 1 nonzero, 0 zero, ? unknown"),
        ("learned", "the same by |J| at the threshold that is best on validation episodes"),
    ];
    let mut table = table("learned_masks", "true and learned verdicts along a stretch of a test episode", &columns);
    for run in runs {
        let Some(strip) = &run.evaluation.strip else { continue };
        for (i, entry) in strip.entries.iter().enumerate() {
            let mut row = which(run);
            row.extend([json!(strip.episode), json!(strip.first), json!(entry)]);
            row.extend([json!(strip.truth.get(i)), json!(strip.found.get(i))]);
            table.rows.push(row);
        }
    }
    table
}
