//! The engine for one model, as a class of Python.

use std::sync::{Arc, Mutex, PoisonError};

use dynsparse_engine::physics::Solver;
use dynsparse_engine::{Differentiator, EngineChoice, Model, Settings, Sim, SolverMode};
use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::batch::{self, Plan, Why};
use crate::error::{DynsparseError, raised};
use crate::inputs::{Inputs, copy_of};
use crate::outputs::Arrays;
use crate::pool::{Owned, pool};

/// The engine for one model: what `dynsparse.Linearizer` runs on.
#[pyclass(frozen, module = "dynsparse._native")]
pub(crate) struct Engine {
    model: Arc<Model>,
    settings: Settings,
    threads: usize,
    /// The integration state of a fresh simulation.
    default: Vec<f64>,
    /// Its locks are those of the process that made it.
    differentiator: Mutex<Owned<Arc<Differentiator>>>,
}

impl Engine {
    /// The differentiator, made anew after a fork. The lock is held by who has the interpreter only.
    fn differentiator(&self, _py: Python<'_>) -> PyResult<Arc<Differentiator>> {
        let mut owned = self.differentiator.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = owned.here() {
            return Ok(there.clone());
        }
        let new = Arc::new(Differentiator::new(&self.model, &self.settings).map_err(|e| raised(&e))?);
        std::mem::forget(std::mem::replace(&mut *owned, Owned::new(new.clone())));
        Ok(new)
    }
}

