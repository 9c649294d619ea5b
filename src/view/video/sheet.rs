//! A frame that is drawn on: rectangles, lines and text, in units of a 720th of its height or a 1280th of its width,
//! whichever is smaller.

use resvg::tiny_skia::{
    Color, FillRule, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform,
};

use super::super::ViewError;
use super::letters::{Anchor, Letters, Style};
use crate::report::light;

/// Colours of the parts, those of pages and reports in light.
#[derive(Debug, Clone, Copy)]
pub(super) struct Colours {
    pub(super) paper: [u8; 3],
    pub(super) ink: [u8; 3],
    pub(super) soft: [u8; 3],
    pub(super) grid: [u8; 3],
    pub(super) a: [u8; 3],
    pub(super) b: [u8; 3],
    pub(super) event: [u8; 3],
}

impl Colours {
    pub(super) fn new() -> Self {
        let [paper, ink, soft, grid, a, b, event] =
            ["paper", "ink", "soft", "grid", "a", "b", "event"].map(|name| rgb(light(name)));
        Self { paper, ink, soft, grid, a, b, event }
    }
}

/// The colour that `#rrggbb` means.
pub(super) fn rgb(hex: &str) -> [u8; 3] {
    let part = |at: usize| hex.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or(0);
    [part(1), part(3), part(5)]
}

/// A picture under way.
pub(super) struct Sheet<'l> {
    pub(super) pixels: Pixmap,
    /// Pixels of a unit.
    pub(super) scale: f32,
    letters: &'l Letters,
}

impl<'l> Sheet<'l> {
    /// A white one.
    pub(super) fn new(width: usize, height: usize, scale: f32, letters: &'l Letters) -> Result<Self, ViewError> {
        let pixels = Pixmap::new(width as u32, height as u32);
        let mut pixels =
            pixels.ok_or_else(|| ViewError::Setting(format!("a frame of {width} x {height} pixels is too large")))?;
        pixels.fill(Color::WHITE);
        Ok(Self { pixels, scale, letters })
    }

