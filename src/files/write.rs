//! Files that are there whole or not at all.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::{FileError, FileKind, folder, output};

/// The end of the name of a file that is being written.
const ENDING: &str = ".tmp";

/// Hexadecimal digits that make its name its own.
const DIGITS: usize = 16;

/// A name beside `file` for what will take its place. It ends in 64 random bits, since processes in containers may have the
/// same number; whoever creates it must do so exclusively.
pub fn draft(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{:0DIGITS$x}{ENDING}", random()));
    file.with_file_name(name)
}

/// Random bits of the operating system: the keys of a fresh hasher.
fn random() -> u64 {
    RandomState::new().hash_one(std::thread::current().id())
}

/// Whether this is a name that [`draft`] gives.
pub(super) fn is_draft(name: &str) -> bool {
    let digits = name.strip_suffix(ENDING).and_then(|name| name.rsplit_once('.')).map(|(_, digits)| digits);
    digits.is_some_and(|d| d.len() == DIGITS && d.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Replaces a file of that kind, whole or not at all: written under a name of its own, synced, renamed. A symbolic link
/// stays one.
///
/// # Errors
/// [`FileError`], also where the file that is there is of another kind, or no regular file; see [`super`].
pub fn replace(file: &Path, kind: FileKind, bytes: &[u8]) -> Result<(), FileError> {
    let target = output::place_for(file, kind)?;
    write_to(&target, bytes).map_err(|e| FileError { file: file.to_owned(), ..e })
}

/// As [`replace`], in a folder of ours, where a file is known by its name.
///
/// # Errors
/// [`FileError`], also where what is there is no regular file.
pub fn replace_ours(file: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let found = std::fs::symlink_metadata(file);
    if found.is_ok_and(|found| !found.is_file()) {
        return Err(FileError::new(file, "is not a regular file, in a folder that is ours; remove it"));
    }
    write_to(file, bytes)
}

fn write_to(target: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let trouble = |e: std::io::Error| FileError::os(target, "cannot be written: ", &e);
    write_by(target, |file| file.write_all(bytes).map_err(trouble))
}

/// Writes a file piece by piece under a name of its own, and gives it its name when `write` has succeeded.
///
/// # Errors
/// Those of `write`; [`FileError`].
pub(super) fn write_by<T, E: From<FileError>>(
    target: &Path,
    write: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<T, E> {
    let (mut file, draft) = loop {
        let draft = draft(target);
        match File::create_new(&draft) {
            Ok(file) => break (file, draft),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(FileError::os(target, "cannot be written: ", &e).into()),
        }
    };
    let written = write(&mut file);
    drop(file);
    let published = written.and_then(|done| publish(&draft, target).map(|()| done).map_err(E::from));
    published.inspect_err(|_| drop(std::fs::remove_file(&draft)))
}

/// Makes a finished file durable and gives it its name.
///
/// # Errors
/// [`FileError`].
pub fn publish(draft: &Path, name: &Path) -> Result<(), FileError> {
    let synced = File::open(draft).and_then(|f| f.sync_all());
    synced.map_err(|e| FileError::os(draft, "", &e))?;
    std::fs::rename(draft, name).map_err(|e| FileError::os(name, "", &e))?;
    sync_folder_of(name)
}

/// Makes the name of a file durable.
///
/// # Errors
/// [`FileError`].
pub(super) fn sync_folder_of(name: &Path) -> Result<(), FileError> {
    let folder = folder::of(name);
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| FileError::os(folder, "", &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_have_names_of_their_own() {
        let names: std::collections::HashSet<PathBuf> = (0..1000).map(|_| draft(Path::new("a/out.h5"))).collect();
        assert_eq!(names.len(), 1000);
        for name in &names {
            assert_eq!(name.parent(), Some(Path::new("a")));
            let name = name.file_name().unwrap().to_str().unwrap();
            assert!(name.starts_with("out.h5.") && is_draft(name), "{name}");
        }
        for name in ["out.h5", "out.tmp", "out.h5.1234.tmp", "out.h5.zzzzzzzzzzzzzzzz.tmp", "0123456789abcdef.tmp"] {
            assert!(!is_draft(name), "{name}");
        }
    }

    #[test]
    fn a_file_is_replaced_by_its_own_kind_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x");
        replace(&file, FileKind::Csv, b"a,b\n").unwrap();
        replace(&file, FileKind::Csv, b"c,d\n").unwrap();
        let error = replace(&file, FileKind::Html, b"<html>").unwrap_err();
        assert!(error.message.contains("is a CSV table, which an HTML page does not replace"), "{error}");
        assert_eq!(std::fs::read(&file).unwrap(), b"c,d\n");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "a draft was left");
    }
}
