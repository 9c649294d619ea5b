//! The folder of a sweep: its lock and its manifest.

use std::path::{Path, PathBuf};

use super::{Manifest, Plan, SweepError};
use crate::dataset::{DatasetError, is_index};
use crate::files::{self, FileKind, Lock};
use crate::record::drop_unfinished;

/// Name of the manifest.
pub const MANIFEST: &str = "manifest.json";

/// Name of the index over all recordings.
pub const INDEX: &str = "index.h5";

/// Held for as long as this process works in the folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: Lock,
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
        let lock = Lock::of_folder(path, alone)?.ok_or_else(|| SweepError::Busy { folder: path.to_owned() })?;
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
        let index = self.file(INDEX);
        if index.exists() && !is_index(&index) {
            let reason = "is not the index of a sweep; remove it, or choose another folder";
            return Err(DatasetError::io(&index, reason).into());
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
        let file = self.file(name);
        // A manifest is believed in what it names, not in whose that is.
        if !FileKind::Hdf5.fits(&file) {
            let reason = "is in the way and no HDF5 file; remove it, or choose another folder";
            return Err(DatasetError::io(&file, reason).into());
        }
        match std::fs::remove_file(&file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(DatasetError::io(&file, e).into()),
            _ => {}
        }
        Ok(drop_unfinished(&file)?)
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
        Ok(files::replace_ours(&self.file(name), text.as_bytes())?)
    }
}
