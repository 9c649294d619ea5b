//! Logs of robots: every layout, what a map says of it, what the model predicts, and what is broken.

use dynsparse::dataset::Recording;
use dynsparse::dataset::schema::{Axis, Var};
use serde_json::Value;

use crate::common::Place;
use crate::common::log::{self, Rows};

/// An arm with a servo at each of its two hinges.
const ARM: &str = r#"<mujoco model="arm">
  <option timestep="0.002" integrator="implicitfast"/>
  <compiler angle="radian"/>
  <worldbody>
    <body name="upper">
      <joint name="shoulder" axis="0 1 0" range="-2 2" damping="0.2" armature="0.01"/>
      <geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.02" mass="0.5" contype="0" conaffinity="0"/>
      <body name="lower" pos="0.3 0 0">
        <joint name="elbow" axis="0 1 0" range="-1.5 1.5" damping="0.1" armature="0.01"/>
        <geom type="capsule" fromto="0 0 0 0.2 0 0" size="0.02" mass="0.3" contype="0" conaffinity="0"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <position name="shoulder" joint="shoulder" kp="20" kv="1" ctrlrange="-2 2"/>
    <position name="elbow" joint="elbow" kp="10" kv="1" ctrlrange="-1.5 1.5"/>
  </actuator>
</mujoco>"#;

/// A map of the arm's log, in degrees; `NAME` stands before the number of an entry, `END` behind it.
const MAP: &str = r#"keyframe = "qpos0"

[time]
column = "time"
unit = "s"
rate = 100
substeps = 5
rows = "logged"
interpolation = "cubic"
max_gap = 0.05

[velocity]
filter = "savitzky-golay"
window = 5
order = 2

[joint.shoulder]
column = "state<0>"
unit = "deg"

[joint.elbow]
column = "state<1>"
unit = "deg"
sign = -1
offset = 0.1

[actuator.shoulder]
kind = "position"
column = "action<0>"
unit = "deg"

[actuator.elbow]
kind = "hold"
"#;

/// A map with entries as a layout names them.
fn map(entry: &dyn Fn(usize) -> String) -> String {
    MAP.replace("<0>", &entry(0)).replace("<1>", &entry(1))
}

fn by_number(entry: usize) -> String {
    format!("[{entry}]")
}

/// An episode of the arm, `number` of some, at 100 Hz.
fn episode(number: usize) -> Rows {
    let t: Vec<f64> = (0..60 + 10 * number).map(|k| 0.01 * k as f64).collect();
    let phase = number as f64;
    let state = |t: &f64| [40.0 * (3.0 * t + phase).sin(), -20.0 + 15.0 * (5.0 * t).cos()];
    let action = |t: &f64| [41.0 * (3.0 * t + 0.1 + phase).sin(), 7.0];
    vec![
        ("time", 1, t.clone()),
        ("state", 2, t.iter().flat_map(state).collect()),
        ("action", 2, t.iter().flat_map(action).collect()),
    ]
}

fn arm() -> Place {
    let place = Place::new();
    place.write("arm.xml", ARM).write("map.toml", map(&by_number));
    place
}

fn record<'a>(log: &'a str, map: &'a str, output: &'a str) -> [&'a str; 8] {
    ["record", "arm.xml", "--log", log, "--map", map, "-o", output]
}

/// The bytes of everything that a log decides.
fn content(place: &Place, name: &str) -> Vec<Vec<u8>> {
    let recording = Recording::open(&place.path(name)).unwrap();
    let vars = [
        Var::Time,
        Var::Qpos,
        Var::Qvel,
        Var::Ctrl,
        Var::A,
        Var::B,
        Var::Residual,
        Var::ResidualTenth,
        Var::ResidualSecond,
    ];
    vars.iter().map(|var| recording.bytes(*var, 0..recording.len(Axis::Step)).unwrap()).collect()
}

