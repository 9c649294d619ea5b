//! The index over all recordings of a sweep.

use super::folder::{Folder, INDEX};
use super::{Manifest, State, SweepError};
use crate::dataset::schema::attribute;
use crate::dataset::{IndexRow, Recording, write_index};
use crate::files::{self, publish};

/// Writes the index over what is done, whole or not at all.
///
/// # Errors
/// [`SweepError::Dataset`].
pub(super) fn write(folder: &Folder, manifest: &Manifest) -> Result<(), SweepError> {
    let mut rows = Vec::new();
    for (name, entry) in &manifest.tasks {
        let State::Done(done) = &entry.state else { continue };
        let recording = Recording::open(&folder.file(&entry.file))?;
        let int = |name: &str| recording.int_attribute(name).unwrap_or(0);
        rows.push(IndexRow {
            task: name.clone(),
            suite: entry.suite.clone(),
            file: entry.file.clone(),
            sha256: done.sha256.clone(),
            content_sha256: done.content_sha256.clone(),
            nq: int(attribute::NQ),
            nv: int(attribute::NV),
            na: int(attribute::NA),
            nu: int(attribute::NU),
            substeps: int(attribute::SUBSTEPS),
            timestep: recording.float_attribute(attribute::TIMESTEP).unwrap_or(f64::NAN),
            episodes: done.episodes as i64,
            steps: done.steps as i64,
        });
    }
    let file = folder.file(INDEX);
    let draft = files::draft(&file);
    let content = manifest.content();
    let written = write_index(&draft, &rows, content.as_deref()).and_then(|()| Ok(publish(&draft, &file)?));
    Ok(written.inspect_err(|_| drop(std::fs::remove_file(&draft)))?)
}
