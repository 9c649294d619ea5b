//! Learned models: known answers, metrics against scikit-learn, interruption, bad input.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dynsparse::flags::StepFlags;
use dynsparse::learn::{
    self, Backend, Data, LearningTarget, Loss, ModelKind, ModelSpec, Part, RunSpec, Space, Split, StateFeatures,
    Trained, Training, Wanted, assemble, metrics, predict, stats,
};
use dynsparse::zero::ZeroVerdict;
use serde_json::Value;

use crate::common::made::{Made, Step};
use crate::common::{self, Dice, Place, fuzz};

const STATE: usize = 4;
const INPUTS: usize = 5;

/// Which outputs see which inputs.
type Mask = [[bool; INPUTS]; STATE];

/// Uniform in [-1, 1).
fn draw(dice: &mut Dice) -> f64 {
    dice.below(1 << 40) as f64 / (1u64 << 39) as f64 - 1.0
}

fn mask(dice: &mut Dice) -> Mask {
    // A number of its own per row and column, so that none is empty.
    std::array::from_fn(|i| std::array::from_fn(|j| j == i || dice.below(100) < 35))
}

/// Steps of s' = M(x) [s, a] at random states: `switch` has two matrices, and the sign of the first position says which.
fn linear(episodes: usize, steps: usize, switch: bool) -> Made {
    linear_of(episodes, steps, switch, |x| 0.3 + 0.7 * x)
}

/// As [`linear`], with entries whose size follows from a number in [0, 1).
fn linear_of(episodes: usize, steps: usize, switch: bool, size: fn(f64) -> f64) -> Made {
    let mut dice = Dice(7);
    let masks = [mask(&mut dice), mask(&mut dice)];
    let numbers: Vec<f64> = (0..2 * STATE * INPUTS)
        .map(|_| {
            let x = draw(&mut dice);
            x.signum() * size(x.abs())
        })
        .collect();
    let episode = |_| {
        let step = |_| {
            let mut x: Vec<f64> = (0..INPUTS).map(|_| draw(&mut dice)).collect();
            x[0] += 0.3 * x[0].signum();
            let mode = usize::from(switch && x[0] > 0.0);
            let at = |i: usize, j: usize| {
                if masks[mode][i][j] { numbers[(mode * STATE + i) * INPUTS + j] } else { 0.0 }
            };
            x.extend((0..STATE).map(|i| (0..INPUTS).map(|j| at(i, j) * x[j]).sum::<f64>()).collect::<Vec<_>>());
            let entries = |from: usize, to: usize| (0..STATE).flat_map(move |i| (from..to).map(move |j| (i, j)));
            let values = |from, to| entries(from, to).map(|(i, j)| at(i, j)).collect::<Vec<_>>();
            let zeros = |from, to| entries(from, to).map(|(i, j)| u8::from(!masks[mode][i][j])).collect::<Vec<_>>();
            Step {
                a: values(0, STATE),
                b: values(STATE, INPUTS),
                masks: [zeros(0, STATE), zeros(STATE, INPUTS)],
                x,
                ..Step::default()
            }
        };
        (0..steps).map(step).collect()
    };
    Made::new(STATE / 2, INPUTS - STATE, (0..episodes).map(episode).collect())
}

fn spec(kind: ModelKind, width: usize, loss: &str, training: Training) -> RunSpec {
    let loss: Loss = loss.parse().expect("a loss");
    RunSpec {
        model: ModelSpec { kind, width, depth: 2 },
        loss,
        seed: 1,
        training,
        split: Split::default(),
        backend: Backend::Cpu,
        features: StateFeatures::default(),
        target: LearningTarget::default(),
    }
}

fn short(steps: usize) -> Training {
    Training { steps, batch: 64, check_every: 100, lr: 3e-3, validation_states: 64, ..Training::default() }
}

fn train(data: &Data, spec: &RunSpec, folder: &Path) -> (Trained, learn::Evaluation) {
    let place = learn::Place::cpu();
    let trained = learn::train(data, spec, folder, &place, &mut |_| {}).unwrap_or_else(|e| panic!("{e}"));
    let found = learn::evaluate(&trained, data, Some(Part::Test), 200, &place).unwrap_or_else(|e| panic!("{e}"));
    (trained, found)
}

fn auc(found: &learn::Evaluation, group: &str) -> f64 {
    let group = found.recovered.groups.iter().find(|g| g.name == group).expect("a group");
    group.roc_auc.expect("zeros and edges")
}

#[test]
fn metrics_are_those_of_scikit_learn() {
    let file: Value = serde_json::from_str(include_str!("../reference/learn.json")).expect("JSON");
    let number = |v: &Value| v.as_f64().expect("a number");
    let close = |found: f64, expected: &Value, what: &str| {
        assert!((found - number(expected)).abs() < 1e-12, "{what}: {found}, not {expected}");
    };
    for case in file["cases"].as_array().expect("cases") {
        let scores: Vec<f32> = case["scores"].as_array().expect("scores").iter().map(|x| number(x) as f32).collect();
        let edges: Vec<bool> =
            case["edges"].as_array().expect("edges").iter().map(|x| x == &Value::Bool(true)).collect();
        close(metrics::roc_auc(&scores, &edges).expect("both kinds"), &case["roc_auc"], "ROC-AUC");
        close(metrics::pr_auc(&scores, &edges).expect("edges"), &case["pr_auc"], "PR-AUC");
        let cut = metrics::cuts(&scores, &edges, 2, &[0.5])[0];
        close(cut.f1.expect("edges"), &case["f1"], "F1");
        close(cut.f1_zeros.expect("zeros"), &case["f1_zeros"], "F1 of zeros");
        close(2.0 * cut.shd, &case["wrong"], "SHD of two states");
    }
    assert_eq!(metrics::roc_auc(&[0.1, 0.2], &[true, true]), None);
    assert_eq!(metrics::pr_auc(&[0.1], &[false]), None);
    let s = &file["statistics"];
    let list = |v: &Value| v.as_array().expect("a list").iter().map(number).collect::<Vec<_>>();
    let (a, b) = (list(&s["a"]), list(&s["b"]));
    let mean = stats::mean(&a).expect("values");
    assert!((mean.half.expect("an interval") - number(&s["half"])).abs() < 1e-9);
    assert!((stats::paired(&a, &b).and_then(|p| p.p).expect("a test") - number(&s["p"])).abs() < 1e-9);
}

