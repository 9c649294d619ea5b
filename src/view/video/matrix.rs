//! A and B at a step: a square of colour for every entry, names along the axes, lines between bodies.

use super::super::axes::Axes;
use super::bins::{Bins, Shown, pooled};
use super::letters::Anchor;
use super::sheet::{Colours, Sheet, rgb};
use super::words;
use crate::report::scale;

/// Sizes in units: of the letters of names, of captions, and the room that a caption takes.
const NAME: f32 = 11.0;
const CAPTION: f32 = 12.0;
const CAPTION_ROOM: f32 = 20.0;
/// Between A and B.
const GAP: f32 = 14.0;
/// A name of an axis takes so much across.
const LINE: f32 = 12.5;
/// A square at most.
const MOST: f32 = 64.0;
/// The least square, pixels: colour has half the resolution of light in a video.
const LEAST: usize = 2;
/// The largest entry is drawn a little short of the brightest colour, which is near to paper.
const CEILING: f64 = 0.96;

/// One of A and B on the sheet.
struct Part {
    /// Pixels from the left.
    left: usize,
    bins: Bins,
    caption: &'static str,
    names: Vec<String>,
    bodies: Vec<Vec<usize>>,
}

/// Where everything is.
pub(super) struct MatrixView {
    rows: Bins,
    parts: Vec<Part>,
    /// Pixels from the top.
    top: usize,
    /// Width and height of a square, pixels.
    cell: [usize; 2],
    /// Entries that share one, in each direction.
    pub(super) together: usize,
    nv: usize,
    levels: Vec<[u8; 3]>,
    decades: [i32; 2],
    colours: Colours,
    /// Names along the left and the top: their room in units.
    room: [f32; 2],
    has_values: bool,
}

/// What it shows.
pub(super) struct MatrixSubject<'a> {
    pub(super) axes: &'a Axes,
    /// Powers of ten that the colours go over.
    pub(super) decades: [i32; 2],
    pub(super) has_values: bool,
    pub(super) has_test: bool,
}

impl MatrixView {
    /// In a rectangle of a sheet, in units.
    pub(super) fn new(sheet: &Sheet<'_>, at: [f32; 2], size: [f32; 2], subject: &MatrixSubject<'_>) -> Self {
        let MatrixSubject { axes, decades, has_values, .. } = *subject;
        let state: Vec<String> = axes.state.iter().map(|label| words::entry(label)).collect();
        let control: Vec<String> =
            axes.control.iter().map(|label| words::name(label.strip_suffix("_joint").unwrap_or(label))).collect();
        // No axis shows more names than this, and a model may have thousands.
        let widest = |names: &[String]| {
            names.iter().step_by(names.len() / 400 + 1).map(|n| sheet.width(NAME, false, n)).fold(12.0, f32::max)
        };
        let room = [
            widest(&state).min(size[0] * 0.2) + 8.0,
            widest(&state).max(widest(&control)).min(size[1] * 0.24).min(110.0) + 8.0,
        ];
        let (ndx, nu, nv) = (state.len(), control.len(), axes.nv);
        let gap = if nu > 0 { GAP } else { 0.0 };
        let free = [size[0] - room[0] - CAPTION_ROOM - gap - 2.0, size[1] - room[1] - CAPTION_ROOM - 2.0]
            .map(|units| (units * sheet.scale).max(LEAST as f32));
        let bounds = [nv, 2 * nv];
        let (together, cell) = squares(ndx, nu, &bounds, free, MOST * sheet.scale);
        let rows = Bins::new(ndx, together, &bounds);
        let b = Bins::new(nu, together, &[]);
        let px = |units: f32| (units * sheet.scale).round() as usize;
        let used = [(rows.len() + b.len()) * cell[0] + px(gap), rows.len() * cell[1]];
        let spare = [free[0] + gap * sheet.scale - used[0] as f32, free[1] - used[1] as f32].map(|px| px.max(0.0));
        // Even pixels, for the same reason as the least square.
        let even = |units: f32, spare: f32| (units * sheet.scale + spare / 2.0).round() as usize / 2 * 2;
        let left = even(at[0] + CAPTION_ROOM + room[0], spare[0]);
        let top = even(at[1] + room[1], spare[1]);
        let mut parts = Vec::new();
        if ndx > 0 {
            let (names, bodies) = (state, axes.state_bodies.clone());
            parts.push(Part { left, bins: rows.clone(), caption: "A = ∂s′/∂s", names, bodies });
        }
        if ndx > 0 && nu > 0 {
            let (names, bodies) = (control, axes.control_bodies.clone());
            let left = (left + rows.len() * cell[0] + px(gap)).next_multiple_of(2);
            parts.push(Part { left, bins: b, caption: "B = ∂s′/∂a", names, bodies });
        }
        let levels = scale().iter().map(|hex| rgb(hex)).collect();
        Self { rows, parts, top, cell, together, nv, levels, decades, colours: Colours::new(), room, has_values }
    }

