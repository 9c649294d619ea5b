//! Trajectories in numpy's .npz. A compressed archive cannot be read from the middle, so its arrays are
//! held in memory.

use std::cell::RefCell;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order, TypeChar};

use super::layout::{Column, Field, Found, Table, Want, shape_text, table};
use super::{ReplayError, Span, layout};
use crate::npz::{Archive, Member, row_major};
use crate::{capacity, chunk};

/// The arrays of an archive, by name, row-major.
#[derive(Debug)]
pub(super) struct Npz(Vec<(String, Vec<f64>)>);

impl Npz {
    /// Reads and checks a file; returns its table and the episodes in it.
    pub(super) fn open(path: &Path, name: &str, want: &Want<'_>) -> Result<(Self, Vec<Table>, Vec<Span>), ReplayError> {
        let archive = File::open(path).and_then(Archive::new).map_err(|e| damaged(name, "the archive", e))?;
        let names = archive.names();
        let archive = RefCell::new(archive);
        let find = |field: Field| {
            let Some(array) = field.names(want).iter().find(|n| names.iter().any(|m| m == *n)) else { return Ok(None) };
            let header = header(&mut archive.borrow_mut(), name, array)?;
            let fits = is(&header, TypeChar::Float, &[4, 8]) || field.is_whole() && is(&header, TypeChar::Int, &[4, 8]);
            let wrong_type = (!fits).then(|| header.dtype().descr());
            Ok(Some(Found { path: (*array).to_owned(), shape: shape(&header), wrong_type }))
        };
        let table = table(name, "", want, find, || names.clone())?;
        let mut archive = archive.into_inner();
        let there = layout::ENDS.into_iter().filter(|end| names.iter().any(|name| name == end));
        let ends: Vec<Vec<bool>> =
            there.map(|end| ends(&mut archive, name, end, table.rows)).collect::<Result<_, _>>()?;
        let episodes = if names.iter().any(|n| n == "episode_offsets") {
            let offsets = offsets(&mut archive, name)?;
            layout::check_agree(name, table.rows, &offsets, &ends)?;
            layout::episodes(name, &table, &offsets)?
        } else if ends.is_empty() {
            vec![(0, table.rows)]
        } else {
            layout::episodes(name, &table, &layout::cut(table.rows, &ends))?
        };
        let mut arrays = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            arrays.push((column.path.clone(), floats(&mut archive, name, column)?));
        }
        let spans = episodes.into_iter().map(|(start, steps)| Span { table: 0, start, steps }).collect();
        Ok((Self(arrays), vec![table], spans))
    }

    /// Rows of an array, row-major.
    pub(super) fn read(&self, column: &Column, rows: Range<usize>) -> Vec<f64> {
        let array = self.0.iter().find(|(name, _)| *name == column.path);
        let range = rows.start * column.width..rows.end * column.width;
        array.and_then(|(_, values)| values.get(range)).map(<[f64]>::to_vec).unwrap_or_default()
    }
}

/// The header of an array whose rows its part of the archive can hold.
fn header(archive: &mut Archive, file: &str, array: &str) -> Result<NpyHeader, ReplayError> {
    let length = std::fs::metadata(file).map_or(u64::MAX, |m| m.len());
    let mut member = member(archive, file, array)?;
    let header = NpyHeader::from_reader(&mut member).map_err(|e| damaged(file, &format!("array {array}"), e))?;
    let stored = member.compressed_size().min(length);
    let item = match header.dtype() {
        DType::Plain(t) => usize::try_from(t.size_field()).unwrap_or(usize::MAX),
        _ => 1,
    };
    let held = chunk::bytes(&shape(&header), item).filter(|n| *n <= member.size() && *n <= chunk::inflated(stored));
    if held.is_none() {
        let message = capacity::more(&shape(&header), stored);
        return Err(ReplayError::Size { file: file.to_owned(), array: array.to_owned(), message });
    }
    Ok(header)
}

fn member<'a>(archive: &'a mut Archive, file: &str, array: &str) -> Result<Member<'a>, ReplayError> {
    let failed = |why: String| damaged(file, &format!("array {array}"), why);
    let member = archive.member(array).map_err(|e| failed(e.to_string()))?;
    member.ok_or_else(|| failed("it is not in the archive".to_owned()))
}

/// Saturates, so that a shape beyond this machine fails a check instead of wrapping into a small one.
fn shape(header: &NpyHeader) -> Vec<usize> {
    header.shape().iter().map(|n| usize::try_from(*n).unwrap_or(usize::MAX)).collect()
}

fn is(header: &NpyHeader, kind: TypeChar, sizes: &[u64]) -> bool {
    matches!(header.dtype(), DType::Plain(t) if t.type_char() == kind && sizes.contains(&t.size_field()))
}

