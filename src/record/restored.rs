//! What was recorded, out of the recording itself: the recipe, the task, the model.

use super::{Recipe, RecordError};
use crate::dataset::schema::attribute;
use crate::dataset::{ModelFiles, Recording};
use crate::physics::{Files, ModelSource};
use crate::seal::sha256_hex;
use crate::task::Task;

/// What a recording says of how it was made.
#[derive(Debug)]
pub struct Restored {
    /// The recipe.
    pub recipe: Recipe,
    /// The task, with the model's files.
    pub task: Task,
    /// The model's files.
    pub files: ModelFiles,
    /// Holds those that were on disk, for as long as the task may be compiled.
    _folder: Option<tempfile::TempDir>,
}

/// Restores the task of a recording.
///
/// # Errors
/// [`RecordError::Dataset`] for a shard, a recipe of another version, a model that is damaged or would leave its folder.
pub fn restored(recording: &Recording) -> Result<Restored, RecordError> {
    let Some(recipe) = recording.text_attribute(attribute::RECIPE) else {
        return Err(recording
            .foreign("is a shard of a recording that is not joined yet; start its `dynsparse record` again first")
            .into());
    };
    let recipe: Recipe = serde_json::from_str(&recipe).ok().ok_or_else(|| {
        recording.foreign(
            "its recipe cannot be read by this version; use the dynsparse that wrote it (attribute dynsparse_version)",
        )
    })?;
    let files = recording.model()?;
    if let Some(bad) = files.files.iter().find(|f| sha256_hex(&f.bytes) != f.sha256) {
        return Err(recording
            .foreign(&format!("its copy of {} does not have the recorded hash: the file is damaged", bad.name))
            .into());
    }
    let (source, folder) = source(recording, files.clone())?;
    let task = Task::from_parts(recipe.job.task.clone(), source);
    Ok(Restored { recipe, task, files, _folder: folder })
}

/// The model of a recording, as a source; files that were on disk go into a temporary folder that lives as
/// long as the second value.
fn source(recording: &Recording, model: ModelFiles) -> Result<(ModelSource, Option<tempfile::TempDir>), RecordError> {
    if model.layout == "memory" {
        let files: Files = model.files.into_iter().map(|f| (f.name, f.bytes)).collect();
        return Ok((ModelSource::Memory { main: model.main, files }, None));
    }
    let leaves =
        |name: &str| !std::path::Path::new(name).components().all(|c| matches!(c, std::path::Component::Normal(_)));
    if let Some(file) = model.files.iter().find(|file| leaves(&file.name)) {
        return Err(recording
            .foreign(&format!(
                "its model file \"{}\" would leave the folder; the recording is not to be trusted",
                file.name
            ))
            .into());
    }
    if model.layout == "kept" {
        let files: Files = model.files.into_iter().map(|f| (f.name, f.bytes)).collect();
        return Ok((ModelSource::Kept { main: model.main, files, root: model.root }, None));
    }
    let trouble =
        |e: std::io::Error| recording.foreign(&format!("its model cannot be unpacked into a temporary folder: {e}"));
    let folder = tempfile::tempdir().map_err(trouble)?;
    for file in &model.files {
        let path = folder.path().join(&file.name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(trouble)?;
        }
        std::fs::write(&path, &file.bytes).map_err(trouble)?;
    }
    Ok((ModelSource::Disk(folder.path().join(&model.main)), Some(folder)))
}
