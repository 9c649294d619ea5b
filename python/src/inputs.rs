//! Where trajectories begin, and their controls: copies of what numpy has, checked before anything runs.

use dynsparse_engine::physics::is_bad;
use dynsparse_engine::{Model, Sim};
use numpy::{PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::{PyKeyError, PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Rows of numbers: one for each trajectory, or one for all.
struct Rows {
    values: Vec<f64>,
    width: usize,
    many: bool,
}

impl Rows {
    fn row(&self, i: usize) -> &[f64] {
        let at = if self.many { i * self.width } else { 0 };
        &self.values[at..at + self.width]
    }

    /// A copy of an array with one row, or one for each of `count` trajectories.
    fn read(name: &str, array: &Bound<'_, PyAny>, count: usize, width: usize) -> PyResult<Self> {
        let array: PyReadonlyArray2<'_, f64> = array
            .extract()
            .map_err(|_| PyTypeError::new_err(format!("{name}: an array of float64 in two dimensions is needed")))?;
        let [rows, columns] = [array.shape()[0], array.shape()[1]];
        if columns != width || (rows != 1 && rows != count) {
            return Err(PyValueError::new_err(format!(
                "{name} has the shape ({rows}, {columns}), where ({count}, {width}) or (1, {width}) is needed"
            )));
        }
        Ok(Self { values: copy_of(name, array.as_array().iter().copied())?, width, many: rows != 1 })
    }
}

/// A copy of an array, or an exception where there is no memory for it.
pub(crate) fn copy_of<T>(name: &str, values: impl ExactSizeIterator<Item = T>) -> PyResult<Vec<T>> {
    let mut copy = Vec::new();
    let size = values.len() * size_of::<T>();
    copy.try_reserve_exact(values.len())
        .map_err(|_| PyMemoryError::new_err(format!("there is no memory for a copy of {name} ({size} bytes)")))?;
    copy.extend(values);
    Ok(copy)
}

/// An input of a simulation: where it is written, the names of its numbers.
struct Field {
    name: &'static str,
    slot: fn(&mut Sim) -> &mut [f64],
    labels: fn(&Model) -> Vec<String>,
}

fn numbered(n: usize) -> Vec<String> {
    (0..n).map(|i| i.to_string()).collect()
}

/// What a trajectory can begin with, besides its controls.
const FIELDS: [Field; 6] = [
    Field { name: "qpos", slot: Sim::qpos_mut, labels: |m| m.names().qpos.clone() },
    Field { name: "qvel", slot: Sim::qvel_mut, labels: |m| m.names().dof.clone() },
    Field { name: "act", slot: Sim::act_mut, labels: |m| m.names().act.clone() },
    Field { name: "warmstart", slot: Sim::qacc_warmstart_mut, labels: |m| m.names().dof.clone() },
    Field { name: "mocap_pos", slot: Sim::mocap_pos_mut, labels: |m| numbered(3 * m.nmocap()) },
    Field { name: "mocap_quat", slot: Sim::mocap_quat_mut, labels: |m| numbered(4 * m.nmocap()) },
];

/// The inputs of many trajectories.
pub(crate) struct Inputs {
    /// The integration state of a fresh simulation.
    default: Vec<f64>,
    state: Option<Rows>,
    time: Option<Rows>,
    /// Which trees sleep.
    asleep: Option<Rows>,
    fields: Vec<(&'static Field, Rows)>,
    /// Controls of all steps of a trajectory in a row.
    ctrl: Option<Rows>,
    nu: usize,
}

impl Inputs {
    /// Copies what `given` has: arrays of float64 by the names of [`FIELDS`], `state`, `time`, `tree_asleep` and `ctrl` (`horizon` times nu).
    pub(crate) fn read(
        model: &Model,
        default: &[f64],
        given: &Bound<'_, PyDict>,
        count: usize,
        horizon: usize,
    ) -> PyResult<Self> {
        let nu = model.nu();
        let mut inputs = Self {
            default: default.to_vec(),
            state: None,
            time: None,
            asleep: None,
            fields: Vec::new(),
            ctrl: None,
            nu,
        };
        for (name, array) in given {
            let name: String = name.extract()?;
            let rows = |width, labels: &[String]| {
                let rows = Rows::read(&name, &array, count, width)?;
                sound(&name, &rows, labels).map(|()| rows)
            };
            match &*name {
                "state" => inputs.state = Some(rows(default.len(), &[])?),
                "tree_asleep" => inputs.asleep = Some(rows(model.ntree(), &model.tree_labels())?),
                "time" => inputs.time = Some(rows(1, &["s".to_owned()])?),
                "ctrl" => inputs.ctrl = Some(rows(nu.saturating_mul(horizon), &model.names().ctrl)?),
                other => {
                    let field = FIELDS.iter().find(|field| field.name == other);
                    let field = field.ok_or_else(|| PyKeyError::new_err(name.clone()))?;
                    let labels = (field.labels)(model);
                    inputs.fields.push((field, rows(labels.len(), &labels)?));
                }
            }
        }
        Ok(inputs)
    }

    /// Puts a simulation where trajectory `i` begins.
    pub(crate) fn begin(&self, i: usize, sim: &mut Sim) -> Result<(), dynsparse_engine::Error> {
        sim.set_state(self.state.as_ref().map_or(&self.default, |rows| rows.row(i)))?;
        for (field, rows) in &self.fields {
            (field.slot)(sim).copy_from_slice(rows.row(i));
        }
        if let Some(time) = &self.time {
            sim.set_time(time.row(i)[0]);
        }
        if let Some(asleep) = &self.asleep {
            let trees: Vec<i32> = asleep.row(i).iter().map(|x| *x as i32).collect();
            return sim.set_asleep(Some(&trees), &[], &[]);
        }
        // At positions of its own nothing sleeps that is not said to.
        if self.state.is_none() && self.fields.iter().any(|(field, _)| field.name == "qpos") {
            return sim.set_asleep(None, &[], &[]);
        }
        Ok(())
    }

    /// Sets the controls of step `t` of trajectory `i`.
    pub(crate) fn control(&self, i: usize, t: usize, sim: &mut Sim) {
        if let Some(rows) = &self.ctrl {
            sim.ctrl_mut().copy_from_slice(&rows.row(i)[t * self.nu..(t + 1) * self.nu]);
        }
    }
}

/// Refuses what is no number. `labels` name the numbers of a row, again and again where there are fewer. Without any, nothing is
/// refused: what an integration state has beyond these inputs may be anything, and the step tells.
fn sound(name: &str, rows: &Rows, labels: &[String]) -> PyResult<()> {
    let bad = rows.values.iter().position(|x| is_bad(*x)).filter(|_| !labels.is_empty());
    let Some(at) = bad else { return Ok(()) };
    let entry = &labels[at % rows.width % labels.len()];
    let of = if rows.many { format!(" of state {}", at / rows.width) } else { String::new() };
    let value = rows.values[at];
    Err(PyValueError::new_err(format!("{name} {entry}{of} is {value}; give a finite number within 1e10")))
}
