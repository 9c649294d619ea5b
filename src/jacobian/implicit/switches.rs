//! What switches between two regimes within reach of a nudge.

use nalgebra::DMatrix;

use super::rows::Rows;
use super::tree::Tree;
use crate::jacobian::Switches;
use crate::physics::{JointKind, PhysicsError, Sim};

/// How far a state is nudged to look for a switch: about as far as differences go.
pub(in crate::jacobian) const REACH: f64 = 1e-6;

/// Looks at a state, with its rows and da/dp, and marks the columns of A and B that a switch bends. Forgets the constraint
/// rows of `work`. A force at the edge of its range may bend every column, a contact on an edge (`on_edge`) every column of
/// a position.
///
/// # Errors
/// [`PhysicsError::Mujoco`].
pub(super) fn find(
    work: &mut Sim,
    tree: &Tree,
    rows: &Rows,
    da: &DMatrix<f64>,
    [force, on_edge]: [bool; 2],
    bent: &mut Vec<bool>,
) -> Result<Switches, PhysicsError> {
    bent.clear();
    bent.resize(da.ncols(), force);
    let mut found = Switches { force, ..Switches::default() };
    rows.switches(da, REACH, &mut found, bent);
    limits(work, &mut found, bent);
    let model = work.model().clone();
    if model.has_contacts() {
        // Contacts that are about to begin are listed by wider margins alone.
        work.collide_all(model.wider()?)?;
        for c in work.contact_details().filter(|c| (c.dist - c.margin).abs() <= 2.0 * REACH) {
            found.contact = true;
            c.bodies.iter().flat_map(|b| &tree.chain[*b]).for_each(|dof| bent[*dof] = true);
        }
    }
    if on_edge {
        found.contact = true;
        bent[..model.nv()].fill(true);
    }
    Ok(found)
}

/// Limits that are about to begin or to end.
fn limits(work: &Sim, found: &mut Switches, bent: &mut [bool]) {
    for limit in work.model().joint_limits() {
        let at = match limit.kind {
            JointKind::Hinge | JointKind::Slide => {
                let q = work.qpos()[limit.qpos];
                (q - limit.range[0]).min(limit.range[1] - q)
            }
            // A ball's angle is seen by its row alone.
            JointKind::Ball | JointKind::Free => continue,
        };
        if (at - limit.margin).abs() <= REACH {
            (found.limit, bent[limit.dof]) = (true, true);
        }
    }
}
