//! References of the catalogue's models, and how differences are told.

use serde_json::json;

use super::reference::Reference;
use super::*;
use crate::physics::ModelSource;

#[test]
fn every_task_of_the_catalogue_has_a_reference_of_every_array() {
    for entry in catalogue::catalogue() {
        let reference = Reference::builtin(&entry.name).unwrap_or_else(|| panic!("{}", entry.name));
        let arrays = reference.leaves.keys().filter(|k| k.starts_with("arrays.")).count();
        assert_eq!((reference.mujoco.as_str(), arrays), ("3.17.0", 485), "{}", entry.name);
        let timing = if entry.collection == "playground" { "playground" } else { "suite" };
        let path = json!(xml_path(&entry.recipe().xml, timing == "playground"));
        assert_eq!(reference.leaves[&format!("{timing}.xml_path")], path, "{}", entry.name);
    }
    assert!(Reference::builtin("Juggler").is_none());
}

#[test]
fn the_digest_is_of_the_model_as_its_file_says() {
    // The program turns auto-reset off for itself; bit 15 of disableflags.
    for (flag, bit) in [("enable", false), ("disable", true)] {
        let text = format!(r#"<mujoco><option><flag autoreset="{flag}"/></option></mujoco>"#);
        let digest = ModelSource::text("m.xml", &text).load().unwrap().digest().unwrap();
        let flags = digest.opt.0.iter().find(|(name, _)| *name == "disableflags").unwrap().1.as_i64().unwrap();
        assert_eq!(flags != 0, bit, "{flag}: {flags}");
    }
}

#[test]
fn a_file_is_a_reference_again_and_differences_are_named() {
    let task = Task::embedded();
    let (model, digest) = task.digest().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("Juggler.json");
    let mut tree = serde_json::to_value(&digest).unwrap();
    let compared = |tree: &serde_json::Value| {
        std::fs::write(&path, tree.to_string()).unwrap();
        compare(&model, &digest, &Reference::read(&path, "Juggler").unwrap())
    };
    let same = compared(&tree);
    assert!(same.equal() && same.arrays == (485, 485) && same.moved.is_none(), "{same:?}");

    // What a maker could not see is told apart from what differs.
    tree["vis"]["rgba"]["bv"] = json!([]);
    let partly = compared(&tree);
    assert!(partly.equal() && partly.unseen == ["vis.rgba.bv"], "{partly:?}");

    tree["arrays"]["geom_size"]["sha256"] = json!("0".repeat(64));
    tree["opt"]["timestep"] = json!(0.123);
    tree["arrays"].as_object_mut().unwrap().remove("jnt_range");
    tree["names"]["joint"][0] = json!("another");
    tree["arrays"]["new_array"] = json!({"dtype": "int32", "shape": [1], "sha256": "0".repeat(64)});
    let other = compared(&tree);
    let fields: Vec<&str> = other.differences.iter().map(|d| d.field.as_str()).collect();
    assert_eq!(fields, ["arrays.jnt_range", "arrays.geom_size", "arrays.new_array", "names.joint", "opt.timestep"]);
    assert_eq!(other.arrays, (483, 486));
    assert_eq!(other.differences[0].reference, None);
    assert_eq!(other.differences[2].ours, None);
    assert_eq!(other.differences[4].reference.as_deref(), Some("0.123"));
}

/// A model of two meshes whose files lie in `folder`.
fn meshes(folder: &str) -> Task {
    const STL: &str = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n";
    let text = format!(
        r#"<mujoco><asset><mesh name="a" file="{folder}a.obj"/><mesh name="b" file="{folder}longer.obj"/></asset>
        <worldbody><geom type="mesh" mesh="a"/><geom type="mesh" mesh="b"/></worldbody></mujoco>"#
    );
    let files = [("m.xml", text.as_str()), ("a.obj", STL), ("longer.obj", STL)];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().into())).into();
    Task::from_parts(Task::embedded().spec, ModelSource::Memory { main: "m.xml".to_owned(), files })
}

#[test]
fn files_in_another_folder_are_told_from_other_files() {
    let digest = |folder: &str| {
        let task = meshes(folder);
        let model = task.source.load().unwrap();
        let digest = TaskDigest {
            task: "m".to_owned(),
            model: model.digest().unwrap(),
            playground: None,
            suite: None,
            missing_in_python_binding: [],
        };
        (model, digest)
    };
    let reference = |digest: &TaskDigest| Reference {
        mujoco: digest.model.mujoco.clone(),
        leaves: super::reference::leaves(&serde_json::to_value(digest).unwrap()).unwrap(),
    };
    let ((model, near), (_, far)) = (digest(""), digest("some/folder/"));
    let compared = compare(&model, &near, &reference(&far));
    assert!(compared.equal() && compared.moved == Some(12), "{compared:?}");

    // Paths that grew by as much in all, but not each by the same: other files.
    let mut odd = reference(&far);
    odd.leaves.insert("arrays.mesh_pathadr".to_owned(), json!(format!("int32[2] {}", "0".repeat(64))));
    let compared = compare(&model, &near, &odd);
    assert_eq!(compared.moved, None);
    assert!(compared.differences.iter().any(|d| d.field == "arrays.paths"), "{compared:?}");
}
