//! What the program says about itself, so that a change of it is seen.

use crate::common::Place;

/// The output of a command that succeeds.
fn said(args: &[&str]) -> String {
    let ran = Place::new().run(args).ok();
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    ran.stdout
}

#[test]
fn help_of_the_program() {
    insta::assert_snapshot!(said(&["--help"]));
}

#[test]
fn help_of_every_verb() {
    for verb in [
        "record",
        "sweep",
        "merge",
        "replay-map",
        "info",
        "verify",
        "analyze",
        "ablate",
        "report",
        "render",
        "view",
        "learn",
        "evaluate",
        "score",
        "check-jacobian",
        "tasks",
        "completions",
    ] {
        insta::assert_snapshot!(format!("help_{verb}"), said(&[verb, "--help"]));
    }
}

#[test]
fn help_of_what_tasks_can_do() {
    for action in ["check", "digest", "compile"] {
        insta::assert_snapshot!(format!("help_tasks_{action}"), said(&["tasks", action, "--help"]));
    }
}

/// -h is the same text, shortened, and fits a terminal.
#[test]
fn short_help_fits_a_terminal() {
    for verb in [
        &[][..],
        &["record"],
        &["sweep"],
        &["merge"],
        &["info"],
        &["verify"],
        &["analyze"],
        &["report"],
        &["render"],
        &["view"],
        &["learn"],
        &["evaluate"],
        &["score"],
        &["check-jacobian"],
        &["tasks"],
        &["completions"],
    ] {
        let text = said(&[verb, &["-h"]].concat());
        let wide = text.lines().find(|l| l.chars().count() > 100);
        assert!(wide.is_none(), "{verb:?}: {wide:?}");
        assert!(text.contains("Usage: "), "{text}");
    }
}

#[test]
fn schema() {
    insta::assert_snapshot!(said(&["info", "--schema"]));
}

#[test]
fn version_names_the_libraries() {
    let text = said(&["--version"]);
    let version = format!("dynsparse {} (", env!("CARGO_PKG_VERSION"));
    assert!(text.starts_with(&version), "{text}");
    assert!(text.contains("MuJoCo 3.17.0") && text.contains("HDF5 "), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn completions_of_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = said(&["completions", shell]);
        for word in ["record", "verify", "episodes", "replay-with"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
}

/// `tasks --json` is for scripts.
#[test]
fn tasks_as_json() {
    let tasks: serde_json::Value = serde_json::from_str(&said(&["tasks", "--json"])).expect("JSON");
    let tasks = tasks.as_array().expect("a list");
    let juggler = tasks.iter().find(|t| t["name"] == "Juggler").expect("the embedded task");
    assert_eq!((&juggler["nv"], &juggler["nu"]), (&serde_json::json!(9), &serde_json::json!(6)));
    assert!(tasks.iter().any(|t| t["name"] == "CheetahRun"));
}
