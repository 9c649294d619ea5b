//! A recording holds the files that MuJoCo read, and nothing else, and is made again from them when the originals are gone.

use std::path::Path;

use crate::common::Place;

/// A tetrahedron.
const MESH: &str = "v 0 0 0\nv .1 0 0\nv 0 .1 0\nv 0 0 .1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n";

const URDF: &str = r#"<robot name="r"><mujoco><compiler meshdir="parts" balanceinertia="true"/></mujoco>
    <link name="base"><inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>
    <collision><geometry><mesh filename="a.obj"/></geometry></collision></link>
    <link name="arm"><inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial></link>
    <joint name="j" type="revolute"><parent link="base"/><child link="arm"/><axis xyz="0 1 0"/>
    <limit lower="-1" upper="1" effort="1" velocity="1"/></joint></robot>"#;

/// Writes files of a folder, with what it takes of folders.
fn lay_out(place: &Place, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = place.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// What the recording holds: names, the folder that they lay in where it matters, and the main file.
fn stored(place: &Place) -> (Vec<String>, Option<String>, String) {
    let recording = dynsparse::dataset::Recording::open(&place.path("r.h5")).unwrap();
    let model = recording.model().unwrap();
    (model.files.into_iter().map(|f| f.name).collect(), model.root, model.main)
}

/// Records, takes the originals away and the recording into another folder, and verifies and renders from it alone.
fn is_made_again(place: &Place, main: &str) -> (Vec<String>, Option<String>, String) {
    place.run(&["record", main, "-o", "r.h5", "--episodes", "2", "--steps", "10"]).ok();
    for entry in std::fs::read_dir(place.path("")).unwrap().flatten().filter(|e| e.path().is_dir()) {
        std::fs::remove_dir_all(entry.path()).unwrap();
    }
    assert!(!place.has(main), "the original is there still");
    let verified = place.run(&["verify", "r.h5"]).ok();
    assert!(verified.stdout.contains("every bit agrees"), "{}", verified.stdout);
    let away = Place::new();
    std::fs::copy(place.path("r.h5"), away.path("away.h5")).unwrap();
    away.run(&["verify", "away.h5"]).ok();
    if away.draw(&["render", "away.h5", "-o", "away.png", "--size", "64x48"]).is_some() {
        assert!(away.has("away.png"));
    }
    stored(place)
}

#[test]
fn includes_meshes_and_urdf() {
    let place = Place::new();
    lay_out(&place, &[("robot/r.urdf", URDF), ("robot/parts/a.obj", MESH)]);
    let (files, root, main) = is_made_again(&place, "robot/r.urdf");
    assert_eq!((files, root, main.as_str()), (vec!["parts/a.obj".to_owned(), "r.urdf".to_owned()], None, "r.urdf"));

    // What is no XML to others is to MuJoCo: a comment with more dashes, a document type. A file that nothing reads stays out, and
    // so does one that only a built-in texture names.
    let place = Place::new();
    let main = r#"<!DOCTYPE mujoco><mujoco><!-- a ---- b --><compiler meshdir="../parts"/><include file="more/shared.xml"/>
        <asset><mesh name="b" file="b.obj"/><texture name="t" type="2d" builtin="flat" width="4" height="4" file="secret"/></asset>
        <worldbody><geom type="mesh" mesh="a"/><body><joint/><geom type="mesh" mesh="b"/></body></worldbody></mujoco>"#;
    let shared = r#"<mujocoinclude><asset><mesh name="a" file="a.obj"/></asset></mujocoinclude>"#;
    lay_out(
        &place,
        &[
            ("m/scenes/m.xml", main),
            ("m/scenes/more/shared.xml", shared),
            ("m/parts/a.obj", MESH),
            ("m/parts/b.obj", MESH),
            ("m/parts/unused.obj", MESH),
            ("m/scenes/secret", "token"),
        ],
    );
    let (files, root, main) = is_made_again(&place, "m/scenes/m.xml");
    assert_eq!(files, ["parts/a.obj", "parts/b.obj", "scenes/m.xml", "scenes/more/shared.xml"]);
    assert_eq!((root, main.as_str()), (None, "scenes/m.xml"));
}

#[test]
fn models_that_are_attached_to_others() {
    let place = Place::new();
    let main = r#"<mujoco><asset><model name="arm" file="arms/arm.xml"/></asset><worldbody>
        <frame pos="0 0 1"><attach model="arm" body="upper" prefix="left-"/></frame></worldbody></mujoco>"#;
    let arm = r#"<mujoco><compiler meshdir="shapes"/><asset><mesh name="m" file="a.obj"/></asset><worldbody>
        <body name="upper"><joint name="j"/><geom type="mesh" mesh="m"/></body></worldbody></mujoco>"#;
    lay_out(&place, &[("scene/m.xml", main), ("scene/arms/arm.xml", arm), ("scene/arms/shapes/a.obj", MESH)]);
    let (files, root, main) = is_made_again(&place, "scene/m.xml");
    assert_eq!(files, ["arms/arm.xml", "arms/shapes/a.obj", "m.xml"]);
    assert_eq!((root, main.as_str()), (None, "m.xml"));
}

/// The old path is asked for, and what lies there by then is not taken.
#[test]
fn absolute_paths() {
    let place = Place::new();
    let parts = place.path("parts").canonicalize().unwrap_or_else(|_| place.path("parts"));
    let main = format!(
        r#"<mujoco><compiler meshdir="{}"/><asset><mesh name="a" file="a.obj"/></asset>
        <worldbody><body><joint/><geom type="mesh" mesh="a"/></body></worldbody></mujoco>"#,
        parts.display()
    );
    lay_out(&place, &[("robot/m.xml", &main), ("parts/a.obj", MESH)]);
    let (files, root, _) = is_made_again(&place, "robot/m.xml");
    assert_eq!(files, ["parts/a.obj", "robot/m.xml"]);
    assert_eq!(root.as_deref().map(Path::new), parts.parent());
    lay_out(&place, &[("parts/a.obj", &MESH.replace(".1", ".3"))]);
    place.run(&["verify", "r.h5"]).ok();
}

#[test]
fn paths_with_dots_and_links() {
    let place = Place::new();
    let text = |name: &str| format!(r#"<mujoco><include file="{name}"/></mujoco>"#);
    let body = r#"<mujocoinclude><worldbody><body><joint/><geom size=".1"/></body></worldbody></mujocoinclude>"#;
    lay_out(&place, &[("a/b/m.xml", &text("../inc.xml")), ("a/inc.xml", body), ("c/x", "")]);
    let (files, root, main) = is_made_again(&place, "c/../a/b/m.xml");
    assert_eq!((files, root, main.as_str()), (vec!["b/m.xml".to_owned(), "inc.xml".to_owned()], None, "b/m.xml"));
    #[cfg(unix)]
    {
        let place = Place::new();
        lay_out(&place, &[("a/b/m.xml", &text("inc.xml")), ("a/b/inc.xml", body)]);
        std::os::unix::fs::symlink(place.path("a/b"), place.path("link")).unwrap();
        place.run(&["record", "link/m.xml", "-o", "r.h5", "--episodes", "1", "--steps", "5"]).ok();
        assert_eq!(stored(&place).0, ["inc.xml", "m.xml"]);

        // MuJoCo takes `..` off as text: `meshdir="../meshes"` of proj/robot, a link into store, is proj/meshes.
        let place = Place::new();
        let main = r#"<mujoco><compiler meshdir="../meshes"/><asset><mesh name="a" file="a.obj"/></asset>
            <worldbody><body><joint/><geom type="mesh" mesh="a"/></body></worldbody></mujoco>"#;
        let other = MESH.replace(".1", ".2");
        lay_out(&place, &[("store/k/m.xml", main), ("store/meshes/a.obj", &other), ("proj/meshes/a.obj", MESH)]);
        std::os::unix::fs::symlink(place.path("store/k"), place.path("proj/robot")).unwrap();
        place.run(&["record", "proj/robot/m.xml", "-o", "r.h5", "--episodes", "1", "--steps", "5"]).ok();
        assert_eq!(stored(&place).0, ["meshes/a.obj", "robot/m.xml"]);
        let recording = dynsparse::dataset::Recording::open(&place.path("r.h5")).unwrap();
        assert_eq!(&*recording.model().unwrap().files[0].bytes, MESH.as_bytes());
    }
}

/// A built-in texture takes no file, whatever it names; an included file from elsewhere is named before it is stored, or refused.
#[test]
fn files_from_outside() {
    let place = Place::new();
    let main = r#"<mujoco><compiler meshdir="../meshes"/>
        <asset><texture type="2d" builtin="flat" width="8" height="8" file="../secret/key"/><mesh name="a" file="a.obj"/></asset>
        <include file="../common/arm.xml"/>
        <worldbody><body><joint/><geom type="mesh" mesh="a"/></body></worldbody></mujoco>"#;
    let arm =
        r#"<mujocoinclude><worldbody><body pos="1 0 0"><joint/><geom size=".1"/></body></worldbody></mujocoinclude>"#;
    lay_out(
        &place,
        &[("robot/m.xml", main), ("secret/key", "SECRET"), ("meshes/a.obj", MESH), ("common/arm.xml", arm)],
    );
    let record = ["record", "robot/m.xml", "-o", "r.h5", "--episodes", "1", "--steps", "5"];
    place.run(&[&record[..], &["--no-outside-files"]].concat()).refused(&[
        "robot/m.xml",
        "common/arm.xml",
        "beside it",
    ]);
    assert!(!place.has("r.h5"));
    let ran = place.run(&record).ok();
    assert!(
        ran.stderr.contains("robot/m.xml: the recording will hold files from outside its folder: common/arm.xml ("),
        "{}",
        ran.stderr
    );
    assert_eq!(stored(&place).0, ["common/arm.xml", "meshes/a.obj", "robot/m.xml"]);
    assert!(!std::fs::read(place.path("r.h5")).unwrap().windows(6).any(|bytes| bytes == b"SECRET"));
    // With none of these, nothing is said.
    lay_out(&place, &[("robot/n.xml", &main.replace("../common", ".")), ("robot/arm.xml", arm)]);
    let ran = place
        .run(&["record", "robot/n.xml", "-o", "n.h5", "--episodes", "1", "--steps", "5", "--no-outside-files"])
        .ok();
    assert_eq!(ran.stderr, "");
}

/// Where a file lies is decided past links, and no folder that a model names makes its surroundings a part of it.
#[cfg(unix)]
#[test]
fn links_and_asset_folders_hide_nothing() {
    let body = r#"<worldbody><body><joint/><geom size=".1"/></body></worldbody>"#;
    let secret = format!("<mujoco><!-- hunter2 -->{body}</mujoco>");
    let place = Place::new();
    lay_out(&place, &[("secret/s.xml", &secret), ("secret/t.obj", MESH), ("pub/own/u.obj", MESH)]);
    std::os::unix::fs::symlink("../secret", place.path("pub/link")).unwrap();
    std::os::unix::fs::symlink("own/u.obj", place.path("pub/inside.obj")).unwrap();
    let everything = place.path("").canonicalize().unwrap();
    let everything = everything.to_str().unwrap();
    let mesh = |file: &str| format!(r#"<asset><mesh name="m" file="{file}"/></asset>"#);
    let ways = [
        (r#"<include file="link/s.xml"/>"#.to_owned(), "link/s.xml"),
        (mesh("link/t.obj"), "link/t.obj"),
        (r#"<compiler meshdir=".."/><include file="../secret/s.xml"/>"#.to_owned(), "secret/s.xml"),
        (r#"<compiler assetdir="../secret"/><include file="../secret/s.xml"/>"#.to_owned(), "secret/s.xml"),
        (format!(r#"<compiler meshdir="{everything}"/>{}"#, mesh("secret/t.obj")), "secret/t.obj"),
        (format!(r#"<compiler meshdir="/"/><include file="{everything}/secret/s.xml"/>"#), "secret/s.xml"),
    ];
    for (i, (way, named)) in ways.iter().enumerate() {
        let model = format!("pub/m{i}.xml");
        lay_out(&place, &[(&model, &format!("<mujoco>{way}{body}</mujoco>"))]);
        let record = ["record", &model, "-o", "r.h5", "--episodes", "1", "--steps", "2", "--force"];
        place.run(&[&record[..], &["--no-outside-files"]].concat()).refused(&[&model, named, "outside its folder"]);
        let said = place.run(&record).ok().stderr;
        assert!(said.contains("files from outside its folder") && said.contains(named), "way {i}: {said}");
    }
    lay_out(&place, &[("pub/n.xml", &format!("<mujoco>{}{body}</mujoco>", mesh("inside.obj")))]);
    let own = ["record", "pub/n.xml", "-o", "n.h5", "--episodes", "1", "--steps", "2", "--no-outside-files"];
    assert_eq!(place.run(&own).ok().stderr, "");
}

/// A pipe that nobody writes to gives no end.
#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_not_waited_for() {
    let body = r#"<worldbody><body><joint/><geom size=".1"/></body></worldbody>"#;
    let ways = [
        r#"<asset><mesh name="m" file="pipe"/></asset>"#,
        r#"<include file="pipe"/>"#,
        r#"<asset><texture type="2d" builtin="flat" width="8" height="8" file="pipe"/></asset>"#,
        r#"<asset><hfield name="h" file="/dev/zero" size="1 1 1 1"/></asset>"#,
    ];
    for (i, way) in ways.iter().enumerate() {
        let place = Place::new();
        let way = if i == 0 { way.replace("pipe", "pipe.stl") } else { (*way).to_owned() };
        lay_out(&place, &[("m.xml", &format!("<mujoco>{way}{body}</mujoco>"))]);
        for pipe in ["pipe", "pipe.stl"] {
            assert!(std::process::Command::new("mkfifo").arg(place.path(pipe)).status().unwrap().success());
        }
        let ran = place.run(&["record", "m.xml", "-o", "r.h5", "--episodes", "1", "--steps", "2"]);
        // A built-in texture takes no file, whatever it names.
        if way.contains("builtin") && ran.stderr.is_empty() {
            continue;
        }
        ran.refused(&["m.xml", "no regular file"]);
    }
}

/// What MuJoCo's parser takes, though it is no well-formed XML.
#[test]
fn xml_that_only_mujoco_reads() {
    let arm = r#"<mujoco><worldbody><body name="arm"><joint name="j"/><geom size=".1"/></body></worldbody></mujoco>"#;
    let ways = [
        "<mujoco>\n<!-- ---------- robot ---------- -->\n<include file=\"arm.xml\"/></mujoco>",
        "<!DOCTYPE mujoco [<!ENTITY x \"y\">]>\n<mujoco><include file=\"arm.xml\"/></mujoco>",
        "<mujoco model=\"a&nbsp;b\"><include file=\"arm.xml\"/></mujoco>",
        "<mujoco model=\"a < b\"><include file=\"arm.xml\"/></mujoco>",
    ];
    for (i, main) in ways.iter().enumerate() {
        let place = Place::new();
        lay_out(&place, &[("m/robot.xml", main), ("m/arm.xml", arm)]);
        let (files, ..) = is_made_again(&place, "m/robot.xml");
        assert_eq!(files, ["arm.xml", "robot.xml"], "way {i}");
    }
}

/// A mesh is bytes to others, and no output of the command that reads it.
#[test]
fn a_compiled_model_replaces_none_of_its_own_files() {
    let corners = [[0.0, 0.0, 0.0], [0.1, 0.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 0.1f32]];
    let facet = |face: [usize; 3]| {
        let numbers = [0.0; 3].into_iter().chain(face.into_iter().flat_map(|i| corners[i]));
        numbers.flat_map(f32::to_le_bytes).chain([0, 0]).collect::<Vec<u8>>()
    };
    let facets = [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]].map(facet).concat();
    let mesh = [&[0xff; 80][..], &4_u32.to_le_bytes(), &facets].concat();
    let place = Place::new();
    place.write("t.stl", mesh.clone());
    let model = r#"<mujoco><asset><mesh name="t" file="t.stl"/></asset><worldbody><body><joint axis="0 1 0"/>
        <geom type="mesh" mesh="t" pos=".2 0 0"/></body></worldbody></mujoco>"#;
    place.write("r.xml", model);
    for output in ["t.stl", "./r.xml"] {
        place.run(&["tasks", "compile", "r.xml", "-o", output]).refused(&[output, "is read by this command"]);
    }
    assert!(place.read("t.stl") == mesh && place.read("r.xml") == model.as_bytes());
    place.run(&["tasks", "compile", "r.xml"]).ok();
    assert!(place.has("r.mjb"));
}
