//! What `--store` saves, and what it costs: sizes of recordings that keep doubles, single precision or verdicts alone,
//! and the time to record and to analyse them.
//!
//! `cargo bench --bench store [-- TASK ...]`. Prints CSV: bytes of a row in the file, and times as ratios to those of
//! doubles, medians of the ratios round by round. `nonzero` is no format: the same A and B without the entries that the
//! zero test calls zero, compressed as the program does, with a pattern kept once.

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use common::{median, time};
use dynsparse::analysis::{AnalysisSettings, analyze};
use dynsparse::dataset::schema::{Axis, Var};
use dynsparse::dataset::{Effort, Encoder, Recording, Store};
use dynsparse::jacobian::EngineRequest;
use dynsparse::physics::SolverMode;
use dynsparse::policy::PolicySpec;
use dynsparse::record::{self, Job, Prepared, Run, StepKind};
use dynsparse::task::{Assets, Task};
use dynsparse::zero::ZeroVerdict;

const ROUNDS: usize = 5;
const STORES: [Store; 3] = [Store::F64, Store::F32, Store::Masks];

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let tasks = [
        ("CheetahRun", 500),
        ("WalkerRun", 500),
        ("HopperHop", 500),
        ("HumanoidRun", 100),
        ("Go1JoystickFlatTerrain", 100),
        ("G1JoystickFlatTerrain", 40),
        ("PandaOpenCabinet", 100),
        ("LeapCubeReorient", 40),
    ];
    println!(
        "task,\"row f64, bytes\",row f32,row masks,A and B f64,A and B f32,nonzero f64,nonzero f32,record f32,record masks,\
         analyse f32,analyse masks"
    );
    for (name, steps) in tasks {
        if asked.is_empty() || asked.iter().any(|a| a == name) {
            measure(name, steps);
        }
    }
}

fn measure(name: &str, steps: usize) {
    let task = Task::from_catalogue(name, &Assets::find(None)).expect("run `cargo xtask setup` first");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let prepared =
        STORES.map(|store| Prepared::new(task.clone(), job(&task, steps, store)).expect("it can be recorded"));
    let path = |i: usize| folder.path().join(format!("{i}.h5"));
    let (mut recording, mut analysing) = ([(); 3].map(|()| Vec::new()), [(); 3].map(|()| Vec::new()));
    for round in 0..=ROUNDS {
        let recorded: Vec<f64> = (0..3).map(|i| time(|| run(&prepared[i], &path(i)))).collect();
        let analysed: Vec<f64> = (0..3)
            .map(|i| time(|| drop(analyze(&path(i), &AnalysisSettings::default()).expect("an analysis"))))
            .collect();
        // The first round warms caches up.
        if round > 0 {
            for i in 0..3 {
                recording[i].push(recorded[i] / recorded[0]);
                analysing[i].push(analysed[i] / analysed[0]);
            }
        }
    }
    let files = [0, 1, 2].map(|i| Recording::open(&path(i)).expect("a recording"));
    let rows = files[0].len(Axis::Step) as f64;
    let all = files.each_ref().map(|f| Var::ALL.iter().map(|var| f.stored_bytes(*var)).sum::<u64>() as f64 / rows);
    let jacobians =
        [0, 1].map(|i| [Var::A, Var::B].iter().map(|var| files[i].stored_bytes(*var)).sum::<u64>() as f64 / rows);
    let nonzero = nonzero(&files[0]).map(|bytes| bytes / rows);
    let [_, single, masks] = recording.map(median);
    let [_, single_analysis, masks_analysis] = analysing.map(median);
    println!(
        "{name},{:.0},{:.0},{:.0},{:.0},{:.0},{:.0},{:.0},{single:.2},{masks:.2},{single_analysis:.2},{masks_analysis:.2}",
        all[0], all[1], all[2], jacobians[0], jacobians[1], nonzero[0], nonzero[1]
    );
}

fn job(task: &Task, steps: usize, store: Store) -> Job {
    Job {
        task: task.spec.clone(),
        policy: PolicySpec::Uniform,
        explore: None,
        jacobian: EngineRequest::default(),
        solver: SolverMode::Converged,
        step: StepKind::Control,
        episodes: 4,
        steps,
        seed: 0,
        past_done: true,
        compression: Effort::Fast,
        store,
    }
}

fn run(prepared: &Prepared, output: &Path) {
    let stop = AtomicBool::new(false);
    let (shard, merge_only, force, command) = (None, false, true, String::new());
    let run = Run { output, threads: 1, budget: None, shard, merge_only, force, command, stop: &stop };
    record::record(prepared, &run, &()).expect("a recording");
}

/// Bytes of the entries of A and B that are not zero by the test, in double and in single precision, compressed a matrix
/// after the other in pieces of a chunk's size, with every pattern once as bits and a number of it for each row.
fn nonzero(recording: &Recording) -> [f64; 2] {
    let mut encoder = Encoder::new(Effort::Fast);
    let mut bytes = [0.0; 2];
    for (matrix, mask) in [(Var::A, Var::AZero), (Var::B, Var::BZero)] {
        let rows = 0..recording.shape(matrix).first().copied().unwrap_or(0);
        if rows.is_empty() {
            continue;
        }
        let values: Vec<f64> = recording.read(matrix, rows.clone()).expect("numbers");
        let verdicts = recording.bytes(mask, rows.clone()).expect("verdicts");
        let patterns: BTreeSet<&[u8]> = verdicts.chunks_exact(verdicts.len() / rows.len()).collect();
        let kept: Vec<f64> =
            values.iter().zip(&verdicts).filter(|(_, v)| **v != ZeroVerdict::Zero.code()).map(|(x, _)| *x).collect();
        let shared = (patterns.len() * verdicts.len() / rows.len()) as f64 / 8.0 + 4.0 * rows.len() as f64;
        for piece in kept.chunks(1 << 15) {
            let single: Vec<f32> = piece.iter().map(|x| *x as f32).collect();
            bytes[0] += encoder.encode(bytemuck::cast_slice(piece), 8).len() as f64;
            bytes[1] += encoder.encode(bytemuck::cast_slice(&single), 4).len() as f64;
        }
        bytes.iter_mut().for_each(|b| *b += shared);
    }
    bytes
}
