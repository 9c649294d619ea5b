//! The figures of one recording.

use super::chart::{self, Axis, Canvas, Drawing, LEVELS, Pen, Plot, Row, SIZE, Tile, short};
use super::hover::Grid;
use crate::analysis::embedding::Embedding;
use crate::analysis::global::GlobalSparsity;
use crate::analysis::state::RegimeGroup;
use crate::analysis::temporal::Temporal;
use crate::analysis::{Analysis, Matrix};

/// A figure with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// A name that no other figure of the recording has; its files are named after it.
    pub name: &'static str,
    /// What it shows.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// Tables that hold its numbers.
    pub tables: Vec<&'static str>,
    /// The drawing.
    pub drawing: Drawing,
}

/// Contact sets that are shown.
const SETS: usize = 12;

/// Steps of an episode that are shown.
const SHOWN: usize = 3000;

/// Widest and narrowest cell of a heatmap, px.
const CELL: [f64; 2] = [8.0, 18.0];

/// Lines of A and B.
const LINES: [(&str, &str); 2] = [("a", "A"), ("b", "B")];

fn line(matrix: Matrix) -> &'static str {
    if matrix == Matrix::A { "a" } else { "b" }
}

fn mark(matrix: Matrix) -> &'static str {
    if matrix == Matrix::A { "ap" } else { "bp" }
}

fn legend(a: &Analysis) -> &'static [(&'static str, &'static str)] {
    &LINES[..a.global.len().clamp(1, 2)]
}

/// All figures of a recording, in the order of the questions. One that would be empty is left out.
pub(super) fn figures(a: &Analysis) -> Vec<Figure> {
    let mut all = Vec::from_iter(super::residuals::figure(a));
    all.extend([heatmap(a), convergence(a), distribution(a)]);
    all.extend(embedding(a));
    all.push(contact_sets(a));
    all.extend(trace(a));
    all.extend([runs(a), autocorrelation(a), clustering(a), around_contacts(a)].into_iter().flatten());
    all.extend((!a.thresholds.is_empty()).then(|| thresholds(a)));
    all
}

/// A label that leaves room for others.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let half = (most - 1) / 2;
    let tail: Vec<char> = text.chars().rev().take(half).collect();
    format!("{}…{}", text.chars().take(most - 1 - half).collect::<String>(), tail.iter().rev().collect::<String>())
}

fn heatmap(a: &Analysis) -> Figure {
    let rows = a.subject.state.len();
    let columns = rows + a.subject.control.len();
    let cell = (560.0 / columns.max(1) as f64).floor().clamp(CELL[0], CELL[1]);
    let names = |labels: &[String]| labels.iter().map(|l| cut(l, 22)).collect::<Vec<_>>();
    let (state, control) = (names(&a.subject.state), names(&a.subject.control));
    let small = if cell < 11.0 { "s" } else { "" };
    let widest = |labels: &[String]| labels.iter().map(|l| l.chars().count()).max().unwrap_or(0) as f64 * 6.3;
    let (left, top) = (30.0 + widest(&state), 24.0 + widest(&state).max(widest(&control)));
    let gap = 14.0;
    let width = left + cell * columns as f64 + gap + 16.0;
    let bottom = top + cell * rows as f64;
    let mut canvas = Canvas::new(width.max(SIZE[0]), bottom + 42.0);
    // Names that would overlap are written for every second entry, or fewer.
    let every = (11.0 / cell).ceil() as usize;
    let baseline = cell / 2.0 + 3.6;
    for (i, name) in state.iter().enumerate().filter(|(i, _)| i % every == 0) {
        canvas.text(&format!("e {small}"), [left - 5.0, top + i as f64 * cell + baseline], name);
    }
    canvas.upwards("m", [11.0, (top + bottom) / 2.0], "entry of the next state");
    let mut corner = left;
    for g in &a.global {
        let labels = if g.matrix == Matrix::A { &state } else { &control };
        for (i, name) in labels.iter().enumerate().filter(|(i, _)| i % every == 0) {
            canvas.upwards(small, [corner + i as f64 * cell + baseline, top - 5.0], name);
        }
        let right = corner + cell * g.shape.columns as f64;
        let tile = |(share, undecided): (&f64, &f64)| Tile {
            share: Some(*share),
            always: *share >= 1.0,
            undecided: *undecided > 0.0,
        };
        let grid: Vec<Tile> = g.share_zero.iter().zip(&g.share_undecided).map(tile).collect();
        chart::tiles(&mut canvas, [corner, top], [cell; 2], g.shape.columns, &grid);
        let full = if g.matrix == Matrix::A { &a.subject.state } else { &a.subject.control };
        let texts = g.share_zero.iter().zip(&g.share_undecided).map(|(zero, undecided)| steps_of(*zero, *undecided));
        canvas.hover.grid(Grid::new([corner, top], [cell; 2], [&a.subject.state, full], texts));
        let mut frame = Pen::default();
        frame.rect(corner, top, right - corner, bottom - top);
        canvas.path("k", &frame);
        blocks(&mut canvas, a, g, [corner, top, right, bottom], cell);
        let title = if g.matrix == Matrix::A { "A, by state" } else { "B, by control" };
        let narrow = right - corner < chart::wide(title) + 4.0;
        canvas.text("m", [(corner + right) / 2.0, 12.0], if narrow { g.matrix.name() } else { title });
        corner = right + gap;
    }
    canvas.colour_bar(
        [left, bottom + 12.0],
        300.0f64.min(width - left - 16.0).max(220.0),
        "share of steps",
        ["0", "1"],
    );
    Figure {
        name: "zero-share",
        title: "Share of steps in which each entry is zero".to_owned(),
        caption:
            "A: by entry of the state, B: by control. Dark: never zero; light with a stroke: zero in every step. A dot marks an entry that is undecided in \
                  some steps: those count as neither."
                .to_owned(),
        tables: vec!["entries", "global_cells"],
        drawing: canvas.finish("Share of steps in which each entry of A and B is zero"),
    }
}

