//! Ball in cup: the whole ball lies within the target box in the cup.

use super::offset::{Offset, Place};
use super::{Draft, Reward};
use crate::physics::Sim;

#[derive(Debug)]
pub(super) struct BallInCup {
    to_target: Offset,
    /// How far the ball may be from the middle, along x and z, m.
    room: [f64; 2],
}

impl BallInCup {
    pub(super) fn new(draft: &mut Draft<'_>) -> Result<Self, String> {
        let target = draft.site("target")?;
        let to_target = Offset { from: Place::Body(draft.body("ball")?), to: Place::Site(target), frame: None };
        let (size, ball) = (draft.model().site_size(target), draft.model().geom_size(draft.geom("ball")?)[0]);
        draft.all_qpos();
        draft.all_qvel();
        Ok(Self { to_target, room: [size[0] - ball, size[2] - ball] })
    }
}

impl Reward for BallInCup {
    fn reward(&self, sim: &Sim, _action: &[f64]) -> f64 {
        let w = self.to_target.of(sim);
        f64::from(w[0].abs() < self.room[0] && w[2].abs() < self.room[1])
    }
}
