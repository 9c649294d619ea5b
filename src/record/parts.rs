//! The folder of shards beside an unfinished recording: one file per finished episode.
//!
//! A shard is written under a temporary name, closed, synced and renamed, and the folder is synced; so an
//! episode is there whole or not at all, at whatever instant the process dies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Recipe, RecordError};
use crate::bounded;
use crate::dataset::DatasetError;
use crate::files::{self, Lock, Mark};

/// What tells the folder from a user's own.
const MARK: Mark = Mark {
    purpose: "finished episodes of a recording that is under way",
    fix: "choose another output; or, if an earlier version has left it, remove it and record again",
};

/// The recipe that the shards are of.
const RECIPE: &str = "recipe.json";

/// The folder `OUT.parts`.
#[derive(Debug)]
pub(super) struct Parts {
    folder: PathBuf,
    /// Held for as long as this process works here.
    lock: Lock,
}

impl Parts {
    /// Opens or makes the folder for a recipe. Processes that record disjoint shards share it; one that
    /// will merge has it alone.
    ///
    /// # Errors
    /// [`RecordError::Busy`], [`RecordError::OtherJob`] or an I/O error.
    pub(super) fn open(output: &Path, recipe: &Recipe, alone: bool, force: bool) -> Result<Self, RecordError> {
        let folder = files::parts_of(output);
        // Dropping other settings' shards needs the folder alone, too.
        let Some(lock) = MARK.lock(&folder, alone || force)? else { return Err(RecordError::Busy { folder }) };
        let parts = Self { folder, lock };
        if alone {
            files::sweep_up(&parts.folder);
        }
        parts.settle_recipe(recipe, force)?;
        if force && !alone {
            parts.lock.share()?;
        }
        Ok(parts)
    }

    fn settle_recipe(&self, recipe: &Recipe, force: bool) -> Result<(), RecordError> {
        let path = self.folder.join(RECIPE);
        match bounded::read_text(&path) {
            Ok(there) => {
                let Some(difference) = recipe.difference(&there) else { return Ok(()) };
                if !force {
                    return Err(RecordError::OtherJob { folder: self.folder.clone(), difference });
                }
                for shard in self.entries()?.into_iter().filter(|p| episode_of(p).is_some()) {
                    std::fs::remove_file(&shard).map_err(|e| DatasetError::io(&shard, e))?;
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(DatasetError::io(&path, e).into()),
        }
        Ok(files::replace_ours(&path, recipe.to_json().as_bytes())?)
    }

    fn entries(&self) -> Result<Vec<PathBuf>, DatasetError> {
        let read = std::fs::read_dir(&self.folder).map_err(|e| DatasetError::io(&self.folder, e))?;
        read.map(|entry| entry.map(|e| e.path()).map_err(|e| DatasetError::io(&self.folder, e))).collect()
    }

    /// The episodes that are there.
    pub(super) fn present(&self) -> Result<BTreeSet<u64>, DatasetError> {
        Ok(self.entries()?.iter().filter_map(|path| episode_of(path)).collect())
    }

    /// The shard of an episode.
    pub(super) fn shard(&self, episode: u64) -> PathBuf {
        self.folder.join(format!("episode-{episode:08}.h5"))
    }

    /// Removes the shard of an episode.
    pub(super) fn drop_shard(&self, episode: u64) -> Result<(), DatasetError> {
        let shard = self.shard(episode);
        std::fs::remove_file(&shard).map_err(|e| DatasetError::io(&shard, e))
    }

    /// A name for a shard that is being written by this process.
    pub(super) fn draft(&self, episode: u64) -> PathBuf {
        files::draft(&self.shard(episode))
    }

    /// A name for the merged file.
    pub(super) fn merged(&self) -> PathBuf {
        files::draft(&self.folder.join("merged.h5"))
    }

    /// Removes the folder.
    pub(super) fn remove(self) -> Result<(), DatasetError> {
        remove(&self.folder)
    }
}

/// Whether unfinished work of an output lies beside it. A user's own folder of that name is none.
pub(super) fn are_there(output: &Path) -> bool {
    let folder = files::parts_of(output);
    MARK.is_on(&folder) || Mark::is_rest(&folder)
}

/// Removes the unfinished work of an output, if there is any. Whoever calls has it alone.
///
/// # Errors
/// [`DatasetError`], also where the folder is not ours.
pub(crate) fn drop_unfinished(output: &Path) -> Result<(), DatasetError> {
    let folder = files::parts_of(output);
    if !folder.exists() {
        return Ok(());
    }
    MARK.make(&folder)?;
    remove(&folder)
}

fn remove(folder: &Path) -> Result<(), DatasetError> {
    let is_ours = |name: &str| name == RECIPE || episode_of(Path::new(name)).is_some();
    let foreign = MARK.remove(folder, is_ours)?;
    if let Some(first) = foreign.first() {
        let first = first.to_string_lossy();
        tracing::warn!("{}: is left, for it holds {first}, which is no work of this program", folder.display());
    }
    Ok(())
}

/// The finished episodes of an unfinished recording; none when nothing of it was begun.
///
/// # Errors
/// [`RecordError::Dataset`] when the folder of shards cannot be read.
pub fn finished_episodes(output: &Path) -> Result<BTreeSet<u64>, RecordError> {
    let folder = files::parts_of(output);
    match std::fs::read_dir(&folder) {
        Ok(entries) => Ok(entries.flatten().filter_map(|entry| episode_of(&entry.path())).collect()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(e) => Err(DatasetError::io(&folder, e).into()),
    }
}

/// The episode of a shard, by its name.
fn episode_of(shard: &Path) -> Option<u64> {
    shard.file_name()?.to_str()?.strip_prefix("episode-")?.strip_suffix(".h5")?.parse().ok()
}
