//! Figures and tables of learned models (question 4). Settings of a task carry the same letter in all its figures.

use maud::{Markup, html};

use super::chart::{self, Axis, Canvas, Plot, Row, SIZE, Tile, short};
use super::figure::{Figure, percent};
use super::page::{figure_of, maybe, share};
use super::table::Table;
pub(super) use crate::learn::learning_tables;
use crate::learn::{self, BY_TIME, Measure, RunResult, SettingComparison, Strip, Summary};

/// Settings of a task that figures show at most.
const SHOWN: usize = 12;

/// Strips that a figure shows at most, and the size of their cells, px.
const STRIPS: usize = 6;
const CELL: [f64; 2] = [4.0, 4.0];

/// What stands in the place of a task for figures over all of them.
const OVERVIEW: &str = "all";

/// Height of an entry of a legend, px.
const LINE: f64 = 15.0;

/// All seeds of one setting of a task.
struct Setting<'a> {
    letter: char,
    summary: Summary,
    runs: Vec<&'a RunResult>,
}

impl Setting<'_> {
    fn name(&self) -> String {
        self.summary.setting()
    }

    fn mean(&self, measure: Measure) -> Option<learn::stats::Mean> {
        self.summary.means.get(measure.name()).copied().flatten()
    }

    fn value(&self, measure: Measure) -> Option<f64> {
        self.mean(measure).map(|m| m.mean)
    }
}

