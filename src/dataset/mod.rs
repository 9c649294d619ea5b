//! Recordings as HDF5 files: the schema, a writer that streams, a reader, and the merge of shards. This
//! room has not heard of MuJoCo.

mod codec;
mod column;
mod error;
mod h5;
mod merge;
mod reader;
mod row;
pub mod schema;
mod writer;

pub use codec::{Effort, Encoder, decode};
pub use error::DatasetError;
pub use h5::{exit_now, survive_file_size_limit};
pub use merge::Merger;
pub use reader::Recording;
pub use row::{COMPLETED, EpisodeRow, StepRow};
pub use writer::{Attribute, Header, ModelFile, ModelFiles, Writer};

#[cfg(not(target_endian = "little"))]
compile_error!("recordings are written as little-endian bytes straight from memory");

/// The HDF5 library in use, as "major.minor.patch".
pub fn hdf5_version() -> String {
    let (major, minor, patch) = hdf5::library_version();
    format!("{major}.{minor}.{patch}")
}
