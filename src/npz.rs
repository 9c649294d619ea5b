//! Archives of arrays as numpy writes them (.npz): a zip file with a member for each array.

use std::fs::File;
use std::io::{self, BufReader};

use npyz::npz::{array_name_from_file_name, file_name_from_array_name};
use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order, TypeChar};
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use crate::{capacity, chunk};

/// The bytes of an array, its header first.
pub(crate) type Member<'a> = ZipFile<'a, BufReader<File>>;

/// An archive, open.
pub(crate) struct Archive(ZipArchive<BufReader<File>>);

impl Archive {
    /// Reads the archive's table.
    ///
    /// # Errors
    /// When the file is no archive, or a damaged one.
    pub(crate) fn new(file: File) -> io::Result<Self> {
        ZipArchive::new(BufReader::new(file)).map(Self).map_err(|e| match e {
            ZipError::Io(e) => e,
            e => io::Error::new(io::ErrorKind::InvalidData, e.to_string()),
        })
    }

    /// The names of all arrays, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let members = self.0.file_names_raw().map(String::from_utf8_lossy);
        let mut names: Vec<String> =
            members.filter_map(|name| array_name_from_file_name(&name).map(str::to_owned)).collect();
        names.sort();
        names
    }

    /// What is stored of an array; None where the archive has none of that name.
    ///
    /// # Errors
    /// When it is damaged, encrypted, or compressed otherwise than numpy does.
    pub(crate) fn member(&mut self, array: &str) -> io::Result<Option<Member<'_>>> {
        let damaged = |message: String| Err(io::Error::new(io::ErrorKind::InvalidData, message));
        match self.0.by_name(&file_name_from_array_name(array)) {
            Ok(member) => Ok(Some(member)),
            Err(ZipError::FileNotFound) => Ok(None),
            Err(ZipError::Io(e)) => Err(e),
            Err(ZipError::InvalidArchive(what)) => damaged(what.into_owned()),
            Err(ZipError::UnsupportedArchive(what)) => damaged(what.to_owned()),
            Err(e) => damaged(e.to_string()),
        }
    }

    /// The shape and the numbers (row-major) of an array; None where it holds something else than numbers.
    ///
    /// # Errors
    /// As [`Archive::member`], and for an array that declares more than its bytes can hold, or ends early.
    pub(crate) fn numbers(&mut self, array: &str) -> io::Result<Option<(Vec<usize>, Vec<f64>)>> {
        let damaged = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
        let missing = || damaged("it is not in the archive".to_owned());
        let mut member = self.member(array)?.ok_or_else(missing)?;
        let header = NpyHeader::from_reader(&mut member)?;
        let DType::Plain(kind) = header.dtype() else { return Ok(None) };
        let shape: Vec<usize> = header.shape().iter().map(|n| usize::try_from(*n).unwrap_or(usize::MAX)).collect();
        let item = usize::try_from(kind.size_field()).unwrap_or(usize::MAX);
        let held = chunk::bytes(&shape, item)
            .filter(|n| *n <= member.size() && *n <= chunk::inflated(member.compressed_size()));
        if held.is_none() {
            return Err(damaged(capacity::more(&shape, member.compressed_size())));
        }
        drop(member);
        let values = match (kind.type_char(), kind.size_field()) {
            (TypeChar::Float, 8) => self.all(array)?,
            (TypeChar::Float, 4) => self.all::<f32>(array)?.into_iter().map(f64::from).collect(),
            (TypeChar::Int, 8) => self.all::<i64>(array)?.into_iter().map(|x| x as f64).collect(),
            (TypeChar::Int, 4) => self.all::<i32>(array)?.into_iter().map(f64::from).collect(),
            (TypeChar::Bool, 1) => self.all::<bool>(array)?.into_iter().map(|x| f64::from(u8::from(x))).collect(),
            _ => return Ok(None),
        };
        // The sizes were multiplied without overflow above.
        if values.len() != shape.iter().product::<usize>() {
            return Err(damaged("it ends early".to_owned()));
        }
        Ok(Some((shape.clone(), if header.order() == Order::Fortran { row_major(&values, &shape) } else { values })))
    }

    /// The shape that an array declares.
    ///
    /// # Errors
    /// As [`Archive::member`].
    #[cfg(feature = "learn")]
    pub(crate) fn shape(&mut self, array: &str) -> io::Result<Vec<usize>> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "it is not in the archive");
        let header = NpyHeader::from_reader(&mut self.member(array)?.ok_or_else(missing)?)?;
        Ok(header.shape().iter().map(|n| usize::try_from(*n).unwrap_or(usize::MAX)).collect())
    }

    /// What numpy calls the type of an array's entries, such as `'<f2'`.
    ///
    /// # Errors
    /// As [`Archive::member`].
    pub(crate) fn kind(&mut self, array: &str) -> io::Result<String> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "it is not in the archive");
        let mut member = self.member(array)?.ok_or_else(missing)?;
        Ok(format!("the type {}", NpyHeader::from_reader(&mut member)?.dtype().descr()))
    }

    fn all<T: Deserialize>(&mut self, array: &str) -> io::Result<Vec<T>> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "it is not in the archive");
        let mut member = self.member(array)?.ok_or_else(missing)?;
        let values = NpyFile::new(&mut member).and_then(NpyFile::into_vec)?;
        // The checksum is compared at the end of the member, which may lie behind the last number.
        io::copy(&mut member, &mut io::sink())?;
        Ok(values)
    }
}

/// Turns column-major (Fortran) values into row-major ones.
pub(crate) fn row_major(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut out = vec![0.0; values.len()];
    for (k, value) in values.iter().enumerate() {
        let (mut rest, mut at, mut stride) = (k, 0, values.len());
        for size in shape {
            stride /= size;
            at += (rest % size) * stride;
            rest /= size;
        }
        out[at] = *value;
    }
    out
}
