//! Every task's model moves as Playground's: short rollouts equal those of Playground's own `env.mj_model` under
//! MuJoCo's Python binding, to the last bit.
//!
//! `tests/reference/digests.py` wrote the expected hashes. Controls are made of exact arithmetic, so that no libm's sine
//! has a part in this. On other platforms MuJoCo is another build; there the first steps agree to 1e-6.

use std::collections::BTreeMap;
use std::sync::Arc;

use dynsparse::physics::{Model, Sim, SolverMode};
use dynsparse::seal::sha256_hex;
use dynsparse::task::{Assets, Task, playground};
use rayon::prelude::*;
use serde::Deserialize;

use crate::common;

/// Where MuJoCo is the very build that wrote the reference.
pub(crate) const BITWISE: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

#[derive(Deserialize)]
struct Rollout {
    start: String,
    steps: BTreeMap<usize, State>,
}

#[derive(Deserialize)]
struct State {
    /// Of the bytes of qpos and qvel, little-endian.
    sha256: String,
    /// Its first entries.
    qpos: Vec<f64>,
}

/// The reference's controls: a fraction in 256ths of the range, different at every step and for every control.
fn control(model: &Model, step: usize, i: usize) -> f64 {
    let [low, high] = model.ctrl_range(i).expect("all controls of Playground are limited");
    low + (high - low) * (((37 * step + 101 * i) % 256) as f64 / 256.0)
}

fn hash(sim: &Sim) -> String {
    let numbers = sim.qpos().iter().chain(sim.qvel());
    sha256_hex(&numbers.flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
}

/// What differs first, in words.
fn replay(task: &Task, rollout: &Rollout) -> Result<(), String> {
    let model = Arc::new(task.model(SolverMode::Task).map_err(|e| e.to_string())?);
    let mut sim = Sim::new(&model).map_err(|e| e.to_string())?;
    match rollout.start.strip_prefix("keyframe ") {
        Some(name) => sim.reset_to_key(model.keyframe(name).map_err(|e| e.to_string())?),
        None => sim.reset(),
    }
    .map_err(|e| e.to_string())?;
    let last = *rollout.steps.keys().last().ok_or("no steps")?;
    for step in 0..last {
        for i in 0..model.nu() {
            sim.ctrl_mut()[i] = control(&model, step, i);
        }
        sim.step().map_err(|e| e.to_string())?;
        let Some(expected) = rollout.steps.get(&(step + 1)) else { continue };
        let first = &sim.qpos()[..expected.qpos.len()];
        let far = first.iter().zip(&expected.qpos).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if BITWISE && hash(&sim) != expected.sha256 {
            return Err(format!(
                "after {} steps from {} the state is another: qpos begins with {first:?}, the reference with {:?} \
                 ({far:e} apart; if `dynsparse tasks check` finds the model equal, the library is another build)",
                step + 1,
                rollout.start,
                expected.qpos
            ));
        }
        if !BITWISE && step < 10 && far > 1e-6 {
            return Err(format!("after {} steps qpos is {first:?}, not {:?}", step + 1, expected.qpos));
        }
    }
    Ok(())
}

#[test]
fn every_task_moves_as_in_playground() {
    let mut rollouts: BTreeMap<String, Rollout> =
        serde_json::from_str(include_str!("../reference/rollouts.json")).expect("the reference is valid");
    let assets = Assets::find(Some(common::vendor().as_ref()));
    let tasks: Vec<(&str, Rollout)> = playground()
        .iter()
        .map(|e| (e.name.as_str(), rollouts.remove(&e.name).unwrap_or_else(|| panic!("no reference of {}", e.name))))
        .collect();
    let (present, missing): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|(name, _)| assets.has(name));
    common::complete(&missing.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let wrong: Vec<String> = present
        .par_iter()
        .filter_map(|(name, rollout)| {
            let task = Task::from_catalogue(name, &assets).expect("its files are there");
            replay(&task, rollout).err().map(|e| format!("{name}: {e}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
