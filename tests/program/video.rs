//! `dynsparse view --video`: every entry has the colour of its value, frames come in time, and players get what they play.

use std::io::Cursor;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dynsparse::dataset::Recording;
use dynsparse::dataset::schema::Var;
use openh264::decoder::{DecodedYUV, Decoder};
use openh264::formats::YUVSource as _;
use serde_json::Value;

use crate::common::{Place, Ran, finish, wait};

#[track_caller]
fn filmed(place: &Place, args: &[&str]) -> Option<Ran> {
    place.draw(&[&["view"], args].concat())
}

/// The embedded model.
fn juggler(extra: &[&str]) -> Place {
    let place = Place::new();
    place.run(&[&["record", "--episodes", "1", "--steps", "40", "-o", "j.h5"], extra].concat()).ok();
    place
}

/// Red, green and blue by pixel.
struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<[u8; 3]>,
}

impl Picture {
    /// The frames of a PNG, and how long each stays, s.
    fn all(place: &Place, name: &str) -> (Vec<Self>, f64) {
        let mut reader = png::Decoder::new(Cursor::new(place.read(name))).read_info().expect("a PNG");
        let (width, height) = (reader.info().width as usize, reader.info().height as usize);
        let n = reader.info().animation_control().map_or(1, |a| a.num_frames);
        let (mut all, mut delay) = (Vec::new(), 0.0);
        for _ in 0..n {
            let mut bytes = vec![0; 3 * width * height];
            reader.next_frame(&mut bytes).expect("a frame");
            delay = reader.info().frame_control().map_or(0.0, |c| f64::from(c.delay_num) / f64::from(c.delay_den));
            all.push(Self { width, height, rgb: bytes.as_chunks::<3>().0.to_vec() });
        }
        (all, delay)
    }

    fn of(place: &Place, name: &str) -> Self {
        Self::all(place, name).0.remove(0)
    }

    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        self.rgb[y * self.width + x]
    }

    /// Upright lines of a colour that are as long as any: from the left, and the first and the last of their pixels from the top.
    fn uprights(&self, colour: [u8; 3]) -> (Vec<usize>, [usize; 2]) {
        let longest = |x: usize| {
            let (mut best, mut run) = ((0, 0), 0);
            for y in 0..self.height {
                run = if self.at(x, y) == colour { run + 1 } else { 0 };
                best = best.max((run, y));
            }
            best
        };
        let found: Vec<(usize, usize)> = (0..self.width).map(longest).collect();
        let (most, last) = *found.iter().max().expect("pixels");
        assert!(most > 16, "no line around a matrix");
        let lines = (0..self.width).filter(|x| found[*x] == (most, last)).collect();
        (lines, [last + 1 - most, last])
    }

    /// Mean distance of the colours of two pictures.
    fn distance(&self, other: &Self) -> f64 {
        assert_eq!((self.width, self.height), (other.width, other.height));
        let each = self.rgb.iter().flatten().zip(other.rgb.iter().flatten()).map(|(a, b)| f64::from(a.abs_diff(*b)));
        each.sum::<f64>() / (3 * self.rgb.len()) as f64
    }

    /// From light and colour (BT.709, light from 16 to 235).
    fn of_yuv(frame: &DecodedYUV<'_>) -> Self {
        let (width, height) = frame.dimensions();
        let (strides, mut rgb) = (frame.strides(), Vec::new());
        for y in 0..height {
            for x in 0..width {
                let light = (f64::from(frame.y()[y * strides.0 + x]) - 16.0) * 255.0 / 219.0;
                let colour =
                    |plane: &[u8], stride: usize| (f64::from(plane[y / 2 * stride + x / 2]) - 128.0) * 255.0 / 224.0;
                let (u, v) = (colour(frame.u(), strides.1), colour(frame.v(), strides.2));
                let (r, b) = (light + 1.5748 * v, light + 1.8556 * u);
                let g = (light - 0.2126 * r - 0.0722 * b) / 0.7152;
                rgb.push([r, g, b].map(|c| c.round().clamp(0.0, 255.0) as u8));
            }
        }
        Self { width, height, rgb }
    }
}

