//! Ablations: one command makes the recordings that differ in a setting, and puts them side by side.

use std::collections::BTreeSet;
use std::path::Path;

use dynsparse::dataset::Recording;

use crate::common::Place;

const SHORT: [&str; 4] = ["--episodes", "2", "--steps", "25"];

fn ablate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["ablate"], more, &SHORT].concat()
}

fn text(place: &Place, file: &str, name: &str) -> String {
    Recording::open(&place.path(file)).expect("a recording").text_attribute(name).expect("an attribute")
}

#[test]
fn every_combination_is_recorded_and_compared() {
    let place = Place::new();
    let args = ablate(&["--over", "beta=0,2", "--over", "step", "--policy", "colored", "-o", "out"]);
    let ran = place.run(&args).ok();
    let names = ["beta=0,control-steps", "beta=0,physics-steps", "beta=2,control-steps", "beta=2,physics-steps"];
    for name in names {
        assert!(ran.stdout.contains(name), "{name}: {}", ran.stdout);
        let file = format!("out/{name}.h5");
        assert_eq!(text(&place, &file, "step_kind"), if name.contains("control") { "control" } else { "physics" });
        assert!(text(&place, &file, "policy").contains(&format!("1/f^{}", &name[5..6])), "{name}");
        place.run(&["verify", &file]).ok();
    }
    assert!(ran.stdout.lines().all(|l| l.chars().count() <= 80), "{}", ran.stdout);
    let page = String::from_utf8(place.read("out/report.html")).expect("UTF-8");
    assert!(page.contains("Recordings of one task side by side") && names.iter().all(|n| page.contains(n)));
    let table = String::from_utf8(place.read("out/figures/data/comparison.csv")).expect("UTF-8");
    let rows: BTreeSet<&str> =
        table.lines().filter(|l| !l.starts_with('#')).skip(1).filter_map(|l| l.split("\",").next()).collect();
    assert_eq!(rows.len(), 4, "{table}");
    assert!(place.has("out/figures/all-compared.svg") && place.has("out/figures/all-compared.png"));

    // Again: nothing is recorded anew, and everything is the same to the byte.
    let before = place.listing();
    place.run(&args).ok();
    assert!(before == place.listing(), "the second run changes something");
}

#[test]
fn the_named_ablations_vary_what_they_say() {
    let place = Place::new();
    for (over, names) in [
        ("method", &["implicit", "fd-centered-1e-8", "fd-forward-1e-6", "implicit,task-solver"][..]),
        ("policy", &["zero", "sinusoid", "white", "red", "pink,scale=0.3"]),
        ("physics", &["model", "timestep-quarter", "solref-0.1", "solimp-0.5-0.9"]),
        ("threshold", &["recording"]),
    ] {
        let ran = place.run(&ablate(&["--over", over, "-o", over])).ok();
        for name in names {
            assert!(place.has(&format!("{over}/{name}.h5")), "{over}: {name}: {}", ran.stdout);
        }
    }
    assert_eq!(text(&place, "method/fd-forward-1e-6.h5", "difference"), "forward");
    assert_eq!(text(&place, "physics/solref-0.1.h5", "model_edits"), "geom_solref[0]=0.1");
    let recording = |name: &str| Recording::open(&place.path(&format!("physics/{name}.h5"))).expect("a recording");
    let duration = |name: &str| recording(name).float_attribute("step_duration").expect("an attribute");
    assert_eq!(duration("model"), duration("timestep-quarter"));
    let timestep = |name: &str| recording(name).float_attribute("timestep").expect("an attribute");
    assert_eq!(timestep("model"), 4.0 * timestep("timestep-quarter"));
    for name in ["timestep-quarter", "solref-0.1"] {
        place.run(&["verify", &format!("physics/{name}.h5")]).ok();
    }
}

/// The command in the file makes the same file.
#[test]
fn a_changed_model_is_recorded_again_by_its_own_command() {
    let place = Place::new();
    let args = ["--timestep", "0.0025", "--set", "geom_solref[0]=0.05", "--set", "dof_damping=0.3", "-o", "a.h5"];
    place.run(&[&["record"], &args[..], &SHORT].concat()).ok();
    let command = text(&place, "a.h5", "command");
    let words: Vec<&str> = command.split(' ').skip(1).map(|w| w.trim_matches('\'')).collect();
    place.run(&[&words[..], &["-o", "b.h5"]].concat()).ok();
    assert!(place.read("a.h5") == place.read("b.h5"), "{command}");
    // A sweep takes the same settings.
    place.write(
        "s.toml",
        "[sweep]\ntasks = [\"Juggler\"]\n[record]\ntimestep = 0.0025\nset = [\"geom_solref[0]=0.05\", \"dof_damping=0.3\"]",
    );
    place.run(&[&["sweep", "--config", "s.toml", "-o", "s"], &SHORT[..]].concat()).ok();
    assert_eq!(text(&place, "s/Juggler.h5", "content_sha256"), text(&place, "a.h5", "content_sha256"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = Place::new();
    for (args, said) in [
        (&["ablate", "--over", "colour"][..], &["--over colour", "threshold, method, step"][..]),
        (&["ablate", "--over", "colour=1"], &["colour", "no setting"]),
        (&["ablate", "--over", "beta=red"], &["beta"]),
        (&["ablate", "--over", "threads=1,2"], &["threads"]),
        (&["record", "--set", "geom_solref"], &["--set", "FIELD=VALUE"]),
        (&["record", "--set", "geom_soolref=1"], &["geom_soolref"]),
        (&["record", "--set", "geom_solref[7]=1"], &["geom_solref", "column 7"]),
        (&["record", "--set", "dof_damping@nobody=1"], &["nobody"]),
        (&["record", "--set", "opt.timestep=0.001"], &["timestep"]),
        (&["record", "--timestep", "0.003"], &["0.003", "whole number"]),
        (&["record", "--timestep", "0"], &["timestep"]),
    ] {
        place.run(args).refused(said);
    }
    assert!(place.listing().keys().all(|p| p.extension().is_none()), "something was recorded");
    // One variant that cannot be: the others are there, and the status says so.
    let ran = place.run(&ablate(&["--over", "timestep=0.005,0.003", "-o", "some"]));
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stderr.contains("timestep=0.003") && place.has("some/timestep=0.005.h5"), "{}", ran.stderr);
    assert!(Path::new(&place.path("some/report.html")).is_file());
}