/// In how many steps an entry is zero.
fn steps_of(zero: f64, undecided: f64) -> String {
    let zero = match zero {
        1.0 => return "zero in every step".to_owned(),
        0.0 => "never zero".to_owned(),
        share => format!("zero in {} of the steps", percent(share)),
    };
    if undecided > 0.0 { format!("{zero}, undecided in {}", percent(undecided)) } else { zero }
}

/// Lines between positions, velocities and activations.
fn blocks(canvas: &mut Canvas, a: &Analysis, g: &GlobalSparsity, bounds: [f64; 4], cell: f64) {
    let [left, top, right, bottom] = bounds;
    let kind = |label: &String| label.split(':').next().unwrap_or("").to_owned();
    let changes = |labels: &[String]| {
        let pairs = labels.windows(2).enumerate();
        pairs.filter(|(_, two)| kind(&two[0]) != kind(&two[1])).map(|(i, _)| (i + 1) as f64 * cell).collect::<Vec<_>>()
    };
    for y in changes(&a.subject.state) {
        canvas.line("w", [left, top + y], [right, top + y]);
        if g.matrix == Matrix::A {
            canvas.line("w", [left + y, top], [left + y, bottom]);
        }
    }
}

fn convergence(a: &Analysis) -> Figure {
    let most = a.global.iter().flat_map(|g| g.convergence.iter().map(|p| p.never_nonzero)).max().unwrap_or(0);
    let samples = a.selection.samples.max(1) as f64;
    let y = Axis::linear("entries never seen nonzero", 0.0, most.max(1) as f64 * 1.05);
    let mut plot = Plot::new(SIZE, Axis::log("steps seen", 1.0, samples), y);
    for g in &a.global {
        let points = g.convergence.iter().map(|p| Some([p.samples.max(1) as f64, p.never_nonzero as f64]));
        plot.steps(line(g.matrix), points, samples);
    }
    plot.legend(legend(a));
    Figure {
        name: "convergence",
        title: "How the count of global zeros settles".to_owned(),
        caption:
            "Entries that were not nonzero in any step so far, by the number of steps. A late drop means that more \
                  steps could still change the count."
                .to_owned(),
        tables: vec!["global_convergence"],
        drawing: plot.finish("Entries never seen nonzero by the number of steps"),
    }
}

