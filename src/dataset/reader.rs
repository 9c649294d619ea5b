//! Reads a recording.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::outline::{self, Outline};
use super::row::EpisodeRow;
use super::schema::{self, Axis, ElementType, RAGGED, Ragged, Var, attribute};
use super::writer::{Attribute, ModelFile, ModelFiles};
use super::{DatasetError, Store, attributes, meaning};
use crate::chunk::{Stored, room};
use crate::kinematics::Kinematics;
use crate::text;
use crate::watch::watched;

/// Rows read at once when a whole variable is looked at.
const BLOCK: usize = 1 << 16;

/// What a file of another program is.
const STRANGE: &str =
    "is an HDF5 file, but not a recording of dynsparse (its root has no attribute format = \"dynsparse-recording\")";

/// A recording that was opened and whose outline is sound: every variable is there with its type, and as large as its axes
/// and as what is stored; labels and attributes have been read; offsets follow from counts.
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    outline: Outline,
    attributes: Vec<(String, Attribute)>,
    sizes: BTreeMap<Axis, usize>,
    labels: BTreeMap<Axis, Vec<String>>,
    offsets: Vec<usize>,
    bytes: Arc<File>,
    /// Closing it closes the datasets.
    _file: hdf5::File,
}

/// A type of numbers in a recording.
pub trait Element: bytemuck::Pod {
    /// Of which kind.
    const KIND: ElementType;

    /// A number in single precision as one of this type; None where only its own type is read.
    fn widened(_: f32) -> Option<Self> {
        None
    }
}

impl Element for f64 {
    const KIND: ElementType = ElementType::F64;

    fn widened(x: f32) -> Option<Self> {
        Some(x.into())
    }
}
impl Element for f32 {
    const KIND: ElementType = ElementType::F32;
}
impl Element for i64 {
    const KIND: ElementType = ElementType::I64;
}
impl Element for i32 {
    const KIND: ElementType = ElementType::I32;
}
impl Element for u32 {
    const KIND: ElementType = ElementType::U32;
}
impl Element for u8 {
    const KIND: ElementType = ElementType::U8;
}

