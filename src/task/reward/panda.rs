//! A Franka Panda that brings a cube or a handle to a target.

use serde::{Deserialize, Serialize};

use super::memory::{Memory, Taken};
use super::observation::{Entry, Known};
use super::offset::{Offset, Place, norm};
use super::{Draft, Reward};
use crate::physics::{BodyId, Sim};
use crate::quat;

/// What the robot moves, and how the target is found.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct PandaSpec {
    /// The body that is moved.
    pub object: String,
    /// The keyframe whose arm posture is the one to stay near to.
    pub pose: String,
    /// Sensors that are above 0 where the hand touches what it should not.
    pub touch: Vec<String>,
    /// What the term for touching nothing is called.
    pub free: String,
    /// Bounds of the target's position (m), drawn once per episode; None: the mocap body `mocap_target` is the target, and
    /// its orientation counts too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<[[f64; 3]; 2]>,
    /// The most that was reached so far is what progress is rewarded against, and actions are those of the fingertips.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cartesian: bool,
}

/// Arm joints, and the distance at which the gripper has the object, m.
const ARM: usize = 7;
const GRIPPED: f64 = 0.012;
/// Scales of the terms.
const GRIPPER: f64 = 4.0;
const TARGET: f64 = 8.0;
const FREE: f64 = 0.25;
const POSE: f64 = 0.3;
/// Bounds of a reward.
const MOST: f64 = 1e4;
/// Of the Cartesian task: what a change of the action costs, what an action that the arm cannot follow; height from which on the
/// cube is lifted, m, and what that is worth; distance at which it is at the target, m, and what that is worth.
const RATE: f64 = -0.0005;
const UNREACHABLE: f64 = -0.01;
const LIFTED: (f64, f64) = (0.05, 0.5);
const SUCCESS: (f64, f64) = (0.05, 2.0);
/// Its action.
const TIP: [&str; 3] = ["tip_y", "tip_z", "gripper"];
/// Control steps of an episode of the Cartesian task.
const LENGTH: u64 = 200;

/// The reward with all names resolved.
#[derive(Debug)]
pub(super) struct Panda {
    object: BodyId,
    reach: Offset,
    arm: Vec<f64>,
    touch: Vec<usize>,
    mocap: usize,
    target: Option<[[f64; 3]; 2]>,
    cartesian: bool,
    names: Vec<String>,
}

impl Panda {
    pub(super) fn new(spec: &PandaSpec, draft: &mut Draft<'_>) -> Result<Self, String> {
        let model = draft.model();
        let (object, gripper, mocap) =
            (draft.body(&spec.object)?, draft.site("gripper")?, draft.mocap("mocap_target")?);
        let key = model.keyframe(&spec.pose).map_err(|e| e.to_string())?;
        let arm = model.keyframe_qpos(key).get(..ARM).ok_or_else(|| "the arm has seven joints".to_owned())?.to_vec();
        let fingers = draft.scalar_joint("finger_joint1")?;
        if model.nu() != ARM + 1 {
            return Err(format!("needs {} controls, the model has {}", ARM + 1, model.nu()));
        }
        if let Some([low, high]) = spec.target
            && !low.iter().zip(&high).all(|(a, b)| a.is_finite() && b.is_finite() && a <= b)
        {
            return Err("target needs finite bounds in order".to_owned());
        }
        let this = Self {
            object,
            reach: Offset { from: Place::Site(gripper), to: Place::Body(object), frame: None },
            arm,
            touch: spec.touch.iter().map(|name| draft.sensor(name, 1)).collect::<Result<_, _>>()?,
            mocap,
            target: spec.target,
            cartesian: spec.cartesian,
            names: ["gripper_box", "box_target", &spec.free, "robot_target_qpos"].map(str::to_owned).to_vec(),
        };
        this.observe(draft, Place::Site(gripper), fingers.qpos);
        Ok(this)
    }

