//! A recording as a data set of another library: Minari (reinforcement learning) or LeRobot (robot learning), with the
//! Jacobians, their verdicts and the flags beside what these libraries expect.
//!
//! A data set is a new folder, whole or not at all: it is made beside its place and moved there when it is complete.

mod columns;
mod error;
#[cfg(feature = "parquet")]
mod lerobot;
mod minari;

use std::path::{Path, PathBuf};

pub use error::ExportError;

use crate::dataset::Recording;
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
    let place = job.folder;
    let trouble = |e: std::io::Error| ExportError::folder(place, &e);
    match std::fs::read_dir(place).map(|mut there| there.next().is_some()) {
        Ok(false) => {}
        Ok(true) => return Err(ExportError::NotEmpty { folder: place.to_owned() }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(trouble(e)),
    }
    let parent = place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(trouble)?;
    // Removed with all that is in it, unless it becomes the data set.
    let draft = tempfile::Builder::new().prefix(".dynsparse-export-").tempdir_in(parent).map_err(trouble)?;
    let episodes = Episode::all(job.recording)?;
    let mut notes = Vec::new();
    let empty = job.recording.episodes()?.len() - episodes.len();
    if empty > 0 {
        notes.push(format!("{empty} episodes without a step are left out"));
    }
    match job.format {
        ExportFormat::Minari => minari::write(job, &episodes, draft.path(), &mut notes)?,
        #[cfg(feature = "parquet")]
        ExportFormat::Lerobot => lerobot::write(job, &episodes, draft.path(), &mut notes)?,
        #[cfg(not(feature = "parquet"))]
        ExportFormat::Lerobot => return Err(ExportError::NotInThisBuild),
    }
    // An empty folder gives way; anything else that has come meanwhile is in the way.
    let draft: PathBuf = draft.keep();
    std::fs::rename(&draft, place).map_err(|e| {
        let _ = std::fs::remove_dir_all(&draft);
        trouble(e)
    })?;
    Ok(Exported { episodes: episodes.len(), steps: episodes.iter().map(|e| e.rows.len()).sum(), notes })
}
