//! Checks a finished sweep: manifest, checksums of files, digests of contents.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::SweepError;
use super::folder::MANIFEST;
use super::manifest::{Manifest, State};
use crate::dataset::{Recording, file_sha256};
use crate::record::{RecordError, check_content};

/// What a check found of one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The task.
    pub name: String,
    /// Its recording, in the folder.
    pub file: String,
    /// What is wrong, None when nothing is.
    pub wrong: Option<String>,
}

/// Compares every recording of a sweep with its manifest, and its content with its digests.
///
/// # Errors
/// [`SweepError::Manifest`] when there is none, [`SweepError::Stopped`]. What is wrong with a task is in the list.
pub fn check(
    folder: &Path,
    threads: usize,
    stop: &AtomicBool,
    mut each: impl FnMut(&Checked),
) -> Result<(Manifest, Vec<Checked>), SweepError> {
    let file = folder.join(MANIFEST);
    let manifest = Manifest::read(&file)?
        .ok_or_else(|| SweepError::Manifest { file, reason: "no such file; name the folder of a sweep".to_owned() })?;
    let mut found = Vec::new();
    for (name, entry) in &manifest.tasks {
        let wrong = match &entry.state {
            State::Pending => Some("is not recorded yet".to_owned()),
            State::Failed { reason } => Some(format!("could not be recorded: {reason}")),
            State::MissingAssets { reason, .. } => Some(format!("could not be recorded: {reason}")),
            State::Done(done) => {
                let path = folder.join(&entry.file);
                let sum = file_sha256(&path);
                match sum {
                    Err(error) => Some(error.to_string()),
                    Ok(sum) if sum != done.sha256 => Some(format!(
                        "{}: its checksum is not the manifest's: it was changed or is damaged",
                        path.display()
                    )),
                    Ok(_) => match Recording::open(&path)
                        .map_err(RecordError::from)
                        .and_then(|r| check_content(&r, threads, stop))
                    {
                        Err(RecordError::Stopped) => return Err(SweepError::Stopped),
                        Err(error) => Some(error.to_string()),
                        Ok(content) if content != done.content_sha256 => {
                            Some(format!("{}: its content is not what the manifest says", path.display()))
                        }
                        Ok(_) => None,
                    },
                }
            }
        };
        let checked = Checked { name: name.clone(), file: entry.file.clone(), wrong };
        each(&checked);
        found.push(checked);
    }
    Ok((manifest, found))
}
