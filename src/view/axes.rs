//! What the axes of A and B run over: names, and the bodies that each entry moves.

use serde::Serialize;

use super::ViewError;
use crate::dataset::Recording;
use crate::dataset::schema::Axis;
use crate::physics::Model;

/// The axes of A and B.
#[derive(Debug, Serialize)]
pub(super) struct Axes {
    /// Names of the state's entries (ndx), rows of A and B and columns of A.
    pub(super) state: Vec<String>,
    /// Names of the controls (nu), columns of B.
    pub(super) control: Vec<String>,
    /// By entry of the state: bodies that it moves, by number.
    pub(super) state_bodies: Vec<Vec<usize>>,
    /// By control: the same.
    pub(super) control_bodies: Vec<Vec<usize>>,
    /// Degrees of freedom: positions come first, as many velocities next, activations last.
    pub(super) nv: usize,
}

impl Axes {
    pub(super) fn new(recording: &Recording, model: &Model) -> Result<Self, ViewError> {
        let labels =
            |axis, n: usize| match recording.len(axis) {
                found if found != n => Err(recording
                    .foreign(&format!("{} has {found} entries, its model {n}: the file is damaged", axis.name()))),
                _ => recording.labels(axis),
            };
        let (state, control) = (labels(Axis::State, model.ndx())?, labels(Axis::Actuator, model.nu())?);
        let dof_body: Vec<usize> =
            model.numbers("dof_bodyid").unwrap_or_default().into_iter().map(|body| body as usize).collect();
        let tree = model.kinematics();
        let moved = |dofs: &Vec<usize>| {
            let mut bodies: Vec<usize> = dofs.iter().filter_map(|dof| dof_body.get(*dof).copied()).collect();
            bodies.sort_unstable();
            bodies.dedup();
            bodies
        };
        let of_dofs = dof_body.iter().map(|body| vec![*body]);
        let state_bodies = of_dofs.clone().chain(of_dofs).chain(tree.act_dofs.iter().map(moved)).collect();
        let control_bodies = tree.ctrl_dofs.iter().map(moved).collect();
        Ok(Self { state, control, state_bodies, control_bodies, nv: model.nv() })
    }
}
