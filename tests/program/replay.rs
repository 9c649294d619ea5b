//! Replaying trajectories from files, with the real binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use dynsparse::dataset::Recording;
use dynsparse::dataset::schema::{Axis, Var};
use dynsparse::flags::StepFlags;
use tempfile::TempDir;

use crate::common::npz::Archive;

/// All that a row holds and the states around it.
const EVERYTHING: [Var; 13] = [
    Var::Time,
    Var::Qpos,
    Var::Qvel,
    Var::Ctrl,
    Var::QaccWarmstart,
    Var::QposNext,
    Var::QvelNext,
    Var::A,
    Var::B,
    Var::Ncon,
    Var::SolverIterations,
    Var::SolverResidual,
    Var::Flags,
];

struct Dir(TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With a recording `own.h5` of the embedded model: 3 episodes of 40 steps.
    fn with_recording() -> Self {
        let dir = Self::new();
        dir.ok(&["record", "--episodes", "3", "--steps", "40", "-o", "own.h5"]);
        dir
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_dynsparse")).args(args).current_dir(self.0.path()).output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    fn refused(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert!(!out.status.success(), "{args:?} went through: {}", String::from_utf8_lossy(&out.stdout));
        String::from_utf8_lossy(&out.stderr).into_owned()
    }

    fn open(&self, name: &str) -> Recording {
        Recording::open(&self.path(name)).unwrap()
    }
}

fn values(recording: &Recording, var: Var) -> Vec<f64> {
    recording.read(var, 0..recording.len(Axis::Step)).unwrap()
}

fn assert_same(a: &Recording, b: &Recording) {
    assert_eq!(a.offsets().unwrap(), b.offsets().unwrap());
    let steps = a.len(Axis::Step);
    assert!(steps > 0);
    for var in EVERYTHING {
        let name = var.spec().name;
        assert!(a.bytes(var, 0..steps).unwrap() == b.bytes(var, 0..steps).unwrap(), "{name} differs");
    }
}

/// An .npz, as numpy.savez would write it.
fn npz(path: &Path, arrays: &[(&str, &[usize], &[f64])], offsets: &[i64]) {
    let mut npz = Archive::create(path);
    for (name, shape, values) in arrays {
        npz.put(name, shape, values);
    }
    npz.put("episode_offsets", &[offsets.len()], offsets);
}

/// A recording's states and controls as an .npz, the controls changed by `change` (row, column, value).
fn exported(own: &Recording, path: &Path, change: impl Fn(usize, usize, f64) -> f64) {
    let steps = own.len(Axis::Step);
    let offsets: Vec<i64> = own.offsets().unwrap().iter().map(|n| *n as i64).collect();
    let names = [("qpos", Var::Qpos), ("qvel", Var::Qvel), ("ctrl", Var::Ctrl), ("qacc_warmstart", Var::QaccWarmstart)];
    let arrays: Vec<(&str, Vec<usize>, Vec<f64>)> = names
        .map(|(name, var)| {
            let (shape, mut data) = (own.shape(var), values(own, var));
            if var == Var::Ctrl {
                for (i, x) in data.iter_mut().enumerate() {
                    *x = change(i / shape[1], i % shape[1], *x);
                }
            }
            (name, shape, data)
        })
        .into_iter()
        .chain([("time", vec![steps], values(own, Var::Time))])
        .collect();
    let borrowed: Vec<(&str, &[usize], &[f64])> = arrays.iter().map(|(n, s, d)| (*n, &s[..], &d[..])).collect();
    npz(path, &borrowed, &offsets);
}

#[test]
fn states_of_a_recording_give_the_same_numbers() {
    let dir = Dir::with_recording();
    dir.ok(&["record", "--replay", "own.h5", "-o", "again.h5"]);
    assert_same(&dir.open("own.h5"), &dir.open("again.h5"));
    dir.ok(&["verify", "again.h5"]);
    // Under another solver the numbers are others: the comparison above can fail.
    dir.ok(&[
        "record",
        "--replay",
        "own.h5",
        "--solver",
        "task",
        "--engine",
        "transition-fd",
        "--eps",
        "1e-4",
        "-o",
        "other.h5",
    ]);
    let (own, other) = (dir.open("own.h5"), dir.open("other.h5"));
    assert_eq!(values(&own, Var::Qpos), values(&other, Var::Qpos));
    assert_ne!(values(&own, Var::A), values(&other, Var::A));
    dir.ok(&["verify", "other.h5"]);
}

