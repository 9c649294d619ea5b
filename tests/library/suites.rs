//! Suites beyond Playground: how episodes start and how one goes on, its states to the last bit, equal what the suite's own
//! environments do.
//!
//! `tests/reference/suites.py` wrote the expected numbers with the suite installed.

use std::collections::BTreeMap;
use std::sync::Arc;

use dynsparse::physics::{REQUIRED_VERSION, Sim, SolverMode};
use dynsparse::seal::sha256_hex;
use dynsparse::task::{Assets, Scorer, Taken, Task, suites, tasks_of};
use rayon::prelude::*;
use serde::Deserialize;

use crate::common;
use crate::resets::{Drawn, drawn_differences};
use crate::rollouts::BITWISE;
use crate::sample::N;

/// As in `rewards.rs`.
const TOLERANCE: f64 = if BITWISE { 1e-12 } else { 1e-8 };

/// References by suite.
const REFERENCES: [(&str, &str); 3] = [
    ("gymnasium", include_str!("../reference/suites/gymnasium.json")),
    ("dm_control", include_str!("../reference/suites/dm_control.json")),
    ("menagerie", include_str!("../reference/suites/menagerie.json")),
];

#[derive(Deserialize)]
struct Reference {
    about: String,
    mujoco: String,
    tasks: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct Expected {
    episode: Episode,
    /// None where the suite has no tasks, and so no resets.
    resets: Option<Drawn>,
}

#[derive(Deserialize)]
struct Episode {
    start: Start,
    /// The first control step that ends it.
    ended: Option<usize>,
    /// By the number of control steps.
    states: BTreeMap<usize, State>,
    rewards: Vec<f64>,
    observations: BTreeMap<usize, Vec<f64>>,
}

#[derive(Deserialize)]
struct Start {
    qpos: Vec<f64>,
    qvel: Vec<f64>,
    act: Vec<f64>,
    ctrl: Vec<f64>,
    mocap_pos: Vec<f64>,
    mocap_quat: Vec<f64>,
    qacc_warmstart: Vec<f64>,
}

#[derive(Deserialize)]
struct State {
    sha256: String,
    qpos: Vec<f64>,
}

fn references() -> Vec<(&'static str, Reference)> {
    REFERENCES.iter().map(|(suite, text)| (*suite, serde_json::from_str(text).expect(suite))).collect()
}

/// The tasks of a suite whose files are there; where everything must be tested, that is all.
fn present(suite: &str, assets: &Assets) -> Vec<String> {
    let (there, missing): (Vec<_>, Vec<_>) = tasks_of(suite).iter().partition(|e| assets.has(&e.name));
    let ci = std::env::var("CI").is_ok_and(|v| v == "true");
    assert!(!ci || missing.is_empty(), "files of {suite} are missing: run `{}`", missing[0].fetch);
    if !missing.is_empty() {
        eprintln!("skipped: {} tasks of {suite}, whose files are not in {}", missing.len(), assets.root().display());
    }
    there.into_iter().map(|e| e.name.clone()).collect()
}

fn assets() -> Assets {
    Assets::find(Some(common::vendor().as_ref()))
}

#[test]
fn every_suite_and_every_task_has_a_reference() {
    let references = references();
    let names: Vec<&str> = suites().iter().filter(|s| !s.bare()).map(|s| s.name.as_str()).collect();
    assert_eq!(references.iter().map(|(suite, _)| *suite).collect::<Vec<_>>(), names);
    for (suite, reference) in references {
        assert_eq!(reference.mujoco, REQUIRED_VERSION);
        assert!(reference.about.contains(&format!("N = {N}")), "another number of resets");
        let mut ours: Vec<&str> = tasks_of(suite).iter().map(|e| e.name.as_str()).collect();
        ours.sort_unstable();
        assert_eq!(reference.tasks.keys().collect::<Vec<_>>(), ours, "{suite}");
    }
}

#[test]
fn episodes_start_as_the_suites_do() {
    let assets = assets();
    for (suite, reference) in references() {
        let wrong: Vec<String> = present(suite, &assets)
            .par_iter()
            .flat_map(|name| {
                let task = Task::from_catalogue(name, &assets).unwrap();
                assert!(task.spec.reset.forward, "{name}");
                let Some(resets) = &reference.tasks[name].resets else { return Vec::new() };
                let differences = drawn_differences(task, resets);
                differences.into_iter().map(|w| format!("{name}: {w}")).collect::<Vec<_>>()
            })
            .collect();
        assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    }
}

/// The reference's controls: a fraction in 256ths of the range, different at every step and for every control.
fn control(ranges: &[[f64; 2]], step: usize, i: usize) -> f64 {
    let [low, high] = ranges[i];
    low + (high - low) * (((37 * step + 101 * i) % 256) as f64 / 256.0)
}

fn put(start: &Start, sim: &mut Sim) {
    sim.reset().unwrap();
    sim.qpos_mut().copy_from_slice(&start.qpos);
    sim.qvel_mut().copy_from_slice(&start.qvel);
    sim.act_mut().copy_from_slice(&start.act);
    sim.ctrl_mut().copy_from_slice(&start.ctrl);
    sim.mocap_pos_mut().copy_from_slice(&start.mocap_pos);
    sim.mocap_quat_mut().copy_from_slice(&start.mocap_quat);
    sim.forward().unwrap();
    sim.qacc_warmstart_mut().copy_from_slice(&start.qacc_warmstart);
}

/// What is compared along an episode, and what was found to differ.
struct Run<'a> {
    expected: &'a Episode,
    labels: Vec<String>,
    observation: Vec<f64>,
    /// The largest differences of rewards and observations, by their size where that is above 1.
    worst: [f64; 2],
    wrong: Vec<String>,
}