#[test]
fn data_are_what_the_recording_says() {
    let place = Place::new();
    let mut made = linear(6, 30, true);
    made.episodes[2][5].masks[0][1] = 2;
    made.episodes[2][6].flags = StepFlags::CONTACT_SWITCH.bits();
    for t in 10..14 {
        made.episodes[3][t].contacts = vec![[0, 1]];
    }
    made.write(&place.path("made.h5"));
    let data = Data::read(&place.path("made.h5"), &Split::default()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((data.inputs(), data.outputs()), (INPUTS, STATE));
    // Statistics are of the training episodes alone.
    let train = data.steps(Part::Train);
    let steps: Vec<&Step> = made.episodes.iter().flatten().collect();
    for i in 0..INPUTS {
        let values: Vec<f64> = train.iter().map(|s| steps[*s].x[i]).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let std = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
        assert!((data.norm.mean[i] - mean).abs() < 1e-12 && (data.norm.std[i] - std).abs() < 1e-12);
    }
    let all: Vec<usize> = (0..steps.len()).collect();
    let truths = data.truths(&all).unwrap();
    let batch = assemble(&data, &all, Wanted::default(), &learn::Place::cpu()).unwrap();
    let [seen, said] = [batch.input.x, batch.next].map(|tensor| learn::numbers(tensor).expect("numbers"));
    for (at, step) in steps.iter().enumerate() {
        let normal = |i: usize, x: f64| (x - data.norm.mean[i]) / data.norm.std[i];
        for i in 0..INPUTS {
            assert!((seen[at * INPUTS + i] - normal(i, step.x[i])).abs() < 1e-5);
        }
        for i in 0..STATE {
            assert!((said[at * STATE + i] - normal(i, step.x[INPUTS + i])).abs() < 1e-5);
            for j in 0..INPUTS {
                let (value, verdict) = if j < STATE {
                    (step.a[i * STATE + j], step.masks[0][i * STATE + j])
                } else {
                    (step.b[i], step.masks[1][i])
                };
                let expected = value * data.norm.std[j] / data.norm.std[i];
                assert!((f64::from(truths.jacobian(at)[i * INPUTS + j]) - expected).abs() < 1e-5);
                assert_eq!(truths.verdicts(at)[i * INPUTS + j], verdict);
            }
        }
    }
    assert_eq!(truths.verdicts(65)[1], ZeroVerdict::Undecided.code());
    assert!(data.has_derivative(65) && !data.has_derivative(66));
    assert_eq!(
        (data.to_switch(0), data.to_switch(99), data.to_switch(100), data.to_switch(95)),
        (None, Some(0), Some(0), Some(4))
    );
    // An undecided entry and a flagged state are in no Jacobian loss.
    let columns: Vec<usize> = (0..INPUTS).collect();
    let wanted = Wanted { columns: Some(&columns), truth: true, ..Wanted::default() };
    let truth = assemble(&data, &[65, 66], wanted, &learn::Place::cpu()).unwrap().truth.expect("the truth");
    let decided = learn::numbers(truth.decided).expect("numbers");
    for (at, d) in decided.iter().enumerate() {
        let (column, step, output) = (at / (2 * STATE), at / STATE % 2, at % STATE);
        assert_eq!(*d == 0.0, step == 1 || (column, output) == (1, 0), "{at}");
    }
}

/// At a limit of a control only its own column of B is in doubt; where the recording does not tell the ranges, all of B.
#[test]
fn a_control_at_its_limit_leaves_the_rest_of_its_state() {
    use dynsparse::dataset::Attribute;
    use dynsparse::dataset::schema::{Var, attribute};
    let place = Place::new();
    let record = ["record", "WalkerRun", "--policy", "colored", "--episodes", "4", "--steps", "100", "-o", "walker.h5"];
    place.run(&record).ok();
    let data = Data::read(&place.path("walker.h5"), &Split::default()).unwrap_or_else(|e| panic!("{e}"));
    let (nx, inputs) = (data.outputs(), data.inputs());
    let usable = (0..400).filter(|step| data.has_derivative(*step)).count();
    assert!(usable >= 380, "{usable} of 400 states");
    let ctrl: Vec<f64> =
        dynsparse::dataset::Recording::open(&place.path("walker.h5")).unwrap().read(Var::Ctrl, 0..400).unwrap();
    let truths = data.truths(&(0..400).collect::<Vec<_>>()).unwrap();
    let undecided = |at: usize, column: usize| {
        (0..nx).filter(|row| truths.verdicts(at)[row * inputs + column] == ZeroVerdict::Undecided.code()).count()
    };
    let (mut limited, mut free) = (0, 0);
    for (at, ctrl) in ctrl.chunks(inputs - nx).enumerate() {
        for (j, u) in ctrl.iter().enumerate() {
            if u.abs() == 1.0 {
                limited += 1;
                assert_eq!(undecided(at, nx + j), nx, "state {at}, control {j}");
            } else {
                free += usize::from(ctrl.iter().any(|u| u.abs() == 1.0) && undecided(at, nx + j) == 0);
            }
        }
    }
    assert!(limited > 100 && free > 100, "{limited} controls at a limit, {free} others beside them");

    let mut made = linear(6, 30, true);
    made.episodes[2][6].flags = StepFlags::CTRL_AT_LIMIT.bits();
    made.write(&place.path("old.h5"));
    let range = made.episodes[2][6].x[STATE];
    made.attributes.push((attribute::CTRL_RANGE, Attribute::Text(format!("[[-9, {range}]]"))));
    made.attributes.push(("eps", Attribute::Float(1e-6)));
    made.write(&place.path("at.h5"));
    made.attributes[0].1 = Attribute::Text("[[-9, 9]]".to_owned());
    made.write(&place.path("within.h5"));
    for (file, known) in [("old.h5", false), ("at.h5", false), ("within.h5", true)] {
        let data = Data::read(&place.path(file), &Split::default()).unwrap_or_else(|e| panic!("{e}"));
        let truths = data.truths(&[66]).unwrap();
        assert!(data.has_derivative(66), "{file}");
        for (entry, verdict) in truths.verdicts(0).iter().enumerate() {
            let decided = known || entry % INPUTS < STATE;
            assert_eq!(*verdict != ZeroVerdict::Undecided.code(), decided, "{file}: entry {entry}");
        }
    }
}

/// Where the Jacobians lie changes no number.
#[test]
fn jacobians_on_disk_are_those_in_memory() {
    let place = Place::new();
    linear(6, 40, true).write(&place.path("made.h5"));
    let read = |memory| {
        Data::read_within(&place.path("made.h5"), &Split::default(), StateFeatures::default(), memory).unwrap()
    };
    let (memory, disk) = (read(u64::MAX), read(0));
    let steps: Vec<usize> = (0..240).rev().step_by(2).collect();
    let [a, b] = [&memory, &disk].map(|data| data.truths(&steps).unwrap());
    assert_eq!((a.len(), a.all_verdicts()), (120, b.all_verdicts()));
    (0..120).for_each(|at| assert_eq!(a.jacobian(at), b.jacobian(at)));
    assert!((1..120).any(|at| a.jacobian(at) != a.jacobian(0)), "the dynamics switch");
    quick(&place, "a", &["--memory", "1"]).ok();
    quick(&place, "b", &["--memory", "0"]).ok();
    for file in ["model.safetensors", "result.json"] {
        let [a, b] = ["a", "b"].map(|out| place.read(&format!("{out}/Made-mlp-mse+sae-s0/{file}")));
        assert_eq!(a, b, "{file}");
    }
}

/// Drawn inputs give every Jacobian term without bias: the mean over all draws is the term itself.
#[test]
fn drawn_inputs_estimate_the_loss_without_bias() {
    let place = Place::new();
    linear(5, 20, true).write(&place.path("made.h5"));
    let data = Data::read(&place.path("made.h5"), &Split::default()).unwrap_or_else(|e| panic!("{e}"));
    let cpu = learn::Place::cpu64();
    let model = ModelSpec { kind: ModelKind::Mlp, width: 8, depth: 1 }.build(Space::plain(INPUTS, STATE)).unwrap();
    let weights = model.layout().draw(0, &cpu);
    let steps: Vec<usize> = (0..20).collect();
    for loss in ["mse+mse-jac:1", "mse+mae-jac:1", "mse+l1:1", "mse+sae:1"] {
        let loss: Loss = loss.parse().expect("a loss");
        let value = |columns: &[usize]| {
            let batch =
                assemble(&data, &steps, Wanted { columns: Some(columns), truth: true, ..Wanted::default() }, &cpu)
                    .unwrap();
            let (next, jacobian) = predict(&*model, &weights, &batch.input).expect("a prediction");
            learn::numbers(loss.of(&next, jacobian.as_ref(), &batch)).expect("numbers")[0]
        };
        let whole = value(&[0, 1, 2, 3, 4]);
        let pairs: Vec<f64> = (0..INPUTS).flat_map(|a| (0..a).map(move |b| [a, b])).map(|p| value(&p)).collect();
        let mean = pairs.iter().sum::<f64>() / pairs.len() as f64;
        assert!((mean - whole).abs() < 1e-6 * whole, "{loss}: {mean}, not {whole}");
    }
}

#[test]
fn linear_dynamics_are_recovered() {
    let place = Place::new();
    linear(8, 150, false).write(&place.path("made.h5"));
    let data = Data::read(&place.path("made.h5"), &Split::default()).unwrap_or_else(|e| panic!("{e}"));
    let (_, found) = train(&data, &spec(ModelKind::Mlp, 64, "mse+sae", short(500)), &place.path("mlp"));
    assert!(auc(&found, "all") > 0.99, "{}", auc(&found, "all"));
    assert!(found.next.mse < 0.01 * found.next.persistence, "{:?}", found.next);
    assert!(found.jacobian.relative.expect("a truth") < 0.2, "{:?}", found.jacobian);
    assert_eq!(found.sparsity.untrained, Some(0.0));
}

#[test]
fn the_gated_model_recovers_what_switches_and_the_oracle_everything() {
    let place = Place::new();
    linear(8, 250, true).write(&place.path("made.h5"));
    let data = Data::read(&place.path("made.h5"), &Split::default()).unwrap_or_else(|e| panic!("{e}"));
    let group = "entries that depend on the state";
    let of = |kind, width| train(&data, &spec(kind, width, "mse", short(600)), &place.path(&format!("{kind}"))).1;
    let (mlp, gated) = (of(ModelKind::Mlp, 64), of(ModelKind::Gated, 32));
    for group in ["all", group] {
        assert!(auc(&gated, group) > auc(&mlp, group), "{} against {}", auc(&gated, group), auc(&mlp, group));
    }
    let oracle = train(&data, &spec(ModelKind::Oracle, 32, "mse", short(100)), &place.path("oracle")).1;
    assert_eq!((auc(&oracle, "all"), auc(&oracle, group)), (1.0, 1.0));
    assert_eq!(oracle.sparsity.model, oracle.sparsity.target);
    // Zeros are exact here, so both rules see the same.
    assert_eq!(oracle.sparsity.target_small, oracle.sparsity.target);
    let judged = &oracle.judged;
    assert_eq!((judged.states, judged.usable, judged.all), (200, 500, 500));
    assert_eq!(judged.entries, oracle.recovered.groups[0].entries);
    // The same network, size and budget without the mask: what the mask is worth.
    let unmasked = train(&data, &spec(ModelKind::Unmasked, 32, "mse", short(100)), &place.path("unmasked")).1;
    assert!(auc(&unmasked, group) < 0.9, "{}", auc(&unmasked, group));
}

/// The mask depends on the sign of a position, and entries are of any size, as they are in robots. The adaptive network is told
/// the training states' zeros, and sees none at the test.
#[test]
fn the_adaptive_network_finds_which_entries_are_zero_at_which_state() {
    let place = Place::new();
    linear_of(8, 250, true, |x| 10f64.powf(-3.0 * x)).write(&place.path("made.h5"));
    let data = Data::read(&place.path("made.h5"), &Split::default()).unwrap_or_else(|e| panic!("{e}"));
    let varying = "entries that depend on the state";
    let of = |kind, loss: &str| {
        train(&data, &spec(kind, 64, loss, short(600)), &place.path(&format!("{kind}-{}", loss.len()))).1
    };
    let adaptive = of(ModelKind::Adaptive, "mse+mask");
    assert!(auc(&adaptive, varying) > 0.95, "{}", auc(&adaptive, varying));
    let off = (adaptive.sparsity.model - adaptive.sparsity.target).abs();
    assert!(off < 0.1 * adaptive.sparsity.target, "{:?}", adaptive.sparsity);
    // A plain network does not find them, be it told the true Jacobian, and neither does the same network with open gates.
    for (kind, loss) in
        [(ModelKind::Mlp, "mse"), (ModelKind::Mlp, "mse+mse-jac"), (ModelKind::AdaptiveOpen, "mse+mask")]
    {
        let other = of(kind, loss);
        assert!(auc(&other, varying) < 0.9, "{kind} {loss}: {}", auc(&other, varying));
        assert!(other.sparsity.model < 0.01, "{kind} {loss}: {:?}", other.sparsity);
    }
    assert!(adaptive.next.mse < 0.05 * adaptive.next.persistence, "{:?}", adaptive.next);
    let mlp = ["learn", "made.h5", "--model", "adaptive,mlp", "--loss", "mse+mask"];
    place.run(&mlp).refused(&["mask", "gates, which mlp has not", "--model adaptive"]);
}

/// Small enough for a debug build, large enough to be caught.
const QUICK: [&str; 12] =
    ["--steps", "60", "--batch", "32", "--check-every", "20", "--width", "16", "--states", "40", "--loss", "mse+sae"];

/// `extra` wins over the quick settings.
fn quick(place: &Place, output: &str, extra: &[&str]) -> common::Ran {
    let usual: Vec<&str> = QUICK.chunks(2).filter(|pair| !extra.contains(&pair[0])).flatten().copied().collect();
    place.run(&[&["learn", "made.h5", "-o", output], &usual[..], extra].concat())
}

#[test]
fn a_killed_run_goes_on_to_the_same_weights() {
    let place = Place::new();
    linear(6, 60, false).write(&place.path("made.h5"));
    let slow = ["--steps", "600", "--check-every", "5"];
    let args = |output: &'static str| -> Vec<&str> {
        let mut args = vec!["learn", "made.h5", "-o", output, "--batch", "32", "--width", "16", "--states", "40"];
        args.extend(["--loss", "mse+mae-jac", "--columns", "2"]);
        args.extend(slow);
        args
    };
    let undisturbed = place.run(&args("a")).ok();
    let run = "Made-mlp-mse+mae-jac-s0";
    let checkpoint = place.path(&format!("b/{run}/checkpoint.safetensors"));
    let mut kills = 0;
    for _ in 0..3 {
        let mut child =
            place.command(&args("b")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        let before = std::fs::read(&checkpoint).ok();
        let start = Instant::now();
        while std::fs::read(&checkpoint).ok() == before && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(1));
        }
        kills += usize::from(child.try_wait().expect("a child").is_none());
        child.kill().expect("it can be killed");
        child.wait().expect("a child");
    }
    assert!(kills > 0 && checkpoint.exists(), "nothing was interrupted");
    let resumed = place.run(&args("b")).ok();
    assert_eq!(undisturbed.stdout.replace("a: ", "b: ").replace("a/report", "b/report"), resumed.stdout);
    for file in ["model.safetensors", "result.json", "curve.csv"] {
        assert_eq!(place.read(&format!("a/{run}/{file}")), place.read(&format!("b/{run}/{file}")), "{file}");
    }
    assert!(!checkpoint.exists());
    // Once more takes what is there, and removes a checkpoint that a kill has left beside the finished network.
    std::fs::write(&checkpoint, "left").expect("a file");
    assert_eq!(place.run(&args("b")).ok().stdout, resumed.stdout);
    assert!(!checkpoint.exists());
}

