//! How episodes start, compared with Playground itself: `tests/reference/resets.py` drew resets with Playground's own code.

use std::collections::BTreeMap;
use std::sync::Arc;

use dynsparse::physics::{REQUIRED_VERSION, Sim, SolverMode};
use dynsparse::task::{Assets, Task, playground};
use serde::Deserialize;

use crate::common;
use crate::sample::{Entry, FLOAT32, N, SIGMAS, Sample, compare, share_error};

/// Share from which on a value is listed as one that comes up again and again.
const SHARE: f64 = 0.01;

/// Coefficient from which on a pair is listed as correlated.
const CORRELATED: f64 = 0.5;

#[derive(Deserialize)]
struct Reference {
    about: String,
    mujoco: String,
    tasks: BTreeMap<String, Start>,
}

/// How episodes of one task start.
#[derive(Deserialize)]
struct Start {
    forward: bool,
    settle: usize,
    mocap_after_forward: bool,
    #[serde(flatten)]
    drawn: Drawn,
}

/// The states that episodes start in, before settling.
#[derive(Deserialize)]
pub(crate) struct Drawn {
    qpos: Vec<Entry>,
    qvel: Vec<Entry>,
    ctrl: Vec<Entry>,
    mocap_pos: Vec<Entry>,
    mocap_quat: Vec<Entry>,
    #[serde(default)]
    act: Vec<Entry>,
    atoms: Vec<(usize, f64, f64)>,
    linear: Vec<(usize, usize, f64)>,
    folded: Vec<(usize, usize, f64)>,
}

impl Drawn {
    /// Names and entries of all arrays.
    fn entries(&self) -> Vec<(String, &Entry)> {
        let arrays = [
            ("qpos", &self.qpos),
            ("qvel", &self.qvel),
            ("ctrl", &self.ctrl),
            ("mocap_pos", &self.mocap_pos),
            ("mocap_quat", &self.mocap_quat),
            ("act", &self.act),
        ];
        let named = |(name, entries): (&'static str, &'_ Vec<Entry>)| {
            (0..entries.len()).map(move |i| format!("{name}[{i}]")).collect::<Vec<_>>()
        };
        let names: Vec<String> = arrays.iter().flat_map(|a| named(*a)).collect();
        names.into_iter().zip(arrays.into_iter().flat_map(|(_, entries)| entries)).collect()
    }
}

/// What is wrong with the pairs of entries that vary together.
fn compare_pairs(
    what: &str,
    samples: &BTreeMap<usize, Sample>,
    names: &[String],
    expected: &[(usize, usize, f64)],
    wrong: &mut Vec<String>,
) {
    let listed: BTreeMap<(usize, usize), f64> = expected.iter().map(|(i, j, r)| ((*i, *j), *r)).collect();
    for (i, a) in samples {
        for (j, b) in samples.range(..i) {
            let r = a.correlation(b);
            let (i, j) = (*i, *j);
            match listed.get(&(i, j)) {
                // 5 standard errors of a normal pair, and half as much again for others.
                Some(other) if (r - other).abs() > 0.17 * (1.0 - other * other) + 1e-3 => {
                    wrong.push(format!("{} and {} have the {what} correlation {r}, not {other}", names[i], names[j]));
                }
                None if r.abs() > CORRELATED + 0.13 => {
                    wrong
                        .push(format!("{} and {} have the {what} correlation {r}, not a weak one", names[i], names[j]));
                }
                _ => {}
            }
        }
    }
    for (i, j, r) in expected {
        if !(samples.contains_key(i) && samples.contains_key(j)) {
            wrong.push(format!("{} and {} should have the {what} correlation {r}", names[*i], names[*j]));
        }
    }
}

/// All that differs between our resets of a task and Playground's.
fn differences(task: &str, assets: &Assets, expected: &Start) -> Vec<String> {
    let task = Task::from_catalogue(task, assets).unwrap();
    let reset = &task.spec.reset;
    let mut wrong = Vec::new();
    let mut order = |what: &str, found: String, expected: String| {
        if found != expected {
            wrong.push(format!("{what} is {found}, not {expected}"));
        }
    };
    order("the forward pass", reset.forward.to_string(), expected.forward.to_string());
    order("settling", reset.settle.to_string(), expected.settle.to_string());
    order(
        "whether mocap bodies move after the forward pass",
        reset.mocap_after_forward.to_string(),
        expected.mocap_after_forward.to_string(),
    );
    wrong.extend(drawn_differences(task, &expected.drawn));
    wrong
}

