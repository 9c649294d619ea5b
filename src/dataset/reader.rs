//! Reads a recording.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, File, H5Type, Hyperslab, Selection, SliceOrIndex};

use super::row::EpisodeRow;
use super::schema::{self, Axis, Kind, Var};
use super::writer::{Attribute, ModelFile, ModelFiles};
use super::{DatasetError, h5};
use crate::text;

/// A recording that was opened and found whole in its outline.
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    datasets: BTreeMap<Var, Dataset>,
    file: File,
}

impl Recording {
    /// Opens a recording.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when it cannot be read or is truncated, [`DatasetError::Foreign`] when it is
    /// another program's file, a newer schema, or lacks a variable.
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        if !path.exists() {
            return Err(DatasetError::io(path, "no such file"));
        }
        let file = h5::open(path)?;
        let mut recording = Self { path: path.to_owned(), datasets: BTreeMap::new(), file };
        if recording.text_attribute("format").as_deref() != Some(schema::FORMAT) {
            return Err(recording.foreign("is an HDF5 file, but not a recording of dynsparse (its root has no attribute format = \"dynsparse-recording\")"));
        }
        let version = recording.int_attribute("schema_version").unwrap_or(0);
        if version != i64::from(schema::VERSION) {
            return Err(recording.foreign(&format!(
                "has schema version {version}, this program reads version {}: use the dynsparse that wrote it",
                schema::VERSION
            )));
        }
        for var in Var::ALL {
            if let Ok(dataset) = recording.file.dataset(var.spec().name) {
                if dataset.ndim() != var.spec().axes.len() {
                    return Err(recording.foreign(&format!(
                        "{} has {} dimensions instead of {}",
                        var.spec().name,
                        dataset.ndim(),
                        var.spec().axes.len()
                    )));
                }
                recording.datasets.insert(*var, dataset);
            }
        }
        let needed = [Var::Time, Var::A, Var::Qpos, Var::EpisodeOffsets, Var::EpisodeEnd, Var::Ncon];
        if let Some(var) = needed.iter().find(|v| !recording.has(**v)) {
            return Err(recording.foreign(&format!("lacks the variable {}", var.spec().name)));
        }
        Ok(recording)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An error about this file.
    pub fn foreign(&self, message: &str) -> DatasetError {
        DatasetError::foreign(&self.path, message)
    }

    fn wrap<T>(&self, what: &str, result: hdf5::Result<T>) -> Result<T, DatasetError> {
        result.map_err(|e| DatasetError::h5(&self.path, &format!("{what} cannot be read"), &e))
    }

    /// Whether it holds the variable.
    pub fn has(&self, var: Var) -> bool {
        self.datasets.contains_key(&var)
    }

    /// Length of an axis; 0 when it does not occur.
    pub fn len(&self, axis: Axis) -> usize {
        self.datasets
            .iter()
            .find_map(|(var, dataset)| var.spec().axes.iter().position(|a| *a == axis).map(|i| dataset.shape()[i]))
            .or_else(|| self.file.dataset(axis.name()).ok().map(|d| d.size()))
            .unwrap_or(0)
    }

    /// Shape of a variable; empty when it is not there.
    pub fn shape(&self, var: Var) -> Vec<usize> {
        self.datasets.get(&var).map(|d| d.shape()).unwrap_or_default()
    }

    /// Bytes of a variable in the file, as stored.
    pub fn stored_bytes(&self, var: Var) -> u64 {
        self.datasets.get(&var).map_or(0, |d| d.storage_size())
    }

    /// A root attribute, as it can be shown.
    pub fn text_attribute(&self, name: &str) -> Option<String> {
        self.file.attr(name).ok()?.read_scalar::<VarLenUnicode>().ok().map(shown)
    }

    /// A root attribute.
    pub fn int_attribute(&self, name: &str) -> Option<i64> {
        self.file.attr(name).ok()?.read_scalar::<i64>().ok()
    }

    /// A root attribute.
    pub fn float_attribute(&self, name: &str) -> Option<f64> {
        self.file.attr(name).ok()?.read_scalar::<f64>().ok()
    }

    /// All root attributes, by name.
    pub fn attributes(&self) -> Vec<(String, Attribute)> {
        let names = self.file.attr_names().unwrap_or_default();
        names
            .into_iter()
            .filter_map(|name| {
                let attribute = self.file.attr(&name).ok()?;
                let value = if let Ok(text) = attribute.read_scalar::<VarLenUnicode>() {
                    Attribute::Text(shown(text))
                } else if attribute.dtype().is_ok_and(|t| t.is::<f64>()) {
                    Attribute::Float(attribute.read_scalar().ok()?)
                } else if attribute.dtype().is_ok_and(|t| t.is::<u64>()) {
                    Attribute::Unsigned(attribute.read_scalar().ok()?)
                } else {
                    Attribute::Int(attribute.read_scalar().ok()?)
                };
                Some((name, value))
            })
            .collect()
    }

    /// Labels of an axis, as they can be shown.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when they cannot be read.
    pub fn labels(&self, axis: Axis) -> Result<Vec<String>, DatasetError> {
        let read = self.file.dataset(axis.name()).and_then(|d| d.read_raw::<VarLenUnicode>());
        Ok(self.wrap(axis.name(), read)?.into_iter().map(shown).collect())
    }

