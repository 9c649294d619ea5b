//! Writes a recording: rows in, one self-describing HDF5 file out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, File, Group};

use super::codec::{Effort, Encoder};
use super::column::Column;
use super::digest::content_digest;
use super::row::{EpisodeRow, StepRow};
use super::schema::{self, Axis, ElementType, RAGGED, Var, attribute};
use super::{DatasetError, Store, h5, meaning};

/// A value of a root attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A whole number that may need all 64 bits.
    Unsigned(u64),
    /// A number.
    Float(f64),
}

impl From<&str> for Attribute {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Attribute {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// A file that the model was built from.
#[derive(Debug, Clone)]
pub struct ModelFile {
    /// Bare name, or path relative to the model's folder.
    pub name: String,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// SHA-256 of the bytes, hexadecimal.
    pub sha256: String,
}

/// The whole model, so that the recording can be made again from itself.
#[derive(Debug, Clone)]
pub struct ModelFiles {
    /// The main file's name among `files`.
    pub main: String,
    /// `memory`: references resolve by bare name; `kept`: as they did on disk; `disk`, of older versions: by relative path.
    pub layout: String,
    /// The folder that held all files, where the model refers to it by an absolute path.
    pub root: Option<String>,
    /// All files.
    pub files: Vec<ModelFile>,
}

/// What a recording holds besides its rows.
#[derive(Debug, Clone)]
pub struct Header {
    /// Labels of every axis that does not grow; an axis without labels does not exist in the file.
    pub labels: BTreeMap<Axis, Vec<String>>,
    /// Variables that it does not hold though all their axes have entries.
    pub absent: Vec<Var>,
    /// Rows of a whole episode; decides the chunks.
    pub rows_per_episode: usize,
    /// How hard to compress.
    pub effort: Effort,
    /// What is kept of the Jacobians.
    pub store: Store,
    /// Root attributes, in order.
    pub attributes: Vec<(String, Attribute)>,
    /// The model; None in a shard.
    pub model: Option<ModelFiles>,
    /// What decides the content besides the episodes, see [`content_digest`]; None in a shard.
    pub content: Option<String>,
    /// A shard holds the rows and nothing that the merged file says once: no scales, descriptions, labels.
    pub shard: bool,
}

impl Header {
    /// The variables of the file: those whose axes all have entries.
    pub fn variables(&self) -> impl Iterator<Item = Var> + '_ {
        Var::ALL.iter().copied().filter(|var| {
            let absent = self.absent.contains(var) || self.store.absent().contains(var);
            !absent && var.spec().axes.iter().all(|a| a.is_rows() || self.size(*a) > 0)
        })
    }

    /// Whether trees sleep in the model, which the file tells then.
    fn sleeps(&self) -> bool {
        self.variables().any(|var| var == Var::TreeAsleep)
    }

    /// Entries of an axis that does not grow.
    pub fn size(&self, axis: Axis) -> usize {
        self.labels.get(&axis).map_or(0, Vec::len)
    }

    /// The type in which a variable is stored.
    pub fn kind(&self, var: Var) -> ElementType {
        self.store.kind(var)
    }

    /// Shape of one row of a variable.
    pub fn tail(&self, var: Var) -> Vec<usize> {
        var.spec().axes[1..].iter().map(|a| self.size(*a)).collect()
    }
}

/// Writes one recording. Nothing is promised of the file before [`Writer::finish`] has returned.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    header: Header,
    columns: Vec<Option<Column>>,
    episodes: Vec<EpisodeRow>,
    encoder: Encoder,
    /// Rows of [`RAGGED`] so far.
    ragged: [usize; RAGGED.len()],
    file: File,
}

impl Writer {
    /// Creates the file, which must not exist.
    ///
    /// # Errors
    /// [`DatasetError::Io`].
    pub fn create(path: &Path, header: Header) -> Result<Self, DatasetError> {
        let file = h5::create(path)?;
        let encoder = Encoder::new(header.effort);
        let mut writer = Self {
            path: path.to_owned(),
            header,
            columns: Vec::new(),
            episodes: Vec::new(),
            encoder,
            ragged: Default::default(),
            file,
        };
        writer.start().map_err(|e| DatasetError::h5(path, "cannot be written", &e))?;
        Ok(writer)
    }

