//! Whatever is wrong with the input, the answer is one line that names file, field and fix, and nothing is
//! touched.

use std::path::Path;
use std::process::Stdio;

use hdf5::types::VarLenUnicode;

use crate::common::{self, Dice, Place, finish, fuzz, vendor};

/// A ball over a floor, with room for one change.
fn ball(option: &str, actuator: &str) -> String {
    format!(
        r#"<mujoco>{option}<worldbody><geom type="plane" size="1 1 1"/>
<body name="b" pos="0 0 1"><joint name="j" type="slide" axis="0 0 1"/><geom name="g" size=".1"/></body>
</worldbody><actuator>{actuator}</actuator></mujoco>"#
    )
}

/// Six boxes that lie on a floor: many contacts, and only so much memory.
fn boxes(memory: &str) -> String {
    let bodies: String = (0..6)
        .map(|i| format!(r#"<body pos="{i} 0 0.09"><freejoint/><geom type="box" size=".1 .1 .1"/></body>"#))
        .collect();
    format!(
        r#"<mujoco><size memory="{memory}"/><worldbody><geom type="plane" size="1 1 1"/>{bodies}</worldbody></mujoco>"#
    )
}

/// Records `model.xml` with that content, which must be refused.
#[track_caller]
fn model_refused(mjcf: impl AsRef<[u8]>, parts: &[&str]) {
    let place = Place::new();
    place.write("model.xml", mjcf);
    let ran = place.run(&["record", "model.xml", "-o", "out.h5"]).refused(parts);
    assert!(ran.stderr.starts_with("error: model.xml: "), "{}", ran.stderr);
    // Said once, not once more as its own cause.
    let words = ran.stderr.trim_end().rsplit(": ").next().unwrap_or_default();
    assert_eq!(ran.stderr.matches(words).count(), 1, "{}", ran.stderr);
}

#[test]
fn models_that_do_not_load() {
    let wrap = |body: &str| format!("<mujoco>\n<worldbody>\n{body}\n</worldbody></mujoco>");
    model_refused(wrap("<body>"), &["cannot load the model", "Line number=3", "body"]);
    model_refused(wrap("<boody/>"), &["unrecognized element", "'boody'", "line 3"]);
    model_refused(wrap("<body colour=\"1\"/>"), &["unrecognized attribute", "'colour'", "'body'", "line 3"]);
    model_refused(wrap("<body><joint type=\"spherical\"/></body>"), &["'spherical'", "'joint'", "line 3"]);
    let mesh = "<mujoco><asset><mesh name=\"m\" file=\"nothere.obj\"/></asset>\
        <worldbody><body><joint/><geom type=\"mesh\" mesh=\"m\"/></body></worldbody></mujoco>";
    model_refused(mesh, &["nothere.obj"]);
    model_refused("", &["empty"]);
    let mut dice = Dice(3);
    let junk: Vec<u8> = (0..5000).map(|_| dice.below(256) as u8).collect();
    model_refused(junk, &["cannot load the model"]);
}

#[test]
fn models_that_mean_nothing() {
    model_refused(ball("", "").replace("pos=\"0 0 1\"", "pos=\"nan 0 0\""), &["body_pos of body \"b\"", "NaN", "mend"]);
    model_refused(ball("<option timestep=\"0\"/>", ""), &["timestep is 0", "must be positive"]);
    model_refused(ball("<option timestep=\"-1\"/>", ""), &["timestep is -1", "must be positive"]);
    model_refused("<mujoco><worldbody><geom size=\"1\"/></worldbody></mujoco>", &["no degree of freedom", "joint"]);
    model_refused(ball("<option timestep=\"1e9\"/>", ""), &["timestep is 1000000000", "1e6 s at most"]);
    // Steps that do not end, and a state that no memory holds.
    for name in ["iterations", "ls_iterations", "noslip_iterations", "ccd_iterations", "sdf_iterations"] {
        let option = format!("<option {name}=\"2147483647\"/>");
        model_refused(ball(&option, ""), &[&format!("option {name} is 2147483647"), "at most"]);
    }
    model_refused(ball("<size nuserdata=\"200000000\"/>", ""), &["state has 2000000", "nuserdata"]);
}

/// MuJoCo raises mju_error on these, which would end the process.
#[test]
fn models_that_cannot_be_differentiated() {
    let place = Place::new();
    place.write("rk4.xml", ball("<option integrator=\"RK4\"/>", ""));
    let named = ["record", "rk4.xml", "--steps", "2", "--engine", "transition-fd"];
    place.run(&named).refused(&["RK4", "use --engine whole-step"]);
    place.run(&["record", "rk4.xml", "--steps", "2"]).ok();
    let delayed = "<motor joint=\"j\" delay=\"0.01\" nsample=\"5\"/>";
    place.write("delay.xml", ball("", delayed));
    let named = ["record", "delay.xml", "--steps", "2", "--engine", "transition-fd"];
    place.run(&named).refused(&["does not cover", "history of actuators", "use --engine whole-step"]);
    place.run(&["record", "delay.xml", "--steps", "2"]).ok();
    for memory in ["2K", "3K", "4K", "8K", "16K", "20K", "32K", "48K"] {
        // The implicit engine solves where differences of the solve find no room.
        let place = Place::new();
        place.write("m.xml", boxes(memory));
        let command = ["record", "m.xml", "--engine", "transition-fd"];
        place.run(&command).refused(&["memory", "<size memory=\"...\"/>"]);
    }
}

#[test]
fn models_that_are_not_files() {
    let place = Place::new();
    std::fs::create_dir(place.path("folder.xml")).expect("a folder");
    place.run(&["record", "nothere.xml"]).refused(&["error: nothere.xml: No such file"]);
    place.run(&["record", "folder.xml"]).refused(&["error: folder.xml: is a folder; name the MJCF file"]);
    place.run(&["record", "./"]).refused(&["is a folder"]);
}

#[test]
fn tasks_that_are_not_there() {
    let place = Place::new();
    place.run(&["record", "CheetaRun"]).refused(&["\"CheetaRun\"", "did you mean CheetahRun", "dynsparse tasks"]);
    place.run(&["record", "walkerrun"]).refused(&["did you mean WalkerRun"]);
    place.run(&["record", "xyzzy"]).refused(&["unknown task \"xyzzy\"", "dynsparse tasks"]);
    std::fs::create_dir(place.path("empty")).expect("a folder");
    let absent = ["CheetahRun: empty/playground", "is missing", "cargo xtask setup", "--assets"];
    place.run(&["record", "CheetahRun", "--assets", "empty"]).refused(&absent);
    let tasks = place.run(&["tasks", "--assets", "empty"]).ok();
    assert!(tasks.stdout.contains("Juggler") && tasks.stdout.contains("cargo xtask setup"), "{}", tasks.stdout);
}

#[test]
fn settings_that_make_no_sense() {
    let place = Place::new();
    place.write("ball.xml", ball("", "<motor joint=\"j\"/>"));
    for (args, parts) in [
        (&["--episodes", "0"][..], &["episodes is 0"][..]),
        (&["--steps", "0"], &["steps is 0"]),
        (&["--steps", "1000000000000"], &["steps is above 100 million"]),
        (&["--episodes", "18446744073709551615"], &["episodes is above 100 million"]),
        (&["--episodes", "100000000", "--steps", "100000000"], &["episodes 100000000 x", "rows of a file"]),
        (&["--threads", "0"], &["threads is 0", "at least 1"]),
        (&["--eps", "0"], &["eps must be"]),
        (&["--eps", "nan"], &["eps must be"]),
        (&["--eps=-1e-6"], &["eps must be"]),
        (&["--policy", "colored", "--beta", "3"], &["beta is 3", "from 0"]),
        (&["--policy", "gaussian", "--scale", "inf"], &["scale is inf"]),
        (&["--policy", "sinusoid", "--amplitude", "2"], &["amplitude is 2", "0 to 1"]),
        (&["--beta", "1"], &["--beta has no meaning for the policy uniform", "--policy"]),
        (&["--policy", "zero", "--scale", "1"], &["--scale has no meaning for the policy zero"]),
        (&["--replay-with", "states"], &["--replay-with has no meaning"]),
        (&["--policy", "uniform", "--replay", "x.h5"], &["--replay has no meaning"]),
        (&["--policy", "replay"], &["--replay FILE"]),
        (&["--keyframe", "home"], &["--keyframe is for MJCF files"]),
        (&["CheetahRun", "--keyframe", "home"], &["--keyframe is for MJCF files"]),
        (&["CheetahRun", "--substeps", "2"], &["--substeps is for MJCF files"]),
        (&["ball.xml", "--keyframe", "home"], &["ball.xml", "no keyframe named \"home\"", "--keyframe"]),
        (&["ball.xml", "--substeps", "0"], &["0 substeps", "at least 1"]),
        (&["ball.xml", "--reset-noise", "nan"], &["reset noise of NaN"]),
        (&["ball.xml", "--reset-noise=-1"], &["reset noise of -1"]),
    ] {
        place.run(&[&["record"], args].concat()).refused(parts);
    }
    place.run(&["merge", "--shard", "1/2"]).refused(&["--shard is for `dynsparse record`"]);
}

#[test]
fn command_lines_that_are_wrong() {
    let place = Place::new();
    for (args, parts) in [
        (&["record", "--shard", "3/2"][..], &["3/2", "1 <= I <= N"][..]),
        (&["record", "--shard", "0/2"], &["0/2", "1 <= I <= N"]),
        (&["record", "--shard", "2"], &["1 <= I <= N"]),
        (&["record", "--episodes", "many"], &["many", "--episodes"]),
        (&["record", "--policy", "unifrm"], &["uniform"]),
        (&["record", "--episods", "3"], &["--episods", "--episodes"]),
        (&["info"], &["<FILES>"]),
        (&["recrd"], &["record"]),
    ] {
        place.run(args).usage(parts);
    }
}

#[test]
fn settings_files_that_are_wrong() {
    let place = Place::new();
    for (text, parts) in [
        (&b"seed = 1\nepisods = 3\n"[..], &["job.toml, line 2", "`episods`", "did you mean `episodes`?"][..]),
        (b"replay_with = \"states\"\n", &["`replay_with`", "did you mean `replay-with`?"]),
        (b"zzzzzzzzzzz = 3\n", &["`zzzzzzzzzzz`", "dynsparse record --help"]),
        (b"episodes = \"x\"\n", &["job.toml, line 1", "string \"x\""]),
        (b"\nseed = -1\n", &["job.toml, line 2", "-1"]),
        (b"steps = 3\n\nepisodes = = 3\n", &["job.toml, line 3"]),
        (b"policy = \"unifrm\"\n", &["job.toml, line 1", "unifrm", "`uniform`"]),
        (b"beta = 1.0\n", &["--beta has no meaning"]),
        (b"\xff\xfe", &["job.toml", "UTF-8"]),
    ] {
        place.write("job.toml", text);
        place.run(&["record", "--config", "job.toml", "-o", "out.h5"]).refused(parts);
    }
    place.run(&["record", "--config", "nothere.toml"]).refused(&["nothere.toml: No such file"]);
}

#[test]
fn outputs_that_cannot_be() {
    let place = Place::new();
    place.write("file.txt", "text");
    std::fs::create_dir(place.path("folder")).expect("a folder");
    place.small("file.txt/out.h5", &[]).refused(&["file.txt/out.h5.parts", "Not a directory", "-o"]);
    for force in [&[][..], &["--force"]] {
        place.small("folder", force).refused(&["folder: is a folder", "-o out.h5"]);
        place.small(".", force).refused(&["is a folder"]);
    }
    // A folder that is not there is made.
    place.small("new/folder/out.h5", &[]).ok();
    assert!(place.has("new/folder/out.h5"));

    let sealed = place.path("folder");
    let mut permissions = std::fs::metadata(&sealed).expect("it is there").permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&sealed, permissions).expect("it is sealed");
    // Permissions do not bind root.
    if std::fs::write(sealed.join("probe"), "").is_err() {
        place.small("folder/out.h5", &[]).refused(&["folder/out.h5.parts", "Permission denied", "-o"]);
    }
}

fn foreign_hdf5(path: &Path) {
    let file = hdf5::File::create(path).expect("a file");
    file.new_dataset_builder().with_data(&[1.0, 2.0]).create("x").expect("a dataset");
}

#[test]
fn outputs_that_hold_something_else() {
    let place = Place::new();
    place.small("whole.h5", &[]).ok();
    let whole = place.read("whole.h5");
    place.write("text.h5", "my notes").write("cut.h5", &whole[..whole.len() / 2]).write("empty.h5", "");
    foreign_hdf5(&place.path("foreign.h5"));
    for (file, reason) in [
        ("text.h5", "not an HDF5 file"),
        ("empty.h5", "not an HDF5 file"),
        ("cut.h5", "truncated"),
        ("foreign.h5", "not a recording of dynsparse"),
    ] {
        place.small(file, &[]).refused(&[&format!("error: {file} exists already"), reason, "--force"]);
        place.small(file, &["--force"]).ok();
        assert!(place.read(file) == whole, "{file} was not replaced");
    }
}

#[test]
fn outputs_that_were_recorded_before() {
    let place = Place::new();
    place.small("out.h5", &[]).ok();
    let first = place.read("out.h5");
    let again = place.small("out.h5", &[]).ok();
    assert!(again.stdout.contains("is there already"), "{}", again.stdout);
    assert_eq!(again.before, again.after);
    for (extra, difference) in [
        (&["--seed", "5"][..], "seed: 0 there, 5 here"),
        (&["--episodes", "4"], "episodes: 3 there, 4 here"),
        (&["--steps", "41"], "steps: 40 there, 41 here"),
        (&["--engine", "transition-fd", "--eps", "1e-5"], "jacobian.eps: "),
        (&["--sensors"], "jacobian.sensors: false there, true here"),
        (&["--policy", "zero"], "policy.kind: \"uniform\" there, \"zero\" here"),
    ] {
        place.small("out.h5", extra).refused(&["out.h5 exists already", difference, "--force"]);
    }
    place.small("out.h5", &["--seed", "5", "--force"]).ok();
    assert!(place.read("out.h5") != first, "--force did not replace it");
    place.small("out.h5", &["--force"]).ok();
    assert!(place.read("out.h5") == first, "the same settings gave other bytes");
}

#[test]
fn unfinished_work_of_other_settings() {
    let place = Place::new();
    place.small("out.h5", &["--shard", "1/2"]).ok();
    let difference = ["out.h5.parts holds unfinished episodes", "seed: 0 there, 1 here", "--force"];
    place.small("out.h5", &["--seed", "1"]).refused(&difference);
    let small: Vec<&str> = ["merge", "-o", "out.h5"].into_iter().chain(common::SMALL).collect();
    place.run(&small).refused(&["1 of 3 episodes are missing in out.h5.parts", "first: 1"]);
    place.run(&[&small[..], &["--seed", "1"]].concat()).refused(&difference);
    // Nothing was ever recorded here.
    let never: Vec<&str> = ["merge", "-o", "never.h5"].into_iter().chain(common::SMALL).collect();
    place.run(&never).refused(&["3 of 3 episodes are missing in never.h5.parts", "first: 0"]);

    place.small("out.h5", &["--seed", "1", "--force"]).ok();
    place.small("fresh.h5", &["--seed", "1"]).ok();
    assert!(place.read("out.h5") == place.read("fresh.h5"), "an episode of the old settings got in");
}

#[test]
fn a_damaged_shard_is_named() {
    let place = Place::new();
    place.small("out.h5", &["--shard", "1/1"]).ok();
    let shard = "out.h5.parts/episode-00000001.h5";
    let bytes = place.read(shard);
    place.write(shard, &bytes[..bytes.len() / 2]);
    let merge: Vec<&str> = ["merge", "-o", "out.h5"].into_iter().chain(common::SMALL).collect();
    place.run(&merge).refused(&[shard, "truncated"]);
}

/// A limit on the size of files stands for a full disk: writes fail, wherever they are.
#[test]
fn a_full_disk_at_every_point() {
    let expected = {
        let place = Place::new();
        place.small("out.h5", &[]).ok();
        place.read("out.h5")
    };
    let (mut failures, mut kept) = (0, false);
    let job: Vec<&str> = ["record", "-o", "out.h5", "--threads", "2"].into_iter().chain(common::SMALL).collect();
    // In blocks of 512 bytes, from less than the recipe to more than the file.
    let last = expected.len() as u64 / 512 + 8;
    for limit in [0, 1, 8, 40, 120, 200, last * 2 / 5, last / 2, last * 2 / 3, last - 10, last - 9, last] {
        let place = Place::new();
        let ran = place.run_command(place.shell(&format!("ulimit -f {limit}; exec \"$@\""), &job));
        if ran.status.success() {
            assert!(place.read("out.h5") == expected, "limit {limit}: success, but other bytes");
            continue;
        }
        failures += 1;
        let ran = ran.failed(&["out.h5.parts/", "File too large", "free space", "what is finished is kept"]);
        let temporary = ran.after.keys().find(|k| k.extension().is_some_and(|e| e == "tmp"));
        assert!(temporary.is_none() && !place.has("out.h5"), "limit {limit}: left {temporary:?}");
        kept |= place.has("out.h5.parts/episode-00000000.h5");
        place.run(&job).ok();
        assert!(place.read("out.h5") == expected, "limit {limit}: other bytes after going on");
        assert!(!place.has("out.h5.parts"));
    }
    assert!(failures > 6 && kept, "the limits do not hit: {failures}");
}

/// A file system that is really full, where one can be made (root on Linux).
#[test]
fn a_full_file_system() {
    let place = Place::new();
    place.small("expected.h5", &[]).ok();
    std::fs::create_dir(place.path("disk")).expect("a folder");
    let script = "mount -t tmpfs -o size=300k tmpfs disk 2>/dev/null || exit 99; \
        \"$@\"; echo \"code $?\"; mount -o remount,size=16m disk && \"$@\" && cp disk/out.h5 copy.h5";
    let mut command = std::process::Command::new("unshare");
    command.args(["-m", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_dynsparse"), "record", "-o", "disk/out.h5"]);
    command.args(common::SMALL).current_dir(place.path("")).stdin(Stdio::null());
    let Ok(child) = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() else { return };
    let (status, stdout, stderr) = finish(child);
    if status.code() == Some(99) || stderr.contains("unshare") {
        return;
    }
    assert!(status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("code 1"), "it did not fail on a full disk: {stdout}{stderr}");
    let error = stderr.lines().find(|l| l.starts_with("error: ")).unwrap_or_default();
    for part in ["disk/out.h5.parts/", "No space left on device", "what is finished is kept"] {
        assert!(error.contains(part), "{stderr}");
    }
    assert!(place.read("copy.h5") == place.read("expected.h5"), "other bytes after a full disk");
}

#[test]
fn recordings_that_are_damaged() {
    let place = Place::new();
    place.small("whole.h5", &["--episodes", "2", "--steps", "20"]).ok();
    let whole = place.read("whole.h5");
    let mut dice = Dice(11);
    let mut refused = 0;
    for case in 0..40 {
        let mut bytes = whole.clone();
        match case % 4 {
            0 => bytes.truncate(dice.below(whole.len() as u64) as usize),
            // The first pages hold the structure, the rest mostly data.
            kind => {
                let reach = if kind == 1 { 1 << 14 } else { bytes.len() as u64 };
                for _ in 0..[1, 4, 40][kind - 1] {
                    bytes[dice.below(reach) as usize] = dice.below(256) as u8;
                }
            }
        }
        place.write("damaged.h5", &bytes);
        for args in [
            &["info", "damaged.h5"][..],
            &["verify", "damaged.h5"],
            &["record", "--replay", "damaged.h5", "-o", "replayed.h5", "--steps", "20", "--force"],
        ] {
            let ran = place.run(args);
            ran.sane();
            let differs = args[0] == "verify" && ran.stdout.contains(" differs: ");
            if !ran.status.success() && !differs {
                ran.failed(&["damaged.h5"]);
                refused += 1;
            }
        }
    }
    assert!(refused > 20, "hardly any damage was noticed: {refused}");
}

#[test]
fn files_that_are_no_recordings() {
    let place = Place::new();
    place.write("text.txt", "text").write("empty.h5", "");
    foreign_hdf5(&place.path("foreign.h5"));
    std::fs::create_dir(place.path("folder")).expect("a folder");
    for verb in ["info", "verify"] {
        place.run(&[verb, "nothere.h5"]).refused(&["nothere.h5: no such file"]);
        place.run(&[verb, "text.txt"]).refused(&["text.txt", "not an HDF5 file"]);
        place.run(&[verb, "empty.h5"]).refused(&["empty.h5", "not an HDF5 file"]);
        place.run(&[verb, "folder"]).refused(&["folder", "Is a directory"]);
        place.run(&[verb, "foreign.h5"]).refused(&["foreign.h5", "not a recording of dynsparse"]);
    }
    // A schema from the future.
    place.small("next.h5", &[]).ok();
    let file = common::open_to_change(&place.path("next.h5"));
    file.attr("schema_version").and_then(|a| a.write_scalar(&99_i64)).expect("it is changed");
    drop(file);
    place.run(&["info", "next.h5"]).refused(&["next.h5", "schema version 99", "use the dynsparse that wrote it"]);
}

/// A model inside a recording must not be unpacked over the user's files.
#[test]
fn a_recording_with_a_hostile_path() {
    let place = Place::new();
    place.write("ball.xml", ball("", "<motor joint=\"j\"/>"));
    place.run(&["record", "ball.xml", "--episodes", "1", "--steps", "3", "-o", "out.h5"]).ok();
    let file = common::open_to_change(&place.path("out.h5"));
    let model = file.dataset("model/files/0000").expect("the model is inside");
    let hostile: VarLenUnicode = "../../escape.xml".parse().expect("text");
    model.attr("name").and_then(|a| a.write_scalar(&hostile)).expect("it is changed");
    drop((model, file));
    place.run(&["verify", "out.h5"]).refused(&["../../escape.xml", "not to be trusted"]);
}

/// An HDF5 file to replay: 5 steps of the embedded model, after `change`.
fn trajectory(path: &Path, change: impl FnOnce(&mut Vec<(&'static str, ndarray::Array2<f64>)>)) {
    let zeros = |n| ndarray::Array2::<f64>::zeros((5, n));
    let mut arrays = vec![("qpos", zeros(9)), ("qvel", zeros(9)), ("ctrl", zeros(6))];
    change(&mut arrays);
    let file = hdf5::File::create(path).expect("a file");
    for (name, values) in arrays {
        file.new_dataset_builder().with_data(&values).create(name).expect("an array");
    }
}

#[test]
fn replays_that_do_not_fit() {
    let place = Place::new();
    let assets = vendor();
    trajectory(&place.path("good.h5"), |_| {});
    trajectory(&place.path("nan.h5"), |a| a[2].1[(3, 4)] = f64::NAN);
    trajectory(&place.path("huge.h5"), |a| a[0].1[(2, 1)] = f64::INFINITY);
    trajectory(&place.path("narrow.h5"), |a| a[1].1 = ndarray::Array2::zeros((5, 7)));
    trajectory(&place.path("short.h5"), |a| a[1].1 = ndarray::Array2::zeros((3, 9)));
    trajectory(&place.path("lacking.h5"), |a| drop(a.remove(1)));
    place.write("text.h5", "text");
    for (file, parts) in [
        ("nan.h5", &["nan.h5", "ctrl", "NaN", "row 3, column 4"][..]),
        ("huge.h5", &["huge.h5", "qpos", "inf", "row 2, column 1"]),
        ("narrow.h5", &["array qvel has shape (5, 7)", "(rows, 9)"]),
        ("short.h5", &["array qvel has 3 rows"]),
        ("lacking.h5", &["there is no array qvel", "it has ctrl, qpos"]),
        ("text.h5", &["neither an HDF5 file nor an .npz", "numpy.savez"]),
        ("nothere.h5", &["nothere.h5", "no such file"]),
    ] {
        place.run(&["record", "--replay", file, "-o", "out.h5"]).refused(parts);
    }
    let other = ["record", "CartpoleBalance", "--assets", &assets, "--replay", "good.h5", "-o", "out.h5"];
    place.run(&other).refused(&["good.h5", "array ctrl has shape (5, 6)", "nu = 1"]);
    place.run(&["record", "--replay", "good.h5", "-o", "out.h5"]).ok();
}

/// Divergence is a finding and no error: what was recorded before it stays.
#[test]
fn an_episode_that_diverges() {
    let place = Place::new();
    let stiff = "<mujoco><option timestep=\"0.5\"/><worldbody><body><joint name=\"j\" type=\"slide\" stiffness=\"100\"/>\
        <geom size=\".1\"/></body></worldbody></mujoco>";
    place.write("stiff.xml", stiff);
    let job = ["record", "stiff.xml", "--reset-noise", "0.1", "--episodes", "2", "--steps", "200", "-o", "out.h5"];
    let ran = place.run(&job).ok();
    assert!(ran.stdout.contains("2 ended early"), "{}", ran.stdout);
    let info = place.run(&["info", "--json", "out.h5"]).ok();
    let info: serde_json::Value = serde_json::from_str(&info.stdout).expect("JSON");
    for episode in info["episodes"].as_array().expect("episodes") {
        let (end, steps) = (episode["end"].as_str().unwrap_or(""), episode["steps"].as_u64().unwrap_or(0));
        assert!((5..100).contains(&steps), "{episode}");
        assert!(end.contains("BADQ") || end.contains("diverged"), "{end}");
        assert!(end.ends_with(&format!("in step {steps}")), "{end}");
    }
    place.run(&["verify", "out.h5"]).ok();
}

#[test]
fn a_reader_that_goes_away() {
    let place = Place::new();
    place.small("out.h5", &[]).ok();
    for args in [&["info", "out.h5"][..], &["info", "--schema"], &["completions", "bash"], &["verify", "out.h5"]] {
        let mut child = place.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let (status, _, stderr) = finish(child);
        assert!(status.success() && stderr.is_empty(), "{args:?}: {status:?} {stderr}");
        // No stdout from the start.
        let closed = place.run_command(place.shell("exec \"$@\" >&-", args));
        closed.sane();
    }
    if Path::new("/dev/full").exists() {
        let full = place.run_command(place.shell("exec \"$@\" >/dev/full", &["info", "out.h5"]));
        full.refused(&["No space left on device"]);
    }
}

#[test]
fn settings_have_upper_bounds() {
    let place = Place::new();
    let most = u64::MAX.to_string();
    for (args, parts) in [
        (&["check-jacobian", "--states", &most][..], &["states is 18446744073709551615; it must be 0 to 1000000"][..]),
        (&["check-jacobian", "--episodes", &most], &["episodes is 18446744073709551615"]),
        (&["check-jacobian", "--worst", &most], &["worst is 18446744073709551615"]),
        (&["check-jacobian", "--random", &most], &["--random is 18446744073709551615"]),
        (&["check-jacobian", "--random", "1", "--first", &most], &["--first is 18446744073709551615"]),
        (&["record", "--config", "/dev/zero"], &["/dev/zero: ", "regular file"]),
    ] {
        place.run(args).refused(parts);
    }
    place.run(&["record", "--shard", &format!("1/{most}")]).usage(&["I <= N <= 1000000"]);
    let values: Vec<String> = (0..40).map(|i| format!("0.{i}")).collect();
    let over = ["scale", "beta"].map(|key| format!("{key}={}", values.join(",")));
    place.run(&["ablate", "--over", &over[0], "--over", &over[1]]).refused(&["1600 recordings, more than 1000"]);
    place.small("r.h5", &["--episodes", "1", "--steps", "3"]).ok();
    let thresholds: Vec<String> = (1..=65).map(|i| format!("{i}e-9")).collect();
    place.run(&["analyze", "r.h5", "--thresholds", &thresholds.join(",")]).refused(&["--thresholds has 65 values"]);
}

/// Whatever is changed in a file of settings, the program records or says in one line why not.
#[test]
fn mutated_settings_are_no_panic() {
    let place = Place::new();
    let [record, sweep] = [common::toml::record(), common::toml::sweep()];
    let dry = ["sweep", "--dry-run", "--config", "c.toml", "--threads", "1", "--out", "s"];
    let short =
        ["record", "--config", "c.toml", "--episodes", "1", "--steps", "2", "--threads", "1", "-o", "o.h5", "--force"];
    let run = |number: u64| match number % 3 {
        0 => place.run(&short),
        1 => place.run(&dry),
        _ => place.run(&[&dry[..], &["--slurm"]].concat()),
    };
    for number in 0..3 {
        place.write("c.toml", if number == 0 { &record } else { &sweep });
        run(number).ok();
    }
    fuzz::short(60, |number| {
        place.write("c.toml", common::toml::mutate(if number % 3 == 0 { &record } else { &sweep }, number));
        run(number)
    });
}

#[test]
fn ranges_that_nothing_lies_in() {
    let place = Place::new();
    let limits = "<mujoco><worldbody><body><joint name=\"j\" type=\"slide\" range=\"-1 1\" actuatorfrcrange=\"-1 1\"/>\
        <geom size=\".1\"/><site name=\"s\"/></body></worldbody>\
        <tendon><fixed name=\"t\" range=\"-1 1\" actuatorfrcrange=\"-1 1\"><joint joint=\"j\" coef=\"1\"/></fixed></tendon>\
        <actuator><general name=\"a\" joint=\"j\" ctrlrange=\"-1 1\" forcerange=\"-1 1\" dyntype=\"filter\" actrange=\"-1 1\"/></actuator>\
        </mujoco>";
    place.write("m.xml", limits);
    let record = |set: &[&str]| {
        let set = set.iter().flat_map(|set| ["--set", *set]);
        let args: Vec<&str> =
            ["record", "m.xml", "--episodes", "1", "--steps", "3", "-o", "out.h5"].into_iter().chain(set).collect();
        place.run(&args)
    };
    for (range, owner) in [
        ("jnt_range", "joint \"j\""),
        ("jnt_actfrcrange", "joint \"j\""),
        ("tendon_range", "tendon \"t\""),
        ("actuator_ctrlrange", "control \"a\""),
        ("actuator_forcerange", "actuator \"a\""),
        ("actuator_actrange", "actuator \"a\""),
    ] {
        let said = [&format!("m.xml: {range} of {owner} is -1 to -5:")[..], &format!("set {range}[0] and {range}[1]")];
        record(&[&format!("{range}[1]=-5")]).refused(&said);
        record(&[&format!("{range}[1]=nan")]).refused(&[&format!("m.xml: {range} of "), " is NaN"]);
        // On the way from one range to another it may be the wrong way round.
        record(&[&format!("{range}[0]=5"), &format!("{range}[1]=6"), &format!("{range}[0]=-6")]).ok();
        std::fs::remove_file(place.path("out.h5")).expect("it is removed");
    }
    // One that is not in force is nobody's concern.
    place.write(
        "m.xml",
        limits.replace("range=\"-1 1\" actuatorfrcrange", "limited=\"false\" range=\"-1 1\" actuatorfrcrange"),
    );
    record(&["jnt_range[1]=-5"]).ok();
}

/// Narrower than any nudge; a muscle's control is not linear, so that it is nudged.
#[test]
fn ranges_that_are_narrow() {
    let place = Place::new();
    let muscle = "<muscle joint=\"j\" lengthrange=\"0.5 1.5\" ctrlrange=\"0.5 0.5000000001\"/>";
    place.write("m.xml", ball("", muscle));
    for extra in
        [&[][..], &["--engine", "transition-fd"], &["--engine", "whole-step"], &["--set", "actuator_ctrlrange=0.5"]]
    {
        place
            .run(&[&["record", "m.xml", "--episodes", "1", "--steps", "3", "-o", "out.h5", "--force"], extra].concat())
            .ok();
    }
    place
        .run(&["record", "m.xml", "--set", "actuator_ctrlrange[1]=0.2"])
        .refused(&["control \"actuator0\"", "0.5 to 0.2"]);
}

#[test]
fn numbers_that_json_has_not() {
    let place = Place::new();
    place.write("m.xml", ball("", "<motor joint=\"j\"/>").replace("type=\"slide\"", "type=\"slide\" range=\"-1 1\""));
    let record =
        |set: &str| place.run(&["record", "m.xml", "--episodes", "1", "--steps", "3", "-o", "out.h5", "--set", set]);
    for (set, kept) in [("jnt_range[1]=inf", "inf"), ("jnt_range[0]=-inf", "-inf")] {
        record(set).ok();
        // It reads back: to resume, to verify, and for people.
        assert!(record(set).ok().stdout.contains("is there already"));
        place.run(&["verify", "out.h5"]).ok();
        let info = place.run(&["info", "--json", "out.h5"]).ok();
        let info: serde_json::Value = serde_json::from_str(&info.stdout).expect("JSON");
        assert_eq!(info["attributes"]["recipe"]["job"]["task"]["edits"][0]["value"], kept, "{info}");
        std::fs::remove_file(place.path("out.h5")).expect("it is removed");
    }
    for (set, parts) in [
        ("dof_damping=inf", "cannot set dof_damping: inf is not finite"),
        ("body_mass=-inf", "cannot set body_mass: -inf is not finite"),
        ("jnt_range[1]=nan", "jnt_range of joint \"j\" is NaN"),
        ("opt.gravity[0]=inf", "cannot set opt.gravity: inf is not finite"),
    ] {
        record(set).refused(&[parts]);
    }
    // What a sweep notes of it must not keep the sweep from going on.
    let sweep = ["sweep", "Juggler", "--out", "s", "--episodes", "1", "--steps", "2"];
    for set in ["jnt_actfrcrange[1]=inf", "jnt_actfrcrange[1]=-inf"] {
        let args = [&sweep[..], &["--set", set, "--force"]].concat();
        place.run(&args).sane();
        let again = place.run(&args[..args.len() - 1]);
        again.sane();
        assert!(!again.stderr.contains("manifest.json"), "{set}: {}", again.stderr);
    }
}

#[test]
fn threads_without_bound() {
    let place = Place::new();
    place.small("x.h5", &[]).ok();
    place.write("job.toml", "threads = 20000\n").write("sweep.toml", "[record]\nthreads = 20000\n");
    place.write("slurm.toml", "[slurm]\ncpus = 20000\n");
    let said = ["threads is 20000; give at most 1024"];
    for args in [
        &["record", "-o", "y.h5", "--threads", "20000"][..],
        &["record", "-o", "y.h5", "--config", "job.toml"],
        &["merge", "-o", "y.h5", "--threads", "20000"],
        &["sweep", "Juggler", "--threads", "20000"],
        &["sweep", "Juggler", "--config", "sweep.toml"],
        &["sweep", "Juggler", "--dry-run", "--threads", "20000"],
        &["verify", "x.h5", "--threads", "20000"],
        &["analyze", "x.h5", "--threads", "20000"],
        &["report", "x.h5", "--threads", "20000"],
        &["check-jacobian", "--threads", "20000"],
        &["check-jacobian", "--random", "1", "--threads", "20000"],
    ] {
        place.run(args).refused(&said);
    }
    let slurm = ["sweep", "Juggler", "--slurm", "--dry-run", "--config", "slurm.toml"];
    place.run(&slurm).refused(&["cpus: is 20000; give at most 1024"]);
    let mut command = place.command(&["analyze", "x.h5"]);
    command.env("RAYON_NUM_THREADS", "20000");
    place.run_command(command).refused(&["RAYON_NUM_THREADS is 20000; set it to at most 1024"]);
    // As many as may be: they start, and end.
    place.run(&["verify", "x.h5", "--threads", "1024"]).ok();
    place.run(&["analyze", "x.h5", "--threads", "1024"]).ok();
}

#[test]
fn models_by_other_names() {
    let place = Place::new();
    let model = ball("", "<motor joint=\"j\"/>");
    place
        .write("m.txt", &model)
        .write("m.mjb", &model)
        .write("compiled.xml", [&54321_i32.to_le_bytes()[..], &[0; 40]].concat());
    for verb in ["record", "check-jacobian"] {
        place.run(&[verb, "m.txt"]).refused(&["error: m.txt: is a file and no task", "give ./m.txt"]);
    }
    place.run(&["tasks", "digest", "m.txt"]).refused(&["m.txt: is a file and no task"]);
    place.run(&["record", "./m.txt", "--episodes", "1", "--steps", "2", "-o", "out.h5"]).ok();
    for name in ["m.mjb", "compiled.xml"] {
        place.run(&["record", name]).refused(&[&format!("error: {name}: is a compiled model (MJB)"), "MJCF"]);
    }
    place.run(&["record", "nothere.mjb"]).refused(&["nothere.mjb: No such file"]);
}
