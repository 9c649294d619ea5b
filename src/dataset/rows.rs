//! Reads the rows of one variable, a chunk at a time, decompressing outside HDF5's global lock.

use super::DatasetError;
use super::reader::Recording;
use super::schema::{ElementType, Var};
use crate::chunk::{Piece, Stored};
use crate::flags::StepFlags;

/// Reads the rows of one variable; fast when they are asked for in ascending order. A clone shares the recording and
/// nothing else, so that every thread may have one of its own.
#[derive(Debug)]
pub struct RowReader<'a> {
    recording: &'a Recording,
    var: Var,
    stored: &'a Stored,
    /// The chunk that is decoded.
    piece: Piece,
    /// The numbers of the row that was asked for last, and which it was, see [`RowReader::numbers`].
    numbers: (Option<usize>, Vec<f64>),
}

impl Clone for RowReader<'_> {
    fn clone(&self) -> Self {
        Self { piece: Piece::default(), numbers: Default::default(), ..*self }
    }
}

impl<'a> RowReader<'a> {
    /// A reader of a variable.
    ///
    /// # Errors
    /// [`DatasetError`] when the file does not hold the variable, or not as this program stores it.
    pub fn new(recording: &'a Recording, var: Var) -> Result<Self, DatasetError> {
        let name = var.spec().name;
        let stored = recording.stored(var).ok_or_else(|| recording.foreign(&format!("has no variable {name}")))?;
        if stored.chunks().is_none() {
            return Err(recording.foreign(&format!("{name} has chunks of another program")));
        }
        Ok(Self { recording, var, stored, piece: Piece::default(), numbers: Default::default() })
    }

    /// Rows of the variable.
    pub fn rows(&self) -> usize {
        self.stored.rows()
    }

    /// Rows of a chunk.
    pub fn chunk_rows(&self) -> usize {
        self.stored.chunk_rows()
    }

    /// The little-endian bytes of a row.
    ///
    /// # Errors
    /// [`DatasetError`] when its chunk is missing or damaged.
    pub fn row(&mut self, row: usize) -> Result<&[u8], DatasetError> {
        let (recording, name) = (self.recording, self.var.spec().name);
        if row >= self.rows() {
            let text = format!("{name} has {} rows, row {row} is wanted: the file is damaged", self.rows());
            return Err(recording.foreign(&text));
        }
        let chunk = row / self.stored.chunk_rows();
        if self.piece.chunk != Some(chunk) {
            let read = self.stored.piece(recording.raw(), chunk, &mut self.piece);
            read.map_err(|e| recording.foreign(&format!("{name} {e}")))?;
        }
        Ok(self.stored.row(&self.piece, row))
    }

    /// The numbers of a row of floats, whatever their precision in the file.
    ///
    /// # Errors
    /// As [`RowReader::row`], and when the variable holds none.
    pub fn numbers(&mut self, row: usize) -> Result<&[f64], DatasetError> {
        if self.numbers.0 == Some(row) {
            return Ok(&self.numbers.1);
        }
        let (_, mut numbers) = std::mem::take(&mut self.numbers);
        numbers.clear();
        let (recording, var) = (self.recording, self.var);
        let kind = recording.kind(var);
        let bytes = self.row(row)?;
        match kind {
            ElementType::F64 => numbers.extend(bytes.as_chunks::<8>().0.iter().map(|x| f64::from_le_bytes(*x))),
            ElementType::F32 => {
                numbers.extend(bytes.as_chunks::<4>().0.iter().map(|x| f64::from(f32::from_le_bytes(*x))));
            }
            _ => return Err(recording.foreign(&format!("{} does not hold floats", var.spec().name))),
        }
        self.numbers = (Some(row), numbers);
        Ok(&self.numbers.1)
    }
}

/// Reads the flags of steps; a recording that keeps none has none set.
#[derive(Debug, Clone)]
pub struct FlagReader<'a>(Option<RowReader<'a>>);

impl<'a> FlagReader<'a> {
    /// A reader of a recording.
    ///
    /// # Errors
    /// As [`RowReader::new`].
    pub fn new(recording: &'a Recording) -> Result<Self, DatasetError> {
        recording.has(Var::Flags).then(|| RowReader::new(recording, Var::Flags)).transpose().map(Self)
    }

    /// The flags of a step.
    ///
    /// # Errors
    /// As [`RowReader::row`].
    pub fn step(&mut self, step: usize) -> Result<StepFlags, DatasetError> {
        let Some(reader) = &mut self.0 else { return Ok(StepFlags::empty()) };
        Ok(reader.row(step)?.try_into().map_or_else(|_| StepFlags::empty(), StepFlags::from_le_bytes))
    }
}
