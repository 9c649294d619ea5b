//! The module `dynsparse._native`: the engine for one model, over arrays of numpy. What people see of it is in Python, in the
//! folder `dynsparse` beside this one.
//!
//! Nothing here holds a pointer into MuJoCo objects of Python: a model comes as the bytes of `mj_saveModel`, a state as numbers.

mod batch;
mod cache;
mod chunks;
mod engine;
mod error;
mod inputs;
mod outputs;
mod pool;
mod slots;
mod watch;

use dynsparse_base::flags::StepFlags;
use dynsparse_engine::physics;
use pyo3::prelude::*;

/// The engine of dynsparse over arrays of numpy. A Python without the interpreter's lock takes it back while this module is there:
/// `Watch` reads memory of numpy under it, and a fork must not meet one of our locks.
#[pymodule(gil_used = true)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // The user's own calls of MuJoCo in this process keep their warnings.
    physics::share_messages();
    module.add_class::<engine::Engine>()?;
    module.add_class::<watch::Watch>()?;
    module.add_class::<chunks::ChunkReader>()?;
    error::add(module)?;
    module.add("MUJOCO_VERSION", physics::REQUIRED_VERSION)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    let flags: Vec<(&str, u32, &str)> =
        StepFlags::TABLE.into_iter().map(|(flag, name, meaning)| (name, flag.bits(), meaning)).collect();
    module.add("FLAGS", flags)?;
    module.add_function(wrap_pyfunction!(chunks::file_identity, module)?)?;
    module.add_function(wrap_pyfunction!(chunks::check_texts, module)?)?;
    module.add_function(wrap_pyfunction!(loaded_mujoco, module)?)?;
    module.add_function(wrap_pyfunction!(installed_callback, module)?)
}

/// The version of the MuJoCo library that this module is linked to in this process.
#[pyfunction]
fn loaded_mujoco() -> String {
    physics::mujoco_version()
}

/// The name of a callback that is installed in MuJoCo, or None.
#[pyfunction]
fn installed_callback() -> Option<&'static str> {
    physics::installed_callback()
}
