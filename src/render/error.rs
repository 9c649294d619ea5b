//! What can go wrong with a picture.

use crate::dataset::DatasetError;
use crate::physics::PhysicsError;
use crate::record::RecordError;
use crate::task::TaskError;

/// An error of the render room.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// From the recipe.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// From the task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// From the file.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// From MuJoCo or OpenGL.
    #[error(transparent)]
    Physics(#[from] PhysicsError),
    /// A setting that makes no sense, or that the recording does not fit.
    #[error("{0}")]
    Setting(String),
    /// A picture that cannot be encoded.
    #[error("the picture cannot be written as PNG: {0}")]
    Png(#[from] png::EncodingError),
}
