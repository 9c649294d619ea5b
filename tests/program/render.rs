//! `dynsparse render`: what is in the picture is what is in the recording. Without OpenGL, that it says so.

use std::io::Cursor;

use crate::common::{self, Place, Ran, vendor};

/// A red ball that is thrown up before a camera 3 m away, and nothing else.
const THROWN: &str = r#"<mujoco><option timestep="0.01"/><visual><global fovy="60"/><headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>
<worldbody><camera name="front" pos="0 -3 0" xyaxes="1 0 0 0 0 1" fovy="60"/><camera name="back" pos="0 9 0" xyaxes="-1 0 0 0 0 1"/>
<body><joint type="slide" axis="0 0 1"/><joint type="slide" axis="1 0 0"/><geom size=".15" rgba="1 0 0 1"/></body></worldbody>
<keyframe><key name="up" qpos="-0.5 -1" qvel="4 2"/></keyframe></mujoco>"#;

/// A picture, or the frames of a film with their times in ms.
struct Picture {
    width: usize,
    height: usize,
    frames: Vec<Vec<u8>>,
    delays: Vec<u16>,
}

impl Picture {
    fn read(place: &Place, name: &str) -> Self {
        let mut reader = png::Decoder::new(Cursor::new(place.read(name))).read_info().expect("a PNG");
        let info = reader.info();
        let (width, height) = (info.width as usize, info.height as usize);
        let n = info.animation_control().map_or(1, |a| a.num_frames as usize);
        let (mut frames, mut delays) = (Vec::new(), Vec::new());
        for _ in 0..n {
            let mut rgb = vec![0; 3 * width * height];
            reader.next_frame(&mut rgb).expect("a frame");
            if let Some(control) = reader.info().frame_control() {
                assert_eq!(control.delay_den, 1000);
                delays.push(control.delay_num);
            }
            frames.push(rgb);
        }
        Self { width, height, frames, delays }
    }

    /// A part of the first frame.
    fn part(&self, left: usize, top: usize, width: usize, height: usize) -> Vec<u8> {
        let row = |y: usize| &self.frames[0][3 * (y * self.width + left)..3 * (y * self.width + left + width)];
        (top..top + height).flat_map(row).copied().collect()
    }
}

/// The middle of what is red, in pixels from the left and the top.
fn red(rgb: &[u8], width: usize) -> [f64; 2] {
    let pixels = rgb.as_chunks::<3>().0.iter().enumerate().filter(|(_, p)| p[0] > 100 && p[1] < 60 && p[2] < 60);
    let (mut n, mut sum) = (0.0, [0.0; 2]);
    for (i, _) in pixels {
        n += 1.0;
        sum = [sum[0] + (i % width) as f64 + 0.5, sum[1] + (i / width) as f64 + 0.5];
    }
    assert!(n > 20.0, "{n} red pixels");
    sum.map(|s| s / n)
}

#[track_caller]
fn drawn(place: &Place, args: &[&str]) -> Option<Ran> {
    place.draw(&[&["render"], args].concat())
}

fn thrown() -> Place {
    let place = Place::new();
    place.write("thrown.xml", THROWN);
    let args = ["record", "thrown.xml", "--keyframe", "up", "--episodes", "1", "--steps", "60", "-o", "t.h5"];
    place.run(&args).ok();
    place
}

#[test]
fn the_ball_is_where_the_file_says() {
    let place = thrown();
    let Some(ran) = drawn(&place, &["t.h5", "--every", "7", "--columns", "3", "--size", "300x200"]) else { return };
    assert!(ran.stdout.starts_with("t.png: episode 0, 9 frames, steps 0 to 56, camera front, "), "{}", ran.stdout);
    let picture = Picture::read(&place, "t.png");
    assert_eq!((picture.width, picture.height), (3 * 302 - 2, 3 * 202 - 2));
    let file = hdf5::File::open(place.path("t.h5")).expect("a recording");
    let qpos: ndarray::Array2<f64> = file.dataset("qpos").and_then(|d| d.read_2d()).expect("qpos");
    // A camera of 60 degrees, 3 m away, in a frame of 200 pixels.
    let pixels = 200.0 / (2.0 * 3.0 * 30f64.to_radians().tan());
    let mut highest = 0.0f64;
    for (i, step) in (0..60).step_by(7).enumerate() {
        let frame = picture.part(i % 3 * 302, i / 3 * 202, 300, 200);
        let [x, y] = red(&frame, 300);
        let expected = [150.0 + pixels * qpos[[step, 1]], 100.0 - pixels * qpos[[step, 0]]];
        // Perspective pulls the middle of a ball's outline outwards by less than a pixel.
        assert!((x - expected[0]).hypot(y - expected[1]) < 1.5, "step {step}: {x} {y} instead of {expected:?}");
        highest = highest.max(qpos[[step, 0]]);
    }
    assert!(highest > 0.2, "the ball flies");
}

