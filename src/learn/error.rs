//! What can go wrong.

use std::path::{Path, PathBuf};

use crate::dataset::DatasetError;
use crate::files::FileError;

/// An error of this room; every message names the file or the setting.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// A recording cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A file holds nothing that can be used as asked.
    #[error("{}: {message}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why, and what to do.
        message: String,
    },
    /// Settings that make no sense.
    #[error("{0}")]
    Settings(String),
    /// The loss of a run became NaN or infinite.
    #[error(
        "{run}: the loss is {loss} at step {step}: lower --lr or --clip and start again in another folder; the weights of \
         step {kept} are kept in {}", file.display()
    )]
    Diverged {
        /// The run.
        run: String,
        /// The loss.
        loss: f64,
        /// The optimiser step it happened at.
        step: usize,
        /// The last step whose weights are kept.
        kept: usize,
        /// Where they are.
        file: PathBuf,
    },
    /// The tensor library refused.
    #[error("the tensor library failed: {0}")]
    Library(String),
}

impl From<FileError> for LearnError {
    fn from(error: FileError) -> Self {
        Self::File { file: error.file, message: error.message }
    }
}

impl LearnError {
    /// A [`LearnError::File`].
    pub fn file(file: &Path, message: impl Into<String>) -> Self {
        Self::File { file: file.to_owned(), message: message.into() }
    }

    pub(super) fn io(file: &Path, what: &str, error: impl std::fmt::Display) -> Self {
        Self::file(file, format!("{what}: {error}"))
    }
}
