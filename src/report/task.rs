//! The part of one recording.

use maud::{Markup, html};

use super::chart::short;
use super::figure::{Figure, percent};
use super::page::{between, figure_of, mean_of, text};
use crate::analysis::{Analysis, Criterion, Matrix};

/// Reasons that are shown.
const REASONS: usize = 12;

/// Names of the figures by question.
const QUESTIONS: [(&str, &[&str]); 4] = [
    ("Q1 Global sparsity", &["zero-share", "convergence"]),
    ("Q2 State dependence", &["distribution", "embedding", "contact-sets"]),
    ("Q3 Temporal structure", &["trace", "run-lengths", "autocorrelation", "clustering", "around-contacts"]),
    ("Ablation", &["thresholds"]),
];

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
pub(super) fn part(i: usize, a: &Analysis, figures: &[Figure]) -> Markup {
    let s = &a.selection;
    let flags: Vec<String> = s
        .flags
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(name, n)| format!("{name} {}", percent(*n as f64 / s.steps.max(1) as f64)))
        .collect();
    html! {
        article id=(format!("r{i}")) {
            h3 { (a.subject.name) }
            p.soft { (text(a, "description")) }
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
            @for (question, names) in QUESTIONS {
                @let shown: Vec<&Figure> = figures.iter().filter(|f| names.contains(&f.name)).collect();
                @if !shown.is_empty() {
                    h4 { (question) }
                    @if names.contains(&"zero-share") { (global(a)) }
                    @if names.contains(&"distribution") { (state(a)) }
                    @if names.contains(&"trace") { (temporal(a)) }
                    div.figures { @for figure in shown { (figure_of(figure)) } }
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
    let alone = |g: &crate::analysis::global::GlobalSparsity| {
        g.cells.iter().filter(|c| c.reason.is_none()).map(|c| format!("{}′/{}", c.row, c.column)).collect::<Vec<_>>()
    };
    html! {
        div.scroll { table {
            thead { tr {
                th { "matrix" } th { "size" } th { "zero in every step" } th { "%" } th { "never nonzero, undecided at times" }
                th { "steps since the count last fell" } th { "a further episode is expected to take" }
            } }
            tbody { @for g in &a.global { tr {
                td { (g.matrix.name()) } td { (g.shape.rows) " × " (g.shape.columns) } td { (g.zero) }
                td { (format!("{:.1}", g.percent)) } td { (g.open) } td { (g.bound.quiet_samples) }
                td { @if g.episodes > 1 { (short(g.bound.expected_next_episode)) } @else { "–" } }
            } } }
        } }
        @if !reasons.is_empty() {
            div.scroll { table {
                thead { tr { th { "matrix" } th.l { "which" } th.l { "why" } th { "zero" } th { "undecided at times" } } }
                tbody { @for (matrix, r) in reasons.iter().take(REASONS) { tr {
                    td { (matrix.name()) } td.l { (r.name) } td.l { (r.kind.describe()) } td { (r.cells) } td { (r.open) }
                } } }
            } }
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
    html! { div.scroll { table {
        thead { tr {
            th { "matrix" } th { "mean sparsity" } th { "± std" } th { "min – max" } th { "undecided" }
            th { "patterns" } th { "entropy, bits" } th { "explained by contacts beyond chance (95 %)" } th { "by constraint rows" }
        } }
        tbody { @for s in &a.state { tr {
            td { (s.matrix.name()) } td { (percent(s.mean)) } td { (percent(s.std)) }
            td { (percent(s.min)) " – " (percent(s.max)) } td { (percent(s.mean_undecided)) }
            td { @if !s.patterns.complete { "≥ " } (s.patterns.distinct) }
            td { (short(s.patterns.entropy_bits)) }
            td { (explained(s.matrix, "contacts")) } td { (explained(s.matrix, "constraints")) }
        } } }
    } } }
}

fn temporal(a: &Analysis) -> Markup {
    let maybe = |x: Option<f64>| x.map_or_else(|| "–".to_owned(), short);
    html! { div.scroll { table {
        thead { tr {
            th { "matrix" } th { "entries that switch" } th { "groups" } th { "steps with a switch" } th { "entries per switch" }
            th { "groups" } th { "mean zero run, steps" } th { "mean nonzero run, steps" } th { "burstiness" } th { "memoryless" }
            th { "switches with a contact event" } th { "by chance" }
        } }
        tbody { @for t in &a.temporal {
            @let contacts = t.delays.iter().find(|d| d.regime == "contacts");
            tr {
                td { (t.matrix.name()) } td { (t.switching_entries) } td { (t.distinct.groups) }
                td { (t.events.rate.map_or_else(|| "–".to_owned(), percent)) } td { (maybe(t.events.together)) }
                td { (maybe(t.events.together_groups)) }
                td { (mean_of(&t.distinct.zero, t.distinct.zero_interval)) }
                td { (mean_of(&t.distinct.nonzero, t.distinct.nonzero_interval)) }
                td { (maybe(t.events.burstiness)) } td { (between(t.events.memoryless_burstiness_interval)) }
                td { (contacts.and_then(|d| d.with_regime).map_or_else(|| "–".to_owned(), percent)) }
                td { (contacts.and_then(|d| d.chance).map_or_else(|| "–".to_owned(), percent)) }
            }
        } }
    } } }
}
