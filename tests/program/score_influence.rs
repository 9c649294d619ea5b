//! Models against interventions of finite size: everything is computed again in numpy, the truth scores full marks, and what does not fit
//! is refused.

use serde_json::Value;

use crate::common::npz::Archive;
use crate::common::python::Python;
use crate::common::{self, Place};

const CHECK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/check_score_influence.py");
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/score_influence.py");

/// A box that falls onto the floor beside a pendulum on a ball joint and a driven slider that meets a stop.
const MIXED: &str = r#"<mujoco><worldbody><geom type="plane" size="3 3 1"/>
    <body pos="0 0 .25"><freejoint name="f"/><geom type="box" size=".1 .15 .2"/></body>
    <body pos="2 0 1"><joint name="b" type="ball"/><geom type="capsule" fromto="0 0 0 .1 0 -.4" size=".03"/></body>
    <body pos="0 2 1"><joint name="s" type="slide" axis="1 0 0" limited="true" range="-.05 .05"/><geom size=".1"/></body>
    </worldbody><actuator><motor name="m" joint="s" gear="40" ctrllimited="true" ctrlrange="-1 1"/></actuator></mujoco>"#;

/// Two blocks on a rail, one of them driven.
const PLAIN: &str = r#"<mujoco><option gravity="0 0 0"/><worldbody>
    <body><joint name="a" type="slide" axis="1 0 0" damping="1" stiffness="3"/><geom type="box" size=".1 .1 .1" mass="1"/></body>
    <body pos=".22 0 0"><joint name="b" type="slide" axis="1 0 0" damping="1" stiffness="3"/>
      <geom type="box" size=".1 .1 .1" mass="2"/></body>
    </worldbody><actuator><motor name="m" joint="a" gear="20" ctrllimited="true" ctrlrange="-1 1"/></actuator></mujoco>"#;

fn record(place: &Place, model: &str, name: &str, extra: &[&str]) {
    place.write("m.xml", model);
    let args = ["record", "m.xml", "--policy", "uniform", "--steps", "30", "--substeps", "5", "-o", name];
    place.run(&[&args[..], extra].concat()).ok();
}

fn study(place: &Place, recording: &str, name: &str, extra: &[&str]) {
    place.run(&[&["influence", recording, "-o", name][..], extra].concat()).ok();
}

fn python(place: &Place, python: &Python, script: &str, files: &[&str]) -> String {
    let mut command = python.command();
    command.arg(script).args(files).current_dir(place.path("."));
    let out = command.output().expect("python3");
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{script}: {said}{}", String::from_utf8_lossy(&out.stderr));
    said
}

fn score(place: &Place, prediction: &str, extra: &[&str]) -> String {
    let args = ["score", "--truth", "a.h5", "--influence", "study.h5", "--prediction", prediction, "--json"];
    place.run(&[&args[..], extra].concat()).ok().stdout
}

/// The example's model, and changes that numpy takes of the same predictions, on free and ball joints.
#[test]
fn numpy_computes_the_same_scores_of_anyones_predictions() {
    let Some(python3) = Python::find() else { return };
    let place = Place::new();
    record(&place, MIXED, "a.h5", &["--episodes", "3", "--reset-noise", "0.3"]);
    study(&place, "a.h5", "study.h5", &["--steps", "25", "--sizes", "0.03,0.5"]);
    python(&place, &python3, EXAMPLE, &["a.h5", "study.h5", "pred.npz"]);
    place.write("score.json", score(&place, "pred.npz", &[]));
    assert_eq!(python(&place, &python3, CHECK, &["a.h5", "study.h5", "pred.npz", "score.json"]), "all good\n");
    place.write("changes.json", score(&place, "pred-change.npz", &[]));
    assert_eq!(python(&place, &python3, CHECK, &["a.h5", "study.h5", "pred.npz", "changes.json"]), "all good\n");
    let one: Value = serde_json::from_str(&score(&place, "pred.npz", &["--size", "0.5sd"])).expect("JSON");
    let all: Value = serde_json::from_str(&score(&place, "pred.npz", &[])).expect("JSON");
    assert_eq!(one[0], all[1]);
    assert_eq!(one.as_array().map(Vec::len), Some(1));
    // A prediction of an intervention beats nothing; of a model that was fitted, the AUC is no guess.
    let auc = |i: usize| one[0]["predictors"][i]["recovered"]["groups"][0]["roc_auc"].as_f64().expect("a number");
    assert!(auc(0) > 0.55 && auc(1) > 0.9, "{} {}", auc(0), auc(1));
    assert_eq!(auc(2), 0.5, "everything changes");
}

