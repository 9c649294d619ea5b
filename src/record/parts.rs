//! The folder of shards beside an unfinished recording: one file per finished episode.
//!
//! A shard is written under a temporary name, closed, synced and renamed, and the folder is synced; so an
//! episode is there whole or not at all, at whatever instant the process dies.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::{Recipe, RecordError};
use crate::dataset::DatasetError;

/// The folder `OUT.parts`.
#[derive(Debug)]
pub(super) struct Parts {
    folder: PathBuf,
    /// Held for as long as this process works here.
    lock: File,
}

impl Parts {
    /// Where the shards of an output lie.
    pub(super) fn folder_of(output: &Path) -> PathBuf {
        let mut name = output.file_name().unwrap_or_default().to_os_string();
        name.push(".parts");
        output.with_file_name(name)
    }

    /// Opens or makes the folder for a recipe. Processes that record disjoint shards share it; one that
    /// will merge has it alone.
    ///
    /// # Errors
    /// [`RecordError::Busy`], [`RecordError::OtherJob`] or an I/O error.
    pub(super) fn open(output: &Path, recipe: &Recipe, alone: bool, force: bool) -> Result<Self, RecordError> {
        let folder = Self::folder_of(output);
        std::fs::create_dir_all(&folder).map_err(|e| {
            DatasetError::io(&folder, format!("cannot be created: {e}; give -o a folder you may write to"))
        })?;
        // The folder's own name must survive a power cut as its shards do.
        sync_folder_of(&folder)?;
        let lock_path = folder.join("lock");
        let lock =
            File::options().create(true).append(true).open(&lock_path).map_err(|e| DatasetError::io(&lock_path, e))?;
        // Dropping other settings' shards needs the folder alone, too.
        let taken = if alone || force { lock.try_lock() } else { lock.try_lock_shared() };
        match taken {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RecordError::Busy { folder }),
            // Some cluster file systems have no locks; then the user's care must do.
            Err(TryLockError::Error(e)) => tracing::warn!(folder = %folder.display(), error = %e, "cannot be locked"),
        }
        let parts = Self { folder, lock };
        parts.settle_recipe(recipe, force)?;
        if force && !alone {
            let shared = parts.lock.unlock().and_then(|()| parts.lock.lock_shared());
            shared.map_err(|e| DatasetError::io(&lock_path, e))?;
        }
        if alone {
            for entry in parts.entries()?.into_iter().filter(|p| p.extension().is_some_and(|e| e == "tmp")) {
                std::fs::remove_file(&entry).map_err(|e| DatasetError::io(&entry, e))?;
            }
        }
        Ok(parts)
    }

    fn settle_recipe(&self, recipe: &Recipe, force: bool) -> Result<(), RecordError> {
        let path = self.folder.join("recipe.json");
        match std::fs::read_to_string(&path) {
            Ok(there) => {
                let Some(difference) = recipe.difference(&there) else { return Ok(()) };
                if !force {
                    return Err(RecordError::OtherJob { folder: self.folder.clone(), difference });
                }
                for shard in self.entries()?.into_iter().filter(|p| p.extension().is_some_and(|e| e == "h5")) {
                    std::fs::remove_file(&shard).map_err(|e| DatasetError::io(&shard, e))?;
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(DatasetError::io(&path, e).into()),
        }
        let temporary = self.folder.join(format!("recipe.{}.tmp", std::process::id()));
        let written = std::fs::write(&temporary, recipe.to_json())
            .map_err(|e| DatasetError::io(&temporary, e))
            .and_then(|()| publish(&temporary, &path));
        Ok(written.inspect_err(|_| drop(std::fs::remove_file(&temporary)))?)
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
    pub(super) fn temporary(&self, episode: u64) -> PathBuf {
        self.folder.join(format!("episode-{episode:08}.{}.tmp", std::process::id()))
    }

    /// A name for the merged file.
    pub(super) fn merged(&self) -> PathBuf {
        self.folder.join(format!("merged.{}.tmp", std::process::id()))
    }

    /// Removes the folder.
    pub(super) fn remove(self) -> Result<(), DatasetError> {
        std::fs::remove_dir_all(&self.folder).map_err(|e| DatasetError::io(&self.folder, e))
    }
}

/// The finished episodes of an unfinished recording; none when nothing of it was begun.
///
/// # Errors
/// [`RecordError::Dataset`] when the folder of shards cannot be read.
pub fn finished_episodes(output: &Path) -> Result<BTreeSet<u64>, RecordError> {
    let folder = Parts::folder_of(output);
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

/// Makes a finished file durable and gives it its name.
pub(crate) fn publish(temporary: &Path, name: &Path) -> Result<(), DatasetError> {
    let sync = |path: &Path| File::open(path).and_then(|f| f.sync_all()).map_err(|e| DatasetError::io(path, e));
    sync(temporary)?;
    std::fs::rename(temporary, name).map_err(|e| DatasetError::io(name, e))?;
    sync_folder_of(name)
}

/// Makes the name of a file durable.
fn sync_folder_of(name: &Path) -> Result<(), DatasetError> {
    let folder = name.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| DatasetError::io(folder, e))
}
