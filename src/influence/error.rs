//! What can go wrong.

use std::path::PathBuf;

use crate::dataset::DatasetError;
use crate::files::FileError;
use crate::physics::PhysicsError;
use crate::record::RecordError;
use crate::task::TaskError;

/// An error of the influence room.
#[derive(Debug, thiserror::Error)]
pub enum InfluenceError {
    /// From the recipe.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// From the task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// From a file.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// From MuJoCo.
    #[error(transparent)]
    Physics(PhysicsError),
    /// A setting that makes no sense, or that the recording does not fit.
    #[error("{0}")]
    Setting(String),
    /// Unfinished work of other settings lies beside the output.
    #[error("{} holds unfinished rows of other settings ({difference}); give the same settings to go on, or --force to drop them", folder.display())]
    OtherJob {
        /// The folder of finished rows.
        folder: PathBuf,
        /// The settings that differ.
        difference: String,
    },
    /// SIGINT or SIGTERM.
    #[error("stopped; start the same command again to go on")]
    Stopped,
}

impl From<PhysicsError> for InfluenceError {
    fn from(error: PhysicsError) -> Self {
        match error {
            PhysicsError::Stopped => Self::Stopped,
            other => Self::Physics(other),
        }
    }
}

impl From<FileError> for InfluenceError {
    fn from(error: FileError) -> Self {
        Self::Dataset(error.into())
    }
}