#[test]
fn a_grid_has_a_row_for_every_run_and_can_be_evaluated_later() {
    let place = Place::new();
    linear(6, 40, false).write(&place.path("made.h5"));
    let grid = "recordings = [\"made.h5\"]\nmodels = [\"mlp\", \"gated\"]\nlosses = [\"mse\", \"mse+l1:0.01\"]\nseeds = 2\n\
                width = 8\nstates = 20\n[training]\nsteps = 20\nbatch = 16\n";
    place.write("grid.toml", grid);
    let ran = place.run(&["learn", "--grid", "grid.toml", "-o", "out"]).ok();
    assert!(ran.stdout.contains("out: 8 runs"), "{}", ran.stdout);
    assert!(ran.stdout.lines().all(|l| l.chars().count() <= 80), "{}", ran.stdout);
    let csv = String::from_utf8(place.read("out/results.csv")).expect("text");
    assert_eq!(csv.lines().count(), 9, "{csv}");
    let results: Value = serde_json::from_slice(&place.read("out/results.json")).expect("JSON");
    assert_eq!(results["summaries"].as_array().map(Vec::len), Some(4));
    assert_eq!(results["comparisons"][0]["tests"]["next_mse"]["n"], 2);
    let page = String::from_utf8(place.read("out/report.html")).expect("text");
    for part in ["Q4 Do learned models", "Figure 8 of the paper", "true and learned masks", "Against mlp mse"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("Q1 Which"), "a page of networks alone has no other questions");
    for figure in ["sparsity", "tradeoff", "curves", "masks"] {
        let svg =
            String::from_utf8(place.read(&format!("out/figures/learned/Made/learned-{figure}.svg"))).expect("text");
        assert!(svg.contains("gated mse+l1:0.01"), "{figure}: {svg}");
        let png = place.read(&format!("out/figures/learned/Made/learned-{figure}.png"));
        assert!(png.starts_with(b"\x89PNG"), "{figure}");
    }
    for figure in ["sparsity", "auc"] {
        let svg =
            String::from_utf8(place.read(&format!("out/figures/learned/all/learned-all-{figure}.svg"))).expect("text");
        assert!(svg.contains("Made gated mse+l1:0.01"), "{figure}: {svg}");
    }
    let curves = String::from_utf8(place.read("out/figures/data/learned_curves.csv")).expect("text");
    assert_eq!(curves.lines().filter(|l| l.starts_with("Made,")).count(), 8, "a look at the last step of every run");
    let both = place.run(&["report", "made.h5", "--learned", "out", "-o", "both.html"]).ok();
    assert!(both.stdout.contains("8 trained networks"), "{}", both.stdout);
    let both = String::from_utf8(place.read("both.html")).expect("text");
    assert!(both.contains("Q1 Which entries") && both.contains("Q4 Do learned models"));
    let none = place.run(&["report", "made.h5", "--learned", "empty"]);
    none.refused(&["empty", "has no results.json: give a folder that `dynsparse learn` has finished"]);
    let run = "out/Made-mlp-mse+l1_0.01-s1";
    let later = place.run(&["evaluate", run, "made.h5", "--states", "20", "--json"]).ok();
    let later: Value = serde_json::from_str(&later.stdout).expect("JSON");
    let then: Value = serde_json::from_slice(&place.read(&format!("{run}/result.json"))).expect("JSON");
    assert_eq!(later, then["evaluation"]);
    let page = place.run(&["evaluate", run, "made.h5"]).ok();
    assert!(
        page.stdout.contains("PR-AUC  of zeros") && page.stdout.contains("(best on validation)"),
        "{}",
        page.stdout
    );
}

