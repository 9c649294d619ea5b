//! Whether arrays of numpy still hold what they held: how an edit of a model is seen.

use numpy::{PyArray1, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// An array, where its bytes are, and what they were.
struct Kept {
    _array: Py<PyArray1<u8>>,
    now: *const u8,
    was: Vec<u8>,
}

/// Bytes of arrays, and what they were when this was made. It looks at hundreds of small arrays before every linearization, so that
/// it keeps their addresses.
#[pyclass(frozen, module = "dynsparse._native")]
pub(crate) struct Watch(Vec<Kept>);

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
        let kept = |array: Bound<'_, PyArray1<u8>>| {
            let owns = array.getattr("flags")?.getattr("owndata")?.is_truthy()?;
            if owns || !array.is_c_contiguous() {
                return Err(PyValueError::new_err("an array to watch is no contiguous view of another's memory"));
            }
            let was = array.to_vec().map_err(|_| PyValueError::new_err("an array to watch is not contiguous"))?;
            Ok(Kept { now: array.data(), was, _array: array.unbind() })
        };
        arrays.into_iter().map(kept).collect::<PyResult<_>>().map(Self)
    }

    /// The number of the first array that holds something else by now, or None.
    fn changed(&self, _py: Python<'_>) -> Option<usize> {
        self.0.iter().position(|kept| {
            // SAFETY: the view keeps the memory of its base alive, and a view is neither moved nor made smaller; who writes there
            // holds the interpreter, which we do now.
            let now = unsafe { std::slice::from_raw_parts(kept.now, kept.was.len()) };
            now != kept.was
        })
    }
}
