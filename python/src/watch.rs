//! Whether arrays of numpy still hold what they held: how an edit of a model is seen.

use numpy::{PyArray1, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// An array, and where its bytes are.
struct Kept {
    _array: Py<PyArray1<u8>>,
    now: *const u8,
    bytes: usize,
    /// Its number among those that were given.
    number: usize,
}

/// Bytes of arrays, and what they were when this was made. It looks at hundreds of small arrays before every linearization, which has
/// pushed them out of the processor's caches: so they are in the order of their addresses, and what they were is in one piece.
#[pyclass(frozen, module = "dynsparse._native")]
pub(crate) struct Watch {
    arrays: Vec<Kept>,
    was: Vec<u8>,
}

// SAFETY: the addresses are read with the interpreter attached, see `changed`, and never written.
unsafe impl Send for Watch {}
// SAFETY: as above.
unsafe impl Sync for Watch {}

#[pymethods]
impl Watch {
    /// Of views into the memory of others: an array that owns its memory could be made larger elsewhere.
    #[new]
    #[pyo3(signature = (arrays))]
    fn new(arrays: Vec<Bound<'_, PyArray1<u8>>>) -> PyResult<Self> {
        let kept = |(number, array): (usize, Bound<'_, PyArray1<u8>>)| {
            let owns = array.getattr("flags")?.getattr("owndata")?.is_truthy()?;
            if owns || !array.is_c_contiguous() {
                return Err(PyValueError::new_err("an array to watch is no contiguous view of another's memory"));
            }
            Ok(Kept { now: array.data(), bytes: array.len(), number, _array: array.unbind() })
        };
        let mut arrays = arrays.into_iter().enumerate().map(kept).collect::<PyResult<Vec<Kept>>>()?;
        arrays.sort_by_key(|kept| kept.now);
        let mut made = Self { arrays, was: Vec::new() };
        made.was = made.arrays.iter().flat_map(|kept| made.now(kept)).copied().collect();
        Ok(made)
    }

    /// The number of an array that holds something else by now, or None.
    fn changed(&self, _py: Python<'_>) -> Option<usize> {
        let mut was = &self.was[..];
        let changed = self.arrays.iter().find(|kept| {
            let (before, rest) = was.split_at(kept.bytes);
            was = rest;
            self.now(kept) != before
        });
        changed.map(|kept| kept.number)
    }
}

impl Watch {
    /// What an array holds. Who calls it holds the interpreter.
    fn now(&self, kept: &Kept) -> &[u8] {
        // SAFETY: the view keeps the memory of its base alive, and a view is neither moved nor made smaller; who writes there
        // holds the interpreter, which the callers do.
        unsafe { std::slice::from_raw_parts(kept.now, kept.bytes) }
    }
}
