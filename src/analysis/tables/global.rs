//! Q1: entries that are zero in every sample.

use super::super::table::{Table, row};
use super::super::{Analysis, Matrix, ReasonKind};
use super::{COLUMN, ROW, labels, table};

pub(super) fn tables(analyses: &[Analysis]) -> Vec<Table> {
    vec![
        table(analyses, counts),
        table(analyses, blocks),
        table(analyses, cells),
        table(analyses, convergence),
        table(analyses, entries),
    ]
}

/// What the column `matrix` holds.
const MATRIX: &str = "A: d next state / d state; B: d next state / d control";

row! {
    struct CountRow in "global": "Q1: entries that are zero in every sample" {
        matrix: Matrix => MATRIX,
        rows: usize => "entries of the next state",
        columns: usize => "entries of the state or control",
        entries: usize => "entries of the matrix",
        samples: u64 => "steps that count",
        episodes: u64 => "episodes with such steps",
        always_zero: usize => "entries that are zero in every sample",
        percent: f64 => "their share, percent",
        undecided: usize => "entries that are never nonzero but undecided at least once",
        published: Option<usize> => "always_zero in arXiv 2511.08086, Table 1",
        quiet_samples: u64 => "steps since an entry was seen nonzero for the first time",
        bound_steps: f64 =>
            "largest share of steps in which a zero entry can be nonzero, 95 % confidence, independent steps",
        bound_episodes: f64 => "the same for the share of episodes",
        in_one_episode: usize => "entries that are nonzero in exactly one episode",
        expected_next_episode: f64 =>
            "entries that one more episode is expected to take from the count (Good 1953)",
    }
}

fn counts(a: &Analysis) -> impl Iterator<Item = CountRow> {
    a.global.iter().map(|g| CountRow {
        matrix: g.matrix,
        rows: g.shape.rows,
        columns: g.shape.columns,
        entries: g.entries,
        samples: g.samples,
        episodes: g.episodes,
        always_zero: g.zero,
        percent: g.percent,
        undecided: g.undecided,
        published: a.published.map(|p| if g.matrix == Matrix::A { p.zero_a } else { p.zero_b }),
        quiet_samples: g.bound.quiet_samples,
        bound_steps: g.bound.share_of_steps,
        bound_episodes: g.bound.share_of_episodes,
        in_one_episode: g.bound.in_one_episode,
        expected_next_episode: g.bound.expected_next_episode,
    })
}

row! {
    struct BlockRow<'a> in "global_blocks": "Q1 by block" {
        matrix: Matrix => MATRIX,
        row_kind: &'a str => "pos, vel or act",
        column_kind: &'a str => "pos, vel, act or ctrl",
        entries: usize => "entries of the block",
        always_zero: usize => "zero in every sample",
        undecided: usize => "never nonzero, but undecided at least once",
    }
}

fn blocks(a: &Analysis) -> impl Iterator<Item = BlockRow<'_>> {
    a.global.iter().flat_map(|g| {
        g.blocks.iter().map(|b| BlockRow {
            matrix: g.matrix,
            row_kind: &b.row,
            column_kind: &b.column,
            entries: b.entries,
            always_zero: b.zero,
            undecided: b.undecided,
        })
    })
}

row! {
    struct CellRow<'a> in "global_cells": "Q1: the entries that were never nonzero, and what explains them" {
        matrix: Matrix => MATRIX,
        row: &'a str => ROW,
        column: &'a str => COLUMN,
        undecided: bool => "undecided at least once, so not zero in every sample",
        reason: Option<ReasonKind> => "structure that explains it, if any",
        of: Option<&'a str> => "which column, row or part",
    }
}

fn cells(a: &Analysis) -> impl Iterator<Item = CellRow<'_>> {
    a.global.iter().flat_map(|g| {
        g.cells.iter().map(|c| {
            let reason = c.reason.map(|r| &g.reasons[r]);
            CellRow {
                matrix: g.matrix,
                row: &c.row,
                column: &c.column,
                undecided: c.undecided,
                reason: reason.map(|r| r.kind),
                of: reason.map(|r| r.name.as_str()),
            }
        })
    })
}

row! {
    struct ConvergenceRow in "global_convergence": "Q1: entries not seen nonzero, by the number of samples" {
        matrix: Matrix => MATRIX,
        samples: u64 => "steps that count, in order",
        never_nonzero: usize => "entries not nonzero in any of them",
    }
}

fn convergence(a: &Analysis) -> impl Iterator<Item = ConvergenceRow> {
    a.global.iter().flat_map(|g| {
        g.convergence.iter().map(|p| ConvergenceRow {
            matrix: g.matrix,
            samples: p.samples,
            never_nonzero: p.never_nonzero,
        })
    })
}

row! {
    struct EntryRow<'a> in "entries": "Q1: share of the steps in which each entry is zero" {
        matrix: Matrix => MATRIX,
        row: &'a str => ROW,
        column: &'a str => COLUMN,
        share_zero: f64 => "share of the samples in which it is zero",
        share_undecided: f64 => "share of the samples in which it is undecided",
        largest: f64 => "its largest absolute value",
    }
}

fn entries(a: &Analysis) -> impl Iterator<Item = EntryRow<'_>> {
    a.global.iter().flat_map(|g| {
        (0..g.entries).map(|entry| {
            let [row, column] = labels(a, g.matrix, entry);
            EntryRow {
                matrix: g.matrix,
                row,
                column,
                share_zero: g.share_zero[entry],
                share_undecided: g.share_undecided[entry],
                largest: g.largest[entry],
            }
        })
    })
}
