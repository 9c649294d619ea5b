//! Models in which trees of bodies fall asleep, are woken, and sleep from the start: recorded, verified, replayed.

use dynsparse::dataset::Recording;
use dynsparse::dataset::schema::{Axis, Var};
use dynsparse::flags::StepFlags;

use crate::common::Place;
use crate::common::npz::Archive;

/// A stack that falls by a hand's breadth, an arm that swings over it (and hits it now and then), a box that begins asleep, one that
/// never sleeps, and a slider at rest with a motor, which may sleep.
const SCENE: &str = r#"<mujoco><option timestep=".004" integrator="implicitfast"><flag sleep="enable"/></option><worldbody>
    <geom type="plane" size="5 5 .1"/>
    <body name="low" pos=".5 0 .11"><freejoint/><geom type="box" size=".1 .12 .1"/></body>
    <body name="high" pos=".5 .01 .32"><freejoint/><geom type="box" size=".08 .09 .1"/></body>
    <body name="first" pos="2 2 .1" sleep="init"><freejoint/><geom type="box" size=".1 .1 .1"/></body>
    <body name="never" pos="-2 2 .1" sleep="never"><freejoint/><geom type="box" size=".1 .1 .1"/></body>
    <body name="slider" pos="-2 -2 .5" sleep="allowed"><joint name="slide" type="slide" axis="1 0 0" frictionloss="40"/><geom size=".1"/></body>
    <body name="arm" pos="0 0 .3"><joint name="hinge" axis="0 0 1" damping=".4" ref="90" range="-170 170"/>
      <geom type="capsule" fromto=".1 0 0 .55 0 0" size=".04" density="3000"/></body>
    </worldbody><actuator><motor joint="hinge" gear="14" ctrlrange="-1 1"/><motor joint="slide" gear="20" ctrlrange="-1 1"/></actuator>
    <sensor><framepos objtype="body" objname="high"/><jointvel joint="hinge"/></sensor></mujoco>"#;

fn read(recording: &Recording, var: Var) -> Vec<u8> {
    recording.bytes(var, 0..recording.len(Axis::Step)).unwrap()
}

fn trees(recording: &Recording) -> Vec<Vec<i32>> {
    let all: Vec<i32> = recording.read(Var::TreeAsleep, 0..recording.len(Axis::Step)).unwrap();
    all.chunks(recording.len(Axis::Tree)).map(<[i32]>::to_vec).collect()
}

#[test]
fn what_sleeps_is_recorded_verified_and_replayed() {
    let place = Place::new();
    place.write("scene.xml", SCENE);
    for (out, threads, step) in [("1.h5", "1", "control"), ("2.h5", "2", "control"), ("p.h5", "2", "physics")] {
        let sizes =
            ["--episodes", "2", "--steps", "160", "--substeps", "3", "--seed", "4", "--threads", threads, "-o", out];
        place
            .run(&[&["record", "scene.xml", "--sensors", "--policy", "sinusoid", "--step", step][..], &sizes].concat())
            .ok();
    }
    assert!(place.read("1.h5") == place.read("2.h5"), "another file on 2 threads");
    place.run(&["verify", "2.h5"]).ok();
    place.run(&["verify", "p.h5", "--content-only"]).ok();
    let recording = Recording::open(&place.path("1.h5")).unwrap();
    assert_eq!(recording.labels(Axis::Tree).unwrap(), ["low", "high", "first", "never", "slider", "arm"]);
    let asleep = trees(&recording);
    let (mut slept, mut woke) = (0, 0);
    for rows in asleep.windows(2) {
        slept += rows[0].iter().zip(&rows[1]).filter(|(a, b)| **a < 0 && **b >= 0).count();
        woke += rows[0].iter().zip(&rows[1]).filter(|(a, b)| **a >= 0 && **b < 0).count();
    }
    assert!(slept >= 4 && woke >= 2, "{slept} fell asleep, {woke} woke: {:?}", asleep.last());
    assert!(asleep.iter().all(|row| row[3] < 0 && row[5] < 0), "the arm and a box stay awake");
    assert!(asleep[0][2] == 2 && asleep.iter().any(|row| row[4] >= 0));
    let flags: Vec<u32> = recording.read(Var::Flags, 0..asleep.len()).unwrap();
    for (row, flags) in asleep.iter().zip(&flags) {
        let flagged = StepFlags::from_bits_retain(*flags).contains(StepFlags::SLEEP_SWITCH);
        assert!(flagged || row.iter().all(|tree| *tree < 0), "{row:?}");
    }
    // States of the file, one by one, and its controls from the first state on.
    for (with, out) in [("states", "s.h5"), ("controls", "c.h5")] {
        place
            .run(&[
                "record",
                "scene.xml",
                "--sensors",
                "--substeps",
                "3",
                "--replay",
                "1.h5",
                "--replay-with",
                with,
                "-o",
                out,
            ])
            .ok();
        place.run(&["verify", out]).ok();
        let again = Recording::open(&place.path(out)).unwrap();
        for var in [
            Var::Qpos,
            Var::QposNext,
            Var::QvelNext,
            Var::TreeAsleep,
            Var::QaccSmooth,
            Var::QaccWarmstart,
            Var::A,
            Var::B,
            Var::AZero,
        ] {
            assert!(read(&recording, var) == read(&again, var), "{with}: {}", var.spec().name);
        }
    }
}

