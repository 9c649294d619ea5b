//! Several recordings: a line each.

use dynsparse::analysis::compare::{self, ComparedFigures, Comparison};
use dynsparse::analysis::global::GlobalSparsity;
use dynsparse::analysis::{Analysis, Matrix, Reason, paper};

use super::super::output::{grouped, wrapped};
use super::super::table::Table;
use super::words::{SHOWN, cut, heading, maybe, note, percent, share};

/// The tables.
pub(super) fn overview(analyses: &[Analysis], comparisons: &[Comparison]) -> String {
    let figures: Vec<(&Analysis, ComparedFigures)> =
        analyses.iter().flat_map(|a| compare::figures(a).into_iter().map(move |f| (a, f))).collect();
    let mut out = "Q1  Entries that are zero in every sample\n".to_owned();
    out.push_str(&global(analyses));
    out.push_str(&reasons(analyses));
    out.push_str(&heading("Q2  Sparsity by state: share of a step's entries that are zero"));
    out.push_str(&state(&figures));
    out.push_str(&heading("Q3  Changes in time"));
    out.push_str(&temporal(&figures));
    out.push_str(&note(
        "contacts, rows: share of the pattern's entropy that the contact set and the constraint rows that act explain \
         beyond chance (circular shifts within episodes). switches: per entry and step. events: steps whose \
         pattern differs from the one before, per step and per second. runs: mean length, steps.",
    ));
    out.push_str(&basis(analyses));
    for c in comparisons {
        out.push_str(&heading(&format!("{}: recordings side by side", c.task)));
        for r in &c.recordings {
            let differs: Vec<String> = c.keys.iter().zip(&r.values).map(|(k, v)| format!("{k} {}", text(v))).collect();
            let differs = if differs.is_empty() { "made in the same way".to_owned() } else { differs.join(", ") };
            out.push_str(&wrapped(&cut(&r.name, 30), &differs));
        }
    }
    if analyses.iter().any(|a| a.subject.task != analyses[0].subject.task) && !comparisons.is_empty() {
        out.push_str("  recordings of different tasks are not compared with each other\n");
    }
    out
}

fn name(a: &Analysis) -> String {
    cut(&a.subject.name, 18)
}

/// Entries that are zero in every sample, beside what is published.
fn global(analyses: &[Analysis]) -> String {
    let of = |a: &Analysis, matrix: Matrix, cell: fn(&GlobalSparsity) -> String| {
        a.global.iter().find(|g| g.matrix == matrix).map_or_else(|| "-".to_owned(), cell)
    };
    let count = |a: &Analysis, matrix| of(a, matrix, |g| g.zero.to_string());
    let percent = |a: &Analysis, matrix| of(a, matrix, |g| format!("{:.1}", g.percent));
    let mut out = Table::of(analyses)
        .words("recording", name)
        .number("state", |a| a.subject.state.len().to_string())
        .number("ctrl", |a| a.subject.control.len().to_string())
        .number("A", |a| count(a, Matrix::A))
        .number("%", |a| percent(a, Matrix::A))
        .number("B", |a| count(a, Matrix::B))
        .number("%", |a| percent(a, Matrix::B))
        .number("undecided", |a| a.global.iter().map(|g| g.undecided).sum::<usize>().to_string())
        .number("paper", |a| {
            a.published
                .map_or_else(|| "-".to_owned(), |p| format!("{} {} {} {}", p.state, p.control, p.zero_a, p.zero_b))
        })
        .indented();
    if analyses.iter().any(|a| a.published.is_some()) {
        out.push_str(&wrapped("paper", &format!("state, ctrl, A, B as published ({})", paper::SOURCE)));
    }
    out
}

/// What explains the zeros of each recording.
fn reasons(analyses: &[Analysis]) -> String {
    let mut out = String::new();
    for a in analyses {
        for g in a.global.iter().filter(|g| !g.cells.is_empty()) {
            let one = |r: &Reason| {
                let undecided = if r.undecided > 0 { format!(" and {} undecided", r.undecided) } else { String::new() };
                format!("{}{undecided} {} ({})", r.cells, r.name, r.kind.describe())
            };
            let mut of: Vec<String> = g.reasons.iter().take(SHOWN).map(one).collect();
            let rest = g.cells.iter().filter(|c| c.reason.is_none_or(|r| r >= SHOWN)).count();
            if rest > 0 {
                of.push(format!("{rest} others"));
            }
            out.push_str(&wrapped(&cut(&a.subject.name, 20), &format!("{}: {}", g.matrix.name(), of.join(", "))));
        }
    }
    out
}

/// Sparsity by state, a line for each matrix.
fn state(figures: &[(&Analysis, ComparedFigures)]) -> String {
    Table::of(figures)
        .words("recording", |(a, _)| name(a))
        .words("", |(_, f)| f.matrix.name().to_owned())
        .number("mean %", |(_, f)| percent(f.mean))
        .number("undecided %", |(_, f)| percent(f.mean_undecided))
        .number("patterns", |(_, f)| grouped(f.patterns))
        .number("bits", |(_, f)| format!("{:.2}", f.entropy_bits))
        .number("contacts %", |(_, f)| share(f.explained_by_contacts))
        .number("rows %", |(_, f)| share(f.explained_by_constraints))
        .indented()
}

/// Changes in time, a line for each matrix.
fn temporal(figures: &[(&Analysis, ComparedFigures)]) -> String {
    let burstiness =
        |a: &Analysis, matrix| a.temporal.iter().find(|t| t.matrix == matrix).and_then(|t| t.events.burstiness);
    Table::of(figures)
        .words("recording", |(a, _)| name(a))
        .words("", |(_, f)| f.matrix.name().to_owned())
        .number("switches", |(_, f)| maybe(f.switch_rate))
        .number("events", |(_, f)| maybe(f.event_rate))
        .number("per s", |(_, f)| maybe(f.events_per_second))
        .number("burst", |(a, f)| maybe(burstiness(a, f.matrix)))
        .number("zero run", |(_, f)| maybe(f.zero_run))
        .number("nonzero run", |(_, f)| maybe(f.nonzero_run))
        .indented()
}

/// How many steps count, and how zero is decided.
fn basis(analyses: &[Analysis]) -> String {
    let samples: Vec<String> = analyses.iter().map(|a| grouped(a.selection.samples as usize)).collect();
    let samples = common(analyses, &samples, |n| format!("{n} steps in each"));
    let criteria: Vec<String> = analyses.iter().map(|a| a.criterion.to_string()).collect();
    let zero = common(analyses, &criteria, str::to_owned);
    let without: Vec<String> = analyses.iter().filter(|a| !a.masks).map(name).collect();
    let note = if without.is_empty() { String::new() } else { format!("; no zero masks in {}", without.join(", ")) };
    wrapped("samples", &samples) + &wrapped("zero", &format!("{zero}{note}"))
}

/// What all recordings have in common, or what each of them has.
fn common(analyses: &[Analysis], values: &[String], all: impl Fn(&str) -> String) -> String {
    match values.iter().all(|value| *value == values[0]) {
        true => all(values.first().map_or("", String::as_str)),
        false => analyses.iter().zip(values).map(|(a, v)| format!("{} {v}", name(a))).collect::<Vec<_>>().join(", "),
    }
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