#[test]
fn the_same_file_gives_the_same_bytes_and_frames() {
    let place = thrown();
    if drawn(&place, &["t.h5"]).is_none() {
        return;
    }
    drawn(&place, &["t.h5", "-o", "again.png"]);
    assert_eq!(place.read("t.png"), place.read("again.png"));
    let strip = Picture::read(&place, "t.png");
    assert_eq!((strip.width, strip.height), (4 * 322 - 2, 2 * 242 - 2));
    drawn(&place, &["t.h5", "--at", "59", "-o", "last.png"]);
    let last = Picture::read(&place, "last.png");
    assert_eq!((last.width, last.height), (320, 240));
    assert!(last.frames[0] == strip.part(3 * 322, 242, 320, 240), "the last frame, alone and in the strip");
    assert!(last.frames[0] != strip.part(0, 0, 320, 240), "the first and the last frame are the same");
    for camera in ["back", "free"] {
        drawn(&place, &["t.h5", "--at", "59", "--camera", camera, "-o", "other.png"]);
        assert!(Picture::read(&place, "other.png").frames != last.frames, "{camera}");
    }
    // From behind, right is left.
    drawn(&place, &["t.h5", "--at", "0", "--camera", "back", "-o", "back.png", "--size", "900x600"]);
    let back = Picture::read(&place, "back.png");
    assert!(red(&back.frames[0], 900)[0] > 450.0);
    assert!(red(&strip.part(0, 0, 320, 240), 320)[0] < 160.0);
}

#[test]
fn a_film_takes_as_long_as_the_episode() {
    let place = thrown();
    if drawn(&place, &["t.h5", "--video", "-o", "film.png"]).is_none() {
        return;
    }
    // 0.6 s: 25 frames a second of 10 ms steps are every fourth one.
    let film = Picture::read(&place, "film.png");
    assert_eq!((film.frames.len(), film.delays.as_slice()), (15, &[40u16; 15][..]));
    let heights: Vec<f64> = film.frames.iter().map(|f| red(f, 320)[1]).collect();
    assert!(heights[0] > heights[7] && heights.iter().all(|h| *h < 240.0), "{heights:?}");
    drawn(&place, &["t.h5", "--video", "--at", "3,5,50", "-o", "film.png"]);
    assert_eq!(Picture::read(&place, "film.png").delays, [20, 450, 450]);
}

#[test]
fn contacts_are_drawn_where_they_are() {
    let place = Place::new();
    place.run(&["record", "--episodes", "1", "--steps", "60", "-o", "j.h5"]).ok();
    let file = hdf5::File::open(place.path("j.h5")).expect("a recording");
    let ncon: ndarray::Array1<i32> = file.dataset("ncon").and_then(|d| d.read_1d()).expect("ncon");
    let with = ncon.iter().position(|n| *n > 0).expect("a contact");
    let without = ncon.iter().position(|n| *n == 0).expect("a step without");
    for (step, there) in [(with, true), (without, false)] {
        let step = step.to_string();
        if drawn(&place, &["j.h5", "--at", &step, "-o", "plain.png"]).is_none() {
            return;
        }
        drawn(&place, &["j.h5", "--at", &step, "--contacts", "-o", "marked.png"]);
        let differ = Picture::read(&place, "plain.png").frames != Picture::read(&place, "marked.png").frames;
        assert_eq!(differ, there, "step {step}");
    }
}

