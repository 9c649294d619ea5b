//! Forces that pull contacts together: adhesion of geoms, and adhesion actuators.
//!
//! A contact c with the Jacobian n_c (1 x nv) of its normal is pulled together by a force g_c, so that the smooth forces have
//!
//! ```text
//! - sum over c of n_c' g_c,   and so  - sum over c of (dn_c / dq)' g_c  in their derivative.
//! ```
//!
//! The adhesion of two geoms is a constant. The force of an actuator on a body is shared alike by all contacts of the body, those
//! within their gap too; it depends on the control or activation, by the moment -n_c' / count. (What of a contact's own force depends on
//! its adhesion is in its constraint rows.) Where a contact is about to be listed the shares jump.

use nalgebra::DMatrix;

use super::activation::Activations;
use super::contact::{Contacts, Shift, bends};
use super::motion::{Motion, ULP};
use super::smooth::Pull;
use super::tree::Tree;
use crate::physics::{Model, Sim};

/// What pulls in a model.
#[derive(Debug)]
pub(super) struct Attraction {
    pulls: Vec<Pull>,
    /// Whether the adhesion of geoms acts.
    geoms: bool,
}

impl Attraction {
    /// None where nothing does.
    pub(super) fn new(model: &Model, activations: &Activations) -> Option<Self> {
        let [_, _, actuation] = model.pushes();
        let pulls = if actuation { Pull::all(model, activations) } else { Vec::new() };
        let geoms = model.has_adhesive_geoms();
        let acts = geoms && model.has_passive_forces();
        (geoms || model.adhesion_bodies().next().is_some()).then_some(Self { pulls, geoms: acts })
    }

    /// Adds the derivative of what pulls the contacts, which have shifted so, to `out` (nv x ndx + nu), with bounds on its rounding.
    /// Returns whether a force enters or leaves its range when an input is nudged by `reach`, and marks these inputs in `bent`.
    pub(super) fn add(
        &self,
        (sim, tree, motion): (&Sim, &Tree, &Motion),
        activations: &Activations,
        (contacts, shifts): (&Contacts, &[Shift]),
        (reach, bent): (f64, &mut [bool]),
        (out, noise): (&mut DMatrix<f64>, &mut DMatrix<f64>),
    ) -> bool {
        let mut edge = false;
        let touches = |at: usize, body: usize| contacts.details[at].bodies.contains(&body);
        let mut force = vec![0.0; contacts.details.len()];
        for (contact, force) in contacts.details.iter().zip(&mut force).filter(|_| self.geoms) {
            *force = contact.adhesion;
        }
        for pull in &self.pulls {
            edge |= pull.actuator.add_alone(sim, activations, (reach, &mut *bent), (&mut *out, &mut *noise));
            let count = (0..force.len()).filter(|at| touches(*at, pull.body)).count();
            for at in (0..force.len()).filter(|at| touches(*at, pull.body)) {
                force[at] += sim.actuator_force()[pull.actuator.output()] / count as f64;
            }
        }
        for (at, force) in force.iter().enumerate().filter(|(_, force)| **force != 0.0) {
            let shifts: Vec<&Shift> = shifts.iter().filter(|shift| shift.contact == at).collect();
            for bend in bends((tree, sim, motion), &contacts.details[at], 0, &shifts) {
                let x = force * bend.x;
                out[bend.at] -= x;
                noise[bend.at] += force.abs() * bend.error + 2.0 * ULP * x.abs();
            }
        }
        edge
    }
}
