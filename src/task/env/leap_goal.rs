//! The goal of LeapCubeReorient: an orientation of a mocap cube that turns, and turns faster after each success.
//!
//! After every control step the goal's angular velocity is drawn anew if the cube is within 0.1 rad of the
//! goal (each component 3 + uniform(-2, 2) rad/s), else it falls to 0.8 of itself; then the goal turns for two
//! control steps' time. The goal does not collide, so the motion does not feel it.

use std::ops::Range;

use super::event::Event;
use super::{Misfit, between};
use crate::physics::{Model, Sim};
use crate::quat::{Quat, angle_between, integrated};
use crate::rng::Stream;

/// Angle at which the goal counts as reached, rad.
const REACHED: f64 = 0.1;

/// What is left of the angular velocity after a control step.
const DECAY: f64 = 0.8;

#[derive(Debug, Clone)]
pub(super) struct LeapGoal {
    cube: Range<usize>,
    goal: Range<usize>,
    /// How long the goal turns after each control step, s.
    dt: f64,
    velocity: [f64; 3],
    stream: Stream,
}

impl LeapGoal {
    pub(super) fn new(model: &Model, control_dt: f64) -> Result<Self, Misfit> {
        let orientation = |name: &str| {
            let at = model.sensor(name)?;
            if at.len() == 4 { Ok(at) } else { Err(Misfit(format!("the sensor {name} is no orientation"))) }
        };
        if model.nmocap() == 0 {
            return Err("the model has no mocap body for the goal".to_owned().into());
        }
        Ok(Self {
            cube: orientation("cube_orientation")?,
            goal: orientation("cube_goal_orientation")?,
            dt: 2.0 * control_dt,
            velocity: [0.0; 3],
            stream: Stream::new(0, "", 0),
        })
    }
}

impl Event for LeapGoal {
    fn boxed(&self) -> Box<dyn Event> {
        Box::new(self.clone())
    }

    fn begin(&mut self, _sim: &Sim, stream: Stream) {
        self.velocity = [0.0; 3];
        self.stream = stream;
    }

    fn after(&mut self, sim: &mut Sim, _taken: u64) {
        let read = |at: &Range<usize>| -> Quat { std::array::from_fn(|i| sim.sensordata()[at.start + i]) };
        self.velocity = if angle_between(read(&self.cube), read(&self.goal)) < REACHED {
            std::array::from_fn(|_| 3.0 + between([-2.0, 2.0], &mut self.stream))
        } else {
            self.velocity.map(|w| DECAY * w)
        };
        let goal: Quat = std::array::from_fn(|i| sim.mocap_quat()[i]);
        sim.mocap_quat_mut()[..4].copy_from_slice(&integrated(goal, self.velocity, self.dt));
    }
}
