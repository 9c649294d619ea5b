//! The same job gives the same bytes, whoever does it; and `verify` can tell.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dynsparse::dataset::Recording;
use dynsparse::dataset::schema::{Axis, ElementType, Var};

use crate::common::{self, Place, Ran, finish, paper_tasks, vendor};

/// A ball that bounces, and a spring whose explicit integration blows up: MuJoCo stops it after about 151
/// steps, sooner or later by the start.
const UNSTABLE: &str = r#"<mujoco><option timestep="0.4101"/><worldbody>
  <geom type="plane" size="9 9 1"/>
  <body pos="5 0 .1"><freejoint/><geom size=".1"/></body>
  <body pos="0 0 9"><joint name="j" type="slide" stiffness="100"/><geom size=".1"/></body>
</worldbody></mujoco>"#;

/// Some of its episodes are whole and some are short.
const UNSTABLE_JOB: [&str; 7] = ["u.xml", "--reset-noise", "0.1", "--episodes", "12", "--steps", "151"];

fn same_bytes(a: &[u8], b: &[u8], what: &str) {
    let at = a.iter().zip(b).position(|(x, y)| x != y).unwrap_or(a.len().min(b.len()));
    assert!(a == b, "{what}: {} and {} bytes, the first difference at {at}", a.len(), b.len());
}

fn with<'a>(verb: &'a str, job: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [&[verb][..], job, rest].concat()
}

#[test]
fn threads_do_not_show() {
    for job in [&["--episodes", "9", "--steps", "70", "--sensors"][..], &UNSTABLE_JOB] {
        let place = Place::new();
        place.write("u.xml", UNSTABLE);
        for threads in ["1", "2", "4"] {
            place.run(&with("record", job, &["-o", &format!("{threads}.h5"), "--threads", threads])).ok();
        }
        same_bytes(&place.read("1.h5"), &place.read("2.h5"), "1 and 2 threads");
        same_bytes(&place.read("1.h5"), &place.read("4.h5"), "1 and 4 threads");
    }
}

#[test]
fn place_and_name_do_not_show() {
    let (here, there) = (Place::new(), Place::new());
    here.write("u.xml", UNSTABLE);
    there.write("u.xml", UNSTABLE);
    for job in [&common::SMALL[..], &UNSTABLE_JOB] {
        here.run(&with("record", job, &["-o", "a.h5", "--force"])).ok();
        there.run(&with("record", job, &["-o", "deep/folder/other-name.h5", "--force"])).ok();
        same_bytes(&here.read("a.h5"), &there.read("deep/folder/other-name.h5"), "another folder and name");
    }
}

/// The command in a recording, typed again, makes the recording again; a TOML file of it does too.
#[test]
fn the_recorded_command_makes_the_same_file() {
    let place = Place::new();
    place.write("u.xml", UNSTABLE);
    place.small("source.h5", &["--policy", "zero"]).ok();
    for job in [
        &["--episodes", "2", "--steps", "10"][..],
        &["--episodes", "2", "--steps", "10", "--policy", "colored", "--beta", "0.1", "--scale", "1e-7", "--sensors"],
        &["--episodes", "2", "--steps", "10", "--policy", "sinusoid", "--frequency", "2.5", "--step", "physics"],
        &[
            "--episodes",
            "1",
            "--steps",
            "10",
            "--engine",
            "transition-fd",
            "--eps",
            "3e-7",
            "--difference",
            "forward",
            "--solver",
            "task",
        ],
        &["--replay", "source.h5", "--replay-with", "controls", "--compression", "small"],
        &["--episodes", "2", "--steps", "10", "--store", "f32"],
        &["--episodes", "2", "--steps", "10", "--store", "masks"],
        &["u.xml", "--reset-noise", "0.1", "--substeps", "3", "--episodes", "2", "--steps", "9", "--seed", "77"],
    ] {
        place.run(&with("record", job, &["-o", "first.h5", "--force"])).ok();
        let info = place.run(&["info", "--json", "first.h5"]).ok();
        let info: serde_json::Value = serde_json::from_str(&info.stdout).expect("JSON");
        let command = info["attributes"]["command"].as_str().expect("a command");
        let words = command.strip_prefix("dynsparse ").expect("a command of ours");
        let line = format!("exec \"$1\" {words} -o again.h5 --force");
        place.run_command(place.shell(&line, &[])).ok();
        same_bytes(&place.read("first.h5"), &place.read("again.h5"), command);
    }
    place.write("job.toml", "episodes = 2\nsteps = 99\npolicy = \"gaussian\"\nscale = 0.5\nsensors = true\n");
    place.run(&["record", "--config", "job.toml", "--steps", "10", "-o", "toml.h5"]).ok();
    let flags = ["--episodes", "2", "--steps", "10", "--policy", "gaussian", "--scale", "0.5", "--sensors"];
    place.run(&with("record", &flags, &["-o", "flags.h5"])).ok();
    same_bytes(&place.read("toml.h5"), &place.read("flags.h5"), "a TOML file and flags");
}

