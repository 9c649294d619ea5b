//! The page.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, GzBuilder};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{self, short};
use super::figure::{Figure, percent};
use super::table::Table;
use super::{Figures, ReportError, ReportInput, learned, overview, task};
use crate::analysis::compare::{Compared, Comparison};
use crate::analysis::paper::{self, Published};
use crate::analysis::state::{CountGroup, Patterns, RegimeGroup};
use crate::analysis::temporal::{Delays, Runs, Temporal};
use crate::analysis::threshold::Thresholds;
use crate::analysis::{Analysis, Criterion, Matrix, table};

/// Tables up to this size are embedded as plain CSV, larger ones compressed. Bytes.
const PLAIN: usize = 20_000;

/// Figures wider than this are not made smaller on narrow screens, but scrolled. px.
const WIDE: f64 = 480.0;

/// The whole page, for one file: figures, data, style and script are in it, and nothing is fetched.
///
/// # Errors
/// [`ReportError`] when a table cannot be encoded, which a writer into memory does not give.
pub fn page(input: &ReportInput<'_>) -> Result<String, ReportError> {
    let tables = input.tables();
    let mut figures = input.figures();
    // A table without a row is not there to be linked to.
    figures.each(|figure| figure.tables.retain(|name| tables.iter().any(|table| table.name == *name)));
    let data = data(input, &tables)?;
    let steps: u64 = input.analyses.iter().map(|a| a.selection.samples).sum();
    let (recorded, trained) = (!input.analyses.is_empty(), !input.learned.is_empty());
    // A page of trained networks alone has nothing to say on the first three questions.
    let parts = [
        (recorded, "all", "All recordings"),
        (recorded, "q1", "Q1 Global"),
        (recorded, "q2", "Q2 State"),
        (recorded, "q3", "Q3 Time"),
        (trained, "q4", "Q4 Models"),
        (recorded, "ablation", "Ablation"),
        (recorded, "parts", "Each recording"),
        (recorded, "methods", "Methods"),
        (recorded, "provenance", "Provenance"),
        (true, "data", "Data"),
    ];
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            (head(input.title, &style()))
            body {
                header {
                    button id="theme" type="button" { "light / dark" }
                    h1 { (input.title) }
                    p.soft {
                        @if recorded { (input.analyses.len()) " recordings, " (steps) " steps. " }
                        @if trained { (learned::count(input.learned)) ". " }
                        "Sparsity of the Jacobians A = ∂s′/∂s and B = ∂s′/∂a of robot \
                        dynamics, after the questions of "
                        a href="https://arxiv.org/abs/2511.08086" { "Dynamic Sparsity" } "."
                    }
                    nav {
                        @for (_, id, name) in parts.iter().filter(|(there, ..)| *there) { a href=(format!("#{id}")) { (name) } }
                    }
                }
                main {
                    (skipped(input))
                    @if recorded {
                        section id="all" { (front(input)) }
                        section id="q1" { (q1(input, &figures)) }
                        section id="q2" { (q2(input, &figures)) }
                        section id="q3" { (q3(input, &figures)) }
                    }
                    @if trained { section id="q4" { (learned::section(input.learned, &figures.learned)) } }
                    @if recorded {
                        section id="ablation" { (ablation(input, &figures)) }
                        section id="parts" { (each(input)) }
                        section id="methods" { (methods()) }
                        section id="provenance" { (provenance(input)) }
                    }
                    // What is long comes last: the page is there, and can be used, before it is read.
                    script { (PreEscaped(concat!(include_str!("script.js"), include_str!("hover.js")))) }
                    @for (i, (a, (_, own))) in input.analyses.iter().zip(&figures.recordings).enumerate() {
                        (packed(&format!("packed-r{i}"), &task::part(a, own).into_string()))
                    }
                    section id="data" { (data) }
                    footer.soft { "Made by " (input.program) "." }
                }
            }
        }
    };
    // Names are as their authors wrote them; HTML has no control characters either.
    Ok(crate::text::lines(&body.into_string()).into_owned())
}

