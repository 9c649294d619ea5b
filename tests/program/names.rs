//! Names are whatever their author has put there: nothing of them reaches a terminal that it would obey, and no figure
//! fails for it.

use dynsparse::dataset::Recording;
use dynsparse::dataset::schema::Axis;
use hdf5::types::VarLenUnicode;

use crate::common::{Place, Ran, open_to_change};

/// What a terminal obeys, or what turns the text behind it.
const HIDDEN: [char; 6] = ['\x1b', '\x07', '\r', '\u{7f}', '\u{9b}', '\u{202e}'];

/// A model whose names clear the screen, begin a line, ring and turn.
const MODEL: &str = "<mujoco><worldbody><geom name=\"floor&#27;[31m\" type=\"plane\" size=\"1 1 1\"/>\
    <body name=\"b&#7;\" pos=\"0 0 .15\"><joint name=\"a&#27;[2Jb\" type=\"slide\" axis=\"0 0 1\" damping=\"1\"/>\
    <geom name=\"g&#x202e;x\" size=\".1\"/></body></worldbody>\
    <actuator><motor name=\"m&#10;error: forged&#x9b;\" joint=\"a&#27;[2Jb\"/></actuator>\
    <sensor><jointpos name=\"s&#127;\" joint=\"a&#27;[2Jb\"/></sensor></mujoco>";

#[track_caller]
fn shown(ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        let found = text.chars().find(|c| HIDDEN.contains(c));
        assert!(found.is_none(), "{}: {found:?} in {text:?}", ran.what);
        assert!(!text.contains("\nerror: forged"), "{}: {text:?}", ran.what);
    }
}

#[test]
fn of_a_model() {
    let place = Place::new();
    let name = "gnp.\u{202e}\x1b[2J.xml";
    place.write(name, MODEL);
    let file = format!("./{name}");
    let record =
        ["record", &file, "--episodes", "2", "--steps", "60", "--substeps", "3", "--sensors", "-v", "-o", "x.h5"];
    shown(&place.run(&record).ok());
    let labels = |axis: Axis| Recording::open(&place.path("x.h5")).unwrap().labels(axis).unwrap();
    assert_eq!(labels(Axis::Dof), ["a\\u001b[2Jb"]);
    assert_eq!(labels(Axis::Actuator), ["m\\u000aerror: forged\\u009b"]);
    shown(&place.run(&["verify", "x.h5"]).ok());
    shown(&place.run(&["info", "x.h5"]).ok());
    let json = place.run(&["info", "x.h5", "--json"]).ok();
    shown(&json);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["attributes"]["task"], "gnp.\\u202e\\u001b[2J");
    shown(&place.run(&["analyze", "x.h5"]).ok());
    let page = ["report", "x.h5", "-o", "r.html", "--figures", "figures"];
    shown(&place.run(&page).ok());
    let files = place.listing();
    assert!(files.keys().any(|k| k.extension().is_some_and(|e| e == "png")), "no PNG");
    for (file, bytes) in &files {
        if file.extension().is_some_and(|e| e == "html" || e == "svg" || e == "csv") {
            let text = String::from_utf8_lossy(bytes);
            let found = text.chars().find(|c| HIDDEN.contains(c));
            assert!(found.is_none(), "{}: {found:?}", file.display());
        }
    }
    // Errors with such names, and a field of such an object.
    shown(&place.run(&["record", &file, "--set", "dof_damping@a\x1b[2Jb=nan", "-o", "y.h5"]).refused(&["dof_damping"]));
    shown(&place.run(&[
        "record",
        &file,
        "--set",
        "actuator_forcelimited=1",
        "--set",
        "actuator_forcerange[1]=-5",
        "-o",
        "y.h5",
    ]));
    shown(&place.run(&["check-jacobian", &file, "--states", "2", "--episodes", "1", "--worst", "2"]).ok());
    shown(&place.run(&["record", "no\x1b[2J.xml"]).refused(&["no\\u001b[2J.xml: No such file"]));
}

/// A recording whose words were changed after it was made.
#[test]
fn of_a_recording() {
    let place = Place::new();
    place.small("x.h5", &["--episodes", "2", "--steps", "60"]).ok();
    let file = open_to_change(&place.path("x.h5"));
    let text = |text: &str| text.parse::<VarLenUnicode>().unwrap();
    for name in ["task", "description", "command", "policy", "engine"] {
        file.attr(name).unwrap().write_scalar(&text("t\x1b]0;title\x07\u{202e}\nerror: forged")).unwrap();
    }
    let nv = file.dataset("dof").unwrap().size();
    for name in
        ["dof", "state", "state_next", "actuator", "geom", "coordinate", "episode_end", "episode_host", "episode_cpu"]
    {
        let dataset = file.dataset(name).unwrap();
        // Those of the state are made of those of the dofs, or the recording is refused.
        let label = |i: usize| match name {
            "state" | "state_next" if i < nv => format!("pos:l{i}"),
            "state" | "state_next" => format!("vel:l{}", i - nv),
            _ => format!("l{i}"),
        };
        let labels = (0..dataset.size()).map(|i| text(&format!("{}\x1b[2J\u{9b}\nerror: forged", label(i))));
        dataset.write_raw(&labels.collect::<Vec<_>>()).unwrap();
    }
    drop(file);
    for args in [
        &["info", "x.h5"][..],
        &["info", "x.h5", "--json"],
        &["info", "x.h5", "x.h5"],
        &["analyze", "x.h5"],
        &["analyze", "x.h5", "--json"],
        &["report", "x.h5", "-o", "r.html", "--figures", "figures"],
        &["verify", "x.h5"],
        &["record", "--replay", "x.h5", "-o", "y.h5"],
        &["learn", "x.h5", "-o", "out", "--steps", "2"],
    ] {
        let ran = place.run(args);
        ran.sane();
        shown(&ran);
        assert!(ran.status.success() || !ran.stderr.is_empty(), "{args:?}: no word");
        if args.contains(&"--json") {
            serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}"));
        }
    }
    assert!(place.listing().keys().any(|k| k.extension().is_some_and(|e| e == "png")), "no PNG");
}
