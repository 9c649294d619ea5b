//! Recordings as data sets of other libraries.

use crate::common::Place;
use crate::common::python::Python;

const CHECK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/check_export.py");

fn checked_minari(place: &Place, recording: &str, folder: &str) {
    let Some(python) = Python::find() else { return };
    let mut command = python.command();
    command.arg(CHECK).arg(place.path(recording)).arg("--minari").arg(place.path(folder));
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success() && said.ends_with("all good\n"), "{said}{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn minari_has_what_was_recorded() {
    let place = Place::new();
    place.small("a.h5", &["--sensors"]).ok();
    let ran = place.run(&["export", "a.h5", "--to", "minari", "-o", "sets/own/juggler-v0"]).ok();
    assert_eq!(ran.stdout, "sets/own/juggler-v0: 3 episodes, 120 steps\n  the task has no reward: rewards are NaN\n");
    checked_minari(&place, "a.h5", "sets/own/juggler-v0");
    let about = String::from_utf8(place.read("sets/own/juggler-v0/data/metadata.json")).unwrap();
    let about: serde_json::Value = serde_json::from_str(&about).unwrap();
    assert_eq!(about["dataset_id"], "own/juggler-v0");
    // The same bytes again, from a recording that keeps verdicts only too.
    place.run(&["export", "a.h5", "--to", "minari", "-o", "again-v0", "--name", "own/juggler-v0"]).ok();
    for file in ["data/metadata.json", "data/main_data.hdf5"] {
        assert!(
            place.read(&format!("again-v0/{file}")) == place.read(&format!("sets/own/juggler-v0/{file}")),
            "{file}"
        );
    }
    place.small("masks.h5", &["--store", "masks"]).ok();
    place.run(&["export", "masks.h5", "--to", "minari", "-o", "masks-v0"]).ok();
    checked_minari(&place, "masks.h5", "masks-v0");
}

/// A model that nothing acts on, and one whose episodes end early.
#[test]
fn what_has_no_controls_or_no_steps() {
    let place = Place::new();
    let model =
        |body: &str| format!("<mujoco><worldbody><body><joint axis='0 1 0'/>{body}</body></worldbody></mujoco>");
    place.write("free.xml", model("<geom size='.1' pos='.3 0 0'/>"));
    place.run(&["record", "free.xml", "--policy", "zero", "--episodes", "2", "--steps", "5", "-o", "free.h5"]).ok();
    place.run(&["export", "free.h5", "--to", "minari", "-o", "free-v0"]).ok();
    checked_minari(&place, "free.h5", "free-v0");
    if cfg!(feature = "parquet") {
        let ran = place.run(&["export", "free.h5", "--to", "lerobot", "-o", "free"]);
        ran.refused(&["free.h5: has no controls", "export it as minari"]);
        let named = place.run(&["export", "free.h5", "--to", "lerobot", "-o", "free", "--name", "a/b-v0"]);
        named.refused(&["--name", "leave it out"]);
    }
}

#[test]
fn what_cannot_be_exported() {
    let place = Place::new();
    place.small("a.h5", &[]).ok();
    std::fs::create_dir(place.path("full")).unwrap();
    place.write("full/note", "mine").write("text.h5", "no recording");
    let minari = |file, folder| ["export", file, "--to", "minari", "-o", folder, "--name", "a/b-v0"];
    place.run(&minari("a.h5", "full")).refused(&["full: is not empty"]);
    place.run(&minari("a.h5", "gone/..")).refused(&["gone/..", "not the name of a folder"]);
    place.run(&minari("a.h5", "full/note")).refused(&["full/note"]);
    place.run(&minari("gone.h5", "new")).refused(&["gone.h5"]);
    place.run(&minari("text.h5", "new")).refused(&["text.h5"]);
    for name in ["cheetah", "a/-v0", "a b-v0", "a//b-v0", "a-v", "a-v1x", "a\nb-v0"] {
        place
            .run(&["export", "a.h5", "--to", "minari", "-o", "new", "--name", name])
            .refused(&["--name", "cheetah-v0"]);
    }
    place.run(&["export", "a.h5", "--to", "minari", "-o", "new"]).refused(&["--output: \"new\"", "--name"]);
    place.run(&["export", "a.h5", "--to", "zarr", "-o", "new"]).usage(&["zarr"]);
    std::fs::create_dir(place.path("empty-v1")).unwrap();
    place.run(&["export", "a.h5", "--to", "minari", "-o", "empty-v1/."]).ok();
    assert!(place.has("empty-v1/data/metadata.json"));
}