    /// The same picture once more.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.pixels.data_mut().copy_from_slice(other.pixels.data());
    }

    /// Sets whole pixels: `width` of them by row, 3 bytes each.
    pub(super) fn picture(&mut self, at: [usize; 2], width: usize, rgb: &[u8]) {
        let whole = self.pixels.width() as usize;
        for (y, row) in rgb.chunks_exact(3 * width).enumerate() {
            let start = 4 * ((at[1] + y) * whole + at[0]);
            let to = &mut self.pixels.data_mut()[start..start + 4 * width];
            for (to, from) in to.chunks_exact_mut(4).zip(row.chunks_exact(3)) {
                to.copy_from_slice(&[from[0], from[1], from[2], 255]);
            }
        }
    }

    /// A filled rectangle of whole pixels.
    pub(super) fn pixels(&mut self, at: [usize; 2], size: [usize; 2], rgb: [u8; 3]) {
        let (whole, high) = (self.pixels.width() as usize, self.pixels.height() as usize);
        let ends = [(at[0] + size[0]).min(whole), (at[1] + size[1]).min(high)];
        for y in at[1]..ends[1] {
            for pixel in self.pixels.pixels_mut()[y * whole..(y + 1) * whole][at[0].min(ends[0])..ends[0]].iter_mut() {
                *pixel = resvg::tiny_skia::ColorU8::from_rgba(rgb[0], rgb[1], rgb[2], 255).premultiply();
            }
        }
    }

    /// A filled rectangle, its opacity from 0 to 1.
    pub(super) fn rect(&mut self, at: [f32; 2], size: [f32; 2], rgb: [u8; 3], opacity: f32) {
        let [x, y, w, h] = [at[0], at[1], size[0], size[1]].map(|u| u * self.scale);
        if let Some(rect) = Rect::from_xywh(x, y, w, h) {
            let mut paint = Paint::default();
            paint.set_color_rgba8(rgb[0], rgb[1], rgb[2], (255.0 * opacity).round() as u8);
            self.pixels.fill_rect(rect, &paint, Transform::identity(), None);
        }
    }

    /// A filled shape, in units.
    pub(super) fn shape(&mut self, corners: &[[f32; 2]], rgb: [u8; 3]) {
        if let Some(path) = polyline(corners) {
            let mut paint = Paint::default();
            paint.set_color_rgba8(rgb[0], rgb[1], rgb[2], 255);
            let scale = Transform::from_scale(self.scale, self.scale);
            self.pixels.fill_path(&path, &paint, FillRule::Winding, scale, None);
        }
    }

    /// A line along points, in units.
    pub(super) fn line(&mut self, points: &[[f32; 2]], rgb: [u8; 3], width: f32, dash: &[f32]) {
        let Some(path) = polyline(points) else { return };
        let mut paint = Paint::default();
        paint.set_color_rgba8(rgb[0], rgb[1], rgb[2], 255);
        let stroke = Stroke {
            width,
            line_join: LineJoin::Round,
            dash: StrokeDash::new(dash.to_vec(), 0.0),
            ..Stroke::default()
        };
        let scale = Transform::from_scale(self.scale, self.scale);
        self.pixels.stroke_path(&path, &paint, &stroke, scale, None);
    }

    /// A level or upright line of one pixel.
    pub(super) fn hair(&mut self, from: [f32; 2], to: [f32; 2], rgb: [u8; 3]) {
        let [x, y, x2, y2] = [from[0], from[1], to[0], to[1]].map(|u| (u * self.scale).round().max(0.0) as usize);
        self.pixels([x, y], [(x2 - x.min(x2)).max(1), (y2 - y.min(y2)).max(1)], rgb);
    }

    fn style(&self, size: f32, bold: bool) -> Style {
        Style { size: size * self.scale, bold }
    }

    /// Width of a text, in units.
    pub(super) fn width(&self, size: f32, bold: bool, text: &str) -> f32 {
        self.letters.width(self.style(size, bold), text) / self.scale
    }

    /// A text with its middle left out until it fits.
    pub(super) fn fitted(&self, size: f32, bold: bool, text: &str, width: f32) -> String {
        self.letters.fitted(self.style(size, bold), text, width * self.scale)
    }

    /// A text in lines.
    pub(super) fn wrapped(&self, size: f32, text: &str, width: f32, most: usize) -> Vec<String> {
        self.letters.wrapped(self.style(size, false), text, width * self.scale, most)
    }

    /// A text with its baseline here.
    pub(super) fn text(&mut self, (size, bold): (f32, bool), rgb: [u8; 3], at: [f32; 2], anchor: Anchor, text: &str) {
        let place = [at[0] * self.scale, (at[1] * self.scale).round()];
        let (style, letters) = (self.style(size, bold), self.letters);
        letters.draw(&mut self.pixels.as_mut(), style, rgb, (place, anchor), false, text);
    }

    /// A text that reads upwards, its baseline at the right of its letters.
    pub(super) fn upwards(&mut self, size: f32, rgb: [u8; 3], at: [f32; 2], anchor: Anchor, text: &str) {
        let place = [(at[0] * self.scale).round(), at[1] * self.scale];
        let (style, letters) = (self.style(size, false), self.letters);
        letters.draw(&mut self.pixels.as_mut(), style, rgb, (place, anchor), true, text);
    }
}

fn polyline(points: &[[f32; 2]]) -> Option<Path> {
    let mut path = PathBuilder::new();
    let mut open = false;
    for [x, y] in points {
        if !(x.is_finite() && y.is_finite()) {
            open = false;
        } else if open {
            path.line_to(*x, *y);
        } else {
            path.move_to(*x, *y);
            open = true;
        }
    }
    path.finish()
}
