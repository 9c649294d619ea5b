//! Rewards, their terms and observations along episodes of locomotion and manipulation equal those of MuJoCo Playground itself.
//!
//! `tests/reference/episodes.py` wrote the expected numbers, in double precision: Playground's own `reset` and `step`. The state in
//! the file is the one before the last physics step of a control step, which is taken here.

use std::collections::BTreeMap;

use dynsparse::physics::{REQUIRED_VERSION, Sim, SolverMode};
use dynsparse::task::{Assets, Memory, RewardSpec, Scorer, Taken, Task, playground};
use serde::Deserialize;

use super::rewards::State;

/// As in `rewards.rs`.
const TOLERANCE: f64 = if cfg!(all(target_os = "linux", target_arch = "x86_64")) { 1e-12 } else { 1e-8 };

/// What Playground keeps in single precision: what AeroCubeRotateZAxis sees of tendons and the thumb, and the width of the box of
/// AlohaHandOver.
const SINGLE: f64 = 1e-7;

fn is_single(task: &str, label: &str) -> bool {
    match task {
        "AeroCubeRotateZAxis" => label.starts_with("sensor:len"),
        "AlohaHandOver" => label.ends_with("_finger to box"),
        _ => false,
    }
}

#[derive(Deserialize)]
struct Reference {
    mujoco: String,
    tasks: BTreeMap<String, Vec<Episode>>,
}

#[derive(Deserialize)]
struct Episode {
    given: Given,
    first: First,
    steps: Vec<Step>,
}

/// What the reset drew.
#[derive(Deserialize)]
struct Given {
    command: Option<[f64; 3]>,
    gait_freq: Option<[f64; 1]>,
    phase_dt: Option<[f64; 1]>,
    gait: Option<[f64; 1]>,
    foot_height: Option<[f64; 1]>,
    target_pos: Option<[f64; 3]>,
}

#[derive(Deserialize)]
struct First {
    state: State,
    observation: Vec<f64>,
}

#[derive(Deserialize)]
struct Step {
    state: State,
    action: Vec<f64>,
    command: Option<[f64; 3]>,
    done: bool,
    applied: Option<Vec<f64>>,
    #[serde(default)]
    unreachable: bool,
    reward: f64,
    terms: BTreeMap<String, f64>,
    observation: Vec<f64>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../reference/episodes.json")).unwrap()
}

/// The difference, by the size of the number where that is above 1.
fn apart(found: f64, expected: f64) -> f64 {
    (found - expected).abs() / expected.abs().max(1.0)
}

/// The task's reward with what the environment drew for this episode in place of what may be drawn.
fn as_drawn(spec: &RewardSpec, given: &Given) -> RewardSpec {
    let mut spec = spec.clone();
    match &mut spec {
        RewardSpec::Shaped(spec) => {
            if let (Some(command), Some(at)) = (&mut spec.command, given.command) {
                (command.low, command.high, command.still, command.least) = (at, at, 0.0, None);
            }
            if let Some(gait) = &mut spec.gait {
                // Some environments keep the frequency, the others what follows from it for a control step of 0.02 s.
                let step = given.phase_dt.expect("a gait")[0] / (std::f64::consts::TAU * 0.02);
                let frequency = given.gait_freq.map_or(step, |f| f[0]);
                gait.frequency = [frequency; 2];
                gait.height = gait.height.map(|_| [given.foot_height.expect("a height")[0]; 2]);
                // The number of the gait is one of several; a test sets it below.
            }
        }
        RewardSpec::Panda(spec) => {
            spec.target = spec.target.map(|_| [given.target_pos.expect("a target"); 2]);
        }
        _ => {}
    }
    spec
}

/// The memory of an episode of the gait that was drawn: episodes are tried until one has it.
fn begin(scorer: &Scorer, sim: &Sim, given: &Given) -> Memory {
    let kind = given.gait.map_or(0, |g| g[0] as usize);
    let all = (0..100).map(|episode| scorer.begin(sim, 0, episode));
    all.into_iter().find(|memory| memory.gait() == kind).expect("every gait is drawn")
}

/// The largest differences found: of rewards, of terms, of observations; and what is too far.
#[derive(Default)]
struct Worst([f64; 3], Vec<String>);

impl Worst {
    fn see(&mut self, which: usize, found: f64, expected: f64, what: impl FnOnce() -> String) {
        let x = apart(found, expected);
        // NaN is worse than any.
        if x > self.0[which] || x.is_nan() {
            self.0[which] = x;
        }
        if x >= TOLERANCE || x.is_nan() {
            self.1.push(format!("{} is {found}, Playground gives {expected}", what()));
        }
    }
}

