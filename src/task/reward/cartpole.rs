//! Cart and pole: the pole up, the cart in the middle, little force, little swing.

use super::{Draft, Reward, Tolerance, calm_of};
use crate::physics::{BodyId, Joint, Sim};

const CENTERED: Tolerance = Tolerance::zero().margin(2.0);
const SLOW: Tolerance = Tolerance::zero().margin(5.0);
/// Of the sparse reward.
const NEAR: Tolerance = Tolerance::within(-0.25, 0.25);
const UP: Tolerance = Tolerance::within(0.995, 1.0);

#[derive(Debug)]
pub(super) struct Cartpole {
    sparse: bool,
    slider: Joint,
    pole: BodyId,
}

impl Cartpole {
    pub(super) fn new(draft: &mut Draft<'_>, sparse: bool) -> Result<Self, String> {
        let slider = draft.scalar_joint("slider")?;
        let pole = draft.body("pole_1")?;
        draft.qpos_of(slider);
        draft.mat("pole_1", 2, 2)?;
        draft.mat("pole_1", 0, 2)?;
        draft.all_qvel();
        Ok(Self { sparse, slider, pole })
    }
}

impl Reward for Cartpole {
    fn reward(&self, sim: &Sim, action: &[f64]) -> f64 {
        let (x, cosine) = (sim.qpos()[self.slider.qpos], sim.body_mat(self.pole)[8]);
        if self.sparse {
            return NEAR.of(x) * UP.of(cosine);
        }
        let upright = (cosine + 1.0) / 2.0;
        let centered = (1.0 + CENTERED.of(x)) / 2.0;
        let calm = (4.0 + action.first().map_or(1.0, |a| calm_of(*a))) / 5.0;
        let swing = sim.qvel()[self.slider.dof + 1..].iter().map(|v| SLOW.of(*v)).fold(1.0, f64::min);
        upright * centered * calm * (1.0 + swing) / 2.0
    }
}
