//! The humanoid: head high, torso upright, calm motors, and the right speed.

use super::offset::{Offset, Place, norm};
use super::{Draft, Reward, Sigmoid, Tolerance, calm};
use crate::physics::{BodyId, Sim};

/// Height of the head, m.
const STANDING: Tolerance = Tolerance::at_least(1.4).margin(1.4 / 4.0);
const UPRIGHT: Tolerance = Tolerance::at_least(0.9).fading(1.9, Sigmoid::Linear, 0.0);
/// Speed of one that stands, m/s.
const STILL: Tolerance = Tolerance::zero().margin(2.0);

const EXTREMITIES: [&str; 4] = ["left_hand", "left_foot", "right_hand", "right_foot"];

#[derive(Debug)]
pub(super) struct Humanoid {
    head: BodyId,
    torso: BodyId,
    velocity: usize,
    /// None: standing.
    fast: Option<Tolerance>,
}

impl Humanoid {
    pub(super) fn new(draft: &mut Draft<'_>, speed: Option<f64>) -> Result<Self, String> {
        let (head, torso) = (draft.body("head")?, draft.body("torso")?);
        let velocity = draft.sensor("torso_subtreelinvel", 3)?;
        draft.qpos_behind("root")?;
        draft.height("head")?;
        let from = Place::Body(torso);
        for name in EXTREMITIES {
            let to = Place::Body(draft.body(name)?);
            draft.offset(name, Offset { from, to, frame: Some(from) }, 3);
        }
        for column in 0..3 {
            draft.mat("torso", 2, column)?;
        }
        draft.sensor_values(velocity, 3);
        draft.all_qvel();
        let fast = speed.map(|s| Tolerance::at_least(s).fading(s, Sigmoid::Linear, 0.0));
        Ok(Self { head, torso, velocity, fast })
    }
}

impl Reward for Humanoid {
    fn reward(&self, sim: &Sim, action: &[f64]) -> f64 {
        let stand = STANDING.of(sim.body_pos(self.head)[2]) * UPRIGHT.of(sim.body_mat(self.torso)[8]);
        let calm = (4.0 + calm(action)) / 5.0;
        let velocity = &sim.sensordata()[self.velocity..self.velocity + 2];
        let moving = match self.fast {
            Some(fast) => (5.0 * fast.of(norm(velocity)) + 1.0) / 6.0,
            None => (STILL.of(velocity[0]) + STILL.of(velocity[1])) / 2.0,
        };
        stand * calm * moving
    }
}