impl Run<'_> {
    fn see(&mut self, which: usize, found: f64, expected: f64, what: &str) {
        let apart = (found - expected).abs() / expected.abs().max(1.0);
        self.worst[which] = if apart.is_nan() { f64::NAN } else { self.worst[which].max(apart) };
        if apart.is_nan() || apart > TOLERANCE {
            self.wrong.push(format!("{what} is {found}, the suite gives {expected}"));
        }
    }

    /// The observation after `steps` control steps.
    fn look(&mut self, steps: usize) {
        let Some(expected) = self.expected.observations.get(&steps) else { return };
        assert_eq!(self.labels.len(), expected.len(), "numbers of an observation: {:?}", self.labels);
        for (i, expected) in expected.iter().enumerate() {
            let what = format!("{} after {steps} steps", self.labels[i]);
            self.see(1, self.observation[i], *expected, &what);
        }
    }

    /// The state after `steps` control steps.
    fn state(&mut self, sim: &Sim, steps: usize) {
        let Some(expected) = self.expected.states.get(&steps) else { return };
        let numbers = sim.qpos().iter().chain(sim.qvel());
        let hash = sha256_hex(&numbers.flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
        let far = sim.qpos().iter().zip(&expected.qpos).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if if BITWISE { hash != expected.sha256 } else { steps < 10 && far > 1e-6 } {
            self.wrong.push(format!("the state after {steps} steps is another: qpos is {far:e} apart"));
        }
    }
}

/// The worst difference of rewards and of observations, and what is wrong.
fn replay(task: &Task, expected: &Episode) -> ([f64; 2], Vec<String>) {
    let model = Arc::new(task.model(SolverMode::Task).unwrap());
    let mut sim = Sim::new(&model).unwrap();
    let (mut env, scorer): (_, Option<Scorer>) = (task.env(&model).unwrap(), task.scorer(&model).unwrap());
    let labels = scorer.as_ref().map_or(Vec::new(), Scorer::labels);
    let mut run =
        Run { expected, observation: vec![f64::NAN; labels.len()], labels, worst: [0.0; 2], wrong: Vec::new() };
    put(&expected.start, &mut sim);
    env.begin(&sim, 0, 0);
    let mut memory = scorer.as_ref().map(|s| s.begin(&sim, 0, 0)).unwrap_or_default();
    if let Some(scorer) = &scorer {
        scorer.observe(&sim, &mut memory, &mut run.observation);
        run.look(0);
    }
    // Actions that are not controls lie in [-1, 1].
    let own = |i| model.ctrl_range(i).filter(|_| env.action_labels().is_none()).unwrap_or([-1.0, 1.0]);
    let ranges: Vec<[f64; 2]> = (0..model.nu()).map(own).collect();
    let mut ended = None;
    let mut ctrl = vec![0.0; model.nu()];
    for step in 0..*expected.states.keys().last().expect("an episode") {
        let action: Vec<f64> = (0..model.nu()).map(|i| control(&ranges, step, i)).collect();
        env.act(&mut sim, &action, &mut ctrl);
        sim.ctrl_mut().copy_from_slice(&ctrl);
        for _ in 0..task.spec.substeps {
            sim.step().unwrap();
        }
        if task.spec.refresh {
            sim.refresh().unwrap();
        }
        let over = env.over(&sim).is_some();
        ended = ended.or(over.then_some(step + 1));
        run.state(&sim, step + 1);
        if let (Some(scorer), true) = (&scorer, BITWISE || step < 10) {
            let taken = Taken { over, ..Taken::plain(&sim, &action) };
            let reward = scorer.score(&taken, &mut memory);
            if let Some(expected) = expected.rewards.get(step) {
                run.see(0, reward, *expected, &format!("the reward of step {}", step + 1));
            }
            scorer.observe(&sim, &mut memory, &mut run.observation);
            run.look(step + 1);
            scorer.conclude(&taken, &mut memory);
        }
        env.conclude(&mut sim);
    }
    if BITWISE && ended != expected.ended {
        run.wrong.push(format!("it ends after {ended:?} steps, not after {:?}", expected.ended));
    }
    (run.worst, run.wrong)
}

#[test]
fn episodes_go_on_as_the_suites_do() {
    let assets = assets();
    for (suite, reference) in references() {
        let runs: Vec<_> = present(suite, &assets)
            .into_par_iter()
            .map(|name| {
                let task = Task::from_catalogue(&name, &assets).unwrap();
                let (worst, wrong) = replay(&task, &reference.tasks[&name].episode);
                (name, worst, wrong)
            })
            .collect();
        println!("largest differences: reward, observation");
        for (name, [reward, observation], _) in &runs {
            println!("{name:<40} {reward:.1e} {observation:.1e}");
        }
        let wrong: Vec<String> = runs
            .iter()
            .flat_map(|(name, _, wrong)| wrong.iter().take(5).map(move |w| format!("{name}: {w}")))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
