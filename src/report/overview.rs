//! Figures that show all recordings side by side.

use super::chart::{self, Axis, Canvas, Drawing, NAME, Row, Tile, short};
use super::figure::{Figure, cut, percent};
use super::hover::Grid;
use crate::analysis::compare::{Compared, Comparison};
use crate::analysis::threshold::Thresholds;
use crate::analysis::{Analysis, Criterion, Matrix};

/// Length of the axis of a figure that stands alone, px.
const ALONE: f64 = 520.0;

/// Shares below this have the lowest colour in [`wrong_by_threshold`], as a power of ten.
const LEAST: f64 = -6.0;

/// All that make sense for these recordings; none without one.
pub(super) fn figures(analyses: &[Analysis], comparisons: &[Comparison]) -> Vec<Figure> {
    if analyses.is_empty() {
        return Vec::new();
    }
    let all = [Some(global(analyses)), Some(distribution(analyses)), explained(analyses), bursts(analyses)];
    all.into_iter().flatten().chain(wrong_by_threshold(analyses)).chain(compared(comparisons)).collect()
}

fn global(analyses: &[Analysis]) -> Figure {
    let row = |a: &Analysis| {
        let mut marks = Vec::new();
        let share = |n: usize, of: usize| n as f64 / of.max(1) as f64;
        if let Some((p, g)) = a.published.zip(a.global.first()) {
            marks.push(("cp", share(p.zero_a, g.entries)));
        }
        for g in a.global.iter().rev() {
            let (with, zero) = if g.matrix == Matrix::A { ("ah", "ap") } else { ("bh", "bp") };
            if g.undecided > 0 {
                marks.push((with, share(g.zero + g.undecided, g.entries)));
            }
            marks.push((zero, share(g.zero, g.entries)));
        }
        let note = a.global.iter().map(|g| g.zero.to_string()).collect::<Vec<_>>().join(" + ");
        Row { name: a.subject.name.clone(), marks, note }
    };
    let rows: Vec<Row> = analyses.iter().map(row).collect();
    let has = |class: &str| rows.iter().any(|r| r.marks.iter().any(|(c, _)| *c == class));
    let mut legend = vec![("ap", "A"), ("bp", "B")];
    legend.extend(has("ah").then_some(("ah", "with undecided")));
    legend.extend(has("cp").then_some(("cp", "published, A")));
    let most = rows.iter().flat_map(|r| &r.marks).map(|(_, v)| *v).fold(0.1, f64::max);
    let axis = Axis::linear("share of entries that are zero in every step", 0.0, (most * 1.05).min(1.0));
    let title = "Share of entries that are zero in every step, by recording";
    Figure {
        name: "all-global",
        title: "Global zeros by recording".to_owned(),
        caption: "At the right the count of A and of B. Hollow marks add the entries that were never nonzero but \
                  undecided at least once."
            .to_owned(),
        tables: vec!["global"],
        drawing: chart::rows(title, &axis, ALONE, "A + B", &legend, &rows),
    }
}

fn distribution(analyses: &[Analysis]) -> Figure {
    let columns: Vec<String> =
        (0..10).map(|i| format!("{}–{}", short(f64::from(i) / 10.0), short(f64::from(i + 1) / 10.0))).collect();
    let mut names = Vec::new();
    let mut tiles = Vec::new();
    for a in analyses {
        let Some(s) = a.state.first() else { continue };
        names.push(a.subject.name.clone());
        let share = |n: u64| n as f64 / s.samples.max(1) as f64;
        tiles.extend(s.bins.map(|n| {
            let tile = Tile { share: (n > 0).then(|| share(n)), ..Tile::default() };
            (tile, if n > 0 { format!("{} of the steps", percent(share(n))) } else { "no step".to_owned() })
        }));
    }
    Figure {
        name: "all-distribution",
        title: "How sparse the steps of each recording are".to_owned(),
        caption: "Share of the steps whose sparsity of A lies in each bin; empty where none does.".to_owned(),
        tables: vec!["sparsity_bins", "sparsity"],
        drawing: grid(
            "Steps by sparsity of A",
            "sparsity of A",
            &names,
            &columns,
            &tiles,
            "share of steps",
            ["0", "1"],
        ),
    }
}