/// A pendulum of two links that nothing drives: no action, and B has no column.
#[test]
fn a_model_without_actuators_is_learned_by_every_network() {
    let place = Place::new();
    place.write(
        "free.xml",
        r#"<mujoco><option timestep=".01"/><worldbody><body pos="0 0 2"><joint axis="0 1 0"/><geom type="capsule"
        fromto="0 0 0 0 0 -.5" size=".05"/><body pos="0 0 -.5"><joint axis="0 1 0"/><geom type="capsule"
        fromto="0 0 0 0 0 -.5" size=".05"/></body></body></worldbody></mujoco>"#,
    );
    let start = ["--episodes", "8", "--steps", "60", "--reset-noise", "0.5"];
    place.run(&[&["record", "free.xml", "-o", "made.h5"], &start[..]].concat()).ok();
    let models: Vec<String> = ModelKind::ALL.iter().map(ToString::to_string).collect();
    let ran = quick(&place, "out", &["--model", &models.join(","), "--loss", "mse+mae-jac"]).ok();
    assert!(ran.stdout.contains(&format!("out: {} runs", models.len())), "{}", ran.stdout);
    let again = place.run(&["evaluate", "out/free-mlp-mse+mae-jac-s0", "made.h5"]).ok();
    assert!(again.stdout.contains("ROC-AUC"), "{}", again.stdout);
}

/// A body that falls, a pendulum on a ball joint that a muscle turns, and a wheel; a mocap body that nothing follows.
const THROWN: &str = r#"<mujoco><option timestep=".005"/><worldbody><geom type="plane" size="5 5 .1"/>
  <body name="goal" mocap="true" pos="1 1 1"><geom size=".05" contype="0" conaffinity="0"/></body>
  <body name="box" pos="0 0 .4"><freejoint name="box"/><geom type="box" size=".1 .08 .05"/></body>
  <body pos="0 2 2"><joint name="hang" type="ball"/><geom type="capsule" fromto="0 0 0 0 0 -.5" size=".05"/>
    <body pos="0 0 -.5"><joint name="wheel" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 .1 0 -.2" size=".05"/></body>
  </body></worldbody>
  <actuator><general joint="hang" gear="1 .5 .2" ctrlrange="-1 1" ctrllimited="true" dyntype="filter" dynprm=".05"/>
  <motor joint="wheel" gear=".1" ctrlrange="-1 1" ctrllimited="true"/></actuator></mujoco>"#;

fn thrown(place: &Place) {
    place.write("thrown.xml", THROWN);
    let noise = ["--policy", "uniform", "--reset-noise", "0.5"];
    place
        .run(&[&["record", "thrown.xml", "-o", "made.h5", "--episodes", "8", "--steps", "60"], &noise[..]].concat())
        .ok();
}

