//! Reads files of labelled arrays, as [`ArrayWriter`](super::ArrayWriter) writes them. What is asked for is checked against what is
//! stored before any of it is read: types, axes and their entries, and the heap that texts lie in.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use hdf5::LinkType;

use super::outline::{self, links, open, open_file};
use super::schema::ElementType;
use super::{Attribute, DatasetError, attributes};
use crate::chunk::{Stored, room};
use crate::heap::{self, HeapError};
use crate::text;
use crate::watch::watched;

/// What a file of arrays is asked for.
#[derive(Debug, Clone, Copy)]
pub struct ArrayFormat {
    /// Its root attributes `format` and `format_version`.
    pub format: (&'static str, i64),
    /// What it is called in messages, and what makes one.
    pub what: &'static str,
    /// Axes, with the type of their entries.
    pub axes: &'static [(&'static str, ElementType)],
    /// Variables, with their types and axes.
    pub variables: &'static [(&'static str, ElementType, &'static [&'static str])],
}

/// Such a file, open.
#[derive(Debug)]
pub struct ArrayReader {
    path: PathBuf,
    attributes: Vec<(String, Attribute)>,
    sizes: BTreeMap<&'static str, usize>,
    labels: BTreeMap<&'static str, Vec<String>>,
    columns: BTreeMap<&'static str, (ElementType, Stored)>,
    bytes: File,
    _file: hdf5::File,
}

impl ArrayReader {
    /// Opens a file and checks what it is asked for.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when it cannot be read; [`DatasetError::Foreign`] when it is another file, or not sound.
    pub fn open(path: &Path, wanted: &ArrayFormat) -> Result<Self, DatasetError> {
        watched(path, || Self::check(path, wanted))
    }

    fn check(path: &Path, wanted: &ArrayFormat) -> Result<Self, DatasetError> {
        let foreign = |text: String| DatasetError::foreign(path, text);
        let (file, bytes, length) = open_file(path)?;
        let strange = || foreign(format!("is no {}", wanted.what));
        // Told by numbers and names: texts of another program's file may lie anywhere.
        match attributes::version_of(&file, "format_version").map_err(foreign)? {
            None => return Err(strange()),
            Some(version) if version == wanted.format.1 => {}
            Some(version) => {
                let text = format!("has format version {version}, this program reads version {}", wanted.format.1);
                return Err(foreign(format!("{text}: use the dynsparse that wrote it")));
            }
        }
        let names = links(&file).map_err(|e| foreign(format!("the list of its arrays {e}")))?;
        let mut columns = BTreeMap::new();
        let mut texts = Vec::new();
        let axes = wanted.axes.iter().map(|(name, kind)| (*name, *kind, 1));
        for (name, kind, n) in axes.chain(wanted.variables.iter().map(|(name, kind, axes)| (*name, *kind, axes.len())))
        {
            match names.iter().find(|(there, _)| there == name).map(|(_, link)| *link) {
                Some(LinkType::Hard) => {}
                None => {
                    return Err(foreign(format!("lacks the array {name}: the file is damaged, or no {}", wanted.what)));
                }
                Some(_) => {
                    return Err(foreign(format!("{name} is a link to somewhere else: the file is not to be trusted")));
                }
            }
            let outline::Column { dataset, stored, .. } =
                open(&file, name, kind, n, length).map_err(|e| foreign(format!("{name} {e}")))?;
            match stored {
                Some(stored) => drop(columns.insert(name, (kind, stored))),
                None => texts.push((name, dataset)),
            }
        }
        let data = columns.values().flat_map(|(_, stored)| stored.ranges()).collect();
        heap::check(&bytes, length, data).map_err(|e| match e {
            HeapError::Io(e) => DatasetError::io(path, e),
            HeapError::Damaged(_) => DatasetError::foreign(path, e),
        })?;
        let attributes = attributes::of_root(&file).map_err(foreign)?;
        let format = attributes.iter().find(|(name, _)| name == "format").map(|(_, value)| value);
        if format != Some(&Attribute::Text(wanted.format.0.to_owned())) {
            return Err(strange());
        }
        let mut labels = BTreeMap::new();
        for (name, dataset) in texts {
            labels.insert(name, attributes::texts(&dataset).map_err(|e| foreign(format!("{name} {e}")))?);
        }
        let sizes: BTreeMap<&str, usize> = labels.iter().map(|(name, all)| (*name, all.len())).collect();
        let scales = wanted.axes.iter().filter_map(|(name, _)| Some((*name, columns.get(name)?.1.rows())));
        let reader = Self {
            path: path.to_owned(),
            attributes,
            sizes: sizes.into_iter().chain(scales).collect(),
            labels,
            columns,
            bytes,
            _file: file,
        };
        reader.check_shapes(wanted)?;
        Ok(reader)
    }

