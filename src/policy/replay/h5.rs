//! Trajectories in HDF5. Arrays are read row by row range, so that memory stays flat.

use std::ops::Range;
use std::path::Path;

use hdf5::plist::file_access::FileCloseDegree;
use hdf5::types::{FloatSize, TypeDescriptor};
use hdf5::{Dataset, Group, LocationType};

use super::layout::{Column, Field, Found, Table, Want, shape_text, table};
use super::{ReplayError, Span, layout};
use crate::capacity;
use crate::watch::watched;

/// Groups beside the arrays that may hold them, as in Minari's files.
const NESTED: [&str; 2] = ["observations", "infos"];

/// An open HDF5 file.
#[derive(Debug)]
pub(super) struct H5 {
    file: hdf5::File,
    name: String,
    /// Bytes of the file.
    length: u64,
}

impl H5 {
    /// Opens and checks a file; returns its tables and the episodes in them.
    pub(super) fn open(path: &Path, name: &str, want: &Want<'_>) -> Result<(Self, Vec<Table>, Vec<Span>), ReplayError> {
        watched(path, || Self::check(path, name, want))
    }

    fn check(path: &Path, name: &str, want: &Want<'_>) -> Result<(Self, Vec<Table>, Vec<Span>), ReplayError> {
        // hdf5 turns the library's own printing off on each thread before it calls it.
        // As the dataset room opens files: `verify` has the same one open there, and HDF5 refuses to open a
        // file twice with different settings.
        let file = hdf5::File::with_options()
            .with_fapl(|p| p.fclose_degree(FileCloseDegree::Strong).file_locking(false))
            .open(path)
            .map_err(|e| damaged(name, "the file", &e))?;
        let length = std::fs::metadata(path).map_or(0, |m| m.len());
        let this = Self { file, name: name.to_owned(), length };
        let mut rooted = false;
        for field in [Field::Ctrl, Field::Qpos] {
            rooted |= this.locate(&this.file, "", field, want)?.is_some();
        }
        let mut groups = this.episode_groups("", "episode_")?;
        if groups.is_empty() && this.is_group(&this.file, "", "data")? {
            groups = this.episode_groups("data/", "demo_")?;
        }
        let (tables, spans) =
            if rooted || groups.is_empty() { this.rooted(want)? } else { this.grouped(&groups, want)? };
        Ok((this, tables, spans))
    }

    fn rooted(&self, want: &Want<'_>) -> Result<(Vec<Table>, Vec<Span>), ReplayError> {
        let table = self.table(&self.file, "", want)?;
        let episodes = match self.offsets()? {
            Some(offsets) => {
                layout::check_agree(&self.name, table.rows, &offsets, &self.ends(table.rows)?)?;
                layout::episodes(&self.name, &table, &offsets)?
            }
            None => match self.ends(table.rows)? {
                ends if ends.is_empty() => vec![(0, table.rows)],
                ends => layout::episodes(&self.name, &table, &layout::cut(table.rows, &ends))?,
            },
        };
        let spans = episodes.into_iter().map(|(start, steps)| Span { table: 0, start, steps }).collect();
        Ok((vec![table], spans))
    }

    fn grouped(&self, groups: &[String], want: &Want<'_>) -> Result<(Vec<Table>, Vec<Span>), ReplayError> {
        let mut tables = Vec::with_capacity(groups.len());
        for name in groups {
            let group = self.file.group(name).map_err(|e| damaged(&self.name, name, &e))?;
            tables.push(self.table(&group, &format!("{name}/"), want)?);
        }
        let spans = tables.iter().enumerate().map(|(table, t)| Span { table, start: 0, steps: t.rows }).collect();
        Ok((tables, spans))
    }