#[test]
fn controls_of_a_recording_give_the_same_trajectory() {
    let dir = Dir::with_recording();
    dir.ok(&["record", "--replay", "own.h5", "--replay-with", "controls", "-o", "again.h5"]);
    assert_same(&dir.open("own.h5"), &dir.open("again.h5"));
    dir.ok(&["verify", "again.h5"]);
}

#[test]
fn an_npz_gives_the_same_numbers() {
    let dir = Dir::with_recording();
    let own = dir.open("own.h5");
    exported(&own, &dir.path("own.npz"), |_, _, x| x);
    for with in ["states", "controls"] {
        let again = format!("{with}.h5");
        dir.ok(&["record", "--replay", "own.npz", "--replay-with", with, "-o", &again]);
        assert_same(&own, &dir.open(&again));
        dir.ok(&["verify", &again]);
    }
}

#[test]
fn numpys_own_npz_gives_the_same_numbers() {
    let vendor = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/python");
    let script = "import sys, numpy, h5py\n\
        f = h5py.File('own.h5')\n\
        names = ['qpos', 'qvel', 'ctrl', 'qacc_warmstart', 'time', 'episode_offsets']\n\
        numpy.savez_compressed('own.npz', **{n: f[n][()] for n in names})\n\
        fortran = {n: numpy.asfortranarray(f[n][()]) for n in names}\n\
        numpy.savez('fortran.npz', **fortran)";
    let dir = Dir::with_recording();
    let python = |path: Option<&Path>, code: &str| {
        let mut command = Command::new("python3");
        command.args(["-c", code]).current_dir(dir.0.path());
        if let Some(path) = path {
            command.env("PYTHONPATH", path);
        }
        command.output().is_ok_and(|out| out.status.success())
    };
    let Some(path) = [Some(vendor.as_path()), None].into_iter().find(|p| python(*p, "import numpy, h5py")) else {
        let missing = "no python3 with numpy and h5py: run `cargo xtask setup --python`";
        assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "{missing}");
        eprintln!("skipped: {missing}");
        return;
    };
    assert!(python(path, script), "numpy could not write the files");
    for name in ["own", "fortran"] {
        let (npz, again) = (format!("{name}.npz"), format!("again-{name}.h5"));
        dir.ok(&["record", "--replay", &npz, "-o", &again]);
        assert_same(&dir.open("own.h5"), &dir.open(&again));
    }
}

#[test]
fn groups_as_in_minari_give_the_same_numbers() {
    let dir = Dir::with_recording();
    let own = dir.open("own.h5");
    let offsets = own.offsets().unwrap();
    let file = hdf5::File::create(dir.path("minari.h5")).unwrap();
    for (i, bounds) in offsets.windows(2).enumerate() {
        let rows = bounds[0]..bounds[1];
        let group = file.create_group(&format!("episode_{i}")).unwrap();
        let infos = group.create_group("infos").unwrap();
        let put = |at: &hdf5::Group, name: &str, var: Var, after: Option<Var>| {
            let mut data: Vec<f64> = own.read(var, rows.clone()).unwrap();
            let mut shape = own.shape(var);
            shape[0] = rows.len();
            if let Some(after) = after {
                // One state more than actions: the last one.
                data.extend(own.read::<f64>(after, rows.end - 1..rows.end).unwrap());
                shape[0] += 1;
            }
            at.new_dataset::<f64>().shape(shape).create(name).unwrap().write_raw(&data).unwrap();
        };
        put(&group, "actions", Var::Ctrl, None);
        put(&infos, "qpos", Var::Qpos, Some(Var::QposNext));
        put(&infos, "qvel", Var::Qvel, Some(Var::QvelNext));
        // What stands in the row behind the last action is not used.
        put(&infos, "qacc_warmstart", Var::QaccWarmstart, Some(Var::QaccWarmstart));
        put(&infos, "time", Var::Time, Some(Var::Time));
    }
    file.close().unwrap();
    for with in ["states", "controls"] {
        let again = format!("{with}.h5");
        dir.ok(&["record", "--replay", "minari.h5", "--replay-with", with, "-o", &again]);
        assert_same(&own, &dir.open(&again));
        dir.ok(&["verify", &again]);
    }
}

