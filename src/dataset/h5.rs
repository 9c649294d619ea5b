//! The HDF5 edge: what the hdf5 crate does not wrap. All `unsafe` of the dataset room is here.

use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::path::Path;

use hdf5::plist::file_access::FileCloseDegree;
use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, File};
use hdf5_sys::h5::{herr_t, hsize_t};
use hdf5_sys::h5d::H5Dwrite_chunk;
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::H5P_DEFAULT;

use super::{Attribute, DatasetError};

// The dimension-scale API (H5DSpublic.h of HDF5's high-level library), which hdf5-metno-sys links but does
// not declare.
unsafe extern "C" {
    fn H5DSset_scale(dsid: hid_t, dimname: *const c_char) -> herr_t;
    fn H5DSattach_scale(did: hid_t, dsid: hid_t, idx: c_uint) -> herr_t;
}

/// Keeps HDF5 from printing its error stack on this thread; every error is returned instead.
pub(super) fn quiet() {
    hdf5::silence_errors(true);
}

/// Creates a file whose bytes depend on its contents alone: no time stamps anywhere. Closing it closes
/// every handle into it, so that a forgotten one cannot keep it open.
pub(super) fn create(path: &Path) -> Result<File, DatasetError> {
    quiet();
    let path_text =
        path.to_str().ok_or_else(|| DatasetError::io(path, "the path is not valid UTF-8, which HDF5 needs"))?;
    File::with_options()
        .with_fcpl(|p| p.obj_track_times(false))
        .with_fapl(|p| p.fclose_degree(FileCloseDegree::Strong).libver_v110().file_locking(false))
        .create_excl(path_text)
        .map_err(|e| DatasetError::h5(path, "cannot be created", &e))
}

/// Opens a file for reading.
pub(super) fn open(path: &Path) -> Result<File, DatasetError> {
    quiet();
    File::with_options()
        .with_fapl(|p| p.fclose_degree(FileCloseDegree::Strong).file_locking(false))
        .open(path)
        .map_err(|e| DatasetError::h5(path, "cannot be opened as HDF5", &e))
}

/// Writes one chunk of filtered bytes at `row` (a multiple of the chunk's rows; 0 in every other
/// dimension). The dataset must already extend over it.
pub(super) fn write_chunk(dataset: &Dataset, row: usize, bytes: &[u8]) -> hdf5::Result<()> {
    let mut offset = [0 as hsize_t; 8];
    offset[0] = row as hsize_t;
    hdf5::sync::sync(|| {
        // SAFETY: the dataset handle is open, its rank is at most 8 (schema), the bytes live through the
        // call, and HDF5's global lock is held.
        let code = unsafe {
            H5Dwrite_chunk(dataset.id(), H5P_DEFAULT, 0, offset.as_ptr(), bytes.len(), bytes.as_ptr().cast::<c_void>())
        };
        hdf5::h5check(code)
    })
    .map(drop)
}

/// Makes `dataset` the scale of a dimension of that name (CLASS = DIMENSION_SCALE).
pub(super) fn set_scale(dataset: &Dataset, name: &str) -> hdf5::Result<()> {
    let name = CString::new(name).map_err(|_| hdf5::Error::from("a dimension name holds a NUL byte"))?;
    // SAFETY: the handle is open, the name is NUL-terminated, and HDF5's global lock is held.
    hdf5::sync::sync(|| hdf5::h5check(unsafe { H5DSset_scale(dataset.id(), name.as_ptr()) })).map(drop)
}

/// Attaches `scale` to dimension `axis` of `dataset`.
pub(super) fn attach_scale(dataset: &Dataset, scale: &Dataset, axis: usize) -> hdf5::Result<()> {
    // SAFETY: both handles are open, and HDF5's global lock is held.
    hdf5::sync::sync(|| hdf5::h5check(unsafe { H5DSattach_scale(dataset.id(), scale.id(), axis as c_uint) })).map(drop)
}

/// Leaves the process without HDF5's exit handlers, which would try again to write what a full disk has
/// already refused.
pub fn exit_now(code: c_int) -> ! {
    // SAFETY: ends the process; nothing runs after it.
    unsafe { libc::_exit(code) }
}

/// Ignores SIGXFSZ, so that a file-size limit is an error of the write and not the death of the process.
pub fn survive_file_size_limit() {
    // SAFETY: SIG_IGN is async-signal-safe and has no handler to race with.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Text of any encoding as HDF5 takes it: without NUL bytes.
pub(super) fn text(value: &str) -> VarLenUnicode {
    value.replace('\0', "").parse().unwrap_or_default()
}

/// Sets a text attribute.
pub(super) fn text_attribute(at: &hdf5::Location, name: &str, value: &str) -> hdf5::Result<()> {
    at.new_attr::<VarLenUnicode>().create(name)?.write_scalar(&text(value))
}

/// Sets an attribute.
pub(super) fn attribute(at: &hdf5::Location, name: &str, value: &Attribute) -> hdf5::Result<()> {
    match value {
        Attribute::Text(text) => text_attribute(at, name, text),
        Attribute::Int(i) => at.new_attr::<i64>().create(name)?.write_scalar(i),
        Attribute::Unsigned(u) => at.new_attr::<u64>().create(name)?.write_scalar(u),
        Attribute::Float(x) => at.new_attr::<f64>().create(name)?.write_scalar(x),
    }
}
