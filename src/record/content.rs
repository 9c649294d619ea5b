//! Whether a recording still holds what was recorded, by its digests and without simulating.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::recipe::FileHash;
use super::{Recipe, RecordError};
use crate::dataset::schema::{Axis, RAGGED, attribute};
use crate::dataset::{DigestReader, Recording, content_digest};
use crate::seal::sha256_hex;

/// Numbers along rows that are read at once.
const BLOCK: usize = 1 << 16;

/// Checks `episodes` (all when None) of a recording against their digests, on so many threads, and the digest of
/// the whole against theirs. Returns the latter.
///
/// # Errors
/// [`RecordError::Dataset`] that names the first episode with other content, [`RecordError::Stopped`].
pub fn check_content(
    recording: &Recording,
    episodes: Option<u64>,
    threads: usize,
    stop: &AtomicBool,
) -> Result<String, RecordError> {
    let most = episodes.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let recipe =
        recording.text_attribute(attribute::RECIPE).and_then(|text| serde_json::from_str::<Recipe>(&text).ok());
    let recipe = recipe.ok_or_else(|| recording.foreign("its recipe cannot be read: the file is damaged"))?;
    check_bookkeeping(recording, &recipe)?;
    let (episodes, offsets) = (recording.episodes()?, recording.offsets()?);
    let count = episodes.len().min(most);
    let ragged = ragged_starts(recording, &offsets[..count + 1])?;
    let reader = DigestReader::new(recording)?;
    let next = AtomicUsize::new(0);
    let first: Mutex<Option<(usize, RecordError)>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, count.max(1)) {
            scope.spawn(|| {
                let mut reader = reader.clone();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let digest = reader.episode(offsets[at]..offsets[at + 1], ragged[at], &episodes[at].end);
                    let error = match digest {
                        Ok((digest, _)) if digest == episodes[at].sha256 => continue,
                        Ok(_) => recording.foreign(&format!(
                            "episode {} does not have the content that its episode_sha256 says: the file is damaged",
                            episodes[at].episode
                        )),
                        Err(error) => error,
                    };
                    let mut slot = first.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    if slot.as_ref().is_none_or(|(index, _)| at < *index) {
                        *slot = Some((at, error.into()));
                    }
                }
            });
        }
    });
    if let Some((_, error)) = first.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        return Err(error);
    }
    if stop.load(Ordering::Relaxed) {
        return Err(RecordError::Stopped);
    }
    let content = content_digest(&recipe.content(), &episodes);
    if recording.text_attribute(attribute::CONTENT_SHA256).as_deref() != Some(&content) {
        let name = attribute::CONTENT_SHA256;
        let text = format!("the root attribute {name} is not the digest of its episodes: the file is damaged");
        return Err(recording.foreign(&text).into());
    }
    Ok(content)
}

/// What no step decides: the numbers along rows, the recipe's own hash, and those of the model's files.
///
/// # Errors
/// [`RecordError::Dataset`] that names what is wrong.
pub(super) fn check_bookkeeping(recording: &Recording, recipe: &Recipe) -> Result<(), RecordError> {
    let damaged = |what: String| recording.foreign(&format!("{what}: the file is damaged or was changed"));
    for axis in Axis::ALL.into_iter().filter(|axis| axis.is_rows() && *axis != Axis::Episode) {
        if !recording.has_coordinate(axis) {
            continue;
        }
        for start in (0..recording.len(axis)).step_by(BLOCK) {
            let rows = start..(start + BLOCK).min(recording.len(axis));
            let numbers = recording.coordinate(axis, rows.clone())?;
            if let Some((row, found)) = rows.zip(numbers).find(|(row, found)| *found != *row as i64) {
                return Err(damaged(format!("{}[{row}] is {found} instead of {row}", axis.name())).into());
            }
        }
    }
    recording.check_meanings()?;
    let text = recording.stored_text(attribute::RECIPE).unwrap_or_default();
    if recording.text_attribute(attribute::RECIPE_SHA256).as_deref() != Some(&sha256_hex(text.as_bytes())) {
        return Err(damaged("the root attribute recipe does not have the hash in recipe_sha256".to_owned()).into());
    }
    let files = recording.model()?.files;
    let there: Vec<FileHash> =
        files.iter().map(|f| FileHash { name: f.name.clone(), sha256: sha256_hex(&f.bytes) }).collect();
    if let Some(wrong) = files.iter().zip(&there).find(|(file, found)| file.sha256 != found.sha256) {
        return Err(damaged(format!("its copy of {} does not have the recorded hash", wrong.0.name)).into());
    }
    if there != recipe.model {
        return Err(damaged("the files of its model are not those of its recipe".to_owned()).into());
    }
    Ok(())
}

/// The first row of every episode in each of [`RAGGED`].
fn ragged_starts(recording: &Recording, offsets: &[usize]) -> Result<Vec<[usize; RAGGED.len()]>, RecordError> {
    let steps = recording.len(Axis::Step);
    // Behind the last step there is nothing to find, and nothing that needs it.
    let start = |at: &usize| if *at < steps { ragged_start(recording, *at) } else { Ok(Default::default()) };
    offsets[..offsets.len() - 1].iter().map(start).collect()
}

/// The first row of a step in each of [`RAGGED`].
pub(super) fn ragged_start(recording: &Recording, step: usize) -> Result<[usize; RAGGED.len()], RecordError> {
    let mut starts = [0; RAGGED.len()];
    for (start, table) in starts.iter_mut().zip(RAGGED) {
        if recording.has(table.offset) {
            let found = recording.read::<i64>(table.offset, step..step + 1)?;
            *start = found.first().map_or(0, |n| usize::try_from(*n).unwrap_or(usize::MAX / 2));
        }
    }
    Ok(starts)
}