#[test]
fn free_and_ball_joints_are_learned_by_every_network_and_target() {
    let place = Place::new();
    thrown(&place);
    let models: Vec<String> = ModelKind::ALL.iter().map(ToString::to_string).collect();
    let all = ["--model", &models.join(","), "--loss", "mse+sae", "--target", "next,increment,acceleration"];
    let ran = quick(&place, "out", &[&all[..], &["--steps", "20", "--width", "8"]].concat()).ok();
    assert!(ran.stdout.contains(&format!("out: {} runs", 3 * models.len())), "{}", ran.stdout);
    assert!(ran.stdout.lines().all(|l| l.chars().count() <= 80), "{}", ran.stdout);
    for part in ["target: acceleration", "present state", "constant velocity"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let page = String::from_utf8(place.read("out/report.html")).expect("text");
    assert!(page.contains("nothing learned") && page.contains("mlp mse+sae increment"));
    let table = String::from_utf8(place.read("out/figures/data/learned_baselines.csv")).expect("text");
    assert!(table.contains("thrown,constant velocity,"), "{table}");
    // Again, and with other features, from the same file.
    for run in ["thrown-mlp-mse+sae-s0", "thrown-graph-mse+sae-acceleration-s0"] {
        let later = place.run(&["evaluate", &format!("out/{run}"), "made.h5", "--states", "40", "--json"]).ok();
        let then: Value = serde_json::from_slice(&place.read(&format!("out/{run}/result.json"))).expect("JSON");
        assert_eq!(serde_json::from_str::<Value>(&later.stdout).expect("JSON"), then["evaluation"], "{run}");
    }
    let other = ["--features", "quat+sincos+local", "--target", "increment"];
    let [first, second] = ["a", "b"].map(|out| {
        quick(&place, out, &other).ok();
        place.read(&format!("{out}/thrown-mlp-mse+sae-increment-quat+sincos+local-s0/result.json"))
    });
    assert_eq!(first, second, "the same command, the same bits");
    // Gates of features, where directions of an orientation belong together; undecided entries count out.
    let gates = ["--model", "adaptive", "--loss", "mse+mask", "--target", "increment"];
    let [first, second] = ["a", "b"].map(|out| {
        quick(&place, out, &gates).ok();
        place.read(&format!("{out}/thrown-adaptive-mse+mask-increment-s0/model.safetensors"))
    });
    assert_eq!(first, second, "the same command, the same bits");
    // Networks of other features have folders of their own.
    quick(&place, "a", &["--features", "quat", "--target", "increment"]).ok();
    assert!(place.has("a/thrown-mlp-mse+sae-increment-quat-s0/model.safetensors"));
}

/// A body that swings on a ball joint: a network that learns increments comes near the true Jacobian, far nearer than what has
/// learned nothing.
#[test]
fn the_jacobian_of_a_body_on_a_ball_joint_is_learned() {
    let place = Place::new();
    place.write(
        "fly.xml",
        r#"<mujoco><option timestep=".02"/><worldbody><body><joint name="hang" type="ball" damping=".2" stiffness="1"/>
        <geom type="box" pos="0 0 -.4" size=".1 .2 .3"/></body></worldbody><actuator><motor joint="hang" gear="30 0 0"
        ctrlrange="-1 1" ctrllimited="true"/><motor joint="hang" gear="0 30 20" ctrlrange="-1 1" ctrllimited="true"/></actuator></mujoco>"#,
    );
    let noise = ["--policy", "uniform", "--reset-noise", "0.3", "--episodes", "20", "--steps", "100"];
    place.run(&[&["record", "fly.xml", "-o", "fly.h5"], &noise[..]].concat()).ok();
    let data = Data::read(&place.path("fly.h5"), &Split::default()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((data.inputs(), data.outputs(), data.coordinates.inputs()), (8, 6, 11));
    let data = data.with_target(LearningTarget::Increment);
    let training = Training { lr: 3e-3, ..short(800) };
    let mut spec = spec(ModelKind::Mlp, 64, "mse", training);
    spec.target = LearningTarget::Increment;
    let (_, found) = train(&data, &spec, &place.path("run"));
    let [present, constant] = &found.baselines[..] else { panic!("two baselines") };
    assert!(found.next.mse < 0.05 * present.mse.min(constant.mse), "{:?} {present:?} {constant:?}", found.next);
    let relative = found.jacobian.relative.expect("a truth");
    for nothing in [present, constant] {
        assert!(relative < 0.3 * nothing.jacobian.expect("a truth"), "{relative} {nothing:?}");
    }
}

/// What never changes is named and left out; all else is learned and scored.
#[test]
fn what_never_changes_is_in_no_score() {
    let place = Place::new();
    let mut made = linear(5, 40, false);
    made.episodes.iter_mut().flatten().for_each(|s| (s.x[2], s.x[INPUTS + 2]) = (0.25, 0.25));
    made.write(&place.path("made.h5"));
    let ran = quick(&place, "out", &[]).ok();
    assert!(ran.stdout.contains("never change, in no score: vel:x"), "{}", ran.stdout);
    let data = Data::read(&place.path("made.h5"), &Split::default()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((data.still(), data.norm.std[2]), (vec!["vel:x".to_owned()], 1.0));
    let truths = data.truths(&[7]).unwrap();
    for (entry, verdict) in truths.verdicts(0).iter().enumerate() {
        let out = entry / INPUTS == 2 || entry % INPUTS == 2;
        assert_eq!(*verdict == ZeroVerdict::Undecided.code(), out, "{entry}");
    }
    let result: Value = serde_json::from_slice(&place.read("out/Made-mlp-mse+sae-s0/result.json")).expect("JSON");
    let judged = &result["evaluation"]["judged"];
    let [states, entries] = ["states", "entries"].map(|name| judged[name].as_u64().expect("a number"));
    assert_eq!(entries, states * (STATE as u64 - 1) * (INPUTS as u64 - 1));
}

#[test]
fn masks_along_an_episode_are_those_of_the_recording() {
    let place = Place::new();
    let made = linear(6, 40, true);
    made.write(&place.path("made.h5"));
    let data = Data::read(&place.path("made.h5"), &Split::default()).unwrap_or_else(|e| panic!("{e}"));
    let (_, found) = train(&data, &spec(ModelKind::Oracle, 16, "mse", short(60)), &place.path("run"));
    let strip = found.strip.expect("a stretch");
    assert_eq!((strip.first, strip.truth[0].len()), (0, 40), "the whole of a short episode");
    assert_eq!([strip.entries.len(), strip.truth.len()], [strip.found.len(); 2]);
    let steps: Vec<usize> = data.episodes[strip.episode].clone().collect();
    let truths = data.truths(&steps).unwrap();
    let names: Vec<&String> = data.state.iter().chain(&data.action).collect();
    for (entry, truth) in strip.entries.iter().zip(&strip.truth) {
        let (output, input) = entry.split_once(" / ").expect("two names");
        let at = |name: &str| names.iter().position(|n| *n == name).expect("a name");
        let expected = |step: usize| match truths.verdicts(step)[at(output) * INPUTS + at(input)] {
            0 => '1',
            1 => '0',
            _ => '?',
        };
        assert_eq!(*truth, (0..40).map(expected).collect::<String>(), "{entry}");
        assert!(truth.contains('0') && truth.contains('1'), "{entry} varies");
    }
    // The oracle cannot call an edge what the truth has shut.
    for (truth, found) in strip.truth.iter().zip(&strip.found) {
        assert!(truth.chars().zip(found.chars()).all(|(t, f)| t != '0' || f == '0'), "{truth} {found}");
    }
}

#[test]
fn the_graph_follows_the_kinematic_tree_of_the_recording() {
    let place = Place::new();
    let link = |inner: &str, name: &str| {
        format!(
            "<body pos='0 0 -0.3'><joint name='{name}' axis='0 1 0'/><geom type='capsule' size='0.05' fromto='0 0 0 0 0 -0.3'/>{inner}</body>"
        )
    };
    let chain = link(&link("", "b"), "a");
    let motor = "<actuator><motor joint='b' ctrlrange='-1 1'/></actuator>";
    place.write("chain.xml", format!("<mujoco><worldbody>{chain}</worldbody>{motor}</mujoco>"));
    place.run(&["record", "chain.xml", "-o", "chain.h5", "--episodes", "4", "--steps", "20"]).ok();
    let data = Data::read(&place.path("chain.h5"), &Split::default()).unwrap_or_else(|e| panic!("{e}"));
    let tree = data.kinematics.clone().expect("a tree");
    assert_eq!((tree.dof_parent, tree.ctrl_dofs), (vec![-1, 0], vec![vec![1]]));
    let args = ["learn", "chain.h5", "--model", "graph", "--width", "8", "--steps", "20", "--batch", "8", "-o", "out"];
    let ran = place.run(&args).ok();
    assert!(ran.stdout.contains("graph"), "{}", ran.stdout);
    place.run(&["evaluate", "out/chain-graph-mse-s0", "chain.h5"]).ok();
    Made { tells_kinematics: false, ..linear(5, 20, false) }.write(&place.path("made.h5"));
    place.run(&["learn", "made.h5", "--model", "graph"]).refused(&["made.h5", "kinematic tree", "record it again"]);
}

fn npz(place: &Place, name: &str, arrays: &[(&str, &[usize], Vec<f64>)]) {
    let mut archive = common::npz::Archive::create(&place.path(name));
    for (array, shape, values) in arrays {
        archive.put(array, shape, values);
    }
}

/// A and B of all steps, every entry times `f(i, j)`.
fn truth(made: &Made, f: impl Fn(usize, usize) -> f64) -> [Vec<f64>; 2] {
    let steps: Vec<&Step> = made.episodes.iter().flatten().collect();
    let a = steps.iter().flat_map(|s| s.a.iter().enumerate().map(|(e, x)| x * f(e / STATE, e % STATE))).collect();
    let b = steps.iter().flat_map(|s| s.b.iter().enumerate().map(|(e, x)| x * f(e, STATE))).collect();
    [a, b]
}

#[test]
fn the_truth_scores_full_marks() {
    let place = Place::new();
    let made = linear(3, 20, true);
    made.write(&place.path("made.h5"));
    let [a, b] = truth(&made, |_, _| 1.0);
    npz(&place, "right.npz", &[("A", &[60, STATE, STATE], a.clone()), ("B", &[60, STATE, 1], b.clone())]);
    let run = |file: &str| {
        let ran = place.run(&["score", "--truth", "made.h5", "--prediction", file, "--json"]).ok();
        serde_json::from_str::<Value>(&ran.stdout).expect("JSON")
    };
    let found = run("right.npz");
    assert_eq!((&found["states"], &found["jacobian"]["mae"]), (&Value::from(60), &Value::from(0.0)));
    assert_eq!(found["recovered"]["groups"][0]["roc_auc"], 1.0);
    assert_eq!(found["recovered"]["groups"][0]["cuts"][0]["shd"], 0.0);
    assert_eq!(found["sparsity"]["model"], found["sparsity"]["target"]);
    // Some steps in another order, as edges.
    let per = STATE * INPUTS;
    let data = Data::whole(&place.path("made.h5"), StateFeatures::default(), None).unwrap_or_else(|e| panic!("{e}"));
    let steps = [33usize, 4, 17];
    let truths = data.truths(&steps).unwrap();
    let edges: Vec<f64> = truths.all_verdicts().iter().map(|v| f64::from(u8::from(*v == 0))).collect();
    assert_eq!(edges.len(), 3 * per);
    let which: Vec<f64> = steps.iter().map(|s| *s as f64).collect();
    npz(&place, "edges.npz", &[("edges", &[3, STATE, INPUTS], edges), ("steps", &[3], which)]);
    let found = run("edges.npz");
    assert_eq!((&found["states"], &found["jacobian"]), (&Value::from(3), &Value::Null));
    assert_eq!(found["recovered"]["groups"][0]["cuts"][0]["f1"], 1.0);
    // Of a normalised map, which says so.
    let std: [f64; INPUTS] = [0.5, 20.0, 3.0, 0.01, 7.0];
    let scale = |i: usize, j: usize| std[j] / std[i];
    let [na, nb] = truth(&made, scale);
    let arrays = [("A", &[60, STATE, STATE][..], na), ("B", &[60, STATE, 1], nb), ("std", &[INPUTS], std.to_vec())];
    npz(&place, "normal.npz", &arrays);
    assert!(run("normal.npz")["jacobian"]["mae"].as_f64().expect("a number") < 1e-6);
    let page = place.run(&["score", "--truth", "made.h5", "--prediction", "right.npz"]).ok();
    assert!(page.stdout.contains("entries that vary"), "{}", page.stdout);
}

#[test]
fn predictions_that_do_not_fit_are_refused() {
    let place = Place::new();
    let mut made = linear(3, 20, true);
    // Positions in other units than velocities, so that a normalised Jacobian is another one.
    for step in made.episodes.iter_mut().flatten() {
        for i in 0..STATE {
            for j in 0..STATE {
                step.a[i * STATE + j] *= if i < 2 { 100.0 } else { 1.0 } / if j < 2 { 100.0 } else { 1.0 };
            }
            step.b[i] *= if i < 2 { 100.0 } else { 1.0 };
        }
        for i in [0, 1, INPUTS, INPUTS + 1] {
            step.x[i] *= 100.0;
        }
    }
    made.write(&place.path("made.h5"));
    let [a, b] = truth(&made, |_, _| 1.0);
    let refused = |name: &str, arrays: &[(&str, &[usize], Vec<f64>)], parts: &[&str]| {
        npz(&place, name, arrays);
        place.run(&["score", "--truth", "made.h5", "--prediction", name]).refused(&[&[name], parts].concat());
    };
    let (sa, sb) = ([60, STATE, STATE], [60, STATE, 1]);
    refused(
        "a.npz",
        &[("A", &[60, STATE, 3], a[..720].to_vec()), ("B", &sb, b.clone())],
        &["A has the shape [60, 4, 3]"],
    );
    refused(
        "a2.npz",
        &[("A", &[60, STATE, STATE + 2], [&a[..], &a].concat()[..1440].to_vec())],
        &["more than one number"],
    );
    #[cfg(unix)]
    {
        assert!(std::process::Command::new("mkfifo").arg(place.path("pipe.npz")).status().expect("mkfifo").success());
        place.run(&["score", "--truth", "made.h5", "--prediction", "pipe.npz"]).refused(&["pipe.npz", "a pipe"]);
    }
    refused("b.npz", &[("A", &sa, a.clone())], &["no array B"]);
    let twice = [
        ("A", &[2, STATE, STATE][..], a[..32].to_vec()),
        ("B", &[2, STATE, 1], b[..8].to_vec()),
        ("steps", &[2], vec![3.0; 2]),
    ];
    refused("twice.npz", &twice, &["steps has 3 twice"]);
    refused("c.npz", &[("jacobian", &sa, a.clone())], &["\"jacobian\"", "arrays are A, B, edges"]);
    refused("d.npz", &[("steps", &[1], vec![0.0])], &["neither A (with B) nor edges"]);
    refused(
        "e.npz",
        &[("A", &[2, STATE, STATE], a[..32].to_vec()), ("B", &[2, STATE, 1], b[..8].to_vec())],
        &["2 steps, the recording has 60", "`steps`"],
    );
    let two = [
        ("A", &[1, STATE, STATE][..], a[..16].to_vec()),
        ("B", &[1, STATE, 1], b[..4].to_vec()),
        ("steps", &[1], vec![60.0]),
    ];
    refused("f.npz", &two, &["steps[0] is 60", "0 to 59"]);
    let mut broken = a.clone();
    broken[17] = f64::NAN;
    refused("g.npz", &[("A", &sa, broken), ("B", &sb, b.clone())], &["A is not finite at row 1"]);
    let norm =
        Data::whole(&place.path("made.h5"), StateFeatures::default(), None).unwrap_or_else(|e| panic!("{e}")).norm;
    let [na, nb] = truth(&made, |i, j| norm.std[j] / norm.std[i]);
    refused("h.npz", &[("A", &sa, na), ("B", &sb, nb)], &["normalised map", "`std`"]);
    place.write("i.npz", b"no zip");
    place.run(&["score", "--truth", "made.h5", "--prediction", "i.npz"]).refused(&["i.npz", "numpy.savez"]);
    place.run(&["score", "--truth", "made.h5", "--prediction", "none.npz"]).refused(&["none.npz", "No such file"]);
}

#[test]
fn recordings_that_cannot_be_learned_are_refused() {
    let place = Place::new();
    linear(2, 20, false).write(&place.path("made.h5"));
    quick(&place, "out", &[]).refused(&["made.h5", "has 2 episodes", "--episodes"]);
    let mut made = linear(5, 20, false);
    made.episodes[1][3].x[INPUTS + 1] = f64::NAN;
    made.write(&place.path("broken.h5"));
    place.run(&["learn", "broken.h5"]).refused(&["broken.h5", "qpos_next[23, 1] is not finite"]);
    let body = "<body pos='0 0 1'><freejoint/><geom size='0.1'/></body>";
    place.write("free.xml", format!("<mujoco><worldbody>{body}</worldbody></mujoco>"));
    place.run(&["record", "free.xml", "-o", "free.h5", "--episodes", "3", "--steps", "5"]).ok();
    common::open_to_change(&place.path("free.h5")).delete_attr("kinematics").expect("an attribute");
    place.run(&["learn", "free.h5"]).refused(&["free.h5", "does not tell its joints", "nq = 7, nv = 6"]);
    linear(5, 20, false).write(&place.path("told.h5"));
    place.run(&["learn", "told.h5", "--features", "6d+local"]).refused(&["told.h5", "no free joint"]);
    Made { tells_kinematics: false, ..linear(5, 20, false) }.write(&place.path("untold.h5"));
    let told = ["untold.h5", "does not tell its joints", "record it again"];
    place.run(&["learn", "untold.h5", "--features", "sincos"]).refused(&told);
    let mut made = linear(5, 20, false);
    made.episodes.iter_mut().flatten().for_each(|s| s.flags = StepFlags::LIMIT_SWITCH.bits());
    made.write(&place.path("switches.h5"));
    let ran = place.run(&["learn", "switches.h5", "-o", "switches"]);
    ran.refused(&["switches.h5", "none of the 20 states of its test episodes has a Jacobian"]);
    assert!(!place.has("switches"), "known before anything is trained");
    place.run(&["learn", "none.h5"]).refused(&["none.h5", "no such file"]);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let place = Place::new();
    linear(5, 20, false).write(&place.path("made.h5"));
    #[cfg(not(feature = "gpu"))]
    place.run(&["learn", "made.h5", "--backend", "gpu"]).refused(&["no backend gpu", "--features gpu"]);
    for (args, parts) in [
        (&["--loss", "sae"][..], &["mse is missing"][..]),
        (&["--loss", "mse+huber"], &["huber", "losses are"]),
        (&["--model", "lstm"], &["lstm", "models are mlp"]),
        (&["--memory", "much"], &["memory"]),
        (&["--target", "velocity"], &["velocity", "targets are next, increment, acceleration"]),
        (&["--features", "euler"], &["euler", "features are 6d or quat"]),
        (&["--backend", "tpu"], &["tpu", "backends are cpu and gpu"]),
    ] {
        place.run(&[&["learn", "made.h5"], args].concat()).usage(parts);
    }
    place.run(&["learn"]).usage(&["<FILE>"]);
    quick(&place, "out", &["--lr=-1"]).refused(&["lr is -1"]);
    quick(&place, "out", &["--lr", "0"]).refused(&["lr is 0"]);
    quick(&place, "out", &["--depth", "9"]).refused(&["depth must be 1 to 6"]);
    for (args, parts) in [
        (&["--batch", "1000000000000"][..], &["batch is 1000000000000; it must be 0 to 1000000"][..]),
        (&["--steps", "1000000000000"], &["steps is 1000000000000"]),
        (&["--steps", "100000000", "--check-every", "1"], &["100000000 looks", "raise check_every"]),
        (&["--columns", "18446744073709551615"], &["columns is 18446744073709551615"]),
        (&["--patience", "18446744073709551615"], &["patience is 18446744073709551615"]),
        (&["--states", "18446744073709551615"], &["states is 18446744073709551615"]),
        (&["--seeds", "18446744073709551615"], &["seeds 18446744073709551615", "runs: lower one of them"]),
        (&["--width", "1000000000000"], &["width is 1000000000000; it must be 1 to 16384"]),
        (&["--width", "16384", "--depth", "6"], &["weights, more than 100000000"]),
        (&["--batch", "1000000", "--width", "1024"], &["batch 1000000 x", "numbers in a tensor"]),
    ] {
        quick(&place, "out", args).refused(parts);
    }
    let many = ["learn", "made.h5", "--weights", "1000000000000"];
    place.run(&many).refused(&["weights is 1000000000000; it must be 1 to 100000000"]);
    place.write("grid.toml", "recordings = [\"made.h5\"]\n[training]\nvalidation_states = 9999999999\n");
    place.run(&["learn", "--grid", "grid.toml"]).refused(&["validation_states is 9999999999"]);
    place.run(&["learn", "--grid", "/dev/zero"]).refused(&["/dev/zero: cannot be read", "regular file"]);
    place.run(&["learn", "made.h5", "made.h5"]).refused(&["second recording of Made"]);
    quick(&place, "out", &["--target", "next,next"]).refused(&["targets has next twice"]);
    place.write("grid.toml", "recordings = [\"made.h5\"]\nmodel = [\"mlp\"]\n");
    place.run(&["learn", "--grid", "grid.toml"]).refused(&["grid.toml", "model"]);
    place.write("grid.toml", "recordings = [\"made.h5\"]\nlosses = [\"mse+mse\"]\n");
    place.run(&["learn", "--grid", "grid.toml"]).refused(&["grid.toml", "mse is there twice"]);
}

#[test]
fn a_checkpoint_or_model_of_another_run_is_refused() {
    let place = Place::new();
    linear(5, 20, false).write(&place.path("made.h5"));
    quick(&place, "out", &[]).ok();
    let run = "out/Made-mlp-mse+sae-s0";
    let model = format!("{run}/model.safetensors");
    quick(&place, "out", &["--batch", "16"]).failed(&["model.safetensors", "another training settings"]);
    quick(&place, "out", &["--width", "8"]).failed(&["model.safetensors", "another model"]);
    let bytes = place.read(&model);
    place.write(&model, &bytes[..bytes.len() / 2]);
    place.run(&["evaluate", run, "made.h5"]).refused(&["model.safetensors", "no whole safetensors file"]);
    place.write(&model, common::weights::unsealed(&bytes));
    place.run(&["evaluate", run, "made.h5"]).refused(&["model.safetensors", "no checksum", "Remove it"]);
    quick(&place, "out", &[]).failed(&["model.safetensors", "no checksum", "trains this network alone"]);
    place.write(&model, &bytes[..bytes.len() / 2]);
    std::fs::rename(place.path(&model), place.path(&format!("{run}/checkpoint.safetensors"))).expect("a rename");
    quick(&place, "out", &[]).failed(&["checkpoint.safetensors", "no whole safetensors file"]);
    place.run(&["evaluate", run, "made.h5"]).refused(&["has no model.safetensors"]);
}

#[test]
fn a_loss_that_diverges_keeps_the_last_good_weights() {
    let place = Place::new();
    linear(5, 20, false).write(&place.path("made.h5"));
    let args = ["--lr", "1e30", "--check-every", "1"];
    quick(&place, "out", &args).failed(&["1 of 1 runs diverged", "--lr", "checkpoint.safetensors"]);
    // A run beside it is not lost.
    let place = Place::new();
    linear(5, 20, false).write(&place.path("made.h5"));
    let both = ["--loss", "mse,mse+l1:1e39", "--clip", "1e300"];
    let args: Vec<&str> = ["learn", "made.h5", "-o", "out", "--steps", "60", "--batch", "32", "--width", "16"].to_vec();
    let ran = place.run(&[&args[..], &both].concat());
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stderr);
    assert!(ran.stdout.contains("out: 1 runs") && ran.stderr.contains("1 of 2 runs diverged"), "{}", ran.stderr);
    assert!(place.has("out/Made-mlp-mse-s0/result.json"));
}

/// Once, one flipped bit of a checkpoint gave other weights in the end, and exit status 0.
#[test]
fn a_flipped_bit_is_found_and_removing_the_file_mends_it() {
    let place = Place::new();
    linear(5, 20, false).write(&place.path("made.h5"));
    quick(&place, "out", &[]).ok();
    let run = "out/Made-mlp-mse+sae-s0";
    let [model, checkpoint] = ["model", "checkpoint"].map(|name| format!("{run}/{name}.safetensors"));
    let good = place.read(&model);
    let mut dice = Dice(6);
    for _ in 0..200 {
        let mut bytes = good.clone();
        let bit = dice.below(8 * bytes.len() as u64) as usize;
        bytes[bit / 8] ^= 1 << (bit % 8);
        place.write(&model, bytes);
        let error = Trained::read(&place.path(run), &learn::Place::cpu()).err().unwrap_or_else(|| panic!("bit {bit}"));
        assert!(error.to_string().contains("model.safetensors: "), "bit {bit}: {error}");
    }
    // The last byte is a weight.
    let mut bytes = good.clone();
    *bytes.last_mut().expect("bytes") ^= 1;
    place.write(&model, &bytes);
    let parts = ["model.safetensors: does not have the checksum", "Remove it and give the same command again"];
    place.run(&["evaluate", run, "made.h5"]).refused(&parts);
    quick(&place, "out", &[]).failed(&parts);
    std::fs::rename(place.path(&model), place.path(&checkpoint)).expect("a rename");
    quick(&place, "out", &[]).failed(&["checkpoint.safetensors: does not have the checksum", "Remove it"]);
    std::fs::remove_file(place.path(&checkpoint)).expect("removed");
    quick(&place, "out", &[]).ok();
    assert!(place.read(&model) == good, "trained again to other weights");

    let results = String::from_utf8(place.read("out/results.json")).expect("text");
    place.write("out/results.json", results.replace("\"batch\":32", "\"batch\":33"));
    assert_ne!(place.read("out/results.json"), results.as_bytes());
    let report = ["report", "made.h5", "--learned", "out", "-o", "r.html"];
    place.run(&report).refused(&["out/results.json: does not have the checksum", "dynsparse learn"]);
    quick(&place, "out", &[]).ok();
    assert_eq!(place.read("out/results.json"), results.as_bytes());
    place.run(&report).ok();
}

#[test]
fn names_in_tables_are_no_formulas() {
    let place = Place::new();
    let mut made = linear(5, 20, false);
    made.task = "=1+1,\"a\"";
    made.write(&place.path("made.h5"));
    quick(&place, "out", &[]).ok();
    let table = place.read("out/results.csv");
    let mut reader = csv::Reader::from_reader(&table[..]);
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("a table");
    assert_eq!((rows.len(), &rows[0][0], &rows[0][1]), (1, "'=1+1,\"a\"", "mlp"));
    let analysed = place.run(&["analyze", "made.h5", "-o", "tables"]).ok();
    let text = String::from_utf8(place.read("tables/global.csv")).unwrap_or_default();
    assert!(text.contains("'=1+1"), "{}\n{text}", analysed.stdout);
}

/// Whatever a file of weights says, the program takes it or says in one line why not.
#[test]
fn mutated_weights_are_no_panic() {
    let place = Place::new();
    linear(5, 20, false).write(&place.path("made.h5"));
    quick(&place, "out", &["--steps", "8"]).ok();
    let run = "out/Made-mlp-mse+sae-s0";
    let seed = place.read(&format!("{run}/model.safetensors"));
    fuzz::short(60, |number| {
        place.write(&format!("{run}/model.safetensors"), common::weights::mutate(&seed, number));
        if number % 2 == 0 { place.run(&["evaluate", run, "made.h5"]) } else { quick(&place, "out", &["--steps", "8"]) }
    });
}

#[test]
fn mutated_grids_are_no_panic() {
    let place = Place::new();
    linear(5, 20, false).write(&place.path("made.h5"));
    let seed = common::toml::grid();
    place.write("grid.toml", &seed).run(&["learn", "--grid", "grid.toml", "-o", "out"]).ok();
    fuzz::short(60, |number| {
        let _ = std::fs::remove_dir_all(place.path("out"));
        place.write("grid.toml", common::toml::mutate(&seed, number));
        place.run(&["learn", "--grid", "grid.toml", "-o", "out"])
    });
}