    fn observe(&self, draft: &mut Draft<'_>, gripper: Place, finger: usize) {
        draft.all_qpos();
        draft.all_qvel();
        draft.place("gripper", gripper);
        draft.rotation("gripper", gripper, 3..9);
        draft.rotation("object", Place::Body(self.object), 3..9);
        draft.offset("gripper to object", self.reach, 3);
        for (axis, xyz) in ["x", "y", "z"].iter().enumerate() {
            draft.push(format!("object to target_{xyz}"), Entry::ToTarget { body: self.object, axis, back: false });
        }
        for i in 0..6 {
            draft.push(
                format!("object to target[{},{}]", i / 3, i % 3),
                Entry::MocapMatFrom(self.mocap, self.object, i),
            );
        }
        for (j, ctrl) in draft.model().names().ctrl.iter().enumerate() {
            draft.push(format!("ahead:{ctrl}"), Entry::Ahead(j, if j < ARM { j } else { finger }));
        }
        if self.cartesian {
            draft.push("unreachable", Entry::Known(Known::Unreachable));
            for (i, label) in TIP.iter().enumerate() {
                draft.push(format!("action:{label}"), Entry::Known(Known::Action(i)));
            }
        }
    }

    /// What is left to the target: distance (m), and that of the orientation where it counts.
    fn missing(&self, sim: &Sim, memory: &Memory) -> f64 {
        let pos = sim.body_pos(self.object);
        let distance = norm(&[0, 1, 2].map(|i| memory.target[i] - pos[i]));
        if self.target.is_some() {
            return distance;
        }
        let goal = quat::to_mat(std::array::from_fn(|i| sim.mocap_quat()[4 * self.mocap + i]));
        let mat = sim.body_mat(self.object);
        let turned = norm(&[0, 1, 2, 3, 4, 5].map(|i| goal[i] - mat[i]));
        0.9 * distance + 0.1 * turned
    }

    /// The sum of the terms.
    fn dense(&self, sim: &Sim, memory: &mut Memory) -> f64 {
        let near = |x: f64| 1.0 - libm::tanh(x);
        let reach = self.reach.length(sim);
        let posture: Vec<f64> = self.arm.iter().zip(sim.qpos()).map(|(q0, q)| q - q0).collect();
        let touches = self.touch.iter().any(|i| sim.sensordata()[*i] > 0.0);
        memory.reached |= reach < GRIPPED;
        let brought = if memory.reached { near(5.0 * self.missing(sim, memory)) } else { 0.0 };
        memory.terms.clear();
        memory.terms.extend([
            GRIPPER * near(5.0 * reach),
            TARGET * brought,
            if touches { 0.0 } else { FREE },
            if self.cartesian { 0.0 } else { POSE * near(norm(&posture)) },
        ]);
        memory.terms.iter().sum::<f64>().clamp(-MOST, MOST)
    }

    fn progress(&self, taken: &Taken<'_>, memory: &mut Memory) -> f64 {
        let first = memory.steps == 0;
        if first {
            memory.last[0] = vec![0.0; taken.action.len()];
            (memory.best, memory.reached) = (0.0, false);
        }
        let change: Vec<f64> = taken.action.iter().zip(&memory.last[0]).map(|(a, b)| a - b).collect();
        let pos = taken.sim.body_pos(self.object);
        let mut total = self.dense(taken.sim, memory) + RATE * norm(&change);
        if taken.unreachable {
            total += UNREACHABLE;
        }
        if pos[2] > LIFTED.0 {
            total += LIFTED.1;
        }
        if norm(&[0, 1, 2].map(|i| pos[i] - memory.target[i])) < SUCCESS.0 {
            total += SUCCESS.1;
        }
        let gained = (total - memory.best).max(0.0);
        memory.best = memory.best.max(total);
        memory.steps = if taken.over || memory.steps + 1 >= LENGTH { 0 } else { memory.steps + 1 };
        if first { 0.0 } else { gained }
    }
}

impl Reward for Panda {
    fn remembers(&self) -> bool {
        true
    }

    fn actions(&self, nu: usize) -> usize {
        if self.cartesian { TIP.len() } else { nu }
    }

    fn terms(&self) -> &[String] {
        &self.names
    }

    fn begin(&self, sim: &Sim, memory: &mut Memory) {
        memory.target = match (&self.target, &mut memory.stream) {
            (Some([low, high]), Some(stream)) => {
                std::array::from_fn(|i| low[i] + (high[i] - low[i]) * stream.uniform())
            }
            _ => std::array::from_fn(|i| sim.mocap_pos()[3 * self.mocap + i]),
        };
    }

    fn score(&self, taken: &Taken<'_>, memory: &mut Memory) -> f64 {
        if self.cartesian { self.progress(taken, memory) } else { self.dense(taken.sim, memory) }
    }

    fn conclude(&self, taken: &Taken<'_>, memory: &mut Memory) {
        memory.last[0].clear();
        memory.last[0].extend_from_slice(taken.action);
    }
}
