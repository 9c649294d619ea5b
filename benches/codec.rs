//! Compression of real Jacobians: our use of deflate against deflate over every byte.
//!
//! `cargo bench --bench codec`. Prints MB/s and the ratio for A and B of CheetahRun, WalkerRun, HumanoidRun.

use std::sync::Arc;
use std::time::Instant;

use dynsparse::dataset::{Effort, Encoder};
use dynsparse::jacobian::Jacobian;
use dynsparse::physics::{Sim, SolverMode};
use dynsparse::rng::Stream;
use dynsparse::task::{Assets, Task};

const CHUNK: usize = 256 * 1024;

fn main() {
    println!("{:<12} {:<3} {:>12} {:>8} {:>12} {:>8}", "task", "", "fast MB/s", "ratio", "small MB/s", "ratio");
    for (name, states) in [("CheetahRun", 1500), ("WalkerRun", 1500), ("HumanoidRun", 200)] {
        let (a, b) = jacobians(name, states);
        for (label, bytes) in [("A", a), ("B", b)] {
            let (fast, fast_ratio) = speed(&bytes, Effort::Fast);
            let (small, small_ratio) = speed(&bytes, Effort::Small);
            println!("{name:<12} {label:<3} {fast:>12.0} {fast_ratio:>8.3} {small:>12.0} {small_ratio:>8.3}");
        }
    }
}

fn jacobians(name: &str, states: usize) -> (Vec<u8>, Vec<u8>) {
    let task = Task::from_catalogue(name, &Assets::find(None)).expect("run `cargo xtask setup` first");
    let model = Arc::new(task.model(SolverMode::Converged).expect("the model compiles"));
    let mut sim = Sim::new(&model).expect("a simulation");
    task.reset(&mut sim, 0, 0).expect("a reset");
    let mut jacobian = Jacobian::zeros(&model, false);
    let mut random = Stream::new(0, "bench", 0);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..states {
        sim.ctrl_mut().fill_with(|| 2.0 * random.uniform() - 1.0);
        sim.transition_fd(1e-6, true, &mut jacobian.a, &mut jacobian.b, None).expect("a Jacobian");
        sim.step().expect("a step");
        a.extend(jacobian.a.iter().flat_map(|v| v.to_le_bytes()));
        b.extend(jacobian.b.iter().flat_map(|v| v.to_le_bytes()));
    }
    (a, b)
}

/// Best of a few passes, MB/s, and the ratio of sizes.
fn speed(bytes: &[u8], effort: Effort) -> (f64, f64) {
    let mut encoder = Encoder::new(effort);
    let (mut best, mut size) = (f64::MAX, 0);
    for _ in 0..5 {
        let start = Instant::now();
        size = bytes.chunks_exact(CHUNK).map(|chunk| encoder.encode(chunk, 8).len()).sum();
        best = best.min(start.elapsed().as_secs_f64());
    }
    let whole = (bytes.len() / CHUNK * CHUNK) as f64;
    (whole / best / 1e6, whole / size as f64)
}
