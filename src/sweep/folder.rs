//! The folder of a sweep: its lock and its manifest.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::{Manifest, Plan, SweepError};
use crate::dataset::DatasetError;
use crate::record::publish;

/// Name of the manifest.
pub const MANIFEST: &str = "manifest.json";

/// Name of the index over all recordings.
pub const INDEX: &str = "index.h5";

/// Held for as long as this process works in the folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Opens or makes the folder. Processes that record disjoint shards share it; every other has it alone.
    ///
    /// # Errors
    /// [`SweepError::Busy`] or an I/O error.
    pub(super) fn open(path: &Path, alone: bool) -> Result<Self, SweepError> {
        std::fs::create_dir_all(path).map_err(|e| {
            DatasetError::io(path, format!("cannot be created: {e}; give --out a folder you may write to"))
        })?;
        let lock_path = path.join("lock");
        let lock =
            File::options().create(true).append(true).open(&lock_path).map_err(|e| DatasetError::io(&lock_path, e))?;
        match if alone { lock.try_lock() } else { lock.try_lock_shared() } {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SweepError::Busy { folder: path.to_owned() }),
            // Some cluster file systems have no locks; then the user's care must do.
            Err(TryLockError::Error(e)) => tracing::warn!(folder = %path.display(), error = %e, "cannot be locked"),
        }
        let folder = Self { path: path.to_owned(), _lock: lock };
        if alone {
            folder.sweep_up()?;
        }
        Ok(folder)
    }

    /// Removes what a process that was killed had half written.
    fn sweep_up(&self) -> Result<(), SweepError> {
        let trouble = |e: std::io::Error| DatasetError::io(&self.path, e);
        for entry in std::fs::read_dir(&self.path).map_err(trouble)? {
            let name = entry.map_err(trouble)?.file_name().to_string_lossy().into_owned();
            let ours = name.starts_with(MANIFEST) || name.starts_with(INDEX);
            if ours && name.ends_with(".tmp") {
                let file = self.file(&name);
                std::fs::remove_file(&file).map_err(|e| DatasetError::io(&file, e))?;
            }
        }
        Ok(())
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The manifest of this plan: the one that is there, or a new one.
    ///
    /// # Errors
    /// [`SweepError::OtherSweep`], [`SweepError::Manifest`] or an I/O error.
    pub(super) fn settle(&self, plan: &Plan, force: bool) -> Result<Manifest, SweepError> {
        let new = Manifest::new(plan);
        let there = match Manifest::read(&self.file(MANIFEST)) {
            // Whatever it is, it is not to be kept.
            Err(SweepError::Manifest { .. }) if force => None,
            other => other?,
        };
        if let Some(there) = there {
            if !force {
                return match new.difference(&there) {
                    None => Ok(there),
                    Some(difference) => Err(SweepError::OtherSweep { folder: self.path.clone(), difference }),
                };
            }
            // Before the new manifest is there: killed in between, the old one still says whose files these are.
            for entry in there.tasks.values() {
                self.remove(&entry.file)?;
            }
            self.remove(INDEX)?;
        }
        self.write(&new)?;
        Ok(new)
    }

    /// Removes a recording and its unfinished episodes.
    fn remove(&self, name: &str) -> Result<(), SweepError> {
        let plain = Path::new(name).components().all(|c| matches!(c, std::path::Component::Normal(_)));
        let reason = format!("names the file \"{name}\", which is not in its folder; choose another folder");
        if !plain {
            return Err(SweepError::Manifest { file: self.file(MANIFEST), reason });
        }
        let gone = |path: PathBuf, result: std::io::Result<()>| match result {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(DatasetError::io(&path, e)),
            _ => Ok(()),
        };
        let (file, parts) = (self.file(name), self.file(&format!("{name}.parts")));
        let removed = std::fs::remove_file(&file);
        gone(file, removed)?;
        let removed = std::fs::remove_dir_all(&parts);
        Ok(gone(parts, removed)?)
    }

    /// Replaces the manifest, whole or not at all.
    ///
    /// # Errors
    /// An I/O error.
    pub(super) fn write(&self, manifest: &Manifest) -> Result<(), SweepError> {
        self.write_text(MANIFEST, &manifest.to_json())
    }

    /// Replaces a text file, whole or not at all.
    ///
    /// # Errors
    /// An I/O error.
    pub(super) fn write_text(&self, name: &str, text: &str) -> Result<(), SweepError> {
        let file = self.file(name);
        let temporary = self.file(&format!("{name}.{}.tmp", std::process::id()));
        let written = std::fs::write(&temporary, text)
            .map_err(|e| DatasetError::io(&temporary, e))
            .and_then(|()| publish(&temporary, &file));
        Ok(written.inspect_err(|_| drop(std::fs::remove_file(&temporary)))?)
    }
}
