//! Tables as Parquet.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use serde_json::Value;

use super::table::Table;

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Float,
    Text,
}

impl Kind {
    /// The narrowest kind that holds every value; null fits all.
    fn of<'a>(values: impl Iterator<Item = &'a Value>) -> Self {
        let kind = |value: &Value| match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Bool),
            Value::Number(n) if n.as_i64().is_some() => Some(Self::Int),
            Value::Number(_) => Some(Self::Float),
            _ => Some(Self::Text),
        };
        let both = |a: Self, b: Self| match (a, b) {
            _ if a == b => a,
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Self::Float,
            _ => Self::Text,
        };
        values.filter_map(kind).reduce(both).unwrap_or(Self::Float)
    }

    fn physical(self) -> Physical {
        match self {
            Self::Bool => Physical::BOOLEAN,
            Self::Int => Physical::INT64,
            Self::Float => Physical::DOUBLE,
            Self::Text => Physical::BYTE_ARRAY,
        }
    }
}

/// A table as Parquet, uncompressed, every column optional; `notes` become metadata of the file.
pub(super) fn encode(table: &Table, notes: &[(&str, String)]) -> Result<Vec<u8>, ParquetError> {
    let column = |i: usize| table.rows.iter().map(move |row| &row[i]);
    let kinds: Vec<Kind> = (0..table.columns.len()).map(|i| Kind::of(column(i))).collect();
    let field = |(name, kind): (&str, Kind)| {
        let text = (kind == Kind::Text).then_some(LogicalType::String);
        let builder = Type::primitive_type_builder(name, kind.physical()).with_repetition(Repetition::OPTIONAL);
        builder.with_logical_type(text).build().map(Arc::new)
    };
    let fields = table.columns.iter().map(|c| c.name).zip(kinds.iter().copied()).map(field);
    let schema = Type::group_type_builder(table.name).with_fields(fields.collect::<Result<_, _>>()?).build()?;
    let notes = notes.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone())).collect();
    let properties = WriterProperties::builder().set_key_value_metadata(Some(notes)).build();
    let mut out = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut out, Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (i, kind) in kinds.into_iter().enumerate() {
        let text = |value: &Value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (!value.is_null()).then(|| ByteArray::from(text.into_bytes()))
        };
        match kind {
            Kind::Bool => put::<BoolType>(&mut group, column(i).map(Value::as_bool))?,
            Kind::Int => put::<Int64Type>(&mut group, column(i).map(Value::as_i64))?,
            Kind::Float => put::<DoubleType>(&mut group, column(i).map(Value::as_f64))?,
            Kind::Text => put::<ByteArrayType>(&mut group, column(i).map(text))?,
        }
    }
    group.close()?;
    writer.close()?;
    Ok(out)
}

/// Writes the next column.
fn put<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    values: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let (mut present, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        present.extend(value);
    }
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(&present, Some(&levels), None)?;
        column.close()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use serde_json::json;

    use super::super::table::Column;
    use super::*;

    #[test]
    fn a_table_comes_back() {
        let column = |name| Column { name, about: "" };
        let table = Table {
            name: "made",
            about: "",
            columns: ["text", "int", "float", "bool", "nothing"].map(column).to_vec(),
            rows: vec![
                vec![json!("a,\"b\""), json!(1), json!(1), json!(true), Value::Null],
                vec![Value::Null, Value::Null, json!(0.1), json!(false), Value::Null],
            ],
        };
        let bytes = encode(&table, &[("settings", "{}".to_owned())]).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let rows: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(rows[0], "{text: \"a,\"b\"\", int: 1, float: 1.0, bool: true, nothing: null}");
        assert_eq!(rows[1], "{text: null, int: null, float: 0.1, bool: false, nothing: null}");
        let notes = reader.metadata().file_metadata().key_value_metadata().unwrap();
        assert!(notes.iter().any(|n| n.key == "settings" && n.value.as_deref() == Some("{}")));
    }
}
