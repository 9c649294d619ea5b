//! The part of one recording.

use maud::{Markup, html};

use super::chart::short;
use super::figure::{Figure, percent};
use super::page::{between, distinct, figure_of, maybe, mean_of, of_contacts, share, text};
use super::residuals;
use super::table::Table;
use crate::analysis::global::GlobalSparsity;
use crate::analysis::{Analysis, Criterion, Matrix};

/// Reasons that are shown.
const REASONS: usize = 12;

/// Figures wider than this have a row for themselves, px.
const ROW: f64 = 780.0;

/// What made an entry zero.
pub(super) fn zero(a: &Analysis) -> String {
    match (a.criterion, a.masks, a.settings.zero) {
        (Criterion::Mask, ..) => "the recorded zero test".to_owned(),
        (Criterion::Threshold(x), false, None) => {
            format!(
                "|x| < {x:e}, because the recording holds no zero masks: fixed thresholds only, nothing can be undecided"
            )
        }
        (Criterion::Threshold(x), false, _) => format!("|x| < {x:e}, as asked for; the recording holds no zero masks"),
        (Criterion::Threshold(x), ..) => format!("|x| < {x:e}, as asked for; the recording has zero masks"),
    }
}

/// The part.
pub(super) fn part(a: &Analysis, figures: &[Figure]) -> Markup {
    let s = &a.selection;
    let flags: Vec<String> = s
        .flags
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(name, n)| format!("{name} {}", percent(*n as f64 / s.steps.max(1) as f64)))
        .collect();
    html! {
        article {
            @if !a.masks { p.warn { "Zero by " (zero(a)) "." } }
            @if let Some(largest) = a.beyond_reason() {
                p.warn { "Beyond reason: entries up to " (format!("{largest:.1e}")) " in the steps that count." }
            }
            dl {
                dt { "steps" }
                dd {
                    (s.samples) " " (text(a, "step_kind")) " steps of " (text(a, "step_duration")) " s in " (s.episodes) " episodes"
                    @if s.unwanted > 0 { "; " (s.unwanted) " left out by their flags" }
                    @if s.not_finite > 0 {
                        "; " (s.not_finite) " left out with NaN or infinite entries, in episodes "
                        (list(&s.not_finite_episodes.iter().map(ToString::to_string).collect::<Vec<_>>(), 12))
                    }
                }
                dt { "zero by" } dd { (zero(a)) }
                dt { "flags" } dd { @if flags.is_empty() { "none" } @else { (flags.join(", ")) } }
            }
            @if !a.residuals.is_empty() {
                h4 { "How real" }
                (residuals::table(a))
                p.soft { "The model's prediction minus what the robot did, in m, rad, or per second; noise: of the measurement, from the log itself." }
            }
            h4 { "Q1 Global sparsity" }
            (global(a))
            h4 { "Q2 State dependence" }
            (state(a))
            h4 { "Q3 Temporal structure" }
            (temporal(a))
            h4 { "Figures" }
            div.figures {
                // Those that fill a row come first, so that the others share theirs.
                @let (wide, narrow): (Vec<&Figure>, Vec<&Figure>) = figures.iter().partition(|f| f.drawing.width > ROW);
                @for figure in wide.into_iter().chain(narrow) { (figure_of(figure)) }
            }
            details {
                summary { "All attributes" }
                dl {
                    dt { "file" } dd { (a.subject.file) }
                    @for name in a.subject.attributes.keys() { dt { (name) } dd { (text(a, name)) } }
                }
            }
        }
    }
}

fn list(words: &[String], most: usize) -> String {
    let more = if words.len() > most { ", ..." } else { "" };
    words[..words.len().min(most)].join(", ") + more
}

