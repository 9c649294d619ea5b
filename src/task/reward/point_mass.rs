//! The point mass: at the target, with calm motors.

use super::offset::Offset;
use super::{Draft, Reward, Tolerance, calm};
use crate::physics::Sim;

#[derive(Debug)]
pub(super) struct PointMass {
    to_target: Offset,
    near: Tolerance,
}

impl PointMass {
    pub(super) fn new(draft: &mut Draft<'_>) -> Result<Self, String> {
        let radius = draft.model().geom_size(draft.geom("target")?)[0];
        let to_target = draft.between_geoms("pointmass", "target", None)?;
        draft.all_qpos();
        draft.all_qvel();
        Ok(Self { to_target, near: Tolerance::within(0.0, radius).margin(radius) })
    }
}

impl Reward for PointMass {
    fn reward(&self, sim: &Sim, action: &[f64]) -> f64 {
        self.near.of(self.to_target.length(sim)) * (calm(action) + 4.0) / 5.0
    }
}
