//! What disturbs episodes, compared with Playground's own `reset` and `step`: `tests/reference/events.py` ran them and says
//! what is in its file.

use std::collections::BTreeMap;
use std::sync::Arc;

use dynsparse::physics::{Model, REQUIRED_VERSION, Sim, SolverMode};
use dynsparse::task::{Assets, Env, EventSpec, Task, playground};
use serde::Deserialize;

use crate::common;
use crate::sample::{Entry, Sample, compare};

/// Episodes that numbers are drawn from.
const EPISODES: u64 = 2000;

#[derive(Deserialize)]
struct Reference {
    mujoco: String,
    tasks: BTreeMap<String, Events>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Events {
    Pushes { every: Entry, size: Entry, angle: Entry, times: Vec<usize> },
    Kicks { wait: Entry, duration: Entry, speed: Entry, given: Given, force: Vec<(usize, f64)> },
    LeapGoal { velocity: [Entry; 3], decay: [f64; 2] },
    PushCubeTarget { patience: usize, levels: Vec<Level> },
}

/// Kicks that were not drawn.
#[derive(Deserialize, Clone, Copy)]
struct Given {
    wait: u64,
    duration: u64,
    speed: f64,
    steps: usize,
}

/// A target after some successes.
#[derive(Deserialize)]
struct Level {
    pos: [Entry; 3],
    angle: Entry,
    linear: Vec<(usize, usize, f64)>,
}

/// A task with its model.
struct Rig {
    task: Task,
    model: Arc<Model>,
    sim: Sim,
}

impl Rig {
    fn new(name: &str, assets: &Assets) -> Self {
        let task = Task::from_catalogue(name, assets).unwrap();
        let model = Arc::new(task.model(SolverMode::Task).unwrap());
        let sim = Sim::new(&model).unwrap();
        Self { task, model, sim }
    }

    /// The rules with another event.
    fn env(&self, change: impl FnOnce(&mut EventSpec)) -> Env {
        let mut task = self.task.clone();
        change(&mut task.spec.events[0]);
        task.env(&self.model).unwrap()
    }

    /// One control step without physics. Whether an event changed something before it.
    fn step(&mut self, env: &mut Env) -> bool {
        let zero = vec![0.0; env.action_labels().map_or(self.model.nu(), |l| l.len())];
        let mut ctrl = vec![0.0; self.model.nu()];
        let moved = env.act(&mut self.sim, &zero, &mut ctrl);
        env.after(&mut self.sim);
        moved
    }
}

/// Notes what differs, by name.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    fn sample(&mut self, name: &str, drawn: Vec<f64>, expected: &Entry) {
        self.0.extend(compare(&Sample::new(drawn), expected).into_iter().map(|w| format!("{name} {w}")));
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, name: &str, found: &T, expected: &T) {
        if found != expected {
            self.0.push(format!("{name}: {found:?}, not {expected:?}"));
        }
    }
}

/// The first push of every episode, and when pushes of a given interval come.
fn pushes(rig: &mut Rig, every: &Entry, size: &Entry, angle: &Entry, times: &Vec<usize>, notes: &mut Notes) {
    let mut drawn: [Vec<f64>; 3] = Default::default();
    let mut env = rig.env(|_| {});
    for episode in 0..EPISODES {
        rig.sim.reset().unwrap();
        env.begin(&rig.sim, 1, episode);
        let mut taken = 1;
        while !rig.step(&mut env) {
            taken += 1;
        }
        let [x, y] = [rig.sim.qvel()[0], rig.sim.qvel()[1]];
        for (list, value) in drawn.iter_mut().zip([f64::from(taken), x.hypot(y), y.atan2(x)]) {
            list.push(value);
        }
    }
    for ((name, list), expected) in ["every", "size", "angle"].into_iter().zip(drawn).zip([every, size, angle]) {
        notes.sample(name, list, expected);
    }
    let seven = 7.0 * rig.task.control_dt(&rig.model);
    let mut env = rig.env(|event| match event {
        EventSpec::Push { interval, .. } => *interval = [seven; 2],
        other => panic!("{other:?}"),
    });
    env.begin(&rig.sim, 1, 0);
    let found: Vec<usize> = (0..21).filter(|_| rig.step(&mut env)).collect();
    notes.equal("times", &found, times);
}