/// Colours of pages in light.
const SOFT: [u8; 3] = [0x66, 0x71, 0x7d];
const PAPER: [u8; 3] = [0xff; 3];
const EVENT: [u8; 3] = [0xa3, 0x24, 0x6e];
const INK: [u8; 3] = [0x1d, 0x26, 0x30];

/// The colour of an entry that is there and not zero, over powers of ten from `low` to `high`.
fn colour(x: f64, [low, high]: [f64; 2]) -> [u8; 3] {
    let share = ((x.abs().log10() - low) / (high - low)).clamp(0.0, 1.0);
    let colour = colorous::CIVIDIS.eval_rational((share * 0.96 * 31.0).round() as usize, 32);
    [colour.r, colour.g, colour.b]
}

/// Holds the picture of a step against the recording, entry by entry; `decades` are those of the page, none without numbers.
/// Gives how many entries are zero.
fn compare(picture: &Picture, file: &Recording, step: usize, decades: Option<[f64; 2]>) -> usize {
    let (lines, [first, last]) = picture.uprights(SOFT);
    let verdicts: Vec<Vec<u8>> =
        [Var::AZero, Var::BZero].map(|var| file.read(var, step..step + 1).unwrap_or_default()).into();
    let ndx = verdicts[0].len().isqrt();
    let tall = (last - first - 1) / ndx;
    assert_eq!(tall * ndx, last - first - 1, "squares of one height");
    // Left and right of A and of B; within A a line is as long where velocities begin.
    let ends = match lines[..] {
        [left, _, right] => vec![[left, right]],
        [left, _, right, left_b, right_b] => vec![[left, right], [left_b, right_b]],
        _ => panic!("lines at {lines:?}"),
    };
    let mut zeros = 0;
    for (matrix, verdicts) in verdicts.iter().enumerate().filter(|(_, verdicts)| !verdicts.is_empty()) {
        let (columns, left) = (verdicts.len() / ndx, ends[matrix][0] + 1);
        let wide = (ends[matrix][1] - left) / columns;
        assert_eq!(wide * columns, ends[matrix][1] - left, "squares of one width");
        let values: Option<Vec<f64>> =
            decades.map(|_| file.read([Var::A, Var::B][matrix], step..step + 1).expect("numbers"));
        for (entry, verdict) in verdicts.iter().enumerate() {
            let at = [left + entry % columns * wide + wide / 2, first + 1 + entry / columns * tall + tall / 2];
            let expected = match (verdict, decades.zip(values.as_ref())) {
                (0, Some((decades, values))) => colour(values[entry], decades),
                (0, None) => INK,
                (1, _) => PAPER,
                _ => EVENT,
            };
            let found = picture.at(at[0], at[1]);
            assert_eq!(found, expected, "step {step}, matrix {matrix}, entry {entry} at {at:?}");
            zeros += usize::from(*verdict == 1);
        }
    }
    zeros
}

/// What the page of all steps says the colours go over.
fn decades(place: &Place, recording: &str) -> [f64; 2] {
    place.run(&["view", recording, "-o", "page.html"]).ok();
    let html = String::from_utf8(place.read("page.html")).expect("UTF-8");
    let (_, rest) = html.split_once("\"decades\":").expect("decades");
    let (pair, _) = rest.split_once(']').expect("a pair");
    let pair: Value = serde_json::from_str(&format!("{pair}]")).expect("JSON");
    [0, 1].map(|i| pair[i].as_f64().expect("a number"))
}

/// Two steps at which A has other zeros, and the numbers of zeros of A and B.
fn two_steps(file: &Recording) -> [usize; 2] {
    let pattern = |step: usize| file.read::<u8>(Var::AZero, step..step + 1).expect("verdicts");
    let first = pattern(0);
    let other = (1..40).find(|step| pattern(*step) != first).expect("zeros that come or go");
    [0, other]
}

