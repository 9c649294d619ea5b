//! Rewards and observations equal those of MuJoCo Playground itself.
//!
//! `tests/reference/rewards.py` wrote the expected numbers, in double precision: Playground's own formulas on states of
//! plain MuJoCo. The state in the file is the one before the last physics step, which is taken here.

use std::sync::Arc;

use dynsparse::physics::{Model, REQUIRED_VERSION, Sim, SolverMode};
use dynsparse::task::{Assets, Scorer, Task, playground};
use serde::Deserialize;

/// The formulas are the same, but sums run in another order and the elementary functions come from another library.
/// Where MuJoCo is another build, its step rounds differently as well.
const TOLERANCE: f64 = if cfg!(all(target_os = "linux", target_arch = "x86_64")) { 1e-12 } else { 1e-8 };

#[derive(Deserialize)]
struct Reference {
    mujoco: String,
    playground: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    task: String,
    state: State,
    action: Vec<f64>,
    reward: f64,
    observation: Vec<f64>,
}

/// A state that a reference begins from.
#[derive(Deserialize)]
pub(crate) struct State {
    qpos: Vec<f64>,
    qvel: Vec<f64>,
    ctrl: Vec<f64>,
    qacc_warmstart: Vec<f64>,
    mocap_pos: Vec<f64>,
    mocap_quat: Vec<f64>,
}

impl State {
    pub(crate) fn put(&self, sim: &mut Sim) {
        sim.qpos_mut().copy_from_slice(&self.qpos);
        sim.qvel_mut().copy_from_slice(&self.qvel);
        sim.ctrl_mut().copy_from_slice(&self.ctrl);
        sim.qacc_warmstart_mut().copy_from_slice(&self.qacc_warmstart);
        sim.mocap_pos_mut().copy_from_slice(&self.mocap_pos);
        sim.mocap_quat_mut().copy_from_slice(&self.mocap_quat);
    }
}

fn reference() -> Reference {
    // The floats need serde_json's float_roundtrip, which the program switches on for its own files.
    serde_json::from_str(include_str!("../reference/rewards.json")).unwrap()
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0)
}

#[test]
fn the_file_covers_every_task_done_and_not_done() {
    let reference = reference();
    assert_eq!((reference.mujoco.as_str(), reference.playground.as_str()), (REQUIRED_VERSION, "0.2.0"));
    for task in playground().iter().filter(|e| e.suite == "dm_control_suite") {
        let cases: Vec<&Case> = reference.cases.iter().filter(|c| c.task == task.name).collect();
        let rewards: Vec<f64> = cases.iter().map(|c| c.reward).collect();
        assert!(rewards.len() >= 3, "{}: {rewards:?}", task.name);
        assert!(rewards.iter().any(|r| *r > 0.5), "{}: nothing done: {rewards:?}", task.name);
        assert!(rewards.iter().any(|r| *r < 1.0), "{}: always done: {rewards:?}", task.name);
        for i in 0..cases[0].observation.len() {
            let seen = cases.iter().any(|c| c.observation[i] != 0.0);
            assert!(seen, "{}: entry {i} of the observation is always 0", task.name);
        }
    }
}

#[test]
fn rewards_and_observations_equal_playgrounds() {
    let assets = Assets::find(None);
    let mut loaded: Option<(String, Arc<Model>, Scorer)> = None;
    for case in reference().cases {
        if !assets.has(&case.task) {
            assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "{}: run `cargo xtask setup`", case.task);
            eprintln!("skipped: no files of {} in {}", case.task, assets.root().display());
            continue;
        }
        // Cases of one task follow each other.
        let (model, scorer) = match &loaded {
            Some((task, model, scorer)) if *task == case.task => (model.clone(), scorer.clone()),
            _ => {
                let task = Task::from_catalogue(&case.task, &assets).unwrap();
                let model = Arc::new(task.model(SolverMode::Task).unwrap());
                let scorer = task.scorer(&model).unwrap().expect("every task of the suite has a reward");
                (model, scorer)
            }
        };
        loaded = Some((case.task.clone(), model.clone(), scorer.clone()));
        let mut sim = Sim::new(&model).unwrap();
        case.state.put(&mut sim);
        sim.step().unwrap();

        let reward = scorer.reward(&sim, &case.action);
        assert!(close(reward, case.reward), "{}: {reward}, Playground gives {}", case.task, case.reward);
        let labels = scorer.labels();
        assert_eq!(labels.len(), case.observation.len(), "{}", case.task);
        let mut observation = vec![f64::NAN; labels.len()];
        let mut memory = scorer.begin(&sim, 0, 0);
        scorer.observe(&sim, &mut memory, &mut observation);
        for ((label, found), expected) in labels.iter().zip(&observation).zip(&case.observation) {
            assert!(close(*found, *expected), "{}: {label} is {found}, Playground gives {expected}", case.task);
        }
    }
}