/// A line for each recording, which opens its part.
fn each(input: &ReportInput<'_>) -> Markup {
    let mean = |a: &Analysis| share(a.state.first().map(|s| s.mean));
    html! {
        h2 { "Each recording" }
        p.soft {
            "A click opens the part of a recording: its figures, with the value and the names of what the pointer is over (or the arrow \
             keys, once a figure has the focus), its tables and all attributes of its file."
        }
        noscript { p.warn { "The parts are packed in this page and need its script." } }
        @for (i, a) in input.analyses.iter().enumerate() {
            details.part id=(format!("r{i}")) data-name=(a.subject.name) data-task=(a.subject.task) data-suite=(text(a, "suite")) {
                summary {
                    b { (a.subject.name) }
                    span.soft { (text(a, "description")) }
                    span.soft.n { (a.subject.state.len()) " + " (a.subject.control.len()) ", A " (mean(a)) " zero" }
                }
            }
        }
    }
}

/// A part of the page that is unpacked when it is opened.
fn packed(id: &str, part: &str) -> Markup {
    html! { script type="application/gzip" id=(id) { (STANDARD.encode(compressed(part.as_bytes()))) } }
}

/// A figure with its caption and its data.
pub(super) fn figure_of(figure: &Figure) -> Markup {
    let width = figure.drawing.width.ceil();
    html! {
        figure.wide[width > WIDE] style=(format!("width:{}px", width + 24.0)) {
            @let hover = figure.drawing.hover.json();
            div.scroll tabindex=[hover.as_ref().map(|_| "0")] data-hover=[hover] { (PreEscaped(&figure.drawing.svg)) }
            figcaption {
                b { (figure.title) }
                (figure.caption) " CSV: "
                @for (i, table) in figure.tables.iter().enumerate() {
                    @if i > 0 { ", " }
                    a data-table=(table) href=(format!("#data-{table}")) { (table) }
                }
            }
        }
    }
}

/// An attribute of a recording.
pub(super) fn text(a: &Analysis, name: &str) -> String {
    match a.subject.attributes.get(name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn style() -> String {
    themed(&[chart::STYLE, include_str!("style.css")].join("\n"))
}

/// The head of a page that fetches nothing.
pub(crate) fn head(title: &str, style: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
            meta name="color-scheme" content="light dark";
            title { (title) }
            style { (PreEscaped(style)) }
        }
    }
}

/// Rules with the colours of light and dark before them, as the system prefers or as `data-theme` of the page says.
pub(crate) fn themed(rules: &str) -> String {
    let block = |variables: &[(&str, &str)]| variables.iter().map(|(n, v)| format!("--{n}:{v};")).collect::<String>();
    let (light, dark) = (block(&chart::LIGHT), block(&chart::DARK));
    format!(
        ":root{{color-scheme:light;{light}}}\
         @media(prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\
         :root[data-theme=dark]{{color-scheme:dark;{dark}}}\n{rules}"
    )
}

fn some(figures: &[Figure], names: &[&str]) -> Markup {
    html! {
        div.figures { @for figure in figures.iter().filter(|f| names.contains(&f.name)) { (figure_of(figure)) } }
    }
}

/// A number, where there is one.
pub(super) fn maybe(x: Option<f64>) -> String {
    x.map_or_else(|| "–".to_owned(), short)
}

/// A share as percent, where there is one.
pub(super) fn share(x: Option<f64>) -> String {
    x.map_or_else(|| "–".to_owned(), percent)
}

fn skipped(input: &ReportInput<'_>) -> Markup {
    html! {
        @if !input.skipped.is_empty() {
            div.warn {
                p { b { (input.skipped.len()) " recordings are missing from this page:" } }
                @for s in input.skipped { p { (s.reason) } }
            }
        }
        @let without: Vec<&str> = input.analyses.iter().filter(|a| !a.masks).map(|a| a.subject.name.as_str()).collect();
        @if !without.is_empty() {
            div.warn { p {
                b { "Fixed thresholds only: " } "no zero masks were recorded in " (without.join(", "))
                ". There an entry counts as zero by its size alone and none is undecided."
            } }
        }
    }
}

