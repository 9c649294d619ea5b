//! What can go wrong with a file.

use std::path::{Path, PathBuf};

use crate::files::FileError;

/// The operating system's words when nothing more can be written.
const FULL: [&str; 3] = ["No space left on device", "File too large", "Disk quota exceeded"];

/// What to do then.
const MAKE_ROOM: &str =
    ": free space or choose another folder, then start the same command again; what is finished is kept";

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

impl From<FileError> for DatasetError {
    fn from(error: FileError) -> Self {
        Self::io(&error.file, error.message)
    }
}

impl DatasetError {
    /// An [`DatasetError::Io`].
    pub fn io(file: &Path, message: impl std::fmt::Display) -> Self {
        let mut message = message.to_string();
        if FULL.iter().any(|known| message.contains(known)) {
            message.push_str(MAKE_ROOM);
        }
        Self::Io { file: file.to_owned(), message }
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
            Some(full) if FULL.contains(&full) => format!("{what}: {full}{MAKE_ROOM}"),
            Some("file signature not found") => format!("{what}: it is not an HDF5 file"),
            Some("truncated file") => format!("{what}: the file is truncated; record or copy it again"),
            Some(known) => format!("{what}: {known}"),
            None => format!("{what}: {}", text.lines().next().unwrap_or_default()),
        };
        Self::Io { file: file.to_owned(), message: reason }
    }
}
