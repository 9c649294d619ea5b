//! The walker: torso high and upright, and forward speed.

use super::{Draft, Reward, Sigmoid, Tolerance};
use crate::physics::{BodyId, Sim};

/// Height of the torso, m.
const STANDING: Tolerance = Tolerance::at_least(1.2).margin(1.2 / 2.0);

const BODIES: [&str; 7] = ["torso", "right_thigh", "right_leg", "right_foot", "left_thigh", "left_leg", "left_foot"];

#[derive(Debug)]
pub(super) struct Walker {
    torso: BodyId,
    velocity: usize,
    /// None: standing.
    fast: Option<Tolerance>,
}

impl Walker {
    pub(super) fn new(draft: &mut Draft<'_>, speed: Option<f64>, dm_control: bool) -> Result<Self, String> {
        let (torso, velocity) = (draft.body("torso")?, draft.sensor("torso_subtreelinvel", 3)?);
        for body in BODIES {
            draft.mat(body, 0, 0)?;
            draft.mat(body, 0, 2)?;
        }
        if dm_control {
            draft.height("torso")?;
        } else {
            // Playground calls this entry the height.
            draft.mat("torso", 2, 2)?;
        }
        draft.all_qvel();
        let fast = speed.map(|s| Tolerance::at_least(s).fading(s / 2.0, Sigmoid::Linear, 0.5));
        Ok(Self { torso, velocity, fast })
    }
}

impl Reward for Walker {
    fn reward(&self, sim: &Sim, _action: &[f64]) -> f64 {
        let upright = (1.0 + sim.body_mat(self.torso)[8]) / 2.0;
        let stand = (3.0 * STANDING.of(sim.body_pos(self.torso)[2]) + upright) / 4.0;
        match self.fast {
            Some(fast) => stand * (5.0 * fast.of(sim.sensordata()[self.velocity]) + 1.0) / 6.0,
            None => stand,
        }
    }
}
