//! Joins shards into one recording. Whole chunks that fall on a chunk of the result go over as they are,
//! without being decompressed.

use std::os::unix::fs::FileExt;
use std::path::Path;

use super::column::Column;
use super::reader::Recording;
use super::schema::{Axis, RAGGED, Var};
use super::{Attribute, DatasetError, DigestReader, Encoder, EpisodeRow, Header, Writer};
use crate::chunk::{Chunk, Stored, decode, room};

/// Rows whose counts are read at once.
const BLOCK: usize = 1 << 16;

/// The attribute that says which recipe a shard belongs to.
const RECIPE: &str = "recipe_sha256";

/// A recording that is put together from shards, one after the other.
#[derive(Debug)]
pub struct Merger {
    writer: Writer,
    recipe: Option<String>,
}

/// Checks that a shard holds this episode of a recording of that recipe (its SHA-256), with the content that
/// its digest says. Every byte that decides the content is read.
///
/// # Errors
/// [`DatasetError`] that names the shard and what is wrong with it.
pub fn check_shard(shard: &Path, recipe: &str, episode: u64) -> Result<(), DatasetError> {
    let (shard, row) = open(shard, Some(recipe), episode)?;
    DigestReader::new(&shard)?.check_shard(&row)
}

/// Opens a shard and its one episode.
fn open(shard: &Path, recipe: Option<&str>, episode: u64) -> Result<(Recording, EpisodeRow), DatasetError> {
    let shard = Recording::open(shard)?;
    if shard.text_attribute(RECIPE).as_deref() != recipe {
        return Err(shard.foreign("was recorded with other settings"));
    }
    let mut episodes = shard.episodes()?;
    match episodes.pop() {
        Some(row) if episodes.is_empty() && u64::try_from(row.episode) == Ok(episode) => Ok((shard, row)),
        _ => Err(shard.foreign(&format!("does not hold episode {episode}"))),
    }
}

impl Merger {
    /// Creates the file, which must not exist.
    ///
    /// # Errors
    /// [`DatasetError::Io`].
    pub fn create(path: &Path, header: Header) -> Result<Self, DatasetError> {
        let recipe = header.attributes.iter().find_map(|(name, value)| match value {
            Attribute::Text(text) if name == RECIPE => Some(text.clone()),
            _ => None,
        });
        Ok(Self { writer: Writer::create(path, header)?, recipe })
    }

    /// Appends the shard of the next episode.
    ///
    /// # Errors
    /// [`DatasetError`] naming the shard (damaged, of other settings, of another episode) or the result.
    pub fn append(&mut self, episode: u64, shard: &Path) -> Result<(), DatasetError> {
        let (shard, row) = open(shard, self.recipe.as_deref(), episode)?;
        append(&mut self.writer, &shard)?;
        self.writer.end_episode(row);
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
    let target = writer.path().to_owned();
    for var in Var::ALL.iter().copied() {
        if var.is_offset() {
            continue;
        }
        let Some((column, encoder)) = writer.column(var) else { continue };
        let stored =
            shard.stored(var).ok_or_else(|| shard.foreign(&format!("lacks the variable {}", var.spec().name)))?;
        copy_column(column, encoder, stored, shard).map_err(|e| match e {
            CopyError::Source(e) => e,
            CopyError::Target(e) => DatasetError::h5(&target, "cannot be written", &e),
        })?;
    }
    for start in (0..steps).step_by(BLOCK) {
        let rows = start..(start + BLOCK).min(steps);
        let mut counts: [Vec<i32>; RAGGED.len()] = Default::default();
        for (counts, table) in counts.iter_mut().zip(RAGGED) {
            if shard.has(table.count) {
                *counts = shard.read(table.count, rows.clone())?;
            }
        }
        for row in 0..rows.len() {
            let of = |table: usize| counts[table].get(row).map_or(0, |n| usize::try_from(*n).unwrap_or(0));
            writer.offsets(std::array::from_fn(of)).map_err(|e| DatasetError::h5(&target, "cannot be written", &e))?;
        }
    }
    Ok(())
}

enum CopyError {
    Source(DatasetError),
    Target(hdf5::Error),
}

fn copy_column(to: &mut Column, encoder: &mut Encoder, from: &Stored, shard: &Recording) -> Result<(), CopyError> {
    let damaged = |what: &str| {
        CopyError::Source(shard.foreign(&format!("{what}: remove this file and start the same command again")))
    };
    let rows = from.rows();
    let chunks = from.chunks().filter(|_| from.chunk_rows() == to.chunk_rows() && from.row_bytes() == to.row_bytes());
    let chunks = chunks.ok_or_else(|| damaged("has other chunks than this program writes"))?;
    let mut filtered = Vec::new();
    for (i, Chunk { address, size, mask }) in chunks.iter().enumerate() {
        if *mask != 0 {
            return Err(damaged("has other chunks than this program writes"));
        }
        let row = i * to.chunk_rows();
        if !room(&mut filtered, *size) {
            return Err(damaged("has a chunk that does not fit into memory"));
        }
        shard
            .raw()
            .read_exact_at(&mut filtered, *address)
            .map_err(|e| CopyError::Source(DatasetError::io(shard.path(), e)))?;
        let count = to.chunk_rows().min(rows - row);
        if count == to.chunk_rows() && to.aligned() {
            to.append_filtered(&filtered).map_err(CopyError::Target)?;
        } else {
            let whole =
                decode(&filtered, to.item(), to.chunk_bytes()).ok_or_else(|| damaged("holds a damaged chunk"))?;
            to.append(&whole[..count * to.row_bytes()], encoder).map_err(CopyError::Target)?;
        }
    }
    Ok(())
}
