//! Recordings as HDF5 files: the schema, a writer that streams, a reader, and the merge of shards. This
//! room has not heard of MuJoCo.

mod archive;
mod array_reader;
mod arrays;
mod attributes;
mod codec;
mod column;
mod digest;
mod error;
#[allow(unsafe_code)]
mod h5;
mod index;
mod meaning;
mod merge;
mod outline;
mod reader;
mod row;
mod rows;
pub mod schema;
mod store;
mod stored;
mod writer;

pub use archive::Archive;
pub use array_reader::{ArrayFormat, ArrayReader};
pub use arrays::{ArrayAxis, ArrayVariable, ArrayWriter, AxisEntries, INFLUENCE};
pub use codec::{Effort, Encoder};
pub use digest::{DigestReader, EpisodeDigest, content_digest, file_sha256};
pub use error::DatasetError;
pub use h5::{exit_now, survive_file_size_limit};
pub use index::{IndexRow, is_index, write_index};
pub use merge::{Merger, check_shard};
pub use reader::{Element, Recording};
pub use row::{COMPLETED, EpisodeRow, Floats, StepRow};
pub use rows::{FlagReader, RowReader};
pub use store::Store;
pub use writer::{Attribute, Header, ModelFile, ModelFiles, Writer};

#[cfg(not(target_endian = "little"))]
compile_error!("recordings are written as little-endian bytes straight from memory");

/// The HDF5 library in use, as "major.minor.patch".
pub fn hdf5_version() -> String {
    let (major, minor, patch) = hdf5::library_version();
    format!("{major}.{minor}.{patch}")
}