    fn start(&mut self) -> hdf5::Result<()> {
        self.columns.resize_with(Var::ALL.len(), || None);
        let sleeps = self.header.sleeps();
        for var in self.header.variables() {
            let spec = var.spec();
            let kind = self.header.kind(var);
            if kind == ElementType::Text || spec.axes[0] == Axis::Episode || spec.axes[0] == Axis::EpisodeBound {
                continue;
            }
            let tail = self.header.tail(var);
            let row_bytes = kind.size() * tail.iter().product::<usize>();
            let rows = schema::chunk_rows(row_bytes, spec.axes[0], self.header.rows_per_episode);
            let column = Column::create(&self.file, spec.name, kind, tail, rows)?;
            if !self.header.shard {
                meaning::write(column.dataset(), var, sleeps)?;
            }
            self.columns[var as usize] = Some(column);
        }
        Ok(())
    }

    /// Appends one step.
    ///
    /// # Errors
    /// [`DatasetError::Io`], for example when the disk is full.
    pub fn step(&mut self, row: &StepRow<'_>) -> Result<(), DatasetError> {
        let mut result = Ok(());
        row.visit(|var, bytes| {
            if result.is_ok()
                && !bytes.is_empty()
                && let Some(column) = &mut self.columns[var as usize]
            {
                result = column.append(bytes, &mut self.encoder);
            }
        });
        let result = result.and_then(|()| self.offsets(row.counts()));
        result.map_err(|e| DatasetError::h5(&self.path, "cannot be written", &e))
    }

    /// Appends the ragged offsets of one step, which follow from its counts.
    pub(super) fn offsets(&mut self, counts: [usize; RAGGED.len()]) -> hdf5::Result<()> {
        for ((table, at), count) in RAGGED.iter().zip(&mut self.ragged).zip(counts) {
            if let Some(column) = &mut self.columns[table.offset as usize] {
                column.append(&(*at as i64).to_le_bytes(), &mut self.encoder)?;
            }
            *at += count;
        }
        Ok(())
    }

    /// Ends an episode.
    pub fn end_episode(&mut self, row: EpisodeRow) {
        self.episodes.push(row);
    }

