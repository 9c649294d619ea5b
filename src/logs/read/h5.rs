//! HDF5 as Minari (`episode_<n>` groups), robomimic (`data/demo_<n>`) and D4RL (arrays at the root, cut by `terminals` and
//! `timeouts`) write it. An array is a data set of numbers whose first axis is time, named by its path within the episode.

use std::path::Path;

use hdf5::plist::file_access::FileCloseDegree;
use hdf5::types::TypeDescriptor;
use hdf5::{Dataset, Group, LinkType, LocationType};

use super::{Found, LogArray, LogEpisode, LogError, check_size, sha256};
use crate::watch::watched;
use crate::{bounded, capacity};

/// Groups within groups, at most.
const DEEPEST: usize = 8;

/// Where a row says that an episode ends with it.
const ENDS: [&str; 5] = ["terminals", "timeouts", "terminations", "truncations", "dones"];

/// An array of an episode: its entries a row, and its numbers row by row.
struct Numbers {
    name: String,
    rows: usize,
    width: usize,
    values: Vec<f64>,
}

struct File<'a> {
    file: hdf5::File,
    name: String,
    length: u64,
    wanted: &'a dyn Fn(&str) -> bool,
    numbers: usize,
}

/// Reads it.
pub(super) fn read(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Found, LogError> {
    watched(path, || {
        let name = path.display().to_string();
        // As all files are opened here: HDF5 refuses to open one twice in two ways.
        let file = hdf5::File::with_options()
            .with_fapl(|p| p.fclose_degree(FileCloseDegree::Strong).file_locking(false))
            .open(path)
            .map_err(|e| damaged(&name, "file", &e))?;
        let length = std::fs::metadata(path).map_or(0, |m| m.len());
        let mut file = File { file, name, length, wanted, numbers: 0 };
        let (layout, arrays, episodes, notes) = file.episodes()?;
        Ok(Found { layout, arrays, episodes, notes, sha256: sha256(path)? })
    })
}

type Read = (&'static str, Vec<LogArray>, Vec<LogEpisode>, Vec<String>);
type Aligned = (Vec<LogArray>, Vec<LogEpisode>, Vec<String>);

impl File<'_> {
    fn episodes(&mut self) -> Result<Read, LogError> {
        let root = self.group("")?;
        for (layout, folder, prefix) in [("Minari HDF5", "", "episode_"), ("robomimic HDF5", "data/", "demo_")] {
            let groups = self.numbered(folder, prefix)?;
            if groups.is_empty() {
                continue;
            }
            let mut found = Vec::with_capacity(groups.len());
            for name in groups {
                let group = self.group(&name)?;
                let mut arrays = Vec::new();
                self.gather(&group, &name, "", 0, &mut arrays)?;
                found.push((name, arrays));
            }
            let (arrays, episodes, notes) = self.aligned(found)?;
            return Ok((layout, arrays, episodes, notes));
        }
        let mut arrays = Vec::new();
        self.gather(&root, "", "", 0, &mut arrays)?;
        let ends = self.ends(&root, arrays.first().map_or(0, |a: &Numbers| a.rows))?;
        let (arrays, episodes, notes) = self.aligned(vec![("episode 0".to_owned(), arrays)])?;
        Ok(("HDF5", arrays, cut(episodes, &ends), notes))
    }

    fn group(&self, path: &str) -> Result<Group, LogError> {
        let group = if path.is_empty() { self.file.group("/") } else { self.file.group(path) };
        group.map_err(|e| damaged(&self.name, &format!("group {path}"), &e))
    }

    /// The groups of that name and a number behind it, by number.
    fn numbered(&self, folder: &str, prefix: &str) -> Result<Vec<String>, LogError> {
        let root = self.group("")?;
        let within = match folder.strip_suffix('/') {
            Some(name) if self.kind(&root, "", name)? != Some(LocationType::Group) => return Ok(Vec::new()),
            Some(name) => self.group(name)?,
            None => root,
        };
        let mut groups: Vec<(u64, String)> = Vec::new();
        for name in self.members(&within, folder)? {
            let Some(number) = name.strip_prefix(prefix).and_then(|n| n.parse().ok()) else { continue };
            if self.kind(&within, folder, &name)? == Some(LocationType::Group) {
                groups.push((number, format!("{folder}{name}")));
            }
        }
        groups.sort();
        Ok(groups.into_iter().map(|(_, name)| name).collect())
    }

    fn members(&self, group: &Group, path: &str) -> Result<Vec<String>, LogError> {
        let (mut names, mut outside) = (Vec::new(), None);
        let visited = group.iter_visit_default(|name, info| {
            names.push(name.to_owned());
            if info.link_type == LinkType::External {
                outside.get_or_insert_with(|| name.to_owned());
            }
            Ok(())
        });
        visited.map_err(|e| damaged(&self.name, &format!("the list of /{path}"), &e))?;
        if let Some(name) = outside {
            let fix = "store the numbers in the file itself";
            let field = format!("{}/{}", path.trim_end_matches('/'), bounded::word(&name));
            return Err(LogError::new(&self.name, field, "is a link to another file", fix));
        }
        names.sort();
        Ok(names)
    }

    fn kind(&self, group: &Group, path: &str, name: &str) -> Result<Option<LocationType>, LogError> {
        if !self.members(group, path)?.iter().any(|there| there == name) {
            return Ok(None);
        }
        group.loc_type_by_name(name).map(Some).map_err(|e| damaged(&self.name, &format!("{path}{name}"), &e))
    }

    /// Reads the arrays of a group that are wanted, and of the groups in it. `at` is its path, `prefix` that within the episode.
    fn gather(
        &mut self,
        group: &Group,
        at: &str,
        prefix: &str,
        depth: usize,
        to: &mut Vec<Numbers>,
    ) -> Result<(), LogError> {
        for member in self.members(group, at)? {
            let name = format!("{prefix}{member}");
            let path = if prefix.is_empty() && at.is_empty() {
                member.clone()
            } else {
                format!("{}/{member}", at.trim_end_matches('/'))
            };
            match self.kind(group, at, &member)? {
                Some(LocationType::Group) if depth < DEEPEST => {
                    let inner = group.group(&member).map_err(|e| damaged(&self.name, &path, &e))?;
                    self.gather(&inner, &path, &format!("{name}/"), depth + 1, to)?;
                }
                Some(LocationType::Dataset) if (self.wanted)(&name) => {
                    let dataset = group.dataset(&member).map_err(|e| damaged(&self.name, &path, &e))?;
                    to.extend(self.array(&dataset, name, &path)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The numbers of a data set; None for what a log has no use for.
    fn array(&mut self, dataset: &Dataset, name: String, path: &str) -> Result<Option<Numbers>, LogError> {
        let field = format!("array {}", bounded::word(path));
        let failed = |e: hdf5::Error| damaged(&self.name, &field, &e);
        let kind = dataset.dtype().and_then(|t| t.to_descriptor());
        let boolean = matches!(kind, Ok(TypeDescriptor::Boolean));
        if !boolean
            && !matches!(kind, Ok(TypeDescriptor::Float(_) | TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_)))
        {
            return Ok(None);
        }
        let shape = dataset.get_shape().map_err(failed)?;
        let (rows, width) = match shape[..] {
            [rows] => (rows, 1),
            [rows, width] if width > 0 => (rows, width),
            _ => return Ok(None),
        };
        capacity::check(dataset, self.length)
            .map_err(|problem| LogError::new(&self.name, &field, problem, "write the file again"))?;
        let numbers = self.numbers.saturating_add(rows.saturating_mul(width));
        check_size(&self.name, &field, numbers)?;
        if let Some(filter) = dataset.filters().iter().find(|f| !f.is_available()) {
            let name = match filter.id() {
                32_000 => "lzf".to_owned(),
                32_001 => "blosc".to_owned(),
                32_004 => "lz4".to_owned(),
                32_015 => "zstd".to_owned(),
                id => format!("the filter {id} of HDF5"),
            };
            let fix = "write it again with gzip, or without compression";
            return Err(LogError::new(
                &self.name,
                &field,
                format!("is compressed by {name}, which is not read here"),
                fix,
            ));
        }
        let values = if boolean {
            dataset.read_raw::<bool>().map(|all| all.into_iter().map(|x| f64::from(u8::from(x))).collect())
        } else {
            dataset.read_raw::<f64>()
        };
        let values = values.map_err(failed)?;
        self.numbers = numbers;
        Ok(Some(Numbers { name, rows, width, values }))
    }

    /// The rows that an episode ends with.
    fn ends(&mut self, root: &Group, rows: usize) -> Result<Vec<usize>, LogError> {
        let mut ends = Vec::new();
        for name in ENDS {
            if self.kind(root, "", name)? != Some(LocationType::Dataset) {
                continue;
            }
            let dataset = root.dataset(name).map_err(|e| damaged(&self.name, name, &e))?;
            let Some(array) = self.array(&dataset, name.to_owned(), name)? else { continue };
            if array.width != 1 || array.rows != rows {
                let problem =
                    format!("has {} x {} entries, the other arrays have {rows} rows", array.rows, array.width);
                let fix = "store a 1 where an episode ends, else 0";
                return Err(LogError::new(&self.name, format!("array {name}"), problem, fix));
            }
            ends.extend(array.values.iter().enumerate().filter(|(_, x)| **x != 0.0).map(|(row, _)| row));
        }
        ends.sort_unstable();
        ends.dedup();
        Ok(ends)
    }

    /// Arrays that all episodes have, with as many rows; a state more than there are actions, at the end, is left out.
    fn aligned(&self, mut found: Vec<(String, Vec<Numbers>)>) -> Result<Aligned, LogError> {
        let mut arrays: Vec<LogArray> = Vec::new();
        let mut notes = Vec::new();
        // Who takes everything takes what has a row for each sample: as many as most arrays.
        if (self.wanted)("") {
            for (_, all) in &mut found {
                let votes = |rows: usize| all.iter().filter(|a| a.rows == rows).count();
                let rows = all.iter().map(|a| a.rows).max_by_key(|rows| votes(*rows)).unwrap_or(0);
                all.retain(|a| a.rows == rows || a.rows == rows + 1);
            }
        }
        if let Some((_, first)) = found.first() {
            for array in first {
                let lacking =
                    found.iter().find(|(_, all)| !all.iter().any(|a| a.name == array.name && a.width == array.width));
                if let Some((episode, all)) = lacking.filter(|_| !(self.wanted)("")) {
                    let problem = match all.iter().find(|a| a.name == array.name) {
                        Some(other) => format!("has {} entries a row, {} in {}", other.width, array.width, found[0].0),
                        None => format!("is missing, and {} has it", found[0].0),
                    };
                    let fix = "write the episode again, or take it out of the log";
                    return Err(LogError::new(&self.name, format!("array {episode}/{}", array.name), problem, fix));
                }
                if lacking.is_none() {
                    arrays.push(LogArray { name: array.name.clone(), width: array.width, labels: Vec::new() });
                } else {
                    notes.push(format!("array {} is not in every episode and is left out", array.name));
                }
            }
        }
        let mut episodes = Vec::with_capacity(found.len());
        for (name, all) in found {
            let mut data = Vec::with_capacity(arrays.len());
            let kept: Vec<Numbers> = all.into_iter().filter(|a| arrays.iter().any(|b| b.name == a.name)).collect();
            let rows = kept.iter().map(|a| a.rows).min().unwrap_or(0);
            for mut array in kept {
                if array.rows > rows + 1 {
                    let problem = format!("has {} rows, others have {rows}", array.rows);
                    let fix = "store a row of each for every sample (one state more, at the end, is left out)";
                    return Err(LogError::new(&self.name, format!("array {name}/{}", array.name), problem, fix));
                }
                array.values.truncate(rows * array.width);
                data.push(array.values);
            }
            episodes.push(LogEpisode { name, rows, data });
        }
        // Arrays of an episode come sorted by their paths, as those of the first one do.
        Ok((arrays, episodes, notes))
    }
}

/// The one episode, cut behind these rows.
fn cut(episodes: Vec<LogEpisode>, ends: &[usize]) -> Vec<LogEpisode> {
    if ends.is_empty() {
        return episodes;
    }
    let mut out = Vec::new();
    for whole in episodes {
        let mut start = 0;
        for end in ends.iter().map(|row| row + 1).chain([whole.rows]) {
            if end <= start || end > whole.rows {
                continue;
            }
            out.push(whole.part(start..end, format!("episode {}", out.len())));
            start = end;
        }
    }
    out
}

fn damaged(file: &str, field: &str, error: &hdf5::Error) -> LogError {
    let fix = "the file may be cut short or damaged; write it again";
    LogError::new(file, field, bounded::sentence(&error.to_string()), fix)
}
