//! `dynsparse check-jacobian` as a program.

use serde_json::Value;

use crate::common::{self, Place, vendor};

/// A check that takes a second.
fn small(place: &Place, more: &[&str]) -> common::Ran {
    let assets = vendor();
    let states = if more.contains(&"--states") { &[][..] } else { &["--states", "6"] };
    place.run(&[&["check-jacobian", "--episodes", "3", "--assets", &assets], states, more].concat())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Differences have the error that theory gives them, in the place that it gives: with the square of the nudge in the
/// positions of contacts and limits, and nearly none in the velocities.
#[test]
fn differences_are_as_wrong_as_their_nudge_makes_them() {
    let place = Place::new();
    let engines = "transition-fd:1e-6,transition-fd:1e-4";
    let ran = small(&place, &["CheetahRun", "WalkerRun", "--states", "24", "--engines", engines, "--json"]).ok();
    let all = json(&ran.stdout);
    assert_eq!(all["settings"]["policy"]["kind"], "colored");
    assert_eq!(all["tasks"].as_array().unwrap().len(), 2);
    for task in all["tasks"].as_array().unwrap() {
        assert_eq!(task["states"], 24);
        assert!(task["smooth"].as_u64().unwrap() >= 20, "{task}");
        let most = |k: usize| task["engines"][k]["errors"]["max"].as_f64().unwrap();
        assert!(most(0) < 1e-5 && most(1) > 1e-4, "{} {}", most(0), most(1));
        let reference = task["reference"]["p99"].as_f64().unwrap();
        assert!(reference > 0.0 && reference < 1e-8, "{reference}");
        let block = |name: &str| {
            let blocks = task["engines"][1]["blocks"].as_array().unwrap();
            blocks.iter().find(|b| b[0] == name).unwrap()[1]["max"].as_f64().unwrap()
        };
        assert!(block("qvel-qpos") > 100.0 * block("qvel-qvel"), "{task}");
    }
}

#[test]
fn the_result_does_not_depend_on_threads_and_names_its_settings() {
    let place = Place::new();
    let said: Vec<(String, Vec<u8>)> = ["1", "2"]
        .map(|threads| {
            let more = ["CheetahRun", "WalkerRun", "--worst", "2", "--threads", threads, "--json", "--csv", "t.csv"];
            let ran = small(&place, &[&more[..], &["--policy", "uniform", "--seed", "4"]].concat()).ok();
            (ran.stdout, place.read("t.csv"))
        })
        .into();
    assert_eq!(said[0], said[1]);
    let settings = &json(&said[0].0)["settings"];
    assert_eq!((&settings["seed"], &settings["policy"]["kind"]), (&4.into(), &"uniform".into()));
    let csv = String::from_utf8(said[0].1.clone()).unwrap();
    assert!(csv.starts_with("task,nv,states,"), "{csv}");
    for part in ["CheetahRun,9,6,", ",transition-fd:1e-7,", ",qvel'/qpos,", ",arbiter,"] {
        assert!(csv.contains(part), "no {part} in {csv}");
    }
}

#[test]
fn the_text_fits_a_terminal_and_names_the_worst_states() {
    let place = Place::new();
    let ran = small(&place, &["WalkerRun", "CheetahRun", "--worst", "1"]).ok();
    let wide = ran.stdout.lines().find(|l| l.chars().count() > 80);
    assert!(wide.is_none(), "{wide:?}");
    for part in ["WalkerRun: 6 states", "qvel'/qpos", "Worst states:", "d vel:", "+- ", "arbiter, by itself"] {
        assert!(ran.stdout.contains(part), "no {part} in {}", ran.stdout);
    }
    // One table for each of the four engines, with both tasks.
    assert_eq!(ran.stdout.lines().filter(|l| l.starts_with("CheetahRun  ")).count(), 4, "{}", ran.stdout);
}

/// joint9 of the cabinet begins exactly at its limit: central differences agree about it, and are half of it.
#[test]
fn a_joint_at_its_limit_is_called_a_kink() {
    let place = Place::new();
    let ran = small(&place, &["PandaOpenCabinet", "--engines", "transition-fd:1e-6", "--worst", "1", "--json"]).ok();
    let task = &json(&ran.stdout)["tasks"][0];
    assert!(task["arbiter"]["limit"].as_u64().unwrap() >= 4, "{task}");
    let kink = &task["kinks"][0];
    assert!(kink["kink"].as_f64().unwrap() > 0.1 && kink["switch"][0] == "limit", "{kink}");
}

#[test]
fn an_engine_that_does_not_cover_a_model_is_named_and_the_others_go_on() {
    let place = Place::new();
    let body = r#"<worldbody><body><joint name="j" damping="1"/><geom size="1"/></body></worldbody>"#;
    let option = r#"<option integrator="discrete"/>"#;
    place.write("m.xml", format!("<mujoco>{option}{body}</mujoco>"));
    let engines = "implicit,whole-step,transition-fd";
    let ran = place.run(&["check-jacobian", "m.xml", "--states", "4", "--engines", engines]).ok();
    assert!(ran.stdout.contains("implicit does not cover the integrator discrete"), "{}", ran.stdout);
    assert!(ran.stdout.contains("whole-step") && ran.stdout.contains("transition-fd:1e-6"), "{}", ran.stdout);
}

#[test]
fn bad_input_is_one_line() {
    let place = Place::new();
    let check = |args: &[&str]| place.run(&[&["check-jacobian"], args].concat());
    check(&["--engines", "autodiff"])
        .refused(&["unknown engine \"autodiff\"", "give implicit, whole-step or transition-fd"]);
    check(&["--engines", "transition-fd:fast"]).refused(&["the nudge of the engine", "transition-fd:1e-6"]);
    check(&["--engines", "transition-fd:-1e-6"]).refused(&["is no positive number"]);
    check(&["--engines", "implicit,implicit"]).refused(&["implicit is there twice"]);
    check(&["--states", "0"]).refused(&["states is 0; give at least 1"]);
    check(&["--episodes", "0"]).refused(&["episodes is 0; give at least 1"]);
    check(&["--threads", "0"]).refused(&["threads is 0"]);
    check(&["--policy", "replay"]).refused(&["states of a replay cannot be checked"]);
    check(&["--policy", "uniform", "--beta", "1"]).refused(&["--beta has no meaning"]);
    check(&["WalkRun"]).refused(&["unknown task or suite \"WalkRun\"", "WalkerRun"]);
    check(&["WalkerRun", "--substeps", "2"]).refused(&["--substeps is for MJCF files"]);
    check(&["WalkerRun", "m.xml"]).refused(&["m.xml is a file"]);
    check(&["m.xml"]).refused(&["m.xml: No such file"]);
    check(&["--csv", "no/where.csv"]).refused(&["no/where.csv: there is no folder no"]);
    place.write(
        "rk4.xml",
        "<mujoco><option integrator=\"RK4\"/><worldbody><body><joint/><geom size=\"1\"/></body></worldbody></mujoco>",
    );
    check(&["rk4.xml", "--engines", "transition-fd"]).refused(&["MuJoCo: ", "RK4"]);
}
