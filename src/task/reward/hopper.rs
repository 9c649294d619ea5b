//! The hopper: its torso high above its foot, and either forward speed or calm motors.

use super::{Draft, Reward, Sigmoid, Tolerance, calm};
use crate::physics::{BodyId, Sim};

/// Height of the torso's centre of mass above the foot's, m.
const STANDING: Tolerance = Tolerance::within(0.6, 2.0);

#[derive(Debug)]
pub(super) struct Hopper {
    torso: BodyId,
    foot: BodyId,
    velocity: usize,
    /// None: standing.
    fast: Option<Tolerance>,
}

impl Hopper {
    pub(super) fn new(draft: &mut Draft<'_>, speed: Option<f64>) -> Result<Self, String> {
        let (torso, foot) = (draft.body("torso")?, draft.body("foot")?);
        let velocity = draft.sensor("torso_subtreelinvel", 3)?;
        draft.qpos_behind("rootx")?;
        draft.all_qvel();
        draft.log_sensor("touch_toe")?;
        draft.log_sensor("touch_heel")?;
        let fast = speed.map(|s| Tolerance::at_least(s).fading(s / 2.0, Sigmoid::Linear, 0.5));
        Ok(Self { torso, foot, velocity, fast })
    }
}

impl Reward for Hopper {
    fn reward(&self, sim: &Sim, action: &[f64]) -> f64 {
        let standing = STANDING.of(sim.body_com(self.torso)[2] - sim.body_com(self.foot)[2]);
        standing
            * match self.fast {
                Some(fast) => fast.of(sim.sensordata()[self.velocity]),
                None => (calm(action) + 4.0) / 5.0,
            }
    }
}
