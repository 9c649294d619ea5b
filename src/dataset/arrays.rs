//! A file of labelled arrays that belong to rows of a recording: what a study of a recording finds, beside it. As a recording it
//! describes itself: every axis has a scale, every variable says what it is and what its codes mean.

use std::path::{Path, PathBuf};

use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, File};

use super::codec::{Effort, Encoder};
use super::column::Column;
use super::schema::ElementType;
use super::{Attribute, DatasetError, h5};

/// The root attributes `format` and `format_version` of the graphs of a study by interventions.
pub const INFLUENCE: (&str, i64) = ("dynsparse-influence", 1);

/// An axis of such a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayAxis {
    /// Its name, and that of its scale.
    pub name: &'static str,
    /// What it runs over.
    pub about: &'static str,
    /// What its entries are called.
    pub entries: AxisEntries,
}

/// Entries of an axis.
#[derive(Debug, Clone, PartialEq)]
pub enum AxisEntries {
    /// The rows, which come one by one.
    Rows,
    /// Texts.
    Labels(Vec<String>),
    /// Numbers.
    Numbers(Vec<f64>),
}

/// A variable of such a file, which has an entry for every row.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayVariable {
    /// Its name.
    pub name: &'static str,
    /// Type of its elements.
    pub kind: ElementType,
    /// Names of the axes behind that of the rows.
    pub axes: Vec<&'static str>,
    /// What it is.
    pub about: &'static str,
    /// Names of its codes 0, 1, ...
    pub codes: &'static [&'static str],
    /// Names of its bits from the lowest on.
    pub bits: &'static [&'static str],
}

/// Writes such a file. Nothing is promised of it before [`ArrayWriter::finish`] has returned.
#[derive(Debug)]
pub struct ArrayWriter {
    path: PathBuf,
    file: File,
    axes: Vec<ArrayAxis>,
    columns: Vec<(ArrayVariable, Column)>,
    encoder: Encoder,
    rows: usize,
}

impl ArrayWriter {
    /// Creates a file, which must not exist. The first axis is that of the rows.
    ///
    /// # Errors
    /// [`DatasetError::Io`].
    pub fn create(path: &Path, axes: Vec<ArrayAxis>, variables: Vec<ArrayVariable>) -> Result<Self, DatasetError> {
        let file = h5::create(path)?;
        let trouble = |e: hdf5::Error| DatasetError::h5(path, "cannot be written", &e);
        let columns = variables.into_iter().map(|variable| {
            let size = |name: &&str| axes.iter().find(|axis| axis.name == *name).map_or(0, |axis| axis.entries.len());
            let tail: Vec<usize> = variable.axes.iter().map(size).collect();
            let column = Column::create(&file, variable.name, variable.kind, tail, 1)?;
            describe(column.dataset(), &variable)?;
            Ok((variable, column))
        });
        let columns = columns.collect::<hdf5::Result<_>>().map_err(trouble)?;
        let encoder = Encoder::new(Effort::default());
        Ok(Self { path: path.to_owned(), file, axes, columns, encoder, rows: 0 })
    }

    /// Appends a row: the little-endian bytes of every variable, in the order of the variables.
    ///
    /// # Errors
    /// [`DatasetError::Io`], for example when the disk is full.
    ///
    /// # Panics
    /// When there are other numbers of bytes than the axes have it.
    pub fn row(&mut self, values: &[&[u8]]) -> Result<(), DatasetError> {
        assert_eq!(values.len(), self.columns.len(), "a value for each variable");
        let Self { columns, encoder, path, .. } = self;
        for ((variable, column), bytes) in columns.iter_mut().zip(values) {
            assert_eq!(bytes.len(), column.row_bytes(), "{}", variable.name);
            column.append(bytes, encoder).map_err(|e| DatasetError::h5(path, "cannot be written", &e))?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Writes what is left, the scales, variables without rows (a name, an axis, what it is, its numbers) and the attributes, and
    /// closes the file.
    ///
    /// # Errors
    /// [`DatasetError::Io`].
    pub fn finish(
        mut self,
        fixed: &[(&str, &str, &str, Vec<f64>)],
        attributes: &[(&str, Attribute)],
    ) -> Result<(), DatasetError> {
        let path = self.path.clone();
        let trouble = |e: hdf5::Error| DatasetError::h5(&path, "cannot be written", &e);
        self.end(fixed, attributes).map_err(trouble)?;
        let Self { file, columns, .. } = self;
        drop(columns);
        file.close().map_err(trouble)
    }

    fn end(&mut self, fixed: &[(&str, &str, &str, Vec<f64>)], attributes: &[(&str, Attribute)]) -> hdf5::Result<()> {
        for (_, column) in &mut self.columns {
            column.flush(&mut self.encoder)?;
        }
        let scales = self.axes.iter().map(|axis| self.scale(axis)).collect::<hdf5::Result<Vec<Dataset>>>()?;
        let place = |name: &str| self.axes.iter().position(|axis| axis.name == name);
        for (variable, column) in &self.columns {
            h5::attach_scale(column.dataset(), &scales[0], 0)?;
            for (i, name) in variable.axes.iter().enumerate() {
                if let Some(axis) = place(name) {
                    h5::attach_scale(column.dataset(), &scales[axis], i + 1)?;
                }
            }
        }
        for (name, axis, about, numbers) in fixed {
            let dataset = self.dataset(name, numbers)?;
            h5::text_attribute(&dataset, "long_name", about)?;
            if let Some(axis) = place(axis) {
                h5::attach_scale(&dataset, &scales[axis], 0)?;
            }
        }
        attributes.iter().try_for_each(|(name, value)| h5::attribute(&self.file, name, value))
    }

    fn scale(&self, axis: &ArrayAxis) -> hdf5::Result<Dataset> {
        let dataset = match &axis.entries {
            AxisEntries::Rows => self.dataset(axis.name, &(0..self.rows as i64).collect::<Vec<_>>())?,
            AxisEntries::Numbers(numbers) => self.dataset(axis.name, numbers)?,
            AxisEntries::Labels(labels) => {
                self.dataset(axis.name, &labels.iter().map(|label| h5::text(label)).collect::<Vec<VarLenUnicode>>())?
            }
        };
        h5::text_attribute(&dataset, "long_name", axis.about)?;
        h5::set_scale(&dataset, axis.name)?;
        Ok(dataset)
    }

    fn dataset<T: hdf5::H5Type>(&self, name: &str, values: &[T]) -> hdf5::Result<Dataset> {
        self.file.new_dataset_builder().obj_track_times(false).with_data(values).create(name)
    }
}

impl AxisEntries {
    fn len(&self) -> usize {
        match self {
            Self::Rows => 0,
            Self::Labels(labels) => labels.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }
}

fn describe(dataset: &Dataset, variable: &ArrayVariable) -> hdf5::Result<()> {
    h5::text_attribute(dataset, "long_name", variable.about)?;
    let (codes, bits) = (variable.codes, variable.bits);
    if !codes.is_empty() {
        let values: Vec<u8> = (0..codes.len() as u8).collect();
        dataset.new_attr_builder().with_data(&values).create("flag_values")?;
    }
    if !bits.is_empty() {
        let masks: Vec<u8> = (0..bits.len()).map(|bit| 1 << bit).collect();
        dataset.new_attr_builder().with_data(&masks).create("flag_masks")?;
    }
    let names = if codes.is_empty() { bits } else { codes };
    if names.is_empty() { Ok(()) } else { h5::text_attribute(dataset, "flag_meanings", &names.join(" ")) }
}