fn distribution(a: &Analysis) -> Figure {
    let share = |steps: u64, samples: u64| steps as f64 / samples.max(1) as f64;
    let most = a.state.iter().flat_map(|s| s.bins.map(|n| share(n, s.samples))).fold(0.0, f64::max);
    let x = Axis::linear("sparsity: share of the entries that are zero", 0.0, 1.0);
    let mut plot = Plot::new(SIZE, x, Axis::linear("share of steps", 0.0, most * 1.04));
    for (k, s) in a.state.iter().enumerate() {
        for (i, n) in s.bins.iter().enumerate() {
            let from = (i as f64 + 0.1 + 0.4 * k as f64) / 10.0;
            let name = format!("{} to {}", short(i as f64 / 10.0), short((i + 1) as f64 / 10.0));
            plot.bar(mark(s.matrix), name, [from, from + 0.4 / 10.0], share(*n, s.samples));
        }
    }
    plot.legend(&[("ap", "A"), ("bp", "B")][..a.state.len().clamp(1, 2)]);
    let undecided = a.state.iter().map(|s| s.mean_undecided).fold(0.0, f64::max);
    let note = if undecided > 0.0 {
        format!(
            " Undecided entries do not count as zero: with them the mean would be higher by up to {}.",
            short(undecided)
        )
    } else {
        String::new()
    };
    Figure {
        name: "distribution",
        title: "How sparse single steps are".to_owned(),
        caption: format!("Steps by their sparsity, in bins of 0.1 (the last one holds 1).{note}"),
        tables: vec!["sparsity_bins", "sparsity_levels", "sparsity"],
        drawing: plot.finish("Distribution of the sparsity of single steps"),
    }
}

fn embedding(a: &Analysis) -> Option<Figure> {
    let e: &Embedding = &a.embedding;
    let tsne = e.perplexity;
    let place =
        |s: &crate::analysis::embedding::EmbeddedStep| if tsne.is_some() { s.tsne.unwrap_or(s.pca) } else { s.pca };
    if e.steps.len() < 2 || e.features.is_empty() {
        return None;
    }
    let range = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(x), h.max(x)));
        let margin = 0.04 * (high - low).max(1e-9);
        (low - margin, high + margin)
    };
    let xs = range(&mut e.steps.iter().map(|s| place(s)[0]));
    let ys = range(&mut e.steps.iter().map(|s| place(s)[1]));
    let (low, high) = e.steps.iter().fold((1.0f64, 0.0f64), |(l, h), s| (l.min(s.sparsity_a), h.max(s.sparsity_a)));
    let name = |k: usize| match tsne {
        Some(_) => format!("t-SNE {}", k + 1),
        None => format!("component {} ({:.0} % of the variance)", k + 1, 100.0 * e.explained[k]),
    };
    let mut plot = Plot::new([SIZE[0], 300.0], Axis::linear(name(0), xs.0, xs.1), Axis::linear(name(1), ys.0, ys.1));
    plot.ground();
    let mut pens: Vec<Pen> = (0..LEVELS).map(|_| Pen::default()).collect();
    for s in &e.steps {
        let [x, y] = place(s);
        pens[chart::level((s.sparsity_a - low) / (high - low).max(1e-12))].dot(plot.at(x, y));
        let at = plot.at(x, y);
        plot.canvas.hover.mark(at, &format!("sparsity of A {}", percent(s.sparsity_a)), [short(x), short(y)]);
    }
    for (i, pen) in pens.iter().enumerate() {
        plot.canvas.coloured("d", pen, &chart::colour(i));
    }
    // Above the axes.
    let ends = [short(low), short(high)];
    plot.canvas.colour_bar([52.0, 1.0], 310.0, "sparsity of A", [&ends[0], &ends[1]]);
    let how = match tsne {
        Some(perplexity) => format!("t-SNE at perplexity {}", short(perplexity)),
        None => "The first two principal components".to_owned(),
    };
    Some(Figure {
        name: "embedding",
        title: "Where in (s, a, s') the sparsity lies".to_owned(),
        caption: format!(
            "{how} of {} steps drawn at random, each feature scaled to standard deviation 1.",
            e.steps.len()
        ),
        tables: vec!["embedding", "embedding_loadings"],
        drawing: plot.finish("Steps in two dimensions, coloured by the sparsity of A"),
    })
}

