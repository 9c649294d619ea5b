//! What switches between two regimes within reach of a nudge.

use nalgebra::DMatrix;

use super::rows::Rows;
use crate::jacobian::Switches;
use crate::physics::{JointKind, PhysicsError, Sim};

/// How far a state is nudged to look for a switch: about as far as differences go.
pub(in crate::jacobian) const REACH: f64 = 1e-6;

/// Looks at a state, with its rows and da/dp. Forgets the constraint rows of `work`.
///
/// # Errors
/// [`PhysicsError::Mujoco`].
pub(super) fn find(work: &mut Sim, rows: &Rows, da: &DMatrix<f64>, force: bool) -> Result<Switches, PhysicsError> {
    let mut found = Switches { force, ..Switches::default() };
    rows.switches(da, REACH, &mut found);
    limits(work, &mut found);
    let model = work.model().clone();
    if model.has_contacts() {
        // Contacts that are about to begin are listed by wider margins alone.
        work.collide_all(model.wider()?)?;
        found.contact |= work.contact_details().any(|c| (c.dist - c.margin).abs() <= 2.0 * REACH);
    }
    Ok(found)
}

/// Limits that are about to begin or to end.
fn limits(work: &Sim, found: &mut Switches) {
    for limit in work.model().joint_limits() {
        let at = match limit.kind {
            JointKind::Hinge | JointKind::Slide => {
                let q = work.qpos()[limit.qpos];
                (q - limit.range[0]).min(limit.range[1] - q)
            }
            // A ball's angle is seen by its row alone.
            JointKind::Ball | JointKind::Free => continue,
        };
        found.limit |= (at - limit.margin).abs() <= REACH;
    }
}