#[test]
fn every_entry_has_the_colour_of_its_value() {
    for extra in [&[][..], &["--store", "f32"], &["--store", "masks"]] {
        let place = juggler(extra);
        let file = Recording::open(&place.path("j.h5")).expect("a recording opens");
        let decades = (extra != ["--store", "masks"]).then(|| decades(&place, "j.h5"));
        let mut zeros = Vec::new();
        for step in two_steps(&file) {
            let (number, size) = (step.to_string(), if step == 0 { "1280x720" } else { "1920x1080" });
            let still = ["j.h5", "--video", "still.png", "--from", &number, "--to", &number, "--size", size];
            let Some(ran) = filmed(&place, &still) else { return };
            assert!(ran.stdout.starts_with(&format!("still.png: episode 0, steps {step} to {step} of 40, 1 frame, ")));
            zeros.push(compare(&Picture::of(&place, "still.png"), &file, step, decades));
        }
        assert!(zeros[0] != zeros[1] && zeros.iter().all(|n| *n > 0), "{zeros:?}");
    }
}

/// The boxes of an MP4 by their names, from the outside in.
fn boxed<'a>(mut bytes: &'a [u8], path: &[&[u8; 4]]) -> &'a [u8] {
    let Some((name, rest)) = path.split_first() else { return bytes };
    while bytes.len() >= 8 {
        let number = |at: usize, n: usize| bytes[at..at + n].iter().fold(0_usize, |sum, b| sum << 8 | usize::from(*b));
        let (size, head) = match number(0, 4) {
            1 => (number(8, 8), 16),
            size => (size, 8),
        };
        if &bytes[4..8] == *name {
            return boxed(&bytes[head..size], rest);
        }
        bytes = &bytes[size..];
    }
    panic!("there is no {}", String::from_utf8_lossy(*name));
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[4 * at..4 * at + 4].try_into().expect("four bytes")) as usize
}

/// The frames of an MP4, decoded, and frames a second.
fn played(file: &[u8]) -> (Vec<Picture>, f64) {
    assert_eq!(&file[4..8], b"ftyp");
    let media = boxed(file, &[b"moov", b"trak", b"mdia"]);
    let table = |name: &[u8; 4]| boxed(media, &[b"minf", b"stbl", name]);
    let scale = word(boxed(media, &[b"mdhd"]), 3);
    let (sizes, times, keys) = (table(b"stsz"), table(b"stts"), table(b"stss"));
    let n = word(sizes, 2);
    assert_eq!((word(times, 1), word(times, 2), word(table(b"stsc"), 3)), (1, n, n));
    let mut at = word(table(b"co64"), 3);
    assert_eq!(boxed(file, &[b"mdat"]).len(), (0..n).map(|i| word(sizes, 3 + i)).sum::<usize>());
    assert_eq!(at + boxed(file, &[b"mdat"]).len(), file.len(), "frames lie at the end");
    let avcc = &boxed(&table(b"stsd")[8..], &[b"avc1"])[78..];
    let avcc = boxed(avcc, &[b"avcC"]);
    let sequence = usize::from(avcc[6]) << 8 | usize::from(avcc[7]);
    let picture = &avcc[8 + sequence + 3..];
    let mut decoder = Decoder::new().expect("a decoder");
    let mut frames = Vec::new();
    for i in 0..n {
        let mut stream = Vec::new();
        if i == 0 {
            for set in [&avcc[8..8 + sequence], picture] {
                stream.extend([0, 0, 0, 1]);
                stream.extend(set);
            }
        }
        let sample = &file[at..at + word(sizes, 3 + i)];
        let mut unit = 0;
        while unit < sample.len() {
            let length = word(&sample[unit..], 0);
            let kind = sample[unit + 4] & 31;
            let is_key = (0..word(keys, 1)).any(|k| word(keys, 2 + k) == i + 1);
            assert_eq!(kind, if is_key { 5 } else { 1 }, "frame {i}");
            stream.extend([0, 0, 0, 1]);
            stream.extend(&sample[unit + 4..unit + 4 + length]);
            unit += 4 + length;
        }
        let frame = decoder.decode(&stream).expect("a frame is decoded").expect("a frame comes at once");
        frames.push(Picture::of_yuv(&frame));
        at += sample.len();
    }
    (frames, scale as f64 / word(times, 3) as f64)
}