#[test]
fn every_layout_gives_the_same_recording() {
    let place = arm();
    let episodes = [episode(0), episode(1)];
    log::grouped(&place.path("minari.h5"), "", "episode_", &episodes);
    log::grouped(&place.path("robomimic.h5"), "data", "demo_", &episodes);
    log::d4rl(&place.path("d4rl.h5"), &episodes);
    // One episode after the other, cut by a column.
    let mut all = episodes[0].clone();
    all.iter_mut().zip(&episodes[1]).for_each(|((.., to), (.., values))| to.extend(values));
    let rows = |e: &Rows| e[0].2.len();
    let numbers = [vec![0.0; rows(&episodes[0])], vec![1.0; rows(&episodes[1])]].concat();
    all.push(("episode", 1, numbers));
    log::npz(&place.path("log.npz"), &all);
    place.write("log.csv", log::csv(&all));
    let cut = "\n[episodes]\ncolumn = \"episode\"\n";
    place.write("npz.toml", map(&by_number) + cut);
    place.write("csv.toml", map(&|entry| format!("_{entry}")) + cut);
    #[cfg_attr(not(feature = "parquet"), expect(unused_mut, reason = "LeRobot's files are Parquet"))]
    let mut layouts = vec![
        ("minari.h5", "map.toml"),
        ("robomimic.h5", "map.toml"),
        ("d4rl.h5", "map.toml"),
        ("log.npz", "npz.toml"),
        ("log.csv", "csv.toml"),
    ];
    #[cfg(feature = "parquet")]
    {
        let labels = ["shoulder.pos", "elbow.pos"];
        log::lerobot(&place.path("lerobot2"), "v2.1", &episodes, &labels);
        log::lerobot(&place.path("lerobot3"), "v3.0", &episodes, &labels);
        place.write("lerobot.toml", map(&|entry| format!("[{}]", labels[entry])));
        layouts.extend([("lerobot2", "lerobot.toml"), ("lerobot3", "lerobot.toml")]);
    }
    let mut first = None;
    for (log, map) in layouts {
        place.run(&record(log, map, "out.h5")).ok();
        let found = content(&place, "out.h5");
        assert_eq!(Recording::open(&place.path("out.h5")).unwrap().len(Axis::Episode), 2, "{log}");
        assert!(*first.get_or_insert_with(|| found.clone()) == found, "{log} differs");
        std::fs::remove_file(place.path("out.h5")).unwrap();
    }
}

#[test]
fn a_recording_of_a_log_is_the_same_on_any_number_of_threads_and_stands_by_itself() {
    let place = arm();
    log::grouped(&place.path("log.h5"), "", "episode_", &[episode(0), episode(1), episode(2)]);
    place.run(&[&record("log.h5", "map.toml", "one.h5")[..], &["--threads", "1"]].concat()).ok();
    place.run(&[&record("log.h5", "map.toml", "two.h5")[..], &["--threads", "2"]].concat()).ok();
    assert!(place.read("one.h5") == place.read("two.h5"));
    // Without the log.
    std::fs::remove_file(place.path("log.h5")).unwrap();
    place.run(&["verify", "one.h5"]).ok();
    // A residual that was changed is found.
    let file = crate::common::open_to_change(&place.path("two.h5"));
    let dataset = file.dataset("residual").unwrap();
    let mut values = dataset.read_2d::<f64>().unwrap();
    values[[3, 0]] += 1e-9;
    dataset.write(&values).unwrap();
    drop((dataset, file));
    let said = place.run(&["verify", "two.h5"]);
    assert!(!said.status.success(), "{}", said.stdout);
    place.run(&["analyze", "one.h5", "-o", "out"]).ok();
    if cfg!(feature = "report") {
        place.run(&["report", "one.h5", "--figures", "figures"]).ok();
        let figure = String::from_utf8(place.read("figures/one/residuals.svg")).unwrap();
        assert!(figure.contains("after 0.1 s") && figure.contains("one row"), "{figure}");
    }
    let table = String::from_utf8(place.read("out/residuals.csv")).unwrap();
    assert!(table.contains("pos:shoulder") && table.contains("vel:elbow"), "{table}");
    let info = place.run(&["info", "one.h5"]).ok().stdout;
    assert!(info.contains("pos:shoulder") && info.contains("rms/noise"), "{info}");
}

