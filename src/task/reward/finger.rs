//! The finger and the body on a hinge: spin it, or turn its tip to the target.

use super::observation::clearance;
use super::{Draft, Reward};
use crate::physics::Sim;

/// The hinge turns at least this fast the right way, rad/s.
const SPIN: f64 = -15.0;

#[derive(Debug)]
pub(super) struct FingerSpin {
    velocity: usize,
}

impl FingerSpin {
    pub(super) fn new(draft: &mut Draft<'_>) -> Result<Self, String> {
        observe(draft)?;
        Ok(Self { velocity: draft.sensor("hinge_velocity", 1)? })
    }
}

impl Reward for FingerSpin {
    fn reward(&self, sim: &Sim, _action: &[f64]) -> f64 {
        f64::from(sim.sensordata()[self.velocity] <= SPIN)
    }
}

#[derive(Debug)]
pub(super) struct FingerTurn {
    /// The x and z of both in sensordata.
    tip: [usize; 2],
    target: [usize; 2],
    /// Of the target, m.
    radius: f64,
}

impl FingerTurn {
    pub(super) fn new(draft: &mut Draft<'_>) -> Result<Self, String> {
        observe(draft)?;
        let (tip, target, spinner) = (draft.sensor("tip", 3)?, draft.sensor("target", 3)?, draft.sensor("spinner", 3)?);
        let radius = draft.model().site_size(draft.site("target")?)[0];
        let this = Self { tip: [tip, tip + 2], target: [target, target + 2], radius };
        draft.sensor_gap_xz("target", spinner, target);
        draft.clearance("distance to target", this.tip, this.target, radius);
        Ok(this)
    }
}

impl Reward for FingerTurn {
    fn reward(&self, sim: &Sim, _action: &[f64]) -> f64 {
        f64::from(clearance(sim.sensordata(), self.tip, self.target, self.radius) <= 0.0)
    }
}

/// What both tasks see.
fn observe(draft: &mut Draft<'_>) -> Result<(), String> {
    for joint in ["proximal", "distal"] {
        let position = draft.sensor(joint, 1)?;
        draft.sensor_values(position, 1);
    }
    let (tip, spinner) = (draft.sensor("tip", 3)?, draft.sensor("spinner", 3)?);
    draft.sensor_gap_xz("tip", spinner, tip);
    draft.all_qvel();
    draft.log_sensor("touchtop")?;
    draft.log_sensor("touchbottom")
}
