//! A sweep: many tasks into one folder, a recording each, with a manifest that says what was asked, what is
//! done and what it is worth.
//!
//! The recordings are made by [`crate::record`]; this room decides which, in what order and with how many
//! threads, believes a finished file only by its checksum, and goes on after a task that fails.

mod check;
mod cost;
mod error;
mod folder;
mod index;
mod manifest;
mod plan;
mod run;
pub mod slurm;
mod unit;

pub use check::check_folder;
pub use cost::{Estimate, measure};
pub use error::SweepError;
pub use folder::{INDEX, MANIFEST};
pub use manifest::{Done, Manifest, State, TaskEntry};
pub use plan::{Plan, Planned, select};
pub use run::{How, Share, SweepReport, SweepWatch, TaskOutcome, TaskReport, run_sweep};
pub use unit::run_unit;