#[test]
fn part_of_a_log_verifies_too() {
    let place = arm();
    log::grouped(&place.path("log.h5"), "", "episode_", &[episode(0), episode(1)]);
    place.run(&[&record("log.h5", "map.toml", "part.h5")[..], &["--steps", "25", "--episodes", "1"]].concat()).ok();
    place.run(&["verify", "part.h5"]).ok();
    place
        .run(&[&record("log.h5", "map.toml", "x.h5")[..], &["--step", "physics"]].concat())
        .refused(&["step", "substeps"]);
    place
        .run(&[&record("log.h5", "map.toml", "x.h5")[..], &["--substeps", "2"]].concat())
        .refused(&["--substeps", "map"]);
    place.run(&["record", "arm.xml", "--log", "log.h5"]).refused(&["--map", "replay-map"]);
}

/// What numpy, scipy and MuJoCo's Python binding say of a log; see tests/reference/logs.py.
#[test]
fn states_and_residuals_are_those_of_numpy_and_mujoco() {
    let reference: Value = serde_json::from_str(include_str!("../reference/logs.json")).unwrap();
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap_or(f64::NAN)).collect()
    };
    let columns = reference["log"].as_object().unwrap();
    let rows: Rows =
        columns.iter().map(|(name, values)| (&*Box::leak(name.clone().into_boxed_str()), 1, numbers(values))).collect();
    let place = Place::new();
    place.write("arm.xml", reference["model"].as_str().unwrap()).write("log.csv", log::csv(&rows));
    place.write("map.toml", include_str!("../reference/logs.toml"));
    place.run(&record("log.csv", "map.toml", "out.h5")).ok();
    place.run(&["verify", "out.h5"]).ok();
    let recording = Recording::open(&place.path("out.h5")).unwrap();
    let of = |var: Var| recording.read::<f64>(var, 0..recording.len(Axis::Step)).unwrap();
    // Velocities that are differenced lose digits, and what is simulated for a second gains errors.
    for (var, tolerance) in [
        (Var::Time, 1e-9),
        (Var::Qpos, 1e-9),
        (Var::Qvel, 1e-7),
        (Var::Ctrl, 1e-9),
        (Var::Residual, 1e-7),
        (Var::ResidualTenth, 1e-6),
        (Var::ResidualSecond, 1e-5),
    ] {
        let name = var.spec().name;
        let (found, expected) = (of(var), numbers(&reference[name]));
        assert_eq!(found.len(), expected.len(), "{name}");
        let mut most = 0.0_f64;
        for (i, (x, y)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(x.is_nan(), y.is_nan(), "{name}, number {i}: {x} and {y}");
            assert!(x.is_nan() || (x - y).abs() <= tolerance, "{name}, number {i}: {x} and {y}");
            most = most.max(if y.is_nan() { 0.0 } else { y.abs() });
        }
        assert!(most > 100.0 * tolerance, "{name} tells nothing");
    }
}

