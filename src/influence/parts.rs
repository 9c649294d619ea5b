//! Finished rows beside an unfinished output, a file for each, so that a run that was ended goes on where it was.

use std::path::{Path, PathBuf};

use super::InfluenceError;
use super::row::{Dimensions, RowFound};
use crate::bounded;
use crate::dataset::DatasetError;
use crate::files::{self, Lock, Mark};
use crate::record::{at_most_three, compare};
use crate::seal::sha256_hex;

const MARK: Mark =
    Mark { purpose: "finished rows of an influence study that is under way", fix: "choose another output" };

/// What the rows are of.
const SETTINGS: &str = "settings.json";

/// Hexadecimal digits of a digest.
const DIGITS: usize = 64;

/// The folder `OUT.parts`.
#[derive(Debug)]
pub(super) struct RowParts {
    folder: PathBuf,
    dimensions: Dimensions,
    /// Held for as long as this process works here.
    _lock: Lock,
}

impl RowParts {
    /// Whether work of these settings lies beside an output: a kill between its last rename and the clean-up leaves it.
    pub(super) fn are_there(output: &Path, settings: &str) -> bool {
        let folder = files::parts_of(output);
        MARK.is_on(&folder) && bounded::read_text(&folder.join(SETTINGS)).is_ok_and(|there| there == settings)
    }

    /// Opens or makes the folder for what decides every row, as JSON.
    ///
    /// # Errors
    /// [`InfluenceError::OtherJob`], one of another process, and what the disk says.
    pub(super) fn open(
        output: &Path,
        settings: &str,
        dimensions: Dimensions,
        force: bool,
    ) -> Result<Self, InfluenceError> {
        let folder = files::parts_of(output);
        let Some(lock) = MARK.lock(&folder, true)? else {
            let text =
                format!("another process is at work in {}; wait for it, or name another output", folder.display());
            return Err(InfluenceError::Setting(text));
        };
        files::sweep_up(&folder);
        let parts = Self { folder, dimensions, _lock: lock };
        let path = parts.folder.join(SETTINGS);
        match bounded::read_text(&path) {
            Ok(there) if there == settings => return Ok(parts),
            Ok(there) if !force => {
                let [there, here] = [&there[..], settings].map(|text| serde_json::from_str(text).unwrap_or_default());
                let mut found = Vec::new();
                compare("", &there, &here, &mut found);
                let difference = at_most_three(found).unwrap_or_else(|| "they cannot be read".to_owned());
                return Err(InfluenceError::OtherJob { folder: parts.folder, difference });
            }
            Ok(_) => parts.drop_rows()?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(DatasetError::io(&path, e).into()),
        }
        files::replace_ours(&path, settings.as_bytes())?;
        Ok(parts)
    }

    fn drop_rows(&self) -> Result<(), InfluenceError> {
        let trouble = |e| DatasetError::io(&self.folder, e);
        for entry in std::fs::read_dir(&self.folder).map_err(trouble)? {
            let path = entry.map_err(trouble)?.path();
            if is_row(&path.file_name().unwrap_or_default().to_string_lossy()) {
                std::fs::remove_file(&path).map_err(|e| DatasetError::io(&path, e))?;
            }
        }
        Ok(())
    }

    fn path(&self, number: usize) -> PathBuf {
        self.folder.join(format!("row-{number:08}"))
    }

    /// A name for the finished file.
    pub(super) fn draft(&self) -> PathBuf {
        files::draft(&self.folder.join("influence.h5"))
    }

    /// Keeps a finished row.
    ///
    /// # Errors
    /// [`InfluenceError::Dataset`].
    pub(super) fn keep(&self, number: usize, found: &RowFound) -> Result<(), InfluenceError> {
        let bytes = found.to_bytes();
        Ok(files::replace_ours(&self.path(number), &[sha256_hex(&bytes).as_bytes(), &bytes].concat())?)
    }

    /// A finished row; None where it is not there, or not whole.
    ///
    /// # Errors
    /// [`InfluenceError::Dataset`] where it cannot be read.
    pub(super) fn finished(&self, number: usize) -> Result<Option<RowFound>, InfluenceError> {
        let path = self.path(number);
        let bytes = match bounded::read(&path, u64::MAX) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(DatasetError::io(&path, e).into()),
        };
        let Some((digest, bytes)) = bytes.split_at_checked(DIGITS) else { return Ok(None) };
        let whole = digest == sha256_hex(bytes).as_bytes();
        Ok(if whole { RowFound::from_bytes(self.dimensions, bytes) } else { None })
    }

    /// Removes the folder.
    ///
    /// # Errors
    /// [`InfluenceError::Dataset`].
    pub(super) fn remove(self) -> Result<(), InfluenceError> {
        let foreign = MARK.remove(&self.folder, |name| name == SETTINGS || is_row(name))?;
        if let Some(first) = foreign.first() {
            let first = first.to_string_lossy();
            let folder = self.folder.display();
            tracing::warn!("{folder}: is left, for it holds {first}, which is no work of this program");
        }
        Ok(())
    }
}

fn is_row(name: &str) -> bool {
    name.strip_prefix("row-").is_some_and(|rest| rest.len() >= 8 && rest.bytes().all(|b| b.is_ascii_digit()))
}
