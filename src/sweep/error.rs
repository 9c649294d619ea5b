//! What can stop a sweep as a whole. What stops one task is in the report.

use std::path::PathBuf;

use crate::dataset::DatasetError;
use crate::files::FileError;
use crate::record::RecordError;

/// An error of the sweep room.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// Tasks that are not in the catalogue.
    #[error("{0}; `dynsparse tasks` lists all")]
    Unknown(String),
    /// A setting that makes no sense.
    #[error("{0}")]
    Setting(String),
    /// Another process is at work.
    #[error("another sweep is at work in {}; wait for it, or choose another folder", folder.display())]
    Busy {
        /// The folder of the sweep.
        folder: PathBuf,
    },
    /// The manifest cannot be used.
    #[error("{}: {reason}", file.display())]
    Manifest {
        /// The manifest.
        file: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
    /// The folder holds another sweep.
    #[error("{} holds another sweep ({difference}); give the same settings to go on, choose another folder, or --force to start anew", folder.display())]
    OtherSweep {
        /// The folder of the sweep.
        folder: PathBuf,
        /// What differs.
        difference: String,
    },
    /// From a file.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// From a recording.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// SIGINT or SIGTERM.
    #[error("stopped; finished episodes are kept, and the same command goes on from them")]
    Stopped,
}

impl From<FileError> for SweepError {
    fn from(error: FileError) -> Self {
        Self::Dataset(error.into())
    }
}