    /// The colour of a square.
    fn colour(&self, shown: Shown) -> [u8; 3] {
        match shown {
            Shown::Zero => self.colours.paper,
            Shown::Undecided => self.colours.event,
            Shown::Nonzero(None) => self.colours.ink,
            Shown::Nonzero(Some(size)) => {
                let [low, high] = self.decades.map(f64::from);
                let share = ((size.log10() - low) / (high - low)).clamp(0.0, 1.0);
                self.levels[(share * CEILING * (self.levels.len() - 1) as f64).round() as usize]
            }
        }
    }

    /// Draws the entries of a step: values and verdicts of A, then of B.
    pub(super) fn draw(&self, sheet: &mut Sheet<'_>, step: [(&[f64], &[u8]); 2]) {
        let [wide, tall] = self.cell;
        // A hair of paper between squares that have room for it.
        let hair = usize::from(wide.min(tall) >= 8);
        for (part, numbers) in self.parts.iter().zip(step) {
            for (i, rows) in self.rows.entries.iter().enumerate() {
                for (j, columns) in part.bins.entries.iter().enumerate() {
                    let shown = pooled(numbers, part.bins.total, rows, columns);
                    let at = [part.left + j * wide, self.top + i * tall];
                    sheet.pixels(at, [wide - hair, tall - hair], self.colour(shown));
                }
            }
        }
        self.lines(sheet);
    }

    /// Lines between bodies where they are far enough apart, and around positions, velocities and the rest.
    fn lines(&self, sheet: &mut Sheet<'_>) {
        let [wide, tall] = self.cell;
        let strong = [self.nv, 2 * self.nv];
        for part in &self.parts {
            let (width, height) = (part.bins.len() * wide, self.rows.len() * tall);
            let of_rows = self.parts.first().map(|a| self.between(a, sheet.scale));
            for i in of_rows.unwrap_or_default() {
                sheet.pixels([part.left, self.top + i * tall - 1], [width, 1], self.colours.grid);
            }
            for j in self.between(part, sheet.scale) {
                sheet.pixels([part.left + j * wide - 1, self.top], [1, height], self.colours.grid);
            }
            for i in strong.iter().filter_map(|entry| self.rows.starting_at(*entry)).filter(|i| *i > 0) {
                sheet.pixels([part.left, self.top + i * tall - 1], [width, 1], self.colours.soft);
            }
            let columns =
                if part.bins.total == self.rows.total && part.left == self.parts[0].left { &strong[..] } else { &[] };
            for j in columns.iter().filter_map(|entry| part.bins.starting_at(*entry)).filter(|j| *j > 0) {
                sheet.pixels([part.left + j * wide - 1, self.top], [1, height], self.colours.soft);
            }
            let (x, y) = (part.left - 1, self.top - 1);
            for (at, size) in [
                ([x, y], [width + 2, 1]),
                ([x, self.top + height], [width + 2, 1]),
                ([x, y], [1, height + 2]),
                ([part.left + width, y], [1, height + 2]),
            ] {
                sheet.pixels(at, size, self.colours.soft);
            }
        }
    }

