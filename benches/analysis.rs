//! Analysis of a recording against reading it: all of A and B, and with them their zero masks, decompressed by the same
//! threads, and nothing done with them.
//!
//! `cargo bench --bench analysis`. Prints MB/s of A and B as they are in memory, medians of a few rounds.

mod common;

use std::process::{Command, Stdio};

use common::{median, time};
use dynsparse::analysis::{AnalysisSettings, analyze};
use dynsparse::dataset::schema::Var;
use dynsparse::dataset::{Recording, RowReader};
use dynsparse::task::Assets;
use rayon::prelude::*;

const ROUNDS: usize = 9;

/// Rows that a thread reads at once.
const ROWS: usize = 500;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut names = vec![("Juggler", 1000)];
    let found = |name: &str| Assets::find(None).has(name);
    names.extend([("CheetahRun", 1000), ("WalkerRun", 1000), ("HumanoidRun", 100)].into_iter().filter(|n| found(n.0)));
    println!(
        "{:<12} {:>8} {:>10} {:>10} {:>10} {:>8} {:>8} {:>14}",
        "task", "threads", "A, B MB/s", "and masks", "analyse", "of A, B", "of all", "1 / 2 threads"
    );
    for (name, steps) in names {
        let path = folder.path().join(format!("{name}.h5"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_dynsparse"));
        command.args(["record", name, "--episodes", "24", "--steps", &steps.to_string(), "-o"]).arg(&path);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        assert!(command.status().expect("the program starts").success(), "{name} is recorded");
        let recording = Recording::open(&path).expect("a recording");
        let bytes: usize = [Var::A, Var::B].map(|v| recording.shape(v).iter().product::<usize>() * 8).iter().sum();
        let settings = AnalysisSettings { embedding_rows: 0, ..AnalysisSettings::default() };
        let mut alone = 0.0;
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            let (mut values, mut all, mut whole) = (Vec::new(), Vec::new(), Vec::new());
            // In turn, so that all see the same machine.
            for _ in 0..ROUNDS {
                values.push(time(|| pool.install(|| read(&recording, &[Var::A, Var::B]))));
                all.push(time(|| pool.install(|| read(&recording, &[Var::A, Var::B, Var::AZero, Var::BZero]))));
                whole.push(time(|| drop(pool.install(|| analyze(&path, &settings)).expect("an analysis"))));
            }
            let [values, all, whole] = [values, all, whole].map(median);
            let speedup = if threads == 1 { String::new() } else { format!("{:.2}", alone / whole) };
            alone = whole;
            let speed = |seconds: f64| bytes as f64 / seconds / 1e6;
            println!(
                "{name:<12} {threads:>8} {:>10.0} {:>10.0} {:>10.0} {:>8.2} {:>8.2} {speedup:>14}",
                speed(values),
                speed(all),
                speed(whole),
                values / whole,
                all / whole
            );
        }
    }
}

/// Decompresses variables on the threads of the pool.
fn read(recording: &Recording, vars: &[Var]) {
    for var in vars {
        let reader = RowReader::new(recording, *var).expect("a reader");
        // Whole chunks, so that none is read twice.
        let block = reader.chunk_rows() * ROWS.div_ceil(reader.chunk_rows());
        (0..reader.rows()).step_by(block).collect::<Vec<_>>().into_par_iter().for_each(|start| {
            let mut reader = reader.clone();
            for row in start..(start + block).min(reader.rows()) {
                std::hint::black_box(reader.row(row).expect("a row"));
            }
        });
    }
}
