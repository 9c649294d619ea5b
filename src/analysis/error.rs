//! What can go wrong.

use std::path::{Path, PathBuf};

use crate::dataset::DatasetError;
use crate::files::FileError;

/// An error of the analysis; every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// A recording cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A recording holds nothing that could be analysed as asked.
    #[error("{}: {message}", file.display())]
    Nothing {
        /// The recording.
        file: PathBuf,
        /// Why, and what to do.
        message: String,
    },
    /// A result cannot be written.
    #[error("{}: cannot be written: {reason}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// Settings that make no sense.
    #[error("{0}")]
    Settings(String),
}

impl From<FileError> for AnalysisError {
    fn from(error: FileError) -> Self {
        Self::Write { file: error.file, reason: error.message }
    }
}

impl AnalysisError {
    pub(super) fn nothing(file: &Path, message: impl Into<String>) -> Self {
        Self::Nothing { file: file.to_owned(), message: message.into() }
    }
}
