//! Parquet tables whose cells are numbers, texts, or lists and matrices of a fixed size.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use super::ExportError;
use crate::files::NewFolder;

/// What the numbers of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    U8,
    I64,
    F32,
    F64,
    Text,
}

impl Kind {
    /// As numpy and Hugging Face call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::U8 => "uint8",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::Text => "string",
        }
    }

    fn element(self, name: &str) -> Result<TypePtr, ParquetError> {
        let (physical, logical) = match self {
            Self::Bool => (Physical::BOOLEAN, None),
            Self::U8 => (Physical::INT32, Some(LogicalType::integer(8, false))),
            Self::I64 => (Physical::INT64, None),
            Self::F32 => (Physical::FLOAT, None),
            Self::F64 => (Physical::DOUBLE, None),
            Self::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED);
        builder.with_logical_type(logical).build().map(Arc::new)
    }
}

/// The values of a column, as many as its cells hold together, row by row.
#[derive(Debug, Clone)]
pub(super) enum Values {
    Bool(Vec<bool>),
    U8(Vec<u8>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Text(Vec<String>),
}

/// A column: its name, what it holds, and the shape of a cell: none for one value, one length for a list, two for a matrix.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) shape: Vec<usize>,
}

impl Column {
    /// The type of a cell: lists in Parquet's three levels, one list in another for a matrix.
    fn schema(&self) -> Result<TypePtr, ParquetError> {
        let innermost = if self.shape.is_empty() { self.name.as_str() } else { "element" };
        let mut inner = self.kind.element(innermost)?;
        for depth in (0..self.shape.len()).rev() {
            let list = Type::group_type_builder("list").with_repetition(Repetition::REPEATED).with_fields(vec![inner]);
            let name = if depth == 0 { self.name.as_str() } else { "element" };
            let group = Type::group_type_builder(name)
                .with_repetition(Repetition::REQUIRED)
                .with_logical_type(Some(LogicalType::List))
                .with_fields(vec![Arc::new(list.build()?)]);
            inner = Arc::new(group.build()?);
        }
        Ok(inner)
    }

    /// The levels of the values of `rows` cells: at which list each continues, and how deep it lies.
    fn levels(&self, rows: usize) -> (Vec<i16>, Vec<i16>) {
        let width: usize = self.shape.iter().product();
        let inner = self.shape.last().copied().unwrap_or(1);
        let depth = self.shape.len() as i16;
        let repeated = |k: usize| match (k % width, k % inner) {
            (0, _) => 0,
            (_, 0) => 1,
            _ => depth,
        };
        ((0..rows * width).map(repeated).collect(), vec![depth; rows * width])
    }
}

/// A table under way.
pub(super) struct Writer {
    path: PathBuf,
    columns: Vec<Column>,
    file: SerializedFileWriter<File>,
}

impl Writer {
    /// Begins a table, with notes about it.
    pub(super) fn create(
        folder: &NewFolder,
        name: &str,
        columns: Vec<Column>,
        notes: &[(&str, String)],
    ) -> Result<Self, ExportError> {
        let (path, file) = (PathBuf::from(name), folder.file(name)?);
        let begin = || {
            let fields = columns.iter().map(Column::schema).collect::<Result<_, _>>()?;
            let schema = Type::group_type_builder("schema").with_fields(fields).build()?;
            let notes = notes.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone())).collect();
            let properties =
                WriterProperties::builder().set_compression(Compression::SNAPPY).set_key_value_metadata(Some(notes));
            SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()))
        };
        let file = begin().map_err(|source| ExportError::Parquet { file: path.clone(), source })?;
        Ok(Self { path, columns, file })
    }

    /// Appends rows: the values of every column.
    pub(super) fn rows(&mut self, rows: usize, values: &[Values]) -> Result<(), ExportError> {
        let mut write = || {
            let mut group = self.file.next_row_group()?;
            for (column, values) in self.columns.iter().zip(values) {
                let levels = (!column.shape.is_empty()).then(|| column.levels(rows));
                let Some(mut writer) = group.next_column()? else { break };
                let levels = levels.as_ref();
                match values {
                    Values::Bool(values) => put::<BoolType>(&mut writer, values, levels)?,
                    Values::U8(values) => {
                        let wide: Vec<i32> = values.iter().map(|x| i32::from(*x)).collect();
                        put::<Int32Type>(&mut writer, &wide, levels)?;
                    }
                    Values::I64(values) => put::<Int64Type>(&mut writer, values, levels)?,
                    Values::F32(values) => put::<FloatType>(&mut writer, values, levels)?,
                    Values::F64(values) => put::<DoubleType>(&mut writer, values, levels)?,
                    Values::Text(values) => {
                        let bytes: Vec<ByteArray> = values.iter().map(|text| text.as_str().into()).collect();
                        put::<ByteArrayType>(&mut writer, &bytes, levels)?;
                    }
                }
                writer.close()?;
            }
            group.close().map(drop)
        };
        write().map_err(|source| ExportError::Parquet { file: self.path.clone(), source })
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> usize {
        self.file.bytes_written()
    }

    /// Ends the table.
    pub(super) fn finish(self) -> Result<(), ExportError> {
        let Self { path, file, .. } = self;
        file.close().map(drop).map_err(|source| ExportError::Parquet { file: path, source })
    }
}

fn put<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    values: &[T::T],
    levels: Option<&(Vec<i16>, Vec<i16>)>,
) -> Result<(), ParquetError> {
    let (repetition, definition) = levels.map_or((None, None), |(r, d)| (Some(&r[..]), Some(&d[..])));
    writer.typed::<T>().write_batch(values, definition, repetition).map(drop)
}
