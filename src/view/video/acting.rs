//! What acts at a step, in words: pairs of geoms that touch, limits and other constraints, flags.

use super::letters::Anchor;
use super::sheet::{Colours, Sheet};
use super::source::Block;
use super::words;
use crate::flags::StepFlags;

/// Sizes in units.
const LETTERS: f32 = 13.0;
const SMALL: f32 = 11.5;
const HEAD: f32 = 11.0;
const LINE: f32 = 18.5;
/// Between two columns.
const GAP: f32 = 22.0;
/// Widths of the columns, as shares of the panel.
const SHARES: [f32; 3] = [0.46, 0.2, 0.34];

/// What geoms are called.
pub(super) struct GeomNames(Vec<String>);

impl GeomNames {
    /// A geom without a name is called by its body.
    pub(super) fn new(labels: Vec<String>, bodies: &[String], body: impl Fn(usize) -> Option<usize>) -> Self {
        let named = |(i, label): (usize, String)| {
            let made = label.strip_prefix("geom").is_some_and(|rest| {
                let mut parts = rest.split('#');
                parts.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
            });
            let of_body = body(i).and_then(|body| bodies.get(body)).filter(|_| made);
            words::name(of_body.unwrap_or(&label))
        };
        Self(labels.into_iter().enumerate().map(named).collect())
    }

    fn of(&self, geom: i32) -> &str {
        usize::try_from(geom).ok().and_then(|geom| self.0.get(geom)).map_or("flex", String::as_str)
    }
}

/// Where it is, and what it needs to know.
pub(super) struct Acting {
    pub(super) at: [f32; 2],
    pub(super) size: [f32; 2],
    pub(super) geoms: GeomNames,
    /// Physics steps of a step.
    pub(super) substeps: i64,
    pub(super) colours: Colours,
}

/// One line of words: what is meant, and what is said of it, at length and in short.
struct Line {
    name: String,
    note: String,
    brief: String,
}

impl Line {
    fn of(name: String) -> Self {
        Self { name, note: String::new(), brief: String::new() }
    }
}

impl Acting {
    fn column(&self, i: usize) -> (f32, f32) {
        let free = self.size[0] - GAP * (SHARES.len() - 1) as f32;
        let before: f32 = SHARES[..i].iter().map(|share| share * free + GAP).sum();
        (self.at[0] + before, SHARES[i] * free)
    }

    /// Lines below a heading.
    fn lines(&self) -> usize {
        ((self.size[1] - HEAD - 4.0) / LINE).max(1.0) as usize
    }

    /// What stays: headings.
    pub(super) fn frame(&self, sheet: &mut Sheet<'_>) {
        for (i, head) in ["CONTACTS", "LIMITS", "FLAGS"].into_iter().enumerate() {
            let (x, width) = self.column(i);
            let at = [x, self.at[1] + HEAD];
            sheet.text((HEAD, true), self.colours.soft, at, Anchor::Start, head);
            sheet.hair([x, at[1] + 5.0], [x + width, at[1] + 5.0], self.colours.grid);
        }
    }

    /// The words of a step, counted from the first one of the block.
    pub(super) fn draw(&self, sheet: &mut Sheet<'_>, block: &Block, step: usize) {
        self.list(sheet, 0, &self.contacts(block, step), "Nothing touches.");
        self.list(sheet, 1, &constraints(block, step), "No limit pushes.");
        self.flags(sheet, block, step);
    }

    fn contacts(&self, block: &Block, step: usize) -> Vec<Line> {
        let line = |(pair, steps, dist): ([i32; 2], u16, f32)| {
            let name = format!("{} – {}", self.geoms.of(pair[0]), self.geoms.of(pair[1]));
            let dist = f64::from(dist);
            let note = match dist {
                d if d.is_nan() => format!("{steps} of {} physics steps", self.substeps),
                d if d <= 0.0 => format!("{} deep", words::millimetres(-d)),
                d => format!("{} apart", words::millimetres(d)),
            };
            let brief = note.trim_end_matches(" physics steps").to_owned();
            Line { name, note, brief }
        };
        block.events.touching(step).map(line).collect()
    }

