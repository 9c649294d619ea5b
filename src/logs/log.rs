//! The numbers of a log, by name.

use std::path::Path;

use super::{LogError, read};
use crate::bounded;

/// An array of a log: every row has so many entries, which may have names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogArray {
    /// Its name.
    pub name: String,
    /// Entries of a row.
    pub width: usize,
    /// Names of the entries, where the log has them; else empty.
    pub labels: Vec<String>,
}

impl LogArray {
    /// What a map calls its entries: `state[2]`, `state[elbow.pos]`, or the name alone where there is one.
    pub fn columns(&self) -> Vec<String> {
        if self.width == 1 {
            return vec![self.name.clone()];
        }
        let label = |i: usize| self.labels.get(i).cloned().unwrap_or_else(|| i.to_string());
        (0..self.width).map(|i| format!("{}[{}]", self.name, label(i))).collect()
    }
}

/// The rows of an episode.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEpisode {
    /// Which one it is, for messages.
    pub name: String,
    /// Number of rows.
    pub rows: usize,
    /// By array of [`Log::arrays`]: its numbers, row by row (rows x width).
    pub data: Vec<Vec<f64>>,
}

impl LogEpisode {
    /// The episode of these rows alone.
    pub(super) fn part(&self, rows: std::ops::Range<usize>, name: String) -> Self {
        let of = |values: &Vec<f64>| {
            let width = values.len() / self.rows.max(1);
            values[rows.start * width..rows.end * width].to_vec()
        };
        Self { name, rows: rows.len(), data: self.data.iter().map(of).collect() }
    }
}

/// A log, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// Its path.
    pub file: String,
    /// How it is stored.
    pub layout: &'static str,
    /// SHA-256 of what was read, hexadecimal.
    pub sha256: String,
    /// Its arrays.
    pub arrays: Vec<LogArray>,
    /// Its episodes.
    pub episodes: Vec<LogEpisode>,
    /// What a reader should know of it.
    pub notes: Vec<String>,
}

/// A column: array and entry.
pub(super) type Column = (usize, usize);

impl Log {
    /// Reads the arrays of a log that `wanted` says are needed, by their names. A `wanted` that takes the empty name takes
    /// everything, and gets what fits together.
    ///
    /// # Errors
    /// [`LogError`] for what is no log, damaged, or does not fit together.
    pub fn open(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Self, LogError> {
        read::open(path, wanted)
    }

    /// That numbers of episodes are left out, or do not begin at 0: those of the recording are counted from 0.
    pub(super) fn left_out(&self) -> Option<String> {
        let number = |e: &LogEpisode| {
            let digits = e.name.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            digits.parse::<u64>().ok()
        };
        let numbers: Vec<u64> = self.episodes.iter().map(number).collect::<Option<_>>()?;
        if numbers.iter().enumerate().all(|(i, n)| *n == i as u64) {
            return None;
        }
        let runs: Vec<String> = numbers
            .chunk_by(|a, b| a.checked_add(1) == Some(*b))
            .map(|run| match run {
                [one] => one.to_string(),
                several => format!("{} to {}", several[0], several[several.len() - 1]),
            })
            .collect();
        Some(format!(
            "the episodes that the log has are {}; in the recording they are counted from 0, in that order",
            bounded::sentence(&runs.join(", "))
        ))
    }

    /// The column of that name.
    ///
    /// # Errors
    /// [`LogError`], with the columns that there are, and the nearest one.
    pub(super) fn column(&self, name: &str, field: &str, map: &str) -> Result<Column, LogError> {
        let whole = self.arrays.iter().position(|a| a.name == name);
        if let Some(array) = whole {
            if self.arrays[array].width == 1 {
                return Ok((array, 0));
            }
            let example = self.arrays[array].columns().into_iter().next().unwrap_or_default();
            let problem = format!("\"{name}\" has {} entries a row", self.arrays[array].width);
            return Err(LogError::new(map, field, problem, format!("name one of them, such as \"{example}\"")));
        }
        let entry = name.strip_suffix(']').and_then(|n| n.split_once('['));
        let found = entry.and_then(|(array, entry)| {
            let array = self.arrays.iter().position(|a| a.name == array)?;
            let label = self.arrays[array].labels.iter().position(|l| l == entry);
            let number = || entry.parse().ok().filter(|i| *i < self.arrays[array].width);
            Some((array, label.or_else(number)?))
        });
        found.ok_or_else(|| {
            // Only what the map names was read.
            let whole = Self::open(Path::new(&self.file), &|_| true).ok();
            let arrays = whole.as_ref().map_or(&self.arrays, |log| &log.arrays);
            let all: Vec<String> = arrays.iter().flat_map(LogArray::columns).collect();
            let fix = match bounded::closest(name, all.iter().map(String::as_str)) {
                Some((_, column)) => format!("name a column of the log, such as \"{column}\""),
                None => "name a column of the log".to_owned(),
            };
            LogError::new(map, field, format!("{} has no column \"{name}\"", self.file), fix)
        })
    }

    /// What a map calls a column.
    pub(super) fn name(&self, column: Column) -> String {
        self.arrays[column.0].columns().swap_remove(column.1)
    }

    /// The numbers of a column in an episode, all of them finite.
    ///
    /// # Errors
    /// [`LogError`] with episode, row and column of the first one that is not.
    pub(super) fn values(&self, episode: usize, column: Column) -> Result<Vec<f64>, LogError> {
        let (width, of) = (self.arrays[column.0].width, &self.episodes[episode]);
        let values: Vec<f64> = of.data[column.0].iter().skip(column.1).step_by(width).copied().collect();
        match values.iter().position(|x| !x.is_finite()) {
            None => Ok(values),
            Some(row) => Err(LogError::new(
                &self.file,
                format!("column {}", self.name(column)),
                format!("holds {} in {}, row {row}", values[row], of.name),
                "mend the row, or cut the log there",
            )),
        }
    }
}
