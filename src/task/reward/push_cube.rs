//! A Franka Panda with a closed Robotiq gripper that pushes a cube to a pose.

use std::f64::consts::PI;

use super::memory::{Memory, Taken};
use super::observation::{Entry, Known};
use super::offset::{Place, norm};
use super::{Draft, Reward, Sigmoid, Tolerance};
use crate::physics::{BodyId, Sim, SiteId};
use crate::quat::{Quat, angle_between};

/// Arm joints.
const ARM: usize = 7;

/// Collision geoms of the gripper; each has a sensor of the normal of its contact with the cube.
const GEOMS: [&str; 6] = [
    "left_coupler_col_1",
    "left_coupler_col_2",
    "left_follower_pad2",
    "right_coupler_col_1",
    "right_coupler_col_2",
    "right_follower_pad2",
];

/// Nine tenths of the joints' speed limits, rad/s.
const FAST: [f64; ARM] = [2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61];
const SHARE: f64 = 0.9;

/// Names and scales of the terms.
const TERMS: [(&str, f64); 9] = [
    ("box_target", 8.0),
    ("box_orientation", 6.0),
    ("gripper_box", 2.0),
    ("gripper_collision_side", 1.0),
    ("robot_target_qpos", 0.75),
    ("joint_vel", 1.0),
    ("joint_vel_limit", 3.0),
    ("total_command", -0.1),
    ("action_rate", -0.1),
];

const GRIPPER_BOX: Tolerance = Tolerance::within(0.0, 0.1).fading(1.0, Sigmoid::Linear, 0.1);
const BOX_TARGET: Tolerance = Tolerance::within(0.0, 0.005).fading(0.4, Sigmoid::Reciprocal, 0.1);
const BOX_ORIENTATION: Tolerance = Tolerance::within(0.0, 0.2).fading(PI, Sigmoid::Reciprocal, 0.1);
const POSTURE: Tolerance = Tolerance::within(0.0, 0.5).fading(4.5, Sigmoid::Linear, 0.1);
const SPEED: Tolerance = Tolerance::within(0.0, 0.5).fading(2.0, Sigmoid::Reciprocal, 0.1);

/// Bounds of the sum of the terms.
const MOST: f64 = 1e4;
/// The end of an episode, a control step at the target, and the last of so many of them.
const ENDS: f64 = -50.0;
const THERE: f64 = 3.0;
const SUCCESS: (u32, f64) = (30, 500.0);
/// Distances (m) and angles (rad) that count as there.
const NEAR: (f64, f64) = (0.03, 10.0 / 180.0 * PI);
/// How far beside the cube the gripper belongs, on the far side of the target, m.
const BESIDE: f64 = 0.1;
/// A cube nearer to the target than this has no side, m.
const NO_SIDE: f64 = 1e-3;

#[derive(Debug)]
pub(super) struct PushCube {
    cube: BodyId,
    gripper: SiteId,
    mocap: usize,
    posture: Vec<f64>,
    normals: Vec<usize>,
    names: Vec<String>,
    control_dt: f64,
}

impl PushCube {
    pub(super) fn new(draft: &mut Draft<'_>, control_dt: f64) -> Result<Self, String> {
        let model = draft.model();
        let key = model.keyframe("home").map_err(|e| e.to_string())?;
        if model.nv() < ARM || model.nq() < ARM {
            return Err("the arm has seven joints".to_owned());
        }
        let this = Self {
            cube: draft.body("box")?,
            gripper: draft.site("gripper")?,
            mocap: draft.mocap("mocap_target")?,
            posture: model.keyframe_qpos(key)[..ARM].to_vec(),
            normals: GEOMS.iter().map(|g| draft.sensor(&format!("{g}_box_normal"), 3)).collect::<Result<_, _>>()?,
            names: TERMS.map(|(name, _)| name.to_owned()).to_vec(),
            control_dt,
        };
        this.observe(draft);
        Ok(this)
    }

