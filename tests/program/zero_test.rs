//! What a recording says of zeros, of switches, and of the engine that was used.

use dynsparse::dataset::Recording;
use dynsparse::dataset::schema::Var;
use dynsparse::flags::StepFlags;

use crate::common::{Place, open_to_change, vendor};

const NONZERO: u8 = 0;
const ZERO: u8 = 1;

/// Two arms that share nothing: neither contacts nor anything else between them; one has a filtered motor.
const TWO_ARMS: &str = r#"<mujoco><option timestep="0.005"/><worldbody>
  <body name="left"><joint name="l" axis="0 1 0" damping="0.1"/><geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/></body>
  <body name="right" pos="0 2 0"><joint name="r" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/>
    <body pos=".3 0 0"><joint name="e" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/></body></body>
</worldbody><actuator><motor joint="l"/><general joint="e" dyntype="filter" dynprm="0.1"/></actuator></mujoco>"#;

fn open(place: &Place, name: &str) -> Recording {
    Recording::open(&place.path(name)).expect("a recording opens")
}

/// A whole mask with its shape.
fn mask(recording: &Recording, var: Var) -> (Vec<usize>, Vec<u8>) {
    let shape = recording.shape(var);
    let bytes = recording.bytes(var, 0..shape[0]).expect("a mask is read");
    (shape, bytes)
}

#[test]
fn what_shares_nothing_is_zero_in_every_step() {
    let place = Place::new();
    place.write("arms.xml", TWO_ARMS);
    let job = ["arms.xml", "--episodes", "3", "--steps", "60", "--reset-noise", "0.5", "--substeps", "3"];
    for step in ["control", "physics"] {
        let how = ["--engine", "transition-fd", "--step", step, "-o", "out.h5", "--force"];
        place.run(&[&["record"][..], &job, &how].concat()).ok();
        let recording = open(&place, "out.h5");
        // pos: l r e, vel: l r e, act: of e. Controls: l, e.
        let left = [true, false, false, true, false, false, false];
        let (shape, a) = mask(&recording, Var::AZero);
        assert_eq!(shape[1..], [7, 7]);
        let (b_shape, b) = mask(&recording, Var::BZero);
        assert_eq!(b_shape[1..], [7, 2]);
        for (a, b) in a.chunks(49).zip(b.chunks(14)) {
            for (row, of_left) in left.iter().enumerate() {
                for (column, from_left) in left.iter().enumerate() {
                    let verdict = a[row * 7 + column];
                    if of_left != from_left {
                        assert_eq!(verdict, ZERO, "{step}: {row} by {column}");
                    } else if row == column {
                        assert_eq!(verdict, NONZERO, "{step}: {row} by {column}");
                    }
                }
                assert_eq!(b[row * 2], if *of_left { NONZERO } else { ZERO }, "{step}: {row} by the left motor");
                assert!(!of_left || b[row * 2 + 1] == ZERO, "{step}: {row} by the right motor");
            }
        }
        // The position is integrated from the velocity: what an arm does to itself is not zero.
        assert!(a.iter().filter(|v| **v == NONZERO).count() > shape[0] * 12, "{step}");
        let kinks: Vec<f64> = recording.read(Var::Kink, 0..shape[0]).expect("kink");
        assert!(kinks.iter().all(|k| *k == 0.0), "{step}: nothing switches");
        let floors: Vec<f64> = recording.read(Var::ZeroFloor, 0..shape[0]).expect("zero_floor");
        assert!(floors.iter().all(|f| *f > 0.0 && *f < 1e-5), "{step}: {floors:?}");
    }
}

