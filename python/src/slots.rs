//! Where rows of a recording go: arrays of numpy that are written in place, each row by the thread that has its chunk.

use numpy::{Element, PyArray2, PyArrayMethods, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

/// What a recording stores, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    F64,
    F32,
    I64,
    I32,
    U32,
    U8,
}

impl Kind {
    /// Of numpy's name.
    pub(crate) fn named(name: &str) -> PyResult<Self> {
        Ok(match name {
            "float64" => Self::F64,
            "float32" => Self::F32,
            "int64" => Self::I64,
            "int32" => Self::I32,
            "uint32" => Self::U32,
            "uint8" => Self::U8,
            other => return Err(PyTypeError::new_err(format!("no recording holds numbers of type {other}"))),
        })
    }

    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::U8 => 1,
        }
    }
}

/// An array of rows that is borrowed from Python for as long as it is written. Its type is that of the recording; floats may be
/// shortened or widened.
pub(crate) enum Rows<'py> {
    F64(PyReadwriteArray2<'py, f64>),
    F32(PyReadwriteArray2<'py, f32>),
    I64(PyReadwriteArray2<'py, i64>),
    I32(PyReadwriteArray2<'py, i32>),
    U32(PyReadwriteArray2<'py, u32>),
    U8(PyReadwriteArray2<'py, u8>),
}

impl<'py> Rows<'py> {
    /// Borrows an array with this shape.
    pub(crate) fn borrow(array: &Bound<'py, PyAny>, kind: Kind, shape: [usize; 2]) -> PyResult<Self> {
        Ok(match kind {
            Kind::F64 | Kind::F32 => match array.cast::<PyArray2<f32>>() {
                Ok(short) => Self::F32(borrowed(short, shape)?),
                Err(_) => Self::F64(borrowed(cast(array)?, shape)?),
            },
            Kind::I64 => Self::I64(borrowed(cast(array)?, shape)?),
            Kind::I32 => Self::I32(borrowed(cast(array)?, shape)?),
            Kind::U32 => Self::U32(borrowed(cast(array)?, shape)?),
            Kind::U8 => Self::U8(borrowed(cast(array)?, shape)?),
        })
    }

    /// Its rows, each as a place for numbers.
    pub(crate) fn slots(&mut self, width: usize) -> PyResult<Vec<Option<Slot<'_>>>> {
        fn rows<'a, T: Element>(
            array: &'a mut PyReadwriteArray2<'_, T>,
            width: usize,
            slot: fn(&'a mut [T]) -> Slot<'a>,
        ) -> PyResult<Vec<Option<Slot<'a>>>> {
            let all = array.as_slice_mut().map_err(|_| PyValueError::new_err("an output is not contiguous"))?;
            Ok(all.chunks_exact_mut(width).map(|row| Some(slot(row))).collect())
        }
        match self {
            Self::F64(array) => rows(array, width, Slot::F64),
            Self::F32(array) => rows(array, width, Slot::F32),
            Self::I64(array) => rows(array, width, Slot::I64),
            Self::I32(array) => rows(array, width, Slot::I32),
            Self::U32(array) => rows(array, width, Slot::U32),
            Self::U8(array) => rows(array, width, Slot::U8),
        }
    }
}

fn cast<'a, 'py, T: Element>(array: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, PyArray2<T>>> {
    let unfit = |_| PyTypeError::new_err("an output has not two axes, or not the type of what is stored");
    array.cast::<PyArray2<T>>().map_err(unfit)
}

fn borrowed<'py, T: Element>(
    array: &Bound<'py, PyArray2<T>>,
    [rows, width]: [usize; 2],
) -> PyResult<PyReadwriteArray2<'py, T>> {
    if array.shape() != [rows, width] || !array.is_c_contiguous() {
        let found = array.shape();
        return Err(PyValueError::new_err(format!(
            "an output of shape {found:?} is given, where a contiguous one of [{rows}, {width}] is needed"
        )));
    }
    array.try_readwrite().map_err(|e| PyValueError::new_err(format!("an output cannot be written: {e}")))
}

/// 64-bit floats as 32-bit ones, into half of the bytes.
pub(crate) fn shorten(bytes: &[u8], short: &mut [u8]) {
    for (to, from) in short.as_chunks_mut().0.iter_mut().zip(bytes.as_chunks().0) {
        *to = (f64::from_le_bytes(*from) as f32).to_le_bytes();
    }
}

/// A place for some numbers of one row.
pub(crate) enum Slot<'a> {
    F64(&'a mut [f64]),
    F32(&'a mut [f32]),
    I64(&'a mut [i64]),
    I32(&'a mut [i32]),
    U32(&'a mut [u32]),
    U8(&'a mut [u8]),
}

impl<'a> Slot<'a> {
    /// The first numbers of it, and the rest.
    pub(crate) fn split(self, at: usize) -> (Self, Self) {
        fn halves<'a, T>(all: &'a mut [T], at: usize, slot: fn(&'a mut [T]) -> Slot<'a>) -> (Slot<'a>, Slot<'a>) {
            let (first, rest) = all.split_at_mut(at);
            (slot(first), slot(rest))
        }
        match self {
            Self::F64(all) => halves(all, at, Self::F64),
            Self::F32(all) => halves(all, at, Self::F32),
            Self::I64(all) => halves(all, at, Self::I64),
            Self::I32(all) => halves(all, at, Self::I32),
            Self::U32(all) => halves(all, at, Self::U32),
            Self::U8(all) => halves(all, at, Self::U8),
        }
    }

    /// Whether it takes floats that are shortened.
    pub(crate) fn is_short(&self) -> bool {
        matches!(self, Self::F32(_))
    }

    /// Writes the numbers of a row that were shortened before.
    pub(crate) fn fill_short(&mut self, bytes: &[u8]) {
        if let Self::F32(to) = self {
            for (to, from) in to.iter_mut().zip(bytes.as_chunks().0) {
                *to = f32::from_le_bytes(*from);
            }
        }
    }

    /// Writes the numbers of a row, as they are stored.
    pub(crate) fn fill(&mut self, bytes: &[u8]) {
        fn each<T, const N: usize>(to: &mut [T], bytes: &[u8], number: impl Fn([u8; N]) -> T) {
            for (to, from) in to.iter_mut().zip(bytes.as_chunks::<N>().0) {
                *to = number(*from);
            }
        }
        match self {
            // Floats are stored in 8 bytes or in 4.
            Self::F64(to) if bytes.len() == 4 * to.len() => each(to, bytes, |x| f64::from(f32::from_le_bytes(x))),
            Self::F32(to) if bytes.len() == 4 * to.len() => each(to, bytes, f32::from_le_bytes),
            Self::F64(to) => each(to, bytes, f64::from_le_bytes),
            Self::F32(to) => each(to, bytes, |x| f64::from_le_bytes(x) as f32),
            Self::I64(to) => each(to, bytes, i64::from_le_bytes),
            Self::I32(to) => each(to, bytes, i32::from_le_bytes),
            Self::U32(to) => each(to, bytes, u32::from_le_bytes),
            Self::U8(to) => to.copy_from_slice(bytes),
        }
    }
}
