//! What "Dynamic Sparsity" (arXiv 2511.08086) publishes, to be put beside what was found.

use serde::Serialize;

/// Where the figures come from.
pub const SOURCE: &str = "arXiv 2511.08086, Table 1: entries |x| < 1e-12 in every sample, MJX autodiff";

/// Below it an entry was called zero.
pub const THRESHOLD: f64 = 1e-12;

/// A row of the published table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Task.
    pub task: &'static str,
    /// Entries of the state.
    pub state: usize,
    /// Entries of the control.
    pub control: usize,
    /// Entries of A that are zero in every sample.
    pub zero_a: usize,
    /// Entries of B that are zero in every sample.
    pub zero_b: usize,
}

const fn row(task: &'static str, state: usize, control: usize, zero_a: usize) -> Published {
    Published { task, state, control, zero_a, zero_b: 0 }
}

/// The published table.
pub const PUBLISHED: [Published; 8] = [
    row("BallInCup", 8, 2, 0),
    row("CartpoleBalance", 4, 1, 0),
    row("CheetahRun", 18, 6, 17),
    row("ReacherHard", 4, 2, 3),
    row("FingerSpin", 6, 2, 0),
    row("FingerTurnEasy", 6, 2, 0),
    row("WalkerRun", 18, 6, 17),
    row("SwimmerSwimmer6", 16, 5, 30),
];

/// What is published of a task.
pub fn published(task: &str) -> Option<Published> {
    PUBLISHED.into_iter().find(|row| row.task == task)
}
