//! What can go wrong with a file.

use std::path::{Path, PathBuf};

/// An error of the dataset room; every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// Reading or writing failed.
    #[error("{}: {message}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why, and what to do.
        message: String,
    },
    /// It is not a recording, or not one that this version reads.
    #[error("{}: {message}", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        message: String,
    },
}

impl DatasetError {
    /// An [`DatasetError::Io`].
    pub fn io(file: &Path, message: impl std::fmt::Display) -> Self {
        Self::Io { file: file.to_owned(), message: message.to_string() }
    }

    /// A [`DatasetError::Foreign`].
    pub fn foreign(file: &Path, message: impl std::fmt::Display) -> Self {
        Self::Foreign { file: file.to_owned(), message: message.to_string() }
    }

    /// An HDF5 error, with the words of the operating system where HDF5 passes them on.
    pub(super) fn h5(file: &Path, what: &str, error: &hdf5::Error) -> Self {
        let text = error.to_string();
        let reason = [
            "No space left on device",
            "File too large",
            "Disk quota exceeded",
            "Permission denied",
            "No such file or directory",
            "Read-only file system",
            "Is a directory",
            "File exists",
            "Input/output error",
            "file signature not found",
            "truncated file",
        ]
        .into_iter()
        .find(|known| text.contains(known));
        let reason = match reason {
            Some("No space left on device" | "File too large" | "Disk quota exceeded") => {
                format!(
                    "{what}: {}: free space or choose another folder, then start the same command again; finished episodes are kept",
                    reason.unwrap_or_default()
                )
            }
            Some("file signature not found") => format!("{what}: it is not an HDF5 file"),
            Some("truncated file") => format!("{what}: the file is truncated; record or copy it again"),
            Some(known) => format!("{what}: {known}"),
            None => format!("{what}: {}", text.lines().next().unwrap_or_default()),
        };
        Self::Io { file: file.to_owned(), message: reason }
    }
}
