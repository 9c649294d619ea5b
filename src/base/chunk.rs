//! Where the numbers of a recording lie in its file, and how they come out of it: chunks of rows, behind the shuffle filter and a
//! zlib stream (RFC 1950). They are read and decompressed here, outside HDF5 and its global lock.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use zlib_rs::{Inflate, InflateFlush, Status};

/// What deflate makes of one byte at most: 258 bytes of two bits.
const INFLATION: u64 = 1032;

/// A zlib stream with a 32 KiB window.
const WINDOW: u8 = 15;

/// The most bytes that come out of so many deflated ones.
pub fn inflated(stored: u64) -> u64 {
    stored.saturating_mul(INFLATION)
}

/// Bytes of an array of that shape; None where no memory could hold them.
pub fn bytes(shape: &[usize], item: usize) -> Option<u64> {
    shape.iter().try_fold(item as u64, |n, size| n.checked_mul(*size as u64))
}

/// Bytes of a row of an array.
fn row_bytes(shape: &[usize], item: usize) -> Result<usize, String> {
    let (_, tail) = shape.split_first().ok_or("is a single value instead of rows")?;
    let row = bytes(tail, item).filter(|n| *n > 0).and_then(|n| usize::try_from(n).ok());
    row.ok_or_else(|| "has rows without entries".to_owned())
}

/// A dataset of numbers that its bytes can hold.
#[derive(Debug, Clone)]
pub struct Stored {
    shape: Vec<usize>,
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
pub struct Chunk {
    /// First byte in the file.
    pub address: u64,
    /// Stored bytes.
    pub size: usize,
    /// Filters that were left out.
    pub mask: u32,
}

impl Stored {
    /// Rows that lie in one piece at an address, in a file of `file_bytes`.
    ///
    /// # Errors
    /// What is wrong, to follow the dataset's name.
    pub fn whole(shape: &[usize], item: usize, address: u64, file_bytes: u64) -> Result<Self, String> {
        let row_bytes = row_bytes(shape, item)?;
        let end = (shape[0] as u64).checked_mul(row_bytes as u64).and_then(|bytes| bytes.checked_add(address));
        if shape[0] > 0 && end.is_none_or(|end| end > file_bytes) {
            return Err("lies beyond the end of the file: the file is damaged".to_owned());
        }
        Ok(Self { shape: shape.to_vec(), item, row_bytes, place: Place::Whole(address) })
    }

    /// Rows in chunks of `chunk_rows`, each of them there, inside the file, and large enough for what comes out of it. `found` has
    /// the chunks in any order, each with its number.
    ///
    /// # Errors
    /// What is wrong, to follow the dataset's name.
    pub fn chunked(
        shape: &[usize],
        item: usize,
        chunk_rows: usize,
        mut found: Vec<(usize, Chunk)>,
        file_bytes: u64,
    ) -> Result<Self, String> {
        let row_bytes = row_bytes(shape, item)?;
        if chunk_rows == 0 {
            return Err("has chunks without rows: the file is damaged".to_owned());
        }
        let bytes = chunk_rows.checked_mul(row_bytes).ok_or("has chunks that no memory holds")?;
        found.sort_unstable_by_key(|(number, _)| *number);
        let complete = found.len() == shape[0].div_ceil(chunk_rows)
            && found.iter().enumerate().all(|(i, (number, _))| *number == i);
        if !complete {
            return Err("lacks a chunk: the file is damaged".to_owned());
        }
        for (_, Chunk { address, size, .. }) in &found {
            let size = *size as u64;
            if address.checked_add(size).is_none_or(|end| end > file_bytes) {
                return Err("has a chunk beyond the end of the file: the file is damaged".to_owned());
            }
            if bytes as u64 > inflated(size) {
                return Err(format!("declares chunks of {bytes} bytes, more than the {size} stored ones can hold"));
            }
        }
        let chunks = found.into_iter().map(|(_, chunk)| chunk).collect();
        Ok(Self { shape: shape.to_vec(), item, row_bytes, place: Place::Chunks(chunk_rows, chunks) })
    }

