//! Columns of a Parquet file: numbers, and lists of as many numbers in every row.

use std::path::Path;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::{LogError, check_size};
use crate::bounded;

/// A column: numbers row by row, `width` of each row.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) width: usize,
    pub(super) values: Vec<f64>,
}

/// The numbers of a column, as its levels put them into rows.
#[derive(Default)]
struct Gathered {
    /// Entries of each row.
    widths: Vec<usize>,
    values: Vec<f64>,
}

/// Reads the columns that are wanted, and how many rows there are.
pub(super) fn read(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<(usize, Vec<Table>), LogError> {
    let file = path.display().to_string();
    let broken = |field: &str, e: &dyn std::fmt::Display| {
        let fix = "it may be cut short or damaged, or compressed otherwise than by snappy; write it again";
        LogError::new(&file, field, bounded::sentence(&e.to_string()), fix)
    };
    let opened = bounded::open(path).map_err(|e| broken("file", &e))?;
    let reader = SerializedFileReader::new(opened).map_err(|e| broken("file", &e))?;
    let about = reader.metadata().file_metadata();
    let rows = usize::try_from(about.num_rows()).map_err(|e| broken("file", &e))?;
    check_size(&file, "file", rows)?;
    let schema = about.schema_descr();
    let (mut tables, mut numbers) = (Vec::new(), 0_usize);
    for column in 0..schema.num_columns() {
        let about = schema.column(column);
        let parts = about.path().parts();
        let list = about.max_rep_level() == 1;
        let name = if list { parts[0].clone() } else { parts.join(".") };
        if about.max_rep_level() > 1 || !wanted(&name) {
            continue;
        }
        let field = format!("column {}", bounded::word(&name));
        let mut all = Gathered::default();
        for group in 0..reader.num_row_groups() {
            let chunk = reader.get_row_group(group).and_then(|g| g.get_column_reader(column));
            let chunk = chunk.map_err(|e| broken(&field, &e))?;
            let levels = (about.max_def_level(), list);
            let read = gather_any(chunk, levels, rows, &mut all);
            if !read.map_err(|e| broken(&field, &e))? {
                break;
            }
        }
        if all.widths.is_empty() && rows > 0 {
            continue;
        }
        let width = all.widths.first().copied().unwrap_or(1);
        if let Some(row) = all.widths.iter().position(|w| *w != width) {
            let problem = format!("has {} entries in row {row}, {width} in row 0", all.widths[row]);
            return Err(LogError::new(&file, &field, problem, "store as many in every row"));
        }
        if all.widths.len() != rows {
            return Err(broken(&field, &format!("has {} rows instead of {rows}", all.widths.len())));
        }
        numbers = numbers.saturating_add(all.values.len());
        check_size(&file, &field, numbers)?;
        if width > 0 {
            tables.push(Table { name, width, values: all.values });
        }
    }
    Ok((rows, tables))
}

/// Reads a chunk of any type of numbers; false for what are none.
fn gather_any(chunk: ColumnReader, levels: (i16, bool), most: usize, to: &mut Gathered) -> Result<bool, ParquetError> {
    match chunk {
        ColumnReader::FloatColumnReader(r) => gather(r, levels, most, to, |x| f64::from(*x))?,
        ColumnReader::DoubleColumnReader(r) => gather(r, levels, most, to, |x| *x)?,
        ColumnReader::Int32ColumnReader(r) => gather(r, levels, most, to, |x| f64::from(*x))?,
        ColumnReader::Int64ColumnReader(r) => gather(r, levels, most, to, |x| *x as f64)?,
        ColumnReader::BoolColumnReader(r) => gather(r, levels, most, to, |x| f64::from(u8::from(*x)))?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Rows that are decoded at a time.
const BLOCK: usize = 1 << 14;

fn gather<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    (defined, list): (i16, bool),
    most: usize,
    to: &mut Gathered,
    number: impl Fn(&T::T) -> f64,
) -> Result<(), ParquetError> {
    loop {
        let (mut def, mut rep, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let (records, _, levels) = reader.read_records(BLOCK, Some(&mut def), Some(&mut rep), &mut values)?;
        if records == 0 && levels == 0 {
            return Ok(());
        }
        let mut values = values.iter();
        for level in 0..levels.max(records) {
            // Without levels every value is there and begins a row.
            let there = defined == 0 || def.get(level).is_none_or(|d| *d == defined);
            let begins = !list || rep.get(level).is_none_or(|r| *r == 0);
            let value = if there { values.next().map(&number) } else { None };
            if begins {
                to.widths.push(0);
            }
            let Some(width) = to.widths.last_mut() else { continue };
            // A list without entries has a level and no place.
            if !list || there || def.get(level).is_some_and(|d| *d + 1 == defined) {
                *width += 1;
                to.values.push(value.unwrap_or(f64::NAN));
            }
        }
        if to.widths.len() > most {
            return Err(ParquetError::General("it has more rows than it says".to_owned()));
        }
    }
}
