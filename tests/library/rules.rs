//! How actions become controls and when episodes end, compared with Playground's own `step`:
//! `tests/reference/actions.py` and `tests/reference/ends.py` ran it and say what is in their files.

use std::collections::BTreeMap;
use std::sync::Arc;

use dynsparse::physics::{Model, REQUIRED_VERSION, Sim, SolverMode};
use dynsparse::task::{Assets, Env, EventSpec, Task, playground};
use serde::Deserialize;

use crate::common;

#[derive(Deserialize)]
struct Reference<T> {
    mujoco: String,
    tasks: BTreeMap<String, T>,
}

impl<T> Reference<T> {
    /// What is wrong with the tasks whose files are there.
    fn differences(&self, differences: impl Fn(&Rig, &T) -> Vec<String>) -> Vec<String> {
        assert_eq!(self.mujoco, REQUIRED_VERSION);
        let names: Vec<&str> = self.tasks.keys().map(String::as_str).collect();
        let mut ours: Vec<&str> = playground().iter().map(|e| e.name.as_str()).collect();
        ours.sort_unstable();
        assert_eq!(ours, names, "the file has every task");
        let assets = Assets::find(None);
        let present = common::present(&names, &assets).into_iter();
        present
            .flat_map(|name| {
                let rig = Rig::new(Task::from_catalogue(name, &assets).unwrap());
                differences(&rig, &self.tasks[name]).into_iter().map(move |w| format!("{name}: {w}"))
            })
            .collect()
    }
}

/// A task with its model.
struct Rig {
    task: Task,
    model: Arc<Model>,
}

impl Rig {
    fn new(task: Task) -> Self {
        let model = Arc::new(task.model(SolverMode::Task).unwrap());
        Self { task, model }
    }

