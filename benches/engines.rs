//! What a Jacobian costs with each engine, at the same states in one process: `cargo bench --bench engines`.
//!
//! States are those of a rollout under uniform actions, solver converged. Times are medians over rounds; the unit is one
//! `mj_step` of the same state.

use std::sync::Arc;
use std::time::Instant;

use dynsparse::jacobian::{EngineKind, EngineSpec, Jacobian};
use dynsparse::physics::{Sim, SolverMode};
use dynsparse::rng::Stream;
use dynsparse::task::{Assets, Task};

const ROUNDS: usize = 9;
const STATES: usize = 40;

const TASKS: [&str; 8] = [
    "CheetahRun",
    "WalkerRun",
    "HopperHop",
    "HumanoidRun",
    "Go1JoystickFlatTerrain",
    "G1JoystickFlatTerrain",
    "PandaOpenCabinet",
    "LeapCubeReorient",
];

fn main() {
    println!("{:24} {:>3} {:>9} {:>16} {:>12} {:>9}", "task", "nv", "step us", "transition-fd", "implicit", "ratio");
    for name in TASKS {
        measure(name);
    }
}

fn measure(name: &str) {
    let task = Task::from_catalogue(name, &Assets::find(None)).expect("run `cargo xtask setup --all-assets` first");
    let model = Arc::new(task.model(SolverMode::Converged).expect("the model compiles"));
    let mut sim = Sim::new(&model).expect("a simulation");
    let states = states(&task, &mut sim);
    let mut out = Jacobian::zeros(&model, false);
    let mut engines = [EngineKind::TransitionFd, EngineKind::Implicit].map(|engine| {
        // Against mjd_transitionFD as it is: the implicit engine tests for zeros besides.
        let zero_test = engine == EngineKind::Implicit;
        let spec = EngineSpec { zero_test, ..EngineSpec::new(engine) };
        spec.build(&model).expect("the engine covers the model")
    });
    let mut times: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let mut sums = [0.0; 3];
        for state in &states {
            for (sum, engine) in sums.iter_mut().zip(&mut engines) {
                sim.set_state(state).expect("a state");
                let begun = Instant::now();
                engine.jacobian(&mut sim, &mut out).expect("a Jacobian");
                *sum += begun.elapsed().as_secs_f64();
            }
            sim.set_state(state).expect("a state");
            let begun = Instant::now();
            sim.step().expect("a step");
            sums[2] += begun.elapsed().as_secs_f64();
        }
        for (times, sum) in times.iter_mut().zip(sums) {
            times.push(sum / states.len() as f64 * 1e6);
        }
    }
    let [fd, implicit, step] = times.map(|mut t| {
        t.sort_by(f64::total_cmp);
        t[t.len() / 2]
    });
    let steps = |t: f64| format!("{:.1} steps", t / step);
    println!("{name:24} {:3} {step:9.1} {:>16} {:>12} {:>9.2}", model.nv(), steps(fd), steps(implicit), fd / implicit);
}

/// States along a rollout under uniform actions.
fn states(task: &Task, sim: &mut Sim) -> Vec<Vec<f64>> {
    let model = sim.model().clone();
    let mut env = task.env(&model).expect("the rules fit");
    task.reset(sim, 1, 0).expect("a reset");
    env.begin(sim, 1, 0);
    let mut draws = Stream::new(1, "actions", 0);
    let n = env.action_labels().map_or(model.nu(), |l| l.len());
    let mut ctrl = vec![0.0; model.nu()];
    (0..STATES)
        .map(|_| {
            let action: Vec<f64> = (0..n).map(|_| 2.0 * draws.uniform() - 1.0).collect();
            env.act(sim, &action, &mut ctrl);
            sim.ctrl_mut().copy_from_slice(&ctrl);
            for _ in 0..task.spec.substeps {
                sim.step().expect("a step");
            }
            let mut state = vec![0.0; model.state_size()];
            sim.get_state(&mut state).expect("a state");
            state
        })
        .collect()
}
