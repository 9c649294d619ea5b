//! One dataset while it is written: rows gather into a chunk, whole chunks are compressed here, outside
//! HDF5's global lock, and go into the file as they are.

use hdf5::{Dataset, Group};

use super::codec::{Encoder, NOMINAL_LEVEL};
use super::h5;
use super::schema::ElementType;

#[derive(Debug)]
pub(super) struct Column {
    dataset: Dataset,
    item: usize,
    row_bytes: usize,
    chunk_rows: usize,
    /// Shape of one row.
    tail: Vec<usize>,
    buffer: Vec<u8>,
    written: usize,
}

impl Column {
    pub(super) fn create(
        at: &Group,
        name: &str,
        kind: ElementType,
        tail: Vec<usize>,
        chunk_rows: usize,
    ) -> hdf5::Result<Self> {
        let extents: Vec<hdf5::Extent> =
            std::iter::once(hdf5::Extent::resizable(0)).chain(tail.iter().map(|n| hdf5::Extent::fixed(*n))).collect();
        let chunk: Vec<usize> = std::iter::once(chunk_rows).chain(tail.iter().copied()).collect();
        macro_rules! dataset {
            ($t:ty) => {
                at.new_dataset_builder()
                    .obj_track_times(false)
                    .empty::<$t>()
                    .shape(extents)
                    .chunk(chunk)
                    .shuffle()
                    .deflate(NOMINAL_LEVEL)
                    .create(name)?
            };
        }
        let dataset = match kind {
            ElementType::F64 => dataset!(f64),
            ElementType::F32 => dataset!(f32),
            ElementType::I64 => dataset!(i64),
            ElementType::I32 => dataset!(i32),
            ElementType::U32 => dataset!(u32),
            ElementType::U8 => dataset!(u8),
            ElementType::Text => return Err(hdf5::Error::from("text is not written in columns")),
        };
        let row_bytes = kind.size() * tail.iter().product::<usize>();
        Ok(Self {
            dataset,
            item: kind.size(),
            row_bytes,
            chunk_rows,
            tail,
            buffer: Vec::with_capacity(row_bytes * chunk_rows),
            written: 0,
        })
    }

    pub(super) fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    pub(super) fn chunk_rows(&self) -> usize {
        self.chunk_rows
    }

    pub(super) fn chunk_bytes(&self) -> usize {
        self.chunk_rows * self.row_bytes
    }

    pub(super) fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    pub(super) fn item(&self) -> usize {
        self.item
    }

    pub(super) fn rows(&self) -> usize {
        self.written + self.buffer.len() / self.row_bytes
    }

    /// Whether the next row starts a chunk.
    pub(super) fn aligned(&self) -> bool {
        self.buffer.is_empty()
    }

    pub(super) fn append(&mut self, mut bytes: &[u8], encoder: &mut Encoder) -> hdf5::Result<()> {
        debug_assert_eq!(bytes.len() % self.row_bytes, 0, "whole rows");
        while !bytes.is_empty() {
            let room = self.chunk_bytes() - self.buffer.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == self.chunk_bytes() {
                self.flush(encoder)?;
            }
        }
        Ok(())
    }

    /// A whole chunk that is already filtered.
    pub(super) fn append_filtered(&mut self, filtered: &[u8]) -> hdf5::Result<()> {
        debug_assert!(self.aligned(), "a filtered chunk begins a chunk");
        self.write(filtered, self.chunk_rows)
    }

    /// Writes what is gathered; a chunk that is not full is padded with zeros, which HDF5 never shows.
    pub(super) fn flush(&mut self, encoder: &mut Encoder) -> hdf5::Result<()> {
        let rows = self.buffer.len() / self.row_bytes;
        if rows == 0 {
            return Ok(());
        }
        self.buffer.resize(self.chunk_bytes(), 0);
        self.write(encoder.encode(&self.buffer, self.item), rows)?;
        self.buffer.clear();
        Ok(())
    }

    fn write(&mut self, filtered: &[u8], rows: usize) -> hdf5::Result<()> {
        let shape: Vec<usize> = std::iter::once(self.written + rows).chain(self.tail.iter().copied()).collect();
        self.dataset.resize(shape)?;
        h5::write_chunk(&self.dataset, self.written, filtered)?;
        self.written += rows;
        Ok(())
    }
}