    /// Rows of a variable as little-endian bytes, whatever its type.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when they cannot be read; [`DatasetError::Foreign`] when it is not there.
    pub fn bytes(&self, var: Var, rows: Range<usize>) -> Result<Vec<u8>, DatasetError> {
        Ok(match var.spec().kind {
            Kind::F64 => bytemuck::cast_slice(&self.read::<f64>(var, rows)?).to_vec(),
            Kind::I64 => bytemuck::cast_slice(&self.read::<i64>(var, rows)?).to_vec(),
            Kind::I32 => bytemuck::cast_slice(&self.read::<i32>(var, rows)?).to_vec(),
            Kind::U32 => bytemuck::cast_slice(&self.read::<u32>(var, rows)?).to_vec(),
            Kind::U8 => self.read::<u8>(var, rows)?,
            Kind::Text => return Err(self.foreign(&format!("{} is text", var.spec().name))),
        })
    }

    /// Rows of a variable, row-major.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when they cannot be read; [`DatasetError::Foreign`] when it is not there.
    pub fn read<T: H5Type>(&self, var: Var, rows: Range<usize>) -> Result<Vec<T>, DatasetError> {
        let name = var.spec().name;
        let dataset = self.datasets.get(&var).ok_or_else(|| self.foreign(&format!("has no variable {name}")))?;
        let shape = dataset.shape();
        if rows.end > shape[0] {
            return Err(
                self.foreign(&format!("{name} has {} rows, row {} is wanted: the file is damaged", shape[0], rows.end))
            );
        }
        let whole = |end| SliceOrIndex::SliceTo { start: 0, step: 1, end, block: 1 };
        let mut slices = vec![SliceOrIndex::SliceTo { start: rows.start, step: 1, end: rows.end, block: 1 }];
        slices.extend(shape[1..].iter().map(|n| whole(*n)));
        let selection = Selection::from(Hyperslab::from(slices));
        let array = self.wrap(name, dataset.read_slice::<T, _, ndarray::IxDyn>(selection))?;
        Ok(array.into_raw_vec_and_offset().0)
    }

    /// All values of a text variable, as they can be shown.
    ///
    /// # Errors
    /// As [`Recording::read`].
    pub fn texts(&self, var: Var) -> Result<Vec<String>, DatasetError> {
        let name = var.spec().name;
        let dataset = self.datasets.get(&var).ok_or_else(|| self.foreign(&format!("has no variable {name}")))?;
        Ok(self.wrap(name, dataset.read_raw::<VarLenUnicode>())?.into_iter().map(shown).collect())
    }

    /// The episodes.
    ///
    /// # Errors
    /// As [`Recording::read`]; [`DatasetError::Foreign`] when the bounds do not fit the steps.
    pub fn episodes(&self) -> Result<Vec<EpisodeRow>, DatasetError> {
        let offsets = self.offsets()?;
        let number = self.wrap("episode", self.file.dataset(Axis::Episode.name()).and_then(|d| d.read_raw::<i64>()))?;
        let (end, sha256) = (self.texts(Var::EpisodeEnd)?, self.texts(Var::EpisodeSha256)?);
        let (host, cpu) = (self.texts(Var::EpisodeHost)?, self.texts(Var::EpisodeCpu)?);
        let n = offsets.len() - 1;
        if [number.len(), end.len(), sha256.len(), host.len(), cpu.len()].iter().any(|m| *m != n) {
            return Err(self.foreign("the episode variables have different lengths: the file is damaged"));
        }
        Ok((0..n)
            .map(|i| EpisodeRow {
                episode: number[i],
                length: (offsets[i + 1] - offsets[i]) as i64,
                end: end[i].clone(),
                sha256: sha256[i].clone(),
                host: host[i].clone(),
                cpu: cpu[i].clone(),
            })
            .collect())
    }

    /// First step of every episode, then the number of steps.
    ///
    /// # Errors
    /// [`DatasetError::Foreign`] when they do not fit the steps.
    pub fn offsets(&self) -> Result<Vec<usize>, DatasetError> {
        let bounds: Vec<i64> = self.read(Var::EpisodeOffsets, 0..self.shape(Var::EpisodeOffsets)[0])?;
        let steps = self.len(Axis::Step) as i64;
        let sound = bounds.first() == Some(&0) && bounds.last() == Some(&steps) && bounds.is_sorted();
        if !sound {
            return Err(self.foreign("episode_offsets do not fit the steps: the file is damaged"));
        }
        Ok(bounds.into_iter().map(|b| b as usize).collect())
    }

    /// The model that was recorded.
    ///
    /// # Errors
    /// [`DatasetError::Io`] or [`DatasetError::Foreign`] when it is not whole.
    pub fn model(&self) -> Result<ModelFiles, DatasetError> {
        let text = |object: &hdf5::Location, name: &str| {
            object.attr(name).and_then(|a| a.read_scalar::<VarLenUnicode>()).map(|t| t.as_str().to_owned())
        };
        let read = || -> hdf5::Result<ModelFiles> {
            let root = self.file.group("model")?;
            let mut files = Vec::new();
            let mut members = root.group("files")?.member_names()?;
            members.sort();
            for member in members {
                let dataset = root.dataset(&format!("files/{member}"))?;
                files.push(ModelFile {
                    name: text(&dataset, "name")?,
                    bytes: dataset.read_raw::<u8>()?.into(),
                    sha256: text(&dataset, "sha256")?,
                });
            }
            let folder =
                if root.attr_names()?.iter().any(|name| name == "root") { Some(text(&root, "root")?) } else { None };
            Ok(ModelFiles { main: text(&root, "main")?, layout: text(&root, "layout")?, root: folder, files })
        };
        self.wrap("the model", read())
    }

    pub(super) fn dataset(&self, var: Var) -> Option<&Dataset> {
        self.datasets.get(&var)
    }
}

/// A text of the file, as it can be shown.
#[expect(clippy::needless_pass_by_value, reason = "for map")]
fn shown(text: VarLenUnicode) -> String {
    text::plain(text.as_str()).into_owned()
}
