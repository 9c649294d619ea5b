//! What frames are written to: a video, or a PNG, which moves where there are several.

use std::io::{Seek, Write};

use png::{BitDepth, ColorType, Encoder};

use super::super::ViewError;
#[cfg(feature = "video")]
use super::{h264::H264, mp4};

/// What a video is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoFormat {
    /// H.264 in MP4: what browsers, Keynote, PowerPoint and VLC play.
    Mp4,
    /// PNG, without a loss: a picture of one step, or an animation.
    Png,
}

impl VideoFormat {
    /// The endings of files.
    pub const ENDINGS: [(&str, Self); 2] = [("mp4", Self::Mp4), ("png", Self::Png)];

    /// Whether this build writes it.
    pub fn is_built(self) -> bool {
        match self {
            Self::Mp4 => cfg!(feature = "video"),
            Self::Png => true,
        }
    }
}

/// What the frames of a film have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Frames a second.
    pub(super) rate: f64,
    pub(super) frames: usize,
}

/// A film under way.
pub(super) trait Film: Send {
    /// Adds a frame: rows of 4 bytes a pixel, red, green, blue and one that is not looked at.
    fn frame(&mut self, rgba: &[u8]) -> Result<(), ViewError>;

    /// Behind the last frame.
    fn finish(self: Box<Self>) -> Result<(), ViewError>;
}

/// Begins a film.
pub(super) fn begin<'w, W: Write + Seek + Send + 'w>(
    format: VideoFormat,
    shape: Shape,
    out: W,
) -> Result<Box<dyn Film + 'w>, ViewError> {
    match format {
        #[cfg(feature = "video")]
        VideoFormat::Mp4 => Ok(Box::new(Mp4::new(shape, out)?)),
        #[cfg(not(feature = "video"))]
        VideoFormat::Mp4 => Err(ViewError::Setting("this build writes no MP4".to_owned())),
        VideoFormat::Png => Ok(Box::new(MovingPng::new(shape, out)?)),
    }
}

/// Frames of a film at most: with these, what says where they lie stays small, and times fit into 32 bits.
pub(super) const MOST_FRAMES: usize = 100_000;

/// Frames that are drawn while others are written.
const AHEAD: usize = 2;

/// Writes what `draw` draws: it is called with room for a frame, and says false behind the last one. Frames are encoded by another
/// thread than the one that draws, in order.
pub(super) fn filmed(
    film: Box<dyn Film + '_>,
    mut draw: impl FnMut(&mut Vec<u8>) -> Result<bool, ViewError>,
) -> Result<(), ViewError> {
    std::thread::scope(|scope| {
        let (to, frames) = std::sync::mpsc::sync_channel::<Vec<u8>>(AHEAD);
        let (back, used) = std::sync::mpsc::channel::<Vec<u8>>();
        let writer = scope.spawn(move || {
            let mut film = film;
            for frame in frames {
                film.frame(&frame)?;
                // Who draws may have drawn the last one.
                let _ = back.send(frame);
            }
            Ok::<_, ViewError>(film)
        });
        let mut drawn = Ok(());
        loop {
            let mut frame = used.try_recv().unwrap_or_default();
            match draw(&mut frame) {
                Ok(true) if to.send(frame).is_ok() => {}
                // The other thread has ended, and says why.
                Ok(_) => break,
                Err(e) => {
                    drawn = Err(e);
                    break;
                }
            }
        }
        drop(to);
        let film = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        drawn?;
        film?.finish()
    })
}

/// Seconds between two frames that are complete in themselves: how exactly players jump to a time.
#[cfg(feature = "video")]
const KEY_EVERY: f64 = 2.0;

/// H.264 in MP4.
#[cfg(feature = "video")]
struct Mp4<W> {
    coder: H264,
    movie: mp4::Movie,
    /// Until the first frame is there, which says what all share.
    out: Option<W>,
    writer: Option<mp4::Writer<W>>,
}

#[cfg(feature = "video")]
impl<W: Write + Seek> Mp4<W> {
    fn new(shape: Shape, out: W) -> Result<Self, ViewError> {
        let Shape { width, height, rate, frames } = shape;
        let key_every = (KEY_EVERY * rate).round().clamp(1.0, 1e6) as usize;
        let coder = H264::new(width, height, rate, key_every).map_err(ViewError::Coder)?;
        let movie = mp4::Movie { width, height, rate, frames, key_every };
        Ok(Self { coder, movie, out: Some(out), writer: None })
    }
}

#[cfg(feature = "video")]
impl<W: Write + Seek + Send> Film for Mp4<W> {
    fn frame(&mut self, rgba: &[u8]) -> Result<(), ViewError> {
        let coded = self.coder.encode(rgba).map_err(ViewError::Coder)?;
        if let Some(out) = self.out.take() {
            let sets = coded.sets.ok_or_else(|| ViewError::Coder("the first frame has no parameters".to_owned()))?;
            self.writer = Some(mp4::Writer::new(out, self.movie.clone(), sets)?);
        }
        if let Some(writer) = &mut self.writer {
            writer.frame(&coded.units)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), ViewError> {
        Ok(self.writer.map_or(Ok(()), mp4::Writer::finish)?)
    }
}

/// PNG.
struct MovingPng<W: Write> {
    writer: png::Writer<W>,
    rgb: Vec<u8>,
}

impl<W: Write> MovingPng<W> {
    fn new(shape: Shape, out: W) -> Result<Self, ViewError> {
        let Shape { width, height, rate, frames } = shape;
        let mut encoder = Encoder::new(out, width as u32, height as u32);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        if frames > 1 {
            encoder.set_animated(frames as u32, 0)?;
            // Tenths of a millisecond.
            encoder.set_frame_delay((1e4 / rate).round().clamp(1.0, f64::from(u16::MAX)) as u16, 10_000)?;
        }
        Ok(Self { writer: encoder.write_header()?, rgb: Vec::with_capacity(3 * width * height) })
    }
}

impl<W: Write + Send> Film for MovingPng<W> {
    fn frame(&mut self, rgba: &[u8]) -> Result<(), ViewError> {
        self.rgb.clear();
        self.rgb.extend(rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]));
        Ok(self.writer.write_image_data(&self.rgb)?)
    }

    fn finish(self: Box<Self>) -> Result<(), ViewError> {
        Ok(self.writer.finish()?)
    }
}