fn compare(name: &str, task: &Task, episodes: &[Episode]) -> Worst {
    let model = std::sync::Arc::new(task.model(SolverMode::Task).unwrap());
    let spec = task.spec.reward.as_ref().expect("every task has a reward");
    let mut worst = Worst::default();
    for (number, episode) in episodes.iter().enumerate() {
        let scorer = Scorer::new(&as_drawn(spec, &episode.given), &model, task.spec.control_dt(&model)).unwrap();
        let labels = scorer.labels();
        let mut sim = Sim::new(&model).unwrap();
        let mut observation = vec![f64::NAN; labels.len()];
        let look = |worst: &mut Worst, expected: &[f64], found: &[f64], when: &str| {
            assert_eq!(found.len(), expected.len(), "{name}: numbers of an observation");
            for ((label, found), expected) in labels.iter().zip(found).zip(expected) {
                if is_single(name, label) {
                    assert!(apart(*found, *expected) < SINGLE, "{name} {when}: {label} is {found}, not {expected}");
                    continue;
                }
                worst.see(2, *found, *expected, || format!("{name} {when}: {label}"));
            }
        };

        episode.first.state.put(&mut sim);
        if task.spec.reset.settle > 0 {
            sim.step().unwrap();
        } else if task.spec.reset.forward {
            sim.forward().unwrap();
        }
        let mut memory = begin(&scorer, &sim, &episode.given);
        scorer.observe(&sim, &mut memory, &mut observation);
        look(&mut worst, &episode.first.observation, &observation, &format!("{number} at first"));

        for (k, step) in episode.steps.iter().enumerate() {
            let when = format!("{number} step {k}");
            if let Some(command) = step.command {
                memory.set_command(command);
            }
            step.state.put(&mut sim);
            sim.step().unwrap();
            let applied = step.applied.as_deref().unwrap_or(&step.action);
            let taken =
                Taken { sim: &sim, action: &step.action, applied, unreachable: step.unreachable, over: step.done };
            let reward = scorer.score(&taken, &mut memory);
            let terms: Vec<(&String, f64)> = scorer.terms().iter().zip(memory.terms().iter().copied()).collect();
            for (term, expected) in &step.terms {
                let found = terms.iter().find(|(name, _)| *name == term).map_or(f64::NAN, |(_, x)| *x);
                worst.see(1, found, *expected, || format!("{name} {when}: {term}"));
            }
            worst.see(0, reward, step.reward, || format!("{name} {when}: the reward"));
            scorer.observe(&sim, &mut memory, &mut observation);
            look(&mut worst, &step.observation, &observation, &when);
            scorer.conclude(&taken, &mut memory);
        }
    }
    worst
}

/// Terms that no short episode shows: hands and thighs of a G1 that meet, and feet of a T1.
const UNSEEN: [(&str, &str); 2] = [("G1JoystickFlatTerrain", "collision"), ("T1JoystickFlatTerrain", "collision")];

#[test]
fn every_term_is_seen() {
    for (name, episodes) in reference().tasks.iter().filter(|(name, _)| !name.contains("Rough")) {
        let mut terms: BTreeMap<&str, bool> = BTreeMap::new();
        for (term, value) in episodes.iter().flat_map(|e| &e.steps).flat_map(|s| &s.terms) {
            *terms.entry(term).or_default() |= *value != 0.0;
        }
        assert!(!terms.is_empty(), "{name}");
        for (term, seen) in terms {
            assert!(seen || UNSEEN.contains(&(name, term)), "{name}: {term} is always 0");
        }
        let rewards: Vec<f64> = episodes.iter().flat_map(|e| &e.steps).map(|s| s.reward).collect();
        assert!(rewards.iter().any(|r| *r != 0.0) && rewards.windows(2).any(|r| r[0] != r[1]), "{name}: {rewards:?}");
    }
}

#[test]
fn rewards_terms_and_observations_equal_playgrounds() {
    let reference = reference();
    assert_eq!(reference.mujoco, REQUIRED_VERSION);
    let assets = Assets::find(None);
    println!("largest differences: reward, term, observation");
    let mut wrong = Vec::new();
    for entry in playground().iter().filter(|e| e.suite != "dm_control_suite") {
        let episodes = reference.tasks.get(&entry.name).unwrap_or_else(|| panic!("no reference for {}", entry.name));
        if !assets.has(&entry.name) {
            // The meshes of some robots are large; a set-up without them leaves their tasks out.
            assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "{}: run `cargo xtask setup`", entry.name);
            eprintln!("skipped: no files of {} in {}", entry.name, assets.root().display());
            continue;
        }
        let task = Task::from_catalogue(&entry.name, &assets).unwrap();
        let Worst([reward, term, observation], mut found) = compare(&entry.name, &task, episodes);
        println!("{:<36} {reward:.1e} {term:.1e} {observation:.1e}", entry.name);
        found.truncate(5);
        wrong.append(&mut found);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