    pub(super) fn column(&mut self, var: Var) -> Option<(&mut Column, &mut Encoder)> {
        self.columns[var as usize].as_mut().map(|c| (c, &mut self.encoder))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is left, the scales, the attributes and the model, and closes the file. The bytes are
    /// the operating system's then; [`sync`](std::fs::File::sync_all) is the caller's.
    ///
    /// # Errors
    /// [`DatasetError::Io`].
    pub fn finish(mut self) -> Result<(), DatasetError> {
        let path = self.path.clone();
        self.end().map_err(|e| DatasetError::h5(&path, "cannot be written", &e))?;
        let Self { file, columns, .. } = self;
        drop(columns);
        file.close().map_err(|e| DatasetError::h5(&path, "cannot be written", &e))
    }

    fn end(&mut self) -> hdf5::Result<()> {
        for column in self.columns.iter_mut().flatten() {
            column.flush(&mut self.encoder)?;
        }
        if self.header.shard {
            self.numbers(Axis::Episode.name(), &self.episodes.iter().map(|e| e.episode).collect::<Vec<_>>())?;
            for var in self.header.variables().filter(|v| self.columns[*v as usize].is_none()) {
                self.episode_variable(var)?;
            }
        } else {
            self.describe_all()?;
        }
        for (name, value) in &self.header.attributes {
            h5::attribute(&self.file, name, value)?;
        }
        if let Some(content) = &self.header.content {
            h5::text_attribute(&self.file, attribute::CONTENT_SHA256, &content_digest(content, &self.episodes))?;
        }
        if let Some(model) = self.header.model.take() {
            self.model(&model)?;
        }
        Ok(())
    }

    /// Scales, attached to every axis of every variable.
    fn describe_all(&mut self) -> hdf5::Result<()> {
        let scales = self.scales()?;
        let sleeps = self.header.sleeps();
        for var in self.header.variables() {
            let spec = var.spec();
            let written;
            let dataset = match &self.columns[var as usize] {
                Some(column) => column.dataset(),
                None => {
                    written = self.episode_variable(var)?;
                    meaning::write(&written, var, sleeps)?;
                    &written
                }
            };
            for (i, axis) in spec.axes.iter().enumerate() {
                h5::attach_scale(dataset, &scales[axis], i)?;
            }
        }
        Ok(())
    }

    /// A scale for every axis in use.
    fn scales(&mut self) -> hdf5::Result<BTreeMap<Axis, Dataset>> {
        let rows = |var: Var| self.columns[var as usize].as_ref().map_or(0, Column::rows);
        let (steps, ragged) = (rows(Var::Time), RAGGED.map(|table| rows(table.column)));
        let mut scales = BTreeMap::new();
        for axis in Axis::ALL {
            let labels = self.header.labels.get(&axis).filter(|l| !l.is_empty());
            let dataset = match axis {
                Axis::Step => self.index_scale(axis, steps)?,
                Axis::Touch if self.columns[Var::Ntouch as usize].is_none() => continue,
                Axis::Contact | Axis::Constraint | Axis::Touch => {
                    self.index_scale(axis, axis.ragged().map_or(0, |table| ragged[table]))?
                }
                Axis::Episode => {
                    self.numbers(axis.name(), &self.episodes.iter().map(|e| e.episode).collect::<Vec<_>>())?
                }
                Axis::EpisodeBound => {
                    self.numbers(axis.name(), &(0..=self.episodes.len() as i64).collect::<Vec<_>>())?
                }
                _ => match labels {
                    Some(labels) => self.texts(axis.name(), labels.iter().map(String::as_str))?,
                    None => continue,
                },
            };
            h5::text_attribute(&dataset, "long_name", axis.description())?;
            h5::set_scale(&dataset, axis.name())?;
            scales.insert(axis, dataset);
        }
        Ok(scales)
    }

    fn index_scale(&mut self, axis: Axis, rows: usize) -> hdf5::Result<Dataset> {
        let chunk = schema::chunk_rows(8, Axis::Contact, 0);
        let mut column = Column::create(&self.file, axis.name(), ElementType::I64, Vec::new(), chunk)?;
        let mut at = 0;
        while at < rows {
            let end = (at + chunk).min(rows);
            let block: Vec<i64> = (at as i64..end as i64).collect();
            column.append(bytemuck::cast_slice(&block), &mut self.encoder)?;
            at = end;
        }
        column.flush(&mut self.encoder)?;
        Ok(column.dataset().clone())
    }

    fn episode_variable(&self, var: Var) -> hdf5::Result<Dataset> {
        let name = var.spec().name;
        let dataset = match var {
            Var::EpisodeLength => self.numbers(name, &self.episodes.iter().map(|e| e.length).collect::<Vec<_>>())?,
            Var::EpisodeEnd => self.texts(name, self.episodes.iter().map(|e| e.end.as_str()))?,
            Var::EpisodeSha256 => self.texts(name, self.episodes.iter().map(|e| e.sha256.as_str()))?,
            Var::EpisodeHost => self.texts(name, self.episodes.iter().map(|e| e.host.as_str()))?,
            Var::EpisodeCpu => self.texts(name, self.episodes.iter().map(|e| e.cpu.as_str()))?,
            _ => {
                let mut at = 0;
                let bounds: Vec<i64> = std::iter::once(0)
                    .chain(self.episodes.iter().map(|e| {
                        at += e.length;
                        at
                    }))
                    .collect();
                self.numbers(name, &bounds)?
            }
        };
        Ok(dataset)
    }

    fn numbers(&self, name: &str, values: &[i64]) -> hdf5::Result<Dataset> {
        self.file.new_dataset_builder().obj_track_times(false).with_data(values).create(name)
    }

    fn texts<'t>(&self, name: &str, values: impl Iterator<Item = &'t str>) -> hdf5::Result<Dataset> {
        let values: Vec<VarLenUnicode> = values.map(h5::text).collect();
        self.file.new_dataset_builder().obj_track_times(false).with_data(&values).create(name)
    }

    fn model(&mut self, model: &ModelFiles) -> hdf5::Result<()> {
        let group = |at: &Group, name: &str| at.create_group_builder().obj_track_times(false).create(name);
        let root = group(&self.file, "model")?;
        h5::text_attribute(&root, "main", &model.main)?;
        h5::text_attribute(&root, "layout", &model.layout)?;
        if let Some(folder) = &model.root {
            h5::text_attribute(&root, "root", folder)?;
        }
        let files = group(&root, "files")?;
        // Text and meshes repeat themselves, which the fast way for noise does not look for.
        let mut encoder = Encoder::new(Effort::Small);
        for (i, file) in model.files.iter().enumerate() {
            let rows = file.bytes.len().clamp(1, 1 << 20);
            let mut column = Column::create(&files, &format!("{i:04}"), ElementType::U8, Vec::new(), rows)?;
            column.append(&file.bytes, &mut encoder)?;
            column.flush(&mut encoder)?;
            h5::text_attribute(column.dataset(), "name", &file.name)?;
            h5::text_attribute(column.dataset(), "sha256", &file.sha256)?;
        }
        Ok(())
    }
}
