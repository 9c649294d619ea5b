//! Locks between processes. They are of the open file, so that numbers of processes do not matter, and a kill frees them.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{FileError, folder, write};

/// The name of the lock of a folder of ours.
pub(super) const NAME: &str = "lock";

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    /// Whether the file goes with the lock.
    passing: bool,
}

impl Lock {
    /// Takes the lock `lock` of a folder, alone or shared with others who share it. None while another process is in the way.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be opened.
    pub fn of_folder(folder: &Path, alone: bool) -> Result<Option<Self>, FileError> {
        Self::take(folder.join(NAME), alone, false)
    }

    /// Takes the lock of a file that is to be written, in a hidden file beside it that goes with the lock. What a process that
    /// was killed has half written there goes, too.
    ///
    /// # Errors
    /// [`FileError`] while another process writes the same file, or when the lock cannot be opened.
    pub(super) fn of_file(file: &Path) -> Result<Self, FileError> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let lock = Self::take(file.with_file_name(format!(".{name}.lock")), true, true)
            .map_err(|e| FileError { file: file.to_owned(), ..e })?;
        let lock = lock.ok_or_else(|| busy(file))?;
        for entry in std::fs::read_dir(folder::of(file)).into_iter().flatten().flatten() {
            let found = entry.file_name().to_string_lossy().into_owned();
            let is_of_it = found.strip_prefix(&name).is_some_and(|rest| rest.starts_with('.') && rest.len() == 21);
            if is_of_it && write::is_draft(&found) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(lock)
    }

    /// Takes the lock of a folder of results that may hold other files too, in a hidden file that goes with the lock. The
    /// folder is made. What a process that was killed has half written in it goes.
    ///
    /// # Errors
    /// [`FileError`] while another process writes there, or when the folder cannot be made.
    pub fn of_results(place: &Path) -> Result<Self, FileError> {
        std::fs::create_dir_all(place)
            .map_err(|e| FileError::new(place, format!("cannot be created: {e}; name a folder you may write to")))?;
        let lock = Self::take(place.join(".lock"), true, true)?.ok_or_else(|| busy(place))?;
        folder::sweep_up(place);
        Ok(lock)
    }

    fn take(path: PathBuf, alone: bool, passing: bool) -> Result<Option<Self>, FileError> {
        let trouble = |e: std::io::Error| FileError::os(&path, "cannot be opened to lock it: ", &e);
        loop {
            // Neither a link nor a pipe is opened.
            let file = File::options()
                .create(true)
                .append(true)
                .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
                .open(&path)
                .map_err(trouble)?;
            if !file.metadata().map_err(trouble)?.is_file() {
                return Err(FileError::new(&path, "is not a regular file; remove it"));
            }
            match if alone { file.try_lock() } else { file.try_lock_shared() } {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                // Some cluster file systems have no locks; then the user's care must do.
                Err(TryLockError::Error(e)) => {
                    tracing::warn!(file = %path.display(), error = %e, "cannot be locked");
                    return Ok(Some(Self { file, path, passing: false }));
                }
            }
            // Whoever had the lock before may have removed its file just now; then it is the lock of nothing.
            let opened = file.metadata().map_err(trouble)?;
            match std::fs::symlink_metadata(&path) {
                Ok(there) if (there.dev(), there.ino()) == (opened.dev(), opened.ino()) => {
                    return Ok(Some(Self { file, path, passing }));
                }
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(trouble(e)),
                _ => {}
            }
        }
    }

    /// Shares the lock from now on.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn share(&self) -> Result<(), FileError> {
        let shared = self.file.unlock().and_then(|()| self.file.lock_shared());
        shared.map_err(|e| FileError::new(&self.path, format!("cannot be shared: {e}")))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.passing {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn busy(path: &Path) -> FileError {
    FileError::new(path, "another process is writing it; wait for it, or name another output")
}
