//! A sweep on a cluster that runs Slurm: parts of tasks as array tasks, then one job that checks and joins.
//!
//! Who writes what: `submit` and `merge` the manifest, each while nobody else works; an array task its shards
//! and one small file. So no file is written by two processes, and a node that dies takes only the episodes
//! with it that it was at.

mod arrays;
mod commands;
mod error;
mod merge;
mod options;
mod script;
mod settings;
mod status;
mod submission;
mod submit;
mod unit;
mod work;

pub use error::SlurmError;
pub use merge::{Merged, merge};
pub use settings::SlurmSettings;
pub use status::{Status, TaskStatus, UnitPlace, UnitStatus, status};
pub use submit::{Draft, Request, check_idle, draft_submission, submit};
pub use unit::{UnitEnd, run_unit_of};
pub use work::SkippedTask;
