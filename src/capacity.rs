//! What the stored bytes of a file can hold: sizes that a file declares are believed up to that.

use hdf5::Dataset;
use hdf5::dataset::Layout;

use crate::chunk::{bytes, inflated};

/// Refuses a dataset that declares more than its own bytes, in a file of `file_bytes`, can hold, with the reason.
///
/// # Errors
/// What is wrong, to follow the dataset's name.
pub(crate) fn check(dataset: &Dataset, file_bytes: u64) -> Result<(), String> {
    let read = |e: hdf5::Error| format!("cannot be read ({})", e.to_string().lines().next().unwrap_or_default());
    let shape = dataset.get_shape().map_err(read)?;
    let item = dataset.dtype().map_err(read)?.size();
    let declared = bytes(&shape, item).filter(|n| *n <= inflated(file_bytes));
    let declared = declared.ok_or_else(|| more(&shape, file_bytes))?;
    let plist = dataset.dcpl().map_err(read)?;
    let stored = dataset.storage_size();
    match plist.get_layout().map_err(read)? {
        _ if declared == 0 => Ok(()),
        Layout::Compact if stored >= declared => Ok(()),
        Layout::Contiguous => {
            let start = dataset.offset().ok_or("was never written, or lies in another file")?;
            let end = start.checked_add(declared).filter(|end| *end <= file_bytes && stored >= declared);
            end.map(drop).ok_or_else(|| more(&shape, stored.min(file_bytes)))
        }
        Layout::Chunked => {
            let chunk = plist.get_chunk().map_err(read)?.filter(|c| c.len() == shape.len() && !c.contains(&0));
            let chunk = chunk.ok_or("has chunks of another shape than its own")?;
            let needed = shape.iter().zip(&chunk).try_fold(1_u64, |n, (size, chunk)| {
                n.checked_mul(size.div_ceil(*chunk) as u64).filter(|n| *n <= file_bytes)
            });
            let needed = needed.ok_or_else(|| more(&shape, file_bytes))?;
            match dataset.num_chunks() {
                Some(found) if found as u64 == needed => {}
                Some(found) => {
                    return Err(format!("has {found} of its {needed} chunks: the others were never written"));
                }
                None => return Err("has chunks that cannot be counted".to_owned()),
            }
            if declared <= inflated(stored.min(file_bytes)) { Ok(()) } else { Err(more(&shape, stored)) }
        }
        Layout::Compact => Err(more(&shape, stored)),
        Layout::Virtual => Err("is put together from other datasets; store its numbers in the file itself".to_owned()),
    }
}

/// The words for a dataset that is larger than its bytes.
pub(crate) fn more(shape: &[usize], stored: u64) -> String {
    let shape = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
    format!("declares {shape} entries, more than its {stored} stored bytes can hold")
}
