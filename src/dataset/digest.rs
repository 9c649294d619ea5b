//! The digest of an episode's content, while it is written and of what a file holds.
//!
//! SHA-256 over the little-endian bytes of every variable of a step, in the schema's order, one step after the
//! other; then the UTF-8 text of `episode_end`. A step's variables are those of the dimension `step` without
//! `contact_offset`, `constraint_offset` and `touch_offset` (they depend on other episodes), and its own rows of those of
//! `contact`, `constraint` and `touch`. No host, no processor, no compression is in it.

use std::fs::File;
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::reader::Recording;
use super::row::StepRow;
use super::rows::RowReader;
use super::schema::{Axis, RAGGED, Var};
use super::{DatasetError, EpisodeRow, Header};
use crate::seal::hex;

/// The digest of an episode under way.
#[derive(Debug, Clone)]
pub struct EpisodeDigest {
    hash: Sha256,
    /// By variable: whether the file holds it.
    held: Vec<bool>,
}

impl EpisodeDigest {
    /// Of an episode in a file with this header.
    pub fn new(header: &Header) -> Self {
        let mut held = vec![false; Var::ALL.len()];
        header.variables().for_each(|var| held[var as usize] = true);
        Self { hash: Sha256::new(), held }
    }

    /// Takes the next step.
    pub fn row(&mut self, row: &StepRow<'_>) {
        row.visit(|var, bytes| {
            if self.held[var as usize] {
                self.hash.update(bytes);
            }
        });
    }

    /// The digest, hexadecimal, of an episode with this `episode_end`.
    pub fn finish(mut self, end: &str) -> String {
        self.hash.update(end.as_bytes());
        hex(&self.hash.finalize())
    }
}

/// The digest of a recording's content: SHA-256, hexadecimal, of the text `settings` and a line `episode
/// NUMBER DIGEST` for each episode.
pub fn content_digest(settings: &str, episodes: &[EpisodeRow]) -> String {
    let mut hash = Sha256::new();
    hash.update(settings.as_bytes());
    for episode in episodes {
        hash.update(format!("episode {} {}\n", episode.episode, episode.sha256).as_bytes());
    }
    hex(&hash.finalize())
}

/// SHA-256 of a whole file, hexadecimal, read in pieces.
///
/// # Errors
/// [`DatasetError::Io`].
pub fn file_sha256(path: &std::path::Path) -> Result<String, DatasetError> {
    let trouble = |e: std::io::Error| DatasetError::io(path, e);
    let mut file = File::open(path).map_err(trouble)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match std::io::Read::read(&mut file, &mut buffer).map_err(trouble)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// Whether the step decides the variable: not an offset, which follows from the counts.
fn decided(var: Var) -> bool {
    let axis = var.spec().axes[0];
    (axis == Axis::Step || axis.ragged().is_some()) && !var.is_offset()
}

/// Computes digests of what a file holds. Chunks are read and decompressed here, outside HDF5's global lock,
/// so that every thread may have a reader of its own.
#[derive(Debug, Clone)]
pub struct DigestReader<'a> {
    recording: &'a Recording,
    columns: Vec<(Var, RowReader<'a>)>,
}

impl<'a> DigestReader<'a> {
    /// A reader of a recording or a shard.
    ///
    /// # Errors
    /// [`DatasetError`] when a variable is not stored as this program stores it.
    pub fn new(recording: &'a Recording) -> Result<Self, DatasetError> {
        let held = Var::ALL.iter().copied().filter(|v| decided(*v) && recording.has(*v));
        let columns =
            held.map(|var| Ok((var, RowReader::new(recording, var)?))).collect::<Result<_, DatasetError>>()?;
        Ok(Self { recording, columns })
    }

    /// The digest of an episode that lies at these rows of `step` and of each of [`RAGGED`], and how many rows of each it has.
    ///
    /// # Errors
    /// [`DatasetError`] when a chunk is missing or damaged.
    pub fn episode(
        &mut self,
        steps: Range<usize>,
        first: [usize; RAGGED.len()],
        end: &str,
    ) -> Result<(String, [usize; RAGGED.len()]), DatasetError> {
        let mut hash = Sha256::new();
        let mut ragged = first;
        for step in steps {
            let mut counts = [0; RAGGED.len()];
            for (var, reader) in &mut self.columns {
                let rows = match var.spec().axes[0].ragged() {
                    Some(table) => ragged[table]..ragged[table] + counts[table],
                    None => step..step + 1,
                };
                for row in rows {
                    let bytes = reader.row(row)?;
                    hash.update(bytes);
                    if let Some(table) = RAGGED.iter().position(|table| table.count == *var) {
                        counts[table] = bytes.try_into().map_or(0, i32::from_le_bytes).max(0) as usize;
                    }
                }
            }
            ragged.iter_mut().zip(counts).for_each(|(at, n)| *at += n);
        }
        hash.update(end.as_bytes());
        Ok((hex(&hash.finalize()), std::array::from_fn(|table| ragged[table] - first[table])))
    }

    /// Rows of a variable that the file holds; 0 when it has none.
    fn rows(&self, var: Var) -> usize {
        self.columns.iter().find(|(v, _)| *v == var).map_or(0, |(_, r)| r.rows())
    }

    /// Checks a shard: one episode, whole, with the content that its digest says.
    ///
    /// # Errors
    /// [`DatasetError`] that names the shard and what is wrong with it.
    pub(super) fn check_shard(&mut self, episode: &EpisodeRow) -> Result<(), DatasetError> {
        let steps = self.rows(Var::Time);
        let (digest, ragged) = self.episode(0..steps, Default::default(), &episode.end)?;
        let whole = ragged == RAGGED.map(|table| self.rows(table.column));
        if digest != episode.sha256 || !whole {
            return Err(self.recording.foreign("its content does not have the digest that it was recorded with"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digest is documented as being in the schema's order.
    #[test]
    fn a_row_is_visited_in_the_order_of_the_schema() {
        let mut visited = Vec::new();
        StepRow::default().visit(|var, _| visited.push(var));
        let expected: Vec<Var> = Var::ALL.iter().copied().filter(|v| decided(*v)).collect();
        assert_eq!(visited, expected);
    }
}
