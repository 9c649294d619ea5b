//! Errors of the engine as exceptions of Python, with the program's messages.

use dynsparse_engine::Error;
use pyo3::exceptions::{PyMemoryError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::{PyErr, create_exception};

create_exception!(
    dynsparse,
    DynsparseError,
    PyRuntimeError,
    "What dynsparse cannot do, and why: a model that MuJoCo or an engine refuses, a step that fails."
);
create_exception!(
    dynsparse,
    NotCoveredError,
    DynsparseError,
    "The model has something that the engine does not differentiate; the message names it."
);

/// Adds the exceptions to the module.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("DynsparseError", module.py().get_type::<DynsparseError>())?;
    module.add("NotCoveredError", module.py().get_type::<NotCoveredError>())
}

/// An error of the engine as an exception.
pub(crate) fn raised(error: &Error) -> PyErr {
    match error {
        Error::NotCovered { file, engine, obstacles, .. } => {
            let way = match *engine {
                "implicit" => "use engine=\"auto\" or \"whole-step\"",
                _ => "take that out of the model",
            };
            NotCoveredError::new_err(format!("{file}: the engine {engine} does not cover {obstacles}; {way}"))
        }
        Error::SensorsNotCovered { file, obstacles } => NotCoveredError::new_err(format!(
            "{file}: C and D are not covered for {obstacles}; use sensors=False, or take these out"
        )),
        Error::Control { .. } | Error::NoCycles(_) | Error::NoSteps | Error::StateSize { .. } => {
            PyValueError::new_err(error.to_string())
        }
        _ => {
            let message = error.to_string();
            // MuJoCo has no code for it.
            if message.contains("ould not allocate memory") {
                return PyMemoryError::new_err(message);
            }
            DynsparseError::new_err(message)
        }
    }
}
