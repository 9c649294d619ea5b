//! Checks a finished sweep: manifest, checksums of files, digests of contents.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::SweepError;
use super::folder::MANIFEST;
use super::manifest::{Manifest, State, TaskEntry};
use crate::dataset::{Recording, file_sha256};
use crate::record::{RecordError, check_content};

impl Manifest {
    /// The manifest of the sweep in a folder.
    ///
    /// # Errors
    /// [`SweepError::Manifest`] when there is none, or it cannot be used.
    pub fn of(folder: &Path) -> Result<Self, SweepError> {
        let file = folder.join(MANIFEST);
        Self::read(&file)?.ok_or_else(|| SweepError::Manifest {
            file: folder.to_owned(),
            reason: format!("Is a directory, but not a sweep's (no {MANIFEST}); name a recording, or a sweep's folder"),
        })
    }

    /// Why the digest of the whole is not that of the tasks; None when it is.
    pub fn wrong(&self) -> Option<String> {
        (self.content_sha256 != self.content())
            .then(|| format!("{MANIFEST}: content_sha256 is not the digest over its tasks: it was changed"))
    }
}

/// Compares the recording of a task with the manifest, and its content with its digests, on so many threads.
/// Returns what is wrong, None when nothing is.
///
/// # Errors
/// [`SweepError::Stopped`].
pub fn check_folder(
    folder: &Path,
    entry: &TaskEntry,
    threads: usize,
    stop: &AtomicBool,
) -> Result<Option<String>, SweepError> {
    let done = match &entry.state {
        State::Pending => return Ok(Some("it is not recorded yet".to_owned())),
        State::Failed { reason } | State::MissingAssets { reason, .. } => {
            return Ok(Some(format!("it could not be recorded: {reason}")));
        }
        State::Done(done) => done,
    };
    let path = folder.join(&entry.file);
    match file_sha256(&path) {
        Ok(sum) if sum == done.sha256 => {}
        Ok(_) => return Ok(Some("the file does not have the checksum of the manifest: it was changed".to_owned())),
        Err(error) => return Ok(Some(error.to_string())),
    }
    let content =
        Recording::open(&path).map_err(RecordError::from).and_then(|r| check_content(&r, None, threads, stop));
    Ok(match content {
        Ok(content) if content == done.content_sha256 => None,
        Ok(_) => Some("its content is not what the manifest says".to_owned()),
        Err(RecordError::Stopped) => return Err(SweepError::Stopped),
        Err(error) => Some(error.to_string()),
    })
}
