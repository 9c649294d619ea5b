//! What can stop a recording.

use std::path::PathBuf;

use crate::dataset::DatasetError;
use crate::files::FileError;
use crate::logs::LogError;
use crate::physics::PhysicsError;
use crate::planner::PlanError;
use crate::policy::{PolicyError, ReplayError};
use crate::task::TaskError;

/// An error of the record room.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// From the task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// From the policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// From the planner.
    #[error(transparent)]
    Plan(PlanError),
    /// From a replay file.
    #[error(transparent)]
    Replay(Box<ReplayError>),
    /// From a robot's log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// From a file.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// From MuJoCo.
    #[error(transparent)]
    Physics(#[from] PhysicsError),
    /// The model cannot be differentiated.
    #[error("{model}: its Jacobian cannot be computed: {reason}; {hint}")]
    NotDifferentiable {
        /// The model's file.
        model: String,
        /// MuJoCo's words.
        reason: Box<PhysicsError>,
        /// What to do.
        hint: &'static str,
    },
    /// A setting that makes no sense.
    #[error("{0}")]
    Setting(String),
    /// The output is there already and is something else.
    #[error("{} exists already: {reason}; choose another name, or --force to replace it", file.display())]
    Exists {
        /// The output.
        file: PathBuf,
        /// What it holds.
        reason: String,
    },
    /// Unfinished work of another job lies beside the output.
    #[error("{} holds unfinished episodes of other settings ({difference}); give the same settings to go on, or --force to drop them", folder.display())]
    OtherJob {
        /// The folder of shards.
        folder: PathBuf,
        /// The settings that differ.
        difference: String,
    },
    /// Another process is at work.
    #[error("another process is recording into {}; wait for it, or choose another output", folder.display())]
    Busy {
        /// The folder of shards.
        folder: PathBuf,
    },
    /// Episodes are missing.
    #[error("{} of {total} episodes are missing in {} (first: {first}); record them, then merge", missing, folder.display())]
    Incomplete {
        /// The folder of shards.
        folder: PathBuf,
        /// How many are missing.
        missing: usize,
        /// How many there should be.
        total: u64,
        /// The first one missing.
        first: u64,
    },
    /// A shard that cannot be joined.
    #[error("{0}: remove this file, record its episode again with the same settings, then merge")]
    Unsound(DatasetError),
    /// SIGINT or SIGTERM.
    #[error("stopped")]
    Stopped,
}

impl From<FileError> for RecordError {
    fn from(error: FileError) -> Self {
        Self::Dataset(error.into())
    }
}

impl From<ReplayError> for RecordError {
    fn from(error: ReplayError) -> Self {
        Self::Replay(Box::new(error))
    }
}

impl From<PlanError> for RecordError {
    fn from(error: PlanError) -> Self {
        match error {
            // As if the recorder had met it itself.
            PlanError::Physics(error) => Self::Physics(error),
            other => Self::Plan(other),
        }
    }
}