    /// Squares at which another body begins, where that is seldom enough for lines to be told apart in both directions.
    fn between(&self, part: &Part, scale: f32) -> Vec<usize> {
        let (bins, bodies) = (&part.bins, &part.bodies);
        let begins = |entry: &usize| bodies[*entry] != bodies[entry - 1];
        let all: Vec<usize> = (1..bins.total).filter(begins).filter_map(|entry| bins.starting_at(entry)).collect();
        let apart = (bins.len() * self.cell[0].min(self.cell[1])) as f32 / (all.len() + 1) as f32;
        if apart >= 10.0 * scale { all } else { Vec::new() }
    }

    /// What does not change from step to step: names, captions.
    pub(super) fn frame(&self, sheet: &mut Sheet<'_>) {
        let s = sheet.scale;
        let [wide, tall] = self.cell.map(|px| px as f32 / s);
        let (top, soft) = (self.top as f32 / s, self.colours.soft);
        let Some(a) = self.parts.first() else { return };
        let left = a.left as f32 / s;
        for (i, name) in thinned(&self.rows, &a.names, tall) {
            let text = sheet.fitted(NAME, false, name, self.room[0] - 6.0);
            let middle = top + (i as f32 + 0.5) * tall + 0.36 * NAME;
            sheet.text((NAME, false), soft, [left - 6.0, middle], Anchor::End, &text);
        }
        for part in &self.parts {
            let from = part.left as f32 / s;
            for (j, name) in thinned(&part.bins, &part.names, wide) {
                let text = sheet.fitted(NAME, false, name, self.room[1] - 6.0);
                let x = from + (j as f32 + 0.5) * wide + 0.36 * NAME;
                sheet.upwards(NAME, soft, [x, top - 6.0], Anchor::Start, &text);
            }
        }
        self.captions(sheet, left, top);
    }

    /// What blocks of rows and columns are, along the left and below.
    fn captions(&self, sheet: &mut Sheet<'_>, left: f32, top: f32) {
        let s = sheet.scale;
        let [wide, tall] = self.cell.map(|px| px as f32 / s);
        let ends = [self.nv, 2 * self.nv, self.rows.total];
        let starts = [0, self.nv, 2 * self.nv];
        let bottom = top + self.rows.len() as f32 * tall + CAPTION_ROOM - 5.0;
        let mut edge = 0.0_f32;
        for ((from, to), name) in starts.into_iter().zip(ends).zip(["pos", "vel", "act"]) {
            let place = |entry| self.rows.starting_at(entry).unwrap_or(self.rows.len()) as f32;
            let (first, last) = (place(from), if to == self.rows.total { self.rows.len() as f32 } else { place(to) });
            if from >= to {
                continue;
            }
            let column = format!("∂ {name}");
            let half = sheet.width(CAPTION, false, &column) / 2.0;
            let middle = (left + (first + last) / 2.0 * wide).max(edge + half + 4.0);
            sheet.text((CAPTION, false), self.colours.ink, [middle, bottom], Anchor::Middle, &column);
            edge = middle + half;
            let row = format!("{name}′");
            if (last - first) * tall >= sheet.width(CAPTION, false, &row) + 4.0 {
                let at = [left - self.room[0] - 6.0, top + (first + last) / 2.0 * tall];
                sheet.upwards(CAPTION, self.colours.ink, at, Anchor::Middle, &row);
            }
        }
        if let Some(b) = self.parts.get(1) {
            let half = sheet.width(CAPTION, false, "∂ control") / 2.0;
            let middle = (b.left as f32 + (b.bins.len() * self.cell[0]) as f32 / 2.0) / s;
            let most = sheet.pixels.width() as f32 / s - half - 4.0;
            let middle = middle.max(edge + half + 6.0).min(most);
            sheet.text((CAPTION, false), self.colours.ink, [middle, bottom], Anchor::Middle, "∂ control");
        }
    }

