//! Archives of numpy's arrays; the first axis is time.

use std::path::Path;

use super::{Found, LogArray, LogEpisode, LogError, check_size, sha256};
use crate::bounded;
use crate::npz::Archive;

/// Reads it as one episode; a map may cut it.
pub(super) fn read(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Found, LogError> {
    let file = path.display().to_string();
    let fix = "write it again with numpy.savez, as arrays of numbers whose first axis is time";
    let open = || Archive::new(bounded::open(path)?);
    let mut archive = open().map_err(|e| LogError::new(&file, "archive", bounded::sentence(&e.to_string()), fix))?;
    let (mut arrays, mut data, mut numbers, mut rows) = (Vec::new(), Vec::new(), 0_usize, None);
    let mut notes = Vec::new();
    for name in archive.names().into_iter().filter(|name| wanted(name)) {
        let field = format!("array {}", bounded::word(&name));
        let failed = |e: std::io::Error| LogError::new(&file, &field, bounded::sentence(&e.to_string()), fix);
        let Some((shape, values)) = archive.numbers(&name).map_err(failed)? else {
            let kind = archive.kind(&name).map_err(failed)?;
            if !wanted("") {
                let fix = "store it as float64, float32, int64, int32 or bool";
                return Err(LogError::new(&file, &field, format!("holds {kind}, which no log is read from"), fix));
            }
            notes.push(format!("{field} holds {kind}, which no log is read from, and is left out"));
            continue;
        };
        let width = match shape[..] {
            [_] => 1,
            [_, width] if width > 0 => width,
            _ if !wanted("") => {
                let problem = format!("has {} dimensions, {shape:?}", shape.len());
                return Err(LogError::new(&file, &field, problem, "store it as rows of numbers: one dimension or two"));
            }
            _ => {
                notes.push(format!("{field} has {} dimensions and is left out: a log has one or two", shape.len()));
                continue;
            }
        };
        numbers = numbers.saturating_add(values.len());
        check_size(&file, &field, numbers)?;
        let (first, expected) = rows.get_or_insert_with(|| (name.clone(), shape[0]));
        if shape[0] != *expected && wanted("") {
            notes.push(format!("{field} has {} rows instead of {expected} and is left out", shape[0]));
            continue;
        }
        if shape[0] != *expected {
            let problem = format!("has {} rows, {first} has {expected}", shape[0]);
            return Err(LogError::new(&file, &field, problem, "store a row of each for every sample"));
        }
        arrays.push(LogArray { name, width, labels: Vec::new() });
        data.push(values);
    }
    let rows = rows.map_or(0, |(_, rows)| rows);
    let episodes = vec![LogEpisode { name: "episode 0".to_owned(), rows, data }];
    Ok(Found { layout: "npz", arrays, episodes, notes, sha256: sha256(path)? })
}
