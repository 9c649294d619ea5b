//! The share of zeros of A and B over the steps that are shown, what switches, and where the video is.

use std::ops::Range;

use super::super::ViewError;
use super::super::matrices::Tally;
use super::letters::Anchor;
use super::sheet::{Colours, Sheet};
use super::source::{Block, Source};
use super::words;
use crate::flags::StepFlags;
use crate::physics::Model;

/// Sizes in units: of letters, of a row of events, between the curve and these, of the line of times.
const LETTERS: f32 = 11.0;
const ROW: f32 = 11.0;
const ROWS_GAP: f32 = 8.0;
const FOOT: f32 = 18.0;
/// Left of the curve, and right of it.
const SIDE: f32 = 62.0;
const RIGHT: f32 = 10.0;

/// A curve that does not move is drawn over this share at least.
const LEAST_SPAN: f64 = 0.02;

/// How much of the curve is covered where the video has not come to.
const VEIL: f32 = 0.62;

/// What is known of all steps: some bytes of each.
#[derive(Default)]
pub(super) struct Course {
    pub(super) times: Vec<f64>,
    pub(super) tally: Tally,
    /// Steps with a bit for each row of events: contacts that switch, limits that begin or end, flags.
    events: Vec<u8>,
}

/// The rows of events.
const ROWS: [&str; 3] = ["contacts", "limits", "flags"];

impl Course {
    /// Reads all steps; `go_on` is asked after each block.
    pub(super) fn read(
        source: &Source<'_>,
        model: &Model,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Self>, ViewError> {
        let mut course = Self::default();
        let mut before = None;
        for steps in source.blocks() {
            if !go_on() {
                return Ok(None);
            }
            let block = source.read(model, steps)?;
            course.tally.count(&block.entries, block.steps.len());
            for step in 0..block.steps.len() {
                course.add(&block, step, &mut before);
            }
        }
        Ok(Some(course))
    }

    fn add(&mut self, block: &Block, step: usize, before: &mut Option<(Vec<[i32; 2]>, Vec<String>)>) {
        let (time, flags, _) = block.events.marks(step);
        let mut touching: Vec<[i32; 2]> = block.events.touching(step).map(|(pair, ..)| pair).collect();
        touching.sort_unstable();
        let limits = block.events.acting(step).filter(|(c, _)| !c.kind.starts_with("friction"));
        let limits: Vec<String> = limits.map(|(c, _)| format!("{}:{}", c.kind, c.name)).collect();
        let [switched, began] =
            before.as_ref().map_or([false; 2], |(pairs, others)| [*pairs != touching, *others != limits]);
        // The row above tells that contacts change.
        let flagged = flags & !StepFlags::CONTACTS_CHANGED.bits() != 0;
        self.events.push(u8::from(switched) | u8::from(began) << 1 | u8::from(flagged) << 2);
        self.times.push(time);
        *before = Some((touching, limits));
    }

    /// The share of zeros of a matrix (0: A) of `entries` at each step, and of what is undecided.
    pub(super) fn shares(&self, matrix: usize, entries: usize) -> [Vec<f64>; 2] {
        self.tally.counts(matrix).map(|counts| counts.iter().map(|n| f64::from(*n) / entries as f64).collect())
    }
}

/// A curve.
pub(super) struct Share {
    pub(super) name: &'static str,
    pub(super) zero: Vec<f64>,
    pub(super) undecided: Vec<f64>,
}

/// The part of 0..1 that a curve between two shares is drawn in: with room around it, and at least so wide that noise fills no picture.
fn range_around(low: f64, high: f64) -> [f64; 2] {
    let pad = (0.08 * (high - low)).max((LEAST_SPAN - (high - low)) / 2.0);
    let (low, high) = (low - pad, high + pad);
    // Moved into 0..1 as a whole, then cut to it.
    let by = (-low).max(0.0) - (high - 1.0).max(0.0);
    [(low + by).max(0.0), (high + by).min(1.0)]
}

/// Where everything is, in units.
pub(super) struct Timeline {
    at: [f32; 2],
    size: [f32; 2],
    /// Number of a row of events among those that have any.
    rows: Vec<usize>,
    range: [f64; 2],
    steps: usize,
    colours: Colours,
}

impl Timeline {
    pub(super) fn new(at: [f32; 2], size: [f32; 2], course: &Course, shares: &[Share]) -> Self {
        let rows = (0..ROWS.len()).filter(|row| course.events.iter().any(|bits| bits >> row & 1 == 1)).collect();
        let all = || shares.iter().flat_map(|share| share.zero.iter().copied());
        let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
        let range = if low <= high { range_around(low, high) } else { [0.0, 1.0] };
        Self { at, size, rows, range, steps: course.times.len(), colours: Colours::new() }
    }

