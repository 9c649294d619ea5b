//! HDF5's global heap, where texts lie: its collections are walked before HDF5 walks them, because HDF5 does not leave
//! one with an object of no size.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// What a collection begins with: its signature, version 1, three reserved bytes.
const HEAD: &[u8; 8] = b"GCOL\x01\0\0\0";

/// Bytes of a collection's head, and of an object's.
const HEADER: u64 = 16;

/// HDF5 refuses smaller ones.
const SMALLEST: u64 = 4096;

/// Bytes searched at once.
const BLOCK: usize = 1 << 20;

/// Why texts are not to be read.
#[derive(Debug, thiserror::Error)]
pub enum HeapError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The objects of the collection at this byte do not fill it.
    #[error("the texts at byte {0} cannot be read: the file is damaged, copy or record it again")]
    Damaged(u64),
}

/// Walks every collection in a file of `length` bytes; `data` are the ranges that hold numbers, in which none is.
///
/// # Errors
/// [`HeapError`] for a collection whose objects do not fill it, and when the file cannot be read.
pub fn check(file: &File, length: u64, mut data: Vec<Range<u64>>) -> Result<(), HeapError> {
    data.sort_unstable_by_key(|range| range.start);
    data.push(length..length);
    let mut at = 0;
    for range in data {
        while let Some(start) = find(file, at, range.start)? {
            at = start + collection(file, start, length)?;
        }
        at = at.max(range.end);
    }
    Ok(())
}

/// Where the first collection in this range begins.
fn find(file: &File, mut at: u64, end: u64) -> std::io::Result<Option<u64>> {
    let mut block = Vec::new();
    while at + HEAD.len() as u64 <= end {
        block.resize((end - at).min(BLOCK as u64) as usize, 0);
        file.read_exact_at(&mut block, at)?;
        if let Some(found) = block.windows(HEAD.len()).position(|bytes| bytes == HEAD) {
            return Ok(Some(at + found as u64));
        }
        // One may begin in this block and go on in the next.
        at += (block.len() - (HEAD.len() - 1)) as u64;
    }
    Ok(None)
}

/// Walks the objects of a collection as HDF5 does. Returns how many bytes it takes.
fn collection(file: &File, start: u64, length: u64) -> Result<u64, HeapError> {
    let number = |at: u64| -> std::io::Result<u64> {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, start + at)?;
        Ok(u64::from_le_bytes(bytes))
    };
    if start + HEADER > length {
        return Ok(HEAD.len() as u64);
    }
    let size = number(8)?;
    // No collection to HDF5 either, which refuses it by name.
    if size < SMALLEST || start.checked_add(size).is_none_or(|end| end > length) {
        return Ok(HEAD.len() as u64);
    }
    let mut at = HEADER;
    while at + HEADER <= size {
        let index = number(at)? & 0xffff;
        let bytes = number(at + 8)?;
        // Object 0 is what is free, with its head; the others are padded to words.
        let needed = match index {
            0 => Some(bytes),
            _ => bytes.checked_next_multiple_of(8).and_then(|bytes| bytes.checked_add(HEADER)),
        };
        match needed.and_then(|needed| at.checked_add(needed)).filter(|next| *next > at && *next <= size) {
            Some(next) => at = next,
            None => return Err(HeapError::Damaged(start)),
        }
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(objects: &[(u16, u64)]) -> (tempfile::NamedTempFile, u64) {
        let mut bytes = vec![7; 100];
        bytes.extend(HEAD);
        bytes.extend(4096_u64.to_le_bytes());
        for (index, size) in objects {
            let padded = size.min(&4096).next_multiple_of(8) as usize;
            bytes.extend(index.to_le_bytes());
            bytes.extend([1, 0, 0, 0, 0, 0]);
            bytes.extend(size.to_le_bytes());
            bytes.extend(vec![b'x'; if *index == 0 { 0 } else { padded }]);
        }
        bytes.resize(100 + 4096 + 50, 0);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        (file, bytes.len() as u64)
    }

    fn checked(objects: &[(u16, u64)], data: Vec<Range<u64>>) -> Result<(), HeapError> {
        let (file, length) = file(objects);
        check(file.as_file(), length, data)
    }

    #[test]
    fn collections_are_walked_to_their_end() {
        let free = 4096 - 16 - (16 + 16) - (16 + 104);
        assert!(checked(&[(1, 11), (2, 100), (0, free)], Vec::new()).is_ok());
        for objects in [
            &[(1, 11), (2, 100)][..],
            &[(0, 0)],
            &[(1, 11), (0, free)],
            &[(1, 5000)],
            &[(1, u64::MAX)],
            &[(1, u64::MAX - 15)],
            &[(0, u64::MAX)],
        ] {
            let error = checked(objects, Vec::new()).unwrap_err().to_string();
            assert!(error.contains("the texts at byte 100 cannot be read"), "{objects:?}: {error}");
        }
        // Numbers may look like anything.
        let all = vec![3000..3010, 90..4196, 0..50];
        assert!(checked(&[(0, 0)], all).is_ok());
    }
}
