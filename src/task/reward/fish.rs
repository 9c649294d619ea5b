//! The fish: its mouth at the target, and a little for being upright.

use super::offset::{Offset, Place};
use super::{Draft, Reward, Tolerance};
use crate::physics::{BodyId, Sim};

#[derive(Debug)]
pub(super) struct Fish {
    to_target: Offset,
    near: Tolerance,
    torso: BodyId,
}

impl Fish {
    pub(super) fn new(draft: &mut Draft<'_>) -> Result<Self, String> {
        let (mouth, target, torso) = (draft.geom("mouth")?, draft.geom("target")?, draft.body("torso")?);
        let to_target = draft.between_geoms("mouth", "target", Some(Place::Geom(mouth)))?;
        let radius = draft.model().geom_size(mouth)[0] + draft.model().geom_size(target)[0];
        draft.mat("torso", 2, 2)?;
        draft.qpos_behind("root")?;
        draft.offset("target", to_target, 3);
        draft.all_qvel();
        let near = Tolerance::within(0.0, radius).margin(2.0 * radius);
        Ok(Self { to_target: Offset { frame: None, ..to_target }, near, torso })
    }
}

impl Reward for Fish {
    fn reward(&self, sim: &Sim, _action: &[f64]) -> f64 {
        let upright = (sim.body_mat(self.torso)[8] + 1.0) / 2.0;
        (7.0 * self.near.of(self.to_target.length(sim)) + upright) / 8.0
    }
}