/// Sizes of the force in each control step of an episode.
fn forces(rig: &mut Rig, env: &mut Env, episode: u64, steps: usize) -> Vec<f64> {
    rig.sim.reset().unwrap();
    env.begin(&rig.sim, 1, episode);
    let body = env.forced_bodies().next().unwrap();
    rig.sim.set_body_force(body, [0.0; 6]);
    let size = |rig: &mut Rig, env: &mut Env| {
        rig.step(env);
        rig.sim.body_force(body).iter().map(|x| x * x).sum::<f64>().sqrt()
    };
    (0..steps).map(|_| size(rig, env)).collect()
}

/// Kicks with what is given in place of what would be drawn.
fn kicking(rig: &Rig, wait: Option<u64>, duration: Option<u64>, speed: Option<f64>) -> Env {
    rig.env(|event| match event {
        EventSpec::Kick { wait: waits, duration: durations, speed: speeds, .. } => {
            *waits = wait.map_or(*waits, |n| [n, n + 1]);
            *durations = duration.map_or(*durations, |n| [n, n + 1]);
            *speeds = speed.map_or(*speeds, |x| [x; 2]);
        }
        other => panic!("{other:?}"),
    })
}

fn kicks(rig: &mut Rig, drawn: [&Entry; 3], given: Given, expected: &[(usize, f64)], notes: &mut Notes) {
    let mut env = kicking(rig, Some(given.wait), Some(given.duration), Some(given.speed));
    let force = forces(rig, &mut env, 0, given.steps);
    let mut full = vec![0.0; given.steps];
    expected.iter().for_each(|(i, f)| full[*i] = *f);
    let off = force.iter().zip(&full).position(|(f, e)| (f - e).abs() > 1e-5 * e.max(1.0));
    notes.equal("force", &off.map(|i| (i, force[i], full[i])), &None);

    // One is drawn, the others are chosen so that it shows.
    let mut env = kicking(rig, None, Some(2), Some(1.0));
    let first = |force: Vec<f64>| force.iter().position(|f| *f > 0.0).unwrap() as f64 - 1.0;
    let wait = (0..EPISODES).map(|e| first(forces(rig, &mut env, e, 152))).collect();
    notes.sample("wait", wait, drawn[0]);
    let mut env = kicking(rig, Some(20), None, Some(1.0));
    let nonzero = |force: Vec<f64>| force.iter().filter(|f| **f > 1e-9).count() as f64 + 1.0;
    let duration = (0..EPISODES).map(|e| nonzero(forces(rig, &mut env, e, 40))).collect();
    notes.sample("duration", duration, drawn[1]);
    let mut env = kicking(rig, Some(20), Some(2), None);
    let unit = forces(rig, &mut kicking(rig, Some(20), Some(2), Some(1.0)), 0, 22)[21];
    let speed = (0..EPISODES).map(|e| forces(rig, &mut env, e, 22)[21] / unit).collect();
    notes.sample("speed", speed, drawn[2]);
}

type Quat = [f64; 4];

/// The turn from `a` to `b` in the frame of `a`: axis times angle, rad.
fn turn(a: Quat, b: Quat) -> [f64; 3] {
    let ([w, x, y, z], [p, q, r, s]) = (a, b);
    let d = [
        w * p + x * q + y * r + z * s,
        w * q - x * p - y * s + z * r,
        w * r + x * s - y * p - z * q,
        w * s - x * r + y * q - z * p,
    ];
    let sine = d[1..].iter().map(|v| v * v).sum::<f64>().sqrt();
    // The shorter way round.
    let angle = 2.0 * sine.atan2(d[0].abs()) * d[0].signum();
    let scale = if sine > 0.0 { angle / sine } else { 0.0 };
    [d[1] * scale, d[2] * scale, d[3] * scale]
}

fn leap_goal(rig: &mut Rig, velocity: &[Entry; 3], decay: [f64; 2], notes: &mut Notes) {
    let mut env = rig.env(|_| {});
    let cube = rig.model.sensor("cube_orientation").unwrap();
    let goal = rig.model.sensor("cube_goal_orientation").unwrap();
    // The goal turns for two control steps' time after each.
    let dt = 2.0 * rig.task.control_dt(&rig.model);
    let quat = |sim: &Sim| -> Quat { std::array::from_fn(|i| sim.mocap_quat()[i]) };
    let mut drawn: [Vec<f64>; 3] = Default::default();
    for episode in 0..EPISODES {
        rig.task.reset(&mut rig.sim, 1, episode).unwrap();
        env.begin(&rig.sim, 1, episode);
        let mut speeds = Vec::new();
        for far in [false, true, true] {
            let at = quat(&rig.sim);
            let [w, x, y, z] = at;
            rig.sim.sensordata_mut()[goal.clone()].copy_from_slice(&at);
            // Half a turn away, or there.
            rig.sim.sensordata_mut()[cube.clone()].copy_from_slice(&if far { [-x, w, z, -y] } else { at });
            env.after(&mut rig.sim);
            speeds.push(turn(at, quat(&rig.sim)).map(|v| v / dt));
        }
        drawn.iter_mut().zip(speeds[0]).for_each(|(list, v)| list.push(v));
        let norm = |v: [f64; 3]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        for (pair, left) in speeds.windows(2).zip(decay) {
            assert!((norm(pair[1]) / norm(pair[0]) - left).abs() < 1e-3, "{speeds:?}");
        }
    }
    for ((i, list), expected) in drawn.into_iter().enumerate().zip(velocity) {
        notes.sample(&format!("velocity[{i}]"), list, expected);
    }
}