#[cfg(feature = "parquet")]
mod lerobot {
    use std::fs::File;

    use dynsparse::dataset::Recording;
    use dynsparse::dataset::schema::Var;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field, Row};

    use super::*;

    fn rows(place: &Place, file: &str) -> Vec<Row> {
        let reader = SerializedFileReader::new(File::open(place.path(file)).unwrap()).unwrap();
        reader.get_row_iter(None).unwrap().map(Result::unwrap).collect()
    }

    fn field<'a>(row: &'a Row, name: &str) -> &'a Field {
        row.get_column_iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no {name}")).1
    }

    /// The numbers of a cell, of whatever depth.
    fn numbers(field: &Field) -> Vec<f64> {
        match field {
            Field::ListInternal(list) => list.elements().iter().flat_map(numbers).collect(),
            Field::Double(x) => vec![*x],
            Field::Float(x) => vec![(*x).into()],
            Field::Long(x) => vec![*x as f64],
            Field::UByte(x) => vec![(*x).into()],
            Field::Bool(x) => vec![u8::from(*x).into()],
            other => panic!("{other}"),
        }
    }

    #[test]
    fn lerobot_has_what_was_recorded() {
        let place = Place::new();
        place.small("a.h5", &[]).ok();
        let ran = place.run(&["export", "a.h5", "--to", "lerobot", "-o", "set"]).ok();
        assert!(ran.stdout.starts_with("set: 3 episodes, 120 steps\n"), "{}", ran.stdout);
        let recording = Recording::open(&place.path("a.h5")).unwrap();
        let found = rows(&place, "set/data/chunk-000/file-000.parquet");
        assert_eq!(found.len(), 120);
        for (k, row) in found.iter().enumerate() {
            let of = |name: &str| numbers(field(row, name));
            let read = |var: Var| recording.read::<f64>(var, k..k + 1).unwrap();
            for (name, var) in [("qpos", Var::Qpos), ("ctrl", Var::Ctrl), ("A", Var::A), ("B", Var::B)] {
                assert_eq!(of(&format!("dynsparse.{name}")), read(var), "{name} of row {k}");
            }
            let verdicts: Vec<f64> =
                recording.bytes(Var::AZero, k..k + 1).unwrap().into_iter().map(f64::from).collect();
            assert_eq!(of("dynsparse.A_zero"), verdicts);
            let state: Vec<f64> =
                [read(Var::Qpos), read(Var::Qvel)].concat().iter().map(|x| f64::from(*x as f32)).collect();
            assert_eq!(of("observation.state"), state);
            let step = k % 40;
            assert_eq!(of("frame_index"), [step as f64]);
            assert_eq!(of("episode_index"), [(k / 40) as f64]);
            assert_eq!(of("next.done"), [f64::from(u8::from(step == 39))]);
        }
        let Field::ListInternal(matrix) = field(&found[0], "dynsparse.B") else { panic!("no matrix") };
        assert_eq!((matrix.len(), numbers(&matrix.elements()[0]).len()), (18, 6));
        let episodes = rows(&place, "set/meta/episodes/chunk-000/file-000.parquet");
        let bounds: Vec<Vec<f64>> = episodes.iter().map(|e| numbers(field(e, "dataset_to_index"))).collect();
        assert_eq!(bounds, [[40.0], [80.0], [120.0]]);
        let json = |name: &str| -> serde_json::Value {
            serde_json::from_slice(&place.read(&format!("set/meta/{name}.json"))).unwrap()
        };
        let (info, stats) = (json("info"), json("stats"));
        assert_eq!(info["features"]["dynsparse.B"]["shape"], serde_json::json!([18, 6]));
        assert_eq!(info["features"]["next.done"]["dtype"], "bool");
        let columns: std::collections::BTreeSet<&str> = found[0].get_column_iter().map(|(n, _)| n.as_str()).collect();
        assert!(info["features"].as_object().unwrap().keys().map(String::as_str).eq(columns), "{info}");
        let first = recording.read::<f64>(Var::Ctrl, 0..120).unwrap().chunks(6).map(|row| row[0]).collect::<Vec<_>>();
        let mean = stats["dynsparse.ctrl"]["mean"][0].as_f64().unwrap();
        assert!((mean - first.iter().sum::<f64>() / 120.0).abs() < 1e-12, "{mean}");
        // What is written is what `record --log` reads.
        let said = place.run(&["replay-map", "set", "free.xml"]);
        assert!(said.stderr.contains("free.xml"), "the data set was read, the model is not there: {}", said.stderr);
    }
}
