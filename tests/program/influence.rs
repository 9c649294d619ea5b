//! Interventions of finite size: systems whose answers are known in closed form, the same bytes however the work is done, and
//! what is refused.

use std::process::Stdio;
use std::time::Duration;

use crate::common::{Place, finish, wait};

/// Codes of a verdict.
const CHANGED: u8 = 0;
const UNCHANGED: u8 = 1;

/// Bits of a status.
const CONTACT: u8 = 1;
const LIMIT: u8 = 2;
const FORCE: u8 = 8;
const CUT: u8 = 16;
const NOT_APPLIED: u8 = 32;
const DIVERGED: u8 = 64;

/// What a study has found at the first row.
struct Found {
    sizes: usize,
    outputs: Vec<String>,
    inputs: Vec<String>,
    verdict: Vec<u8>,
    status: Vec<u8>,
    applied: Vec<f64>,
    radius: Vec<f64>,
    radius_status: Vec<u8>,
}

impl Found {
    fn read(place: &Place, name: &str) -> Self {
        let file = hdf5::File::open(place.path(name)).expect("the graphs open");
        let dataset = |name: &str| file.dataset(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        let labels = |name: &str| {
            let raw = dataset(name).read_raw::<hdf5::types::VarLenUnicode>().expect("labels");
            raw.iter().map(|label| label.to_string()).collect()
        };
        let bytes = |name: &str| dataset(name).read_raw::<u8>().expect("bytes");
        let has_radius = file.member_names().expect("names").contains(&"radius".to_owned());
        Self {
            sizes: dataset("size").size(),
            outputs: labels("state_next"),
            inputs: labels("input"),
            verdict: bytes("verdict"),
            status: bytes("status"),
            applied: dataset("applied").read_raw().expect("sizes"),
            radius: if has_radius { dataset("radius").read_raw().expect("radii") } else { Vec::new() },
            radius_status: if has_radius { bytes("radius_status") } else { Vec::new() },
        }
    }

    fn place(labels: &[String], name: &str) -> usize {
        labels.iter().position(|label| label == name).unwrap_or_else(|| panic!("no {name} in {labels:?}"))
    }

    fn verdict(&self, size: usize, output: &str, input: &str) -> u8 {
        assert!(size < self.sizes);
        let (i, j) = (Self::place(&self.outputs, output), Self::place(&self.inputs, input));
        self.verdict[(size * self.outputs.len() + i) * self.inputs.len() + j]
    }

    /// Size applied, and status; sign 0 is upwards.
    fn applied(&self, size: usize, sign: usize, input: &str) -> (f64, u8) {
        let at = (2 * size + sign) * self.inputs.len() + Self::place(&self.inputs, input);
        (self.applied[at], self.status[at])
    }

    /// Upwards and downwards, with what switches there.
    fn radius(&self, output: &str, input: &str) -> [(f64, u8); 2] {
        let (i, j) = (Self::place(&self.outputs, output), Self::place(&self.inputs, input));
        [0, 1].map(|sign| {
            let at = (sign * self.outputs.len() + i) * self.inputs.len() + j;
            (self.radius[at], self.radius_status[at])
        })
    }
}

/// Records a model from its first state under no control, and studies the first row.
fn study(mjcf: &str, substeps: usize, sizes: &str) -> Found {
    let place = Place::new();
    place.write("m.xml", mjcf);
    let substeps = substeps.to_string();
    place.run(&["record", "m.xml", "--policy", "zero", "--steps", "1", "--substeps", &substeps, "-o", "m.h5"]).ok();
    place.run(&["influence", "m.h5", "--unit", "absolute", "--sizes", sizes, "--radius"]).ok();
    Found::read(&place, "m.influence.h5")
}

#[track_caller]
fn is_radius(found: (f64, u8), exact: f64, bits: u8) {
    let (radius, status) = found;
    assert!((radius - exact).abs() <= 1e-6 * exact, "{radius} instead of {exact}");
    assert_eq!(status & bits, bits, "what switches at {radius}: {status:b}");
}

/// Two blocks 3 mm apart on one rail.
#[test]
fn a_gap_between_two_blocks_is_the_radius() {
    let mjcf = r#"<mujoco><option timestep="0.002" gravity="0 0 0"/><worldbody>
        <body><joint name="a" type="slide" axis="1 0 0"/><geom type="box" size=".1 .1 .1" mass="1"/></body>
        <body pos=".203 0 0"><joint name="b" type="slide" axis="1 0 0"/><geom type="box" size=".1 .1 .1" mass="2"/></body>
        </worldbody></mujoco>"#;
    let found = study(mjcf, 5, "1e-6,0.0029,0.0031,1");
    for output in ["pos:b", "vel:b", "vel:a"] {
        let [up, down] = found.radius(output, "pos:a");
        is_radius(up, 0.003, CONTACT);
        assert_eq!(down, (f64::INFINITY, 0));
        let [up, down] = found.radius(output, "pos:b");
        if output == "vel:a" {
            is_radius(down, 0.003, CONTACT);
            assert_eq!(up, (f64::INFINITY, 0));
        }
        let graph = [0, 1, 2, 3].map(|size| found.verdict(size, output, "pos:a"));
        // Moved by a metre the block is beyond the other one, and touches nothing.
        assert_eq!(graph, [UNCHANGED, UNCHANGED, CHANGED, UNCHANGED], "{output}");
    }
    // A velocity has moved the block by four of the five physics steps when contacts are looked for the last time.
    let [up, down] = found.radius("vel:b", "vel:a");
    is_radius(up, 0.003 / (4.0 * 0.002), CONTACT);
    assert_eq!(down, (f64::INFINITY, 0));
}

/// An arm of 0.5 m with a ball at its end, 20 mm above the floor: it touches where it has turned by asin(gap / lever).
#[test]
fn a_lever_touches_after_the_gap_over_its_length() {
    let mjcf = r#"<mujoco><option gravity="0 0 0"/><worldbody><geom type="plane" size="2 2 1"/>
        <body pos="0 0 .07"><joint name="h" axis="0 1 0"/>
          <geom type="sphere" pos=".5 0 0" size=".05"/></body></worldbody></mujoco>"#;
    let found = study(mjcf, 1, "1e-5,0.03,0.05,0.2");
    let exact = (0.02_f64 / 0.5).asin();
    let [up, down] = found.radius("vel:h", "pos:h");
    is_radius(up, exact, CONTACT);
    assert!((up.0 - 0.02 / 0.5).abs() < 0.5 * (0.02_f64 / 0.5).powi(3), "the gap over the lever, to first order");
    assert_eq!(down, (f64::INFINITY, 0));
    let graph = [0, 1, 2, 3].map(|size| found.verdict(size, "vel:h", "pos:h"));
    assert_eq!(graph, [UNCHANGED, UNCHANGED, CHANGED, CHANGED]);
}

/// A tendon over two sliders that pulls once it is longer than 20 mm, and a joint that ends at 0.4 with a margin of 0.05.
#[test]
fn slack_and_dead_zones_are_radii() {
    let mjcf = r#"<mujoco><option gravity="0 0 0"/><worldbody>
        <body><joint name="a" type="slide" axis="1 0 0"/><geom size=".1"/></body>
        <body pos="0 1 0"><joint name="b" type="slide" axis="1 0 0"/><geom size=".1"/></body>
        <body pos="0 2 0"><joint name="c" axis="0 0 1" limited="true" range="-17.188733853924695 22.918311805232928" margin=".05"/>
          <geom size=".1"/></body></worldbody>
        <tendon><fixed name="rope" limited="true" range="-1 .02"><joint joint="a" coef="1"/><joint joint="b" coef="2"/></fixed>
        </tendon></mujoco>"#;
    let found = study(mjcf, 1, "1e-5,0.009,0.011,0.021,0.3,0.36");
    for output in ["vel:a", "vel:b"] {
        is_radius(found.radius(output, "pos:a")[0], 0.02, LIMIT);
        is_radius(found.radius(output, "pos:b")[0], 0.01, LIMIT);
        assert_eq!(found.radius(output, "pos:b")[1], (f64::INFINITY, 0));
        let graph = [0, 1, 2, 3].map(|size| found.verdict(size, output, "pos:b"));
        assert_eq!(graph, [UNCHANGED, UNCHANGED, CHANGED, CHANGED]);
        assert_eq!(found.verdict(2, output, "pos:a"), UNCHANGED);
        assert_eq!(found.verdict(3, output, "pos:a"), CHANGED);
    }
    let [up, down] = found.radius("vel:c", "pos:c");
    // 22.9 degrees are 0.4, -17.2 are -0.3.
    is_radius(up, 0.35, LIMIT);
    is_radius(down, 0.25, LIMIT);
    assert_eq!(found.radius("vel:c", "pos:a"), [(f64::INFINITY, 0); 2], "another tree");
}

/// A motor whose force is held at 1 N, beside one that is always held, and one whose control ends at 1.
#[test]
fn ranges_cut_interventions_and_hold_forces() {
    let place = Place::new();
    let mjcf = r#"<mujoco><option gravity="0 0 0"/><worldbody>
        <body><joint name="a" type="slide" axis="1 0 0"/><geom size=".1"/></body>
        <body pos="0 1 0"><joint name="b" type="slide" axis="1 0 0"/><geom size=".1"/></body>
        <body pos="0 2 0"><joint name="c" type="slide" axis="1 0 0"/><geom size=".1"/></body></worldbody>
        <actuator><motor name="held" joint="a" ctrllimited="true" ctrlrange="2 10" forcelimited="true" forcerange="-1 1"/>
          <motor name="cut" joint="b" ctrllimited="true" ctrlrange="-1 1"/>
          <motor name="stays" joint="c" ctrllimited="true" ctrlrange="5 10" forcelimited="true" forcerange="-1 1"/></actuator></mujoco>"#;
    place.write("m.xml", mjcf.replace("\"2 10\"", "\"-10 10\""));
    place.run(&["record", "m.xml", "--policy", "uniform", "--seed", "3", "--steps", "1", "-o", "m.h5"]).ok();
    place.run(&["influence", "m.h5", "--unit", "absolute", "--sizes", "1e-3,20", "--radius"]).ok();
    let found = Found::read(&place, "m.influence.h5");
    let recording = dynsparse::dataset::Recording::open(&place.path("m.h5")).expect("a recording");
    let ctrl: Vec<f64> = recording.read(dynsparse::dataset::schema::Var::Ctrl, 0..1).expect("controls");
    assert!(ctrl[0].abs() > 1.1, "the seed does not saturate the motor: {ctrl:?}");
    // The force changes once the control is back within 1.
    let side = usize::from(ctrl[0] > 0.0);
    is_radius(found.radius("vel:a", "ctrl:held")[side], ctrl[0].abs() - 1.0, FORCE);
    assert_eq!(found.verdict(0, "vel:a", "ctrl:held"), UNCHANGED);
    assert_eq!(found.verdict(1, "vel:a", "ctrl:held"), CHANGED);
    assert_eq!(found.applied(1, side, "ctrl:held").1 & FORCE, FORCE, "held at the other end of the range");
    // Both ends of the range cut a size of 20.
    for (sign, end) in [(0, 1.0), (1, -1.0)] {
        let (applied, status) = found.applied(1, sign, "ctrl:cut");
        assert!((applied - (end - ctrl[1])).abs() < 1e-12 && status & CUT != 0, "{applied} {status:b}");
        let (applied, status) = found.applied(0, sign, "ctrl:cut");
        assert_eq!((applied, status & CUT), ([1e-3, -1e-3][sign], 0));
    }
    // At the end of its range a control has one side.
    place.write("one.xml", mjcf);
    place.run(&["record", "one.xml", "--policy", "zero", "--steps", "1", "-o", "one.h5"]).ok();
    place.run(&["influence", "one.h5", "--unit", "absolute", "--sizes", "0.5", "--radius"]).ok();
    let found = Found::read(&place, "one.influence.h5");
    assert_eq!(found.applied(0, 1, "ctrl:held"), (0.0, NOT_APPLIED));
    assert_eq!(found.applied(0, 0, "ctrl:held").0, 0.5);
    assert_eq!(found.verdict(0, "vel:a", "ctrl:held"), UNCHANGED, "2 and 2.5 are both held at 1 N");
}

/// A motor whose gain grows with its joint's position, a pendulum, and a slider 20 mm before its limit.
#[test]
fn second_order_tells_what_is_constant_bilinear_bent_and_switches() {
    let place = Place::new();
    let mjcf = r#"<mujoco><worldbody>
        <body><joint name="a" type="slide" axis="1 0 0"/><geom size=".1" mass="2"/></body>
        <body pos="0 1 0"><joint name="p" axis="0 1 0" ref="20"/><geom type="capsule" fromto="0 0 0 .2 0 -.4" size=".03"/></body>
        <body pos="0 2 0"><joint name="c" type="slide" axis="1 0 0" limited="true" range="-9 .02"/><geom size=".1"/></body>
        </worldbody><actuator><general name="u" joint="a" gaintype="affine" gainprm="2 3 0"/></actuator></mujoco>"#;
    place.write("m.xml", mjcf);
    place.run(&["record", "m.xml", "--policy", "zero", "--steps", "1", "-o", "m.h5"]).ok();
    let ran = place.run(&["influence", "m.h5", "--unit", "absolute", "--sizes", "1e-2,5e-2", "--second"]).ok();
    let wide: Vec<&str> = ran.stdout.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "wider than a terminal: {wide:#?}");
    let file = hdf5::File::open(place.path("m.influence.h5")).expect("the graphs open");
    let kinds: Vec<u8> = file.dataset("second").and_then(|d| d.read_raw()).expect("kinds");
    let changes: Vec<f32> = file.dataset("second_change").and_then(|d| d.read_raw()).expect("changes");
    let names = Found::read(&place, "m.influence.h5");
    let at = |size: usize, output: &str, input: &str| {
        let (i, j) = (Found::place(&names.outputs, output), Found::place(&names.inputs, input));
        (size * names.outputs.len() + i) * names.inputs.len() + j
    };
    let (constant, bilinear, bends, switches) = (0, 1, 2, 3);
    for (output, input, kind) in [
        ("vel:a", "vel:a", constant),
        ("vel:a", "pos:p", constant),
        ("vel:a", "pos:a", bilinear),
        ("vel:p", "pos:p", bends),
        ("vel:p", "ctrl:u", constant),
    ] {
        for size in [0, 1] {
            assert_eq!(kinds[at(size, output, input)], kind, "{output} by {input}");
        }
    }
    assert_eq!([0, 1].map(|size| kinds[at(size, "vel:c", "pos:c")]), [constant, switches]);
    // A force of (2 + 3 q) u moves 2 kg for a step of 2 ms: d vel' / d q = h 3 u / m, and u is 0.05.
    let change = f64::from(changes[at(1, "vel:a", "pos:a")]);
    assert!((change - 0.002 * 3.0 * 0.05 / 2.0).abs() < 1e-9, "{change}");
    // The control changes no other entry but that of the position, which is moved by the velocity.
    let recording = dynsparse::dataset::Recording::open(&place.path("m.h5")).expect("a recording");
    let square = |var| -> f64 { recording.read::<f64>(var, 0..1).expect("numbers").iter().map(|x| x * x).sum() };
    let all = (square(dynsparse::dataset::schema::Var::A) + square(dynsparse::dataset::schema::Var::B)).sqrt();
    let shares: Vec<f32> = file.dataset("second_share").and_then(|d| d.read_raw()).expect("shares");
    let share = f64::from(shares[2 * names.inputs.len() + Found::place(&names.inputs, "ctrl:u")]);
    let exact = change * (1.0 + 0.002 * 0.002_f64).sqrt() / all;
    assert!((share - exact).abs() < 1e-6 * exact, "{share} instead of {exact}");
}

