//! Recordings open in Python with h5py and with xarray, and the example for users works.
//!
//! `cargo xtask setup --python` fetches the packages. Without them these tests say that they are skipped;
//! in CI that is a failure.

use std::path::Path;
use std::process::{Command, Output};

use dynsparse::task::Assets;

use crate::common::python::Python;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn checked(out: Output, what: &str) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(out.status.success(), "{what}: {}{}", text(&out.stdout), text(&out.stderr));
    text(&out.stdout)
}

/// Records 3 episodes of 150 steps and opens them with everything.
fn round(args: &[&str], sensors: bool) {
    let Some(python) = Python::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.h5");
    let record = Command::new(env!("CARGO_BIN_EXE_dynsparse"))
        .arg("record")
        .args(args)
        .args(["--episodes", "3", "--steps", "150", "-o"])
        .arg(&file)
        .output()
        .unwrap();
    checked(record, "record");

    let check = root().join("tests/python/check.py");
    let kind = if sensors { "sensors" } else { "plain" };
    let out = python.command().arg(check).arg(&file).args(["3", "150", kind]).output().unwrap();
    assert!(checked(out, "check.py").ends_with("all good\n"));

    let example = root().join("examples/read_recording.py");
    let shown = checked(python.command().arg(example).arg(&file).output().unwrap(), "read_recording.py");
    for part in ["450 steps", "episode 2: steps 300 to 450, completed", "d vel / d pos", "below 1e-7", "contacts:"] {
        assert!(shown.contains(part), "{part} is not in:\n{shown}");
    }

    let digests = root().join("examples/digest.py");
    let shown = checked(python.command().arg(digests).arg(&file).output().unwrap(), "digest.py");
    assert_eq!(shown.matches("as recorded").count(), 4, "{shown}");
}

#[test]
fn the_embedded_model_with_sensors_opens() {
    round(&["--sensors"], true);
}

#[test]
fn a_task_of_playground_opens() {
    if Assets::find(None).has("CheetahRun") {
        round(&["CheetahRun"], false);
    } else {
        assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "run `cargo xtask setup`");
        eprintln!("skipped: no files of CheetahRun; run `cargo xtask setup`");
    }
}

/// Python writes such numbers otherwise than the recipe does.
#[test]
fn the_digest_of_a_recipe_with_a_small_number_is_found() {
    let Some(python) = Python::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.h5");
    let mut record = Command::new(env!("CARGO_BIN_EXE_dynsparse"));
    record.args(["record", "--policy", "gaussian", "--scale", "1.4e-6", "--episodes", "1", "--steps", "3", "-o"]);
    checked(record.arg(&file).output().unwrap(), "record");
    let out = python.command().arg(root().join("examples/digest.py")).arg(&file).output().unwrap();
    assert_eq!(checked(out, "digest.py").matches("as recorded").count(), 2);
}

/// The lines of the chapter on sweeps.
#[test]
fn the_index_of_a_sweep_opens() {
    let Some(python) = Python::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut sweep = Command::new(env!("CARGO_BIN_EXE_dynsparse"));
    sweep.args(["sweep", "Juggler", "--episodes", "2", "--steps", "5", "--out", "s"]).current_dir(dir.path());
    checked(sweep.output().unwrap(), "sweep");
    let code = r#"
import h5py, xarray as xr
tasks = xr.open_dataset("s/index.h5", engine="h5netcdf")
one = tasks.sel(task="Juggler")
assert (int(one.episodes), int(one.steps), int(one.nv)) == (2, 10, 9), one
assert str(one.suite.values) == "embedded" and tasks.timestep.attrs["units"] == "s"
a = h5py.File("s/index.h5")["Juggler/A"]
assert (a[...] == xr.open_dataset("s/Juggler.h5", engine="h5netcdf").A.values).all()
"#;
    checked(python.command().args(["-c", code]).current_dir(dir.path()).output().unwrap(), "the index");
}

#[test]
fn all_examples_are_valid_python() {
    let Some(python) = Python::find() else { return };
    for name in ["read_recording.py", "torch_dataset.py", "figure3.py"] {
        let code = "import sys; compile(open(sys.argv[1], encoding='utf-8').read(), sys.argv[1], 'exec')";
        let path = root().join("examples").join(name);
        checked(python.command().args(["-c", code]).arg(path).output().unwrap(), name);
    }
}