fn values<T: Deserialize>(archive: &mut Archive, file: &str, array: &str) -> Result<Vec<T>, ReplayError> {
    let failed = |e: std::io::Error| damaged(file, &format!("array {array}"), e);
    let mut member = member(archive, file, array)?;
    let values = NpyFile::new(&mut member).and_then(NpyFile::into_vec).map_err(failed)?;
    // The checksum is compared at the end of the member, which may lie behind the last number.
    std::io::copy(&mut member, &mut std::io::sink()).map_err(failed)?;
    Ok(values)
}

fn floats(archive: &mut Archive, file: &str, column: &Column) -> Result<Vec<f64>, ReplayError> {
    let header = header(archive, file, &column.path)?;
    let values: Vec<f64> = if is(&header, TypeChar::Float, &[4]) {
        values::<f32>(archive, file, &column.path)?.into_iter().map(f64::from).collect()
    } else if is(&header, TypeChar::Int, &[4]) {
        values::<i32>(archive, file, &column.path)?.into_iter().map(f64::from).collect()
    } else if is(&header, TypeChar::Int, &[8]) {
        values::<i64>(archive, file, &column.path)?.into_iter().map(|x| x as f64).collect()
    } else {
        values(archive, file, &column.path)?
    };
    // The sizes were multiplied without overflow when the column was checked.
    if values.len() != column.shape.iter().product::<usize>() {
        return Err(damaged(file, &format!("array {}", column.path), "it ends early"));
    }
    Ok(if header.order() == Order::Fortran { row_major(&values, &column.shape) } else { values })
}

fn offsets(archive: &mut Archive, file: &str) -> Result<Vec<i64>, ReplayError> {
    let array = "episode_offsets";
    let header = header(archive, file, array)?;
    if header.shape().len() != 1 {
        return Err(ReplayError::Shape {
            file: file.to_owned(),
            array: array.to_owned(),
            found: shape_text(&shape(&header)),
            expected: "(episodes + 1,)".to_owned(),
            fix: "store a flat list of row numbers".to_owned(),
        });
    }
    if is(&header, TypeChar::Int, &[8]) {
        values(archive, file, array)
    } else if is(&header, TypeChar::Int, &[4]) {
        Ok(values::<i32>(archive, file, array)?.into_iter().map(i64::from).collect())
    } else if is(&header, TypeChar::Uint, &[4]) {
        Ok(values::<u32>(archive, file, array)?.into_iter().map(i64::from).collect())
    } else if is(&header, TypeChar::Uint, &[8]) {
        let unsigned = values::<u64>(archive, file, array)?;
        Ok(unsigned.into_iter().map(|n| i64::try_from(n).unwrap_or(i64::MAX)).collect())
    } else {
        Err(ReplayError::DType {
            file: file.to_owned(),
            array: array.to_owned(),
            found: header.dtype().descr(),
            expected: "integers of 32 or 64 bits",
        })
    }
}

/// Of every row whether an episode ends with it.
fn ends(archive: &mut Archive, file: &str, array: &str, rows: usize) -> Result<Vec<bool>, ReplayError> {
    let header = header(archive, file, array)?;
    layout::check_ends(file, array, &shape(&header), rows)?;
    let numbers: Vec<f64> = if is(&header, TypeChar::Bool, &[1]) {
        return values(archive, file, array);
    } else if is(&header, TypeChar::Float, &[8]) {
        values(archive, file, array)?
    } else if is(&header, TypeChar::Float, &[4]) {
        values::<f32>(archive, file, array)?.into_iter().map(f64::from).collect()
    } else if is(&header, TypeChar::Int, &[8]) {
        values::<i64>(archive, file, array)?.into_iter().map(|x| x as f64).collect()
    } else if is(&header, TypeChar::Int, &[4]) {
        values::<i32>(archive, file, array)?.into_iter().map(f64::from).collect()
    } else if is(&header, TypeChar::Int, &[1]) {
        values::<i8>(archive, file, array)?.into_iter().map(f64::from).collect()
    } else if is(&header, TypeChar::Uint, &[1]) {
        values::<u8>(archive, file, array)?.into_iter().map(f64::from).collect()
    } else {
        return Err(ReplayError::DType {
            file: file.to_owned(),
            array: array.to_owned(),
            found: header.dtype().descr(),
            expected: "booleans, floats, or integers of 8, 32 or 64 bits",
        });
    };
    layout::ends_of(file, array, numbers)
}

fn damaged(file: &str, what: &str, error: impl ToString) -> ReplayError {
    let message = error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(", ");
    ReplayError::Damaged { file: file.to_owned(), what: what.to_owned(), message }
}