#[test]
fn an_mp4_has_a_frame_for_each_step_and_the_same_bytes_again() {
    let place = juggler(&[]);
    let file = Recording::open(&place.path("j.h5")).expect("a recording opens");
    let dt = file.float_attribute("step_duration").expect("seconds");
    let size = ["--size", "640x360"];
    let Some(ran) = filmed(&place, &[&["j.h5", "--video", "j.mp4"], &size[..]].concat()) else { return };
    assert!(ran.stdout.starts_with("j.mp4: episode 0, steps 0 to 39, "), "{}", ran.stdout);
    assert_eq!(ran.stderr, "");
    let (frames, rate) = played(&place.read("j.mp4"));
    let every = (1.0 / dt / 50.0 - 1e-9).ceil().max(1.0);
    assert!((rate - 1.0 / dt / every).abs() < 0.01, "{rate} frames a second of steps of {dt} s");
    assert_eq!(frames.len(), 40_usize.div_ceil(every as usize));
    assert_eq!((frames[0].width, frames[0].height), (640, 360));
    assert!(ran.stdout.contains(&format!(" {} frames, ", frames.len())), "{}", ran.stdout);

    // Without a loss the same frames are those of the steps.
    filmed(&place, &[&["j.h5", "--video", "j.png"], &size[..]].concat());
    let (all, delay) = Picture::all(&place, "j.png");
    assert!(all.len() == frames.len() && (delay * rate - 1.0).abs() < 0.01, "{delay} s");
    for (i, (exact, frame)) in all.iter().zip(&frames).enumerate() {
        let own = exact.distance(frame);
        assert!(own < 1.5, "frame {i} is off by {own} of 255");
        // The first frame and the last one show other steps.
        let far = if i < frames.len() / 2 { frames.len() - 1 } else { 0 };
        assert!(all[far].distance(frame) > 1.5 * own, "frame {i} may as well be frame {far}");
    }
    // Run again, with another number of threads.
    let mut command = place.command(&[&["view", "j.h5", "--video", "again.mp4"], &size[..]].concat());
    command.env("RAYON_NUM_THREADS", "1").env("LP_NUM_THREADS", "1").env("EGL_LOG_LEVEL", "fatal");
    place.run_command(command).ok();
    assert!(place.read("again.mp4") == place.read("j.mp4"), "the bytes differ");
    // One of the same name is replaced, another file is not.
    filmed(&place, &[&["j.h5", "--video", "j.mp4", "--from", "3", "--to", "4", "--fps", "10"], &size[..]].concat());
    assert_eq!(played(&place.read("j.mp4")).0.len(), 1 + (dt * 10.0) as usize);
}

/// Sides of models that a picture may stumble over.
#[test]
fn models_of_all_kinds() {
    let long = "x".repeat(100_000);
    let named = format!(
        r#"<mujoco><worldbody><geom type="plane" size="5 5 1" name="&#x202e;&lt;b&gt;{long}"/><body name="关节" pos="0 0 .1"><freejoint name="a&#10;b{long}"/>
        <geom size=".1" name="k\u0007{long}"/></body></worldbody></mujoco>"#
    );
    let one = r#"<mujoco><worldbody><body><joint name="h"/><geom size=".1" pos="0 0 .2"/></body></worldbody>
        <actuator><motor joint="h"/></actuator></mujoco>"#;
    for (name, model, lines) in [("names", named, 3), ("one", one.to_owned(), 5)] {
        let place = Place::new();
        place.write("m.xml", &model);
        place.run(&["record", "m.xml", "--episodes", "1", "--steps", "3", "-o", "m.h5"]).ok();
        for video in ["m.mp4", "m.png"] {
            let Some(ran) = filmed(&place, &["m.h5", "--video", video, "--size", "480x270"]) else { return };
            assert_eq!(ran.stderr, "", "{name}");
            assert!(place.read(video).len() > 1000, "{name}");
        }
        let (pictures, _) = Picture::all(&place, "m.png");
        assert_eq!((pictures[0].width, pictures[0].height), (480, 270));
        assert_eq!(played(&place.read("m.mp4")).0.len(), pictures.len());
        assert_eq!(pictures[0].uprights(SOFT).0.len(), lines, "{name}: B is drawn where there is a control");
    }
}