    /// After the reset of an episode.
    fn begin(&self) -> (Sim, Env) {
        (Sim::new(&self.model).unwrap(), self.task.env(&self.model).unwrap())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionCase {
    qpos: Vec<f64>,
    start: Vec<f64>,
    actions: Option<Vec<Vec<f64>>>,
    delay: Option<u64>,
    delays: Option<[u64; 2]>,
    swap: Option<bool>,
    p: Option<f64>,
    swapped: Option<Vec<f64>>,
    ctrl: Vec<Vec<f64>>,
}

/// What `actions.py` adds to every position after a control step.
const NUDGE: f64 = 0.0625;

impl ActionCase {
    fn action(&self, step: usize, size: usize) -> Vec<f64> {
        match &self.actions {
            Some(actions) => actions[step].clone(),
            None => (0..size).map(|i| (((37 * step + 101 * i + 13) % 64) as f64 - 32.0) / 16.0).collect(),
        }
    }

    /// The controls that the task makes of the actions in an episode where its events choose as in this case.
    fn controls(&self, rig: &Rig) -> Vec<Vec<f64>> {
        let (mut sim, mut env) = rig.begin();
        let size = env.action_labels().map_or(rig.model.nu(), |l| l.len());
        let mut ctrl = vec![0.0; rig.model.nu()];
        for episode in 0.. {
            sim.reset().unwrap();
            sim.qpos_mut().copy_from_slice(&self.qpos);
            sim.ctrl_mut().copy_from_slice(&self.start);
            env.begin(&sim, 1, episode);
            let moved = env.act(&mut sim, &self.action(0, size), &mut ctrl);
            if self.swap.is_none_or(|swap| swap == moved) {
                break;
            }
        }
        if let Some(swapped) = &self.swapped {
            assert_eq!(differs(sim.qpos(), swapped), None, "positions after the swap");
        }
        let mut controls = vec![ctrl.clone()];
        for step in 1..self.ctrl.len() {
            env.after(&mut sim);
            sim.qpos_mut().iter_mut().for_each(|q| *q += NUDGE);
            sim.ctrl_mut().copy_from_slice(&ctrl);
            env.act(&mut sim, &self.action(step, size), &mut ctrl);
            controls.push(ctrl.clone());
        }
        controls
    }
}

/// The first entry that is not the expected one but for the rounding of float32, which Playground computes in.
fn differs(found: &[f64], expected: &[f64]) -> Option<String> {
    assert_eq!(found.len(), expected.len(), "number of entries");
    let off = |(x, y): (&f64, &f64)| (x - y).abs() > 1e-5 * y.abs().max(1.0);
    let i = found.iter().zip(expected).position(off)?;
    Some(format!("[{i}] is {}, not {}", found[i], expected[i]))
}

#[test]
fn actions_become_the_controls_that_playground_makes_of_them() {
    let reference: Reference<Vec<ActionCase>> =
        serde_json::from_str(include_str!("../reference/actions.json")).unwrap();
    let wrong = reference.differences(|rig, cases| {
        let mut wrong = Vec::new();
        for (i, case) in cases.iter().enumerate() {
            let controls = case.controls(rig);
            for (step, found) in controls.iter().enumerate() {
                // A delay is drawn anew for every step: its control is that of one of the delays.
                let any = cases.iter().filter(|c| case.delay.is_some() || std::ptr::eq(*c, case));
                let off: Vec<String> = any.map_while(|c| differs(found, &c.ctrl[step])).collect();
                let expected = if case.delay.is_some() { cases.len() } else { 1 };
                if off.len() == expected {
                    wrong.push(format!("case {i}, step {step}: ctrl{}", off[0]));
                }
            }
            if let Some([first, end]) = case.delays {
                assert_eq!(cases.iter().filter_map(|c| c.delay).collect::<Vec<_>>(), (first..end).collect::<Vec<_>>());
            }
            if let Some(p) = case.p {
                let ours = rig.task.spec.events.iter().find_map(|e| match e {
                    EventSpec::Swap { p, .. } => Some(*p),
                    _ => None,
                });
                assert_eq!(ours, Some(p), "share of swaps");
            }
        }
        wrong
    });
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// Positions that are not those of the file's state.
type State = Vec<(usize, f64)>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ends {
    qpos: Vec<f64>,
    mocap_pos: Vec<f64>,
    mocap_quat: Vec<f64>,
    /// Contact sensors that end the episode when they alone are 1.
    touches: Vec<String>,
    /// States in a row, and whether each ends the episode.
    cases: Vec<(Vec<State>, Vec<bool>)>,
}

/// Conditions that nothing can meet, by their number: the cabinet's handle slides along x.
const UNREACHABLE: [(&str, usize); 1] = [("PandaOpenCabinet", 1)];

impl Ends {
    /// Why an episode that goes through these states ends at each of them, if it does.
    fn reasons(&self, states: &[State], sim: &mut Sim, env: &mut Env) -> Vec<Option<String>> {
        sim.reset().unwrap();
        env.begin(sim, 1, 0);
        let judged = states.iter().map(|state| {
            sim.reset().unwrap();
            sim.qpos_mut().copy_from_slice(&self.qpos);
            sim.mocap_pos_mut().copy_from_slice(&self.mocap_pos);
            sim.mocap_quat_mut().copy_from_slice(&self.mocap_quat);
            for (i, x) in state {
                sim.qpos_mut()[*i] = *x;
            }
            sim.forward().unwrap();
            env.after(sim)
        });
        judged.collect()
    }
}

#[test]
fn episodes_end_where_playgrounds_do() {
    let reference: Reference<Ends> = serde_json::from_str(include_str!("../reference/ends.json")).unwrap();
    let wrong = reference.differences(|rig, ends| {
        let mut wrong = Vec::new();
        let (mut sim, mut env) = rig.begin();
        for (states, expected) in &ends.cases {
            let reasons = ends.reasons(states, &mut sim, &mut env);
            if reasons.iter().map(Option::is_some).ne(expected.iter().copied()) {
                wrong.push(format!("{states:?}: ends are {reasons:?}, not {expected:?}"));
            }
        }
        let labels = rig.model.names().sensor.iter().enumerate();
        let sensors: Vec<(usize, &String)> = labels.filter(|(_, name)| name.ends_with("_found")).collect();
        for (at, name) in &sensors {
            ends.reasons(&[State::new()], &mut sim, &mut env);
            sensors.iter().for_each(|(i, _)| sim.sensordata_mut()[*i] = 0.0);
            sim.sensordata_mut()[*at] = 1.0;
            let reason = env.after(&mut sim);
            if reason.is_some() != ends.touches.contains(*name) {
                wrong.push(format!("{name} alone: the end is {reason:?}"));
            }
        }
        // A condition that nothing here meets would not have been compared.
        for i in 0..rig.task.spec.done.len() {
            let mut task = rig.task.clone();
            task.spec.done = vec![task.spec.done[i].clone()];
            let mut alone = task.env(&rig.model).unwrap();
            let met = |states: &Vec<State>| ends.reasons(states, &mut sim, &mut alone).iter().any(Option::is_some);
            let unreachable = UNREACHABLE.contains(&(rig.task.spec.name.as_str(), i));
            if ends.cases.iter().map(|(states, _)| states).any(met) == unreachable {
                let met = if unreachable { "a case meets" } else { "no case meets" };
                wrong.push(format!("{met} {:?}", task.spec.done[0]));
            }
        }
        wrong
    });
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