fn contact_sets(a: &Analysis) -> Figure {
    let r = &a.regimes;
    let row = |name: String, group: &RegimeGroup| {
        let mut marks = vec![("ap", group.mean_a)];
        marks.extend(group.mean_b.map(|b| ("bp", b)));
        Row { name, marks, note: percent(group.share) }
    };
    let rows: Vec<Row> = r
        .contact_sets
        .iter()
        .take(SETS)
        .map(|set| {
            let pairs: Vec<String> = set.pairs.iter().map(|[x, y]| format!("{x}–{y}")).collect();
            row(if pairs.is_empty() { "no contact".to_owned() } else { pairs.join(", ") }, &set.group)
        })
        .collect();
    let legend = [("ap", "mean sparsity of A"), ("bp", "of B")];
    let axis = Axis::linear("mean sparsity", 0.0, 1.0);
    let title = "Mean sparsity by the set of geom pairs in contact";
    let more = r.distinct_contact_sets.saturating_sub(rows.len());
    let rest = if more > 0 { format!(" {more} more sets are in the table.") } else { String::new() };
    Figure {
        name: "contact-sets",
        title: "Sparsity by what touches".to_owned(),
        caption: format!(
            "The most frequent sets of geom pairs in contact, with the share of steps at the right.{rest}"
        ),
        tables: vec!["contact_sets", "regime_counts", "information"],
        drawing: chart::rows(title, &axis, 130.0, "steps", &legend[..legend_length(a)], &rows),
    }
}

fn legend_length(a: &Analysis) -> usize {
    a.global.len().clamp(1, 2)
}

fn trace(a: &Analysis) -> Option<Figure> {
    let trace = a.traces.first().filter(|t| !t.steps.is_empty())?;
    let steps = &trace.steps[..trace.steps.len().min(SHOWN)];
    let time = |step: usize| step as f64 * trace.step_duration;
    let end = time(steps.len());
    let size = [900.0, 260.0];
    let mut plot = Plot::new(size, Axis::linear("time, s", 0.0, end), Axis::linear("sparsity", 0.0, 1.0));
    let mut events = Pen::default();
    for s in steps.iter().filter(|s| s.contact_event) {
        let [x, _] = plot.at(time(s.step), 0.0);
        events.segment([x, 27.0], [x, 36.0]);
    }
    let undecided = steps.iter().any(|s| s.undecided_a.is_some_and(|u| u > 0.0));
    if undecided {
        let share = |s: &crate::analysis::trace::TraceStep| s.undecided_a.map(|u| [time(s.step), u]);
        plot.steps("c", steps.iter().map(share), end);
    }
    plot.canvas.path("v", &events);
    for (class, of) in [("b", 1), ("a", 0)] {
        let value = |s: &crate::analysis::trace::TraceStep| if of == 0 { s.sparsity_a } else { s.sparsity_b };
        plot.steps(class, steps.iter().map(|s| value(s).map(|y| [time(s.step), y])), end);
    }
    let mut names = vec![("a", "A")];
    names.extend((a.global.len() > 1).then_some(("b", "B")));
    names.extend(undecided.then_some(("c", "undecided entries of A")));
    names.push(("v", "other geoms touch"));
    plot.legend(&names);
    let part =
        if steps.len() < trace.steps.len() { format!(", its first {} steps", steps.len()) } else { String::new() };
    Some(Figure {
        name: "trace",
        title: format!("Sparsity over time in episode {}{part}", trace.episode),
        caption:
            "A step in the lines is a switch of the zero pattern; gaps are steps that do not count. Marks at the top: \
                  the set of geom pairs in contact changes."
                .to_owned(),
        tables: vec!["trace"],
        drawing: plot.finish("Sparsity of A and B over time, with contact events"),
    })
}

fn runs(a: &Analysis) -> Option<Figure> {
    let kinds = |t: &Temporal| {
        let classes = if t.matrix == Matrix::A { ["a ap", "a ah"] } else { ["b bp", "b bh"] };
        let name = t.matrix.name();
        [
            (classes[0], format!("{name} zero"), t.zero.clone()),
            (classes[1], format!("{name} nonzero"), t.nonzero.clone()),
        ]
    };
    let lines: Vec<_> = a.temporal.iter().flat_map(kinds).filter(|(.., runs)| runs.runs > 0).collect();
    let most = lines.iter().flat_map(|(.., runs)| &runs.histogram).max().copied()? as f64;
    let bins = lines.iter().map(|(.., runs)| runs.histogram.len()).max()?;
    let x = Axis::log("duration, steps (bins from 2^k to 2^(k+1) − 1)", 1.0, 2f64.powi(bins as i32 - 1).max(2.0));
    let mut plot = Plot::new(SIZE, x, Axis::log("runs", 0.7, most * 1.4));
    for (classes, _, runs) in &lines {
        let point = |(k, n): (usize, &u64)| (*n > 0).then(|| [2f64.powi(k as i32), *n as f64]);
        let points: Vec<_> = runs.histogram.iter().enumerate().map(point).collect();
        for class in classes.split(' ') {
            if class.len() == 1 {
                plot.curve(class, points.iter().copied());
            } else {
                plot.marks(class, points.iter().flatten().copied());
            }
        }
    }
    let names: Vec<(&str, &str)> = lines.iter().map(|(class, name, _)| (*class, name.as_str())).collect();
    plot.legend(&names);
    Some(Figure {
        name: "run-lengths",
        title: "How long entries stay zero or nonzero".to_owned(),
        caption:
            "Runs of all entries that switch, by their length; entries that are constant over an episode are left \
                  out of it, as published."
                .to_owned(),
        tables: vec!["run_lengths", "runs", "entry_runs"],
        drawing: plot.finish("Distribution of the durations of zero and nonzero runs"),
    })
}

