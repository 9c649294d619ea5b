//! What can go wrong.

use std::path::{Path, PathBuf};

/// A file that cannot be written, or must not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", file.display())]
pub struct FileError {
    /// The file or folder.
    pub file: PathBuf,
    /// Why not, and what to do.
    pub message: String,
}

impl FileError {
    pub(super) fn new(file: &Path, message: impl std::fmt::Display) -> Self {
        Self { file: file.to_owned(), message: message.to_string() }
    }
}
