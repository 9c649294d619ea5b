//! Files of a folder of results: there whole or not at all, and read where they are there.

use std::path::Path;

use super::LearnError;
use crate::bounded;
use crate::files::{self, Mark};

/// Bytes of a file of weights or results, at most: a checkpoint holds four times the weights of a network.
const MOST: u64 = 4 << 30;

/// What tells a folder of results from a user's own.
pub(super) const MARK: Mark = Mark {
    purpose: "networks that learn has trained",
    fix: "choose a new folder with -o; or, if an earlier version has left it, move it away and train again",
};

/// Replaces a file.
///
/// # Errors
/// [`LearnError::File`].
pub(super) fn replace(file: &Path, bytes: &[u8]) -> Result<(), LearnError> {
    Ok(files::replace_ours(file, bytes)?)
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