#[test]
fn settings_do_show() {
    let place = Place::new();
    place.small("a.h5", &[]).ok();
    for (name, extra) in [
        ("seed", &["--seed", "1"][..]),
        ("policy", &["--policy", "gaussian"]),
        ("eps", &["--engine", "transition-fd", "--eps", "1e-5"]),
        ("difference", &["--engine", "transition-fd", "--difference", "forward"]),
        ("step", &["--step", "physics"]),
        ("store", &["--store", "f32"]),
    ] {
        place.small(name, extra).ok();
        assert!(place.read("a.h5") != place.read(name), "{name} changes nothing");
    }
}

#[test]
fn two_processes_and_a_merge_give_the_same_file() {
    for job in [&["--episodes", "7", "--steps", "70"][..], &UNSTABLE_JOB] {
        let place = Place::new();
        place.write("u.xml", UNSTABLE);
        place.run(&with("record", job, &["-o", "whole.h5"])).ok();
        let children: Vec<_> = ["1/2", "2/2"]
            .into_iter()
            .map(|shard| {
                let mut command = place.command(&with("record", job, &["-o", "out.h5", "--shard", shard]));
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
            })
            .collect();
        for child in children {
            let (status, stdout, stderr) = finish(child);
            assert!(status.success(), "{stderr}");
            assert!(stdout.contains("dynsparse merge"), "it does not say what comes next: {stdout}");
        }
        assert!(!place.has("out.h5"));
        place.run(&with("merge", job, &["-o", "out.h5"])).ok();
        same_bytes(&place.read("whole.h5"), &place.read("out.h5"), "shards and one process");
        assert!(!place.has("out.h5.parts"));
    }
}

/// Shards of different lengths do not fall on the chunks of the result; nothing may be lost or moved.
#[test]
fn a_merge_holds_what_the_shards_hold() {
    let place = Place::new();
    place.write("u.xml", UNSTABLE);
    place.run(&with("record", &UNSTABLE_JOB, &["-o", "out.h5", "--shard", "1/1"])).ok();
    let shard = |i: usize| place.path(&format!("out.h5.parts/episode-{i:08}.h5"));
    let shards: Vec<Recording> = (0..12).map(|i| Recording::open(&shard(i)).expect("a shard opens")).collect();
    let lengths: Vec<usize> = shards.iter().map(|s| s.len(Axis::Step)).collect();
    assert!(lengths.contains(&151) && lengths.iter().any(|n| *n < 151), "not ragged: {lengths:?}");
    let sum = |var: Var| -> Vec<u8> {
        let rows = |s: &Recording| s.bytes(var, 0..s.shape(var)[0]).expect("a variable is read");
        shards.iter().flat_map(rows).collect()
    };
    let copies = |var: &&Var| {
        let spec = var.spec();
        spec.kind != ElementType::Text && spec.axes[0] != Axis::EpisodeBound && !var.is_offset() && shards[0].has(**var)
    };
    let expected: Vec<(Var, Vec<u8>)> = Var::ALL.iter().filter(copies).map(|v| (*v, sum(*v))).collect();
    let counts: Vec<i32> = shards.iter().flat_map(|s| s.read(Var::Ncon, 0..s.len(Axis::Step)).expect("ncon")).collect();
    drop(shards);

    place.run(&with("merge", &UNSTABLE_JOB, &["-o", "out.h5"])).ok();
    let merged = Recording::open(&place.path("out.h5")).expect("the merged file opens");
    assert!(expected.len() > 20, "variables are missing: {}", expected.len());
    for (var, bytes) in expected {
        let rows = merged.bytes(var, 0..merged.shape(var)[0]).expect("a variable is read");
        same_bytes(&bytes, &rows, var.spec().name);
    }
    let bounds: Vec<usize> = std::iter::once(0)
        .chain(lengths.iter().scan(0, |at, n| {
            *at += n;
            Some(*at)
        }))
        .collect();
    assert_eq!(merged.offsets().expect("offsets"), bounds);
    let before = counts.iter().scan(0i64, |at, n| {
        *at += i64::from(*n);
        Some(*at - i64::from(*n))
    });
    let offsets: Vec<i64> = merged.read(Var::ContactOffset, 0..counts.len()).expect("contact_offset");
    assert_eq!(offsets, before.collect::<Vec<_>>());
    assert!(counts.iter().min() < counts.iter().max(), "contacts are not ragged");
    let ends: Vec<String> = merged.episodes().expect("episodes").into_iter().map(|e| e.end).collect();
    for (end, length) in ends.iter().zip(&lengths) {
        assert_eq!(end == "completed", *length == 151, "{end} after {length} steps");
    }
}

