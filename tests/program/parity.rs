//! `dynsparse tasks check` and `dynsparse tasks digest`: models equal Playground's, and a difference is named.

use std::path::Path;

use dynsparse::task::{Assets, playground};
use serde_json::Value;

use crate::common::{self, Place, vendor};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// The digest of the embedded model, which needs no file.
fn juggler(place: &Place) -> Value {
    json(&place.run(&["tasks", "digest", "Juggler", "--json"]).ok().stdout)
}

#[test]
fn every_model_equals_playgrounds() {
    let folder = vendor();
    let assets = Assets::find(Some(folder.as_ref()));
    let (present, missing): (Vec<&str>, Vec<&str>) =
        playground().iter().map(|e| e.name.as_str()).partition(|name| assets.has(name));
    common::complete(&missing);
    let args = [&["tasks", "check", "--assets", &folder, "--json"], &present[..]].concat();
    let ran = Place::new().run(&args);
    let rows = json(&ran.stdout);
    let rows = rows.as_array().expect("a list");
    assert_eq!(rows.len(), present.len());
    for row in rows {
        let verdict = row["verdict"].as_str().unwrap_or_default();
        assert!(verdict.starts_with("equal"), "{row}");
        assert!(row["differences"].as_array().is_some_and(Vec::is_empty), "{row}");
        // A model from files in another folder keeps the paths of these, and nothing else, for itself.
        let compared = if row["moved"].is_null() { 485 } else { 480 };
        assert_eq!((&row["arrays"]["equal"], &row["arrays"]["total"]), (&compared.into(), &compared.into()), "{row}");
    }
    ran.ok();
}

/// One number of the file makes another model.
#[test]
fn a_changed_number_in_a_model_file_is_found() {
    let place = Place::new();
    let suite = "playground/dm_control_suite/xmls";
    let from = Path::new(&vendor()).join(suite);
    std::fs::create_dir_all(place.path(suite).join("common")).unwrap();
    for entry in std::fs::read_dir(from.join("common")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, place.path(suite).join("common").join(path.file_name().unwrap())).unwrap();
        }
    }
    let text = std::fs::read_to_string(from.join("pendulum.xml")).unwrap();
    let check = ["tasks", "check", "PendulumSwingup", "--assets", "."];
    place.write(&format!("{suite}/pendulum.xml"), &text);
    let ran = place.run(&check).ok();
    assert!(ran.stdout.contains("1 of 1 models equal what Playground 0.2.0 has."), "{}", ran.stdout);

    let changed = text.replace("mass=\"1\"", "mass=\"1.0000001\"");
    assert_ne!(changed, text, "pendulum.xml has no mass of 1");
    place.write(&format!("{suite}/pendulum.xml"), changed);
    let ran = place.run(&check);
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("PendulumSwingup differs in arrays.body_mass"), "{}", ran.stdout);
    assert!(ran.stdout.contains("0 of 1 models equal"), "{}", ran.stdout);
}

#[test]
fn missing_files_are_said_and_fail() {
    let place = Place::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    let ran = place.run(&["tasks", "check", "WalkerRun", "--assets", "empty"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stdout.contains("no files") && ran.stdout.contains("cargo xtask setup"), "{}", ran.stdout);
}

#[test]
fn a_reference_of_ones_own() {
    let place = Place::new();
    let digest = juggler(&place);
    assert_eq!(digest["arrays"].as_object().map(serde_json::Map::len), Some(485));
    std::fs::create_dir(place.path("ref")).unwrap();
    place.write("ref/Juggler.json", digest.to_string());
    let check = ["tasks", "check", "Juggler", "--reference", "ref"];
    let ran = place.run(&check).ok();
    assert!(ran.stdout.contains("485/485") && ran.stdout.contains("1 of 1 models equal"), "{}", ran.stdout);
    // Without a name, what the folder has.
    place.run(&["tasks", "check", "--reference", "ref"]).refused(&["ref", "no file of any task"]);

    let mut doctored = digest.clone();
    doctored["arrays"]["dof_damping"]["sha256"] = "0".repeat(64).into();
    place.write("ref/Juggler.json", doctored.to_string());
    let ran = place.run(&check);
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stdout.contains("Juggler differs in arrays.dof_damping"), "{}", ran.stdout);
    assert!(ran.stdout.lines().all(|l| l.chars().count() <= 80), "{}", ran.stdout);
    let rows = json(&place.run(&[&check[..], &["--json"]].concat()).stdout);
    assert_eq!(
        (&rows[0]["verdict"], &rows[0]["differences"][0]["field"]),
        (&"differs".into(), &"arrays.dof_damping".into())
    );
}