fn autocorrelation(a: &Analysis) -> Option<Figure> {
    let points = |t: &Temporal| {
        t.autocorrelation.iter().filter_map(|c| Some([c.lag as f64, c.correlation?])).collect::<Vec<_>>()
    };
    let lines: Vec<_> = a.temporal.iter().map(|t| (t.matrix, points(t))).filter(|(_, p)| p.len() > 1).collect();
    let low = lines.iter().flat_map(|(_, p)| p).map(|p| p[1]).fold(0.0, f64::min);
    let far = lines.iter().flat_map(|(_, p)| p).map(|p| p[0]).fold(1.0, f64::max);
    if lines.is_empty() {
        return None;
    }
    let y = Axis::linear("correlation", if low < 0.0 { low.min(-0.05) } else { 0.0 }, 1.0);
    let mut plot = Plot::new(SIZE, Axis::log("lag, steps", 1.0, far), y);
    plot.curve("x", [Some([1.0, 0.0]), Some([far, 0.0])]);
    for (matrix, points) in &lines {
        plot.curve(line(*matrix), points.iter().map(|p| Some(*p)));
        plot.marks(mark(*matrix), points.iter().copied());
    }
    let names: Vec<_> = lines.iter().map(|(m, _)| (line(*m), m.name())).collect();
    plot.legend(&names);
    Some(Figure {
        name: "autocorrelation",
        title: "How long the zero pattern remembers itself".to_owned(),
        caption: "Autocorrelation of zero against nonzero over all entries that vary, by the lag.".to_owned(),
        tables: vec!["autocorrelation"],
        drawing: plot.finish("Autocorrelation of the zero pattern"),
    })
}

fn clustering(a: &Analysis) -> Option<Figure> {
    let points = |t: &Temporal| {
        t.events.fano.iter().filter_map(|f| Some([f.window as f64, f.fano.filter(|x| *x > 0.0)?])).collect::<Vec<_>>()
    };
    let lines: Vec<_> = a.temporal.iter().map(|t| (t, points(t))).filter(|(_, p)| !p.is_empty()).collect();
    let first = lines.first()?;
    let memoryless: Vec<[f64; 2]> = first
        .0
        .events
        .fano
        .iter()
        .filter_map(|f| Some([f.window as f64, f.memoryless.filter(|x| *x > 0.0)?]))
        .collect();
    let all = || lines.iter().flat_map(|(_, p)| p);
    let low = all().chain(&memoryless).map(|p| p[1]).fold(1.0, f64::min) / 1.4;
    let high = all().chain(&memoryless).map(|p| p[1]).fold(1.0, f64::max) * 1.4;
    let far = all().map(|p| p[0]).fold(20.0, f64::max);
    let y = Axis::log("variance / mean of switches", low, high);
    let mut plot = Plot::new(SIZE, Axis::log("window, steps", 10.0, far), y);
    plot.curve("c", memoryless.iter().map(|p| Some(*p)));
    for (t, points) in &lines {
        plot.curve(line(t.matrix), points.iter().map(|p| Some(*p)));
        plot.marks(mark(t.matrix), points.iter().copied());
    }
    let mut names: Vec<_> = lines.iter().map(|(t, _)| (line(t.matrix), t.matrix.name())).collect();
    names.push(("c", "memoryless, rates of A"));
    plot.legend(&names);
    let burst: Vec<String> = lines
        .iter()
        .filter_map(|(t, _)| Some(format!("{} {}", t.matrix.name(), short(t.events.burstiness?))))
        .collect();
    let burst =
        if burst.is_empty() { String::new() } else { format!(" Burstiness of the intervals: {}.", burst.join(", ")) };
    Some(Figure {
        name: "clustering",
        title: "Whether switches come in clusters".to_owned(),
        caption: format!(
            "Fano factor of the steps whose pattern differs from the one before; above the dotted line, which puts the events of \
             every episode at random steps of it, they cluster more than chance.{burst}"
        ),
        tables: vec!["fano", "switches"],
        drawing: plot.finish("Fano factor of switches by window"),
    })
}

