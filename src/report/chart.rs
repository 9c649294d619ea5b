//! Small drawings as SVG: axes, lines, bars, points, heatmaps. Colours come from classes, so that a page can show a
//! drawing in light and dark and a file can carry its own.

use std::fmt::Write as _;

use colorous::CIVIDIS;

use super::figure::cut;
use super::hover::Hover;
use crate::text;

/// Size of an ordinary drawing, user units (px).
pub(super) const SIZE: [f64; 2] = [376.0, 236.0];

/// Levels of the colour scale.
pub(super) const LEVELS: usize = 32;

/// Room around the axes: left, right, top, bottom. Half of the last tick's label is at the right.
const ROOM: [f64; 4] = [52.0, 20.0, 26.0, 42.0];

/// Letters of the name of a row.
pub(super) const NAME: usize = 26;

/// Width of a letter of 11 px, on average. px.
const LETTER: f64 = 6.2;

/// Width of a text, px.
pub(super) fn wide(text: &str) -> f64 {
    LETTER * text.chars().count() as f64
}

/// How classes look; colours are variables that the page sets for light and dark.
pub(super) const STYLE: &str = "\
.t{font-family:system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:11px;fill:var(--ink)}\
.s{font-size:10px}.m{text-anchor:middle}.e{text-anchor:end}\
.x{stroke:var(--soft);fill:none;stroke-width:1}.g{stroke:var(--grid);fill:none;stroke-width:1}\
.a{stroke:var(--a);fill:none;stroke-width:1.6}.b{stroke:var(--b);fill:none;stroke-width:1.6;stroke-dasharray:5 2.5}\
.c{stroke:var(--soft);fill:none;stroke-width:1.4;stroke-dasharray:1.5 3}\
.ap{fill:var(--a);stroke:none}.bp{fill:var(--b);stroke:none}.cp{fill:none;stroke:var(--ink);stroke-width:1.3}\
.ah{fill:var(--paper);stroke:var(--a);stroke-width:1.4}.bh{fill:var(--paper);stroke:var(--b);stroke-width:1.4}\
.d{fill:none;stroke-width:3.4;stroke-linecap:round}.v{stroke:var(--event);fill:none;stroke-width:1}\
.z{stroke:#000;stroke-opacity:.6;fill:none;stroke-width:.9}.o{fill:#fff;stroke:#000;stroke-width:.7}\
.w{stroke:var(--paper);fill:none;stroke-width:2}.n{fill:var(--grid);stroke:none}.k{stroke:var(--soft);fill:none;stroke-width:.6}";

/// The variables of [`STYLE`] in light.
pub(super) const LIGHT: [(&str, &str); 8] = [
    ("paper", "#ffffff"),
    ("ink", "#1d2630"),
    ("soft", "#66717d"),
    ("grid", "#dfe4e9"),
    ("a", "#0063a8"),
    ("b", "#c85a00"),
    ("event", "#a3246e"),
    ("card", "#f5f7f9"),
];

/// In dark.
pub(super) const DARK: [(&str, &str); 8] = [
    ("paper", "#14191f"),
    ("ink", "#e4e9ee"),
    ("soft", "#98a4b0"),
    ("grid", "#2f3943"),
    ("a", "#62b5f2"),
    ("b", "#f4a548"),
    ("event", "#f07cbb"),
    ("card", "#1c232b"),
];

/// A colour of the scale (cividis: even in grey, and the same for colour-blind readers), dark at 0, light at 1.
pub(super) fn colour(level: usize) -> String {
    format!("#{:x}", CIVIDIS.eval_rational(level.min(LEVELS - 1), LEVELS))
}

/// All colours of the scale, from dark to light.
pub(crate) fn scale() -> Vec<String> {
    (0..LEVELS).map(colour).collect()
}

/// A colour of [`LIGHT`] by its name, black without one.
pub(crate) fn light(name: &str) -> &'static str {
    LIGHT.iter().find(|(known, _)| *known == name).map_or("#000000", |(_, colour)| colour)
}

/// The level of a share.
pub(super) fn level(share: f64) -> usize {
    ((share.clamp(0.0, 1.0) * LEVELS as f64) as usize).min(LEVELS - 1)
}

