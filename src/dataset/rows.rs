//! Reads the rows of one variable, a chunk at a time, decompressing outside HDF5's global lock.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::DatasetError;
use super::codec::Decoder;
use super::reader::Recording;
use super::schema::Var;

/// Reads the rows of one variable; fast when they are asked for in ascending order. A clone shares the table of
/// chunks and nothing else, so that every thread may have one of its own.
#[derive(Debug)]
pub struct RowReader<'a> {
    recording: &'a Recording,
    file: Arc<File>,
    var: Var,
    /// Where each chunk lies in the file, and its bytes there.
    chunks: Arc<Vec<(u64, usize)>>,
    chunk_rows: usize,
    row_bytes: usize,
    rows: usize,
    /// The chunk in `decoder`.
    current: Option<usize>,
    filtered: Vec<u8>,
    decoder: Decoder,
}

impl Clone for RowReader<'_> {
    fn clone(&self) -> Self {
        Self {
            file: Arc::clone(&self.file),
            chunks: Arc::clone(&self.chunks),
            current: None,
            filtered: Vec::new(),
            decoder: Decoder::new(),
            ..*self
        }
    }
}

impl<'a> RowReader<'a> {
    /// A reader of a variable.
    ///
    /// # Errors
    /// [`DatasetError`] when the file does not hold the variable, or not as this program stores it.
    pub fn new(recording: &'a Recording, var: Var) -> Result<Self, DatasetError> {
        let name = var.spec().name;
        let dataset = recording.dataset(var).ok_or_else(|| recording.foreign(&format!("has no variable {name}")))?;
        let file = File::open(recording.path()).map_err(|e| DatasetError::io(recording.path(), e))?;
        let shape = dataset.shape();
        let chunk = dataset.chunk().filter(|c| c.len() == shape.len() && c[0] > 0 && c[1..] == shape[1..]);
        let chunk_rows = chunk.ok_or_else(|| recording.foreign(&format!("{name} has chunks of another program")))?[0];
        let mut found = Vec::new();
        dataset
            .chunks_visit(|info| {
                found.push((info.offset[0] as usize / chunk_rows, info.addr, info.size as usize));
                0
            })
            .map_err(|e| DatasetError::h5(recording.path(), &format!("{name} cannot be read"), &e))?;
        found.sort_unstable();
        let complete = found.len() == shape[0].div_ceil(chunk_rows) && found.iter().enumerate().all(|(i, c)| c.0 == i);
        if !complete {
            return Err(recording.foreign(&format!("{name} lacks a chunk: the file is damaged")));
        }
        Ok(Self {
            recording,
            file: Arc::new(file),
            var,
            chunks: Arc::new(found.into_iter().map(|(_, address, size)| (address, size)).collect()),
            chunk_rows,
            row_bytes: var.spec().kind.size() * shape[1..].iter().product::<usize>(),
            rows: shape[0],
            current: None,
            filtered: Vec::new(),
            decoder: Decoder::new(),
        })
    }

    /// Rows of the variable.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows of a chunk.
    pub fn chunk_rows(&self) -> usize {
        self.chunk_rows
    }

    /// The little-endian bytes of a row.
    ///
    /// # Errors
    /// [`DatasetError`] when its chunk is missing or damaged.
    pub fn row(&mut self, row: usize) -> Result<&[u8], DatasetError> {
        let (recording, name) = (self.recording, self.var.spec().name);
        if row >= self.rows {
            let text = format!("{name} has {} rows, row {row} is wanted: the file is damaged", self.rows);
            return Err(recording.foreign(&text));
        }
        let chunk = row / self.chunk_rows;
        if self.current != Some(chunk) {
            self.current = None;
            let (address, size) = self.chunks[chunk];
            self.filtered.resize(size, 0);
            let read = self.file.read_exact_at(&mut self.filtered, address);
            read.map_err(|e| DatasetError::io(recording.path(), format!("{name} cannot be read: {e}")))?;
            let size = self.chunk_rows * self.row_bytes;
            self.decoder
                .decode(&self.filtered, self.var.spec().kind.size(), size)
                .ok_or_else(|| recording.foreign(&format!("{name} has a damaged chunk")))?;
            self.current = Some(chunk);
        }
        let at = (row % self.chunk_rows) * self.row_bytes;
        Ok(&self.decoder.decoded()[at..at + self.row_bytes])
    }
}
