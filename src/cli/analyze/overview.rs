//! Several recordings: a line each.

use dynsparse::analysis::compare::{self, Comparison};
use dynsparse::analysis::{Analysis, Matrix, Reason, paper};

use super::super::output::{grouped, wrapped};
use super::words::{SHOWN, cut, heading, maybe, note, percent, plain};

/// The tables.
pub(super) fn overview(analyses: &[Analysis], comparisons: &[Comparison]) -> String {
    let mut out = String::new();
    let name = |a: &Analysis| cut(&a.subject.name, 18);
    let criteria: Vec<String> = analyses.iter().map(|a| a.criterion.to_string()).collect();
    out.push_str("Q1  Entries that are zero in every sample\n");
    let rows = analyses.iter().map(|a| {
        let [state, control] = [a.subject.state.len(), a.subject.control.len()];
        let of = |m: Matrix| a.global.iter().find(|g| g.matrix == m);
        let cell = |m: Matrix| of(m).map_or_else(|| "-".to_owned(), |g| g.zero.to_string());
        let share = |m: Matrix| of(m).map_or_else(|| "-".to_owned(), |g| format!("{:.1}", g.percent));
        let open: usize = a.global.iter().map(|g| g.open).sum();
        let paper = a
            .published
            .map_or_else(|| "-".to_owned(), |p| format!("{} {} {} {}", p.state, p.control, p.zero_a, p.zero_b));
        [
            name(a),
            state.to_string(),
            control.to_string(),
            cell(Matrix::A),
            share(Matrix::A),
            cell(Matrix::B),
            share(Matrix::B),
            open.to_string(),
            paper,
        ]
    });
    let header = ["recording", "state", "ctrl", "A", "%", "B", "%", "open", "paper"];
    out.push_str(&plain(header, rows, 1));
    if analyses.iter().any(|a| a.published.is_some()) {
        out.push_str(&wrapped("paper", &format!("state, ctrl, A, B as published ({})", paper::SOURCE)));
    }
    for a in analyses {
        for g in a.global.iter().filter(|g| !g.cells.is_empty()) {
            let one = |r: &Reason| {
                let open = if r.open > 0 { format!(" and {} open", r.open) } else { String::new() };
                format!("{}{open} {} ({})", r.cells, r.name, r.kind.describe())
            };
            let mut of: Vec<String> = g.reasons.iter().take(SHOWN).map(one).collect();
            let rest = g.cells.iter().filter(|c| c.reason.is_none_or(|r| r >= SHOWN)).count();
            if rest > 0 {
                of.push(format!("{rest} others"));
            }
            out.push_str(&wrapped(&cut(&a.subject.name, 20), &format!("{}: {}", g.matrix.name(), of.join(", "))));
        }
    }
    out.push_str(&heading("Q2  Sparsity by state: share of a step's entries that are zero"));
    let figures: Vec<_> = analyses.iter().map(|a| (a, compare::figures(a))).collect();
    let lines = || figures.iter().flat_map(|(a, f)| f.iter().map(move |f| (*a, f)));
    let rows = lines().map(|(a, f)| {
        [
            name(a),
            f.matrix.name().to_owned(),
            percent(f.mean),
            percent(f.mean_undecided),
            grouped(f.patterns),
            format!("{:.2}", f.entropy_bits),
            f.explained_by_contacts.map_or_else(|| "-".to_owned(), percent),
            f.explained_by_constraints.map_or_else(|| "-".to_owned(), percent),
        ]
    });
    let header = ["recording", "", "mean %", "undecided %", "patterns", "bits", "contacts %", "rows %"];
    out.push_str(&plain(header, rows, 2));
    out.push_str(&heading("Q3  Changes in time"));
    let rows = lines().map(|(a, f)| {
        let temporal = a.temporal.iter().find(|t| t.matrix == f.matrix);
        [
            name(a),
            f.matrix.name().to_owned(),
            maybe(f.switch_rate),
            maybe(f.event_rate),
            maybe(f.events_per_second),
            maybe(temporal.and_then(|t| t.events.burstiness)),
            maybe(f.zero_run),
            maybe(f.nonzero_run),
        ]
    });
    let header = ["recording", "", "switches", "events", "per s", "burst", "zero run", "nonzero run"];
    out.push_str(&plain(header, rows, 2));
    out.push_str(&note(
        "contacts, rows: share of the pattern's entropy that the contact set and the constraint rows that act explain \
         beyond chance (circular shifts within episodes). switches: per entry and step. events: steps whose \
         pattern differs from the one before, per step and per second. runs: mean length, steps.",
    ));
    let zero = match criteria.iter().all(|c| *c == criteria[0]) {
        true => criteria.first().cloned().unwrap_or_default(),
        false => analyses.iter().zip(&criteria).map(|(a, c)| format!("{} {c}", name(a))).collect::<Vec<_>>().join(", "),
    };
    let samples: Vec<String> = analyses.iter().map(|a| grouped(a.selection.samples as usize)).collect();
    let samples = match samples.iter().all(|s| *s == samples[0]) {
        true => format!("{} steps in each", samples.first().cloned().unwrap_or_default()),
        false => analyses.iter().zip(&samples).map(|(a, s)| format!("{} {s}", name(a))).collect::<Vec<_>>().join(", "),
    };
    out.push_str(&wrapped("samples", &samples));
    let without: Vec<String> = analyses.iter().filter(|a| !a.masks).map(name).collect();
    let note = if without.is_empty() { String::new() } else { format!("; no zero masks in {}", without.join(", ")) };
    out.push_str(&wrapped("zero", &format!("{zero}{note}")));
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

/// Variants of one task, a line each.
pub(in super::super) fn side_by_side(analyses: &[Analysis], comparisons: &[Comparison]) -> String {
    let mut out = String::new();
    for c in comparisons {
        for matrix in [Matrix::A, Matrix::B] {
            let rows = c.recordings.iter().filter_map(|r| {
                let f = r.figures.iter().find(|f| f.matrix == matrix)?;
                Some([
                    cut(&r.name, 22),
                    format!("{}{}", f.always_zero, if f.open > 0 { format!("+{}?", f.open) } else { String::new() }),
                    percent(f.mean),
                    f.mean_published.map_or_else(|| "-".to_owned(), percent),
                    grouped(f.patterns),
                    format!("{:.2}", f.entropy_bits),
                    maybe(f.events_per_second),
                    f.explained_by_contacts.map_or_else(|| "-".to_owned(), percent),
                ])
            });
            let entries = c.recordings.iter().flat_map(|r| &r.figures).find(|f| f.matrix == matrix).map(|f| f.entries);
            let Some(entries) = entries else { continue };
            let title = format!("Matrix {}, {entries} entries", matrix.name());
            out.push_str(&heading(&title));
            let header = ["variant", "zero", "mean %", "<1e-12", "patterns", "bits", "per s", "cont %"];
            out.push_str(&plain(header, rows, 1));
        }
    }
    let samples = analyses.iter().map(|a| a.selection.samples);
    let (fewest, most) = (samples.clone().min().unwrap_or(0), samples.max().unwrap_or(0));
    let steps = if fewest == most {
        grouped(most as usize)
    } else {
        format!("{} to {}", grouped(fewest as usize), grouped(most as usize))
    };
    out.push('\n');
    out.push_str(&note(&format!(
        "zero: entries that are zero in every step (+n? never nonzero, but undecided at least once). mean: share of a \
         step's entries that are zero, by the zero test and, <1e-12, by the published threshold. patterns: distinct ones, bits \
         their entropy. per s: steps whose pattern differs from the one before, by simulated second. cont: share of \
         the entropy that the contact set explains beyond chance. {steps} steps each.",
    )));
    out
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
