//! The page.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, GzBuilder};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{self, short};
use super::figure::{Figure, percent};
use super::{Figures, Input, ReportError, learned, overview, task};
use crate::analysis::table::Table;
use crate::analysis::temporal::{Runs, Temporal};
use crate::analysis::{Analysis, Criterion, Matrix, paper};

/// Tables up to this size are embedded as plain CSV, larger ones compressed. Bytes.
const PLAIN: usize = 20_000;

/// Figures wider than this are not made smaller on narrow screens, but scrolled. px.
const WIDE: f64 = 480.0;

/// The whole page, for one file: figures, data, style and script are in it, and nothing is fetched.
///
/// # Errors
/// [`ReportError`] when a table cannot be encoded, which a writer into memory does not give.
pub fn page(input: &Input<'_>) -> Result<String, ReportError> {
    let figures = input.figures();
    let tables = input.tables();
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
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
                meta name="color-scheme" content="light dark";
                title { (input.title) }
                style { (PreEscaped(style())) }
            }
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
                        section id="parts" { (each(input, &figures)) }
                        section id="methods" { (methods()) }
                        section id="provenance" { (provenance(input)) }
                    }
                    section id="data" { (data) }
                    footer.soft { "Made by " (input.program) "." }
                }
                script { (PreEscaped(include_str!("script.js"))) }
            }
        }
    };
    // Names are as their authors wrote them; HTML has no control characters either.
    Ok(crate::text::lines(&body.into_string()).into_owned())
}

fn each(input: &Input<'_>, figures: &Figures) -> Markup {
    html! {
        h2 { "Each recording" }
        p {
            @for (i, a) in input.analyses.iter().enumerate() {
                @if i > 0 { " · " } a href=(format!("#r{i}")) { (a.subject.name) }
            }
        }
        @for (i, (a, (_, own))) in input.analyses.iter().zip(&figures.recordings).enumerate() {
            (task::part(i, a, own))
        }
    }
}

