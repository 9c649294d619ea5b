//! Tasks of suites beyond Playground are recorded, checked and swept by their full names.

use dynsparse::dataset::Recording;
use dynsparse::dataset::schema::{Axis, Var};
use dynsparse::task::{Assets, suites, tasks_of};
use serde_json::Value;

use crate::common::{Place, vendor};

/// The folder of model files, if those of the suite are there. Where everything must be tested, they are.
fn vendor_with(suite: &str) -> Option<String> {
    let folder = vendor();
    let there = tasks_of(suite).iter().all(|e| Assets::find(Some(folder.as_ref())).has(&e.name));
    let ci = std::env::var("CI").is_ok_and(|v| v == "true");
    assert!(there || !ci, "run `{}`", tasks_of(suite)[0].fetch);
    if !there {
        eprintln!("skipped: no files of {suite} in {folder}");
    }
    there.then_some(folder)
}

#[test]
fn a_task_is_recorded_under_its_full_name_and_verified() {
    let Some(assets) = vendor_with("gymnasium") else { return };
    let place = Place::new();
    let steps = ["--episodes", "2", "--steps", "12", "--assets", &assets];
    place.run(&[&["record", "gymnasium/Hopper-v5"], &steps[..]].concat()).ok();
    let recording = Recording::open(&place.path("gymnasium-Hopper-v5.h5")).unwrap();
    let labels = recording.labels(Axis::Observation).unwrap();
    assert_eq!((labels.len(), labels[0].as_str()), (11, "qpos:rootz"));
    let rewards: Vec<f64> = recording.read(Var::Reward, 0..recording.len(Axis::Step)).unwrap();
    // It hardly moves in its first step, and each step that it stands is worth 1.
    assert!((rewards[0] - 1.0).abs() < 0.5 && rewards.iter().all(|r| r.is_finite()), "{rewards:?}");
    let info = place.run(&["info", "gymnasium-Hopper-v5.h5"]).ok().stdout;
    assert!(info.contains("gymnasium/Hopper-v5"), "{info}");
    place.run(&["verify", "gymnasium-Hopper-v5.h5"]).ok();
}

#[test]
fn a_task_of_playground_is_the_same_by_either_name() {
    let assets = vendor();
    let place = Place::new();
    let digest = |name: &str, file: &str| {
        place.run(&["record", name, "-o", file, "--episodes", "1", "--steps", "3", "--assets", &assets]).ok();
        Recording::open(&place.path(file)).unwrap().text_attribute("content_sha256").unwrap()
    };
    let bare = digest("PendulumSwingup", "a.h5");
    assert_eq!(bare.len(), 64);
    assert_eq!(bare, digest("playground/PendulumSwingup", "b.h5"));
}

#[test]
fn a_sweep_takes_suites_and_patterns_of_full_names() {
    let Some(assets) = vendor_with("gymnasium") else { return };
    let place = Place::new();
    let sweep = |wanted: &[&str]| {
        let more = ["--out", "runs", "--episodes", "1", "--steps", "2", "--assets", &assets];
        place.run(&[&["sweep"], wanted, &more[..]].concat()).ok()
    };
    sweep(&["gymnasium/*Pendulum*", "PendulumSwingup"]);
    let files: Vec<String> = std::fs::read_dir(place.path("runs"))
        .unwrap()
        .filter_map(|e| e.unwrap().file_name().into_string().ok())
        .filter(|name| name.ends_with(".h5") && name != "index.h5")
        .collect();
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(files.contains(&"gymnasium-InvertedPendulum-v5.h5".to_owned()), "{files:?}");
    // Again: everything is there. And other programs find the recordings through the index.
    sweep(&["gymnasium/*Pendulum*", "PendulumSwingup"]);
    let index = hdf5::File::open(place.path("runs/index.h5")).unwrap();
    assert!(index.group("gymnasium-InvertedPendulum-v5").is_ok());
    place.run(&["analyze", "runs"]).ok();

    let wrong = ["sweep", "gymnasium/Nothing*", "--assets", &assets];
    place.run(&wrong).refused(&["no task matches \"gymnasium/Nothing*\""]);
    place.run(&["sweep", "gymnasium/Hoper-v5"]).refused(&["unknown task", "gymnasium/Hopper-v5"]);
}

#[test]
fn every_model_equals_that_of_its_suite() {
    for suite in suites().iter().filter(|s| !s.bare()) {
        let Some(assets) = vendor_with(&suite.name) else { continue };
        let ran = Place::new().run(&["tasks", "check", &suite.name, "--assets", &assets, "--json"]).ok();
        let rows: Value = serde_json::from_str(&ran.stdout).unwrap();
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), suite.tasks.len());
        for row in rows {
            assert_eq!(row["verdict"], "equal", "{row}");
            assert_eq!((&row["arrays"]["equal"], &row["arrays"]["total"]), (&485.into(), &485.into()), "{row}");
        }
    }
}

#[test]
fn suites_are_listed_and_missing_files_have_a_command() {
    let place = Place::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    let listed = place.run(&["tasks", "--assets", "empty"]).ok().stdout;
    for part in ["playground", "gymnasium", "Gymnasium 1.4.0", "`cargo xtask setup --suite gymnasium`", "WalkerRun"] {
        assert!(listed.contains(part), "no {part}: {listed}");
    }
    let one = place.run(&["tasks", "--suite", "gymnasium", "--assets", "empty"]).ok().stdout;
    assert!(one.contains("gymnasium/Ant-v5") && !one.contains("WalkerRun"), "{one}");
    place.run(&["tasks", "--suite", "gymnastics"]).refused(&["no suite \"gymnastics\"", "gymnasium"]);
    let absent = ["gymnasium/Ant-v5: empty/gymnasium", "is missing", "cargo xtask setup --suite gymnasium"];
    place.run(&["record", "gymnasium/Ant-v5", "--assets", "empty"]).refused(&absent);
    place.run(&["record", "gymnasium/Foo-v5"]).refused(&["unknown task \"gymnasium/Foo-v5\""]);
}
