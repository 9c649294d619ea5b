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
    /// Whether a folder on the way is not there, such as one that another process has just removed.
    pub(super) is_gone: bool,
}

impl FileError {
    pub(super) fn new(file: &Path, message: impl std::fmt::Display) -> Self {
        Self { file: file.to_owned(), message: message.to_string(), is_gone: false }
    }

    /// Of the operating system, behind what was tried.
    pub(super) fn os(file: &Path, tried: &str, error: &std::io::Error) -> Self {
        Self { is_gone: error.kind() == std::io::ErrorKind::NotFound, ..Self::new(file, format!("{tried}{error}")) }
    }
}
