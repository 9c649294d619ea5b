//! Joins shards into one recording. Whole chunks that fall on a chunk of the result go over as they are,
//! without being decompressed.

use std::os::unix::fs::FileExt;
use std::path::Path;

use hdf5::Dataset;

use super::column::Column;
use super::reader::Recording;
use super::schema::{Axis, Var};
use super::{Attribute, DatasetError, Encoder, Header, Writer, decode};

/// Rows whose counts are read at once.
const BLOCK: usize = 1 << 16;

/// The attribute that says which recipe a shard belongs to.
const RECIPE: &str = "recipe_sha256";

/// A recording that is put together from shards, one after the other.
#[derive(Debug)]
pub struct Merger {
    writer: Writer,
    recipe: Option<Attribute>,
}

impl Merger {
    /// Creates the file, which must not exist.
    ///
    /// # Errors
    /// [`DatasetError::Io`].
    pub fn create(path: &Path, header: Header) -> Result<Self, DatasetError> {
        let recipe = header.attributes.iter().find(|(name, _)| name == RECIPE).map(|(_, value)| value.clone());
        Ok(Self { writer: Writer::create(path, header)?, recipe })
    }

    /// Appends the shard of the next episode.
    ///
    /// # Errors
    /// [`DatasetError`] naming the shard (damaged, of other settings, of another episode) or the result.
    pub fn append(&mut self, episode: u64, shard: &Path) -> Result<(), DatasetError> {
        let shard = Recording::open(shard)?;
        if shard.text_attribute(RECIPE).map(Attribute::Text) != self.recipe {
            return Err(
                shard.foreign("was recorded with other settings: remove this file and start the same command again")
            );
        }
        let episodes = shard.episodes()?;
        if episodes.len() != 1 || u64::try_from(episodes[0].episode) != Ok(episode) {
            return Err(shard.foreign(&format!(
                "does not hold episode {episode}: remove this file and start the same command again"
            )));
        }
        append(&mut self.writer, &shard)?;
        for episode in episodes {
            self.writer.end_episode(episode);
        }
        Ok(())
    }

    /// Completes and closes the file, see [`Writer::finish`].
    ///
    /// # Errors
    /// [`DatasetError::Io`].
    pub fn finish(self) -> Result<(), DatasetError> {
        self.writer.finish()
    }
}

fn append(writer: &mut Writer, shard: &Recording) -> Result<(), DatasetError> {
    let steps = shard.len(Axis::Step);
    let bytes = std::fs::File::open(shard.path()).map_err(|e| DatasetError::io(shard.path(), e))?;
    let target = writer.path().to_owned();
    for var in Var::ALL.iter().copied() {
        if matches!(var, Var::ContactOffset | Var::ConstraintOffset) {
            continue;
        }
        let Some((column, encoder)) = writer.column(var) else { continue };
        let dataset =
            shard.dataset(var).ok_or_else(|| shard.foreign(&format!("lacks the variable {}", var.spec().name)))?;
        copy_column(column, encoder, dataset, shard, &bytes).map_err(|e| match e {
            CopyError::Source(e) => e,
            CopyError::Target(e) => DatasetError::h5(&target, "cannot be written", &e),
        })?;
    }
    for start in (0..steps).step_by(BLOCK) {
        let rows = start..(start + BLOCK).min(steps);
        let ncon: Vec<i32> = shard.read(Var::Ncon, rows.clone())?;
        let nefc: Vec<i32> = shard.read(Var::Nefc, rows)?;
        for (contacts, constraints) in ncon.into_iter().zip(nefc) {
            writer
                .offsets(contacts.into(), constraints.into())
                .map_err(|e| DatasetError::h5(&target, "cannot be written", &e))?;
        }
    }
    Ok(())
}

enum CopyError {
    Source(DatasetError),
    Target(hdf5::Error),
}

fn copy_column(
    to: &mut Column,
    encoder: &mut Encoder,
    from: &Dataset,
    shard: &Recording,
    bytes: &std::fs::File,
) -> Result<(), CopyError> {
    let damaged = |what: &str| {
        CopyError::Source(shard.foreign(&format!("{what}: remove this file and start the same command again")))
    };
    let rows = from.shape()[0];
    if from.chunk().map(|c| c[0]) != Some(to.chunk_rows()) {
        return Err(damaged("has other chunks than this program writes"));
    }
    let mut chunks = Vec::new();
    from.chunks_visit(|info| {
        chunks.push((info.offset[0] as usize, info.addr, info.size as usize));
        0
    })
    .map_err(|e| CopyError::Source(DatasetError::h5(shard.path(), "cannot be read", &e)))?;
    chunks.sort_unstable();
    let mut filtered = Vec::new();
    let mut next = 0;
    for (row, address, size) in chunks {
        if row != next {
            return Err(damaged("lacks a chunk"));
        }
        filtered.resize(size, 0);
        bytes
            .read_exact_at(&mut filtered, address)
            .map_err(|e| CopyError::Source(DatasetError::io(shard.path(), e)))?;
        let count = to.chunk_rows().min(rows - row);
        if count == to.chunk_rows() && to.aligned() {
            to.append_filtered(&filtered).map_err(CopyError::Target)?;
        } else {
            let whole =
                decode(&filtered, to.item(), to.chunk_bytes()).ok_or_else(|| damaged("holds a damaged chunk"))?;
            to.append(&whole[..count * to.row_bytes()], encoder).map_err(CopyError::Target)?;
        }
        next = row + count;
    }
    if next == rows { Ok(()) } else { Err(damaged("lacks its last chunk")) }
}