/// Tasks in the order of the runs, with their settings.
fn tasks(runs: &[RunResult]) -> Vec<(String, Vec<Setting<'_>>)> {
    let mut found: Vec<(String, Vec<Setting<'_>>)> = Vec::new();
    for summary in learn::summaries(runs) {
        let own: Vec<&RunResult> = runs.iter().filter(|r| summary.has(r)).collect();
        let at = found.iter().position(|(task, _)| *task == summary.task).unwrap_or(found.len());
        if at == found.len() {
            found.push((summary.task.clone(), Vec::new()));
        }
        let settings = &mut found[at].1;
        let letter = char::from(b'A' + (settings.len() % 26) as u8);
        settings.push(Setting { letter, summary, runs: own });
    }
    found
}

/// Over all tasks, then by task: its name and its figures.
pub(super) fn figures(runs: &[RunResult]) -> Vec<(String, Vec<Figure>)> {
    let all = |(task, settings): (String, Vec<Setting<'_>>)| {
        let shown = &settings[..settings.len().min(SHOWN)];
        let rows: Vec<Row> = settings.iter().map(|s| zeros(s.name(), s)).collect();
        // The tallest one last.
        let drawn = [
            Some(sparsity("learned-sparsity", format!("{task}: sparsity of learned models"), &rows)),
            trade(&task, shown),
            switches(&task, shown),
            curves(&task, shown),
            masks(&task, shown),
        ];
        (task, drawn.into_iter().flatten().collect())
    };
    let tasks = tasks(runs);
    let overview = (!runs.is_empty()).then(|| (OVERVIEW.to_owned(), overview(&tasks)));
    overview.into_iter().chain(tasks.into_iter().map(all)).collect()
}

/// What the letters stand for, at the right of a plot.
fn legend(canvas: &mut Canvas, left: f64, settings: &[Setting<'_>]) {
    for (i, s) in settings.iter().enumerate() {
        let y = 34.0 + LINE * i as f64;
        canvas.text("m", [left, y], &s.letter.to_string());
        canvas.text("s", [left + 12.0, y], &s.name());
    }
}

fn room(settings: &[Setting<'_>]) -> f64 {
    34.0 + 6.4 * settings.iter().map(|s| s.name().chars().count()).max().unwrap_or(0) as f64
}

/// A plot with a legend at its right; the plot's own width stays [`SIZE`].
fn plot(x: Axis, y: Axis, settings: &[Setting<'_>]) -> Plot {
    let height = SIZE[1].max(50.0 + LINE * settings.len() as f64);
    let mut plot = Plot::new([SIZE[0], height], x, y);
    plot.canvas.width += room(settings);
    legend(&mut plot.canvas, SIZE[0] + 6.0, settings);
    plot
}

/// Least and most of some values, with a margin.
fn span(values: impl Iterator<Item = f64> + Clone, margin: f64) -> [f64; 2] {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    let more = (margin * (high - low)).max(1e-3);
    [low - more, high + more]
}

/// The row of a setting: shares of zeros by network, untrained network and truth.
fn zeros(name: String, s: &Setting<'_>) -> Row {
    let marks = [("c", Measure::Target), ("bp", Measure::Untrained), ("ap", Measure::Sparsity)];
    let marks = marks.into_iter().filter_map(|(class, m)| s.value(m).map(|x| (class, x))).collect();
    Row { name, marks, note: s.value(Measure::Next).map_or_else(|| "–".to_owned(), short) }
}

fn sparsity(name: &'static str, title: String, rows: &[Row]) -> Figure {
    let most = rows.iter().flat_map(|r| &r.marks).map(|(_, v)| *v).fold(0.1, f64::max);
    let axis = Axis::linear("share of entries of J that are zero", 0.0, (1.05 * most).min(1.0));
    let marks = [("ap", "trained, below 1e-6"), ("bp", "untrained"), ("c", "truth")];
    Figure {
        name,
        caption: "Relative sparsity of the normalised Jacobian at 1e-6 beside target and untrained network, as in \
                  Figure 8 of the paper; at the right the mean square error of the next state. Means over seeds."
            .to_owned(),
        tables: vec!["learned"],
        drawing: chart::rows(&title, &axis, 210.0, "error", &marks, rows),
        title,
    }
}

/// All tasks side by side.
fn overview(tasks: &[(String, Vec<Setting<'_>>)]) -> Vec<Figure> {
    let every =
        || tasks.iter().flat_map(|(task, settings)| settings.iter().map(move |s| (format!("{task} {}", s.name()), s)));
    let rows: Vec<Row> = every().map(|(name, s)| zeros(name, s)).collect();
    let auc = |(name, s): (String, &Setting<'_>)| {
        let marks = [("bp", Measure::AucVaries), ("ap", Measure::Auc)];
        let marks =
            marks.into_iter().filter_map(|(class, m)| s.value(m).map(|x| (class, x))).chain([("c", 0.5)]).collect();
        let note =
            s.mean(Measure::Auc).and_then(|m| m.half).map_or_else(String::new, |half| format!("± {}", short(half)));
        Row { name, marks, note }
    };
    let recovered: Vec<Row> = every().map(auc).collect();
    let low = recovered.iter().flat_map(|r| &r.marks).map(|(_, v)| *v).fold(0.5, f64::min);
    let axis = Axis::linear("ROC-AUC of |J|", (low - 0.02).max(0.0), 1.02);
    let marks = [("ap", "all entries"), ("bp", "those that vary"), ("c", "guessing")];
    let title = "How well |J| tells edges from zeros".to_owned();
    vec![
        sparsity("learned-all-sparsity", "Sparsity of learned models".to_owned(), &rows),
        Figure {
            name: "learned-all-auc",
            caption: "1: always, 0.5: guessing. Those that vary: zero at some states and not at others. Means over seeds; at the \
                      right half of the 95 % interval."
                .to_owned(),
            tables: vec!["learned"],
            drawing: chart::rows(&title, &axis, 210.0, "interval", &marks, &recovered),
            title,
        },
    ]
}

fn trade(task: &str, settings: &[Setting<'_>]) -> Option<Figure> {
    let points: Vec<(char, [f64; 2], f64)> = settings
        .iter()
        .filter_map(|s| {
            let auc = s.mean(Measure::Auc)?;
            let error = s.value(Measure::Next).filter(|e| *e > 0.0 && e.is_finite())?;
            Some((s.letter, [error, auc.mean], auc.half.unwrap_or(0.0)))
        })
        .collect();
    if points.is_empty() {
        return None;
    }
    let errors = points.iter().map(|(_, [x, _], _)| x.ln());
    let [low, high] = span(errors, 0.12);
    let ends = points.iter().flat_map(|(_, [_, y], half)| [y - half, y + half].map(|y| y.clamp(0.0, 1.0)));
    let [bottom, top] = span(ends.chain([0.5]), 0.08);
    let [low, high] = [(low - 0.05).exp(), (high + 0.05).exp()];
    // Too close for a decade to show: even ticks say more.
    let name = "mean square error of the next state";
    let x = if high > 3.0 * low { Axis::log(name, low, high) } else { Axis::linear(name, low, high) };
    let mut plot = plot(x, Axis::linear("ROC-AUC of |J|", bottom.max(0.0), top.min(1.02)), settings);
    let names: std::collections::BTreeMap<char, String> = settings.iter().map(|s| (s.letter, s.name())).collect();
    for (letter, [error, auc], half) in &points {
        let at = plot.at(*error, *auc);
        let with = if *half > 0.0 { format!("{} ± {}", short(*auc), short(*half)) } else { short(*auc) };
        plot.canvas.hover.mark(at, &names[letter], [short(*error), with]);
        let [low, high] = [auc - half, auc + half].map(|y| plot.at(*error, y.clamp(0.0, 1.0)));
        if *half > 0.0 {
            plot.canvas.line("x", low, high);
        }
        plot.canvas.text("m", [at[0], at[1] + 4.0], &letter.to_string());
    }
    Some(Figure {
        name: "learned-tradeoff",
        title: format!("{task}: sparsity recovered against error"),
        caption:
            "Up: |J| tells edges from zeros at every state (1: always, 0.5: guessing). Left: better predictions. A \
                  letter is a mean over seeds, its line the 95 % interval."
                .to_owned(),
        tables: vec!["learned"],
        drawing: plot.finish(&format!("ROC-AUC against next-state error, {task}")),
    })
}

fn switches(task: &str, settings: &[Setting<'_>]) -> Option<Figure> {
    let auc = |s: &Setting<'_>, group: &str| {
        let found: Vec<f64> = s.runs.iter().filter_map(|r| r.auc(group)).collect();
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    };
    let lines: Vec<(char, Vec<Option<f64>>)> =
        settings.iter().map(|s| (s.letter, BY_TIME.iter().map(|g| auc(s, g)).collect())).collect();
    let known = || lines.iter().flat_map(|(_, l)| l.iter().flatten().copied());
    // One group alone says nothing about time.
    if !lines.iter().any(|(_, l)| l.iter().flatten().count() > 1) {
        return None;
    }
    let [bottom, top] = span(known().chain([0.5]).collect::<Vec<_>>().into_iter(), 0.08);
    let axis = Axis::linear("ROC-AUC of |J|", bottom.max(0.0), top.min(1.02));
    let mut plot =
        plot(Axis::named("steps to the nearest contact switch", &["0–1", "2–5", "6–20", "more"]), axis, settings);
    for (i, (letter, line)) in lines.iter().enumerate() {
        let points = line.iter().enumerate().map(|(k, y)| y.map(|y| [k as f64 + 0.5, y]));
        plot.curve(["a", "b", "c"][i % 3], points.clone());
        for (group, [x, y]) in BY_TIME.iter().zip(points.clone()).filter_map(|(group, point)| Some((group, point?))) {
            let at = plot.at(x, y);
            plot.canvas.hover.mark(at, &settings[i].name(), [(*group).to_owned(), short(y)]);
        }
        // Each letter has a point of its own to stand at, so that few cover each other.
        let seen: Vec<[f64; 2]> = points.flatten().collect();
        if let Some([x, y]) = seen.get(i % seen.len().max(1)) {
            let at = plot.at(*x, *y);
            plot.canvas.text("m", [at[0], at[1] - 3.0], &letter.to_string());
        }
    }
    Some(Figure {
        name: "learned-switches",
        title: format!("{task}: near contact switches"),
        caption:
            "How well |J| tells edges from zeros, by how far the nearest step is at which the set of touching geoms \
                  changes. Means over seeds."
                .to_owned(),
        tables: vec!["learned_groups"],
        drawing: plot.finish(&format!("ROC-AUC by time to a contact switch, {task}")),
    })
}

fn masks(task: &str, settings: &[Setting<'_>]) -> Option<Figure> {
    let strips: Vec<(&Setting<'_>, &Strip)> =
        settings.iter().filter_map(|s| Some((s, s.runs.first()?.evaluation.strip.as_ref()?))).take(STRIPS).collect();
    let (_, first) = strips.first()?;
    let (rows, columns) = (first.entries.len(), first.truth.first().map_or(0, |t| t.chars().count()));
    let panel = rows as f64 * CELL[1];
    let (left, top, gap) = (16.0, 20.0, 22.0);
    let width = (left + columns as f64 * CELL[0] + 10.0).max(SIZE[0]);
    let mut canvas = Canvas::new(width, top + (panel + gap) * (strips.len() + 1) as f64 + 22.0);
    let mut y = top;
    let mut draw = |canvas: &mut Canvas, name: &str, letters: &[String]| {
        canvas.text("", [left, y - 5.0], name);
        let tile =
            |c: char| Tile { share: matches!(c, '0' | '1').then(|| f64::from(u8::from(c == '1'))), ..Tile::default() };
        let cells: Vec<Tile> = letters.iter().flat_map(|row| row.chars().map(tile)).collect();
        chart::tiles(canvas, [left, y], CELL, columns, &cells);
        y += panel + gap;
    };
    draw(&mut canvas, "truth", &first.truth);
    for (setting, strip) in &strips {
        draw(&mut canvas, &format!("{} {}", setting.letter, setting.name()), &strip.found);
    }
    let end = first.first + columns.saturating_sub(1);
    canvas.text("", [left, y - 4.0], &format!("step {}", first.first));
    canvas.text("e", [left + columns as f64 * CELL[0], y - 4.0], &format!("step {end}"));
    Some(Figure {
        name: "learned-masks",
        title: format!("{task}: true and learned masks"),
        caption: format!(
            "A stretch of test episode {} in which verdicts change most; rows are the entries that do (their names are in \
             the table). Light: nonzero; dark: zero; empty: undecided, or a state without a derivative. Learned: |J| at the \
             threshold that is best on validation episodes, first seed.",
            first.episode
        ),
        tables: vec!["learned_masks"],
        drawing: canvas.finish(&format!("True and learned masks along an episode of {task}")),
    })
}

fn curves(task: &str, settings: &[Setting<'_>]) -> Option<Figure> {
    let looks = || settings.iter().flat_map(|s| &s.runs).flat_map(|r| &r.looks);
    let sound = |y: &f64| *y > 0.0 && y.is_finite();
    let values = || looks().map(|l| l.validation).filter(sound);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    if high <= 0.0 || looks().count() < 2 {
        return None;
    }
    let last = looks().map(|l| l.step).max().unwrap_or(1);
    let x = Axis::linear("optimiser steps", 0.0, last as f64);
    let mut plot = plot(x, Axis::log("validation loss", low * 0.9, high * 1.1), settings);
    for (i, s) in settings.iter().enumerate() {
        for run in &s.runs {
            let points = run.looks.iter().map(|l| sound(&l.validation).then_some([l.step as f64, l.validation]));
            plot.curve(["a", "b", "c"][i % 3], points.clone());
            for [x, y] in points.flatten() {
                let at = plot.at(x, y);
                plot.canvas.hover.mark(at, &s.name(), [short(x), short(y)]);
            }
        }
        let shown = s.runs.first().map(|r| r.looks.iter().filter(|l| sound(&l.validation)).collect::<Vec<_>>());
        let shown = shown.unwrap_or_default();
        if let Some(look) = shown.get((i + 1) * shown.len() / (settings.len() + 1)) {
            let at = plot.at(look.step as f64, look.validation);
            plot.canvas.text("m", [at[0], at[1] - 3.0], &s.letter.to_string());
        }
    }
    Some(Figure {
        name: "learned-curves",
        title: format!("{task}: validation loss"),
        caption: "A line is a seed. Losses with other terms or targets have other scales: compare lines of one letter."
            .to_owned(),
        tables: vec!["learned_curves"],
        drawing: plot.finish(&format!("Validation loss along training, {task}")),
    })
}

/// The section of question 4.
pub(super) fn section(runs: &[RunResult], figures: &[(String, Vec<Figure>)]) -> Markup {
    let seeds = runs.iter().map(|r| r.spec.seed).max().map_or(0, |s| s + 1);
    html! {
        h2 { "Q4 Do learned models recover it?" }
        p {
            "Networks trained to predict the next state, and how well their Jacobians tell the zeros of the truth, on test episodes. Numbers \
             are those of the normalised map, in the tangent space of A and B; whatever a network predicts (target), its error is that of the \
             next state that follows, of an orientation by its angle. The first table is of what has learned nothing: the present state as the \
             next one, and the present velocities with positions moved by them. An interval is that of 95 % over " (seeds) " seeds. Below 1e-6: share of the entries of J, of \
             the network and by the same rule of the truth; truth's zeros: by its zero test. AUC: of |J| as a score for edges; varying: over \
             entries that are zero at some states and not at others."
        }
        @let (overview, by_task) = figures.split_at(figures.len().min(1));
        @for (_, figures) in overview { div.figures { @for figure in figures { (figure_of(figure)) } } }
        @for ((task, settings), (_, figures)) in tasks(runs).iter().zip(by_task) {
            h3 { (task) }
            @if let Some(text) = settings.first().and_then(stands_on) { p { (text) } }
            @if let Some(text) = settings.first().and_then(still) { p { (text) } }
            (unlearned(settings))
            (by_setting(settings))
            div.figures { @for figure in figures { (figure_of(figure)) } }
        }
        (claims(runs))
    }
}

/// A line for every setting of a task.
fn by_setting(settings: &[Setting<'_>]) -> Markup {
    let mean = |s: &Setting<'_>, measure| {
        s.mean(measure).map_or_else(
            || "–".to_owned(),
            |m| m.half.map_or_else(|| short(m.mean), |half| format!("{} ± {}", short(m.mean), short(half))),
        )
    };
    let share = |s: &Setting<'_>, measure| share(s.value(measure));
    Table::of(settings)
        .number("", |s| s.letter)
        .number("model", |s| &s.summary.model)
        .number("loss", |s| &s.summary.loss)
        .number("target", |s| &s.summary.target)
        .number("next-state error", |s| mean(s, Measure::Next))
        .number("20 steps", |s| mean(s, Measure::OpenLoop))
        .number("J error", |s| mean(s, Measure::Jacobian))
        .number("below 1e-6", |s| share(s, Measure::Sparsity))
        .number("untrained", |s| share(s, Measure::Untrained))
        .number("truth", |s| share(s, Measure::TargetSmall))
        .number("truth's zeros", |s| share(s, Measure::Target))
        .number("AUC", |s| mean(s, Measure::Auc))
        .number("AUC varying", |s| mean(s, Measure::AucVaries))
        .number("AP of zeros", |s| mean(s, Measure::PrZeros))
        .markup()
}

/// What predictions are worth that nothing has learned.
fn unlearned(settings: &[Setting<'_>]) -> Markup {
    let found = settings.first().and_then(|s| s.runs.first()).map_or(&[][..], |run| &run.evaluation.baselines);
    if found.is_empty() {
        return html! {};
    }
    Table::of(found)
        .number("nothing learned", |b| &b.name)
        .number("next-state error", |b| short(b.mse))
        .number("20 steps", |b| maybe(b.open_loop))
        .number("J error", |b| maybe(b.jacobian))
        .number("AUC", |b| maybe(b.auc))
        .number("AUC varying", |b| maybe(b.auc_varying))
        .markup()
}

/// What never changes, and so is in no score.
fn still(s: &Setting<'_>) -> Option<String> {
    let names = &s.runs.first()?.evaluation.still;
    let text =
        |names: &[String]| format!("Never changes in the training episodes, and is in no score: {}.", names.join(", "));
    (!names.is_empty()).then(|| text(names))
}

/// What the scores of a task stand on; the same of all its settings.
fn stands_on(s: &Setting<'_>) -> Option<String> {
    let [states, usable, entries, varying] =
        [Measure::States, Measure::Usable, Measure::Entries, Measure::Varying].map(|m| s.value(m));
    Some(format!(
        "Scored: {} states ({} of the test states have a derivative), {} entries, {} of which vary.",
        states?,
        percent(usable?),
        entries?,
        varying?,
    ))
}

/// Every setting against the first one, paired.
fn claims(runs: &[RunResult]) -> Markup {
    let found = learn::setting_comparisons(runs);
    let test = |c: &SettingComparison, measure: Measure| c.tests.get(measure.name()).copied().flatten();
    let mut table = Table::of(&found)
        .number("model", |c| &c.setting[0])
        .number("loss", |c| &c.setting[1])
        .number("target", |c| &c.setting[2])
        .number("pairs", |c| test(c, Measure::Next).map_or(0, |t| t.n));
    for measure in [Measure::Next, Measure::Auc, Measure::AucVaries] {
        table = table
            .number(measure.name(), move |c| maybe(test(c, measure).map(|t| t.difference.mean)))
            .number("p", move |c| maybe(test(c, measure).and_then(|t| t.p)));
    }
    html! { @if let Some(first) = found.first() {
        h3 { "Against " (first.against.join(" ")) }
        p {
            "Mean of the differences and two-sided p of the paired t test: paired by task where there are several (means over seeds), else by \
             seed."
        }
        (table.markup())
    } }
}

/// How many runs, of how many tasks.
pub(super) fn count(runs: &[RunResult]) -> String {
    let tasks = tasks(runs).len();
    format!("{} trained networks of {tasks} {}", runs.len(), if tasks == 1 { "task" } else { "tasks" })
}