    /// What A and B are, over the panel.
    pub(super) fn heading(&self) -> String {
        self.parts.iter().map(|part| part.caption).collect::<Vec<_>>().join(",   ")
    }

    /// What colours mean, from a place on to the right.
    pub(super) fn legend(&self, sheet: &mut Sheet<'_>, at: [f32; 2], width: f32, has_test: bool) {
        let Colours { paper, ink, soft, event, .. } = self.colours;
        let ([mut x, y], size) = (at, NAME + 1.0);
        let text = |sheet: &mut Sheet<'_>, x: &mut f32, words: &str| {
            sheet.text((size, false), soft, [*x, y], Anchor::Start, words);
            *x += sheet.width(size, false, words) + 6.0;
        };
        if self.has_values {
            text(sheet, &mut x, &format!("|x|  {}", words::power(self.decades[0])));
            let levels = (CEILING * (self.levels.len() - 1) as f64).round() as usize + 1;
            let step = (108.0 * sheet.scale / levels as f32).floor().max(1.0) as usize;
            let scale = sheet.scale;
            let px = |units: f32| (units * scale).round() as usize;
            for (i, level) in self.levels[..levels].iter().enumerate() {
                sheet.pixels([px(x) + i * step, px(y - 9.0)], [step, px(10.0)], *level);
            }
            x += (levels * step) as f32 / sheet.scale + 6.0;
            text(sheet, &mut x, &words::power(self.decades[1]));
        }
        let zero = if has_test { "zero" } else { "below 1e-7" };
        let boxes: &[([u8; 3], &str)] = match self.has_values {
            true => &[(paper, zero), (event, "undecided")],
            false => &[(ink, "nonzero"), (paper, zero), (event, "undecided")],
        };
        for (colour, words) in boxes {
            x += 10.0;
            sheet.rect([x, y - 9.5], [11.0, 11.0], soft, 1.0);
            sheet.rect([x + 1.0, y - 8.5], [9.0, 9.0], *colour, 1.0);
            x += 16.0;
            text(sheet, &mut x, words);
        }
        if self.together > 1 {
            x += 10.0;
            let words = format!("a dot: the largest of {0} × {0} entries", self.together);
            let words = sheet.fitted(size, false, &words, at[0] + width - x);
            text(sheet, &mut x, &words);
        }
    }
}

/// Entries that share a square, and the width and height of one, so that all have room; at most so large.
fn squares(ndx: usize, nu: usize, bounds: &[usize], free: [f32; 2], most: f32) -> (usize, [usize; 2]) {
    let mut together = 1;
    loop {
        let rows = Bins::new(ndx, together, bounds).len().max(1);
        let columns = rows + Bins::new(nu, together, &[]).len();
        let (across, down) = (free[0] / columns as f32, free[1] / rows as f32);
        if across.min(down) >= LEAST as f32 {
            let tall = down.min(across * 1.6).min(most);
            let wide = across.min(tall * 1.6).min(most);
            return (together, [wide as usize, tall as usize]);
        }
        // Where nothing fits any more, a sheet is a few pixels large.
        if together > ndx + nu {
            return (together, [LEAST; 2]);
        }
        together += 1;
    }
}

/// Names along an axis, as many as have room: the number of the square, and the name of its first entry.
fn thinned<'n>(bins: &Bins, names: &'n [String], cell: f32) -> Vec<(usize, &'n str)> {
    let every = (LINE / cell).ceil().max(1.0) as usize;
    let named = |(i, bin): (usize, &std::ops::Range<usize>)| (i, names[bin.start].as_str());
    bins.entries.iter().enumerate().step_by(every).map(named).collect()
}