fn explained(analyses: &[Analysis]) -> Option<Figure> {
    let row = |a: &Analysis| {
        let mut marks = Vec::new();
        let of_a = a.regimes.information.iter().filter(|i| i.matrix == Matrix::A);
        for i in of_a {
            let class = if i.regime == "contacts" { "ap" } else { "bp" };
            let Some(chance) = &i.chance else { continue };
            if i.regime == "contacts" {
                marks.extend(chance.recurring.chance_explained.map(|x| ("c", x)));
            }
            marks.extend(chance.recurring.beyond.map(|x| (class, x.max(0.0))));
        }
        let bits = a.state.first().map_or(0.0, |s| s.patterns.entropy_bits);
        (!marks.is_empty()).then(|| Row { name: a.subject.name.clone(), marks, note: short(bits) })
    };
    let rows: Vec<Row> = analyses.iter().filter_map(row).collect();
    let legend = [("ap", "contact set"), ("bp", "constraint rows that act"), ("c", "contact set, by chance")];
    let axis = Axis::linear("share of the pattern's entropy that is explained beyond chance", 0.0, 1.0);
    (!rows.is_empty()).then(|| Figure {
        name: "all-explained",
        title: "How far sparsity follows contacts".to_owned(),
        caption: "Mutual information of the regime and the zero pattern of A beyond chance, over the pattern's entropy (bits, \
                  at the right); chance is what circular shifts of the regimes within episodes give. Regimes of fewer \
                  than 5 steps are taken for one."
            .to_owned(),
        tables: vec!["information"],
        drawing: chart::rows("Share of the pattern's entropy that contacts explain", &axis, 330.0, "bits", &legend, &rows),
    })
}

fn bursts(analyses: &[Analysis]) -> Option<Figure> {
    let row = |a: &Analysis| {
        let mut marks = Vec::new();
        let events = &a.temporal.first()?.events;
        marks.extend(events.memoryless_burstiness.map(|x| ("c", x)));
        for t in a.temporal.iter().rev() {
            let class = if t.matrix == Matrix::A { "ap" } else { "bp" };
            marks.extend(t.events.burstiness.map(|x| (class, x)));
        }
        let rate = events.rate.map_or_else(|| "–".to_owned(), percent);
        marks.iter().any(|(c, _)| *c != "c").then(|| Row { name: a.subject.name.clone(), marks, note: rate })
    };
    let rows: Vec<Row> = analyses.iter().filter_map(row).collect();
    let legend = [("ap", "A"), ("bp", "B"), ("c", "memoryless, rates of A")];
    let axis = Axis::linear("burstiness of the intervals between switches", -1.0, 1.0);
    (!rows.is_empty()).then(|| Figure {
        name: "all-burstiness",
        title: "Whether switches come in bursts".to_owned(),
        caption:
            "−1 regular, to 1 bursty (Goh and Barabási 2008); the dotted mark is what the same \
                  switches at random steps of their episodes give. At the right, the share of steps in which A switches."
                .to_owned(),
        tables: vec!["switches"],
        drawing: chart::rows("Burstiness of switches", &axis, ALONE, "switching", &legend, &rows),
    })
}

/// Recordings of one task that differ in a setting.
fn compared(comparisons: &[Comparison]) -> Option<Figure> {
    let row = |r: &Compared| {
        let of = |m: Matrix| r.figures.iter().find(|f| f.matrix == m);
        let published = of(Matrix::A).and_then(|f| f.mean_published).map(|x| ("cp", x));
        let means = [(Matrix::B, "bp"), (Matrix::A, "ap")].map(|(m, class)| of(m).map(|f| (class, f.mean)));
        let marks = published.into_iter().chain(means.into_iter().flatten()).collect();
        let note = r.figures.iter().map(|f| f.always_zero.to_string()).collect::<Vec<_>>().join(" + ");
        Row { name: r.name.clone(), marks, note }
    };
    let rows: Vec<Row> = comparisons.iter().flat_map(|c| &c.recordings).map(row).collect();
    let most = rows.iter().flat_map(|r| &r.marks).map(|(_, v)| *v).fold(0.1, f64::max);
    let legend = [("ap", "A"), ("bp", "B"), ("cp", "A, |x| < 1e-12")];
    let axis = Axis::linear("mean share of a step's entries that are zero", 0.0, (most * 1.05).min(1.0));
    (!rows.is_empty()).then(|| Figure {
        name: "all-compared",
        title: "Recordings of one task side by side".to_owned(),
        caption:
            "Mean sparsity by the criterion of each recording, and what the published threshold makes of the same \
                  numbers. At the right, the entries of A and of B that are zero in every step."
                .to_owned(),
        tables: vec!["comparison"],
        drawing: chart::rows(
            "Mean sparsity of recordings that differ in a setting",
            &axis,
            ALONE,
            "A + B",
            &legend,
            &rows,
        ),
    })
}

