//! A new folder that is there whole or not at all: it is made beside its place and moved there when it is complete.

use std::fs::File;
use std::path::{Component, Path, PathBuf};

use super::FileError;

/// A folder that is being filled. What was not published goes when it is dropped.
#[derive(Debug)]
pub struct NewFolder {
    place: PathBuf,
    draft: tempfile::TempDir,
}

impl NewFolder {
    /// Begins a folder at a place where nothing is, or an empty folder.
    ///
    /// # Errors
    /// [`FileError`] where something is there, or nothing may be written.
    pub fn begin(place: &Path) -> Result<Self, FileError> {
        // `a/.` and `a//` are `a`.
        let place: PathBuf = place.components().collect();
        let trouble =
            |e: std::io::Error| FileError::new(&place, format!("cannot be made: {e}; name a folder you may write to"));
        let empty = match std::fs::read_dir(&place).map(|mut there| there.next().is_none()) {
            Ok(true) => true,
            Ok(false) => {
                return Err(FileError::new(&place, "is not empty; name a new folder, or remove what is there"));
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => false,
            Err(e) => return Err(trouble(e)),
        };
        // The draft is on the same disk: in the folder that is there, or beside the one to come.
        let beside = if empty { place.as_path() } else { super::folder::of(&place) };
        if !empty && !matches!(place.components().next_back(), Some(Component::Normal(_))) {
            return Err(FileError::new(&place, "is not there, and not the name of a folder"));
        }
        std::fs::create_dir_all(beside).map_err(trouble)?;
        let draft = tempfile::Builder::new().prefix(".dynsparse-draft-").tempdir_in(beside).map_err(trouble)?;
        Ok(Self { place, draft })
    }

    /// Where the files go for now.
    pub fn path(&self) -> &Path {
        self.draft.path()
    }

    /// Makes the folder of a file in it.
    ///
    /// # Errors
    /// [`FileError`] about the file.
    pub fn make_room(&self, name: &str) -> Result<PathBuf, FileError> {
        let path = self.path().join(name);
        std::fs::create_dir_all(super::folder::of(&path)).map_err(|e| self.trouble(name, &e))?;
        Ok(path)
    }

    /// Opens a new file in it for writing.
    ///
    /// # Errors
    /// [`FileError`] about the file.
    pub fn file(&self, name: &str) -> Result<File, FileError> {
        File::create_new(self.make_room(name)?).map_err(|e| self.trouble(name, &e))
    }

    /// Writes a file in it.
    ///
    /// # Errors
    /// [`FileError`] about the file, for example when the disk is full.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        std::fs::write(self.make_room(name)?, bytes).map_err(|e| self.trouble(name, &e))
    }

    fn trouble(&self, name: &str, error: &std::io::Error) -> FileError {
        FileError::os(&self.place.join(name), "cannot be written: ", error)
    }

    /// Moves everything to its place. Where an empty folder is, the parts of the first level go there one by one, by name.
    ///
    /// # Errors
    /// [`FileError`] where something has come there meanwhile.
    pub fn publish(self) -> Result<(), FileError> {
        let trouble = |e: std::io::Error| FileError::os(&self.place, "cannot be put in its place: ", &e);
        if !self.place.is_dir() {
            let draft = self.draft.path().to_owned();
            std::fs::rename(&draft, &self.place).map_err(trouble)?;
            // There is nothing left to remove.
            let _ = self.draft.keep();
            return Ok(());
        }
        let mut parts = std::fs::read_dir(self.path())
            .and_then(|all| all.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>, _>>())
            .map_err(trouble)?;
        parts.sort();
        parts
            .iter()
            .try_for_each(|part| std::fs::rename(self.path().join(part), self.place.join(part)))
            .map_err(trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let names = |at: &Path| {
            let mut names: Vec<_> = std::fs::read_dir(at).unwrap().map(|e| e.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let place = dir.path().join("a/b/.");
        let folder = NewFolder::begin(&place).unwrap();
        folder.write("data/x", b"1").unwrap();
        assert!(!dir.path().join("a/b").exists());
        drop(folder);
        assert!(names(&dir.path().join("a")).is_empty());
        let folder = NewFolder::begin(&place).unwrap();
        folder.write("data/x", b"1").unwrap();
        folder.publish().unwrap();
        assert_eq!(std::fs::read(dir.path().join("a/b/data/x")).unwrap(), b"1");
        assert_eq!(names(&dir.path().join("a")), ["b"]);
        assert!(NewFolder::begin(&place).unwrap_err().to_string().contains("is not empty"));
        // An empty folder is filled.
        let empty = dir.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        let folder = NewFolder::begin(&empty).unwrap();
        folder.write("meta/x", b"1").unwrap();
        folder.write("data/x", b"1").unwrap();
        folder.publish().unwrap();
        assert_eq!(names(&empty), ["data", "meta"]);
        assert!(NewFolder::begin(&dir.path().join("gone/..")).is_err());
    }
}