#[test]
fn a_bad_reference_is_refused_in_one_line() {
    let place = Place::new();
    let digest = juggler(&place);
    std::fs::create_dir(place.path("ref")).unwrap();
    let check = ["tasks", "check", "Juggler", "--reference", "ref"];
    place.run(&check).refused(&["ref/Juggler.json", "No such file"]);
    place.write("ref/Juggler.json", "{ \"task\": ");
    place.run(&check).refused(&["ref/Juggler.json", "is not JSON", "line 1"]);
    place.write("ref/Juggler.json", "[1, 2]");
    place.run(&check).refused(&["ref/Juggler.json", "no digest"]);
    place.write("ref/Juggler.json", digest.to_string().replace("\"Juggler\"", "\"WalkerRun\""));
    place.run(&check).refused(&["ref/Juggler.json", "digest of WalkerRun, not of Juggler"]);
    let mut bare = digest.clone();
    bare.as_object_mut().unwrap().remove("arrays");
    place.write("ref/Juggler.json", bare.to_string());
    place.run(&check).refused(&["ref/Juggler.json", "no \"arrays\"", "tasks digest Juggler --json"]);
    let mut odd = digest;
    odd["arrays"]["qpos0"] = 3.into();
    place.write("ref/Juggler.json", odd.to_string());
    place.run(&check).refused(&["ref/Juggler.json", "arrays.qpos0"]);

    place.run(&["tasks", "check", "Juggler"]).refused(&["Juggler", "--reference"]);
    place.run(&["tasks", "check", "Juggler", "--reference", "nowhere"]).refused(&["nowhere", "no folder"]);
    place.run(&["tasks", "check", "WalkerRum"]).refused(&["WalkerRum", "did you mean"]);
    place.run(&["tasks", "digest", "WalkerRum"]).refused(&["WalkerRum", "did you mean"]);
    place.run(&["tasks", "digest", "gone.xml"]).refused(&["gone.xml", "No such file"]);
}

#[test]
fn the_digest_of_an_mjcf_file() {
    let place = Place::new();
    place.write("ball.xml", "<mujoco><worldbody><body><freejoint/><geom size='.1'/></body></worldbody></mujoco>");
    let ran = place.run(&["tasks", "digest", "ball.xml"]).ok();
    assert!(ran.stdout.starts_with("ball, MuJoCo 3.17.0\n") && ran.stdout.contains("nq 7, nv 6"), "{}", ran.stdout);
    let digest = json(&place.run(&["tasks", "digest", "ball.xml", "--json"]).ok().stdout);
    assert_eq!(digest["arrays"]["body_pos"]["shape"], json("[2, 3]"));
    // The bytes of (0, 0, 0) twice.
    let zeros = dynsparse::seal::sha256_hex(&[0; 48]);
    assert_eq!(digest["arrays"]["body_pos"]["sha256"], Value::from(zeros));
    assert_eq!(digest["names"]["joint"], json("[null]"));
    assert!(digest.get("playground").is_none());
}

/// What is written is the model that is recorded: its digest is that of the task, and the same name is written again.
#[test]
fn a_compiled_model_is_that_of_the_task() {
    let place = Place::new();
    let ran = place.run(&["tasks", "compile", "Juggler"]).ok();
    assert!(ran.stdout.starts_with("Juggler.mjb: the model of Juggler for MuJoCo 3.17.0, "), "{}", ran.stdout);
    let bytes = std::fs::read(place.path("Juggler.mjb")).unwrap();
    let model = dynsparse::physics::Model::from_mjb("Juggler.mjb", &bytes).unwrap();
    let digest = json(&place.run(&["tasks", "digest", "Juggler", "--json"]).ok().stdout);
    assert_eq!(digest["mjb"]["bytes"], bytes.len());
    assert_eq!(digest["mjb"]["sha256"], dynsparse::seal::sha256_hex(&bytes));

    let again = json(&place.run(&["tasks", "compile", "Juggler", "--json", "-o", "Juggler.mjb"]).ok().stdout);
    assert_eq!((&again["task"], &again["file"]), (&"Juggler".into(), &"Juggler.mjb".into()));
    assert_eq!(again["timestep"], model.timestep());
    assert!(again["substeps"].as_u64().unwrap() > 1, "{again}");

    place.write("page.txt", "words");
    place.run(&["tasks", "compile", "Juggler", "-o", "page.txt"]).refused(&["page.txt", "does not replace"]);
    place.run(&["tasks", "compile", "WalkerRum"]).refused(&["WalkerRum", "did you mean"]);
    place.write("ball.xml", "<mujoco><worldbody><body><freejoint/><geom size='.1'/></body></worldbody></mujoco>");
    place.run(&["tasks", "compile", "ball.xml", "-o", "ball.xml"]).refused(&["ball.xml", "is read by this command"]);
    place.run(&["tasks", "compile", "ball.xml"]).ok();
    assert!(place.path("ball.mjb").is_file());
}