#[test]
fn a_second_process_is_told_to_wait() {
    let place = Place::new();
    let long = ["record", "--episodes", "16", "--steps", "300", "-o", "out.h5", "--threads", "1"];
    let mut first = place.command(&long).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let begun = Instant::now();
    while !place.has("out.h5.parts/recipe.json") {
        assert!(begun.elapsed() < Duration::from_secs(60), "the first process does not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut refusals = Vec::new();
    for extra in [&["--seed", "4"][..], &["--shard", "1/2"], &["--force"], &[]] {
        refusals.push(place.run_command(place.command(&with("record", &long[1..], extra))));
    }
    let still = first.try_wait().expect("the first is asked").is_none();
    let status = first.wait().expect("the first ends");
    assert!(still, "the first process was too quick for this test");
    for refusal in refusals {
        refusal.failed(&["another process is recording into out.h5.parts"]);
    }
    assert!(status.success(), "the second disturbed the first");
    assert!(!place.has("out.h5.parts"));
    place.run(&["verify", "out.h5", "--episodes", "2"]).ok();
}

#[track_caller]
fn verified(place: &Place, file: &str, counts: &str) {
    let ran = place.run(&["verify", file]).ok();
    assert!(ran.stdout.contains(counts) && ran.stdout.contains("every bit agrees"), "{}", ran.stdout);
}

#[test]
fn recordings_verify() {
    let place = Place::new();
    place.write("u.xml", UNSTABLE);
    place.small("plain.h5", &[]).ok();
    verified(&place, "plain.h5", "3 episodes, 120 steps");
    place.small("sensors.h5", &["--sensors", "--policy", "colored"]).ok();
    verified(&place, "sensors.h5", "3 episodes, 120 steps");
    place.small("physics.h5", &["--step", "physics", "--solver", "task"]).ok();
    verified(&place, "physics.h5", "3 episodes, 240 steps");
    place.run(&with("record", &UNSTABLE_JOB, &["-o", "ragged.h5"])).ok();
    verified(&place, "ragged.h5", "12 episodes");
    // The model is inside; its file is not needed any more.
    std::fs::remove_file(place.path("u.xml")).expect("the model is removed");
    verified(&place, "ragged.h5", "12 episodes");
}

#[test]
fn replays_verify() {
    let place = Place::new();
    place.small("first.h5", &["--policy", "gaussian"]).ok();
    for with in ["states", "controls"] {
        let file = format!("{with}.h5");
        place.run(&["record", "--replay", "first.h5", "--replay-with", with, "-o", &file]).ok();
        verified(&place, &file, "3 episodes, 120 steps");
    }
    std::fs::remove_file(place.path("first.h5")).expect("the source is removed");
    verified(&place, "states.h5", "3 episodes, 120 steps");
}

#[test]
fn paper_tasks_verify() {
    let place = Place::new();
    let assets = vendor();
    for task in paper_tasks() {
        let file = format!("{task}.h5");
        place.run(&["record", task, "--assets", &assets, "--episodes", "2", "--steps", "20", "-o", &file]).ok();
        verified(&place, &file, "2 episodes, 40 steps");
    }
}

/// Changes one element of a variable of a recording.
fn change(file: &Path, name: &str, index: usize) {
    let file = common::open_to_change(file);
    let dataset = file.dataset(name).expect("the variable is there");
    macro_rules! nudge {
        ($type:ty, $new:expr) => {{
            let mut values = dataset.read_dyn::<$type>().expect("it is read");
            let value = &mut values.as_slice_mut().expect("in order")[index];
            *value = $new(*value);
            dataset.write(&values).expect("it is written");
        }};
    }
    match Var::by_name(name).expect("a variable of the schema").spec().kind {
        // The last bit only.
        ElementType::F64 => nudge!(f64, |v: f64| f64::from_bits(v.to_bits() ^ 1)),
        ElementType::F32 => nudge!(f32, |v: f32| f32::from_bits(v.to_bits() ^ 1)),
        ElementType::I64 => nudge!(i64, |v: i64| v + 1),
        ElementType::I32 => nudge!(i32, |v: i32| v + 1),
        ElementType::U32 => nudge!(u32, |v: u32| v ^ 1),
        ElementType::U8 => nudge!(u8, |v: u8| v ^ 1),
        ElementType::Text => panic!("text is not changed here"),
    }
}

/// What `verify` says of a copy with one element changed.
fn verify_changed(place: &Place, name: &str, index: usize) -> Ran {
    std::fs::copy(place.path("out.h5"), place.path("copy.h5")).expect("a copy");
    change(&place.path("copy.h5"), name, index);
    place.run(&["verify", "copy.h5"])
}

#[track_caller]
fn found(ran: &Ran, parts: &[&str]) {
    ran.sane();
    assert_eq!(ran.status.code(), Some(1), "{}{}", ran.stdout, ran.stderr);
    for part in parts {
        assert!(ran.stdout.contains(part), "no \"{part}\" in: {}{}", ran.stdout, ran.stderr);
    }
}

/// The last bit of one entry of A, by episode, row and labels.
#[test]
fn verify_names_the_entry_that_was_changed() {
    let place = Place::new();
    place.small("out.h5", &[]).ok();
    let recording = Recording::open(&place.path("out.h5")).expect("it opens");
    let (rows, columns) =
        (recording.labels(Axis::StateNext).expect("labels"), recording.labels(Axis::State).expect("labels"));
    drop(recording);
    let n = columns.len();
    let (row, i, j) = (2 * 40 + 5, 11, 3);
    let ran = verify_changed(&place, "A", (row * n + i) * n + j);
    found(&ran, &[&format!("copy.h5: differs: episode 2, row 5: A[{}, {}] is ", rows[i], columns[j])]);

    let ran = verify_changed(&place, "ctrl", (40 + 7) * 6 + 2);
    found(&ran, &["episode 1, row 7: ctrl["]);
    // Two changes in two episodes: the first is named, however the threads run.
    change(&place.path("copy.h5"), "time", 3);
    found(&place.run(&["verify", "copy.h5"]), &["episode 0, row 3: time is "]);
    found(&place.run(&["verify", "copy.h5", "--threads", "1"]), &["episode 0, row 3: time is "]);
    // Not among the first episodes.
    let ran = verify_changed(&place, "A", row * n * n);
    found(&ran, &["episode 2, row 5: A["]);
    place.run(&["verify", "copy.h5", "--episodes", "2"]).ok();
}

/// Every variable of a step is compared.
#[test]
fn verify_finds_a_change_in_every_variable() {
    let place = Place::new();
    place.small("out.h5", &["--sensors", "--steps", "60"]).ok();
    let recording = Recording::open(&place.path("out.h5")).expect("it opens");
    let sizes: Vec<(Var, usize)> =
        Var::ALL.iter().filter(|v| recording.has(**v)).map(|v| (*v, recording.shape(*v).iter().product())).collect();
    drop(recording);
    let mut silent = Vec::new();
    for (var, size) in sizes {
        if var.spec().kind == ElementType::Text || size == 0 {
            continue;
        }
        let ran = verify_changed(&place, var.spec().name, size / 2);
        ran.sane();
        if ran.status.success() {
            silent.push(var.spec().name);
        }
    }
    assert!(silent.is_empty(), "a change goes unnoticed in {silent:?}");
}

/// The Jacobian of a control step is the product of those of its physics steps, and both record one motion.
#[test]
fn physics_steps_multiply_to_control_steps() {
    for (task, substeps) in [("Juggler", 2), ("CartpoleBalance", 1), ("CheetahRun", 1), ("WalkerRun", 10)] {
        let place = Place::new();
        let assets = vendor();
        let open = |step: &str| {
            let file = format!("{step}.h5");
            let job =
                ["record", task, "--assets", &assets, "--episodes", "2", "--steps", "8", "--step", step, "-o", &file];
            place.run(&job).ok();
            Recording::open(&place.path(&file)).expect("it opens")
        };
        let (control, physics) = (open("control"), open("physics"));
        let rows = control.len(Axis::Step);
        let substeps = control.int_attribute("substeps").map_or(substeps, |n| n as usize);
        assert_eq!((rows, physics.len(Axis::Step)), (16, 16 * substeps), "{task}");
        let n = control.shape(Var::A)[1];
        let matrix = |of: &Recording, row: usize| {
            let values: Vec<f64> = of.read(Var::A, row..row + 1).expect("A");
            nalgebra::DMatrix::from_row_slice(n, n, &values)
        };
        for row in 0..rows {
            let mut product = nalgebra::DMatrix::identity(n, n);
            for s in 0..substeps {
                product = matrix(&physics, row * substeps + s) * product;
            }
            let whole = matrix(&control, row);
            let error = (&product - &whole).amax() / whole.amax();
            assert!(error < 1e-9, "{task}, row {row}: the product differs by {error:e}");
            let at = |of: &Recording, r: usize| of.read::<f64>(Var::Qpos, r..r + 1).expect("qpos");
            assert_eq!(at(&control, row), at(&physics, row * substeps), "{task}: not the same motion");
        }
        assert!(task != "Juggler" || substeps > 1, "nothing is multiplied");
    }
}
