//! How hard the constraint solver works.

use serde::{Deserialize, Serialize};

/// Which solver settings a simulation runs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum SolverMode {
    /// Iterations 100, line-search iterations 50, tolerance 1e-10: the solver stops because it is done,
    /// so that a difference of two solves is a derivative.
    #[default]
    Converged,
    /// The model's own settings.
    Task,
}

/// The solver settings in force (fields of mjOption).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Solver {
    /// Largest number of solver iterations (opt.iterations).
    pub iterations: i32,
    /// Largest number of line-search iterations (opt.ls_iterations).
    pub ls_iterations: i32,
    /// Stop when improvement or gradient, scaled by 1 / trace(M), fall below it (opt.tolerance).
    pub tolerance: f64,
}

impl Solver {
    /// The settings of [`SolverMode::Converged`]. Tolerance 0 would never stop early and makes a
    /// Jacobian 20 to 80 times dearer, for the same digits.
    pub const CONVERGED: Self = Self { iterations: 100, ls_iterations: 50, tolerance: 1e-10 };
}
