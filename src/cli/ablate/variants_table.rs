//! Variants side by side.

use dynsparse::analysis::compare::{Compared, ComparedFigures, Comparison};
use dynsparse::analysis::{Analysis, Matrix};

use super::super::analyze::words::{cut, heading, maybe, note, percent, share};
use super::super::output::grouped;
use super::super::table::Table;

/// Variants of one task, a line each.
pub(super) fn side_by_side(analyses: &[Analysis], comparisons: &[Comparison]) -> String {
    let mut out = String::new();
    for c in comparisons {
        for matrix in [Matrix::A, Matrix::B] {
            let rows: Vec<(&Compared, &ComparedFigures)> =
                c.recordings.iter().filter_map(|r| Some((r, r.figures.iter().find(|f| f.matrix == matrix)?))).collect();
            let Some((_, first)) = rows.first() else { continue };
            out.push_str(&heading(&format!("Matrix {}, {} entries", matrix.name(), first.entries)));
            out.push_str(&variants(&rows));
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

fn variants(rows: &[(&Compared, &ComparedFigures)]) -> String {
    let undecided = |f: &ComparedFigures| if f.undecided > 0 { format!("+{}?", f.undecided) } else { String::new() };
    Table::of(rows)
        .words("variant", |(r, _)| cut(&r.name, 22))
        .number("zero", |(_, f)| format!("{}{}", f.always_zero, undecided(f)))
        .number("mean %", |(_, f)| percent(f.mean))
        .number("<1e-12", |(_, f)| share(f.mean_published))
        .number("patterns", |(_, f)| grouped(f.patterns))
        .number("bits", |(_, f)| format!("{:.2}", f.entropy_bits))
        .number("per s", |(_, f)| maybe(f.events_per_second))
        .number("cont %", |(_, f)| share(f.explained_by_contacts))
        .indented()
}