/// All that differs between the states that our resets of a task draw and those of its suite.
pub(crate) fn drawn_differences(mut task: Task, expected: &Drawn) -> Vec<String> {
    let mut wrong = Vec::new();
    // What is compared is the state that settling starts from. Where contacts decide on it, they are needed.
    let reset = &mut task.spec.reset;
    reset.settle = 0;
    reset.forward = reset.untouched || reset.lift.is_some();

    let model = Arc::new(task.model(SolverMode::Task).unwrap());
    let mut sim = Sim::new(&model).unwrap();
    let (names, entries): (Vec<_>, Vec<_>) = expected.entries().into_iter().unzip();
    let mut drawn = vec![Vec::with_capacity(N); names.len()];
    for episode in 0..N {
        task.reset(&mut sim, 1, episode as u64).unwrap();
        let mut state = [sim.qpos(), sim.qvel(), sim.ctrl(), sim.mocap_pos(), sim.mocap_quat()].concat();
        if !expected.act.is_empty() {
            state.extend_from_slice(sim.act());
        }
        assert_eq!(state.len(), names.len(), "{}: sizes", task.spec.name);
        drawn.iter_mut().zip(state).for_each(|(list, x)| list.push(x));
    }
    let samples: Vec<Sample> = drawn.into_iter().map(Sample::new).collect();
    for ((name, sample), entry) in names.iter().zip(&samples).zip(entries) {
        wrong.extend(compare(sample, entry).into_iter().map(|w| format!("{name} {w}")));
    }

    let atom = |i: usize, x: f64| {
        let rounding = FLOAT32 * x.abs().max(1.0);
        samples[i].below(x + rounding) - samples[i].below(x - rounding)
    };
    for (i, x, share) in &expected.atoms {
        let found = atom(*i, *x);
        if (found - share).abs() > SIGMAS * share_error(*share, N) {
            wrong.push(format!("{} is {x} in {found} of all resets, not in {share}", names[*i]));
        }
    }
    let random: BTreeMap<usize, Sample> = samples.into_iter().enumerate().filter(|(_, s)| s.width() > 0.0).collect();
    for (i, sample) in &random {
        for run in sample.sorted.chunk_by(|a, b| a == b).filter(|run| run.len() as f64 > 2.0 * SHARE * N as f64) {
            let known =
                expected.atoms.iter().any(|(j, x, _)| i == j && (x - run[0]).abs() < FLOAT32 * x.abs().max(1.0));
            if !known {
                wrong.push(format!("{} is {} in {} resets", names[*i], run[0], run.len()));
            }
        }
    }
    compare_pairs("linear", &random, &names, &expected.linear, &mut wrong);
    let folded = random.iter().map(|(i, s)| (*i, s.folded())).filter(|(_, s)| s.width() > 1e-9).collect();
    compare_pairs("folded", &folded, &names, &expected.folded, &mut wrong);
    wrong
}

#[test]
fn episodes_start_as_playgrounds_do() {
    let reference: Reference = serde_json::from_str(include_str!("../reference/resets.json")).unwrap();
    assert_eq!(reference.mujoco, REQUIRED_VERSION);
    assert!(reference.about.contains(&format!("N = {N}")), "another number of resets");
    let names: Vec<&str> = reference.tasks.keys().map(String::as_str).collect();
    let mut ours: Vec<&str> = playground().iter().map(|e| e.name.as_str()).collect();
    ours.sort_unstable();
    assert_eq!(ours, names, "the file has every task");

    let assets = Assets::find(None);
    let mut wrong = Vec::new();
    for task in common::present(&names, &assets) {
        let differences = differences(task, &assets, &reference.tasks[task]);
        wrong.extend(differences.into_iter().map(|w| format!("{task}: {w}")));
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
