//! Where an output may go.

use std::fs::{FileType, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::{FileError, FileKind, Lock, folder, write};

/// Symbolic links that are followed from an output, as many as Linux follows.
const MOST_LINKS: usize = 40;

/// The file that an output stands for: a symbolic link for what it leads to. That is a regular file, or not there yet.
///
/// # Errors
/// [`FileError`] for a folder, a device, a pipe, a socket, and a circle of links.
pub fn resolve(output: &Path) -> Result<PathBuf, FileError> {
    match std::fs::metadata(output) {
        Ok(found) if found.is_dir() => {
            return Err(FileError::new(output, "is a folder; name a file to write"));
        }
        Ok(found) if !found.is_file() => {
            let what = word(found.file_type());
            return Err(FileError::new(output, format!("is {what} and not a regular file; name another output")));
        }
        _ => {}
    }
    let mut path = output.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = std::fs::read_link(&path) else { return Ok(path) };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(FileError::new(output, "is a circle of symbolic links; name another output"))
}

fn word(kind: FileType) -> &'static str {
    match kind {
        k if k.is_fifo() => "a pipe",
        k if k.is_socket() => "a socket",
        k if k.is_char_device() || k.is_block_device() => "a device",
        _ => "something else",
    }
}

/// The file that an output of that kind stands for, see [`resolve`]. What is there is of the same kind, or empty.
///
/// # Errors
/// [`FileError`].
pub(super) fn place_for(output: &Path, kind: FileKind) -> Result<PathBuf, FileError> {
    let path = resolve(output)?;
    if path.is_file() {
        let there =
            FileKind::of(&path).map_err(|e| FileError::new(output, format!("is there and cannot be read: {e}")))?;
        if let Some(there) = there.filter(|there| *there != kind) {
            let (there, new) = (there.word(), kind.word());
            let message = format!("is {there}, which {new} does not replace; remove it, or name another output");
            return Err(FileError::new(output, message));
        }
    }
    Ok(path)
}

/// The files that a command reads. None of them is ever an output of it.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Device and number of each that is there, and its path for people.
    known: Vec<((u64, u64), PathBuf)>,
}

impl Inputs {
    /// These files; one that is not there is no input.
    pub fn new(files: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        let mut inputs = Self::default();
        files.into_iter().for_each(|file| inputs.add(file.as_ref()));
        inputs
    }

    /// One more.
    pub fn add(&mut self, file: &Path) {
        // By number: another path, or another link, may lead to the same file.
        if let Ok(found) = std::fs::metadata(file) {
            self.known.push((number(&found), file.to_owned()));
        }
    }

    /// Refuses an output that is an input.
    ///
    /// # Errors
    /// [`FileError`] that names the output.
    pub fn spare(&self, output: &Path) -> Result<(), FileError> {
        let Ok(found) = std::fs::metadata(output) else { return Ok(()) };
        match self.known.iter().find(|(known, _)| *known == number(&found)) {
            None => Ok(()),
            Some((_, input)) => {
                let same = if input == output { String::new() } else { format!(" ({})", input.display()) };
                Err(FileError::new(output, format!("is read by this command{same}; name another output")))
            }
        }
    }
}

fn number(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// One file that a command writes at its end. It is claimed before the work, so that a place that cannot be written to is
/// known at once, and another process that writes the same file is refused.
#[derive(Debug)]
pub struct Output {
    name: PathBuf,
    path: PathBuf,
    kind: FileKind,
    _lock: Lock,
}

impl Output {
    /// Claims a file of that kind.
    ///
    /// # Errors
    /// [`FileError`] when nothing may be written there, or another process does.
    pub fn claim(name: &Path, kind: FileKind, inputs: &Inputs) -> Result<Self, FileError> {
        inputs.spare(name)?;
        let path = place_for(name, kind)?;
        let parent = folder::of(&path);
        if !parent.is_dir() {
            return Err(FileError::new(name, format!("there is no folder {}; create it", parent.display())));
        }
        let lock = Lock::of_file(&path)?;
        Ok(Self { name: name.to_owned(), path, kind, _lock: lock })
    }

    /// Its name, as it was given.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn write(&self, bytes: &[u8]) -> Result<(), FileError> {
        write::replace(&self.path, self.kind, bytes)
    }

    /// Writes it piece by piece, whole or not at all: nothing is there where `write` fails.
    ///
    /// # Errors
    /// Those of `write`; [`FileError`].
    pub fn write_by<T, E: From<FileError>>(
        &self,
        write: impl FnOnce(&mut std::fs::File) -> Result<T, E>,
    ) -> Result<T, E> {
        write::write_by(&place_for(&self.path, self.kind)?, write)
    }
}