fn global(a: &Analysis) -> Markup {
    let reasons: Vec<_> = a.global.iter().flat_map(|g| g.reasons.iter().map(move |r| (g.matrix, r))).collect();
    let alone = |g: &GlobalSparsity| {
        g.cells.iter().filter(|c| c.reason.is_none()).map(|c| format!("{}′/{}", c.row, c.column)).collect::<Vec<_>>()
    };
    html! {
        (zeros(&a.global))
        @if !reasons.is_empty() {
            (Table::of(reasons.iter().take(REASONS).copied())
        .number("matrix", |(matrix, _)| matrix.name())
        .words("which", |(_, r)| &r.name)
        .words("why", |(_, r)| r.kind.describe())
        .number("zero", |(_, r)| r.cells)
        .number("undecided at times", |(_, r)| r.undecided)
        .markup())
            @if reasons.len() > REASONS { p.soft { (reasons.len() - REASONS) " more reasons are in the table global_cells." } }
        }
        @for g in &a.global {
            @let cells = alone(g);
            @if !cells.is_empty() {
                p.soft { (cells.len()) " of " (g.matrix.name()) " by themselves: " (list(&cells, 12)) "." }
            }
        }
    }
}

/// Entries that are zero in every step, and how sure that is.
fn zeros(global: &[GlobalSparsity]) -> Markup {
    Table::of(global)
        .number("matrix", |g| g.matrix.name())
        .number("size", |g| format!("{} × {}", g.shape.rows, g.shape.columns))
        .number("zero in every step", |g| g.zero)
        .number("%", |g| format!("{:.1}", g.percent))
        .number("never nonzero, undecided at times", |g| g.undecided)
        .number("steps since the count last fell", |g| g.bound.quiet_samples)
        .number("a further episode is expected to take", |g| {
            maybe((g.episodes > 1).then_some(g.bound.expected_next_episode))
        })
        .markup()
}

fn state(a: &Analysis) -> Markup {
    let explained = |matrix: Matrix, regime: &str| {
        let found = a.regimes.information.iter().find(|i| i.matrix == matrix && i.regime == regime);
        found.map_or_else(
            || "–".to_owned(),
            |i| {
                let Some(c) = &i.chance else { return format!("{} bits", short(i.information.bits)) };
                let (Some(beyond), Some([low, high])) = (c.recurring.beyond, c.recurring.beyond_interval) else {
                    return "–".to_owned();
                };
                let chance = percent(c.recurring.chance_explained.unwrap_or(0.0));
                format!("{} ({} to {}), chance {chance}", percent(beyond), percent(low), percent(high))
            },
        )
    };
    Table::of(&a.state)
        .number("matrix", |s| s.matrix.name())
        .number("mean sparsity", |s| percent(s.mean))
        .number("± std", |s| percent(s.std))
        .number("min – max", |s| format!("{} – {}", percent(s.min), percent(s.max)))
        .number("undecided", |s| percent(s.mean_undecided))
        .number("patterns", |s| distinct(&s.patterns))
        .number("entropy, bits", |s| short(s.patterns.entropy_bits))
        .number("explained by contacts beyond chance (95 %)", |s| explained(s.matrix, "contacts"))
        .number("by constraint rows", |s| explained(s.matrix, "constraints"))
        .markup()
}

fn temporal(a: &Analysis) -> Markup {
    Table::of(&a.temporal)
        .number("matrix", |t| t.matrix.name())
        .number("entries that switch", |t| t.switching_entries)
        .number("groups", |t| t.distinct.groups)
        .number("steps with a switch", |t| share(t.events.rate))
        .number("entries per switch", |t| maybe(t.events.together))
        .number("groups", |t| maybe(t.events.together_groups))
        .number("mean zero run, steps", |t| mean_of(&t.distinct.zero, t.distinct.zero_interval))
        .number("mean nonzero run, steps", |t| mean_of(&t.distinct.nonzero, t.distinct.nonzero_interval))
        .number("burstiness", |t| maybe(t.events.burstiness))
        .number("memoryless", |t| between(t.events.memoryless_burstiness_interval))
        .number("switches with a contact event", |t| share(of_contacts(t).and_then(|d| d.with_regime)))
        .number("by chance", |t| share(of_contacts(t).and_then(|d| d.chance)))
        .markup()
}