/// A figure with its caption and its data.
pub(super) fn figure_of(figure: &Figure) -> Markup {
    let width = figure.drawing.width.ceil();
    html! {
        figure.wide[width > WIDE] style=(format!("width:{}px", width + 24.0)) {
            div.scroll { (PreEscaped(&figure.drawing.svg)) }
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
    let block = |variables: &[(&str, &str)]| variables.iter().map(|(n, v)| format!("--{n}:{v};")).collect::<String>();
    let (light, dark) = (block(&chart::LIGHT), block(&chart::DARK));
    format!(
        ":root{{color-scheme:light;{light}}}\
         @media(prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\
         :root[data-theme=dark]{{color-scheme:dark;{dark}}}\n{}\n{}",
        chart::STYLE,
        include_str!("style.css")
    )
}

fn some(figures: &[Figure], names: &[&str]) -> Markup {
    html! {
        div.figures { @for figure in figures.iter().filter(|f| names.contains(&f.name)) { (figure_of(figure)) } }
    }
}

fn maybe(x: Option<f64>) -> String {
    x.map_or_else(|| "–".to_owned(), short)
}

fn skipped(input: &Input<'_>) -> Markup {
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

/// A cell with the number that it is sorted by.
fn cell(text: impl maud::Render, value: Option<f64>) -> Markup {
    html! { td data-v=(value.map_or_else(String::new, |v| v.to_string())) { (text) } }
}

fn front(input: &Input<'_>) -> Markup {
    html! {
        h2 { "All recordings" }
        p {
            "A click on a head sorts. Contacts explain: beyond chance. Zero: entries that are zero in every step. Undecided: entries that were never seen nonzero \
             but were undecided at least once; they count on neither side. Flagged: steps with any flag, such as a contact that \
             switches within reach of a difference."
        }
        div.scroll { table.front {
            thead { tr {
                @for head in [
                    "recording", "state", "control", "steps", "zero A", "undecided A", "zero B", "undecided B", "mean sparsity A",
                    "mean sparsity B", "patterns A", "entropy A, bits", "contacts explain", "burstiness A", "flagged", "zero by",
                ] { th scope="col" { (head) } }
            } }
            tbody { @for (i, a) in input.analyses.iter().enumerate() {
                @let [ga, gb] = [a.global.first(), a.global.get(1)];
                @let [sa, sb] = [a.state.first(), a.state.get(1)];
                @let contacts = a.regimes.information.iter().find(|x| x.matrix == Matrix::A && x.regime == "contacts");
                @let explained = contacts.and_then(|x| x.chance.as_ref()).and_then(|c| c.recurring.beyond);
                @let burst = a.temporal.first().and_then(|t| t.events.burstiness);
                @let flagged = a.selection.flagged as f64 / a.selection.steps.max(1) as f64;
                tr {
                    td { a href=(format!("#r{i}")) { (a.subject.name) } }
                    td { (a.subject.state.len()) } td { (a.subject.control.len()) } td { (a.selection.samples) }
                    @for g in [ga, gb] { @match g {
                        Some(g) => { td { (g.zero) } td { (g.open) } }
                        None => { td { "–" } td { "–" } }
                    } }
                    @for s in [sa, sb] { (cell(s.map_or_else(|| "–".to_owned(), |s| percent(s.mean)), s.map(|s| s.mean))) }
                    @match sa {
                        Some(s) => {
                            td { @if !s.patterns.complete { "≥ " } (s.patterns.distinct) }
                            td { (short(s.patterns.entropy_bits)) }
                        }
                        None => { td { "–" } td { "–" } }
                    }
                    (cell(explained.map_or_else(|| "–".to_owned(), percent), explained))
                    (cell(maybe(burst), burst))
                    (cell(percent(flagged), Some(flagged)))
                    td { (criterion(a)) }
                }
            } }
        } }
    }
}

fn criterion(a: &Analysis) -> String {
    match a.criterion {
        Criterion::Mask => "zero test".to_owned(),
        Criterion::Threshold(x) => format!("{x:e}"),
    }
}

fn q1(input: &Input<'_>, figures: &Figures) -> Markup {
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
            div.scroll { table {
                thead { tr {
                    th { "recording" } th { "state" } th { "paper" } th { "control" } th { "paper" } th { "zero A" } th { "paper" }
                    th { "undecided A" } th { "zero B" } th { "paper" } th { "undecided B" } th.l { "same" }
                } }
                tbody { @for (a, p) in &known {
                    @let [zero, open] = [0, 1].map(|k| [0, 1].map(|m| a.global.get(m).map_or(0, |g| if k == 0 { g.zero } else { g.open })));
                    @let same = [a.subject.state.len(), a.subject.control.len()] == [p.state, p.control] && zero == [p.zero_a, p.zero_b];
                    tr {
                        td { (a.subject.name) }
                        td { (a.subject.state.len()) } td.soft { (p.state) } td { (a.subject.control.len()) } td.soft { (p.control) }
                        td { (zero[0]) } td.soft { (p.zero_a) } td { (open[0]) }
                        td { (zero[1]) } td.soft { (p.zero_b) } td { (open[1]) }
                        td.l { @if same { "yes" } @else { "no" } }
                    }
                } }
            } }
            p.soft { "Paper: " (paper::SOURCE) "." }
        }
    }
}

fn q2(input: &Input<'_>, figures: &Figures) -> Markup {
    let levels = [("limits", "limits that act"), ("rows", "constraint rows that act"), ("contacts", "contacts")];
    html! {
        h2 { "Q2 How does sparsity depend on the state?" }
        p {
            "The sparsity of a step is the share of its entries that are zero. A zero pattern is the whole set of verdicts of a step. \
             Whether it follows from what touches is measured by mutual information."
        }
        (some(&figures.overview, &["all-distribution", "all-explained"]))
        h4 { "With and without, at the start of the step" }
        div.scroll { table {
            thead { tr {
                th { "recording" }
                @for (_, name) in levels.iter().rev() { th { "no " (name) ": steps" } th { "mean sparsity A" } th { "with: mean sparsity A" } }
            } }
            tbody { @for a in input.analyses { tr {
                td { (a.subject.name) }
                @for groups in [&a.regimes.by_contacts, &a.regimes.by_rows, &a.regimes.by_limits] {
                    @let none = groups.iter().find(|g| g.count == 0).map(|g| &g.group);
                    @let with: Vec<_> = groups.iter().filter(|g| g.count > 0).map(|g| &g.group).collect();
                    @let steps: u64 = with.iter().map(|g| g.steps).sum();
                    @let mean = with.iter().map(|g| g.mean_a * g.steps as f64).sum::<f64>() / steps.max(1) as f64;
                    td { (none.map_or_else(|| "0 %".to_owned(), |g| percent(g.share))) }
                    td { (none.map_or_else(|| "–".to_owned(), |g| percent(g.mean_a))) }
                    td { @if steps > 0 { (percent(mean)) } @else { "–" } }
                }
            } } }
        } }
    }
}

fn q3(input: &Input<'_>, figures: &Figures) -> Markup {
    let share = |x: Option<f64>| x.map_or_else(|| "–".to_owned(), percent);
    let row = |a: &Analysis, t: &Temporal| {
        let contacts = t.delays.iter().find(|d| d.regime == "contacts");
        html! { tr {
            td { (a.subject.name) } td { (share(t.events.rate)) } td { (maybe(t.events.together)) }
            td { (maybe(t.events.together_groups)) }
            td { (mean_of(&t.distinct.zero, t.distinct.zero_interval)) }
            td { (mean_of(&t.distinct.nonzero, t.distinct.nonzero_interval)) }
            td { (maybe(t.events.burstiness)) }
            td { (between(t.events.memoryless_burstiness_interval)) }
            td { (share(contacts.and_then(|d| d.with_regime))) } td { (share(contacts.and_then(|d| d.chance))) }
        } }
    };
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
        div.scroll { table {
            thead { tr {
                th { "recording" } th { "steps with a switch" } th { "entries per switch" } th { "groups" } th { "zero run, steps" }
                th { "nonzero run, steps" } th { "burstiness" } th { "memoryless" } th { "switches at contact events" } th { "by chance" }
            } }
            tbody { @for a in input.analyses { @if let Some(t) = a.temporal.first() { (row(a, t)) } } }
        } }
    }
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

fn ablation(input: &Input<'_>, figures: &Figures) -> Markup {
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
            div.scroll { table.wrap {
                thead { tr {
                    th { "recording" } th.l { "differs in" } th { "matrix" } th { "steps" } th { "zero" } th { "undecided" } th { "mean sparsity" }
                    th { "patterns" } th { "entropy, bits" } th { "switches per s" } th { "contacts explain" }
                } }
                tbody { @for r in &c.recordings { @for f in &r.figures { tr {
                    td { (r.name) }
                    td.l {
                        @for (i, (key, value)) in c.keys.iter().zip(&r.values).enumerate() {
                            @if i > 0 { "; " }
                            (key) " " (value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                        }
                    }
                    td { (f.matrix.name()) } td { (r.samples) } td { (f.always_zero) } td { (f.open) } td { (percent(f.mean)) }
                    td { (f.patterns) } td { (short(f.entropy_bits)) } td { (maybe(f.events_per_second)) }
                    td { (f.explained_by_contacts.map_or_else(|| "–".to_owned(), percent)) }
                } } } }
            } }
        }
    }
}