#[test]
fn recordings_of_other_models_say_nothing_of_sleep() {
    let place = Place::new();
    place.write("scene.xml", SCENE.replace(r#"<flag sleep="enable"/>"#, ""));
    place.run(&["record", "scene.xml", "--episodes", "1", "--steps", "5", "-o", "awake.h5"]).ok();
    let recording = Recording::open(&place.path("awake.h5")).unwrap();
    assert!([Var::TreeAsleep, Var::QaccSmooth, Var::ActDot].iter().all(|var| !recording.has(*var)));
    assert!(!place.read("awake.h5").windows(12).any(|bytes| bytes == b"sleep_switch"));
    place.run(&["verify", "awake.h5"]).ok();
}

#[test]
fn what_cannot_sleep_is_named() {
    let place = Place::new();
    let start =
        r#"<mujoco><option OPTION><flag sleep="enable"/></option><worldbody><geom type="plane" size="3 3 .1"/>"#;
    let boxes = |low: &str, high: &str| {
        format!(
            r#"<body name="low" pos="0 0 .1" {low}><freejoint/><geom type="box" size=".1 .1 .1"/></body>
               <body name="high" pos="0 0 .299" {high}><freejoint/><geom type="box" size=".1 .1 .1"/></body></worldbody></mujoco>"#
        )
    };
    let init = r#"sleep="init""#;
    place.write("rk4.xml", format!("{}{}", start.replace("OPTION", r#"integrator="RK4""#), boxes("", "")));
    place.run(&["record", "rk4.xml", "-o", "r.h5"]).refused(&["rk4.xml", "sleep with the integrator RK4"]);
    place.write("half.xml", format!("{}{}", start.replace("OPTION", ""), boxes(init, "")));
    // MuJoCo leaves awake what it cannot put to sleep.
    place.run(&["record", "half.xml", "--episodes", "1", "--steps", "5", "-o", "h.h5"]).ok();
    assert!(trees(&Recording::open(&place.path("h.h5")).unwrap())[0].iter().all(|tree| *tree < 0));
    place.write("both.xml", format!("{}{}", start.replace("OPTION", ""), boxes(init, init)));
    place.run(&["record", "both.xml", "--episodes", "1", "--steps", "5", "-o", "b.h5"]).ok();
    assert_eq!(trees(&Recording::open(&place.path("b.h5")).unwrap())[0], [1, 0]);
    place.run(&["verify", "b.h5"]).ok();
}

/// Each row of a replay of states may have what sleeps elsewhere: its sensors are those of where it is.
#[test]
fn sensors_of_what_sleeps_are_those_of_the_replayed_state() {
    let place = Place::new();
    place.write(
        "box.xml",
        r#"<mujoco><option timestep=".004"><flag sleep="enable"/></option><worldbody><geom type="plane" size="5 5 .1"/>
        <body name="a" pos="0 0 .0999"><freejoint/><geom type="box" size=".1 .1 .1" mass="1"/></body></worldbody>
        <sensor><framepos objtype="body" objname="a"/></sensor></mujoco>"#,
    );
    let xs = [0.0, 0.5, 1.0, -0.25];
    let qpos: Vec<f64> = xs.iter().flat_map(|x| [*x, 0.0, 0.0998, 1.0, 0.0, 0.0, 0.0]).collect();
    let mut npz = Archive::create(&place.path("states.npz"));
    npz.put("qpos", &[4, 7], &qpos);
    npz.put("qvel", &[4, 6], &[0.0; 24]);
    npz.put("tree_asleep", &[4, 1], &[0_i64; 4]);
    npz.put("episode_offsets", &[2], &[0_i64, 4]);
    drop(npz);
    place.run(&["record", "box.xml", "--replay", "states.npz", "--sensors", "-o", "out.h5"]).ok();
    let recording = Recording::open(&place.path("out.h5")).unwrap();
    let seen: Vec<f64> = recording.read(Var::Sensordata, 0..4).unwrap();
    for (x, seen) in xs.iter().zip(seen.chunks(3)) {
        assert_eq!(seen, [*x, 0.0, 0.0998]);
    }
    place.run(&["verify", "out.h5"]).ok();
    let mut npz = Archive::create(&place.path("half.npz"));
    npz.put("qpos", &[4, 7], &qpos);
    npz.put("qvel", &[4, 6], &[0.0; 24]);
    npz.put("tree_asleep", &[4, 1], &[0.0, 0.0, -1.5, 0.0]);
    npz.put("episode_offsets", &[2], &[0_i64, 4]);
    drop(npz);
    place.run(&["record", "box.xml", "--replay", "half.npz", "-o", "no.h5"]).refused(&[
        "half.npz",
        "-1.5",
        "row 2",
        "tree_asleep",
    ]);
}