#[test]
fn what_is_no_video_is_refused_in_one_line() {
    let place = juggler(&[]);
    let refused = |args: &[&str], parts: &[&str]| {
        place.run(&[&["view", "j.h5"], args].concat()).refused(parts);
    };
    refused(&["--video", "a.avi"], &["a.avi: a video is .mp4 (H.264) or .png"]);
    refused(&["--video", "a"], &["a: a video is .mp4 (H.264) or .png"]);
    refused(&["--video", "no/a.mp4"], &["no/a.mp4", "there is no folder no"]);
    refused(&["--video", "a.mp4", "--size", "641x360"], &["641 x 360", "give 642x360"]);
    refused(&["--video", "a.mp4", "--size", "64x36"], &["64 x 36", "give 480x270 to 3840x2160"]);
    refused(&["--video", "a.mp4", "--fps", "0"], &["0 frames a second", "give 1 to 60"]);
    refused(&["--video", "a.mp4", "--speed", "NaN"], &["a speed of NaN"]);
    refused(&["--video", "a.mp4", "--speed", "0.0001", "--fps", "60"], &["frames are more than 100000"]);
    refused(&["--video", "a.mp4", "--episode", "7"], &["there is no episode 7"]);
    refused(&["--video", "a.mp4", "--from", "9", "--to", "3"], &["comes before the first one"]);
    refused(&["--video", "a.mp4", "--to", "40"], &["has no step 40; its steps are 0 to 39"]);
    refused(&["--video", "a.mp4", "--camera", "moon"], &["has no camera \"moon\""]);
    place.write("mine.mp4", "my notes");
    refused(&["--video", "mine.mp4"], &["mine.mp4: is a text file, which an MP4 video does not replace"]);
    for args in [&["--video", "a.mp4", "-o", "a.html"][..], &["--video", "a.mp4", "--budget-mb", "3"], &["--fps", "3"]]
    {
        place.run(&[&["view", "j.h5"], args].concat()).usage(&["--video"]);
    }
    assert_eq!(place.listing().len(), 2);
}

#[test]
fn a_signal_leaves_nothing_behind() {
    let place = Place::new();
    place.run(&["record", "--episodes", "1", "--steps", "400", "-o", "j.h5"]).ok();
    if filmed(&place, &["j.h5", "--video", "one.png", "--to", "0"]).is_none() {
        return;
    }
    for signal in ["-TERM", "-INT"] {
        let mut command = place.command(&["view", "j.h5", "--video", "long.mp4", "--speed", "0.1", "--fps", "60"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let begun = Instant::now();
        // The draft of the video: it is being written.
        let writes = |place: &Place| place.listing().keys().any(|k| k.to_string_lossy().starts_with("long.mp4."));
        while !writes(&place) {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing is ever written");
            assert!(wait(&mut child, Duration::from_millis(5)).is_none(), "it has ended");
        }
        let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(kill.is_ok_and(|s| s.success()), "the signal is not sent");
        let (status, _, stderr) = finish(child);
        assert_eq!(status.code(), Some(if signal == "-TERM" { 143 } else { 130 }), "{stderr}");
        assert!(stderr.ends_with("error: stopped; no video was written\n"), "{stderr}");
        let left: Vec<String> = place.listing().keys().map(|k| k.display().to_string()).collect();
        assert_eq!(left, ["j.h5", "one.png"]);
    }
}