/// x + delta is x where delta is below the last bit of x: nothing was done, and nothing follows.
#[test]
fn sizes_below_the_last_bit_are_not_applied() {
    let mjcf = r#"<mujoco><option gravity="0 0 0"/><worldbody>
        <body pos=".3 1 0" quat="1 2 3 4"><freejoint name="f"/><geom type="box" size=".1 .2 .3"/></body>
        <body pos="0 5 0"><joint name="s" type="slide" axis="1 0 0" ref="2"/><geom size=".1"/></body></worldbody>
        <actuator><motor name="m" joint="s"/></actuator></mujoco>"#;
    let found = study(mjcf, 1, "1e-18,1e-8");
    let positions = found.inputs.iter().filter(|name| name.starts_with("pos:"));
    for name in positions.filter(|name| *name != "pos:f.tz") {
        for sign in [0, 1] {
            assert_eq!(found.applied(0, sign, name), (0.0, NOT_APPLIED), "{name}");
            assert_eq!(found.applied(1, sign, name), ([1e-8, -1e-8][sign], 0), "{name}");
        }
        assert_eq!(found.verdict(0, name, name), 2, "{name}");
        assert_eq!(found.verdict(1, name, name), CHANGED, "{name}");
    }
    // What is added to zero is there.
    for name in ["vel:s", "ctrl:m"] {
        assert_eq!(found.applied(0, 0, name), (1e-18, 0), "{name}");
    }
}