fn around_contacts(a: &Analysis) -> Option<Figure> {
    let points = |t: &Temporal| {
        let delays = t.delays.iter().find(|d| d.regime == "contacts")?;
        let points: Vec<_> = delays.lift.iter().filter_map(|l| Some([l.lag as f64, l.lift?])).collect();
        (points.len() > 1).then_some((t.matrix, points))
    };
    let lines: Vec<_> = a.temporal.iter().filter_map(points).collect();
    if lines.is_empty() {
        return None;
    }
    let high = lines.iter().flat_map(|(_, p)| p).map(|p| p[1]).fold(1.0, f64::max) * 1.05;
    let reach = crate::analysis::temporal::REACH as f64;
    let x = Axis::linear("steps after other geoms touch", -reach, reach);
    let mut plot = Plot::new(SIZE, x, Axis::linear("switches / mean rate", 0.0, high));
    plot.curve("c", [Some([-reach, 1.0]), Some([reach, 1.0])]);
    for (matrix, points) in &lines {
        plot.curve(line(*matrix), points.iter().map(|p| Some(*p)));
        plot.marks(mark(*matrix), points.iter().copied());
    }
    let mut names: Vec<_> = lines.iter().map(|(m, _)| (line(*m), m.name())).collect();
    names.push(("c", "mean rate"));
    plot.legend(&names);
    Some(Figure {
        name: "around-contacts",
        title: "Switches around contact events".to_owned(),
        caption: "How much more often the pattern switches so many steps after (or before) the set of geom pairs in \
                  contact changes than at any step."
            .to_owned(),
        tables: vec!["delay_lift", "delay_since", "delays"],
        drawing: plot.finish("Rate of switches around contact events"),
    })
}

fn thresholds(a: &Analysis) -> Figure {
    let all: Vec<f64> = a.thresholds.iter().flat_map(|t| t.thresholds.iter().map(|x| x.threshold)).collect();
    let (low, high) = all.iter().fold((f64::MAX, 0.0f64), |(l, h), x| (l.min(*x), h.max(*x)));
    let low = if low > high { 1e-16 } else { low };
    let most = a.thresholds.iter().flat_map(|t| t.thresholds.iter().map(|x| x.mean)).fold(0.05, f64::max);
    let x = Axis::log("threshold: |entry| below it is zero", low, high.max(2.0 * low));
    let mut plot = Plot::new(SIZE, x, Axis::linear("mean sparsity", 0.0, (most * 1.1).min(1.02)));
    if a.masks && a.criterion == crate::analysis::Criterion::Mask {
        for s in &a.state {
            plot.curve("c", [Some([low, s.mean]), Some([high, s.mean])]);
        }
    }
    for t in &a.thresholds {
        let points: Vec<[f64; 2]> = t.thresholds.iter().map(|x| [x.threshold, x.mean]).collect();
        plot.curve(line(t.matrix), points.iter().map(|p| Some(*p)));
        plot.marks(mark(t.matrix), points);
    }
    let mut names = legend(a).to_vec();
    let caption = if a.masks {
        names.push(("c", "zero test"));
        "Mean sparsity if a fixed threshold decided, against the recorded zero test."
    } else {
        "Mean sparsity by a fixed threshold; this recording has no zero test to compare it with."
    };
    plot.legend(&names);
    Figure {
        name: "thresholds",
        title: "What a fixed threshold would say".to_owned(),
        caption: caption.to_owned(),
        tables: vec!["thresholds"],
        drawing: plot.finish("Mean sparsity by threshold"),
    }
}

/// A share as percent.
pub(super) fn percent(share: f64) -> String {
    match 100.0 * share {
        0.0 => "0 %".to_owned(),
        x if x < 0.0 => format!("−{}", percent(-share)),
        x if x < 0.005 => format!("{x:.0e} %"),
        x if x < 0.05 => format!("{x:.2} %"),
        x => format!("{x:.1} %"),
    }
}