#[test]
fn threads_do_not_show_in_the_masks_and_verify_repeats_them() {
    let place = Place::new();
    for threads in ["1", "2"] {
        place.small(&format!("{threads}.h5"), &["--threads", threads]).ok();
    }
    assert!(place.read("1.h5") == place.read("2.h5"), "another file on 2 threads");
    place.run(&["verify", "2.h5"]).ok();

    // A changed verdict is found, by its digest and by simulation.
    {
        let file = open_to_change(&place.path("2.h5"));
        let masks = file.dataset("A_zero").expect("A_zero");
        let mut values = masks.read_raw::<u8>().expect("values");
        let n = values.len() / masks.shape()[0];
        values[2 * n + 1] = (values[2 * n + 1] + 1) % 3;
        let shape = masks.shape();
        let changed = ndarray::Array::from_shape_vec(shape, values).expect("the shape");
        masks.write(&changed).expect("written");
    }
    place.run(&["verify", "--content-only", "2.h5"]).failed(&["episode 0", "episode_sha256"]);
    let ran = place.run(&["verify", "2.h5"]);
    assert!(ran.status.code() == Some(1) && ran.stdout.contains("A_zero["), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn the_test_can_be_left_out() {
    let place = Place::new();
    place.small("with.h5", &[]).ok();
    place.small("without.h5", &["--no-zero-test"]).ok();
    place.write("job.toml", "episodes = 3\nsteps = 40\nzero-test = false\n");
    place.run(&["record", "--config", "job.toml", "-o", "toml.h5"]).ok();
    assert!(place.read("without.h5") == place.read("toml.h5"), "a TOML file and the flag");
    place.run(&["record", "--config", "job.toml", "--no-zero-test=false", "-o", "again.h5"]).ok();
    assert!(place.read("with.h5") == place.read("again.h5"), "the flag wins");
    place.run(&["verify", "without.h5"]).ok();

    let (with, without) = (open(&place, "with.h5"), open(&place, "without.h5"));
    for var in [Var::AZero, Var::BZero, Var::ZeroFloor, Var::Kink] {
        assert!(with.has(var) && !without.has(var), "{}", var.spec().name);
    }
    for var in [Var::A, Var::B, Var::QposNext] {
        assert_eq!(with.bytes(var, 0..120).unwrap(), without.bytes(var, 0..120).unwrap(), "{}", var.spec().name);
    }
    assert!(without.text_attribute("command").unwrap().ends_with(" --no-zero-test"));
    let shown = place.run(&["info", "without.h5"]).ok().stdout;
    assert!(shown.contains("zeros     not tested"), "{shown}");
    let shown = place.run(&["info", "with.h5"]).ok().stdout;
    assert!(shown.contains("% undecided"), "{shown}");
    place.small("with.h5", &["--no-zero-test"]).refused(&["jacobian.zero_test: true there, false here"]);
}

/// A ball a hundredth of a nudge above the floor: whether it touches depends on the side of the nudge. Another one is
/// far away.
#[test]
fn a_contact_that_opens_within_a_nudge_is_flagged() {
    let place = Place::new();
    let balls = |z: f64| {
        format!(
            r#"<mujoco><option gravity="0 0 0"/><worldbody><geom type="plane" size="5 5 1"/>
            <body pos="0 0 {z}"><joint name="z" type="slide" axis="0 0 1"/><geom size=".1"/></body>
            <body pos="2 0 9"><joint name="far" type="slide" axis="0 0 1"/><geom size=".1"/></body>
            </worldbody></mujoco>"#
        )
    };
    for (name, z, switches) in [("touching", 0.1 + 1e-8, true), ("apart", 0.11, false), ("pressed", 0.0999, false)] {
        place.write("balls.xml", balls(z));
        let out = format!("{name}.h5");
        place.run(&["record", "balls.xml", "--episodes", "1", "--steps", "1", "-o", &out]).ok();
        let recording = open(&place, &out);
        let flags: Vec<u32> = recording.read(Var::Flags, 0..1).unwrap();
        let kink: Vec<f64> = recording.read(Var::Kink, 0..1).unwrap();
        let all = StepFlags::CONTACT_SWITCH.bits()
            | StepFlags::LIMIT_SWITCH.bits()
            | StepFlags::FRICTION_SWITCH.bits()
            | StepFlags::FORCE_AT_LIMIT.bits();
        assert_eq!(
            flags[0] & all,
            if switches { StepFlags::CONTACT_SWITCH.bits() } else { 0 },
            "{name}: kink {}",
            kink[0]
        );
        assert_eq!(kink[0] > 0.1, switches, "{name}: kink {}", kink[0]);
        // The far ball's block is clean in every case.
        let (_, a) = mask(&recording, Var::AZero);
        assert_eq!([a[1], a[4], a[5], a[9], a[13]], [ZERO, ZERO, NONZERO, ZERO, ZERO], "{name}");
    }
}

/// Friction loss 1 with impedance 0.9 begins to slip under a force of 10 / 9, the zero policy's control here.
#[test]
fn a_limit_friction_and_a_force_that_switch_are_flagged() {
    let place = Place::new();
    for (name, joint, actuator, bit) in [
        ("limit", r#"limited="true" range="-1e-8 1""#, "", StepFlags::LIMIT_SWITCH.bits()),
        (
            "friction",
            r#"frictionloss="1""#,
            r#"<motor joint="j" ctrlrange="1.111111111 2"/>"#,
            StepFlags::FRICTION_SWITCH.bits(),
        ),
        ("force", "", r#"<position joint="j" kp="1e3" forcerange="0 5"/>"#, StepFlags::FORCE_AT_LIMIT.bits()),
    ] {
        let model = format!(
            r#"<mujoco><option gravity="0 0 0"/><worldbody>
            <body><joint name="j" type="slide" axis="1 0 0" {joint}/><geom size=".1"/></body></worldbody>
            <actuator>{actuator}</actuator></mujoco>"#
        );
        place.write("one.xml", model);
        place.run(&["record", "one.xml", "--policy", "zero", "--episodes", "1", "--steps", "1", "-o", name]).ok();
        let recording = open(&place, name);
        let flags: Vec<u32> = recording.read(Var::Flags, 0..1).unwrap();
        let kink: Vec<f64> = recording.read(Var::Kink, 0..1).unwrap();
        let all = StepFlags::CONTACT_SWITCH.bits()
            | StepFlags::LIMIT_SWITCH.bits()
            | StepFlags::FRICTION_SWITCH.bits()
            | StepFlags::FORCE_AT_LIMIT.bits();
        assert_eq!(flags[0] & all, bit, "{name}: kink {}", kink[0]);
        assert!(kink[0] > 0.01, "{name}: kink {}", kink[0]);
    }
}

#[test]
fn auto_falls_back_and_says_so() {
    let place = Place::new();
    let assets = vendor();
    let record = |task: &str, engine: &str, more: &[&str]| {
        let job = ["--episodes", "1", "--steps", "2", "--assets", &assets, "--engine", engine];
        place.run(&[&["record", task], &job[..], more].concat())
    };
    let option = r#"<option integrator="discrete"/>"#;
    place.write("discrete.xml", TWO_ARMS.replacen("<option timestep=\"0.005\"/>", option, 1));
    let ran = record("discrete.xml", "auto", &["-o", "discrete.h5"]).ok();
    let reason = "the engine implicit does not cover";
    assert!(
        ran.stderr.contains(&format!("discrete: the engine whole-step computes the Jacobians: {reason}")),
        "{}",
        ran.stderr
    );
    let discrete = open(&place, "discrete.h5");
    assert_eq!(discrete.text_attribute("engine").as_deref(), Some("whole-step"));
    let told = discrete.text_attribute("engine_fallback").expect("a reason");
    assert!(told.starts_with(reason) && told.contains("the integrator discrete"), "{told}");
    assert!(!discrete.text_attribute("command").unwrap().contains("--engine"), "auto is the default");
    assert!(place.run(&["info", "discrete.h5"]).ok().stdout.contains("does not"));
    place.run(&["verify", "discrete.h5"]).ok();

    // The same numbers as the engine by its name.
    record("discrete.xml", "whole-step", &["-o", "named.h5"]).ok();
    let named = open(&place, "named.h5");
    assert_eq!(discrete.bytes(Var::A, 0..2).unwrap(), named.bytes(Var::A, 0..2).unwrap());
    assert_eq!(named.text_attribute("engine_fallback"), None);
    record("discrete.xml", "implicit", &["-o", "no.h5"]).refused(&["does not cover", "the integrator discrete"]);

    let ran = record("CheetahRun", "auto", &["-o", "cheetah.h5"]).ok();
    assert!(!ran.stderr.contains("whole-step"), "{}", ran.stderr);
    let cheetah = open(&place, "cheetah.h5");
    assert_eq!(cheetah.text_attribute("engine").as_deref(), Some("implicit"));
    assert_eq!(cheetah.text_attribute("engine_fallback"), None);

    // Sensors come from the same engine, with masks of their own.
    record("CheetahRun", "auto", &["--sensors", "-o", "sensors.h5"]).ok();
    let sensors = open(&place, "sensors.h5");
    assert_eq!(sensors.text_attribute("engine").as_deref(), Some("implicit"));
    assert_eq!(sensors.text_attribute("sensor_engine").as_deref(), Some("implicit"));
    assert_eq!(sensors.bytes(Var::A, 0..2).unwrap(), cheetah.bytes(Var::A, 0..2).unwrap());
    let (c, masks): (Vec<f64>, Vec<u8>) =
        (sensors.read(Var::C, 0..2).unwrap(), sensors.read(Var::CZero, 0..2).unwrap());
    assert_eq!(c.len(), masks.len());
    assert!(masks.contains(&0) && masks.contains(&1) && !cheetah.has(Var::CZero));
    record("CheetahRun", "transition-fd", &["--sensors", "-o", "both.h5"]).ok();
    let both: Vec<f64> = open(&place, "both.h5").read(Var::C, 0..2).unwrap();
    assert_eq!(c.len(), both.len());

    record("CheetahRun", "auto", &["--difference", "forward", "-o", "no.h5"])
        .refused(&["difference has no meaning for the engine auto", "--engine transition-fd"]);
}

/// A sweep takes the same options.
#[test]
fn a_sweep_takes_engine_and_zero_test() {
    let place = Place::new();
    let sizes = ["--episodes", "1", "--steps", "3", "--out", "s"];
    place.run(&[&["sweep", "Juggler", "--engine", "transition-fd", "--no-zero-test"][..], &sizes].concat()).ok();
    let recording = open(&place, "s/Juggler.h5");
    assert!(!recording.has(Var::AZero));
    let command = recording.text_attribute("command").unwrap();
    assert!(command.contains("--engine transition-fd") && command.contains("--no-zero-test"), "{command}");
}