    fn check_shapes(&self, wanted: &ArrayFormat) -> Result<(), DatasetError> {
        for (name, _, axes) in wanted.variables {
            let Some((_, stored)) = self.columns.get(name) else { continue };
            let expected: Vec<usize> = axes.iter().map(|axis| self.len(axis)).collect();
            if stored.shape() != expected {
                let text = format!("{name} has the shape {:?}, its axes say {expected:?}", stored.shape());
                return Err(self.foreign(&format!("{text}: the file is damaged")));
            }
        }
        Ok(())
    }

    /// An error of this file.
    pub fn foreign(&self, message: &str) -> DatasetError {
        DatasetError::foreign(&self.path, message)
    }

    /// Entries of an axis.
    pub fn len(&self, axis: &str) -> usize {
        self.sizes.get(axis).copied().unwrap_or(0)
    }

    /// Labels of an axis of texts, as they can be shown.
    pub fn labels(&self, axis: &str) -> Vec<String> {
        self.labels
            .get(axis)
            .map_or_else(Vec::new, |all| all.iter().map(|label| text::plain(label).into_owned()).collect())
    }

    /// A root attribute.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(there, _)| there == name).map(|(_, value)| value)
    }

    /// The little-endian bytes of a row of a variable (of a scale: of an entry).
    ///
    /// # Errors
    /// [`DatasetError::Foreign`] when it is not there, or damaged.
    pub fn row(&self, name: &str, row: usize) -> Result<Vec<u8>, DatasetError> {
        let column = self.columns.get(name).filter(|(_, stored)| row < stored.rows());
        let (_, stored) = column.ok_or_else(|| self.foreign(&format!("{name} has no row {row}")))?;
        let mut bytes = Vec::new();
        if !room(&mut bytes, stored.row_bytes()) {
            return Err(self.foreign(&format!("a row of {name} does not fit into memory")));
        }
        stored.read(&self.bytes, row..row + 1, &mut bytes).map_err(|e| self.foreign(&format!("{name} {e}")))?;
        Ok(bytes)
    }

    /// The numbers of a row, whatever their type.
    ///
    /// # Errors
    /// As [`ArrayReader::row`].
    pub fn numbers(&self, name: &str, row: usize) -> Result<Vec<f64>, DatasetError> {
        let bytes = self.row(name, row)?;
        let kind = self.columns.get(name).map_or(ElementType::U8, |(kind, _)| *kind);
        let (eight, four) = (bytes.as_chunks::<8>().0.iter(), bytes.as_chunks::<4>().0.iter());
        Ok(match kind {
            ElementType::F64 => eight.map(|x| f64::from_le_bytes(*x)).collect(),
            ElementType::F32 => four.map(|x| f64::from(f32::from_le_bytes(*x))).collect(),
            ElementType::I64 => eight.map(|x| i64::from_le_bytes(*x) as f64).collect(),
            ElementType::I32 => four.map(|x| f64::from(i32::from_le_bytes(*x))).collect(),
            ElementType::U32 => four.map(|x| f64::from(u32::from_le_bytes(*x))).collect(),
            ElementType::U8 | ElementType::Text => bytes.into_iter().map(f64::from).collect(),
        })
    }
}
