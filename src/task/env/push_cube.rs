//! What is special about PandaRobotiqPushCube: torques that come late, and a target that moves once reached.

use super::event::Event;
use super::{Limits, Misfit, distance_to_mocap, whole};
use crate::physics::{BodyId, Model, Sim};
use crate::quat::{Quat, angle_between, from_axis_angle, mul};
use crate::rng::Stream;

/// Arm joints.
const ARM: usize = 7;

/// Torques of the arm from the action of one or two control steps ago, drawn anew for each control step; the
/// gripper stays closed.
#[derive(Debug, Clone)]
pub(super) struct Delayed {
    limits: Limits,
    /// The action that was taken in this control step.
    applied: [f64; ARM],
    /// Actions of this control step, the last and the one before.
    history: [[f64; ARM]; 3],
    stream: Stream,
}

impl Delayed {
    /// Entries of an action.
    pub(super) const SIZE: usize = ARM;
    /// Controls per action.
    const SCALE: f64 = 0.1;
    /// Torque at most, N m.
    const TORQUE: f64 = 8.0;
    /// Torque per control of each joint, N m.
    const GEAR: [f64; ARM] = [150.0, 150.0, 150.0, 150.0, 20.0, 20.0, 20.0];
    /// The closed gripper.
    const GRIPPER: f64 = 0.82;

    pub(super) fn new(model: &Model) -> Result<Self, Misfit> {
        if model.nu() != ARM + 1 {
            return Err(format!("needs {} controls, the model has {}", ARM + 1, model.nu()).into());
        }
        Ok(Self {
            limits: Limits::of_controls(model),
            applied: [0.0; ARM],
            history: [[0.0; ARM]; 3],
            stream: Stream::new(0, "", 0),
        })
    }

    pub(super) fn begin(&mut self, stream: Stream) {
        self.history = [[0.0; ARM]; 3];
        self.applied = [0.0; ARM];
        self.stream = stream;
    }

    pub(super) fn applied(&self) -> &[f64] {
        &self.applied
    }

    pub(super) fn control(&mut self, action: &[f64], ctrl: &mut [f64]) {
        self.history.rotate_right(1);
        self.history[0].copy_from_slice(action);
        let late = self.history[whole([1, 3], &mut self.stream) as usize];
        self.applied = late;
        for i in 0..ARM {
            let most = Self::TORQUE / Self::GEAR[i];
            ctrl[i] = (Self::SCALE * late[i]).max(-most).min(most);
        }
        ctrl[ARM] = Self::GRIPPER;
        self.limits.clip(ctrl);
    }
}

/// The target: once the cube has been at it for 30 control steps and still is, it jumps, farther each time.
#[derive(Debug, Clone)]
pub(super) struct Target {
    cube: BodyId,
    home: [f64; 3],
    mocap: usize,
    steps: u32,
    level: usize,
    stream: Stream,
}

impl Target {
    /// Distance at which the target counts as reached, m, and angle, rad.
    const REACHED: (f64, f64) = (0.03, 10.0 / 180.0 * std::f64::consts::PI);
    /// Control steps at the target before it jumps.
    const STEPS: u32 = 30;
    /// How far it jumps (m) and turns (degrees), by the number of successes; the last level stays.
    const LEVELS: [(f64, f64); 5] = [(0.05, 45.0), (0.05, 45.0), (0.1, 90.0), (0.2, 135.0), (0.2, 180.0)];
    /// Where it may lie, m.
    const WITHIN: [[f64; 3]; 2] = [[0.4, -0.2, -0.005], [0.65, 0.2, 0.04]];

    pub(super) fn new(model: &Model) -> Result<Self, Misfit> {
        let cube_qpos = model.joint("box_joint")?.qpos;
        let home = model.keyframe_qpos(model.keyframe("home")?);
        let home = std::array::from_fn(|i| home[cube_qpos + i]);
        let mocap =
            model.mocap(model.body("mocap_target")?).ok_or_else(|| "mocap_target is no mocap body".to_owned())?;
        Ok(Self { cube: model.body("box")?, home, mocap, steps: 0, level: 0, stream: Stream::new(0, "", 0) })
    }
}

impl Event for Target {
    fn boxed(&self) -> Box<dyn Event> {
        Box::new(self.clone())
    }

    fn begin(&mut self, _sim: &Sim, stream: Stream) {
        (self.steps, self.level) = (0, 0);
        self.stream = stream;
    }

    fn after(&mut self, sim: &mut Sim, _taken: u64) {
        let pos = sim.body_pos(self.cube);
        let orientation = sim.body_quat(self.cube);
        let distance = distance_to_mocap(sim, pos, self.mocap);
        let goal: Quat = std::array::from_fn(|i| sim.mocap_quat()[4 * self.mocap + i]);
        let there = distance < Self::REACHED.0 && angle_between(orientation, goal) < Self::REACHED.1;
        let success = there && self.steps >= Self::STEPS;
        self.steps = if there && !success { self.steps + 1 } else { 0 };
        if !success {
            return;
        }
        self.level = (self.level + 1).min(Self::LEVELS.len() - 1);
        let (far, degrees) = Self::LEVELS[self.level];
        // Playground draws position and angle from one random key: the first component decides the angle too.
        let draws: [f64; 3] = std::array::from_fn(|_| self.stream.uniform());
        let reach = [0.4 * far, far, 0.005];
        for i in 0..3 {
            let x = self.home[i] + reach[i] * (2.0 * draws[i] - 1.0);
            sim.mocap_pos_mut()[3 * self.mocap + i] = x.max(Self::WITHIN[0][i]).min(Self::WITHIN[1][i]);
        }
        let turned = mul(orientation, from_axis_angle([0.0, 0.0, 1.0], degrees.to_radians() * draws[0]));
        sim.mocap_quat_mut()[4 * self.mocap..4 * self.mocap + 4].copy_from_slice(&turned);
    }
}
