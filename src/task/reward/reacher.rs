//! The reacher: the finger touches the target, seen from above.

use super::offset::Offset;
use super::{Draft, Reward, Tolerance};
use crate::physics::Sim;

#[derive(Debug)]
pub(super) struct Reacher {
    to_target: Offset,
    touching: Tolerance,
}

impl Reacher {
    pub(super) fn new(draft: &mut Draft<'_>) -> Result<Self, String> {
        let radius = ["target", "finger"]
            .iter()
            .try_fold(0.0, |sum, name| Ok::<_, String>(sum + draft.model().geom_size(draft.geom(name)?)[0]))?;
        let to_target = draft.between_geoms("finger", "target", None)?;
        draft.all_qpos();
        draft.offset("target", to_target, 2);
        draft.all_qvel();
        Ok(Self { to_target, touching: Tolerance::within(0.0, radius) })
    }
}

impl Reward for Reacher {
    fn reward(&self, sim: &Sim, _action: &[f64]) -> f64 {
        self.touching.of(self.to_target.planar_length(sim))
    }
}