#[test]
fn controls_out_of_range_are_clamped_and_flagged() {
    let dir = Dir::with_recording();
    // Every fifth row asks for 3 of actuator 0 and for -7 of actuator 4.
    let wild = |row: usize, column: usize, x: f64| match (row % 5, column) {
        (0, 0) => 3.0,
        (0, 4) => -7.0,
        _ => x,
    };
    let own = dir.open("own.h5");
    exported(&own, &dir.path("wild.npz"), wild);
    dir.ok(&["record", "--replay", "wild.npz", "-o", "clamped.h5"]);
    dir.ok(&["verify", "clamped.h5"]);

    let clamped = dir.open("clamped.h5");
    let (steps, nu) = (clamped.len(Axis::Step), clamped.len(Axis::Actuator));
    let flags: Vec<u32> = clamped.read(Var::Flags, 0..steps).unwrap();
    let (before, after, b) = (values(&own, Var::Ctrl), values(&clamped, Var::Ctrl), values(&clamped, Var::B));
    let labels = (clamped.labels(Axis::StateNext).unwrap(), clamped.labels(Axis::Actuator).unwrap());
    for row in 0..steps {
        let touched = row % 5 == 0;
        let both = StepFlags::CTRL_CLAMPED.bits() | StepFlags::CTRL_AT_LIMIT.bits();
        assert_eq!(flags[row] & both, if touched { both } else { 0 }, "row {row}");
        for column in 0..nu {
            let expected = match wild(row, column, before[row * nu + column]) {
                3.0 => 1.0,
                -7.0 => -1.0,
                x => x,
            };
            assert_eq!(after[row * nu + column].to_bits(), f64::to_bits(expected), "row {row}, control {column}");
        }
        // MuJoCo clamps too, so that B at 3 would be zero. At the limit it is one-sided.
        for column in [0, 4] {
            let name = format!("vel:{}", labels.1[column]);
            let own_joint = labels.0.iter().position(|l| *l == name).unwrap();
            let entry = b[(row * labels.0.len() + own_joint) * nu + column];
            assert!(entry.abs() > 1e-3, "row {row}: d {name} / d its motor is {entry}");
        }
    }

    // The same trajectory with the clamped controls: the same numbers, nothing to flag as clamped.
    exported(&own, &dir.path("tame.npz"), |row, column, x| wild(row, column, x).clamp(-1.0, 1.0));
    dir.ok(&["record", "--replay", "tame.npz", "-o", "tame.h5"]);
    let tame = dir.open("tame.h5");
    assert_eq!(values(&tame, Var::B), b);
    assert!(tame.read::<u32>(Var::Flags, 0..steps).unwrap().iter().all(|f| f & StepFlags::CTRL_CLAMPED.bits() == 0));
}

#[test]
fn episodes_and_steps_limit_a_replay() {
    let dir = Dir::with_recording();
    let own = dir.open("own.h5");
    for with in ["states", "controls"] {
        let out = format!("{with}.h5");
        dir.ok(&["record", "--replay", "own.h5", "--replay-with", with, "--episodes", "2", "--steps", "7", "-o", &out]);
        let part = dir.open(&out);
        assert_eq!(part.offsets().unwrap(), [0, 7, 14]);
        for (to, from) in [(0..7, 0..7), (7..14, 40..47)] {
            for var in EVERYTHING {
                let same = part.bytes(var, to.clone()).unwrap() == own.bytes(var, from.clone()).unwrap();
                assert!(same, "{with}: {} of rows {to:?}", var.spec().name);
            }
        }
        dir.ok(&["verify", &out]);
    }
    // More than there is: all there is.
    dir.ok(&["record", "--replay", "own.h5", "--episodes", "99", "--steps", "99", "-o", "all.h5"]);
    assert_same(&own, &dir.open("all.h5"));
}

#[test]
fn a_replay_file_that_changed_is_noticed() {
    let dir = Dir::with_recording();
    let own = dir.open("own.h5");
    exported(&own, &dir.path("a.npz"), |_, _, x| x);
    let all = ["record", "--replay", "a.npz", "-o", "out.h5"];
    dir.ok(&["record", "--replay", "a.npz", "-o", "out.h5", "--shard", "1/2"]);
    let unchanged = std::fs::read(dir.path("a.npz")).unwrap();

    exported(&own, &dir.path("a.npz"), |row, _, x| if row == 100 { 0.5 } else { x });
    let message = dir.refused(&all);
    assert!(message.contains("sha256") && message.contains("--force"), "{message}");
    assert!(!dir.path("out.h5").exists());

    // The old file goes on from the half that is there, and is then recognised as done.
    std::fs::write(dir.path("a.npz"), unchanged).unwrap();
    dir.ok(&all);
    assert_same(&own, &dir.open("out.h5"));
    let text = dir.ok(&all);
    assert!(text.contains("already"), "{text}");

    exported(&own, &dir.path("a.npz"), |row, _, x| if row == 100 { 0.5 } else { x });
    let message = dir.refused(&all);
    assert!(message.contains("sha256"), "{message}");
    assert_same(&own, &dir.open("out.h5"));
}
