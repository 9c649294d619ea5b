//! Text on a picture: outlines of a font that is part of the program, filled. A letter is set by its own width, without kerning.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use resvg::tiny_skia::{FillRule, Paint, Path, PathBuilder, PixmapMut, Transform};
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, GlyphId, MetadataProvider as _};

/// How a text looks: its size in pixels, and whether it is bold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) bold: bool,
}

/// Where a text is, seen from its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The regular and the bold letters.
pub(super) struct Letters {
    faces: [Face; 2],
}

/// A font and the letters of it that have been used, in units of its size, y downwards.
struct Face {
    font: FontRef<'static>,
    unit: f32,
    known: RefCell<HashMap<char, Rc<Letter>>>,
}

struct Letter {
    outline: Option<Path>,
    width: f32,
}

impl Letters {
    /// None where the font cannot be read.
    pub(super) fn new() -> Option<Self> {
        Some(Self { faces: [Face::new(dejavu::sans::regular())?, Face::new(dejavu::sans::bold())?] })
    }

    fn face(&self, style: Style) -> &Face {
        &self.faces[usize::from(style.bold)]
    }

    /// Width of a text, px.
    pub(super) fn width(&self, style: Style, text: &str) -> f32 {
        let face = self.face(style);
        text.chars().map(|c| face.letter(c).width).sum::<f32>() * style.size
    }

    /// A text with its middle left out until it is at most so wide.
    pub(super) fn fitted(&self, style: Style, text: &str, width: f32) -> String {
        if self.width(style, text) <= width {
            return text.to_owned();
        }
        let letters: Vec<char> = text.chars().collect();
        // No text of more letters than pixels fits, and a name may have millions.
        let (mut low, mut high) = (0, letters.len().min(width.max(0.0) as usize));
        let cut = |n: usize| {
            let (head, tail) = (n.div_ceil(2), n / 2);
            let mut text: String = letters[..head].iter().collect();
            text.push('…');
            text.extend(&letters[letters.len() - tail..]);
            text
        };
        while low < high {
            let middle = (low + high).div_ceil(2);
            if self.width(style, &cut(middle)) <= width { low = middle } else { high = middle - 1 }
        }
        if low == 0 { String::new() } else { cut(low) }
    }

    /// A text in lines of at most this width, broken between words; what a `most`-th line does not hold is cut.
    pub(super) fn wrapped(&self, style: Style, text: &str, width: f32, most: usize) -> Vec<String> {
        let mut lines: Vec<String> = vec![String::new()];
        for word in text.split_whitespace() {
            let last = lines.last_mut().map(std::mem::take).unwrap_or_default();
            let longer = if last.is_empty() { word.to_owned() } else { format!("{last} {word}") };
            let at = lines.len() - 1;
            if last.is_empty() || lines.len() == most || self.width(style, &longer) <= width {
                lines[at] = longer;
            } else {
                lines[at] = last;
                lines.push(word.to_owned());
            }
        }
        let ended = |line: String| match self.width(style, &line) <= width {
            true => line,
            false => self.ended(style, &line, width),
        };
        lines.into_iter().map(ended).collect()
    }

    /// A text with its end left out until it is at most so wide.
    fn ended(&self, style: Style, text: &str, width: f32) -> String {
        let mut room = width / style.size - self.face(style).letter('…').width;
        let fits = |c: &char| {
            room -= self.face(style).letter(*c).width;
            room >= 0.0
        };
        let mut text: String = text.chars().take_while(fits).collect();
        text.truncate(text.trim_end().len());
        text + "…"
    }

    /// Draws a text with its baseline at a place, px; `upwards` turns it by a quarter.
    pub(super) fn draw(
        &self,
        to: &mut PixmapMut<'_>,
        style: Style,
        rgb: [u8; 3],
        (place, anchor): ([f32; 2], Anchor),
        upwards: bool,
        text: &str,
    ) {
        let width = self.width(style, text);
        let mut along = match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        };
        let mut paint = Paint::default();
        paint.set_color_rgba8(rgb[0], rgb[1], rgb[2], 255);
        let face = self.face(style);
        for letter in text.chars().map(|c| face.letter(c)) {
            let [x, y] = place;
            let s = style.size;
            let turned = match upwards {
                false => Transform::from_row(s, 0.0, 0.0, s, x + along, y),
                true => Transform::from_row(0.0, -s, s, 0.0, x, y - along),
            };
            if let Some(outline) = &letter.outline {
                to.fill_path(outline, &paint, FillRule::Winding, turned, None);
            }
            along += letter.width * s;
        }
    }
}

impl Face {
    fn new(data: &'static [u8]) -> Option<Self> {
        let font = FontRef::new(data).ok()?;
        let unit = 1.0 / f32::from(font.metrics(Size::unscaled(), LocationRef::default()).units_per_em);
        Some(Self { font, unit, known: RefCell::default() })
    }

    fn letter(&self, c: char) -> Rc<Letter> {
        if let Some(known) = self.known.borrow().get(&c) {
            return known.clone();
        }
        // A letter that the font has not is drawn as the font's box.
        let glyph = self.font.charmap().map(c).unwrap_or(GlyphId::NOTDEF);
        let width = self.font.glyph_metrics(Size::unscaled(), LocationRef::default()).advance_width(glyph);
        let mut pen = Pen { path: PathBuilder::new(), unit: self.unit };
        let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
        let drawn = self.font.outline_glyphs().get(glyph).is_some_and(|g| g.draw(settings, &mut pen).is_ok());
        let outline = if drawn { pen.path.finish() } else { None };
        let letter = Rc::new(Letter { outline, width: width.unwrap_or(0.0) * self.unit });
        self.known.borrow_mut().insert(c, letter.clone());
        letter
    }
}

struct Pen {
    path: PathBuilder,
    unit: f32,
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(x * self.unit, -y * self.unit);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(x * self.unit, -y * self.unit);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        let u = self.unit;
        self.path.quad_to(cx * u, -cy * u, x * u, -y * u);
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        let u = self.unit;
        self.path.cubic_to(ax * u, -ay * u, bx * u, -by * u, x * u, -y * u);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { size: 12.0, bold: false };

    #[test]
    fn no_text_is_wider_than_its_room() {
        let letters = Letters::new().unwrap();
        let long = "left_".repeat(100_000);
        for text in ["", "knee", "right_ankle_roll_joint", "関節", &long] {
            for width in [0.0, 3.0, 10.0, 40.0, 300.0] {
                let fitted = letters.fitted(PLAIN, text, width);
                assert!(letters.width(PLAIN, &fitted) <= width, "{fitted} {width}");
            }
            for line in letters.wrapped(PLAIN, text, 60.0, 2) {
                assert!(letters.width(PLAIN, &line) <= 60.0, "{line}");
            }
        }
        assert_eq!(letters.fitted(PLAIN, "knee", 100.0), "knee");
        let short = letters.fitted(PLAIN, "right_ankle_roll", 70.0);
        assert!(short.starts_with("righ") && short.ends_with("roll") && short.contains('…'), "{short}");
        assert_eq!(letters.wrapped(PLAIN, "a contact opens", 60.0, 2), ["a contact", "opens"]);
        let lines = letters.wrapped(PLAIN, "a contact opens or closes within reach", 60.0, 2);
        assert!(lines.len() == 2 && lines[1].ends_with('…'), "{lines:?}");
    }
}