    /// The groups with this name and a number behind it in `folder` (of the root, or with `/` at its end), by number.
    fn episode_groups(&self, folder: &str, name: &str) -> Result<Vec<String>, ReplayError> {
        let within = match folder.strip_suffix('/') {
            Some(folder) => &self.group(folder)?,
            None => &*self.file,
        };
        let mut groups: Vec<(u64, String)> = Vec::new();
        for n in self.members(within, folder)? {
            let Some(number) = n.strip_prefix(name).and_then(|number| number.parse().ok()) else { continue };
            if self.is_group(within, folder, &n)? {
                groups.push((number, format!("{folder}{n}")));
            }
        }
        groups.sort();
        Ok(groups.into_iter().map(|(_, n)| n).collect())
    }

    fn group(&self, path: &str) -> Result<Group, ReplayError> {
        self.file.group(path).map_err(|e| damaged(&self.name, &format!("group {path}"), &e))
    }

    /// What is in a group; `prefix` is put before its names in messages.
    fn members(&self, group: &Group, prefix: &str) -> Result<Vec<String>, ReplayError> {
        let what = if prefix.is_empty() { "the list of arrays".to_owned() } else { format!("the list of {prefix}") };
        group.member_names().map_err(|e| damaged(&self.name, &what, &e))
    }

    /// Whether a group has a group of that name; what is there and cannot be read is not absent.
    fn is_group(&self, group: &Group, prefix: &str, name: &str) -> Result<bool, ReplayError> {
        if !self.members(group, prefix)?.iter().any(|there| there == name) {
            return Ok(false);
        }
        let kind = group.loc_type_by_name(name).map_err(|e| damaged(&self.name, &format!("{prefix}{name}"), &e))?;
        Ok(kind == LocationType::Group)
    }

    /// The name of an array relative to a group that holds it, itself or in a nested group.
    fn locate(
        &self,
        group: &Group,
        prefix: &str,
        field: Field,
        want: &Want<'_>,
    ) -> Result<Option<String>, ReplayError> {
        let names = field.names(want);
        let there = self.members(group, prefix)?;
        if let Some(name) = names.iter().find(|name| there.iter().any(|n| n == *name)) {
            return Ok(Some((*name).to_owned()));
        }
        for folder in NESTED {
            if !self.is_group(group, prefix, folder)? {
                continue;
            }
            let nested = self.group(&format!("{prefix}{folder}"))?;
            let there = self.members(&nested, &format!("{prefix}{folder}/"))?;
            if let Some(name) = names.iter().find(|name| there.iter().any(|n| n == *name)) {
                return Ok(Some(format!("{folder}/{name}")));
            }
        }
        Ok(None)
    }

    fn table(&self, group: &Group, prefix: &str, want: &Want<'_>) -> Result<Table, ReplayError> {
        let found = |name: &str, whole: bool| {
            let path = format!("{prefix}{name}");
            let array = self.dataset(&path)?;
            let wrong_type = match array.dtype().and_then(|t| t.to_descriptor()) {
                Ok(TypeDescriptor::Float(FloatSize::U4 | FloatSize::U8)) => None,
                Ok(TypeDescriptor::Integer(_)) if whole => None,
                Ok(other) => Some(other.to_string()),
                Err(e) => Some(format!("an unknown type ({e})")),
            };
            Ok(Found { path, shape: array.shape(), wrong_type })
        };
        let flattened =
            self.members(group, prefix)?.iter().any(|n| n == "states") && !self.is_group(group, prefix, "states")?;
        if flattened && self.locate(group, prefix, Field::Qpos, want)?.is_none() {
            return layout::flattened(&self.name, found("states", false)?, want);
        }
        let find =
            |field| self.locate(group, prefix, field, want)?.map(|name| found(&name, field.is_whole())).transpose();
        let list = || {
            let mut names = group.member_names().unwrap_or_default();
            for folder in NESTED {
                if let Ok(g) = group.group(folder) {
                    names.extend(g.member_names().unwrap_or_default().iter().map(|n| format!("{folder}/{n}")));
                }
            }
            names.sort();
            names
        };
        table(&self.name, prefix, want, find, list)
    }

