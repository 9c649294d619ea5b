//! The summaries as a table, for CSV.

use super::job::InfluenceOutcome;
use super::tally::{EntryShare, SizeSummary};
use crate::analysis::table::{Table, row};

row! {
    struct Line<'a> in "influence": "graphs of finite interventions against the zeros of the Jacobian" {
        task: &'a str => "the task",
        unit: &'a str => "unit of the sizes",
        size: f64 => "size of the interventions, in that unit",
        horizon: usize => "rows ahead at which the state is looked at",
        matrix: &'a str => "A: inputs of the state; B: controls",
        rows: usize => "rows that count",
        flagged: usize => "rows left out by their flags",
        not_studied: usize => "rows whose steps could not be simulated again",
        sparsity: Option<f64> => "unchanged entries, as a share of those that are decided",
        jacobian_sparsity: Option<f64> => "zero entries of the Jacobian, as a share of those that are decided",
        undecided: f64 => "undecided entries, as a share of all",
        zeros: u64 => "zeros of the Jacobian that interventions decide",
        broken: Option<f64> => "share of these that are changed: the error of the proxy",
        broken_low: Option<f64> => "lower end of its 95 % interval",
        broken_high: Option<f64> => "upper end",
        contact: u64 => "broken entries in whose steps other contacts push",
        limit: u64 => "broken entries in whose steps other limits push; what switches together counts in each",
        friction: u64 => "the same with friction that slips or sticks",
        force: u64 => "the same with forces that reach or leave their range",
        smooth: u64 => "broken entries in whose steps none of these switches: the dynamics bend",
        missed: Option<f64> => "share of the changed entries that the Jacobian calls zero",
        missed_low: Option<f64> => "lower end of its 95 % interval",
        missed_high: Option<f64> => "upper end",
        nonzeros: u64 => "nonzero entries of the Jacobian that interventions decide",
        vanished: u64 => "those that are unchanged",
        vanished_with_switch: u64 => "of these, where something switches or a range cuts the intervention",
        cut: u64 => "interventions that the range of a control cuts",
        not_applied: u64 => "interventions of which it, or a unit of zero, leaves nothing",
        diverged: u64 => "interventions whose steps diverge",
        linear_error: Option<f64> => "median of |change - A delta| / |change| over interventions, every entry in its unit",
        linear_error_90: Option<f64> => "what nine of ten stay below",
        constant: Option<u64> => "second order: entries of the Jacobian that no input changes",
        bilinear: Option<u64> => "entries that change in proportion to each input that changes them",
        bends: Option<u64> => "entries that change otherwise",
        switches: Option<u64> => "entries that change only where other constraints act",
        second_undecided: Option<u64> => "entries of which nothing is known",
        second_share: Option<f64> => "median of |J after an intervention - J| / |J|, every entry over the units of its output and its input",
        second_share_90: Option<f64> => "what nine of ten stay below",
    }
}

/// The summaries of a study as a table.
pub fn influence_table(found: &InfluenceOutcome) -> Table {
    Table::of(found.summaries.iter().map(|s| line(found, s)))
}

fn line<'a>(found: &'a InfluenceOutcome, s: &'a SizeSummary) -> Line<'a> {
    let ends = |share: &EntryShare| share.interval.map_or([None, None], |ends| ends.map(Some));
    let ([broken_low, broken_high], [missed_low, missed_high]) = (ends(&s.broken), ends(&s.missed));
    let all = s.changed + s.unchanged + s.undecided;
    Line {
        task: &found.task,
        unit: found.settings.unit.name(),
        size: s.size,
        horizon: found.settings.horizon,
        matrix: s.matrix,
        rows: s.rows,
        flagged: found.flagged,
        not_studied: found.not_studied,
        sparsity: s.sparsity,
        jacobian_sparsity: s.jacobian_sparsity,
        undecided: if all == 0 { 0.0 } else { s.undecided as f64 / all as f64 },
        zeros: s.broken.of,
        broken: s.broken.share,
        broken_low,
        broken_high,
        contact: s.breaks.contact,
        limit: s.breaks.limit,
        friction: s.breaks.friction,
        force: s.breaks.force,
        smooth: s.breaks.smooth,
        missed: s.missed.share,
        missed_low,
        missed_high,
        nonzeros: s.vanished.of,
        vanished: s.vanished.count,
        vanished_with_switch: s.vanished_with_switch,
        cut: s.cut,
        not_applied: s.not_applied,
        diverged: s.diverged,
        linear_error: s.linear_error.map(|e| e.median),
        linear_error_90: s.linear_error.map(|e| e.ninth_decile),
        constant: s.entries.map(|e| e.constant),
        bilinear: s.entries.map(|e| e.bilinear),
        bends: s.entries.map(|e| e.bends),
        switches: s.entries.map(|e| e.switches),
        second_undecided: s.entries.map(|e| e.undecided),
        second_share: s.second_share.map(|e| e.median),
        second_share_90: s.second_share.map(|e| e.ninth_decile),
    }
}