/// A network's own predictions, computed again from its weights; the same bytes on one and two threads.
#[test]
fn numpy_computes_the_same_scores_of_a_network() {
    let place = Place::new();
    record(&place, PLAIN, "train.h5", &["--episodes", "6", "--seed", "1"]);
    record(&place, PLAIN, "a.h5", &["--episodes", "3", "--seed", "2"]);
    study(&place, "train.h5", "own.h5", &["--steps", "60", "--sizes", "0.1,1"]);
    study(&place, "a.h5", "study.h5", &["--steps", "40", "--sizes", "0.01,1"]);
    let learn = ["learn", "train.h5", "--width", "16", "--steps", "200", "--batch", "32", "--influence", "own.h5"];
    let ran = place.run(&[&learn[..], &["-o", "out"]].concat()).ok();
    for words in ["interventions of 1e0 sd", "its next states", "its Jacobian times size", "everything changes"] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    let result: Value = serde_json::from_slice(&place.read("out/m-mlp-mse-s0/result.json")).expect("JSON");
    let of_run = &result["influence"];
    assert_eq!(of_run.as_array().map(Vec::len), Some(2));
    let table = String::from_utf8(place.read("out/influence.csv")).expect("text");
    assert_eq!(table.lines().count(), 1 + 2 * 4, "{table}");
    // Evaluated again it is the same, and rows of training episodes are in no score.
    let evaluate = |recording: &str, study: &str, threads: &str| {
        let mut command = place.command(&["evaluate", "out/m-mlp-mse-s0", recording, "--influence", study, "--json"]);
        command.env("RAYON_NUM_THREADS", threads);
        place.run_command(command).ok().stdout
    };
    let again: Value = serde_json::from_str(&evaluate("train.h5", "own.h5", "2")).expect("JSON");
    assert_eq!(&again["influence"], of_run);
    assert!(of_run[0]["states"].as_u64() < Some(30) && of_run[0]["of"] == 60, "{}", of_run[0]["states"]);
    let [one, two] = ["1", "2"].map(|threads| evaluate("a.h5", "study.h5", threads));
    assert_eq!(one, two);
    let Some(python3) = Python::find() else { return };
    place.write("evaluation.json", one);
    let weights = "out/m-mlp-mse-s0/model.safetensors";
    assert_eq!(python(&place, &python3, CHECK, &["a.h5", "study.h5", weights, "evaluation.json"]), "all good\n");
}

/// What a study of blocks has found, as predictions.
struct Truth {
    rows: Vec<f64>,
    change: Vec<f64>,
    shape: [usize; 5],
}

impl Truth {
    fn read(place: &Place) -> Self {
        let file = hdf5::File::open(place.path("study.h5")).expect("the study opens");
        let change = file.dataset("change").expect("changes");
        let shape = change.shape().try_into().expect("five axes");
        let rows = file.dataset("row_in_recording").and_then(|d| d.read_raw::<i64>()).expect("rows");
        let numbers = change.read_raw::<f32>().expect("numbers");
        Self {
            rows: rows.into_iter().map(|x| x as f64).collect(),
            change: numbers.into_iter().map(f64::from).collect(),
            shape,
        }
    }
}

