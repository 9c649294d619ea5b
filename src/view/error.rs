//! What can go wrong with a page or a video of an episode.

use crate::dataset::DatasetError;
use crate::physics::PhysicsError;
use crate::render::RenderError;

/// An error of the view room.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// From the file.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// From MuJoCo.
    #[error(transparent)]
    Physics(#[from] PhysicsError),
    /// From the model in the file and its states.
    #[error(transparent)]
    States(#[from] RenderError),
    /// A setting that makes no sense, or that the recording does not fit.
    #[error("{0}")]
    Setting(String),
    /// What the page says of itself cannot be written as JSON.
    #[error("the page cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    /// A frame that cannot be encoded.
    #[error("the video cannot be encoded: {0}")]
    Coder(String),
    /// A frame that cannot be encoded as PNG.
    #[error("the video cannot be written as PNG: {0}")]
    Png(#[from] png::EncodingError),
    /// A frame that cannot be written.
    #[error("the video cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// From where it goes.
    #[error(transparent)]
    File(#[from] crate::files::FileError),
    /// It was asked to stop.
    #[error("stopped; no video was written")]
    Stopped,
}