/// A word among those that are known.
fn chosen<T: Copy>(what: &str, word: &str, known: &[(&str, T)]) -> PyResult<T> {
    known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<String> = known.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        PyValueError::new_err(format!("{what} is \"{word}\"; give one of {}", names.join(", ")))
    })
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (mjb, file, *, engine, solver, zero_test, sensors, threads))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn new(
        py: Python<'_>,
        mjb: PyReadonlyArray1<'_, u8>,
        file: &str,
        engine: &str,
        solver: &str,
        zero_test: bool,
        sensors: bool,
        threads: usize,
    ) -> PyResult<Self> {
        let engines = [
            ("auto", EngineChoice::Auto),
            ("implicit", EngineChoice::Implicit),
            ("whole-step", EngineChoice::WholeStep),
            ("transition-fd", EngineChoice::TransitionFd),
        ];
        // Besides the mode, what the model is set to before: a recording steps and differentiates with one solver.
        let solvers = [
            ("converged", (SolverMode::Converged, None)),
            ("recording", (SolverMode::Task, Some(Solver::CONVERGED))),
            ("task", (SolverMode::Task, None)),
        ];
        let (mode, set) = chosen("solver", solver, &solvers)?;
        let mut settings = Settings::new().engine(chosen("engine", engine, &engines)?).solver(mode);
        if sensors {
            settings = settings.sensors();
        }
        if !zero_test {
            settings = settings.without_zero_test();
        }
        let bytes = copy_of("the model", mjb.as_array().iter().copied())?;
        let made = py.detach(|| {
            let mut model = Model::from_mjb(file, &bytes)?;
            if let Some(solver) = set {
                model.set_solver(solver);
            }
            let model = Arc::new(model);
            let mut default = vec![0.0; model.state_size()];
            Sim::new(&model)?.get_state(&mut default)?;
            let differentiator = Arc::new(Differentiator::new(&model, &settings)?);
            Ok((model, default, differentiator))
        });
        let (model, default, differentiator) = made.map_err(|e| raised(&e))?;
        Ok(Self { model, settings, threads, default, differentiator: Mutex::new(Owned::new(differentiator)) })
    }

    /// The sizes of the model: nq, nv, nu, na, ndx, nsensordata, nmocap, the numbers of its state, and trees.
    #[getter]
    fn sizes(&self) -> [usize; 9] {
        let m = &self.model;
        [m.nq(), m.nv(), m.nu(), m.na(), m.ndx(), m.nsensordata(), m.nmocap(), m.state_size(), m.ntree()]
    }

    /// The engine that was chosen.
    #[getter]
    fn engine(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.differentiator(py)?.engine().name())
    }

    /// What of the model implicit differentiation does not cover, where whole steps took its place.
    #[getter]
    fn fallback(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(self.differentiator(py)?.fallback().map(str::to_owned))
    }

    /// Names of the tangent state (ndx), the controls (nu) and the sensor values (nsensordata).
    #[getter]
    fn names(&self) -> [Vec<String>; 3] {
        let names = self.model.names();
        [names.state(), names.ctrl.clone(), names.sensor.clone()]
    }

    /// Where quaternions are: their address in qpos, and the first of their three dofs.
    #[getter]
    fn quaternions(&self) -> Vec<[usize; 2]> {
        self.model.kinematics().quaternions
    }

    /// Runs `count` trajectories of `horizon` control steps, each of `substeps` physics steps. `start` has arrays of float64 with a
    /// row for each trajectory, or one for all; `out` has arrays that are written in place. Returns trajectories that ended early,
    /// in their order: their number, how many of their steps hold, and why. The rest of these is NaN and undecided.
    #[pyo3(signature = (count, horizon, substeps, start, out))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        count: usize,
        horizon: usize,
        substeps: usize,
        start: &Bound<'py, PyDict>,
        out: &Bound<'py, PyDict>,
    ) -> PyResult<Vec<(usize, usize, String)>> {
        if substeps == 0 {
            return Err(PyValueError::new_err("substeps is 0; give at least 1"));
        }
        if let Some(name) = dynsparse_engine::physics::installed_callback() {
            return Err(DynsparseError::new_err(format!(
                "{name} is installed in MuJoCo, and the derivative of what it does is not known; mujoco.set_{name}(None) takes it \
                 out"
            )));
        }
        dynsparse_engine::physics::quiet_clock();
        let rows = count.saturating_mul(horizon);
        let inputs = Inputs::read(&self.model, &self.default, start, count, horizon)?;
        let mut arrays = Arrays::borrow(&self.model, out, rows)?;
        let outputs = arrays.slices(&self.model)?;
        let differentiator = self.differentiator(py)?;
        let pool = if count > 1 { Some(pool(py, self.threads)?) } else { None };
        let plan = Plan { differentiator: &differentiator, inputs: &inputs, horizon, substeps };
        let ended = py.detach(|| batch::run(&plan, count, outputs, pool.as_deref()))?;
        let told = |why: Why| match why {
            Why::Diverged(text) => text,
            Why::Refused(error) => error.to_string(),
        };
        Ok(ended.into_iter().map(|one| (one.trajectory, one.steps, told(one.why))).collect())
    }

    /// The tangent vectors (rows of nv) that move `q0` to `q1` (rows of nq) in one unit of time.
    fn difference<'py>(
        &self,
        py: Python<'py>,
        q1: PyReadonlyArray2<'py, f64>,
        q0: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let [to, from] = [rows("q1", &q1, self.model.nq())?, rows("q0", &q0, self.model.nq())?];
        same_rows(&q1, &q0)?;
        let mut moved = vec![0.0; self.model.nv()];
        let out = PyArray2::zeros(py, [q1.shape()[0], self.model.nv()], false);
        let mut all = out.readwrite();
        let each = to.chunks_exact(self.model.nq().max(1)).zip(from.chunks_exact(self.model.nq().max(1)));
        for ((to, from), mut row) in each.zip(all.as_array_mut().rows_mut()) {
            self.model.differentiate_pos(from, to, 1.0, &mut moved);
            row.iter_mut().zip(&moved).for_each(|(to, x)| *to = *x);
        }
        drop(all);
        Ok(out)
    }

    /// Positions (rows of nq) moved along tangent vectors (rows of nv) for one unit of time.
    fn integrate<'py>(
        &self,
        py: Python<'py>,
        q: PyReadonlyArray2<'py, f64>,
        dq: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let (nq, nv) = (self.model.nq(), self.model.nv());
        let [mut from, along] = [rows("q", &q, nq)?, rows("dq", &dq, nv)?];
        same_rows(&q, &dq)?;
        for (q, v) in from.chunks_exact_mut(nq.max(1)).zip(along.chunks_exact(nv.max(1))) {
            self.model.integrate_pos(q, v, 1.0);
        }
        let out = PyArray2::zeros(py, [q.shape()[0], nq], false);
        out.readwrite().as_array_mut().iter_mut().zip(&from).for_each(|(to, x)| *to = *x);
        Ok(out)
    }
}

/// A copy of rows of `width` numbers.
fn rows(name: &str, array: &PyReadonlyArray2<'_, f64>, width: usize) -> PyResult<Vec<f64>> {
    if array.shape()[1] != width {
        let found = array.shape()[1];
        return Err(PyValueError::new_err(format!(
            "{name} has {found} numbers in its last axis, where {width} are needed"
        )));
    }
    copy_of(name, array.as_array().iter().copied())
}

fn same_rows(a: &PyReadonlyArray2<'_, f64>, b: &PyReadonlyArray2<'_, f64>) -> PyResult<()> {
    match (a.shape()[0], b.shape()[0]) {
        (a, b) if a != b => Err(PyValueError::new_err(format!("{a} and {b} rows do not go together"))),
        _ => Ok(()),
    }
}
