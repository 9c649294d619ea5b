//! Data sets of LeRobot: a folder with `meta/info.json` and Parquet files, one for each episode (v2.1) or with many (v3.0).

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Found, LogArray, LogEpisode, LogError};
use crate::bounded;
use crate::seal::sha256_hex;

/// Files of a data set, at most.
const MOST_FILES: usize = 100_000;

/// Reads it.
pub(super) fn read(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Found, LogError> {
    let info_path = path.join("meta/info.json");
    let info = json(&info_path)?;
    let layout = match info["codebase_version"].as_str() {
        Some(version) if version.starts_with("v2") => "LeRobot v2",
        Some(version) if version.starts_with("v3") => "LeRobot v3",
        other => {
            let problem = format!("is {}", other.map_or("missing".to_owned(), |v| format!("\"{}\"", bounded::word(v))));
            let fix = "give a data set of v2.0, v2.1 or v3.0";
            return Err(LogError::new(info_path.display(), "codebase_version", problem, fix));
        }
    };
    let prefix = if layout == "LeRobot v2" { "episode_" } else { "file-" };
    let files = files(&path.join("data"), prefix)?;
    if files.is_empty() {
        let fix = "fetch the data set's Parquet files too";
        let problem = format!("has no {prefix}*.parquet in data/chunk-*");
        return Err(LogError::new(path.display(), "data", problem, fix));
    }
    let mut sum = format!("meta/info.json {}\n", super::sha256(&info_path)?);
    let (mut arrays, mut episodes): (Vec<LogArray>, Vec<LogEpisode>) = (Vec::new(), Vec::new());
    let mut numbers = 0_usize;
    for file in &files {
        let found = episodes_of(file, wanted, &info)?;
        if arrays.is_empty() {
            arrays = found.0;
        } else if arrays != found.0 {
            let fix = "store the same features in every file";
            return Err(LogError::new(file.display(), "columns", "are not those of the first file", fix));
        }
        for episode in found.1 {
            numbers = numbers.saturating_add(episode.data.iter().map(Vec::len).sum());
            super::check_size(&path.display().to_string(), "data", numbers)?;
            match episodes.last_mut() {
                // An episode may go on in the next file.
                Some(last) if last.name == episode.name => {
                    last.rows += episode.rows;
                    last.data.iter_mut().zip(episode.data).for_each(|(to, more)| to.extend(more));
                }
                _ => episodes.push(episode),
            }
        }
        let name = file.strip_prefix(path).unwrap_or(file).display().to_string();
        sum.push_str(&format!("{name} {}\n", super::sha256(file)?));
    }
    let lengths = if layout == "LeRobot v2" { lengths_v2(path)? } else { lengths_v3(path)? };
    let notes = check_lengths(path, &episodes, &lengths)?;
    Ok(Found { layout, arrays, episodes, notes, sha256: sha256_hex(sum.as_bytes()) })
}

fn json(path: &Path) -> Result<Value, LogError> {
    let shown = path.display().to_string();
    let text = bounded::read_text(path).map_err(|e| {
        LogError::new(&shown, "file", e, "give the folder of a LeRobot data set, which holds meta/info.json and data/")
    })?;
    serde_json::from_str(&text).map_err(|e| LogError::new(&shown, "JSON", e, "fetch the file again"))
}

/// The Parquet files of a folder of chunks, by name.
fn files(data: &Path, prefix: &str) -> Result<Vec<PathBuf>, LogError> {
    let list = |folder: &Path| -> Result<Vec<PathBuf>, LogError> {
        let failed = |e: std::io::Error| LogError::new(folder.display(), "folder", e, "fetch the data set again");
        let mut all = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)?.take(MOST_FILES) {
            all.push(entry.map_err(failed)?.path());
        }
        all.sort();
        Ok(all)
    };
    let named = |path: &Path, prefix: &str, suffix: &str| {
        path.file_name().is_some_and(|n| {
            let n = n.to_string_lossy();
            n.starts_with(prefix) && n.ends_with(suffix)
        })
    };
    let mut files = Vec::new();
    for chunk in list(data)?.into_iter().filter(|p| named(p, "chunk-", "") && p.is_dir()) {
        files.extend(list(&chunk)?.into_iter().filter(|p| named(p, prefix, ".parquet")));
    }
    Ok(files)
}