fn front(input: &ReportInput<'_>) -> Markup {
    html! {
        h2 { "All recordings" }
        p {
            "A click on a head sorts. Contacts explain: beyond chance. Zero: entries that are zero in every step. Undecided: entries that were never seen nonzero \
             but were undecided at least once; they count on neither side. Flagged: steps with any flag, such as a contact that \
             switches within reach of a difference."
        }
        (filter(input.analyses))
        (all_recordings(input.analyses))
    }
}

/// What of the recordings is shown, in every table and list of the page.
fn filter(analyses: &[Analysis]) -> Markup {
    let suites: std::collections::BTreeSet<String> =
        analyses.iter().map(|a| text(a, "suite")).filter(|suite| !suite.is_empty()).collect();
    html! {
        @if analyses.len() > 1 {
            p.filter {
                label { "Task or recording " input #find type="search" autocomplete="off"; }
                @if suites.len() > 1 {
                    label { "Suite " select #suite {
                        option value="" { "all" }
                        @for suite in &suites { option value=(suite) { (suite) } }
                    } }
                }
                output #found aria-live="polite" {}
            }
        }
    }
}

/// A line for every recording.
fn all_recordings(analyses: &[Analysis]) -> Markup {
    let or_dash = |n: Option<usize>| n.map_or_else(|| "–".to_owned(), |n| n.to_string());
    let zero = |a: &Analysis, m: usize| or_dash(a.global.get(m).map(|g| g.zero));
    let undecided = |a: &Analysis, m: usize| or_dash(a.global.get(m).map(|g| g.undecided));
    let sparsity = |a: &Analysis, m: usize| {
        let mean = a.state.get(m).map(|s| s.mean);
        (share(mean), mean)
    };
    let table = Table::of(analyses.iter().enumerate())
        .sortable()
        .number("recording", |(i, a)| html! { a href=(format!("#r{i}")) { (a.subject.name) } })
        .number("state", |(_, a)| a.subject.state.len())
        .number("control", |(_, a)| a.subject.control.len())
        .number("steps", |(_, a)| a.selection.samples)
        .number("zero A", |(_, a)| zero(a, 0))
        .number("undecided A", |(_, a)| undecided(a, 0))
        .number("zero B", |(_, a)| zero(a, 1))
        .number("undecided B", |(_, a)| undecided(a, 1))
        .sorted("mean sparsity A", |(_, a)| sparsity(a, 0))
        .sorted("mean sparsity B", |(_, a)| sparsity(a, 1))
        .number("patterns A", |(_, a)| a.state.first().map_or_else(|| html! { "–" }, |s| distinct(&s.patterns)))
        .number("entropy A, bits", |(_, a)| maybe(a.state.first().map(|s| s.patterns.entropy_bits)))
        .sorted("contacts explain", |(_, a)| {
            let mut found = a.regimes.information.iter();
            let contacts = found.find(|x| x.matrix == Matrix::A && x.regime == "contacts");
            let explained = contacts.and_then(|x| x.chance.as_ref()).and_then(|c| c.recurring.beyond);
            (share(explained), explained)
        })
        .sorted("burstiness A", |(_, a)| {
            let burst = a.temporal.first().and_then(|t| t.events.burstiness);
            (maybe(burst), burst)
        })
        .sorted("flagged", |(_, a)| {
            let flagged = a.selection.flagged as f64 / a.selection.steps.max(1) as f64;
            (percent(flagged), Some(flagged))
        });
    // Mostly the same for all, and the table is wide.
    let by_masks = analyses.iter().all(|a| a.criterion == Criterion::Mask);
    if by_masks { table.markup() } else { table.number("zero by", |(_, a)| criterion(a)).markup() }
}

