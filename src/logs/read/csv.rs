//! Text with a column for each quantity; the first line names them.

use std::path::Path;

use super::{Found, LogArray, LogEpisode, LogError, check_size, sha256};
use crate::bounded;

/// Reads it as one episode; a map may cut it.
pub(super) fn read(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Found, LogError> {
    let file = path.display().to_string();
    let broken = |e: csv::Error| {
        LogError::new(
            &file,
            "CSV",
            bounded::sentence(&e.to_string()),
            "write a header and rows of numbers, with commas",
        )
    };
    let opened = bounded::open(path).map_err(|e| LogError::new(&file, "CSV", e, "check the file"))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(opened);
    let header = reader.headers().map_err(broken)?.clone();
    if let Some(number) = header.iter().find(|name| name.parse::<f64>().is_ok()) {
        let fix = "put a first line with the names of the columns";
        return Err(LogError::new(
            &file,
            "CSV",
            format!("its first line holds the number {}", bounded::word(number)),
            fix,
        ));
    }
    let chosen: Vec<usize> = (0..header.len()).filter(|i| wanted(&header[*i])).collect();
    if let Some(twice) = chosen.iter().find(|i| header.iter().take(**i).any(|name| *name == header[**i])) {
        let name = bounded::word(&header[*twice]);
        return Err(LogError::new(
            &file,
            format!("column {name}"),
            "is there twice",
            "give each column a name of its own",
        ));
    }
    let mut data = vec![Vec::new(); chosen.len()];
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(broken)?;
        check_size(&file, "CSV", (row + 1).saturating_mul(chosen.len()))?;
        for (values, column) in data.iter_mut().zip(&chosen) {
            let text = &record[*column];
            // An empty cell is a number that is missing; whoever needs the column says so.
            let value = if text.is_empty() { Some(f64::NAN) } else { text.parse().ok() };
            values.push(value.ok_or_else(|| {
                let problem = format!("holds \"{}\" in line {}", bounded::word(text), row + 2);
                LogError::new(
                    &file,
                    format!("column {}", bounded::word(&header[*column])),
                    problem,
                    "write a number there",
                )
            })?);
        }
    }
    let rows = data.first().map_or(0, Vec::len);
    let arrays =
        chosen.iter().map(|i| LogArray { name: header[*i].to_owned(), width: 1, labels: Vec::new() }).collect();
    let episodes = vec![LogEpisode { name: "episode 0".to_owned(), rows, data }];
    Ok(Found { layout: "CSV", arrays, episodes, notes: Vec::new(), sha256: sha256(path)? })
}
