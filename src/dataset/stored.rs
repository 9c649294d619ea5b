//! Where the numbers of a dataset lie in the file, as HDF5 tells, checked against what lies there.

use hdf5::Dataset;

use crate::capacity;
use crate::chunk::{Chunk, Stored};

/// Of a dataset with `item`-byte values in a file of `file_bytes`.
///
/// # Errors
/// What is wrong, to follow the dataset's name.
pub(super) fn stored(dataset: &Dataset, item: usize, file_bytes: u64) -> Result<Stored, String> {
    capacity::check(dataset, file_bytes)?;
    let read = |e: hdf5::Error| format!("cannot be read ({})", e.to_string().lines().next().unwrap_or_default());
    let shape = dataset.get_shape().map_err(read)?;
    let (rows, tail) = shape.split_first().ok_or("is a single value instead of rows")?;
    let foreign = "has chunks of another program: use the file as dynsparse wrote it";
    if !dataset.is_chunked() {
        let address = match rows {
            0 => 0,
            _ => dataset.offset().ok_or(foreign)?,
        };
        return Stored::whole(&shape, item, address, file_bytes);
    }
    let chunk = dataset.chunk().filter(|c| c.len() == shape.len() && c[0] > 0 && c[1..] == *tail);
    let chunk_rows = chunk.ok_or(foreign)?[0];
    let needed = rows.div_ceil(chunk_rows);
    let mut found = Vec::new();
    let visited = dataset.chunks_visit(|info| {
        let chunk = Chunk { address: info.addr, size: info.size as usize, mask: info.filter_mask };
        found.push((info.offset[0] as usize / chunk_rows, chunk));
        i32::from(found.len() > needed)
    });
    match visited {
        Err(e) if found.len() < needed => Err(format!("has chunks that cannot be found ({e})")),
        _ => Stored::chunked(&shape, item, chunk_rows, found, file_bytes),
    }
}
