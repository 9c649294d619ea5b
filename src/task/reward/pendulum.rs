//! The pendulum: within 8 degrees of the top.

use super::{Draft, Reward, Tolerance};
use crate::physics::{BodyId, Sim};

#[derive(Debug)]
pub(super) struct Pendulum {
    pole: BodyId,
    up: Tolerance,
}

impl Pendulum {
    pub(super) fn new(draft: &mut Draft<'_>, dm_control: bool) -> Result<Self, String> {
        let pole = draft.body("pole")?;
        for row in if dm_control { [2, 0] } else { [0, 2] } {
            draft.mat("pole", row, 2)?;
        }
        draft.all_qvel();
        Ok(Self { pole, up: Tolerance::within(libm::cos(8.0_f64.to_radians()), 1.0) })
    }
}

impl Reward for Pendulum {
    fn reward(&self, sim: &Sim, _action: &[f64]) -> f64 {
        self.up.of(sim.body_mat(self.pole)[8])
    }
}
