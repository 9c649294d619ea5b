//! What can go wrong.

use std::path::PathBuf;

use crate::analysis::AnalysisError;
use crate::files::FileError;

/// An error of a report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A table or a file cannot be written.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// A folder cannot be created.
    #[error("{}: cannot be created: {reason}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A figure cannot be drawn as PNG.
    #[error("figure {name}: cannot be drawn as PNG: {reason}")]
    Image {
        /// The figure.
        name: String,
        /// Why.
        reason: String,
    },
}
