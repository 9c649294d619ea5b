//! d smooth / d velocity, as an integrator that damps implicitly takes it.

use crate::physics::{Damping, Model, PhysicsError, Sim};

/// The derivative D (nv x nv) of springs, dampers and actuators by velocity, with that of inertial forces for the integrator
/// implicit; implicitfast takes its lower triangle for both, where M has entries, and all of it for a free body alone.
#[derive(Debug)]
pub(super) struct Damper {
    /// Less inertial forces' derivative.
    full: bool,
    /// D as MuJoCo has it, row-major.
    square: Vec<f64>,
    /// By row, the columns that are taken, in ascending order, and where their entries are in `square`.
    taken: Vec<Vec<(usize, usize)>>,
}

impl Damper {
    /// For a model; `free_bodies` are the first dofs of those that are solved by themselves.
    pub(super) fn new(model: &Model, damping: Damping, free_bodies: &[usize]) -> Self {
        let nv = model.nv();
        let full = damping == Damping::Full;
        let pattern = if full { model.damping_pattern() } else { model.inertia_pattern() };
        let place = |r: usize, c: usize| if full || r >= c { r * nv + c } else { c * nv + r };
        let row = |r: usize| (0..nv).map(|c| (c, place(r, c))).filter(|(_, at)| pattern[*at]).collect();
        let mut taken: Vec<Vec<(usize, usize)>> = (0..nv).map(row).collect();
        for dof in free_bodies.iter().copied() {
            for (r, taken) in taken.iter_mut().enumerate().skip(dof).take(6) {
                *taken = (dof..dof + 6).map(|c| (c, r * nv + c)).collect();
            }
        }
        Self { full, square: vec![0.0; nv * nv], taken }
    }

    /// Takes it at the state of `work`, which has gone through its velocity stage and its actuation.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn set(&mut self, work: &mut Sim) -> Result<(), PhysicsError> {
        work.smooth_derivative(self.full, &mut self.square)
    }

    /// The entries of a row: columns and numbers.
    pub(super) fn row(&self, r: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.taken[r].iter().map(|(c, at)| (*c, self.square[*at]))
    }
}
