//! What can go wrong in the task room.

use std::path::PathBuf;

use crate::physics::PhysicsError;

/// An error of the task room.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TaskError {
    /// No task of the catalogue has this name.
    #[error("unknown task \"{name}\"{}; `dynsparse tasks` lists all", did_you_mean(.near))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest names, best first; may be empty.
        near: Vec<String>,
    },
    /// A model file of the catalogue is not where it should be.
    #[error(
        "{task}: {} is missing: run `{fetch}`, or name the folder that holds the suites with --assets or {}",
        .file.display(),
        super::ASSETS_VARIABLE
    )]
    Missing {
        /// The task.
        task: String,
        /// The file or folder.
        file: PathBuf,
        /// The command that fetches it.
        fetch: String,
    },
    /// A model file is there but cannot be used.
    #[error("{}: {reason}", .file.display())]
    File {
        /// The file or folder.
        file: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
    /// A setting of the task that cannot work.
    #[error("task {task}: {reason}")]
    Setting {
        /// The task.
        task: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A reset operation that does not fit the model.
    #[error("task {task}: reset operation {number} ({op}): {reason}")]
    Reset {
        /// The task.
        task: String,
        /// Its place among the operations, from 1; those of a branch count as the branch.
        number: usize,
        /// The kind of operation.
        op: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A reward that does not fit the model.
    #[error("{}: it cannot have the reward {kind}: {reason}; use the robot's own model, or another reward", .file.display())]
    Reward {
        /// The model.
        file: PathBuf,
        /// The kind of reward.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The model or the simulation failed.
    #[error(transparent)]
    Physics(#[from] PhysicsError),
}

fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) }
}
