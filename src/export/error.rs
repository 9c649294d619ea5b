//! What can go wrong with a data set.

use std::path::{Path, PathBuf};

use crate::dataset::DatasetError;

/// An error of the export room.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// From the recording, or from writing HDF5.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The folder cannot be written.
    #[error("{}: cannot be written: {reason}; give --output a folder you may write to", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is something in the folder.
    #[error("{}: is not empty; give --output the name of a new folder, or remove what is there", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The recording does not fit the library.
    #[error("{}: {problem}", file.display())]
    Recording {
        /// The recording.
        file: PathBuf,
        /// What, and what to do.
        problem: String,
    },
    /// Parquet cannot be written.
    #[cfg(feature = "parquet")]
    #[error("{}: cannot be written as Parquet: {source}", file.display())]
    Parquet {
        /// The file.
        file: PathBuf,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// This program was built without Parquet.
    #[cfg(not(feature = "parquet"))]
    #[error("LeRobot's data sets are Parquet, which is not in this build: build it with --features parquet")]
    NotInThisBuild,
}

impl ExportError {
    pub(super) fn folder(folder: &Path, error: &std::io::Error) -> Self {
        Self::Folder { folder: folder.to_owned(), reason: error.to_string() }
    }
}