fn wrong_by_threshold(analyses: &[Analysis]) -> Option<Figure> {
    let (mut names, mut tiles, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    let tested = |a: &&Analysis| a.masks && a.criterion == Criterion::Mask;
    for a in analyses.iter().filter(tested) {
        let Some(t) = a.thresholds.first() else { continue };
        columns = t.thresholds.iter().map(|x| format!("{:e}", x.threshold)).collect();
        tiles.extend(wrong(t).into_iter().map(|share| {
            let place = share.filter(|x| *x > 0.0).map(|x| (1.0 - x.log10() / LEAST).max(0.0));
            let text = share.map_or_else(|| "no entry is decided".to_owned(), |x| format!("{} wrong", percent(x)));
            (Tile { share: place, ..Tile::default() }, text)
        }));
        names.push(a.subject.name.clone());
    }
    (!names.is_empty() && !columns.is_empty()).then(|| Figure {
        name: "all-thresholds",
        title: "Where a fixed threshold is wrong".to_owned(),
        caption:
            "Share of the entries of A that a threshold puts on the other side than the recorded zero test, on a log \
                  scale; empty where there is none. Undecided entries are left out."
                .to_owned(),
        tables: vec!["thresholds"],
        drawing: grid(
            "Entries that a threshold gets wrong",
            "threshold",
            &names,
            &columns,
            &tiles,
            "share wrong, log",
            ["≤ 1e-6", "1"],
        ),
    })
}

/// By threshold: share of the decided values that it judges otherwise.
pub(super) fn wrong(t: &Thresholds) -> Vec<Option<f64>> {
    let share = |x: &crate::analysis::threshold::Threshold| {
        let d = x.against_mask.as_ref()?;
        Some((d.false_nonzero + d.false_zero) as f64 / d.decided.max(1) as f64)
    };
    t.thresholds.iter().map(share).collect()
}

/// A grid of tiles with names of its rows and columns, and what each tile says.
fn grid(
    title: &str,
    x: &str,
    rows: &[String],
    columns: &[String],
    tiles: &[(Tile, String)],
    bar: &str,
    ends: [&str; 2],
) -> Drawing {
    let names: Vec<String> = rows.iter().map(|name| cut(name, NAME)).collect();
    let longest = |names: &[String]| 1.1 * names.iter().map(|name| chart::wide(name)).fold(0.0, f64::max);
    let (left, top) = (14.0 + longest(&names), 24.0 + longest(columns));
    let cell = [if columns.len() > 12 { 22.0 } else { 30.0 }, 17.0];
    let (width, height) = (cell[0] * columns.len() as f64, cell[1] * rows.len() as f64);
    let mut canvas = Canvas::new(left + width + 14.0, top + height + 42.0);
    canvas.text("m", [left + width / 2.0, 12.0], x);
    for (i, name) in columns.iter().enumerate() {
        canvas.upwards("", [left + (i as f64 + 0.5) * cell[0] + 4.0, top - 5.0], name);
    }
    let mut lines = chart::Pen::default();
    for (i, name) in names.iter().enumerate() {
        canvas.text("e", [left - 6.0, top + (i as f64 + 0.5) * cell[1] + 4.0], name);
        lines.segment([left, top + (i as f64 + 0.5) * cell[1]], [left + width, top + (i as f64 + 0.5) * cell[1]]);
    }
    canvas.path("g", &lines);
    let (tiles, texts): (Vec<Tile>, Vec<String>) = tiles.iter().cloned().unzip();
    chart::tiles(&mut canvas, [left, top], cell, columns.len(), &tiles);
    canvas.hover.grid(Grid::new([left, top], cell, [rows, columns], texts));
    canvas.colour_bar([left, top + height + 12.0], width.min(300.0), bar, ends);
    canvas.finish(title)
}