#[test]
fn what_the_model_itself_has_done_has_no_residual() {
    let place = arm();
    place.run(&["record", "arm.xml", "--policy", "sinusoid", "--episodes", "1", "--steps", "700", "-o", "own.h5"]).ok();
    let own = Recording::open(&place.path("own.h5")).unwrap();
    let of = |var: Var| own.read::<f64>(var, 0..700).unwrap();
    let degrees = |x: Vec<f64>| x.into_iter().map(f64::to_degrees).collect::<Vec<_>>();
    let rows: Rows = vec![
        ("time", 1, of(Var::Time)),
        ("state", 2, degrees(of(Var::Qpos))),
        ("speed", 2, degrees(of(Var::Qvel))),
        ("action", 2, of(Var::Ctrl)),
    ];
    log::npz(&place.path("log.npz"), &rows);
    let joint = |name: &str, i: usize| {
        format!(
            "[joint.{name}]\ncolumn = \"state[{i}]\"\nunit = \"deg\"\nvelocity = \"speed[{i}]\"\nvelocity_unit = \"deg/s\"\n\
             [actuator.{name}]\nkind = \"position\"\ncolumn = \"action[{i}]\"\nunit = \"rad\"\n"
        )
    };
    let head = MAP
        .split("[velocity]")
        .next()
        .unwrap()
        .replace("rate = 100", "rate = 500")
        .replace("substeps = 5", "substeps = 1");
    place.write("map.toml", head + &joint("shoulder", 0) + &joint("elbow", 1));
    place.run(&record("log.npz", "map.toml", "out.h5")).ok();
    let recording = Recording::open(&place.path("out.h5")).unwrap();
    for (var, rows) in [(Var::Residual, 699), (Var::ResidualTenth, 650), (Var::ResidualSecond, 200)] {
        let values = recording.read::<f64>(var, 0..700).unwrap();
        let known: Vec<f64> = values.into_iter().filter(|x| x.is_finite()).collect();
        assert_eq!(known.len(), rows * 4, "{}", var.spec().name);
        // Degrees and back are not the same bits.
        assert!(known.iter().all(|x| x.abs() < 1e-8), "{}", var.spec().name);
    }
}

/// A map with every value that was still to be decided.
#[test]
fn a_first_map_is_refused_until_it_is_filled_in() {
    let place = arm();
    let [time, state, action] = &episode(0)[..] else { panic!("three arrays") };
    let column = |(_, width, values): &(&str, usize, Vec<f64>), entry: usize| {
        values.iter().skip(entry).step_by(*width).copied().collect::<Vec<_>>()
    };
    let rows: Rows = vec![
        ("timestamp", 1, time.2.clone()),
        ("Shoulder.pos", 1, column(state, 0)),
        ("elbow_joint", 1, column(state, 1)),
        ("action.shoulder", 1, column(action, 0)),
    ];
    place.write("log.csv", log::csv(&rows));
    let said = place.run(&["replay-map", "log.csv", "arm.xml", "-o", "first.toml"]).ok().stdout;
    insta::assert_snapshot!("first_map_says", said);
    let text = String::from_utf8(place.read("first.toml")).unwrap();
    insta::assert_snapshot!("first_map", text);
    place.run(&record("log.csv", "first.toml", "out.h5")).refused(&["first.toml", "TODO", "[joint.shoulder] unit"]);
    place.run(&["replay-map", "log.csv", "arm.xml", "-o", "first.toml"]).refused(&["exists already"]);
    let filled = text.replace("unit = \"TODO\"", "unit = \"deg\"").replacen("kind = \"TODO\"", "kind = \"hold\"", 2);
    place.write("first.toml", filled);
    place.run(&record("log.csv", "first.toml", "out.h5")).ok();
}