/// A coordinate with a tenth of a pixel, written short.
fn px(x: f64) -> String {
    let text = format!("{x:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

pub(super) fn escaped(text: &str) -> String {
    // XML has no control characters, whatever way they are written.
    text::plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// As SVG. Its colours are variables; `image::standalone` gives them values.
    pub svg: String,
    /// Its width, px.
    pub width: f64,
    /// What its marks and cells say.
    pub(super) hover: Hover,
}

/// A drawing under way.
#[derive(Debug)]
pub(super) struct Canvas {
    body: String,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) hover: Hover,
}

impl Canvas {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { body: String::new(), width, height, hover: Hover::default() }
    }

    pub(super) fn line(&mut self, class: &str, from: [f64; 2], to: [f64; 2]) {
        let [x1, y1, x2, y2] = [from[0], from[1], to[0], to[1]].map(px);
        let _ = write!(self.body, r#"<path class="{class}" d="M{x1} {y1}L{x2} {y2}"/>"#);
    }

    /// Path data of what [`Pen`] drew.
    pub(super) fn path(&mut self, class: &str, pen: &Pen) {
        if !pen.0.is_empty() {
            let _ = write!(self.body, r#"<path class="{class}" d="{}"/>"#, pen.0);
        }
    }

    /// The same in a colour of its own, as an area or as dots.
    pub(super) fn coloured(&mut self, class: &str, pen: &Pen, colour: &str) {
        if !pen.0.is_empty() {
            let attribute = if class.is_empty() { "fill" } else { "stroke" };
            let class = if class.is_empty() { String::new() } else { format!(r#" class="{class}""#) };
            let _ = write!(self.body, r#"<path{class} {attribute}="{colour}" d="{}"/>"#, pen.0);
        }
    }

    /// Text with its baseline here; `class` adds m (middle), e (end) or s (small).
    pub(super) fn text(&mut self, class: &str, at: [f64; 2], text: &str) {
        let [x, y] = at.map(px);
        let _ = write!(self.body, r#"<text class="t {class}" x="{x}" y="{y}">{}</text>"#, escaped(text));
    }

    /// Text around a middle, moved so that it stays inside, which becomes wide enough for it.
    fn centred(&mut self, middle: [f64; 2], text: &str) {
        let half = wide(text) / 2.0 + 3.0;
        self.width = self.width.max(2.0 * half);
        self.text("m", [middle[0].clamp(half, self.width - half), middle[1]], text);
    }

    /// Text that reads upwards.
    pub(super) fn upwards(&mut self, class: &str, at: [f64; 2], text: &str) {
        let [x, y] = at.map(px);
        let text = escaped(text);
        let _ = write!(self.body, r#"<text class="t {class}" transform="translate({x} {y})rotate(-90)">{text}</text>"#);
    }

    /// A colour bar of this size, with its title and the values at its ends.
    pub(super) fn colour_bar(&mut self, at: [f64; 2], width: f64, title: &str, ends: [&str; 2]) {
        let step = width / LEVELS as f64;
        for i in 0..LEVELS {
            let mut pen = Pen::default();
            // A little wider, so that no gap shows.
            let more = if i + 1 < LEVELS { 0.5 } else { 0.0 };
            pen.rect(at[0] + i as f64 * step, at[1], step + more, 9.0);
            self.coloured("", &pen, &colour(i));
        }
        self.text("s", [at[0], at[1] + 20.0], ends[0]);
        self.text("s e", [at[0] + width, at[1] + 20.0], ends[1]);
        self.text("s m", [at[0] + width / 2.0, at[1] + 20.0], title);
    }

    pub(super) fn finish(self, title: &str) -> Drawing {
        let [w, h] = [self.width, self.height].map(px);
        let title = escaped(title);
        let svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img"><title>{title}</title>{}</svg>"#,
            self.body
        );
        Drawing { svg, width: self.width, hover: self.hover }
    }
}

/// Path data.
#[derive(Debug, Default)]
pub(super) struct Pen(String);

impl Pen {
    pub(super) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64) {
        let _ = write!(self.0, "M{} {}h{}v{}h-{}z", px(x), px(y), px(width), px(height), px(width));
    }

    /// A dot, where the class has round caps.
    pub(super) fn dot(&mut self, at: [f64; 2]) {
        let _ = write!(self.0, "M{} {}h0", px(at[0]), px(at[1]));
    }

    pub(super) fn circle(&mut self, at: [f64; 2], r: f64) {
        let _ = write!(
            self.0,
            "M{} {}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0z",
            px(at[0] - r),
            px(at[1]),
            r = px(r),
            d = px(2.0 * r)
        );
    }

    fn square(&mut self, at: [f64; 2], r: f64) {
        self.rect(at[0] - r, at[1] - r, 2.0 * r, 2.0 * r);
    }

    pub(super) fn segment(&mut self, from: [f64; 2], to: [f64; 2]) {
        let _ = write!(self.0, "M{} {}L{} {}", px(from[0]), px(from[1]), px(to[0]), px(to[1]));
    }

    fn to(&mut self, begin: bool, at: [f64; 2]) {
        let _ = write!(self.0, "{}{} {}", if begin { 'M' } else { 'L' }, px(at[0]), px(at[1]));
    }
}

/// A number for people.
pub(super) fn short(x: f64) -> String {
    let trimmed = |text: String| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    match x.abs() {
        0.0 => "0".to_owned(),
        a if !(1e-3..1e5).contains(&a) => format!("{x:.1e}").replace(".0e", "e"),
        a if a >= 100.0 => format!("{x:.0}"),
        a if a >= 1.0 => trimmed(format!("{x:.2}")),
        _ => trimmed(format!("{x:.3}")),
    }
}

/// An axis: what it shows, and from where to where.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    title: String,
    low: f64,
    high: f64,
    log: bool,
    /// Names of the units from 0 on; empty for an axis of numbers.
    names: Vec<String>,
}

impl Axis {
    pub(super) fn linear(title: impl Into<String>, low: f64, high: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self { title: title.into(), low, high, log: false, names: Vec::new() }
    }

    /// Both ends are positive.
    pub(super) fn log(title: impl Into<String>, low: f64, high: f64) -> Self {
        let high = if high > low { high } else { 10.0 * low };
        Self { title: title.into(), low, high, log: true, names: Vec::new() }
    }

    /// A unit for each name, the first from 0 to 1.
    #[cfg(feature = "learn")]
    pub(super) fn named(title: impl Into<String>, names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        Self { title: title.into(), low: 0.0, high: names.len().max(1) as f64, log: false, names }
    }

    /// Where a value lies, 0 to 1.
    fn part(&self, x: f64) -> f64 {
        if self.log {
            (x / self.low).ln() / (self.high / self.low).ln()
        } else {
            (x - self.low) / (self.high - self.low)
        }
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        if !self.names.is_empty() {
            return self.names.iter().enumerate().map(|(i, name)| (i as f64 + 0.5, name.clone())).collect();
        }
        if self.log {
            let decades = (self.high / self.low).log10();
            let every = (decades / 6.0).ceil().max(1.0) as i32;
            let first = (self.low.log10() - 1e-9).ceil() as i32;
            let last = (self.high.log10() + 1e-9).floor() as i32;
            let power = |e: i32| if (-3..5).contains(&e) { short(10f64.powi(e)) } else { format!("1e{e}") };
            let mut ticks: Vec<(f64, String)> =
                (first..=last).filter(|e| (e - first) % every == 0).map(|e| (10f64.powi(e), power(e))).collect();
            if decades < 2.2 {
                for m in [2.0, 5.0] {
                    let more = (first - 1..=last).map(|e| m * 10f64.powi(e));
                    ticks.extend(more.filter(|x| (self.low..=self.high).contains(x)).map(|x| (x, short(x))));
                }
            }
            return ticks;
        }
        let rough = (self.high - self.low) / 5.0;
        let size = 10f64.powf(rough.log10().floor());
        let step =
            [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * size).find(|s| *s >= rough * 0.999).unwrap_or(size);
        let (first, last) = ((self.low / step - 1e-9).ceil() as i64, (self.high / step + 1e-9).floor() as i64);
        (first..=last).map(|i| (i as f64 * step, short((i as f64 * step * 1e9).round() / 1e9))).collect()
    }
}

/// A drawing with two axes.
#[derive(Debug)]
pub(super) struct Plot {
    pub(super) canvas: Canvas,
    x: Axis,
    y: Axis,
    /// Left, right, top, bottom.
    bounds: [f64; 4],
    /// What was drawn with a value: the class, the place, and texts by the axes.
    seen: Vec<Seen>,
    /// Names of classes, from the legend.
    named: Vec<(String, String)>,
}

#[derive(Debug)]
struct Seen {
    class: String,
    at: [f64; 2],
    texts: [String; 2],
}

impl Plot {
    pub(super) fn new(size: [f64; 2], x: Axis, y: Axis) -> Self {
        let mut canvas = Canvas::new(size[0], size[1]);
        let bounds = [ROOM[0], size[0] - ROOM[1], ROOM[2], size[1] - ROOM[3]];
        let [left, right, top, bottom] = bounds;
        let mut grid = Pen::default();
        let xs: Vec<_> = x.ticks().into_iter().map(|(v, text)| (left + x.part(v) * (right - left), text)).collect();
        let ys: Vec<_> = y.ticks().into_iter().map(|(v, text)| (bottom - y.part(v) * (bottom - top), text)).collect();
        xs.iter().for_each(|(at, _)| grid.segment([*at, top], [*at, bottom]));
        ys.iter().for_each(|(at, _)| grid.segment([left, *at], [right, *at]));
        canvas.path("g", &grid);
        xs.iter().for_each(|(at, text)| canvas.text("m", [*at, bottom + 15.0], text));
        ys.iter().for_each(|(at, text)| canvas.text("e", [left - 6.0, at + 4.0], text));
        canvas.line("x", [left, bottom], [right, bottom]);
        canvas.centred([(left + right) / 2.0, bottom + 33.0], &x.title);
        canvas.upwards("m", [12.0, (top + bottom) / 2.0], &y.title);
        canvas.hover.axes(&x.title, &y.title);
        Self { canvas, x, y, bounds, seen: Vec::new(), named: Vec::new() }
    }

    pub(super) fn at(&self, x: f64, y: f64) -> [f64; 2] {
        let [left, right, top, bottom] = self.bounds;
        [left + self.x.part(x) * (right - left), bottom - self.y.part(y).clamp(-0.02, 1.02) * (bottom - top)]
    }

    fn see(&mut self, class: &str, [x, y]: [f64; 2]) {
        let at = self.at(x, y);
        self.seen.push(Seen { class: class.to_owned(), at, texts: [short(x), short(y)] });
    }

    /// A line through points; None is a gap. A point alone is a short stroke.
    pub(super) fn curve(&mut self, class: &str, points: impl IntoIterator<Item = Option<[f64; 2]>>) {
        let mut pen = Pen::default();
        let points: Vec<Option<[f64; 2]>> = points.into_iter().collect();
        points.iter().flatten().for_each(|point| self.see(class, *point));
        for line in points.split(Option::is_none) {
            let mut ends = line.iter().flatten().map(|[x, y]| self.at(*x, *y));
            if line.len() == 1 {
                ends.for_each(|[x, y]| pen.segment([x - 2.0, y], [x + 2.0, y]));
            } else if let Some(first) = ends.next() {
                pen.to(true, first);
                ends.for_each(|at| pen.to(false, at));
            }
        }
        self.canvas.path(class, &pen);
    }

    /// A line that keeps each value until the next point; None is a gap. Points on one level are left out.
    pub(super) fn steps(&mut self, class: &str, points: impl IntoIterator<Item = Option<[f64; 2]>>, end: f64) {
        let mut pen = Pen::default();
        let mut last: Option<f64> = None;
        for point in points {
            let Some([x, y]) = point else {
                last = None;
                continue;
            };
            match last {
                Some(before) if before == y => continue,
                Some(before) => pen.to(false, self.at(x, before)),
                None => {}
            }
            pen.to(last.is_none(), self.at(x, y));
            self.see(class, [x, y]);
            last = Some(y);
        }
        if let Some(y) = last {
            pen.to(false, self.at(end, y));
        }
        self.canvas.path(class, &pen);
    }

    /// Round marks for classes of A, square ones for those of B.
    pub(super) fn marks(&mut self, class: &str, points: impl IntoIterator<Item = [f64; 2]>) {
        let mut pen = Pen::default();
        for [x, y] in points {
            let at = self.at(x, y);
            self.see(class, [x, y]);
            if class.starts_with('b') { pen.square(at, 2.6) } else { pen.circle(at, 2.8) }
        }
        self.canvas.path(class, &pen);
    }

    /// A bar from the lower end of the axis, over what `name` says.
    pub(super) fn bar(&mut self, class: &str, name: String, [from, to]: [f64; 2], y: f64) {
        let ([x1, y1], [x2, y2]) = (self.at(from, y), self.at(to, self.y.low));
        if y2 - y1 > 0.05 {
            let mut pen = Pen::default();
            pen.rect(x1, y1, x2 - x1, y2 - y1);
            self.canvas.path(class, &pen);
            let at = [0.5 * (x1 + x2), y1];
            self.seen.push(Seen { class: class.to_owned(), at, texts: [name, short(y)] });
        }
    }

    /// A grey ground on which every colour of the scale stands out, in light and in dark.
    pub(super) fn ground(&mut self) {
        let [left, right, top, bottom] = self.bounds;
        let mut pen = Pen::default();
        pen.rect(left, top, right - left, bottom - top);
        self.canvas.coloured("", &pen, "#a9b0b7");
    }

    /// Names of the classes above the axes.
    pub(super) fn legend(&mut self, entries: &[(&str, &str)]) {
        let mut x = self.bounds[0];
        for (class, name) in entries {
            sample(&mut self.canvas, class, [x, 12.0]);
            self.canvas.text("", [x + 25.0, 16.0], name);
            x += 32.0 + wide(name);
            self.named.extend(class.split(' ').map(|class| (class.to_owned(), (*name).to_owned())));
        }
    }

    pub(super) fn finish(mut self, title: &str) -> Drawing {
        // Marks lie on the curves that join them: one of both is enough, and marks have the more particular class.
        let mut said = std::collections::HashSet::new();
        let (marks, curves): (Vec<Seen>, Vec<Seen>) =
            std::mem::take(&mut self.seen).into_iter().partition(|seen| seen.class.len() > 1);
        for Seen { class, at, texts } in marks.into_iter().chain(curves) {
            if said.insert(at.map(px))
                && let Some(name) = self.name(&class)
            {
                self.canvas.hover.mark(at, &name, texts);
            }
        }
        self.canvas.finish(title)
    }

    /// What the legend calls a class, or the curve that its marks lie on; none for one that it does not tell from others.
    fn name(&self, class: &str) -> Option<String> {
        let named = |class: &str| {
            let mut all = self.named.iter().filter(|(known, _)| known == class);
            all.next().filter(|_| all.next().is_none()).map(|(_, name)| name.clone())
        };
        named(class).or_else(|| named(class.strip_suffix('p')?))
    }
}

/// What a class looks like, in a legend. A second class after a blank is drawn over the first.
fn sample(canvas: &mut Canvas, classes: &str, at: [f64; 2]) {
    for class in classes.split(' ') {
        let mut pen = Pen::default();
        let middle = [at[0] + 10.0, at[1]];
        match class {
            "ap" | "ah" | "cp" => pen.circle(middle, 3.2),
            "bp" | "bh" => pen.square(middle, 3.0),
            "n" => pen.rect(at[0], at[1] - 4.0, 20.0, 8.0),
            "v" => pen.segment([middle[0], at[1] - 5.0], [middle[0], at[1] + 5.0]),
            _ => pen.segment(at, [at[0] + 20.0, at[1]]),
        }
        canvas.path(class, &pen);
    }
}

/// A row of a [`rows`] drawing: its name, marks as (class, value), and a word at its right end.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) marks: Vec<(&'static str, f64)>,
    pub(super) note: String,
}

/// Marks in rows, one below the other, along an axis of `length` px; the names stand at the left.
pub(super) fn rows(
    title: &str,
    axis: &Axis,
    length: f64,
    note: &str,
    legend: &[(&str, &str)],
    rows: &[Row],
) -> Drawing {
    let names: Vec<String> = rows.iter().map(|row| cut(&row.name, NAME)).collect();
    let left = 24.0 + 1.1 * names.iter().map(|name| wide(name)).fold(0.0, f64::max);
    let right = left + length;
    let notes = rows.iter().map(|row| wide(&row.note)).fold(wide(note), f64::max);
    let room = if note.is_empty() { 14.0 } else { 12.0 + 1.07 * notes };
    let (top, step) = (30.0, 17.0);
    let bottom = top + step * rows.len() as f64;
    let samples = legend.iter().map(|(_, name)| 36.0 + wide(name)).sum::<f64>() + 24.0;
    let mut canvas = Canvas::new((right + room).max(samples), bottom + 42.0);
    canvas.hover.axes(&axis.title, "");
    let place = |v: f64| left + axis.part(v).clamp(0.0, 1.0) * (right - left);
    let mut grid = Pen::default();
    for (value, text) in axis.ticks() {
        grid.segment([place(value), top], [place(value), bottom]);
        canvas.text("m", [place(value), bottom + 15.0], &text);
    }
    canvas.path("g", &grid);
    canvas.centred([(left + right) / 2.0, bottom + 33.0], &axis.title);
    canvas.text("e", [right + room - 2.0, top - 4.0], note);
    for (i, (row, name)) in rows.iter().zip(&names).enumerate() {
        let y = top + step * (i as f64 + 0.5);
        canvas.line("g", [left, y], [right, y]);
        canvas.text("e", [left - 12.0, y + 4.0], name);
        canvas.text("e", [right + room - 2.0, y + 4.0], &row.note);
        for (class, value) in &row.marks {
            let mut pen = Pen::default();
            let at = [place(*value), y];
            match *class {
                "c" => pen.segment([at[0], y - 6.0], [at[0], y + 6.0]),
                class if class.starts_with('b') => pen.square(at, 3.2),
                "cp" => pen.circle(at, 5.0),
                _ => pen.circle(at, 3.6),
            }
            canvas.path(class, &pen);
            let series = legend.iter().find(|(known, _)| known == class).map_or("", |(_, name)| name);
            canvas.hover.mark(at, series, [short(*value), row.name.clone()]);
        }
    }
    let mut x = 8.0;
    for (class, name) in legend {
        sample(&mut canvas, class, [x, 10.0]);
        canvas.text("", [x + 25.0, 14.0], name);
        x += 32.0 + wide(name);
    }
    canvas.finish(title)
}

/// A cell of a grid: its colour, 0 to 1, where it has a value; and what is written or drawn into it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tile {
    pub(super) share: Option<f64>,
    /// A stroke across: zero in every step.
    pub(super) always: bool,
    /// A dot: undecided in some steps.
    pub(super) undecided: bool,
}

/// Draws rows of tiles, each of `size`, from this corner. Tiles of one level become one path, runs one rectangle.
pub(super) fn tiles(canvas: &mut Canvas, corner: [f64; 2], size: [f64; 2], columns: usize, tiles: &[Tile]) {
    let mut pens: Vec<Pen> = (0..LEVELS).map(|_| Pen::default()).collect();
    let (mut strokes, mut dots) = (Pen::default(), Pen::default());
    for (r, row) in tiles.chunks(columns.max(1)).enumerate() {
        let y = corner[1] + r as f64 * size[1];
        let mut c = 0;
        while c < row.len() {
            let shade = row[c].share.map(level);
            let run = row[c..].iter().take_while(|t| t.share.map(level) == shade).count();
            if let Some(shade) = shade {
                pens[shade].rect(corner[0] + c as f64 * size[0], y, run as f64 * size[0], size[1]);
            }
            c += run;
        }
        for (c, tile) in row.iter().enumerate() {
            let x = corner[0] + c as f64 * size[0];
            let [w, h] = size;
            if tile.always {
                strokes.segment([x + 0.2 * w, y + 0.8 * h], [x + 0.8 * w, y + 0.2 * h]);
            }
            if tile.undecided {
                dots.circle([x + 0.5 * w, y + 0.5 * h], 0.18 * w.min(h));
            }
        }
    }
    for (i, pen) in pens.iter().enumerate() {
        canvas.coloured("", pen, &colour(i));
    }
    canvas.path("z", &strokes);
    canvas.path("o", &dots);
}
