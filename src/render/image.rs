//! Frames as files: one picture with all of them side by side, or an animation.

use png::{BitDepth, ColorType, Encoder};

use super::{RenderError, Shots, refuse};

/// Pixels between two frames.
const GAP: usize = 2;

/// Pixels of a picture at most, and on a side: what programs that show pictures take.
const MOST: usize = 1 << 28;
const MOST_ON_A_SIDE: usize = 1 << 16;

/// Pixels of all frames of a film at most.
const MOST_OF_A_FILM: usize = 1 << 32;

impl Shots<'_> {
    /// All frames in rows of `columns`, on white, as PNG.
    ///
    /// # Errors
    /// [`RenderError`] when a state cannot be drawn, or the picture would be too large.
    pub fn strip(&mut self, columns: usize) -> Result<Vec<u8>, RenderError> {
        if columns == 0 {
            return refuse("columns is 0; give at least 1".to_owned());
        }
        let (w, h, n) = (self.settings.width, self.settings.height, self.steps.len());
        let columns = columns.min(n);
        let rows = n.div_ceil(columns);
        let side = |frames: usize, pixels: usize| frames * (pixels + GAP) - GAP;
        let (width, height) = (side(columns, w), side(rows, h));
        if width > MOST_ON_A_SIDE || height > MOST_ON_A_SIDE || width * height > MOST {
            return refuse(format!(
                "a picture of {width} x {height} pixels is too large; draw fewer or smaller frames"
            ));
        }
        let mut picture = vec![0xff; 3 * width * height];
        let mut frame = vec![0; 3 * w * h];
        for i in 0..n {
            self.draw(self.steps[i], &mut frame)?;
            let (left, top) = (i % columns * (w + GAP), i / columns * (h + GAP));
            for (y, line) in frame.chunks_exact(3 * w).enumerate() {
                let start = 3 * ((top + y) * width + left);
                picture[start..start + 3 * w].copy_from_slice(line);
            }
        }
        let mut bytes = Vec::new();
        let mut writer = encoder(&mut bytes, width, height).write_header()?;
        writer.write_image_data(&picture)?;
        writer.finish()?;
        Ok(bytes)
    }

    /// All frames one after the other in real time, over and over, as an animated PNG. A program that shows still
    /// pictures only shows the first one.
    ///
    /// # Errors
    /// [`RenderError`] when a state cannot be drawn.
    pub fn film(&mut self) -> Result<Vec<u8>, RenderError> {
        let (w, h, n) = (self.settings.width, self.settings.height, self.steps.len());
        if n.saturating_mul(w * h) > MOST_OF_A_FILM {
            return refuse(format!(
                "a film of {n} frames of {w} x {h} pixels is too large; draw fewer or smaller frames"
            ));
        }
        let mut bytes = Vec::new();
        let mut encoder = encoder(&mut bytes, w, h);
        encoder.set_animated(n as u32, 0)?;
        let mut writer = encoder.write_header()?;
        let mut frame = vec![0; 3 * w * h];
        for i in 0..n {
            let next = self.steps.get(i + 1).or(self.steps.get(i)).copied().unwrap_or(0);
            let before = if i + 1 < n { self.steps[i] } else { self.steps[i.saturating_sub(1)] };
            // The last frame stays as long as the one before.
            let milliseconds = (next.abs_diff(before).max(1) as f64 * self.dt * 1e3).round();
            writer.set_frame_delay(milliseconds.clamp(1.0, f64::from(u16::MAX)) as u16, 1000)?;
            self.draw(self.steps[i], &mut frame)?;
            writer.write_image_data(&frame)?;
        }
        writer.finish()?;
        Ok(bytes)
    }
}

fn encoder(bytes: &mut Vec<u8>, width: usize, height: usize) -> Encoder<'static, &mut Vec<u8>> {
    let mut encoder = Encoder::new(bytes, width as u32, height as u32);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder
}
