//! The cheetah: forward speed.

use super::{Draft, Reward, Sigmoid, Tolerance};
use crate::physics::Sim;

#[derive(Debug)]
pub(super) struct Cheetah {
    velocity: usize,
    fast: Tolerance,
}

impl Cheetah {
    pub(super) fn new(draft: &mut Draft<'_>, speed: f64) -> Result<Self, String> {
        let velocity = draft.sensor("torso_subtreelinvel", 3)?;
        draft.qpos_behind("rootx")?;
        draft.all_qvel();
        Ok(Self { velocity, fast: Tolerance::at_least(speed).fading(speed, Sigmoid::Linear, 0.0) })
    }
}

impl Reward for Cheetah {
    fn reward(&self, sim: &Sim, _action: &[f64]) -> f64 {
        self.fast.of(sim.sensordata()[self.velocity])
    }
}
