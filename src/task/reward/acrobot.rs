//! The acrobot: its tip belongs to the target above it.

use super::offset::{Offset, Place};
use super::{Draft, Reward, Tolerance};
use crate::physics::Sim;

#[derive(Debug)]
pub(super) struct Acrobot {
    to_target: Offset,
    near: Tolerance,
}

impl Acrobot {
    pub(super) fn new(draft: &mut Draft<'_>, sparse: bool) -> Result<Self, String> {
        let target = draft.site("target")?;
        let to_target = Offset { from: Place::Site(draft.site("tip")?), to: Place::Site(target), frame: None };
        let radius = draft.model().site_size(target)[0];
        for row in [0, 2] {
            draft.mat("upper_arm", row, 2)?;
            draft.mat("lower_arm", row, 2)?;
        }
        draft.all_qvel();
        let margin = if sparse { 0.0 } else { 1.0 };
        Ok(Self { to_target, near: Tolerance::within(0.0, radius).margin(margin) })
    }
}

impl Reward for Acrobot {
    fn reward(&self, sim: &Sim, _action: &[f64]) -> f64 {
        self.near.of(self.to_target.length(sim))
    }
}