#[test]
fn the_simulator_scores_full_marks_and_edges_are_scored() {
    let place = Place::new();
    record(&place, PLAIN, "a.h5", &["--episodes", "3", "--seed", "2"]);
    study(&place, "a.h5", "study.h5", &["--steps", "10", "--sizes", "0.01,1"]);
    let truth = Truth::read(&place);
    let put = |name: &str, arrays: &[(&str, &[usize], &[f64])]| {
        let mut archive = Archive::create(&place.path(name));
        arrays.iter().for_each(|(array, shape, values)| archive.put(array, shape, values));
    };
    put("right.npz", &[("change", &truth.shape, &truth.change)]);
    let found: Value = serde_json::from_str(&score(&place, "right.npz", &[])).expect("JSON");
    for size in [0, 1] {
        let own = &found[size]["predictors"][0];
        assert_eq!((&own["name"], &own["error"]["relative"]), (&"its changes".into(), &0.0.into()));
        assert_eq!(own["recovered"]["groups"][0]["roc_auc"], 1.0);
        assert_eq!(own["sparsity"]["model"], own["sparsity"]["target"], "what does not change is 0 to the bit here");
        // The blocks are 20 mm apart: a derivative does not see that one meets the other.
        let proxy = &found[size]["predictors"][1]["recovered"]["groups"][0]["roc_auc"];
        assert_eq!(proxy == &Value::from(1.0), size == 0, "{proxy}");
    }
    // Some rows in another order and one size.
    let [n, k, signs, nx, inputs] = truth.shape;
    let per = signs * nx * inputs;
    let chosen = [7usize, 2];
    let part: Vec<f64> =
        chosen.iter().flat_map(|row| truth.change[(row * k + 1) * per..(row * k + 2) * per].to_vec()).collect();
    let steps = chosen.map(|row| truth.rows[row]);
    put("part.npz", &[("change", &[2, 1, 2, nx, inputs], &part), ("steps", &[2], &steps), ("size", &[1], &[1.0])]);
    let found: Value = serde_json::from_str(&score(&place, "part.npz", &[])).expect("JSON");
    assert_eq!(
        (&found[0]["size"], &found[0]["states"], found.as_array().map(Vec::len)),
        (&1.0.into(), &2.into(), Some(1))
    );
    assert_eq!(found[0]["predictors"][0]["error"]["relative"], 0.0);
    // Edges alone, of all steps of the recording.
    let edges = vec![1.0; 90 * nx * inputs];
    put("edges.npz", &[("edges", &[90, nx, inputs], &edges)]);
    let found: Value = serde_json::from_str(&score(&place, "edges.npz", &["--size", "1sd"])).expect("JSON");
    let own = &found[0]["predictors"][0];
    assert_eq!((&own["name"], &own["error"], &found[0]["states"]), (&"its edges".into(), &Value::Null, &n.into()));
    assert_eq!(own["recovered"]["groups"][0]["roc_auc"], 0.5);
    let page = place.run(&[
        "score",
        "--truth",
        "a.h5",
        "--influence",
        "study.h5",
        "--prediction",
        "right.npz",
        "--size",
        "1e-2sd",
    ]);
    let page = page.ok().stdout;
    assert!(page.contains("interventions of 1e-2 sd") && !page.contains("1e0 sd"), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let place = Place::new();
    record(&place, PLAIN, "a.h5", &["--episodes", "3", "--seed", "2"]);
    record(&place, PLAIN, "b.h5", &["--episodes", "3", "--seed", "3"]);
    study(&place, "a.h5", "study.h5", &["--steps", "5", "--sizes", "0.01,1"]);
    study(&place, "b.h5", "other.h5", &["--steps", "5"]);
    study(&place, "a.h5", "ahead.h5", &["--steps", "5", "--horizon", "2"]);
    let truth = Truth::read(&place);
    let [n, k, _, nx, inputs] = truth.shape;
    let refused = |arrays: &[(&str, &[usize], &[f64])], parts: &[&str]| {
        let mut archive = Archive::create(&place.path("p.npz"));
        arrays.iter().for_each(|(array, shape, values)| archive.put(array, shape, values));
        drop(archive);
        let args = ["score", "--truth", "a.h5", "--influence", "study.h5", "--prediction", "p.npz"];
        place.run(&args).refused(&[&["p.npz"], parts].concat());
    };
    let (shape, change) = (&truth.shape[..], &truth.change[..]);
    refused(&[("changes", shape, change)], &["array \"changes\"", "change, next, base, size"]);
    refused(&[("size", &[1], &[1.0])], &["neither change"]);
    refused(&[("change", &[n, k, 2, inputs, nx], change)], &["change has the shape", "row, size, sign, state, input"]);
    refused(&[("change", &[1, n * k, 2, nx, inputs], change)], &["change has 1 rows, the study has 5", "`steps`"]);
    refused(&[("next", &[n, k, 2, inputs, nx], change)], &["no array base"]);
    let steps = [0.0, 1.0, 2.0, 3.0, 88.5];
    refused(&[("change", shape, change), ("steps", &[5], &steps)], &["steps[0] is 0", "row_in_recording"]);
    let twice = [&truth.rows[..4], &truth.rows[..1]].concat();
    refused(&[("change", shape, change), ("steps", &[5], &twice)], &["twice; predict each step once"]);
    refused(&[("change", shape, change), ("size", &[2], &[0.01, 0.5])], &["size has 0.5"]);
    let std: Vec<f64> = Truth::std(&place);
    let normal: Vec<f64> = change.iter().enumerate().map(|(at, x)| x / std[at / inputs % nx]).collect();
    refused(&[("change", shape, &normal)], &["normalised state", "multiply it"]);
    let mut broken = change.to_vec();
    broken[0] = f64::NAN;
    let mut archive = Archive::create(&place.path("nan.npz"));
    archive.put("change", shape, &broken);
    drop(archive);
    let with = |study: &str, prediction: &str, extra: &[&str]| {
        let args = ["score", "--truth", "a.h5", "--influence", study, "--prediction", prediction];
        place.run(&[&args[..], extra].concat())
    };
    with("study.h5", "nan.npz", &[]).refused(&["its changes", "is not finite"]);
    with("other.h5", "nan.npz", &[]).refused(&["other.h5", "study of another recording", "dynsparse influence a.h5"]);
    with("ahead.h5", "nan.npz", &[]).refused(&["ahead.h5", "looks 2 rows ahead", "without --horizon"]);
    with("a.h5", "nan.npz", &[]).refused(&["a.h5", "is no study of interventions"]);
    with("gone.h5", "nan.npz", &[]).refused(&["gone.h5", "no such file"]);
    with("study.h5", "study.h5", &[]).refused(&["study.h5", "no .npz file"]);
    with("study.h5", "nan.npz", &["--size", "0.1sd"]).refused(&["study.h5", "no size 1e-1sd", "1e-2sd, 1e0sd"]);
    with("study.h5", "nan.npz", &["--size", "1absolute"]).refused(&["study.h5", "no size 1e0absolute"]);
    with("study.h5", "nan.npz", &["--size", "1"]).usage(&["has no unit", "0.1sd"]);
    place.run(&["score", "--truth", "a.h5", "--prediction", "p.npz", "--size", "1sd"]).usage(&["--influence"]);
    let learn = |studies: &str| place.run(&["learn", "a.h5", "--steps", "2", "--influence", studies, "-o", "new"]);
    learn("other.h5").refused(&["other.h5", "study of none of these recordings"]);
    learn("study.h5,study.h5").refused(&["study.h5", "same recording as study.h5"]);
    // Of three episodes the second is for the test; two rows are in the others.
    study(&place, "a.h5", "two.h5", &["--steps", "2"]);
    learn("two.h5").refused(&["two.h5", "none of its 2 studied rows lies in a test episode"]);
    assert!(!place.has("new"), "known before anything is trained");
}

impl Truth {
    /// Standard deviations of the state in the recording, by numpy's rule.
    fn std(place: &Place) -> Vec<f64> {
        let file = hdf5::File::open(place.path("a.h5")).expect("the recording opens");
        let mut all = Vec::new();
        for name in ["qpos", "qvel"] {
            let values = file.dataset(name).and_then(|d| d.read_raw::<f64>()).expect("numbers");
            for i in 0..2 {
                let own: Vec<f64> = values.iter().skip(i).step_by(2).copied().collect();
                let mean = own.iter().sum::<f64>() / own.len() as f64;
                all.push((own.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / own.len() as f64).sqrt());
            }
        }
        all
    }
}

/// A study that is cut short or has other bytes somewhere is refused in a line, or read as what it still says.
#[test]
fn damaged_studies_are_one_line() {
    let place = Place::new();
    record(&place, PLAIN, "a.h5", &["--episodes", "3", "--seed", "2"]);
    study(&place, "a.h5", "study.h5", &["--steps", "3", "--sizes", "1"]);
    let truth = Truth::read(&place);
    let mut archive = Archive::create(&place.path("p.npz"));
    archive.put("change", &truth.shape, &truth.change);
    drop(archive);
    let whole = place.read("study.h5");
    let args = ["score", "--truth", "a.h5", "--influence", "bad.h5", "--prediction", "p.npz"];
    for part in 1..8 {
        place.write("bad.h5", &whole[..whole.len() * part / 8]);
        place.run(&args).refused(&["bad.h5"]);
    }
    for i in 0..60 {
        let mut bytes = whole.clone();
        let at = (i * 7919 + 13) * 31 % bytes.len();
        bytes[at] ^= 0xff;
        place.write("bad.h5", &bytes);
        let ran = place.run(&args);
        if !ran.status.success() {
            ran.refused(&[]);
        }
    }
    // What a study says that cannot be.
    for (name, parts) in [("verdict", "code 9"), ("row_in_recording", "rows rise")] {
        place.write("bad.h5", &whole);
        let file = common::open_to_change(&place.path("bad.h5"));
        let dataset = file.dataset(name).expect("a variable");
        match name {
            "verdict" => dataset.write_raw(&vec![9_u8; dataset.size()]).expect("written"),
            _ => dataset.write_raw(&[5_i64, 5, 5]).expect("written"),
        }
        drop(dataset);
        file.close().expect("closed");
        place.run(&args).refused(&["bad.h5", parts]);
    }
}
