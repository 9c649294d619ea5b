//! An HDF5 file of another layout than a recording's: groups, arrays and attributes, as other programs expect them.

use std::path::{Path, PathBuf};

use hdf5::File;

use super::codec::{Effort, Encoder};
use super::column::Column;
use super::schema::ElementType;
use super::writer::Attribute;
use super::{DatasetError, h5};

/// Bytes of a chunk, about.
const CHUNK: usize = 1 << 18;

/// A file that is being written. Its bytes depend on what is written alone.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: File,
    encoder: Encoder,
}

impl Archive {
    /// Makes the file, which must not be there.
    ///
    /// # Errors
    /// [`DatasetError::Io`].
    pub fn create(path: &Path) -> Result<Self, DatasetError> {
        Ok(Self { path: path.to_owned(), file: h5::create(path)?, encoder: Encoder::new(Effort::Fast) })
    }

    fn trouble(&self, error: &hdf5::Error) -> DatasetError {
        DatasetError::h5(&self.path, "cannot be written", error)
    }

    /// Makes a group; those above it are there.
    ///
    /// # Errors
    /// [`DatasetError::Io`].
    pub fn group(&self, name: &str, attributes: &[(&str, Attribute)]) -> Result<(), DatasetError> {
        let made = self
            .file
            .create_group_builder()
            .obj_track_times(false)
            .create(name)
            .and_then(|group| attributes.iter().try_for_each(|(name, value)| h5::attribute(&group, name, value)));
        made.map_err(|e| self.trouble(&e))
    }

    /// Writes an array: rows of numbers of shape `tail`, little-endian, row-major.
    ///
    /// # Errors
    /// [`DatasetError::Io`].
    pub fn array(
        &mut self,
        name: &str,
        kind: ElementType,
        tail: &[usize],
        rows: usize,
        bytes: &[u8],
    ) -> Result<(), DatasetError> {
        let row_bytes = kind.size() * tail.iter().product::<usize>();
        let written = match CHUNK.checked_div(row_bytes) {
            // Chunks have at least one number.
            None => {
                let shape: Vec<usize> = std::iter::once(rows).chain(tail.iter().copied()).collect();
                let empty = self.file.new_dataset_builder().obj_track_times(false).empty::<f64>();
                empty.shape(shape).create(name).map(drop)
            }
            Some(fitting) => {
                let chunk_rows = fitting.clamp(1, rows.max(1));
                Column::create(&self.file, name, kind, tail.to_vec(), chunk_rows).and_then(|mut column| {
                    column.append(bytes, &mut self.encoder)?;
                    column.flush(&mut self.encoder)
                })
            }
        };
        written.map_err(|e| self.trouble(&e))
    }

    /// Writes an array of booleans, as numpy and h5py know them.
    ///
    /// # Errors
    /// [`DatasetError::Io`].
    pub fn booleans(&self, name: &str, flags: &[u8]) -> Result<(), DatasetError> {
        let flags: Vec<bool> = flags.iter().map(|flag| *flag != 0).collect();
        let written = self.file.new_dataset_builder().obj_track_times(false).with_data(&flags).create(name);
        written.map(drop).map_err(|e| self.trouble(&e))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`DatasetError::Io`], for example when the disk is full.
    pub fn finish(self) -> Result<(), DatasetError> {
        let Self { path, file, .. } = self;
        file.close().map_err(|e| DatasetError::h5(&path, "cannot be written", &e))
    }
}