/// The threshold that errs least, by recording.
fn best(input: &Input<'_>) -> Markup {
    let row = |a: &Analysis| {
        let t = a.thresholds.first().filter(|_| a.masks && a.criterion == Criterion::Mask)?;
        let shares = overview::wrong(t);
        let least = (0..shares.len()).filter(|i| shares[*i].is_some()).min_by(|i, j| {
            let share = |k: usize| shares[k].unwrap_or(f64::MAX);
            share(*i).total_cmp(&share(*j))
        })?;
        let (x, test) = (&t.thresholds[least], a.global.first()?);
        let d = x.against_mask.as_ref()?;
        Some(html! { tr {
            td { (a.subject.name) } td { (format!("{:e}", x.threshold)) } td { (d.false_nonzero) } td { (d.false_zero) }
            td { (d.decided) } td { (d.undecided_zero + d.undecided_nonzero) } td { (x.always_zero) } td { (test.zero) } td { (test.open) }
        } })
    };
    let rows: Vec<Markup> = input.analyses.iter().filter_map(row).collect();
    html! { @if !rows.is_empty() {
        h4 { "The threshold that errs least, matrix A" }
        div.scroll { table {
            thead { tr {
                th { "recording" } th { "threshold" } th { "zero, called nonzero" } th { "nonzero, called zero" } th { "of decided" }
                th { "undecided" } th { "global zeros by it" } th { "by the test" } th { "undecided" }
            } }
            tbody { @for row in rows { (row) } }
        } }
    } }
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

fn provenance(input: &Input<'_>) -> Markup {
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
        @for a in input.analyses {
            details {
                summary { (a.subject.name) ": all attributes" }
                dl {
                    dt { "file" } dd { (a.subject.file) }
                    @for name in a.subject.attributes.keys() { dt { (name) } dd { (text(a, name)) } }
                }
            }
        }
    }
}

fn data(input: &Input<'_>, tables: &[Table]) -> Result<Markup, ReportError> {
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