/// How many patterns there are, at least where not all were told apart.
pub(super) fn distinct(patterns: &Patterns) -> Markup {
    html! { @if !patterns.complete { "≥ " } (patterns.distinct) }
}

fn criterion(a: &Analysis) -> String {
    match a.criterion {
        Criterion::Mask => "zero test".to_owned(),
        Criterion::Threshold(x) => format!("{x:e}"),
    }
}

fn q1(input: &ReportInput<'_>, figures: &Figures) -> Markup {
    let known: Vec<_> = input.analyses.iter().filter_map(|a| Some((a, a.published?))).collect();
    html! {
        h2 { "Q1 Which entries are zero in every state?" }
        p {
            "Entries that are zero in every recorded step, and what explains them: a coordinate that the dynamics do not depend on, \
             or parts that never act on each other. The heatmaps, the names of the entries and how the count settles are with each \
             recording below."
        }
        (some(&figures.overview, &["all-global"]))
        @if !known.is_empty() {
            h4 { "Table 1 of the paper, beside ours" }
            (beside_published(&known))
            p.soft { "Paper: " (paper::SOURCE) "." }
        }
    }
}

/// Table 1 of the paper beside what was found.
fn beside_published(known: &[(&Analysis, Published)]) -> Markup {
    let zero = |a: &Analysis, m: usize| a.global.get(m).map_or(0, |g| g.zero);
    let undecided = |a: &Analysis, m: usize| a.global.get(m).map_or(0, |g| g.undecided);
    Table::of(known.iter().copied())
        .number("recording", |(a, _)| &a.subject.name)
        .number("state", |(a, _)| a.subject.state.len())
        .published("paper", |(_, p)| p.state)
        .number("control", |(a, _)| a.subject.control.len())
        .published("paper", |(_, p)| p.control)
        .number("zero A", |(a, _)| zero(a, 0))
        .published("paper", |(_, p)| p.zero_a)
        .number("undecided A", |(a, _)| undecided(a, 0))
        .number("zero B", |(a, _)| zero(a, 1))
        .published("paper", |(_, p)| p.zero_b)
        .number("undecided B", |(a, _)| undecided(a, 1))
        .words("same", |(a, p)| {
            let sizes = [a.subject.state.len(), a.subject.control.len()] == [p.state, p.control];
            if sizes && [zero(a, 0), zero(a, 1)] == [p.zero_a, p.zero_b] { "yes" } else { "no" }
        })
        .markup()
}

fn q2(input: &ReportInput<'_>, figures: &Figures) -> Markup {
    html! {
        h2 { "Q2 How does sparsity depend on the state?" }
        p {
            "The sparsity of a step is the share of its entries that are zero. A zero pattern is the whole set of verdicts of a step. \
             Whether it follows from what touches is measured by mutual information."
        }
        (some(&figures.overview, &["all-distribution", "all-explained"]))
        h4 { "With and without, at the start of the step" }
        (with_and_without(input.analyses))
    }
}

/// How sparse A is in steps that begin with contacts, constraint rows or limits, and in those without.
fn with_and_without(analyses: &[Analysis]) -> Markup {
    type Groups = fn(&Analysis) -> &[CountGroup];
    let levels: [(&str, Groups); 3] = [
        ("contacts", |a| &a.regimes.by_contacts),
        ("constraint rows that act", |a| &a.regimes.by_rows),
        ("limits that act", |a| &a.regimes.by_limits),
    ];
    let mut table = Table::of(analyses).number("recording", |a| &a.subject.name);
    for (name, groups) in levels {
        table = table
            .number(format!("no {name}: steps"), move |a| {
                without(groups(a)).map_or_else(|| "0 %".to_owned(), |g| percent(g.share))
            })
            .number("mean sparsity A", move |a| share(without(groups(a)).map(|g| g.mean_a)))
            .number("with: mean sparsity A", move |a| share(mean_with(groups(a))));
    }
    table.markup()
}

