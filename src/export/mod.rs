//! A recording as a data set of another library: Minari (reinforcement learning) or LeRobot (robot learning), with the
//! Jacobians, their verdicts and the flags beside what these libraries expect.
//!
//! A data set is a new folder, whole or not at all.

mod columns;
mod error;
#[cfg(feature = "parquet")]
mod lerobot;
mod minari;

use std::path::Path;

pub use error::ExportError;

use crate::dataset::Recording;
use crate::files::NewFolder;
use columns::Episode;

/// The library that a data set is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// Minari: HDF5, an episode a group.
    Minari,
    /// LeRobot v3.0: Parquet and JSON.
    Lerobot,
}

/// What becomes of a recording.
#[derive(Debug)]
pub struct ExportJob<'a> {
    /// The recording.
    pub recording: &'a Recording,
    /// For which library.
    pub format: ExportFormat,
    /// The folder of the data set, which is new or empty.
    pub folder: &'a Path,
    /// The name of the data set, as Minari knows it (`namespace/name-v0`); LeRobot's is that of its folder.
    pub name: String,
}

/// What has been written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Episodes.
    pub episodes: usize,
    /// Steps of all episodes.
    pub steps: usize,
    /// What a reader of the data set should know.
    pub notes: Vec<String>,
}

/// Writes the data set.
///
/// # Errors
/// [`ExportError`]: the folder holds something, the recording cannot be read, or the disk is full; nothing is left then.
pub fn export(job: &ExportJob<'_>) -> Result<Exported, ExportError> {
    let folder = NewFolder::begin(job.folder)?;
    let mut episodes = Episode::all(job.recording)?;
    let all = episodes.len();
    episodes.retain(|episode| !episode.rows.is_empty());
    let mut notes = Vec::new();
    if episodes.len() < all {
        notes.push(format!("{} episodes without a step are left out", all - episodes.len()));
    }
    match job.format {
        ExportFormat::Minari => minari::write(job, &episodes, &folder, &mut notes)?,
        #[cfg(feature = "parquet")]
        ExportFormat::Lerobot => lerobot::write(job, &episodes, &folder, &mut notes)?,
        #[cfg(not(feature = "parquet"))]
        ExportFormat::Lerobot => return Err(ExportError::NotInThisBuild),
    }
    folder.publish()?;
    Ok(Exported { episodes: episodes.len(), steps: episodes.iter().map(|e| e.rows.len()).sum(), notes })
}