    fn bottom(&self) -> f32 {
        self.at[1] + self.size[1] - FOOT - self.rows.len() as f32 * ROW - ROWS_GAP
    }

    fn ends(&self) -> Range<f32> {
        self.at[0] + SIDE..self.at[0] + self.size[0] - RIGHT
    }

    fn x(&self, step: usize) -> f32 {
        let (ends, last) = (self.ends(), self.steps.saturating_sub(1));
        if last == 0 {
            return (ends.start + ends.end) / 2.0;
        }
        ends.start + (step as f64 / last as f64) as f32 * (ends.end - ends.start)
    }

    fn y(&self, share: f64) -> f32 {
        let ([low, high], top) = (self.range, self.at[1]);
        top + ((high - share) / (high - low)) as f32 * (self.bottom() - top)
    }

    /// Draws all but where the video is.
    pub(super) fn frame(&self, sheet: &mut Sheet<'_>, course: &Course, shares: &[Share]) {
        let Colours { ink, soft, grid, a, b, event, .. } = self.colours;
        let ends = self.ends();
        let marks = ticks(self.range, ((self.bottom() - self.at[1]) / 26.0).max(1.0));
        let digits = if marks.len() > 1 && marks[1] - marks[0] < 0.0099 { 1 } else { 0 };
        for mark in marks {
            let y = self.y(mark);
            sheet.hair([ends.start, y], [ends.end, y], grid);
            let text = format!("{:.digits$} %", 100.0 * mark);
            sheet.text((LETTERS, false), soft, [ends.start - 7.0, y + 0.36 * LETTERS], Anchor::End, &text);
        }
        for share in shares {
            let (colour, dash): (_, &[f32]) = if share.name == "A" { (a, &[]) } else { (b, &[5.0, 2.5]) };
            let points = self.curve(&share.zero, sheet.scale);
            match &points[..] {
                [[x, y]] => sheet.rect([x - 2.5, y - 2.5], [5.0, 5.0], colour, 1.0),
                _ => sheet.line(&points, colour, 1.7, dash),
            }
        }
        for (i, row) in self.rows.iter().enumerate() {
            let y = self.bottom() + ROWS_GAP + i as f32 * ROW;
            let at = [ends.start - 7.0, y + 0.4 * ROW + 0.3 * LETTERS];
            sheet.text((LETTERS, false), soft, at, Anchor::End, ROWS[*row]);
            let width = ((self.x(1) - self.x(0)) * 0.7).clamp(1.0, 3.0);
            let colour = [event, soft, ink][*row];
            let mut last = f32::NEG_INFINITY;
            for step in (0..self.steps).filter(|step| course.events[*step] >> row & 1 == 1) {
                // One mark for all that would lie on the same pixel.
                let x = ((self.x(step) - width / 2.0) * sheet.scale).round() / sheet.scale;
                if x > last {
                    sheet.rect([x, y], [width, ROW - 3.0], colour, 1.0);
                    last = x;
                }
            }
        }
        self.times(sheet, &course.times, soft);
    }

    /// The points of a curve; where many steps share a pixel, the least and the largest of them.
    fn curve(&self, shares: &[f64], scale: f32) -> Vec<[f32; 2]> {
        let columns = ((self.ends().end - self.ends().start) * scale).max(1.0) as usize;
        let each = shares.len().div_ceil(columns).max(1);
        if each == 1 {
            return shares.iter().enumerate().map(|(step, share)| [self.x(step), self.y(*share)]).collect();
        }
        let mut points = Vec::new();
        for (i, some) in shares.chunks(each).enumerate() {
            let order = |a: &&f64, b: &&f64| a.total_cmp(b);
            let (Some(low), Some(high)) = (some.iter().min_by(order), some.iter().max_by(order)) else { continue };
            let x = self.x(i * each);
            points.extend([[x, self.y(*low)], [x, self.y(*high)]]);
        }
        points
    }

    fn times(&self, sheet: &mut Sheet<'_>, times: &[f64], soft: [u8; 3]) {
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return };
        let y = self.at[1] + self.size[1] - 4.0;
        let span = last - first;
        let marks = if span > 0.0 { ticks([*first, *last], self.size[0] / 110.0) } else { vec![*first] };
        let step = if marks.len() > 1 { marks[1] - marks[0] } else { 0.01 };
        let digits = (-step.log10() - 1e-9).ceil().clamp(0.0, 6.0) as usize;
        for mark in marks {
            let share = if span > 0.0 { ((mark - first) / span) as f32 } else { 0.5 };
            let ends = self.ends();
            let text = format!("{mark:.digits$} s").replace('-', "−");
            let half = sheet.width(LETTERS, false, &text) / 2.0;
            let x = (ends.start + share * (ends.end - ends.start)).min(ends.end + RIGHT - half);
            sheet.text((LETTERS, false), soft, [x, y], Anchor::Middle, &text);
        }
    }

