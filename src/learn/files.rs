//! Files that are there whole or not at all.

use std::io::Write;
use std::path::Path;

use super::LearnError;
use crate::bounded;

/// Bytes of a file of weights or results, at most: a checkpoint holds four times the weights of a network.
const MOST: u64 = 4 << 30;

/// Replaces a file: written under another name, synced, renamed.
///
/// # Errors
/// [`LearnError::File`].
pub(super) fn replace(file: &Path, bytes: &[u8]) -> Result<(), LearnError> {
    let mut temporary = file.as_os_str().to_owned();
    temporary.push(".tmp");
    let write = || -> std::io::Result<()> {
        let mut out = std::fs::File::create(&temporary)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        std::fs::rename(&temporary, file)
    };
    write().map_err(|e| LearnError::io(file, "cannot be written", e))
}

/// A file's bytes; None where there is no such file.
///
/// # Errors
/// [`LearnError::File`].
pub(super) fn read(file: &Path) -> Result<Option<Vec<u8>>, LearnError> {
    match bounded::read(file, MOST) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(LearnError::io(file, "cannot be read", e)),
    }
}