fn push_cube_target(rig: &mut Rig, patience: usize, levels: &[Level], notes: &mut Notes) {
    let mut env = rig.env(|_| {});
    let joint = rig.model.joint("box_joint").unwrap().qpos;
    let mut drawn: Vec<[Vec<f64>; 4]> = levels.iter().map(|_| Default::default()).collect();
    for episode in 0..EPISODES {
        rig.task.reset(&mut rig.sim, 1, episode).unwrap();
        env.begin(&rig.sim, 1, episode);
        for level in &mut drawn {
            let (pos, quat) = (rig.sim.mocap_pos().to_vec(), rig.sim.mocap_quat().to_vec());
            rig.sim.qpos_mut()[joint..joint + 3].copy_from_slice(&pos);
            rig.sim.qpos_mut()[joint + 3..joint + 7].copy_from_slice(&quat);
            rig.sim.forward().unwrap();
            let mut waited = 0;
            while rig.sim.mocap_pos() == pos {
                env.after(&mut rig.sim);
                waited += 1;
            }
            assert_eq!(waited, patience + 1, "control steps at the target");
            let turned = turn(quat.try_into().unwrap(), rig.sim.mocap_quat().try_into().unwrap());
            let new = rig.sim.mocap_pos();
            // By up to half a turn, one way round.
            let angle = if turned[2] < -1e-9 { turned[2] + std::f64::consts::TAU } else { turned[2] };
            level.iter_mut().zip([new[0], new[1], new[2], angle]).for_each(|(list, x)| list.push(x));
        }
    }
    for (k, (drawn, level)) in drawn.into_iter().zip(levels).enumerate() {
        let samples = drawn.map(Sample::new);
        for (i, (sample, entry)) in samples.iter().zip(level.pos.iter().chain([&level.angle])).enumerate() {
            notes.0.extend(compare(sample, entry).into_iter().map(|w| format!("after {k} successes, entry {i} {w}")));
        }
        for i in 0..4 {
            for j in 0..i {
                let r = samples[i].correlation(&samples[j]);
                let other = level.linear.iter().find(|(a, b, _)| (*a, *b) == (i, j)).map_or(0.0, |p| p.2);
                if (r - other).abs() > 0.15 {
                    notes.0.push(format!("after {k} successes, {i} and {j} have the correlation {r}, not {other}"));
                }
            }
        }
    }
}

#[test]
fn events_are_playgrounds() {
    let reference: Reference = serde_json::from_str(include_str!("../reference/events.json")).unwrap();
    assert_eq!(reference.mujoco, REQUIRED_VERSION);
    let assets = Assets::find(None);
    let mut wrong = Vec::new();
    let names: Vec<&str> = playground().iter().map(|e| e.name.as_str()).collect();
    for name in common::present(&names, &assets) {
        // A swap is compared by rules.rs.
        let events = Task::from_catalogue(name, &assets).unwrap().spec.events;
        let has = events.iter().any(|e| !matches!(e, EventSpec::Swap { .. }));
        assert_eq!(has, reference.tasks.contains_key(name), "{name}: events");
        let Some(expected) = reference.tasks.get(name) else { continue };
        let rig = &mut Rig::new(name, &assets);
        let mut notes = Notes::default();
        match expected {
            Events::Pushes { every, size, angle, times } => pushes(rig, every, size, angle, times, &mut notes),
            Events::Kicks { wait, duration, speed, given, force } => {
                kicks(rig, [wait, duration, speed], *given, force, &mut notes);
            }
            Events::LeapGoal { velocity, decay } => leap_goal(rig, velocity, *decay, &mut notes),
            Events::PushCubeTarget { patience, levels } => push_cube_target(rig, *patience, levels, &mut notes),
        }
        wrong.extend(notes.0.into_iter().map(|w| format!("{name}: {w}")));
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
