//! Noslip iterations: sweeps over friction behind the solver, at which nothing gives way but what is beyond its bounds.
//!
//! From the solver's acceleration a* and forces f*, MuJoCo goes over the friction of every island again, without the
//! regularisation of the rows; normal forces, limits and equalities stay. A direction of friction g with Jacobian r_g (1 x nv) is
//! the friction loss of a dof or a tendon, the difference of two opposite edges of a pyramid, or a tangent of an elliptic
//! contact; x_g is by how much its force has changed from f*_g. With W_g = M^-1 r_g' (nv) and A_gh = r_g W_h, each in turn takes
//!
//! ```text
//! s_g = r_g a* - aref_g + sum over h != g of A_gh x_h,
//! x_g = -s_g / A_gg,   held within -b_g <= f*_g + x_g <= b_g,
//! ```
//!
//! with the friction loss or half the sum of the edges' forces for b; the directions of an elliptic contact are solved for together,
//! within their ellipse ([`ellipse`]). The step's acceleration is a = a* + sum over g of W_g x_g.
//!
//! A sweep is a composition of smooth pieces, so it is differentiated as it is, however far from its end it is: along an input,
//!
//! ```text
//! ds_g = d(r_g a* - aref_g) + sum over h != g of (A_gh dx_h + dA_gh x_h),
//! dx_g = -(ds_g + x_g dA_gg) / A_gg,   or +-db_g - df*_g where it is held,
//! dA_gh = dr_g W_h + dr_h W_g - W_g' dM W_h,
//! da = da* + M^-1 (sum over g of (r_g' dx_g + dr_g' x_g) - dM sum over g of W_g x_g).
//! ```
//!
//! It bends where a force reaches its bound or leaves it. All sweeps are gone through: `noslip_tolerance` ends them where one gains
//! too little, as the first one does at rest, and a step from beside that state would go through others.

mod coupling;
mod directions;
mod ellipse;
mod sweeps;
#[cfg(test)]
pub(super) mod tests;

use nalgebra::{DMatrix, DVector};

use super::bending::Bending;
use super::blocks::{Factors, Partition};
use super::contact::{Contacts, Shift};
use super::motion::{Motion, ULP};
use super::rows::Rows;
use super::system::System;
use super::tendon::Tendons;
use super::tree::Tree;
use crate::jacobian::Switches;
use crate::physics::{Model, Sim};
use coupling::Coupling;
use directions::Friction;
use sweeps::Sweeps;

/// The noslip iterations of a model, and what is kept of a state for them.
#[derive(Debug)]
pub(super) struct Noslip {
    sweeps: usize,
    /// Whether something here is not in closed form at this state.
    pub(super) in_doubt: bool,
}

/// What friction is between, at the solver's acceleration.
pub(super) struct Scene<'a> {
    pub(super) tree: &'a Tree,
    pub(super) sim: &'a Sim,
    pub(super) tendons: &'a Tendons,
    pub(super) bending: &'a Bending,
    pub(super) rows: &'a Rows,
    /// The contacts, and how they shift.
    pub(super) contacts: &'a Contacts,
    pub(super) shifts: &'a [Shift],
    /// Axes of the dofs are those of this motion.
    pub(super) motion: &'a Motion,
    /// M (nv x nv), and how J a - aref of the contacts changes with the positions at a fixed acceleration (nefc x nv).
    pub(super) inertia: &'a DMatrix<f64>,
    pub(super) jar_change: &'a DMatrix<f64>,
}

/// Derivatives by all inputs (ndx + nu), with bounds on their errors.
#[derive(Debug, Clone)]
struct Slope {
    x: Vec<f64>,
    error: Vec<f64>,
}

impl Slope {
    fn zero(inputs: usize) -> Self {
        Self { x: vec![0.0; inputs], error: vec![0.0; inputs] }
    }

    /// Adds `by` times another, `by` known up to `error`.
    fn add(&mut self, by: f64, error: f64, other: &Self) {
        for ((x, e), (y, f)) in self.x.iter_mut().zip(&mut self.error).zip(other.x.iter().zip(&other.error)) {
            let term = by * y;
            *x += term;
            *e += by.abs() * f + error * y.abs() + 2.0 * ULP * term.abs();
        }
    }

    fn scaled(&self, by: f64) -> Self {
        let mut out = Self::zero(self.x.len());
        out.add(by, 0.0, self);
        out
    }
}

/// Whether the sweeps bend: what of it is a switch, by input.
struct Edges<'a> {
    reach: f64,
    found: bool,
    bent: &'a mut [bool],
}

impl Edges<'_> {
    /// Marks the inputs along which a value that is `apart` from an edge, and changes at these rates, comes to it.
    fn mark(&mut self, apart: f64, rates: impl Iterator<Item = f64>) {
        for (bent, rate) in self.bent.iter_mut().zip(rates) {
            if rate != 0.0 && apart.abs() <= 2.0 * self.reach * rate.abs() {
                (self.found, *bent) = (true, true);
            }
        }
    }
}

impl Noslip {
    /// None where a model has no noslip iterations.
    pub(super) fn new(model: &Model) -> Option<Self> {
        let sweeps = model.noslip_sweeps();
        (sweeps > 0).then_some(Self { sweeps, in_doubt: false })
    }

    /// Sweeps over the friction of a scene: turns the solver's acceleration `a` and its derivative `da` (nv x ndx + nu), with bounds on
    /// its errors in `noise`, into those of the step. What switches within `reach` goes to `found`, the inputs to `bent`. `field` is space.
    pub(super) fn sweep(
        &mut self,
        scene: &Scene<'_>,
        field: &mut Motion,
        (a, da, noise): (&mut DVector<f64>, &mut DMatrix<f64>, &mut DMatrix<f64>),
        (reach, found, bent): (f64, &mut Switches, &mut [bool]),
    ) {
        self.in_doubt = false;
        let Some(friction) = Friction::of(scene, (a, da, noise)) else {
            self.in_doubt = true;
            return;
        };
        if friction.directions.is_empty() {
            return;
        }
        let partition = Partition::of(scene.inertia, std::iter::empty::<[usize; 0]>());
        let Some(factors) = Factors::new(scene.inertia, partition, true) else {
            self.in_doubt = true;
            return;
        };
        let coupling = Coupling::of(scene, &friction.directions, &factors, field);
        let mut edges = Edges { reach, found: false, bent };
        let mut sweeps = Sweeps::new(&friction, &coupling, da.ncols());
        for _ in 0..self.sweeps {
            self.in_doubt |= !sweeps.sweep(&mut edges);
        }
        found.friction |= edges.found;
        let moved = sweeps.moved();
        *a += &moved;
        let mut system = System::new(da.nrows(), da.ncols());
        field.set_accelerations(scene.tree, scene.sim, moved.as_slice());
        field.by_position(scene.tree, false, &mut system.da, &mut system.noise);
        sweeps.pull(&mut system.da, &mut system.noise);
        system.terms.copy_from(scene.inertia);
        system.terms.apply(|x| *x = x.abs());
        system.solve(&factors, &Rows::default(), true);
        *da += &system.da;
        *noise += &system.noise;
        noise.zip_apply(da, |noise, x| *noise += ULP * x.abs());
        sweeps.spread(&factors, noise);
    }
}
