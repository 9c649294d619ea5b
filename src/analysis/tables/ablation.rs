//! Ablations: thresholds, and recordings side by side.

use serde_json::Value;

use super::super::compare::{Compared, Comparison};
use super::super::table::{Table, row};
use super::super::{Analysis, Matrix};
use super::{MATRIX, Source, table};

pub(super) fn tables(analyses: &[Analysis], comparisons: &[Comparison]) -> Vec<Table> {
    vec![table(analyses, thresholds), Table::of(comparisons.iter().flat_map(compared))]
}

row! {
    struct ThresholdRow in "thresholds": "Ablation: fixed thresholds against the recorded zero test" {
        matrix: Matrix => MATRIX,
        threshold: f64 => "entries |x| below it are zero",
        always_zero: usize => "entries that are zero in every sample",
        mean: f64 => "mean sparsity",
        false_nonzero: Option<u64> => "values that are zero by the test and not by the threshold",
        false_zero: Option<u64> => "values that are nonzero by the test and zero by the threshold",
        undecided_zero: Option<u64> => "values that are undecided by the test and zero by the threshold",
        undecided_nonzero: Option<u64> => "values that are undecided by the test and nonzero by the threshold",
        decided: Option<u64> => "values that the test decided",
    }
}

fn thresholds(a: &Analysis) -> impl Iterator<Item = ThresholdRow> {
    a.thresholds.iter().flat_map(|t| {
        t.thresholds.iter().map(|x| {
            let d = x.against_mask.as_ref();
            ThresholdRow {
                matrix: t.matrix,
                threshold: x.threshold,
                always_zero: x.always_zero,
                mean: x.mean,
                false_nonzero: d.map(|d| d.false_nonzero),
                false_zero: d.map(|d| d.false_zero),
                undecided_zero: d.map(|d| d.undecided_zero),
                undecided_nonzero: d.map(|d| d.undecided_nonzero),
                decided: d.map(|d| d.decided),
            }
        })
    })
}

row! {
    struct ComparedRow in "comparison": "Ablation: recordings of one task side by side" {
        differs: String => "what differs in how they were made",
        matrix: Matrix => MATRIX,
        samples: u64 => "steps that count",
        entries: usize => "entries",
        always_zero: usize => "entries that are zero in every sample",
        undecided: usize => "entries that are never nonzero but undecided at least once",
        mean: f64 => "mean sparsity",
        mean_undecided: f64 => "mean share of undecided entries",
        mean_published: Option<f64> => "mean sparsity with the published threshold, |x| < 1e-12",
        patterns: usize => "distinct patterns",
        entropy: f64 => "entropy of the pattern, bits",
        event_rate: Option<f64> => "steps whose pattern differs from the one before, per step",
        events_per_second: Option<f64> => "the same per second of simulated time",
        switch_rate: Option<f64> => "switches per entry and step",
        zero_run: Option<f64> => "mean length of a run of zero, steps",
        nonzero_run: Option<f64> => "mean length of a run of nonzero, steps",
        explained_by_contacts: Option<f64> =>
            "share of the pattern's entropy that the contact set explains beyond chance",
        explained_by_constraints: Option<f64> => "the same of the constraint rows that act",
    }
}

fn compared(comparison: &Comparison) -> impl Iterator<Item = (Source<'_>, ComparedRow)> {
    comparison.recordings.iter().flat_map(move |recording| {
        let differs = differs(&comparison.keys, recording);
        recording.figures.iter().map(move |f| {
            let row = ComparedRow {
                differs: differs.clone(),
                matrix: f.matrix,
                samples: recording.samples,
                entries: f.entries,
                always_zero: f.always_zero,
                undecided: f.undecided,
                mean: f.mean,
                mean_undecided: f.mean_undecided,
                mean_published: f.mean_published,
                patterns: f.patterns,
                entropy: f.entropy_bits,
                event_rate: f.event_rate,
                events_per_second: f.events_per_second,
                switch_rate: f.switch_rate,
                zero_run: f.zero_run,
                nonzero_run: f.nonzero_run,
                explained_by_contacts: f.explained_by_contacts,
                explained_by_constraints: f.explained_by_constraints,
            };
            (Source { recording: &recording.name, task: &comparison.task }, row)
        })
    })
}

/// What is particular to the making of a recording: `seed 1; engine implicit`.
fn differs(keys: &[String], recording: &Compared) -> String {
    let one = |(key, value): (&String, &Value)| match value {
        Value::String(text) => format!("{key} {text}"),
        other => format!("{key} {other}"),
    };
    keys.iter().zip(&recording.values).map(one).collect::<Vec<_>>().join("; ")
}