impl Recording {
    /// Opens a recording and checks its outline, so that nothing else has to. What a damaged file cannot be read to is an
    /// error, never taken for absent.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when it cannot be read or is truncated, [`DatasetError::Foreign`] when it is
    /// another program's file, another schema, or not sound.
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        watched(path, || Self::check(path))
    }

    fn check(path: &Path) -> Result<Self, DatasetError> {
        let foreign = |text: String| DatasetError::foreign(path, text);
        let (file, bytes, length) = outline::open_file(path)?;
        // Told by numbers and names: texts of another program's file may lie anywhere.
        let version = attributes::format_version(&file).map_err(foreign)?.ok_or_else(|| foreign(STRANGE.to_owned()))?;
        if version != i64::from(schema::VERSION) {
            return Err(foreign(format!(
                "has schema version {version}, this program reads version {}: use the dynsparse that wrote it",
                schema::VERSION
            )));
        }
        let outline = Outline::of(path, &file, &bytes, length)?;
        let attributes = attributes::of_root(&file).map_err(foreign)?;
        let mut recording = Self {
            path: path.to_owned(),
            outline,
            attributes,
            sizes: BTreeMap::new(),
            labels: BTreeMap::new(),
            offsets: Vec::new(),
            bytes: Arc::new(bytes),
            _file: file,
        };
        if recording.text_attribute(attribute::FORMAT).as_deref() != Some(schema::FORMAT) {
            return Err(recording.foreign(STRANGE));
        }
        let needed = [Var::Time, Var::Qpos, Var::EpisodeOffsets, Var::EpisodeEnd, Var::Ncon];
        if let Some(var) = needed.iter().find(|v| !recording.has(**v)) {
            return Err(recording.foreign(&format!("lacks the variable {}", var.spec().name)));
        }
        // A shard has no coordinates; what joins it knows what must be in it.
        if !recording.is_shard() {
            recording.outline.complete().map_err(foreign)?;
        }
        recording.sizes = recording.outline.sizes().map_err(foreign)?;
        recording.labels = recording.outline.labels().map_err(foreign)?;
        recording.check_sizes()?;
        recording.offsets = recording.check_episodes()?;
        for table in RAGGED {
            recording.check_ragged(table)?;
        }
        Ok(recording)
    }

    /// Whether it is one episode of a recording that is not joined yet.
    fn is_shard(&self) -> bool {
        self.text_attribute(attribute::RECIPE).is_none()
    }

    /// What the attributes say of axes.
    fn check_sizes(&self) -> Result<(), DatasetError> {
        let axes = [("nq", Axis::Coordinate), ("nv", Axis::Dof), ("na", Axis::Activation), ("nu", Axis::Actuator)];
        for (name, axis) in axes {
            let size = self.len(axis);
            if let Some(told) = self.int_attribute(name).filter(|told| usize::try_from(*told) != Ok(size)) {
                let text = format!("the root attribute {name} is {told}, {} has {size} entries", axis.name());
                return Err(self.foreign(&format!("{text}: the file is damaged")));
            }
        }
        Ok(())
    }

    /// The bounds of the episodes.
    fn check_episodes(&self) -> Result<Vec<usize>, DatasetError> {
        let bounds: Vec<i64> = self.read(Var::EpisodeOffsets, 0..self.shape(Var::EpisodeOffsets)[0])?;
        let steps = self.len(Axis::Step) as i64;
        let sound = bounds.first() == Some(&0) && bounds.last() == Some(&steps) && bounds.is_sorted();
        if !sound {
            return Err(self.foreign("episode_offsets do not fit the steps: the file is damaged"));
        }
        if self.has(Var::EpisodeLength) {
            let lengths: Vec<i64> = self.read(Var::EpisodeLength, 0..bounds.len() - 1)?;
            let wrong = bounds.windows(2).zip(&lengths).position(|(bound, length)| bound[1] - bound[0] != *length);
            if let Some(at) = wrong {
                let (found, expected) = (lengths[at], bounds[at + 1] - bounds[at]);
                let text = format!("episode_length[{at}] is {found} instead of {expected}: the file is damaged");
                return Err(self.foreign(&text));
            }
        }
        Ok(bounds.into_iter().map(|b| b as usize).collect())
    }

    /// Counts and offsets of a table that each step has rows of its own in.
    fn check_ragged(&self, table: Ragged) -> Result<(), DatasetError> {
        let Ragged { axis, count, offset, .. } = table;
        let rows = self.len(axis);
        if !self.has(count) {
            // Without counts nobody knows whose the rows are.
            let column = Var::ALL.iter().find(|var| var.spec().axes[0] == axis && self.has(**var));
            return match column {
                Some(var) => {
                    let (name, count) = (var.spec().name, count.spec().name);
                    Err(self.foreign(&format!("has the variable {name} without {count}: the file is damaged")))
                }
                None => Ok(()),
            };
        }
        let mut expected = 0_i64;
        for start in (0..self.len(Axis::Step)).step_by(BLOCK) {
            let block = start..(start + BLOCK).min(self.len(Axis::Step));
            let counts: Vec<i32> = self.read(count, block.clone())?;
            let offsets: Vec<i64> = if self.has(offset) { self.read(offset, block)? } else { Vec::new() };
            for (row, n) in counts.into_iter().enumerate() {
                let found = offsets.get(row).copied().unwrap_or(expected);
                let row = start + row;
                if n < 0 {
                    let name = count.spec().name;
                    return Err(self.foreign(&format!("{name}[{row}] is {n}, below zero: the file is damaged")));
                }
                if found != expected {
                    let name = offset.spec().name;
                    let text = format!("{name}[{row}] is {found} instead of {expected}: the file is damaged");
                    return Err(self.foreign(&text));
                }
                expected += i64::from(n);
            }
        }
        if expected != rows as i64 {
            let (name, count) = (table.column.spec().name, count.spec().name);
            let text = format!("{name} has {rows} rows instead of {expected}, the sum of {count}");
            return Err(self.foreign(&format!("{text}: the file is damaged")));
        }
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An error about this file.
    pub fn foreign(&self, message: &str) -> DatasetError {
        DatasetError::foreign(&self.path, message)
    }

    /// Whether it holds the variable.
    pub fn has(&self, var: Var) -> bool {
        self.outline.variables.contains_key(&var)
    }

    /// The type in which a variable is stored; the schema's where it is not there.
    pub fn kind(&self, var: Var) -> ElementType {
        self.outline.variables.get(&var).map_or(var.spec().kind, |column| column.kind)
    }

    /// What it keeps of its Jacobians.
    pub fn store(&self) -> Store {
        match self.kind(Var::A) {
            _ if !self.has(Var::A) => Store::Masks,
            ElementType::F32 => Store::F32,
            _ => Store::F64,
        }
    }

    /// Length of an axis; 0 when it does not occur.
    pub fn len(&self, axis: Axis) -> usize {
        self.sizes.get(&axis).copied().unwrap_or(0)
    }

    /// Whether the attributes of every variable say what its numbers mean: units, codes, bits.
    ///
    /// # Errors
    /// [`DatasetError::Foreign`] with the first that does not.
    pub fn check_meanings(&self) -> Result<(), DatasetError> {
        for (var, column) in &self.outline.variables {
            meaning::check(&column.dataset, *var, self.has(Var::TreeAsleep))
                .map_err(|what| self.foreign(&format!("{what}: the file is damaged or was changed")))?;
        }
        Ok(())
    }

    /// Shape of a variable; empty when it is not there.
    pub fn shape(&self, var: Var) -> Vec<usize> {
        self.outline.variables.get(&var).and_then(|column| column.shape().ok()).unwrap_or_default()
    }

    /// Bytes of a variable in the file, as stored.
    pub fn stored_bytes(&self, var: Var) -> u64 {
        self.outline.variables.get(&var).map_or(0, |column| column.dataset.storage_size())
    }

    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(there, _)| there == name).map(|(_, value)| value)
    }

    /// A root attribute of [`schema::ATTRIBUTES`], as it can be shown; None where there is none.
    pub fn text_attribute(&self, name: &str) -> Option<String> {
        self.stored_text(name).map(shown)
    }

    /// The same, to the byte.
    pub fn stored_text(&self, name: &str) -> Option<&str> {
        match self.attribute(name) {
            Some(Attribute::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A root attribute of [`schema::ATTRIBUTES`]; None where there is none.
    pub fn int_attribute(&self, name: &str) -> Option<i64> {
        match self.attribute(name) {
            Some(Attribute::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// A root attribute of [`schema::ATTRIBUTES`]; None where there is none.
    pub fn float_attribute(&self, name: &str) -> Option<f64> {
        match self.attribute(name) {
            Some(Attribute::Float(value)) => Some(*value),
            _ => None,
        }
    }

    /// All root attributes, by name.
    pub fn attributes(&self) -> Vec<(String, Attribute)> {
        let all = self.attributes.iter().map(|(name, value)| match value {
            Attribute::Text(text) => (name.clone(), Attribute::Text(shown(text))),
            other => (name.clone(), other.clone()),
        });
        all.collect()
    }

    /// Labels of an axis that does not grow, as they can be shown; none where it does not occur.
    ///
    /// # Errors
    /// [`DatasetError::Foreign`] when it has entries and no labels.
    pub fn labels(&self, axis: Axis) -> Result<Vec<String>, DatasetError> {
        match self.labels.get(&axis) {
            Some(labels) => Ok(labels.iter().map(|label| shown(label)).collect()),
            None if self.len(axis) == 0 => Ok(Vec::new()),
            None => Err(self.foreign(&format!("has no labels of {}", axis.name()))),
        }
    }

    /// Rows of a variable as little-endian bytes, whatever its type.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when they cannot be read; [`DatasetError::Foreign`] when it is not there.
    pub fn bytes(&self, var: Var, rows: Range<usize>) -> Result<Vec<u8>, DatasetError> {
        let stored = self.rows(var, &rows)?;
        let mut out = Vec::new();
        if !room(&mut out, rows.len().saturating_mul(stored.row_bytes())) {
            return Err(self.too_large(var, rows.len()));
        }
        self.fill(var, stored, rows, &mut out)?;
        Ok(out)
    }

    /// Rows of a variable, row-major. Numbers in single precision are read as f64 too.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when they cannot be read; [`DatasetError::Foreign`] when it is not there.
    pub fn read<T: Element>(&self, var: Var, rows: Range<usize>) -> Result<Vec<T>, DatasetError> {
        let stored = self.rows(var, &rows)?;
        let kind = self.kind(var);
        if kind == ElementType::F32 && T::KIND != kind && T::widened(0.0).is_some() {
            return Ok(self.read::<f32>(var, rows)?.into_iter().filter_map(T::widened).collect());
        }
        if T::KIND != kind {
            let text = format!("{} does not hold {}", var.spec().name, T::KIND.name());
            return Err(self.foreign(&text));
        }
        let size = rows.len().saturating_mul(stored.row_bytes()) / size_of::<T>();
        let mut out: Vec<T> = Vec::new();
        out.try_reserve_exact(size).map_err(|_| self.too_large(var, rows.len()))?;
        out.resize(size, T::zeroed());
        self.fill(var, stored, rows, bytemuck::cast_slice_mut(&mut out))?;
        Ok(out)
    }

    /// A variable of numbers that has these rows.
    fn rows(&self, var: Var, rows: &Range<usize>) -> Result<&Stored, DatasetError> {
        let name = var.spec().name;
        let column =
            self.outline.variables.get(&var).ok_or_else(|| self.foreign(&format!("has no variable {name}")))?;
        let stored = column.stored.as_ref().ok_or_else(|| self.foreign(&format!("{name} is text")))?;
        if rows.end > stored.rows() || rows.start > rows.end {
            let text = format!("{name} has {} rows, row {} is wanted: the file is damaged", stored.rows(), rows.end);
            return Err(self.foreign(&text));
        }
        Ok(stored)
    }

    fn fill(&self, var: Var, stored: &Stored, rows: Range<usize>, out: &mut [u8]) -> Result<(), DatasetError> {
        stored.read(&self.bytes, rows, out).map_err(|e| self.foreign(&format!("{} {e}", var.spec().name)))
    }

    fn too_large(&self, var: Var, rows: usize) -> DatasetError {
        self.foreign(&format!("{rows} rows of {} do not fit into memory", var.spec().name))
    }

    /// The numbers along an axis that grows.
    ///
    /// # Errors
    /// [`DatasetError::Foreign`] when they cannot be read.
    pub fn coordinate(&self, axis: Axis, rows: Range<usize>) -> Result<Vec<i64>, DatasetError> {
        let name = axis.name();
        let stored = self.outline.scales.get(&axis).and_then(|column| column.stored.as_ref());
        let stored = stored.ok_or_else(|| self.foreign(&format!("has no coordinate {name}")))?;
        if rows.end > stored.rows() || rows.start > rows.end {
            return Err(self.foreign(&format!("{name} has {} entries: the file is damaged", stored.rows())));
        }
        let mut out: Vec<i64> = Vec::new();
        out.try_reserve_exact(rows.len()).map_err(|_| self.foreign(&format!("{name} does not fit into memory")))?;
        out.resize(rows.len(), 0);
        let read = stored.read(&self.bytes, rows, bytemuck::cast_slice_mut(&mut out));
        read.map_err(|e| self.foreign(&format!("{name} {e}")))?;
        Ok(out)
    }

    /// Whether it has the scale of an axis.
    pub fn has_coordinate(&self, axis: Axis) -> bool {
        self.outline.scales.contains_key(&axis)
    }

    /// All values of a text variable, as they can be shown.
    ///
    /// # Errors
    /// As [`Recording::read`].
    pub fn texts(&self, var: Var) -> Result<Vec<String>, DatasetError> {
        let name = var.spec().name;
        let column =
            self.outline.variables.get(&var).ok_or_else(|| self.foreign(&format!("has no variable {name}")))?;
        let read = watched(&self.path, || attributes::texts(&column.dataset));
        read.map(|all| all.iter().map(|text| shown(text)).collect()).map_err(|e| self.foreign(&format!("{name} {e}")))
    }

    /// The episodes.
    ///
    /// # Errors
    /// As [`Recording::read`].
    pub fn episodes(&self) -> Result<Vec<EpisodeRow>, DatasetError> {
        let n = self.offsets.len() - 1;
        let number = self.coordinate(Axis::Episode, 0..n)?;
        let (end, sha256) = (self.texts(Var::EpisodeEnd)?, self.texts(Var::EpisodeSha256)?);
        let (host, cpu) = (self.texts(Var::EpisodeHost)?, self.texts(Var::EpisodeCpu)?);
        if [end.len(), sha256.len(), host.len(), cpu.len()].iter().any(|m| *m != n) {
            return Err(self.foreign("the episode variables have different lengths: the file is damaged"));
        }
        Ok((0..n)
            .map(|i| EpisodeRow {
                episode: number[i],
                length: (self.offsets[i + 1] - self.offsets[i]) as i64,
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
    /// None: they were read and found to fit the steps when the file was opened.
    pub fn offsets(&self) -> Result<Vec<usize>, DatasetError> {
        Ok(self.offsets.clone())
    }

    /// The kinematic tree of the model; None in a recording that does not tell.
    ///
    /// # Errors
    /// [`DatasetError::Foreign`] where it is not one of a model with the recording's sizes.
    pub fn kinematics(&self) -> Result<Option<Kinematics>, DatasetError> {
        let Some(text) = self.stored_text(attribute::KINEMATICS) else { return Ok(None) };
        let [nv, na, nu] = [Axis::Dof, Axis::Activation, Axis::Actuator].map(|axis| self.len(axis));
        match serde_json::from_str::<Kinematics>(text) {
            Ok(tree) if tree.fits(nv, na, nu) => Ok(Some(tree)),
            _ => Err(self.foreign("its root attribute kinematics cannot be read: the file is damaged")),
        }
    }

    /// The model that was recorded.
    ///
    /// # Errors
    /// [`DatasetError::Foreign`] when it is not whole.
    pub fn model(&self) -> Result<ModelFiles, DatasetError> {
        let read = watched(&self.path, || self.read_model());
        read.map_err(|e| self.foreign(&format!("the model cannot be read: {e}")))
    }

    fn read_model(&self) -> Result<ModelFiles, String> {
        let (root, columns) = self.outline.model.as_ref().ok_or("there is no group model")?;
        let text = |at: &hdf5::Location, name: &str| {
            attributes::text(at, name).and_then(|text| text.ok_or_else(|| format!("it lacks the attribute {name}")))
        };
        let mut files = Vec::new();
        for (member, column) in columns {
            let stored = column.stored.as_ref().ok_or_else(|| format!("{member} is text"))?;
            let mut bytes = Vec::new();
            if !room(&mut bytes, stored.rows() * stored.row_bytes()) {
                return Err(format!("{member} does not fit into memory"));
            }
            stored.read(&self.bytes, 0..stored.rows(), &mut bytes).map_err(|e| format!("{member} {e}"))?;
            files.push(ModelFile {
                name: text(&column.dataset, "name")?,
                bytes: bytes.into(),
                sha256: text(&column.dataset, "sha256")?,
            });
        }
        let (main, layout) = (text(root, "main")?, text(root, "layout")?);
        Ok(ModelFiles { main, layout, root: attributes::text(root, "root")?, files })
    }

    pub(super) fn stored(&self, var: Var) -> Option<&Stored> {
        self.outline.variables.get(&var)?.stored.as_ref()
    }

    pub(super) fn raw(&self) -> &Arc<File> {
        &self.bytes
    }
}

/// A text of the file, as it can be shown.
fn shown(text: &str) -> String {
    text::plain(text).into_owned()
}
