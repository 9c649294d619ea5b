//! The swimmer: its nose at the target.

use super::offset::{Offset, Place};
use super::{Draft, Reward, Sigmoid, Tolerance};
use crate::physics::Sim;

/// Segments behind the head.
const SEGMENTS: usize = 5;

#[derive(Debug)]
pub(super) struct Swimmer {
    to_target: Offset,
    near: Tolerance,
}

impl Swimmer {
    pub(super) fn new(draft: &mut Draft<'_>) -> Result<Self, String> {
        let radius = draft.model().geom_size(draft.geom("target")?)[0];
        let to_target = draft.between_geoms("nose", "target", Some(Place::Body(draft.body("head")?)))?;
        draft.qpos_behind("rootz")?;
        draft.offset("target", to_target, 2);
        // The head's sensors, then those of every segment: velocity in the plane, turning about its normal.
        let links = std::iter::once(("head_vel".to_owned(), "head_gyro".to_owned()))
            .chain((0..SEGMENTS).map(|k| (format!("velocimeter_{k}"), format!("gyro_{k}"))));
        for (velocimeter, gyro) in links {
            let (velocity, rotation) = (draft.sensor(&velocimeter, 3)?, draft.sensor(&gyro, 3)?);
            draft.sensor_values(velocity, 2);
            draft.sensor_values(rotation + 2, 1);
        }
        let near = Tolerance::within(0.0, radius).fading(5.0 * radius, Sigmoid::LongTail, 0.1);
        Ok(Self { to_target, near })
    }
}

impl Reward for Swimmer {
    fn reward(&self, sim: &Sim, _action: &[f64]) -> f64 {
        self.near.of(self.to_target.planar_length(sim))
    }
}