    /// A list, as far as there is room.
    fn list(&self, sheet: &mut Sheet<'_>, column: usize, lines: &[Line], nothing: &str) {
        let Colours { ink, soft, .. } = self.colours;
        let (x, width) = self.column(column);
        let most = self.lines();
        let shown = if lines.len() > most { most - 1 } else { lines.len() };
        let y = |i: usize| self.at[1] + HEAD + 4.0 + (i + 1) as f32 * LINE;
        for (i, line) in lines[..shown].iter().enumerate() {
            let room = |sheet: &Sheet<'_>, note: &str| match note {
                "" => width,
                note => width - sheet.width(SMALL, false, note) - 8.0,
            };
            let fits = sheet.width(LETTERS, false, &line.name) <= room(sheet, &line.note);
            let note = if fits { &line.note } else { &line.brief };
            let name = sheet.fitted(LETTERS, false, &line.name, room(sheet, note));
            sheet.text((LETTERS, false), ink, [x, y(i)], Anchor::Start, &name);
            sheet.text((SMALL, false), soft, [x + width, y(i)], Anchor::End, note);
        }
        let rest = match (lines.len(), lines.len() - shown) {
            (0, _) => nothing.to_owned(),
            (_, 0) => return,
            (_, more) => format!("and {more} more"),
        };
        let rest = sheet.fitted(LETTERS, false, &rest, width);
        sheet.text((LETTERS, false), soft, [x, y(shown)], Anchor::Start, &rest);
    }

    fn flags(&self, sheet: &mut Sheet<'_>, block: &Block, step: usize) {
        let Colours { ink, soft, .. } = self.colours;
        let (x, width) = self.column(2);
        let (_, bits, kink) = block.events.marks(step);
        let set = StepFlags::TABLE.iter().filter(|(flag, ..)| bits & flag.bits() != 0);
        let mut lines: Vec<(String, bool)> = Vec::new();
        for (_, name, what) in set {
            lines.push((name.replace('_', " "), true));
            lines.extend(sheet.wrapped(SMALL, what, width, 2).into_iter().map(|line| (line, false)));
        }
        if kink > 0.0 {
            let kink = words::percent(f64::from(kink));
            lines.push((format!("sides of derivatives differ by {kink}"), false));
        }
        let most = self.lines();
        if lines.len() > most {
            // Names before meanings.
            lines.retain(|(_, is_name)| *is_name);
        }
        if lines.is_empty() {
            lines.push(("None.".to_owned(), false));
        }
        let more = lines.len().saturating_sub(most);
        if more > 0 {
            lines.truncate(most - 1);
            lines.push((format!("and {} more", more + 1), false));
        }
        let small = lines.len() > 1 || lines[0].1;
        for (i, (text, is_name)) in lines.iter().enumerate() {
            let y = self.at[1] + HEAD + 4.0 + (i + 1) as f32 * LINE;
            let size = if *is_name || !small { LETTERS } else { SMALL };
            let text = sheet.fitted(size, *is_name, text, width);
            sheet.text((size, *is_name), if *is_name { ink } else { soft }, [x, y], Anchor::Start, &text);
        }
    }
}

/// Limits first, then equalities, then how much friction of joints and tendons sticks and slips.
fn constraints(block: &Block, step: usize) -> Vec<Line> {
    let (mut limits, mut equalities, mut sticking, mut slipping) = (Vec::new(), Vec::new(), 0_usize, 0_usize);
    for (constraint, state) in block.events.acting(step) {
        let line = || Line::of(words::entry(&constraint.name));
        match constraint.kind {
            kind if kind.starts_with("limit") => limits.push(line()),
            "equality" => equalities.push(line()),
            _ if state == "quadratic" => sticking += 1,
            _ => slipping += 1,
        }
    }
    limits.append(&mut equalities);
    for (number, what) in [(sticking, "stick"), (slipping, "slip")] {
        if number > 0 {
            limits.push(Line::of(format!("friction: {number} {what}")));
        }
    }
    limits
}