    /// Entries along each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Bytes of a value.
    pub fn item(&self) -> usize {
        self.item
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.shape[0]
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// Rows of a chunk; of what lies in one piece, all.
    pub fn chunk_rows(&self) -> usize {
        match self.place {
            Place::Whole(_) => self.rows().max(1),
            Place::Chunks(rows, _) => rows,
        }
    }

    /// Every chunk, in order; None of what lies in one piece.
    pub fn chunks(&self) -> Option<&[Chunk]> {
        match &self.place {
            Place::Whole(_) => None,
            Place::Chunks(_, chunks) => Some(chunks),
        }
    }

    /// The ranges of the file that its numbers take.
    pub fn ranges(&self) -> Vec<Range<u64>> {
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
    pub fn piece(&self, file: &File, chunk: usize, piece: &mut Piece) -> Result<(), String> {
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
    pub fn row<'p>(&self, piece: &'p Piece, row: usize) -> &'p [u8] {
        let at = (row % self.chunk_rows()) * self.row_bytes;
        &piece.decoder.decoded()[at..at + self.row_bytes]
    }

    /// These rows, into `out`, which has their size.
    ///
    /// # Errors
    /// What is wrong, to follow the dataset's name.
    pub fn read(&self, file: &File, rows: Range<usize>, out: &mut [u8]) -> Result<(), String> {
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
pub fn room(buffer: &mut Vec<u8>, size: usize) -> bool {
    let there = buffer.try_reserve_exact(size.saturating_sub(buffer.len())).is_ok();
    if there {
        buffer.resize(size, 0);
    }
    there
}

/// A chunk in memory, with the buffers that it took.
#[derive(Debug, Default)]
pub struct Piece {
    /// Which it is; None before the first.
    pub chunk: Option<usize>,
    filtered: Vec<u8>,
    decoder: Decoder,
}

impl Piece {
    /// The bytes of the chunk.
    pub fn bytes(&self) -> &[u8] {
        self.decoder.decoded()
    }

    /// The bytes of the chunk, given away; the next one is decoded into `memory`.
    pub fn take(&mut self, memory: Vec<u8>) -> Vec<u8> {
        self.chunk = None;
        std::mem::replace(&mut self.decoder.out, memory)
    }
}

/// The bytes of a chunk of `item`-byte values, of `size` bytes; None when the bytes are not such a chunk.
pub fn decode(filtered: &[u8], item: usize, size: usize) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new();
    decoder.decode(filtered, item, size)?;
    Some(decoder.out)
}

/// Undoes shuffle and deflate for many chunks; keeps its buffers.
pub struct Decoder {
    inflate: Inflate,
    shuffled: Vec<u8>,
    out: Vec<u8>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A new decoder.
    pub fn new() -> Self {
        Self { inflate: Inflate::new(true, WINDOW), shuffled: Vec::new(), out: Vec::new() }
    }

    /// The `size` bytes of a chunk of `item`-byte values; None when the bytes are not such a chunk.
    pub fn decode(&mut self, filtered: &[u8], item: usize, size: usize) -> Option<&[u8]> {
        self.decode_masked(filtered, item, size, 0)
    }

    /// The same, where HDF5 left out the filters that `mask` has: shuffle is 1, deflate is 2. It does so where deflate gains
    /// nothing, in chunks that it wrote itself.
    pub fn decode_masked(&mut self, filtered: &[u8], item: usize, size: usize, mask: u32) -> Option<&[u8]> {
        self.shuffled.resize(size, 0);
        self.out.resize(size, 0);
        if mask & 2 == 0 {
            self.inflate.reset(true);
            match self.inflate.decompress(filtered, &mut self.shuffled, InflateFlush::Finish) {
                Ok(Status::StreamEnd) if self.inflate.total_out() == size as u64 => {}
                _ => return None,
            }
        } else if filtered.len() == size {
            self.shuffled.copy_from_slice(filtered);
        } else {
            return None;
        }
        if mask & 1 == 0 {
            unshuffle(&self.shuffled, item, &mut self.out);
        } else {
            self.out.copy_from_slice(&self.shuffled);
        }
        Some(&self.out)
    }

    /// Makes room for a chunk of `size` bytes; false where memory does not suffice.
    fn has_room(&mut self, size: usize) -> bool {
        room(&mut self.shuffled, size) && room(&mut self.out, size)
    }

    /// What was decoded last.
    fn decoded(&self) -> &[u8] {
        &self.out
    }
}

/// Undoes HDF5's shuffle filter: byte p of value i lies at p n + i, for n values.
fn unshuffle(shuffled: &[u8], item: usize, out: &mut [u8]) {
    match item {
        1 => out.copy_from_slice(shuffled),
        4 => interleave::<4, 64>(shuffled, out),
        8 => interleave::<8, 128>(shuffled, out),
        _ => one_by_one(shuffled, item, 0, out),
    }
}

/// Undoes shuffle for values of P bytes, P a power of two: sixteen of them at a time, which are T = 16 P bytes.
///
/// Of the bytes of sixteen values, plane after plane, the index is (p, i) in bits; that of the values is (i, p). Each round puts
/// the upper half between the lower one, which turns the bits of the index by one place; log2 P of them do.
fn interleave<const P: usize, const T: usize>(shuffled: &[u8], out: &mut [u8]) {
    let n = shuffled.len() / P;
    let (blocks, _) = out.as_chunks_mut::<T>();
    let done = blocks.len() * 16;
    for (block, first) in blocks.iter_mut().zip((0..).step_by(16)) {
        for p in 0..P {
            let at = p * n + first;
            block[16 * p..16 * p + 16].copy_from_slice(&shuffled[at..at + 16]);
        }
        for _ in 0..P.ilog2() {
            let planes = *block;
            for i in 0..T / 2 {
                block[2 * i] = planes[i];
                block[2 * i + 1] = planes[T / 2 + i];
            }
        }
    }
    one_by_one(shuffled, P, done, out);
}

/// Undoes shuffle from value `first` on, byte by byte.
fn one_by_one(shuffled: &[u8], item: usize, first: usize, out: &mut [u8]) {
    let n = shuffled.len() / item;
    for (p, plane) in shuffled.chunks_exact(n.max(1)).take(item).enumerate() {
        for (i, byte) in plane.iter().enumerate().skip(first) {
            out[i * item + p] = *byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffle_is_undone_for_any_number_of_values() {
        for item in [1, 2, 3, 4, 8] {
            for n in [0, 1, 7, 15, 16, 17, 33, 160, 1001] {
                let values: Vec<u8> = (0..n * item).map(|i| (i * i % 251) as u8).collect();
                let mut shuffled = Vec::new();
                (0..item).for_each(|p| shuffled.extend(values.iter().skip(p).step_by(item)));
                let mut out = vec![0; values.len()];
                unshuffle(&shuffled, item, &mut out);
                assert_eq!(out, values, "{n} values of {item} bytes");
            }
        }
    }

    #[test]
    fn what_a_file_cannot_hold_is_refused() {
        let chunk = |address, size| Chunk { address, size, mask: 0 };
        let chunked = |rows, found| Stored::chunked(&[rows, 10], 8, 4, found, 1000).map(|s| s.chunk_rows());
        assert_eq!(chunked(8, vec![(1, chunk(500, 100)), (0, chunk(0, 500))]), Ok(4));
        for (rows, found) in [
            (8, vec![(0, chunk(0, 100))]),
            (8, vec![(0, chunk(0, 100)), (0, chunk(100, 100))]),
            (8, vec![(0, chunk(0, 100)), (2, chunk(100, 100))]),
            (4, vec![(0, chunk(901, 100))]),
            (4, vec![(0, chunk(u64::MAX, 100))]),
            (4, vec![(0, chunk(0, 0))]),
            (usize::MAX, vec![(0, chunk(0, 100))]),
        ] {
            assert!(chunked(rows, found.clone()).is_err(), "{rows} rows in {found:?}");
        }
        let whole = |rows, address| Stored::whole(&[rows, 10], 8, address, 1000).is_ok();
        assert!(whole(12, 40) && whole(0, 2000) && !whole(12, 41) && !whole(usize::MAX, 0) && !whole(1, u64::MAX));
        assert!(Stored::whole(&[], 8, 0, 1000).is_err() && Stored::whole(&[3, 0], 8, 0, 1000).is_err());
        assert!(Stored::chunked(&[4, 10], 8, 0, Vec::new(), 1000).is_err());
        assert!(Stored::chunked(&[4, usize::MAX], 8, 4, Vec::new(), 1000).is_err());
    }
}