    /// Marks where the video is, and pales what comes later.
    pub(super) fn mark(&self, sheet: &mut Sheet<'_>, step: usize) {
        let Colours { paper, ink, .. } = self.colours;
        let (x, top, ends) = (self.x(step), self.at[1], self.ends());
        let height = self.size[1] - FOOT;
        sheet.rect([x, top - 4.0], [(ends.end + 3.0 - x).max(0.0), height + 4.0], paper, VEIL);
        sheet.rect([x - 1.0, top - 4.0], [2.0, height + 4.0], ink, 1.0);
        sheet.shape(&[[x - 6.0, top - 10.0], [x + 6.0, top - 10.0], [x, top - 2.0]], ink);
    }

    /// What the curves are, with their values at a step, from the right end to the left.
    pub(super) fn key(&self, sheet: &mut Sheet<'_>, at: [f32; 2], shares: &[Share], step: usize) {
        const SIZE: f32 = 13.0;
        const WHAT: &str = "share of zeros";
        let Colours { ink, soft, a, b, .. } = self.colours;
        let mut x = at[0];
        sheet.text((SIZE, false), soft, [x, at[1]], Anchor::Start, WHAT);
        x += sheet.width(SIZE, false, WHAT) + 14.0;
        for share in shares {
            let (colour, dash): (_, &[f32]) = if share.name == "A" { (a, &[]) } else { (b, &[5.0, 2.5]) };
            sheet.line(&[[x, at[1] - 4.5], [x + 22.0, at[1] - 4.5]], colour, 2.2, dash);
            x += 29.0;
            let mut words = format!("{}  {}", share.name, words::percent(share.zero[step]));
            if share.undecided[step] > 0.0 {
                words.push_str(&format!("  ({} undecided)", words::percent(share.undecided[step])));
            }
            sheet.text((SIZE, true), ink, [x, at[1]], Anchor::Start, &words);
            // The widest that it can be where nothing is undecided, so that nothing wobbles.
            x += sheet.width(SIZE, true, &words).max(sheet.width(SIZE, true, "A  100.0 %")) + 22.0;
        }
    }
}

/// Round numbers within a range, about so many.
fn ticks([low, high]: [f64; 2], about: f32) -> Vec<f64> {
    let raw = (high - low) / f64::from(about.max(1.0));
    if !(raw > 0.0 && raw.is_finite()) {
        return vec![low];
    }
    let size = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|k| k * size).into_iter().find(|step| *step >= raw).unwrap_or(10.0 * size);
    let first = (low / step - 1e-9).ceil();
    (0..100).map(|k| (first + f64::from(k)) * step).take_while(|mark| *mark <= high + 1e-9 * (high - low)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks([0.0, 1.0], 5.0), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks([0.13, 0.27], 3.0), [0.15000000000000002, 0.2, 0.25]);
        assert_eq!(ticks([2.0, 2.0], 3.0), [2.0]);
        assert_eq!(ticks([-3.0, 9.0], 2.0), [0.0]);
    }

    #[test]
    fn extremes_of_long_episodes_are_drawn() {
        let zero: Vec<f64> = (0..50_000).map(|t| if t == 31_337 { 0.9 } else { 0.25 }).collect();
        let share = Share { name: "A", undecided: vec![0.0; zero.len()], zero };
        let course =
            Course { times: (0..50_000).map(f64::from).collect(), events: vec![0; 50_000], ..Course::default() };
        let line = Timeline::new([0.0, 0.0], [1280.0, 160.0], &course, std::slice::from_ref(&share));
        let points = line.curve(&share.zero, 1.0);
        assert!(points.len() < 4000, "{}", points.len());
        let highest = points.iter().fold(f32::INFINITY, |y, p| y.min(p[1]));
        assert!((highest - line.y(0.9)).abs() < 1e-3);
    }

    #[test]
    fn every_curve_lies_within_its_range() {
        let shares = [0.0, 1e-9, 0.004, 0.01, 0.3, 0.7, 0.8086, 0.8241, 0.99, 0.9999, 1.0];
        for low in shares {
            for high in shares.into_iter().filter(|high| *high >= low) {
                let [from, to] = range_around(low, high);
                assert!(0.0 <= from && from <= low && high <= to && to <= 1.0, "{low} to {high}: {from} to {to}");
                assert!(to - from > 0.999 * LEAST_SPAN, "{low} to {high}: {from} to {to}");
            }
        }
    }
}
