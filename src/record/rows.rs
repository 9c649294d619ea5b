//! Rows of a recording as what a simulation of the model in it starts from: state, warm start, controls and forces.

use super::RecordError;
use crate::dataset::schema::{Axis, Var};
use crate::dataset::{DatasetError, Recording, RowReader};
use crate::jacobian::Drive;
use crate::physics::{BodyId, Model, Sim};

/// Puts recorded rows back into a simulation. Rows in ascending order are read fast.
#[derive(Debug)]
pub struct RecordedRows<'r> {
    readers: Vec<(Var, RowReader<'r>)>,
    forced: Vec<BodyId>,
}

/// Numbers of a row that a model has of each variable.
fn sizes(model: &Model) -> [(Var, usize); 11] {
    [
        (Var::Time, 1),
        (Var::Qpos, model.nq()),
        (Var::Qvel, model.nv()),
        (Var::Act, model.na()),
        (Var::Ctrl, model.nu()),
        (Var::QaccWarmstart, model.nv()),
        (Var::MocapPos, 3 * model.nmocap()),
        (Var::MocapQuat, 4 * model.nmocap()),
        (Var::QposNext, model.nq()),
        (Var::QvelNext, model.nv()),
        (Var::ActNext, model.na()),
    ]
}

impl<'r> RecordedRows<'r> {
    /// A reader of the rows of a recording, for the model in it. Without one of `needed` something cannot be done, which `cannot` says,
    /// such as "its states cannot be drawn".
    ///
    /// # Errors
    /// [`RecordError::Dataset`] where one of `needed` is not there, or rows are not those of the model.
    pub fn new(recording: &'r Recording, model: &Model, needed: &[Var], cannot: &str) -> Result<Self, RecordError> {
        let foreign = |text: String| Err(recording.foreign(&text).into());
        let mut readers = Vec::new();
        for (var, size) in sizes(model) {
            let (name, found) = (var.spec().name, recording.shape(var).iter().skip(1).product::<usize>());
            if !recording.has(var) {
                if size > 0 && needed.contains(&var) {
                    return foreign(format!("has no {name}, so {cannot}"));
                }
            } else if found != size {
                return foreign(format!("{name} has {found} numbers a step, its model {size}: the file is damaged"));
            } else if size > 0 {
                readers.push((var, RowReader::new(recording, var)?));
            }
        }
        let mut forced = Vec::new();
        if recording.has(Var::XfrcApplied) {
            readers.push((Var::XfrcApplied, RowReader::new(recording, Var::XfrcApplied)?));
            for body in recording.labels(Axis::ForcedBody)? {
                forced.push(model.body(&body)?);
            }
        }
        Ok(Self { readers, forced })
    }

    /// The numbers of a variable in a row of the file; none where the recording or the model has none.
    ///
    /// # Errors
    /// [`DatasetError`] where they cannot be read.
    pub fn numbers(&mut self, var: Var, row: usize) -> Result<&[f64], DatasetError> {
        match self.readers.iter_mut().find(|(held, _)| *held == var) {
            Some((_, reader)) => reader.numbers(row),
            None => Ok(&[]),
        }
    }

    /// What drives the step in a row of the file.
    ///
    /// # Errors
    /// [`DatasetError`] where it cannot be read.
    pub fn drive(&mut self, row: usize) -> Result<Drive, DatasetError> {
        let forces = self.numbers(Var::XfrcApplied, row)?.as_chunks::<6>().0.to_vec();
        Ok(Drive {
            ctrl: self.numbers(Var::Ctrl, row)?.to_vec(),
            mocap_pos: self.numbers(Var::MocapPos, row)?.to_vec(),
            mocap_quat: self.numbers(Var::MocapQuat, row)?.to_vec(),
            forces: self.forced.iter().copied().zip(forces).collect(),
        })
    }

    /// Puts the start of the step in a row of the file into a simulation: time, state, warm start, and what drives it.
    ///
    /// # Errors
    /// [`DatasetError`] where it cannot be read.
    pub fn put_back(&mut self, sim: &mut Sim, row: usize) -> Result<(), DatasetError> {
        if let [time] = *self.numbers(Var::Time, row)? {
            sim.set_time(time);
        }
        for (var, to) in [
            (Var::Qpos, Sim::qpos_mut as fn(&mut Sim) -> &mut [f64]),
            (Var::Qvel, Sim::qvel_mut),
            (Var::Act, Sim::act_mut),
            (Var::Ctrl, Sim::ctrl_mut),
            (Var::QaccWarmstart, Sim::qacc_warmstart_mut),
            (Var::MocapPos, Sim::mocap_pos_mut),
            (Var::MocapQuat, Sim::mocap_quat_mut),
        ] {
            let numbers = self.numbers(var, row)?;
            if !numbers.is_empty() {
                to(sim).copy_from_slice(numbers);
            }
        }
        for (body, force) in self.drive(row)?.forces {
            sim.set_body_force(body, force);
        }
        Ok(())
    }
}