/// The steps with none.
fn without(groups: &[CountGroup]) -> Option<&RegimeGroup> {
    groups.iter().find(|g| g.count == 0).map(|g| &g.group)
}

/// Mean sparsity of A in the steps with any.
fn mean_with(groups: &[CountGroup]) -> Option<f64> {
    let with = || groups.iter().filter(|g| g.count > 0).map(|g| &g.group);
    let steps: u64 = with().map(|g| g.steps).sum();
    let mean = with().map(|g| g.mean_a * g.steps as f64).sum::<f64>() / steps.max(1) as f64;
    (steps > 0).then_some(mean)
}

fn q3(input: &ReportInput<'_>, figures: &Figures) -> Markup {
    html! {
        h2 { "Q3 How does sparsity change in time?" }
        p {
            "A switch is a step whose zero pattern differs from that of the step before. Switches that come in clusters, and at contact \
             events, mean that sparsity has structure in time. Undecided entries and steps that do not count are gaps: nothing is \
             compared across them. Entries that always do the same count once, as a group; runs are those of groups. Memoryless: \
             the middle 95 % of what the same switches at random steps of their episodes give."
        }
        (some(&figures.overview, &["all-burstiness"]))
        h4 { "Matrix A" }
        (switches(input.analyses))
    }
}

/// Runs and switches of A in every recording.
fn switches(analyses: &[Analysis]) -> Markup {
    Table::of(analyses.iter().filter_map(|a| Some((a, a.temporal.first()?))))
        .number("recording", |(a, _)| &a.subject.name)
        .number("steps with a switch", |(_, t)| share(t.events.rate))
        .number("entries per switch", |(_, t)| maybe(t.events.together))
        .number("groups", |(_, t)| maybe(t.events.together_groups))
        .number("zero run, steps", |(_, t)| mean_of(&t.distinct.zero, t.distinct.zero_interval))
        .number("nonzero run, steps", |(_, t)| mean_of(&t.distinct.nonzero, t.distinct.nonzero_interval))
        .number("burstiness", |(_, t)| maybe(t.events.burstiness))
        .number("memoryless", |(_, t)| between(t.events.memoryless_burstiness_interval))
        .number("switches at contact events", |(_, t)| share(of_contacts(t).and_then(|d| d.with_regime)))
        .number("by chance", |(_, t)| share(of_contacts(t).and_then(|d| d.chance)))
        .markup()
}

/// What events of contact have to do with switches.
pub(super) fn of_contacts(t: &Temporal) -> Option<&Delays> {
    t.delays.iter().find(|d| d.regime == "contacts")
}

/// A mean length with half of its interval.
pub(super) fn mean_of(runs: &Runs, interval: Option<[f64; 2]>) -> String {
    match (runs.mean, interval) {
        (Some(mean), Some([low, high])) => format!("{} ± {}", short(mean), short(0.5 * (high - low))),
        (mean, _) => mean.map_or_else(|| "–".to_owned(), short),
    }
}

/// The ends of an interval.
pub(super) fn between(interval: Option<[f64; 2]>) -> String {
    interval.map_or_else(|| "–".to_owned(), |[low, high]| format!("{} to {}", short(low), short(high)))
}

fn ablation(input: &ReportInput<'_>, figures: &Figures) -> Markup {
    html! {
        h2 { "Ablation: thresholds and settings" }
        p { "What a fixed threshold would have said of each entry, from 1e-16 to 1e-2, against the zero test that was recorded." }
        @if !figures.overview.iter().any(|f| f.name == "all-thresholds") {
            p.warn { "No recording here was read by its zero test, so that thresholds have nothing to be compared with." }
        }
        (some(&figures.overview, &["all-thresholds"]))
        (best(input))
        (some(&figures.overview, &["all-compared"]))
        @for c in input.comparisons {
            h4 { (c.task) " side by side" }
            (side_by_side(c))
        }
    }
}