/// A line of the log or of the map is changed; what is said of each.
#[test]
fn what_is_broken_is_named() {
    let place = arm();
    let rows = episode(0);
    let sound = log::csv(&rows);
    let plain = map(&|entry| format!("_{entry}"));
    let in_row = |row: usize, change: &dyn Fn(&mut Vec<String>)| {
        let mut lines: Vec<String> = sound.lines().map(str::to_owned).collect();
        let mut cells: Vec<String> = lines[row + 1].split(',').map(str::to_owned).collect();
        change(&mut cells);
        lines[row + 1] = cells.join(",");
        lines.join("\n") + "\n"
    };
    let cell = |row: usize, column: usize, value: &str| in_row(row, &|cells| value.clone_into(&mut cells[column]));
    let swap = |from: &str, to: &str| plain.replacen(from, to, 1);
    let cases = [
        ("missing column", sound.clone(), swap("state_0", "state_7")),
        ("NaN", cell(5, 1, "nan"), plain.clone()),
        ("an empty cell", cell(6, 2, ""), plain.clone()),
        ("a word", cell(6, 2, "off"), plain.clone()),
        ("time runs backwards", cell(9, 0, "0.05"), plain.clone()),
        ("time stands still", cell(9, 0, "0.08"), plain.clone()),
        ("a gap", cell(59, 0, "3.0"), plain.clone()),
        ("degrees as radians", sound.clone(), swap("unit = \"deg\"", "unit = \"rad\"")),
        ("a wrong rate", sound.clone(), swap("rate = 100", "rate = 50")),
        ("an unknown key", sound.clone(), swap("offset", "ofset")),
        ("an unknown unit", sound.clone(), swap("unit = \"deg\"", "unit = \"grad\"")),
        ("an unknown joint", sound.clone(), swap("joint.elbow", "joint.elbo")),
        (
            "a joint that is left out",
            sound.clone(),
            swap("[joint.elbow]\ncolumn = \"state_1\"\nunit = \"deg\"\nsign = -1\noffset = 0.1\n", ""),
        ),
        ("a servo as a motor", sound.clone(), swap("kind = \"position\"", "kind = \"torque\"")),
        ("no range", sound.clone(), swap("unit = \"deg\"", "unit = \"normalised\"")),
        ("no window", sound.clone(), swap("window = 5", "window = 4")),
        ("no velocity", sound.clone(), swap("[velocity]\nfilter = \"savitzky-golay\"\nwindow = 5\norder = 2\n", "")),
        ("no header", sound.lines().skip(1).collect::<Vec<_>>().join("\n"), plain.clone()),
        ("no log", String::new(), plain.clone()),
    ];
    let mut said = String::new();
    for (name, log, map) in &cases {
        place.write("log.csv", log).write("map.toml", map);
        let ran = place.run(&record("log.csv", "map.toml", "out.h5")).refused(&[]);
        said += &format!("{name}\n  {}", ran.stderr);
    }
    insta::assert_snapshot!("broken_logs", said);
}

