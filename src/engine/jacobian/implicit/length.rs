//! How the lengths and velocities of actuators change with positions and velocities, where activations depend on them.
//!
//! An actuator's velocity is w = r v, with its moment arm r (1 x nv): dw/dv = r. The length of one on a hinge, a slide or a fixed
//! tendon changes by that arm, dL/dq = r, a constant, so that dw/dq = 0. The moment arm of others depends on the configuration, and
//! need not be the derivative of their length (MuJoCo's length on a ball joint is that of its rotation vector): their lengths and
//! velocities are differenced.

use mujoco_rs::mujoco_c::mjtTrn;
use nalgebra::DMatrix;

use super::difference::{Nudger, Samples};
use super::motion::ULP;
use crate::physics::{Actuator, Model, PhysicsError, Sim};

/// The rounding of a moment arm that depends on the configuration, as a share of it.
const ARM: f64 = 64.0 * ULP;

/// A length that something depends on.
#[derive(Debug)]
struct Length {
    actuator: usize,
    output: usize,
    /// Its row among the differenced ones, with its velocity's behind it; None where its moment arm is constant.
    row: Option<usize>,
    /// dL/dq, dw/dq and dw/dv: dofs, derivatives by them, and bounds on their errors.
    by: Vec<(usize, f64, f64)>,
    turning: Vec<(usize, f64, f64)>,
    arm: Vec<(usize, f64, f64)>,
}

/// The lengths of some actuators.
#[derive(Debug)]
pub(super) struct Lengths {
    all: Vec<Length>,
    /// Of those that are differenced.
    differences: Option<Differences>,
}

#[derive(Debug)]
struct Differences {
    nudger: Nudger,
    samples: Samples,
    /// The derivatives of lengths and velocities, and bounds on their errors (twice the lengths x nv).
    value: DMatrix<f64>,
    noise: DMatrix<f64>,
}

/// Whether the moment arm of an actuator is the same in all configurations.
fn has_constant_arm(model: &Model, a: &Actuator) -> bool {
    let Ok(target) = usize::try_from(a.targets[0]) else { return false };
    match a.transmission {
        Ok(mjtTrn::mjTRN_JOINT | mjtTrn::mjTRN_JOINTINPARENT) => {
            model.joints().nth(target).is_some_and(|j| j.is_scalar())
        }
        Ok(mjtTrn::mjTRN_TENDON) => model.tendons().nth(target).is_some_and(|t| t.is_fixed()),
        _ => false,
    }
}

impl Lengths {
    /// Those of `actuators`.
    pub(super) fn new(model: &Model, actuators: impl Iterator<Item = usize>) -> Self {
        let (mut all, mut inputs) = (Vec::new(), Vec::new());
        for actuator in actuators {
            let Some(a) = model.actuators().nth(actuator) else { continue };
            if all.iter().any(|length: &Length| length.actuator == actuator) {
                continue;
            }
            let row = (!has_constant_arm(model, &a)).then_some(inputs.len());
            if row.is_some() {
                inputs.extend([Some(model.layout().activation(a.activations.start)); 2]);
            }
            let [by, turning, arm] = [const { Vec::new() }; 3];
            all.push(Length { actuator, output: a.outputs.start, row, by, turning, arm });
        }
        let n = inputs.len();
        let differences = (n > 0).then(|| Differences {
            nudger: Nudger::of_inputs(model, inputs.into_iter()),
            samples: Samples::new(n),
            value: DMatrix::zeros(n, model.nv()),
            noise: DMatrix::zeros(n, model.nv()),
        });
        Self { all, differences }
    }

    /// Takes the moment arms at the state of `work`.
    pub(super) fn set(&mut self, work: &Sim) {
        for length in &mut self.all {
            let bent = length.row.is_some();
            let arm =
                work.actuator_moment(length.output).map(|(dof, x)| (dof, x, if bent { ARM * x.abs() } else { 0.0 }));
            length.arm.clear();
            length.arm.extend(arm);
            if !bent {
                length.by.clone_from(&length.arm);
            }
        }
    }

    /// Differences the others. Forgets the contacts of `work`.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn difference(&mut self, work: &mut Sim) -> Result<(), PhysicsError> {
        let Some(Differences { nudger, samples, value, noise }) = &mut self.differences else { return Ok(()) };
        value.fill(0.0);
        noise.fill(0.0);
        let outputs: Vec<usize> = self.all.iter().filter(|l| l.row.is_some()).map(|l| l.output).collect();
        let mut sample = |work: &mut Sim, to: &mut [f64]| {
            for (to, output) in to.chunks_exact_mut(2).zip(&outputs) {
                to.copy_from_slice(&[work.actuator_length()[*output], work.actuator_velocity()[*output]]);
            }
            Ok(())
        };
        nudger.differentiate_by_position(work, samples, &mut sample, (&mut *value, &mut *noise))?;
        for length in &mut self.all {
            let Some(row) = length.row else { continue };
            for (row, to) in [(row, &mut length.by), (row + 1, &mut length.turning)] {
                to.clear();
                let columns = (0..value.ncols()).map(|dof| (dof, value[(row, dof)], noise[(row, dof)]));
                to.extend(columns.filter(|(_, x, error)| *x != 0.0 || *error != 0.0));
            }
        }
        Ok(())
    }

    /// How an actuator's length changes with the positions, its velocity with the positions, and its velocity with the velocities: dofs,
    /// derivatives, and bounds on their errors.
    pub(super) fn of(&self, actuator: usize) -> [&[(usize, f64, f64)]; 3] {
        let of = self.all.iter().find(|length| length.actuator == actuator);
        of.map_or([&[]; 3], |length| [&length.by, &length.turning, &length.arm])
    }

    /// By input (ndx + nu), whether its differences settle on nothing; empty without differences.
    pub(super) fn unsettled(&self) -> &[bool] {
        self.differences.as_ref().map_or(&[], |differences| &differences.nudger.unsettled)
    }
}