    fn observe(&self, draft: &mut Draft<'_>) {
        let (gripper, cube) = (Place::Site(self.gripper), Place::Body(self.cube));
        for (axis, xyz) in ["x", "y", "z"].iter().enumerate() {
            draft.push(format!("target_{xyz}"), Entry::MocapPos(self.mocap, axis));
        }
        for i in 3..9 {
            draft.push(format!("target[{},{}]", i / 3, i % 3), Entry::MocapMat(self.mocap, i));
        }
        let names = draft.model().names();
        for (i, ctrl) in names.ctrl.iter().enumerate().take(ARM) {
            draft.push(format!("last action:{ctrl}"), Entry::Known(Known::LastAction(i)));
        }
        for i in 0..ARM {
            draft.push(format!("qpos:{}", names.qpos[i]), Entry::Qpos(i));
        }
        for i in 0..ARM {
            draft.push(format!("qvel:{}", names.dof[i]), Entry::Qvel(i));
        }
        draft.place("gripper", gripper);
        draft.rotation("gripper", gripper, 3..9);
        draft.rotation("cube", cube, 3..9);
        draft.place("cube", cube);
    }

    fn target(&self, sim: &Sim) -> ([f64; 3], Quat) {
        let (pos, quat) = (&sim.mocap_pos()[3 * self.mocap..], &sim.mocap_quat()[4 * self.mocap..]);
        (std::array::from_fn(|i| pos[i]), std::array::from_fn(|i| quat[i]))
    }

    /// How much the gripper touches the cube from the side: the horizontal part of the mean normal, as a unit vector.
    fn side(&self, sim: &Sim) -> f64 {
        let n = self.normals.len() as f64;
        let mean: [f64; 3] =
            std::array::from_fn(|k| self.normals.iter().map(|i| sim.sensordata()[i + k]).sum::<f64>() / n);
        let length = norm(&mean);
        if length > 0.0 { norm(&mean[..2]) / length } else { 0.0 }
    }

    fn values(&self, taken: &Taken<'_>, memory: &Memory) -> [f64; TERMS.len()] {
        let sim = taken.sim;
        let (goal, goal_quat) = self.target(sim);
        let (cube, gripper) = (sim.body_pos(self.cube), sim.site_pos(self.gripper));
        let away = [0, 1, 2].map(|i| cube[i] - goal[i]);
        let length = norm(&away);
        let beside = if length > NO_SIDE { BESIDE / length } else { 0.0 };
        let to_side = [0, 1, 2].map(|i| cube[i] + beside * away[i] - gripper[i]);
        let posture: Vec<f64> = self.posture.iter().zip(sim.qpos()).map(|(q0, q)| q - q0).collect();
        let speeds = &sim.qvel()[..ARM];
        let fast = speeds.iter().zip(FAST).any(|(v, most)| v.abs() > SHARE * most);
        let change: Vec<f64> =
            taken.action.iter().enumerate().map(|(i, a)| a - memory.last[0].get(i).copied().unwrap_or(0.0)).collect();
        [
            BOX_TARGET.of(norm(&away[..2])),
            BOX_ORIENTATION.of(angle_between(sim.body_quat(self.cube), goal_quat)),
            GRIPPER_BOX.of(norm(&to_side)),
            self.side(sim),
            POSTURE.of(norm(&posture)),
            SPEED.of(norm(speeds)),
            f64::from(!fast),
            norm(taken.action),
            norm(&change),
        ]
    }
}

impl Reward for PushCube {
    fn remembers(&self) -> bool {
        true
    }

    fn actions(&self, _nu: usize) -> usize {
        ARM
    }

    fn terms(&self) -> &[String] {
        &self.names
    }

    fn begin(&self, _sim: &Sim, memory: &mut Memory) {
        memory.last[0] = vec![0.0; ARM];
    }

    fn score(&self, taken: &Taken<'_>, memory: &mut Memory) -> f64 {
        let values = self.values(taken, memory);
        memory.terms.clear();
        memory.terms.extend(values.iter().zip(TERMS).map(|(x, (_, scale))| scale * x));
        let scales: f64 = TERMS.iter().map(|(_, scale)| scale).sum();
        let mut total = memory.terms.iter().sum::<f64>().clamp(-MOST, MOST) / scales;
        if taken.over {
            total += ENDS;
        }
        let (goal, goal_quat) = self.target(taken.sim);
        let pos = taken.sim.body_pos(self.cube);
        let there = norm(&[0, 1, 2].map(|i| goal[i] - pos[i])) < NEAR.0
            && angle_between(taken.sim.body_quat(self.cube), goal_quat) < NEAR.1;
        let success = there && memory.there >= SUCCESS.0;
        memory.there = if there && !success { memory.there + 1 } else { 0 };
        if there {
            total += THERE;
        }
        if success {
            total += SUCCESS.1;
        }
        total * self.control_dt
    }

    fn conclude(&self, taken: &Taken<'_>, memory: &mut Memory) {
        memory.last[0].clear();
        memory.last[0].extend_from_slice(taken.applied);
    }
}