/// Mocap bodies, activations, meshes and textures of Playground's models.
#[test]
fn robots_are_drawn_from_the_file_alone() {
    let assets = dynsparse::task::Assets::find(Some(vendor().as_ref()));
    for task in common::present(&["CheetahRun", "LeapCubeReorient", "PandaOpenCabinet"], &assets) {
        let place = Place::new();
        place.run(&["record", task, "--episodes", "1", "--steps", "6", "--assets", &vendor(), "-o", "r.h5"]).ok();
        if drawn(&place, &["r.h5", "--frames", "2"]).is_none() {
            return;
        }
        let strip = Picture::read(&place, "r.png");
        let (first, last) = (strip.part(0, 0, 320, 240), strip.part(322, 0, 320, 240));
        let distinct: std::collections::HashSet<_> = first.as_chunks::<3>().0.iter().collect();
        assert!(distinct.len() > 500, "{task}: {} colours", distinct.len());
        assert!(first != last, "{task}: nothing moves");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn without_opengl_there_is_one_clear_line() {
    let place = thrown();
    std::fs::create_dir(place.path("broken")).expect("a folder");
    place.write("broken/libEGL.so.1", "no library");
    for (variable, value) in [("LD_LIBRARY_PATH", "broken"), ("__EGL_VENDOR_LIBRARY_FILENAMES", "none.json")] {
        let mut command = place.command(&["render", "t.h5"]);
        command.env(variable, value);
        place.run_command(command).refused(&[
            "there is no OpenGL to draw with (",
            "install EGL",
            "apt-get install libegl1 libgl1-mesa-dri",
        ]);
    }
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let place = thrown();
    let refused = |args: &[&str], parts: &[&str]| drop(place.run(&[&["render"], args].concat()).refused(parts));
    refused(&["none.h5"], &["none.h5: no such file"]);
    refused(&["thrown.xml"], &["thrown.xml", "HDF5"]);
    refused(&["t.h5", "--episode", "7"], &["t.h5: there is no episode 7; its episodes are 0"]);
    refused(&["t.h5", "--camera", "nose"], &["t.h5: the model has no camera \"nose\"; choose among front, back, free"]);
    refused(&["t.h5", "--size", "0x20"], &["width 0", "1 to 8192"]);
    refused(&["t.h5", "--size", "20x9000"], &["height 9000", "1 to 8192"]);
    refused(&["t.h5", "--at", "3,60"], &["t.h5: episode 0 has no step 60; its steps are 0 to 59"]);
    refused(&["t.h5", "--frames", "0"], &["frames is 0"]);
    refused(&["t.h5", "--every", "0"], &["every is 0"]);
    refused(&["t.h5", "-o", "t.h5"], &["t.h5: a picture is a PNG", ".png"]);
    refused(&["t.h5", "-o", "none/t.png"], &["none/t.png: there is no folder none"]);
    for args in [
        &["--size", "20"][..],
        &["--size", "ax20"],
        &["--frames", "2", "--every", "3"],
        &["--at", "x"],
        &["--columns", "2", "--video"],
    ] {
        place.run(&[&["render", "t.h5"], args].concat()).usage(&[args[0]]);
    }
    // Only what is drawn row by row has columns and a size as a whole.
    if drawn(&place, &["t.h5"]).is_some() {
        refused(&["t.h5", "--columns", "0"], &["columns is 0"]);
        refused(&["t.h5", "--size", "8000x8000", "--every", "1"], &["too large", "smaller frames"]);
    }

    // A file that was changed behind our back.
    for (name, change, parts) in [
        ("qvel", None, &["lacks the variable qvel"][..]),
        ("qpos", Some(f64::NAN), &["step 0 of episode 0 cannot be drawn", "not finite"]),
    ] {
        std::fs::copy(place.path("t.h5"), place.path("bad.h5")).expect("a copy");
        let file = common::open_to_change(&place.path("bad.h5"));
        match change {
            None => file.unlink(name).expect("a variable is removed"),
            Some(x) => file.dataset(name).and_then(|d| d.write_slice(&[x], ndarray::s![0, 0..1])).expect("written"),
        }
        drop(file);
        let ran = place.run(&["render", "bad.h5"]);
        if !ran.stderr.contains("there is no OpenGL") {
            ran.refused(parts);
        }
    }
}
