//! What recording costs over a bare loop of mjd_transitionFD, and what a second thread brings.
//!
//! `cargo bench --bench recording [-- TASK ...]`. Each round times, in this process and in turn: a bare loop
//! (the policy's control, mjd_transitionFD, mj_step; nothing kept) and the whole recording of the same
//! episodes (chain, contacts, compression, shards, merge, sync), on one thread and on two. The last column
//! is the bare loop on two threads, each with half of the episodes: what the machine itself gives. Printed
//! are medians of the ratios round by round, so that a machine that drifts does not decide.

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use common::{median, time};
use dynsparse::dataset::{Effort, Store};
use dynsparse::jacobian::{EngineRequest, Jacobian, Nudge};
use dynsparse::physics::{Sim, SolverMode};
use dynsparse::policy::{self, ControlRanges, PolicySpec};
use dynsparse::record::{self, Job, Prepared, Run, StepKind};
use dynsparse::task::{Assets, Task};

const ROUNDS: usize = 11;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let tasks = [("CheetahRun", 12, 1000), ("WalkerRun", 8, 125), ("HumanoidRun", 8, 25)];
    println!(
        "{:<12} {:>9} {:>12} {:>12} {:>14} {:>14} {:>12}",
        "task", "states", "bare us", "record us", "record / bare", "1 / 2 threads", "bare 1 / 2"
    );
    for (name, episodes, steps) in tasks {
        if asked.is_empty() || asked.iter().any(|a| a == name) {
            measure(name, episodes, steps);
        }
    }
}

fn measure(name: &str, episodes: u64, steps: usize) {
    let task = Task::from_catalogue(name, &Assets::find(None)).expect("run `cargo xtask setup` first");
    let job = Job {
        task: task.spec.clone(),
        policy: PolicySpec::Uniform,
        explore: None,
        // The bare loop has no zero test either.
        jacobian: EngineRequest { zero_test: false, ..EngineRequest::default() },
        solver: SolverMode::Converged,
        step: StepKind::Control,
        episodes,
        steps,
        seed: 0,
        past_done: false,
        compression: Effort::Fast,
        store: Store::F64,
    };
    let states = episodes as usize * steps * task.spec.substeps;
    let prepared = Prepared::new(task.clone(), job.clone()).expect("the task can be recorded");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut bare, mut one) = (Vec::new(), Vec::new());
    let (mut overhead, mut scaling, mut ceiling) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let b = time(|| bare_loop(&task, &job, 0..episodes));
        let r1 = time(|| recording(&prepared, folder.path(), 1));
        let r2 = time(|| recording(&prepared, folder.path(), 2));
        let b2 = time(|| {
            std::thread::scope(|threads| {
                threads.spawn(|| bare_loop(&task, &job, 0..episodes / 2));
                threads.spawn(|| bare_loop(&task, &job, episodes / 2..episodes));
            });
        });
        // The first round warms caches up.
        if round > 0 {
            bare.push(b * 1e6 / states as f64);
            one.push(r1 * 1e6 / states as f64);
            overhead.push(r1 / b);
            scaling.push(r1 / r2);
            ceiling.push(b / b2);
        }
    }
    println!(
        "{name:<12} {states:>9} {:>12.1} {:>12.1} {:>14.3} {:>14.2} {:>12.2}",
        median(bare),
        median(one),
        median(overhead),
        median(scaling),
        median(ceiling)
    );
}

/// The least that gives these Jacobians: no chain, nothing kept.
fn bare_loop(task: &Task, job: &Job, episodes: std::ops::Range<u64>) {
    let model = Arc::new(task.model(job.solver).expect("the model compiles"));
    let ranges = ControlRanges::from(&*model);
    let mut sim = Sim::new(&model).expect("a simulation");
    let mut jacobian = Jacobian::zeros(&model, false);
    let mut ctrl = vec![0.0; model.nu()];
    for episode in episodes {
        task.reset(&mut sim, job.seed, episode).expect("a reset");
        let mut policy = policy::build(&job.policy, &ranges, job.seed, episode, job.steps, task.control_dt(&model))
            .expect("a policy");
        for k in 0..job.steps {
            policy.act(k, &mut ctrl);
            sim.ctrl_mut().copy_from_slice(&ctrl);
            for _ in 0..task.spec.substeps {
                sim.transition_fd(Nudge::EPS, true, &mut jacobian.a, &mut jacobian.b, None).expect("a Jacobian");
                sim.step().expect("a step");
            }
        }
    }
    std::hint::black_box(&jacobian);
}

fn recording(prepared: &Prepared, folder: &Path, threads: usize) {
    let stop = AtomicBool::new(false);
    let output = folder.join(format!("bench-{threads}.h5"));
    let run = Run {
        output: &output,
        threads,
        budget: None,
        shard: None,
        merge_only: false,
        force: true,
        command: String::new(),
        stop: &stop,
    };
    record::record(prepared, &run, &()).expect("a recording");
}