/// Recordings of one task, a line for each matrix.
fn side_by_side(comparison: &Comparison) -> Markup {
    let rows = comparison.recordings.iter().flat_map(|r| r.figures.iter().map(move |f| (r, f)));
    let differs = |r: &Compared| {
        html! {
            @for (i, (key, value)) in comparison.keys.iter().zip(&r.values).enumerate() {
                @if i > 0 { "; " }
                (key) " " (value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            }
        }
    };
    Table::of(rows)
        .wrapping()
        .number("recording", |(r, _)| &r.name)
        .words("differs in", |(r, _)| differs(r))
        .number("matrix", |(_, f)| f.matrix.name())
        .number("steps", |(r, _)| r.samples)
        .number("zero", |(_, f)| f.always_zero)
        .number("undecided", |(_, f)| f.undecided)
        .number("mean sparsity", |(_, f)| percent(f.mean))
        .number("patterns", |(_, f)| f.patterns)
        .number("entropy, bits", |(_, f)| short(f.entropy_bits))
        .number("switches per s", |(_, f)| maybe(f.events_per_second))
        .number("contacts explain", |(_, f)| share(f.explained_by_contacts))
        .markup()
}

/// The threshold that errs least, by recording.
fn best(input: &ReportInput<'_>) -> Markup {
    let least_wrong = |a| {
        let t = tested(a)?;
        let shares = overview::wrong(t);
        let least = (0..shares.len()).filter(|i| shares[*i].is_some()).min_by(|i, j| {
            let share = |k: usize| shares[k].unwrap_or(f64::MAX);
            share(*i).total_cmp(&share(*j))
        })?;
        let x = &t.thresholds[least];
        Some((a, x, x.against_mask.as_ref()?, a.global.first()?))
    };
    let rows: Vec<_> = input.analyses.iter().filter_map(least_wrong).collect();
    html! { @if !rows.is_empty() {
        h4 { "The threshold that errs least, matrix A" }
        (Table::of(rows)
        .number("recording", |(a, ..)| &a.subject.name)
        .number("threshold", |(_, x, ..)| format!("{:e}", x.threshold))
        .number("zero, called nonzero", |(_, _, d, _)| d.false_nonzero)
        .number("nonzero, called zero", |(_, _, d, _)| d.false_zero)
        .number("of decided", |(_, _, d, _)| d.decided)
        .number("undecided", |(_, _, d, _)| d.undecided_zero + d.undecided_nonzero)
        .number("global zeros by it", |(_, x, ..)| x.always_zero)
        .number("by the test", |(.., test)| test.zero)
        .number("undecided", |(.., test)| test.undecided)
        .markup())
    } }
}

/// Thresholds of A, where a zero test was recorded and taken.
fn tested(a: &Analysis) -> Option<&Thresholds> {
    a.thresholds.first().filter(|_| a.masks && a.criterion == Criterion::Mask)
}

fn methods() -> Markup {
    html! {
        h2 { "Methods" }
        dl {
            dt { "Jacobians" }
            dd { "A = ∂s′/∂s and B = ∂s′/∂a of one recorded step in the tangent space (dq, qvel, act), as recorded; the engine of every \
                  recording is under Provenance." }
            dt { "Zero test" }
            dd { "Every entry has a recorded verdict: nonzero, zero (by the model's structure, or below the noise that was reckoned with), \
                  or undecided. Without a recorded test an entry is zero where |x| is below a fixed threshold, which cannot tell noise \
                  from a small derivative." }
            dt { "Undecided" }
            dd { "A third value: never among the zeros of a sparsity, part of a pattern as itself, and a gap in time." }
            dt { "Global zeros" }
            dd { "Entries that are zero in every step that counts. Entries seen nonzero in one episode only, over the episodes, estimate how \
                  many a further episode takes from the count (Good 1953)." }
            dt { "Entropy" }
            dd { "Of the zero patterns by their share of the steps, bits." }
            dt { "Mutual information" }
            dd { "Of the pattern and the set of geom pairs that touch in any physics step of the step (or the list of constraint rows that act \
                  at its start, with type and state). Beyond chance: minus the mean over circular shifts of the regimes against the \
                  patterns within episodes, which keep how often each occurs and how long it lasts. Its 95 % interval is of the scatter of \
                  the shifts and of a jackknife over episodes. Regimes of fewer than 5 steps are taken for one: nothing can be known of \
                  them, and where most are such, chance explains much, which the bias (pairs − regimes − patterns + 1) / (2 n ln 2) \
                  of Miller and Madow, in the tables too, misses." }
            dt { "Burstiness" }
            dd { "(σ − μ) / (σ + μ) of the intervals between switches within episodes (Goh and Barabási 2008). Fano factor: variance over mean \
                  of the switches in windows one after the other. Memoryless: the same of as many switches at random steps of each \
                  episode, mean over shuffles." }
            dt { "Runs by group" }
            dd { "Entries that never contradict each other (zero together, nonzero together, or one of them undecided) count once. The 95 % \
                  interval of a mean length takes runs for independent." }
            dt { "Autocorrelation" }
            dd { "1 − d / (2 v): d the share of entries that differ so many steps later, v the mean of m (1 − m) with the mean m of an entry in \
                  its episode." }
            dt { "Embedding" }
            dd { "A uniform sample of the steps; qpos, qvel, act, ctrl and the next state, each scaled to mean 0 and standard deviation 1." }
            dt { "Colours" }
            dd { "Cividis: it grows in lightness alone, so that it reads in grey and for colour-blind readers. A is round and solid, B square and \
                  dashed." }
        }
    }
}

fn provenance(input: &ReportInput<'_>) -> Markup {
    let main = ["engine", "solver", "policy", "seed", "step_kind", "mujoco_version", "dynsparse_version"];
    html! {
        h2 { "Provenance" }
        p { "This page: " (input.program) ". Settings of the analysis: " code { (input.settings) } }
        div.scroll { table {
            thead { tr { th { "recording" } @for name in main { th.l { (name) } } th.l { "content_sha256" } } }
            tbody { @for a in input.analyses { tr {
                td { (a.subject.name) }
                @for name in main { td.l { (text(a, name)) } }
                td.l { code { (a.subject.content_sha256.as_deref().unwrap_or("–")) } }
            } } }
        } }
        p.soft { "All attributes of a file are at the end of its part." }
    }
}

fn data(input: &ReportInput<'_>, tables: &[table::Table]) -> Result<Markup, ReportError> {
    let mut links = Vec::new();
    for table in tables {
        let csv = table.to_csv(input.program, input.settings)?;
        let (kind, name, bytes) = if csv.len() <= PLAIN {
            ("text/csv", format!("{}.csv", table.name), csv)
        } else {
            ("application/gzip", format!("{}.csv.gz", table.name), compressed(&csv))
        };
        links.push((table, name, format!("data:{kind};base64,{}", STANDARD.encode(bytes))));
    }
    Ok(html! {
        h2 { "Data" }
        p {
            "Every number of this page as CSV, all recordings in one table, with the settings and the meaning of every column in its first \
             lines (they begin with #). The tables are inside this page, as data: addresses; large ones are compressed there and \
             unpacked when you save them (without scripts they are saved as .csv.gz)."
        }
        div.scroll { table {
            thead { tr { th { "table" } th { "rows" } th.l { "holds" } } }
            tbody { @for (table, name, href) in &links {
                tr id=(format!("data-{}", table.name)) {
                    td { a download=(name) href=(href) { (table.name) } } td { (table.rows.len()) } td.l { (table.about) }
                }
            } }
        } }
    })
}

/// gzip without a time stamp.
fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    // Into memory, which takes everything.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