/// The arrays of a file, and its episodes.
fn episodes_of(
    file: &Path,
    wanted: &dyn Fn(&str) -> bool,
    info: &Value,
) -> Result<(Vec<LogArray>, Vec<LogEpisode>), LogError> {
    let index = "episode_index";
    let (rows, mut tables) = super::parquet::read(file, &|name| name == index || wanted(name))?;
    let shown = file.display().to_string();
    let Some(at) = tables.iter().position(|t| t.name == index && t.width == 1) else {
        let fix = "fetch the file again: LeRobot stores it in every row";
        return Err(LogError::new(&shown, "column episode_index", "is missing", fix));
    };
    let numbers = tables[at].values.clone();
    if !wanted(index) {
        tables.remove(at);
    }
    let arrays = tables
        .iter()
        .map(|t| LogArray { name: t.name.clone(), width: t.width, labels: labels(info, &t.name, t.width) })
        .collect();
    let whole = LogEpisode { name: String::new(), rows, data: tables.into_iter().map(|t| t.values).collect() };
    let mut episodes = Vec::new();
    let mut start = 0;
    for row in 1..=rows {
        if row == rows || numbers[row] != numbers[start] {
            episodes.push(whole.part(start..row, format!("episode {}", numbers[start])));
            start = row;
        }
    }
    Ok((arrays, episodes))
}

/// The names of a feature's entries: a list, a list in a list, or a list by the name of an axis.
fn labels(info: &Value, name: &str, width: usize) -> Vec<String> {
    let mut names = &info["features"][name]["names"];
    for _ in 0..2 {
        names = match names {
            Value::Array(inner) if inner.len() == 1 && inner[0].is_array() => &inner[0],
            Value::Object(axes) if axes.len() == 1 => axes.values().next().unwrap_or(names),
            _ => break,
        };
    }
    let found: Vec<String> =
        names.as_array().into_iter().flatten().filter_map(|n| n.as_str().map(bounded::sentence)).collect();
    if found.len() == width { found } else { Vec::new() }
}

/// What `meta/episodes.jsonl` says of every episode's rows.
fn lengths_v2(path: &Path) -> Result<Vec<(String, usize)>, LogError> {
    let file = path.join("meta/episodes.jsonl");
    let shown = file.display().to_string();
    let text = bounded::read_text(&file).map_err(|e| LogError::new(&shown, "file", e, "fetch the data set again"))?;
    let mut lengths = Vec::new();
    for (line, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let of: Value = serde_json::from_str(text).unwrap_or_default();
        let (Some(number), Some(length)) = (of["episode_index"].as_u64(), of["length"].as_u64()) else {
            let problem = "lacks episode_index or length";
            return Err(LogError::new(&shown, format!("line {}", line + 1), problem, "fetch the file again"));
        };
        lengths.push((format!("episode {number}"), length as usize));
    }
    Ok(lengths)
}

/// What `meta/episodes/` says of every episode's rows.
fn lengths_v3(path: &Path) -> Result<Vec<(String, usize)>, LogError> {
    let mut lengths = Vec::new();
    for file in files(&path.join("meta/episodes"), "file-")? {
        let (rows, tables) = super::parquet::read(&file, &|name| ["episode_index", "length"].contains(&name))?;
        let of = |name: &str| {
            let fix = "fetch the data set again";
            let table = tables.iter().find(|t| t.name == name && t.width == 1);
            table.ok_or_else(|| LogError::new(file.display(), format!("column {name}"), "is missing", fix))
        };
        let (numbers, counts) = (of("episode_index")?, of("length")?);
        lengths.extend((0..rows).map(|k| (format!("episode {}", numbers.values[k]), counts.values[k] as usize)));
    }
    Ok(lengths)
}

/// Compares the rows of episodes with what the data set says of them, and names those that are not here.
fn check_lengths(path: &Path, episodes: &[LogEpisode], said: &[(String, usize)]) -> Result<Vec<String>, LogError> {
    let shown = path.display().to_string();
    for episode in episodes {
        let problem = match said.iter().find(|(name, _)| *name == episode.name) {
            Some((_, rows)) if *rows == episode.rows => continue,
            Some((_, rows)) => format!("has {} rows, meta/episodes says {rows}", episode.rows),
            None => "is not in meta/episodes".to_owned(),
        };
        return Err(LogError::new(&shown, &episode.name, problem, "fetch the data set again, all of one version"));
    }
    if let Some(twice) = episodes.iter().enumerate().find(|(i, e)| episodes[..*i].iter().any(|b| b.name == e.name)) {
        return Err(LogError::new(&shown, &twice.1.name, "is there twice, apart", "sort the rows by episode_index"));
    }
    let missing = said.iter().filter(|(name, _)| !episodes.iter().any(|e| e.name == *name)).count();
    Ok(if missing == 0 { Vec::new() } else { vec![format!("{missing} of its {} episodes are not here", said.len())] })
}