    fn offsets(&self) -> Result<Option<Vec<i64>>, ReplayError> {
        let name = "episode_offsets";
        if !self.members(&self.file, "")?.iter().any(|there| there == name) {
            return Ok(None);
        }
        let array = self.dataset(name)?;
        match array.dtype().and_then(|t| t.to_descriptor()) {
            Ok(TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_)) => {}
            other => {
                return Err(ReplayError::DType {
                    file: self.name.clone(),
                    array: name.to_owned(),
                    found: other.map_or_else(|e| format!("an unknown type ({e})"), |t| t.to_string()),
                    expected: "integers",
                });
            }
        }
        if array.ndim() != 1 {
            return Err(ReplayError::Shape {
                file: self.name.clone(),
                array: name.to_owned(),
                found: shape_text(&array.shape()),
                expected: "(episodes + 1,)".to_owned(),
                fix: "store a flat list of row numbers".to_owned(),
            });
        }
        array.read_raw::<i64>().map(Some).map_err(|e| damaged(&self.name, name, &e))
    }

    /// Of every row whether an episode ends with it, by each array that says so.
    fn ends(&self, rows: usize) -> Result<Vec<Vec<bool>>, ReplayError> {
        let all = self.members(&self.file, "")?;
        let there = layout::ENDS.into_iter().filter(|name| all.iter().any(|n| n == name));
        let read = |name: &str| {
            let array = self.dataset(name)?;
            layout::check_ends(&self.name, name, &array.shape(), rows)?;
            let failed = |e: hdf5::Error| damaged(&self.name, &format!("array {name}"), &e);
            match array.dtype().and_then(|t| t.to_descriptor()) {
                Ok(TypeDescriptor::Boolean) => array.read_raw::<bool>().map_err(failed),
                Ok(TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_) | TypeDescriptor::Float(_)) => {
                    layout::ends_of(&self.name, name, array.read_raw::<f64>().map_err(failed)?)
                }
                other => Err(ReplayError::DType {
                    file: self.name.clone(),
                    array: name.to_owned(),
                    found: other.map_or_else(|e| format!("an unknown type ({e})"), |t| t.to_string()),
                    expected: "booleans or numbers",
                }),
            }
        };
        there.map(read).collect()
    }

    /// An array that the bytes of the file can hold.
    fn dataset(&self, path: &str) -> Result<Dataset, ReplayError> {
        let array = self.file.dataset(path).map_err(|e| damaged(&self.name, &format!("array {path}"), &e))?;
        let size = capacity::check(&array, self.length);
        size.map_err(|message| ReplayError::Size { file: self.name.clone(), array: path.to_owned(), message })?;
        Ok(array)
    }

    /// Rows of an array, row-major.
    pub(super) fn read(&self, column: &Column, rows: Range<usize>) -> Result<Vec<f64>, ReplayError> {
        if rows.is_empty() || column.width == 0 {
            return Ok(Vec::new());
        }
        let array = self.dataset(&column.path)?;
        let failed = |e: hdf5::Error| damaged(&self.name, &format!("array {}", column.path), &e);
        match column.shape[..] {
            [_] => Ok(array.read_slice_1d::<f64, _>((rows,)).map_err(failed)?.iter().copied().collect()),
            [_, _] => {
                let columns = column.from..column.from + column.width;
                Ok(array.read_slice_2d::<f64, _>((rows, columns)).map_err(failed)?.iter().copied().collect())
            }
            _ => {
                // One mocap body at a time, as the crate's flat readers end at two dimensions.
                let (bodies, each) = (column.shape[1], column.shape[2]);
                let mut out = vec![0.0; rows.len() * column.width];
                for body in 0..bodies {
                    let part = array.read_slice_2d::<f64, _>((rows.clone(), body, ..)).map_err(failed)?;
                    for (k, value) in part.iter().enumerate() {
                        out[(k / each) * column.width + body * each + k % each] = *value;
                    }
                }
                Ok(out)
            }
        }
    }
}

fn damaged(file: &str, what: &str, error: &hdf5::Error) -> ReplayError {
    let message = error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(", ");
    ReplayError::Damaged { file: file.to_owned(), what: what.to_owned(), message }
}