#[test]
fn what_blows_up_is_undecided_and_says_so() {
    let mjcf = r#"<mujoco><worldbody><body><joint name="a" type="slide" axis="1 0 0"/><geom size=".1"/></body></worldbody></mujoco>"#;
    let found = study(mjcf, 1, "1e-3,1e200");
    assert_eq!(found.verdict(0, "vel:a", "vel:a"), CHANGED);
    assert_eq!(found.verdict(1, "pos:a", "vel:a"), 2);
    for sign in [0, 1] {
        let (applied, status) = found.applied(1, sign, "vel:a");
        assert_eq!((applied.abs(), status & DIVERGED), (1e200, DIVERGED));
    }
}

/// One thread, two, and a run that is killed again and again end with the same bytes.
#[test]
fn the_bytes_do_not_depend_on_how_the_work_is_done() {
    let place = Place::new();
    place.small("a.h5", &["--episodes", "5"]).ok();
    let study = |threads, out| ["influence", "a.h5", "--steps", "200", "--radius", "--threads", threads, "-o", out];
    place.run(&study("1", "one.h5")).ok();
    place.run(&study("2", "two.h5")).ok();
    assert!(place.read("one.h5") == place.read("two.h5"), "threads change bytes");
    let rows =
        |place: &Place| place.listing().keys().filter(|k| k.to_string_lossy().contains("killed.h5.parts/row")).count();
    let (mut kills, mut progressed, mut pause) = (0, false, 4);
    loop {
        let command = &study("2", "killed.h5");
        let mut child =
            place.command(command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        if wait(&mut child, Duration::from_millis(pause)).is_none() {
            child.kill().expect("a kill is sent");
            kills += 1;
        }
        let (status, _, stderr) = finish(child);
        if status.success() {
            assert!(!place.has("killed.h5.parts"), "finished rows were left behind");
            break;
        }
        assert_eq!(status.code(), None, "not killed, but failed: {stderr}");
        // A kill may come between the last rename and the end; then the file is whole.
        if place.has("killed.h5") {
            break;
        }
        progressed |= rows(&place) > 0;
        pause += 2;
    }
    assert!(kills > 0 && progressed, "no kill came between two rows; the test shows nothing");
    assert!(place.read("one.h5") == place.read("killed.h5"), "after {kills} kills the bytes differ");
}

#[test]
fn what_cannot_be_studied_is_refused_in_one_line() {
    let place = Place::new();
    place.small("a.h5", &[]).ok();
    let with = |args: &[&str]| place.run(&[&["influence", "a.h5", "-o", "x.h5"], args].concat());
    with(&["--sizes", "0.1,0"]).refused(&["sizes has 0", "above 0"]);
    with(&["--sizes", "-0.1"]).refused(&["sizes has -0.1", "above 0"]);
    with(&["--sizes", "0.1,nan"]).refused(&["sizes has NaN", "above 0"]);
    with(&["--sizes", "0.2,0.1"]).refused(&["0.2 before 0.1", "small to large"]);
    with(&["--sizes", "0.1,0.1"]).refused(&["0.1 before 0.1", "each once"]);
    with(&["--steps", "0"]).refused(&["steps is 0"]);
    with(&["--horizon", "0"]).refused(&["horizon is 0"]);
    with(&["--horizon", "41"]).refused(&["a.h5", "41 rows", "lower horizon"]);
    with(&["--second", "--horizon", "2"]).refused(&["second is for one row", "horizon is 2"]);
    with(&["--exclude", "nothing"]).refused(&["no flag \"nothing\"", "contact_switch"]);
    with(&["--sizes", "a"]).usage(&["invalid value 'a'"]);
    place.run(&["influence", "a.h5", "-o", "a.h5"]).refused(&["a.h5", "is read by this command", "another output"]);
    place.write("log.csv", "time,q0\n0,1\n");
    place.run(&["influence", "log.csv"]).refused(&["log.csv", "not an HDF5 file"]);
    place.run(&["influence", "none.h5"]).refused(&["none.h5", "no such file"]);
    with(&["--steps", "2"]).ok();
    with(&["--steps", "2"]).refused(&["x.h5 exists already", "--force"]);
    with(&["--steps", "3", "--force"]).ok();
    place.run(&["influence", "x.h5"]).refused(&["x.h5", "not a recording of dynsparse"]);
    // Verdicts are enough to say what breaks.
    place.small("masks.h5", &["--store", "masks"]).ok();
    place.run(&["influence", "masks.h5", "--steps", "4", "--radius"]).ok();
    place.small("untested.h5", &["--no-zero-test"]).ok();
    place.run(&["influence", "untested.h5"]).refused(&["untested.h5", "without the zero test", "--no-zero-test"]);
    let of = |option: &str, rest: &str| {
        format!(
            r#"<mujoco>{option}<worldbody><geom type="plane" size="1 1 1"/><body pos="0 0 .2"><freejoint/><geom name="g" size=".1"/></body>
            <body pos="1 0 .2"><joint name="j"/><geom size=".1"/></body></worldbody>{rest}</mujoco>"#
        )
    };
    let record = |name: &str, mjcf: String| {
        place.write(&format!("{name}.xml"), mjcf);
        place.run(&["record", &format!("{name}.xml"), "--steps", "5", "-o", &format!("{name}.h5")]).ok();
        place.run(&["influence", &format!("{name}.h5"), "--sizes", "1e-3", "--unit", "absolute"])
    };
    record("rk4", of("<option integrator=\"RK4\"/>", "")).ok();
    record("sleep", of("<option><flag sleep=\"enable\"/></option>", "")).refused(&["sleep.h5", "sleep"]);
    let delayed = "<actuator><motor joint=\"j\" delay=\"0.01\" nsample=\"5\"/></actuator>";
    record("delay", of("", delayed)).refused(&["delay.h5", "history of actuators", "does not hold"]);
}

#[test]
fn a_full_disk_is_one_line_and_loses_no_row() {
    let place = Place::new();
    place.small("a.h5", &[]).ok();
    let study = ["influence", "a.h5", "--steps", "30", "-o", "x.h5"];
    let full = place.run_command(place.shell("ulimit -f 16; exec \"$@\"", &study));
    full.failed(&["File too large", "free space"]);
    place.run(&study).ok();
}
