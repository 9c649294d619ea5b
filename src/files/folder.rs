//! Folders that are ours: they carry a mark, and only with it are they filled or removed.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{FileError, Lock, lock, write};

/// The name of the file that marks a folder.
const MARK: &str = ".dynsparse";

/// How often a folder may vanish while it is taken.
const TRIES: usize = 1000;

/// A folder of ours, of some purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// What the folder is for, for people; also what tells one purpose from another.
    pub purpose: &'static str,
    /// What somebody is to do who has such a folder without the mark.
    pub fix: &'static str,
}

impl Mark {
    /// What the mark says.
    fn text(self) -> String {
        format!("dynsparse: {}\n", self.purpose)
    }

    /// Whether a folder carries the mark.
    pub fn is_on(self, folder: &Path) -> bool {
        std::fs::read(folder.join(MARK)).is_ok_and(|text| text == self.text().as_bytes())
    }

    /// Whether a folder is what is left of one whose removal was cut short: its lock, and nothing else.
    pub fn is_rest(folder: &Path) -> bool {
        let lock = folder.join(lock::NAME);
        names(folder).is_ok_and(|names| names.iter().eq([lock::NAME]))
            && std::fs::symlink_metadata(lock).is_ok_and(|found| found.is_file() && found.len() == 0)
    }

    /// Makes a folder, or takes one that is empty, and marks it. One that carries the mark already is fine.
    ///
    /// # Errors
    /// [`FileError`] when it holds anything and does not carry the mark, or cannot be made.
    pub fn make(self, folder: &Path) -> Result<(), FileError> {
        let trouble = |e: std::io::Error| FileError::os(folder, "", &e);
        std::fs::create_dir_all(folder).map_err(|e| {
            FileError::new(folder, format!("cannot be created: {e}; give -o a folder you may write to"))
        })?;
        if self.is_on(folder) {
            return Ok(());
        }
        let names = names(folder).map_err(trouble)?;
        // The lock of a folder is left for last when it is removed; a process may be killed before.
        let foreign = |name: &OsString| {
            let name = name.to_string_lossy();
            name != lock::NAME && !(name.starts_with(MARK) && write::is_draft(&name))
        };
        // The mark comes before all else: where there is something, another process may just have set it.
        if names.iter().any(foreign) && !self.is_on(folder) {
            let message = format!("holds files and has no mark of dynsparse ({MARK}: {}): {}", self.purpose, self.fix);
            return Err(FileError::new(folder, message));
        }
        write::replace_ours(&folder.join(MARK), self.text().as_bytes())?;
        // The folder's own name must survive a power cut as what is in it does.
        write::sync_folder_of(folder)
    }

    /// As [`Mark::make`], with the lock of the folder, alone or shared; None while another process is in the way.
    ///
    /// # Errors
    /// As [`Mark::make`].
    pub fn lock(self, folder: &Path, alone: bool) -> Result<Option<Lock>, FileError> {
        let mut tries = 0;
        loop {
            let locked = self.make(folder).and_then(|()| Lock::of_folder(folder, alone));
            // Whoever had the lock before may have removed the folder on the way, and its mark; nobody does from here on.
            let locked = match locked {
                Ok(Some(lock)) => self.make(folder).map(|()| Some(lock)),
                other => other,
            };
            tries += 1;
            match locked {
                Err(e) if e.is_gone && tries < TRIES => {}
                other => return other,
            }
        }
    }

    /// Removes a folder that carries the mark, with the files that `is_ours` knows by name, drafts and its lock; whoever calls
    /// holds the lock. Where there is more in it, that stays, with the folder, and its names are returned.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn remove(self, folder: &Path, is_ours: impl Fn(&str) -> bool) -> Result<Vec<OsString>, FileError> {
        let mut foreign = Vec::new();
        for name in names(folder).map_err(|e| FileError::new(folder, e))? {
            let text = name.to_string_lossy();
            if text == MARK || text == lock::NAME {
                continue;
            }
            let file = folder.join(&name);
            if (is_ours(&text) || write::is_draft(&text)) && !file.is_dir() {
                gone(&file, std::fs::remove_file(&file))?;
            } else {
                foreign.push(name);
            }
        }
        if foreign.is_empty() {
            // The mark and the lock last, so that a kill in between leaves nothing that nobody owns.
            for name in [MARK, lock::NAME] {
                let file = folder.join(name);
                gone(&file, std::fs::remove_file(&file))?;
            }
            match std::fs::remove_dir(folder) {
                // Another process has begun anew in it.
                Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => {}
                other => gone(folder, other)?,
            }
        }
        Ok(foreign)
    }
}

fn names(folder: &Path) -> std::io::Result<Vec<OsString>> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// It is fine that there is nothing to remove.
fn gone(path: &Path, result: std::io::Result<()>) -> Result<(), FileError> {
    match result {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(FileError::new(path, format!("cannot be removed: {e}"))),
        _ => Ok(()),
    }
}

/// The folder of unfinished work beside an output, `OUT.parts`.
pub fn parts_of(output: &Path) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_os_string();
    name.push(".parts");
    output.with_file_name(name)
}

/// The folder that a file lies in.
pub(super) fn of(file: &Path) -> &Path {
    file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// How deep drafts may lie in a folder of results.
const DEPTH: usize = 6;

/// Removes what a process that was killed has half written in a folder and below. Whoever calls has the folder alone.
pub fn sweep_up(folder: &Path) {
    sweep(folder, DEPTH);
}

fn sweep(folder: &Path, depth: usize) {
    let entries: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    for path in entries {
        let Ok(found) = std::fs::symlink_metadata(&path) else { continue };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if found.is_dir() && depth > 1 {
            sweep(&path, depth - 1);
        } else if found.is_file() && write::is_draft(&name) {
            let _ = std::fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Mark = Mark { purpose: "a test", fix: "choose another folder" };

    #[test]
    fn only_a_folder_with_the_mark_is_ours() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        OURS.make(&folder).unwrap();
        assert!(OURS.is_on(&folder));
        assert!(!Mark { purpose: "another", ..OURS }.is_on(&folder));
        std::fs::write(folder.join("x.h5"), "x").unwrap();
        std::fs::write(folder.join("notes"), "mine").unwrap();
        OURS.make(&folder).unwrap();
        assert_eq!(OURS.remove(&folder, |name| name == "x.h5").unwrap(), ["notes"]);
        assert!(OURS.is_on(&folder) && !folder.join("x.h5").exists());
        std::fs::remove_file(folder.join("notes")).unwrap();
        assert!(OURS.remove(&folder, |name| name == "x.h5").unwrap().is_empty());
        assert!(!folder.exists());

        let theirs = dir.path().join("theirs");
        std::fs::create_dir(&theirs).unwrap();
        std::fs::write(theirs.join("data"), "").unwrap();
        let error = OURS.make(&theirs).unwrap_err().to_string();
        assert!(error.contains("no mark of dynsparse (.dynsparse: a test): choose another folder"), "{error}");
        // What is left of a folder whose removal was cut short.
        std::fs::remove_file(theirs.join("data")).unwrap();
        assert!(!Mark::is_rest(&theirs));
        std::fs::write(theirs.join("lock"), "").unwrap();
        assert!(Mark::is_rest(&theirs));
        OURS.make(&theirs).unwrap();
        assert!(!Mark::is_rest(&theirs));
    }
}
