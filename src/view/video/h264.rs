//! Frames as H.264, by OpenH264, in one thread, so that the same frames are the same bytes everywhere.

use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, QpRange, RateControlMode,
    UsageType, VuiConfig,
};
use openh264::formats::YUVSource;
use openh264::{OpenH264API, Timestamp};

use super::mp4::ParameterSets;

/// How coarse a frame is made, 0 to 51: letters of eleven pixels stay sharp.
const QUANTIZER: u8 = 23;

/// Rates that the encoder takes. Its own time decides nothing where frames are neither left out nor made coarser.
const RATES: [f64; 2] = [1.0, 60.0];

/// Kinds of units (ITU-T H.264, table 7-1).
const SEQUENCE_SET: u8 = 7;
const PICTURE_SET: u8 = 8;

/// Encodes frames of one size.
pub(super) struct H264 {
    encoder: Encoder,
    planes: Planes,
    key_every: usize,
    done: usize,
}

/// A frame as it is in a file.
pub(super) struct Coded {
    /// Where it begins a part of the video that needs nothing before it.
    pub(super) sets: Option<ParameterSets>,
    /// Its units, each behind its length of four bytes.
    pub(super) units: Vec<u8>,
}

impl H264 {
    /// For frames of `width` x `height`, both even, of which every `key_every`-th is complete in itself.
    pub(super) fn new(width: usize, height: usize, rate: f64, key_every: usize) -> Result<Self, String> {
        let config = EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            // The bounds of the quantizer hold its place: no rate is aimed at, and no frame is left out. (Other modes say on
            // stderr that they cannot keep a rate then.)
            .rate_control_mode(RateControlMode::Bufferbased)
            .qp(QpRange::new(QUANTIZER, QUANTIZER))
            .bitrate(BitRate::from_bps(20_000_000))
            .max_frame_rate(FrameRate::from_hz(rate.clamp(RATES[0], RATES[1]) as f32))
            .skip_frames(false)
            .scene_change_detect(false)
            .adaptive_quantization(false)
            .background_detection(false)
            .complexity(Complexity::Medium)
            .intra_frame_period(IntraFramePeriod::from_num_frames(key_every as u32))
            .num_threads(1)
            .vui(VuiConfig::bt709());
        let encoder = Encoder::with_api_config(OpenH264API::from_source(), config).map_err(|e| e.to_string())?;
        Ok(Self { encoder, planes: Planes::new(width, height), key_every, done: 0 })
    }

    /// Encodes a frame of rows of 4 bytes a pixel, red, green, blue and one that is not looked at.
    pub(super) fn encode(&mut self, rgba: &[u8]) -> Result<Coded, String> {
        self.planes.fill(rgba);
        let milliseconds = self.done as u64;
        let stream =
            self.encoder.encode_at(&self.planes, Timestamp::from_millis(milliseconds)).map_err(|e| e.to_string())?;
        let is_key = matches!(stream.frame_type(), FrameType::IDR);
        if is_key != self.done.is_multiple_of(self.key_every) {
            return Err(format!("frame {} came out of another kind than it was asked for", self.done));
        }
        let (mut sequence, mut picture, mut units) = (None, None, Vec::new());
        for layer in (0..stream.num_layers()).filter_map(|i| stream.layer(i)) {
            for unit in (0..layer.nal_count()).filter_map(|i| layer.nal_unit(i)) {
                let unit = without_start(unit);
                match unit.first().map(|head| head & 31) {
                    Some(SEQUENCE_SET) => sequence = Some(unit.to_vec()),
                    Some(PICTURE_SET) => picture = Some(unit.to_vec()),
                    Some(_) => {
                        units.extend((unit.len() as u32).to_be_bytes());
                        units.extend(unit);
                    }
                    None => {}
                }
            }
        }
        if units.is_empty() {
            return Err(format!("frame {} came out empty", self.done));
        }
        self.done += 1;
        let sets = sequence.zip(picture).map(|(sequence, picture)| ParameterSets { sequence, picture });
        Ok(Coded { sets, units })
    }
}

/// A unit without the code that it starts with in a stream.
fn without_start(unit: &[u8]) -> &[u8] {
    let start = [&[0, 0, 0, 1][..], &[0, 0, 1]].into_iter().find(|start| unit.starts_with(start));
    &unit[start.map_or(0, <[u8]>::len)..]
}

/// A frame as light and, at half the resolution, colour (BT.709, light from 16 to 235).
struct Planes {
    width: usize,
    height: usize,
    light: Vec<u8>,
    blue: Vec<u8>,
    red: Vec<u8>,
}

/// What red, green and blue add to light.
const LIGHT: [f32; 3] = [0.2126, 0.7152, 0.0722];

impl Planes {
    fn new(width: usize, height: usize) -> Self {
        let (pixels, colours) = (width * height, width / 2 * (height / 2));
        Self { width, height, light: vec![0; pixels], blue: vec![0; colours], red: vec![0; colours] }
    }

    fn fill(&mut self, rgba: &[u8]) {
        let width = self.width;
        for y in 0..self.height / 2 {
            let rows = [2 * y, 2 * y + 1].map(|y| &rgba[4 * width * y..4 * width * (y + 1)]);
            for x in 0..width / 2 {
                let mut mean = [0.0; 3];
                for (dy, row) in rows.iter().enumerate() {
                    for dx in 0..2 {
                        let at = 2 * x + dx;
                        let pixel: [f32; 3] = std::array::from_fn(|k| f32::from(row[4 * at + k]));
                        (0..3).for_each(|k| mean[k] += pixel[k] / 4.0);
                        self.light[(2 * y + dy) * width + at] = (16.5 + luma(pixel) * (219.0 / 255.0)) as u8;
                    }
                }
                let (own, at) = (luma(mean), y * (width / 2) + x);
                // Half the range of blue less light, and of red less light, around 128.
                let colour = |part: f32, weight: f32| {
                    (128.5 + (part - own) / (2.0 - 2.0 * weight) * (224.0 / 255.0)).clamp(0.0, 255.0) as u8
                };
                self.blue[at] = colour(mean[2], LIGHT[2]);
                self.red[at] = colour(mean[0], LIGHT[0]);
            }
        }
    }
}

fn luma(rgb: [f32; 3]) -> f32 {
    rgb[0] * LIGHT[0] + rgb[1] * LIGHT[1] + rgb[2] * LIGHT[2]
}

impl YUVSource for Planes {
    fn dimensions(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.width, self.width / 2, self.width / 2)
    }

    fn y(&self) -> &[u8] {
        &self.light
    }

    fn u(&self) -> &[u8] {
        &self.blue
    }

    fn v(&self) -> &[u8] {
        &self.red
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_bt_709() {
        let mut planes = Planes::new(2, 2);
        // White, black, and the primaries (ITU-R BT.709-6, 8 bits).
        for (rgb, yuv) in [
            ([255, 255, 255], [235, 128, 128]),
            ([0, 0, 0], [16, 128, 128]),
            ([255, 0, 0], [63, 102, 240]),
            ([0, 255, 0], [173, 42, 26]),
            ([0, 0, 255], [32, 240, 118]),
        ] {
            planes.fill(&[rgb[0], rgb[1], rgb[2], 255].repeat(4));
            assert_eq!([planes.light[3], planes.blue[0], planes.red[0]], yuv, "{rgb:?}");
        }
    }
}
