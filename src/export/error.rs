//! What can go wrong with a data set.

use std::path::PathBuf;

use crate::dataset::DatasetError;
use crate::files::FileError;

/// An error of the export room.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// From the recording, or from writing HDF5.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The folder cannot be written, or there is something in it.
    #[error(transparent)]
    Files(#[from] FileError),
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
