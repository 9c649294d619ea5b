//! Where the numbers of a dataset lie in the file, checked against what lies there; they are read and decompressed here,
//! outside HDF5 and its global lock.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use hdf5::Dataset;

use super::codec::Decoder;
use crate::capacity;

/// A dataset of numbers that its bytes can hold.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) shape: Vec<usize>,
    /// Bytes of a value, and of a row.
    item: usize,
    row_bytes: usize,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    /// All rows at this address.
    Whole(u64),
    /// Chunks of so many rows.
    Chunks(usize, Arc<[Chunk]>),
}

/// Where a chunk lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) address: u64,
    /// Stored bytes.
    pub(super) size: usize,
    /// Filters that were left out.
    pub(super) mask: u32,
}

impl Stored {
    /// Of a dataset with `item`-byte values in a file of `file_bytes`.
    ///
    /// # Errors
    /// What is wrong, to follow the dataset's name.
    pub(super) fn of(dataset: &Dataset, item: usize, file_bytes: u64) -> Result<Self, String> {
        capacity::check(dataset, file_bytes)?;
        let read = |e: hdf5::Error| format!("cannot be read ({})", e.to_string().lines().next().unwrap_or_default());
        let shape = dataset.get_shape().map_err(read)?;
        let (rows, tail) = shape.split_first().ok_or("is a single value instead of rows")?;
        let row_bytes = capacity::bytes(tail, item).filter(|n| *n > 0).and_then(|n| usize::try_from(n).ok());
        let row_bytes = row_bytes.ok_or("has rows without entries")?;
        let foreign = "has chunks of another program: use the file as dynsparse wrote it";
        let place = if dataset.is_chunked() {
            let chunk = dataset.chunk().filter(|c| c.len() == shape.len() && c[0] > 0 && c[1..] == *tail);
            let chunk_rows = chunk.ok_or(foreign)?[0];
            Place::Chunks(chunk_rows, chunks(dataset, *rows, chunk_rows, row_bytes, file_bytes)?)
        } else {
            Place::Whole(match rows {
                0 => 0,
                _ => dataset.offset().ok_or(foreign)?,
            })
        };
        Ok(Self { shape, item, row_bytes, place })
    }

    pub(super) fn rows(&self) -> usize {
        self.shape[0]
    }

    pub(super) fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// Rows of a chunk; of what lies in one piece, all.
    pub(super) fn chunk_rows(&self) -> usize {
        match self.place {
            Place::Whole(_) => self.rows().max(1),
            Place::Chunks(rows, _) => rows,
        }
    }

    /// Every chunk, in order; None of what lies in one piece.
    pub(super) fn chunks(&self) -> Option<&[Chunk]> {
        match &self.place {
            Place::Whole(_) => None,
            Place::Chunks(_, chunks) => Some(chunks),
        }
    }

    /// The ranges of the file that its numbers take.
    pub(super) fn ranges(&self) -> Vec<Range<u64>> {
        match &self.place {
            Place::Whole(address) => {
                std::iter::once(*address..*address + (self.rows() * self.row_bytes) as u64).collect()
            }
            Place::Chunks(_, chunks) => chunks.iter().map(|c| c.address..c.address + c.size as u64).collect(),
        }
    }

    /// The bytes of a chunk, into `piece`.
    ///
    /// # Errors
    /// What is wrong, to follow the dataset's name.
    pub(super) fn piece(&self, file: &File, chunk: usize, piece: &mut Piece) -> Result<(), String> {
        piece.chunk = None;
        let Chunk { address, size, mask } =
            *self.chunks().and_then(|chunks| chunks.get(chunk)).ok_or("lacks a chunk")?;
        let bytes = self.chunk_rows() * self.row_bytes;
        if !room(&mut piece.filtered, size) || !piece.decoder.has_room(bytes) {
            return Err("does not fit into memory".to_owned());
        }
        file.read_exact_at(&mut piece.filtered, address).map_err(|e| format!("cannot be read: {e}"))?;
        piece.decoder.decode_masked(&piece.filtered, self.item, bytes, mask).ok_or("has a damaged chunk")?;
        piece.chunk = Some(chunk);
        Ok(())
    }

    /// A row of a piece that holds it, see [`Stored::piece`].
    pub(super) fn row<'p>(&self, piece: &'p Piece, row: usize) -> &'p [u8] {
        let at = (row % self.chunk_rows()) * self.row_bytes;
        &piece.decoder.decoded()[at..at + self.row_bytes]
    }

    /// These rows, into `out`, which has their size.
    ///
    /// # Errors
    /// What is wrong, to follow the dataset's name.
    pub(super) fn read(&self, file: &File, rows: Range<usize>, out: &mut [u8]) -> Result<(), String> {
        if let Place::Whole(address) = self.place {
            let at = address + (rows.start * self.row_bytes) as u64;
            return file.read_exact_at(out, at).map_err(|e| format!("cannot be read: {e}"));
        }
        let mut piece = Piece::default();
        for (row, out) in rows.zip(out.chunks_exact_mut(self.row_bytes)) {
            let chunk = row / self.chunk_rows();
            if piece.chunk != Some(chunk) {
                self.piece(file, chunk, &mut piece)?;
            }
            out.copy_from_slice(self.row(&piece, row));
        }
        Ok(())
    }
}

/// Gives a buffer that size; false where memory does not suffice.
pub(super) fn room(buffer: &mut Vec<u8>, size: usize) -> bool {
    let there = buffer.try_reserve_exact(size.saturating_sub(buffer.len())).is_ok();
    if there {
        buffer.resize(size, 0);
    }
    there
}

/// A chunk in memory, with the buffers that it took.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Which it is; None before the first.
    pub(super) chunk: Option<usize>,
    filtered: Vec<u8>,
    decoder: Decoder,
}

/// Where every chunk lies, each of them there, inside the file, and large enough for what comes out of it.
fn chunks(
    dataset: &Dataset,
    rows: usize,
    chunk_rows: usize,
    row_bytes: usize,
    file_bytes: u64,
) -> Result<Arc<[Chunk]>, String> {
    let needed = rows.div_ceil(chunk_rows);
    let bytes = chunk_rows.checked_mul(row_bytes).ok_or("has chunks that no memory holds")?;
    let mut found = Vec::new();
    let visited = dataset.chunks_visit(|info| {
        found.push((info.offset[0] as usize / chunk_rows, info.addr, info.size, info.filter_mask));
        i32::from(found.len() > needed)
    });
    found.sort_unstable();
    let complete = found.len() == needed && found.iter().enumerate().all(|(i, chunk)| chunk.0 == i);
    if !complete {
        return Err(match visited {
            Err(e) if found.len() <= needed => format!("has chunks that cannot be found ({e})"),
            _ => "lacks a chunk: the file is damaged".to_owned(),
        });
    }
    for (_, address, size, _) in &found {
        if address.checked_add(*size).is_none_or(|end| end > file_bytes) {
            return Err("has a chunk beyond the end of the file: the file is damaged".to_owned());
        }
        if bytes as u64 > capacity::inflated(*size) {
            return Err(format!("declares chunks of {bytes} bytes, more than the {size} stored ones can hold"));
        }
    }
    let chunk = |(_, address, size, mask)| Chunk { address, size: size as usize, mask };
    Ok(found.into_iter().map(chunk).collect())
}