/// Radians called degrees, a velocity in another unit, and quaternions in the other order.
#[test]
fn other_units_and_orders_are_found_out() {
    let reference: Value = serde_json::from_str(include_str!("../reference/logs.json")).unwrap();
    let columns = reference["log"].as_object().unwrap();
    let numbers =
        |name: &str| -> Vec<f64> { columns[name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
    let sound: Rows =
        columns.keys().map(|name| (&*Box::leak(name.clone().into_boxed_str()), 1, numbers(name))).collect();
    let place = Place::new();
    place.write("arm.xml", reference["model"].as_str().unwrap());
    let map = include_str!("../reference/logs.toml");
    let scaled = |name: &str, factor: f64| {
        let mut rows = sound.clone();
        rows.iter_mut().filter(|(n, ..)| *n == name).for_each(|(.., v)| v.iter_mut().for_each(|x| *x *= factor));
        rows
    };
    let without_spin = map
        .replace("angular_velocity = [\"w0\", \"w1\", \"w2\"]\nframe = \"world\"\n", "")
        .replace("linear_velocity = [\"v0\", \"v1\", \"v2\"]\n", "");
    let cases = [
        ("radians as degrees", scaled("shoulder", 1.0_f64.to_radians()), map.to_owned()),
        ("metres as millimetres per second", scaled("slider_speed", 1e-3), map.to_owned()),
        ("xyzw as wxyz, with an angular velocity", sound.clone(), map.replace("xyzw", "wxyz")),
        ("xyzw as wxyz, without one", sound.clone(), without_spin.replace("xyzw", "wxyz")),
        ("no rotation", scaled("qx", 5.0), map.to_owned()),
    ];
    let mut said = String::new();
    for (name, rows, map) in &cases {
        place.write("log.csv", log::csv(rows)).write("map.toml", map);
        let ran = place.run(&record("log.csv", "map.toml", "out.h5")).refused(&[]);
        said += &format!("{name}\n  {}", ran.stderr);
    }
    insta::assert_snapshot!("other_units", said);
    // Who has looked is believed.
    let checked = map.replace("xyzw", "wxyz").replace("[joint.base]\n", "[joint.base]\nchecked = true\n");
    place.write("log.csv", log::csv(&sound)).write("map.toml", checked);
    place.run(&record("log.csv", "map.toml", "out.h5")).ok();
}

/// A velocity that is another one, numbers that MuJoCo does not take, settings without meaning, and a log with a gap.
#[test]
fn what_does_not_belong_to_the_log_is_refused() {
    let place = arm();
    let mut rows = episode(0);
    let shoulder: Vec<f64> = rows[1].2.iter().step_by(2).copied().collect();
    let lower: Vec<f64> = rows[0].2.iter().map(|t| -75.0 * (5.0 * t).sin()).collect();
    rows.extend([("other", 1, lower), ("same", 1, shoulder)]);
    let plain = map(&|entry| format!("_{entry}"));
    let with = |text: &str| plain.replace("[joint.shoulder]\n", &format!("[joint.shoulder]\n{text}"));
    place.write("log.csv", log::csv(&rows));
    for column in ["other", "same"] {
        let speed = format!("velocity = \"{column}\"\nvelocity_unit = \"deg/s\"\n");
        place.write("map.toml", with(&speed));
        let said = ["map.toml", "[joint.shoulder] velocity", column, "correlates"];
        place.run(&record("log.csv", "map.toml", "out.h5")).refused(&said);
        place.write("map.toml", with(&(speed + "checked = true\n")));
        place.run(&[&record("log.csv", "map.toml", "out.h5")[..], &["--force"]].concat()).ok();
    }
    place.write("map.toml", &plain);
    let noise = [&record("log.csv", "map.toml", "x.h5")[..], &["--reset-noise", "0.1"]].concat();
    place.run(&noise).refused(&["--reset-noise", "log"]);
    let mut beyond = rows.clone();
    beyond[2].2[12] = 1e300;
    place.write("log.csv", log::csv(&beyond));
    place.run(&record("log.csv", "map.toml", "x.h5")).refused(&["log.csv", "column action_0", "row 6", "1e10"]);
    place.write("map.toml", plain.replace("kind = \"hold\"", "kind = \"value\"\nvalue = 1e300"));
    place.run(&record("log.csv", "map.toml", "x.h5")).refused(&["map.toml", "[actuator.elbow] value", "1e10"]);
    let numbers = [vec![0.0; 30], vec![2.0; 30]].concat();
    rows.push(("episode", 1, numbers));
    place.write("log.csv", log::csv(&rows)).write("map.toml", plain + "\n[episodes]\ncolumn = \"episode\"\n");
    let said = place.run(&record("log.csv", "map.toml", "gap.h5")).ok().stderr;
    assert!(said.contains("are 0, 2;"), "{said}");
}

/// Files that hold something else than rows of numbers.
#[test]
fn what_a_file_lacks_or_hides_is_named() {
    let place = arm();
    let two = [episode(0), episode(1)];
    let refused = |log: &str, parts: &[&str]| {
        place.run(&record(log, "map.toml", "x.h5")).refused(&[&[log][..], parts].concat());
    };
    log::grouped(&place.path("less.h5"), "", "episode_", &two);
    let file = crate::common::open_to_change(&place.path("less.h5"));
    file.group("episode_1").unwrap().unlink("action").unwrap();
    drop(file);
    refused("less.h5", &["episode_1/action", "is missing"]);
    log::grouped(&place.path("link.h5"), "", "episode_", &two);
    let file = crate::common::open_to_change(&place.path("link.h5"));
    file.group("episode_1").unwrap().link_external("less.h5", "/episode_0/action", "more").unwrap();
    drop(file);
    refused("link.h5", &["episode_1/more", "another file"]);
    let mut archive = crate::common::npz::Archive::create(&place.path("deep.npz"));
    let [time, state, action] = &episode(0)[..] else { panic!("three arrays") };
    archive.put("time", &[60], &time.2);
    archive.put("state", &[60, 2, 1], &state.2);
    archive.put("action", &[60, 2], &action.2);
    drop(archive);
    refused("deep.npz", &["array state", "3 dimensions"]);
    place.write("one.npy", b"\x93NUMPY\x01\x00");
    refused("one.npy", &["one array of numpy"]);
    place.write("map.toml", b"\xff\xfe\x00");
    place.run(&record("less.h5", "map.toml", "x.h5")).refused(&["map.toml", "TOML text"]);
}
