//! Two ALOHA arms: a box from one to the other, or a peg into a socket.

use super::memory::{Memory, Taken};
use super::observation::{Entry, Known};
use super::offset::{Offset, Place, norm};
use super::{Draft, Reward, Sigmoid, Tolerance};
use crate::physics::{BodyId, Sim, SiteId};

/// Fingers, each with a sensor that is above 0 where it touches the table.
const FINGERS: [&str; 8] = [
    "left/left_finger_top",
    "left/left_finger_bottom",
    "left/right_finger_top",
    "left/right_finger_bottom",
    "right/left_finger_top",
    "right/left_finger_bottom",
    "right/right_finger_top",
    "right/right_finger_bottom",
];

const FINGER_JOINTS: [&str; 4] = ["left/left_finger", "left/right_finger", "right/left_finger", "right/right_finger"];

/// What both tasks know of the arms.
#[derive(Debug)]
struct Arms {
    left: SiteId,
    right: SiteId,
    table: Vec<usize>,
}

impl Arms {
    fn new(draft: &Draft<'_>) -> Result<Self, String> {
        Ok(Self {
            left: draft.site("left/gripper")?,
            right: draft.site("right/gripper")?,
            table: FINGERS.iter().map(|f| draft.sensor(&format!("table_{f}_found"), 1)).collect::<Result<_, _>>()?,
        })
    }

    /// 1 where no finger touches the table.
    fn free(&self, sim: &Sim) -> f64 {
        f64::from(!self.table.iter().any(|i| sim.sensordata()[*i] > 0.0))
    }
}

/// Names and scales of the terms of a hand-over.
const HANDOVER: [(&str, f64); 4] =
    [("gripper_box", 1.0), ("box_handover", 4.0), ("handover_target", 8.0), ("no_table_collision", 0.3)];
/// The box is the left hand's below the first x, the right hand's from the second one on, m.
const LEFT: f64 = -0.1;
const RIGHT: f64 = 0.0;
/// Where it changes hands, m.
const MEETING: [f64; 3] = [0.0, 0.0, 0.24];
/// How steep a barrier is, 1/m, and where that of the box is, m.
const STEEP: f64 = 100.0;
const BARRIER: f64 = 0.1;
/// What it is worth to hold the end.
const HELD: f64 = 0.02;
/// Heights (m) above which the box is picked, and below which it is dropped then; what that costs.
const PICKED: f64 = 0.15;
const LOW: f64 = 0.05;
const DROPPED: f64 = -0.1;
/// Control steps of an episode.
const LENGTH: u64 = 250;

/// 1 / (1 + exp(-100 direction (x - x0))).
fn barrier(x: f64, x0: f64, direction: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-STEEP * direction * (x - x0)))
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    norm(&[0, 1, 2].map(|i| a[i] - b[i]))
}

fn near(a: [f64; 3], b: [f64; 3]) -> f64 {
    libm::exp(-10.0 * distance(a, b))
}

#[derive(Debug)]
pub(super) struct HandOver {
    arms: Arms,
    cube: BodyId,
    top: SiteId,
    bottom: SiteId,
    mocap: usize,
    names: Vec<String>,
}

impl HandOver {
    pub(super) fn new(draft: &mut Draft<'_>) -> Result<Self, String> {
        let this = Self {
            arms: Arms::new(draft)?,
            cube: draft.body("box")?,
            top: draft.site("box_top")?,
            bottom: draft.site("box_bottom")?,
            mocap: draft.mocap("mocap_target")?,
            names: HANDOVER.map(|(name, _)| name.to_owned()).to_vec(),
        };
        draft.all_qpos();
        draft.all_qvel();
        let width = draft.model().geom_size(draft.geom("box")?)[1];
        for name in FINGER_JOINTS {
            let joint = draft.scalar_joint(name)?;
            draft.push(format!("{name} to box"), Entry::QposFrom(joint.qpos, width));
        }
        let cube = Place::Body(this.cube);
        draft.place("box_top", Place::Site(this.top));
        draft.place("box_bottom", Place::Site(this.bottom));
        for (label, site) in [("left/gripper", this.arms.left), ("right/gripper", this.arms.right)] {
            draft.place(label, Place::Site(site));
            draft.rotation(label, Place::Site(site), 3..9);
        }
        draft.rotation("box", cube, 3..9);
        for (axis, xyz) in ["x", "y", "z"].iter().enumerate() {
            draft.push(format!("target to box_{xyz}"), Entry::ToTarget { body: this.cube, axis, back: true });
        }
        draft.push("progress", Entry::Known(Known::Progress(LENGTH)));
        Ok(this)
    }

    /// The terms without their scales.
    fn values(&self, sim: &Sim, memory: &Memory) -> [f64; HANDOVER.len()] {
        let (top, bottom, cube) = (sim.site_pos(self.top), sim.site_pos(self.bottom), sim.body_pos(self.cube));
        let (left, right) = (sim.site_pos(self.arms.left), sim.site_pos(self.arms.right));
        let before = f64::from(cube[0] < LEFT);
        let past = f64::from(cube[0] >= RIGHT);
        let between = (1.0 - before) * (1.0 - past);
        let by_left = near(top, left) * (before + between);
        let by_right = near(bottom, right) * (between + past);
        let still = near(bottom, right) * past;
        let meeting = near(cube, MEETING).max(near(left, MEETING) * past);
        let brought = near(memory.target, cube) * (by_right + still) * barrier(left[0], 0.0, -1.0);
        [by_left + by_right + still, meeting, brought, self.arms.free(sim)]
    }
}

impl Reward for HandOver {
    fn remembers(&self) -> bool {
        true
    }

    fn terms(&self) -> &[String] {
        &self.names
    }

    fn begin(&self, sim: &Sim, memory: &mut Memory) {
        memory.target = std::array::from_fn(|i| sim.mocap_pos()[3 * self.mocap + i]);
    }

    fn score(&self, taken: &Taken<'_>, memory: &mut Memory) -> f64 {
        let sim = taken.sim;
        let first = memory.steps == 0;
        if first {
            (memory.best, memory.reached) = (0.0, false);
        }
        let values = self.values(sim, memory);
        memory.terms.clear();
        memory.terms.extend(values.iter().zip(HANDOVER).map(|(x, (_, scale))| scale * x));
        let scales: f64 = HANDOVER.iter().map(|(_, scale)| scale).sum();
        let potential = memory.terms.iter().sum::<f64>() / scales;
        let cube = sim.body_pos(self.cube);
        let held = barrier(sim.site_pos(self.arms.left)[0], 0.0, -1.0) * barrier(cube[0], BARRIER, 1.0);
        let mut reward = (potential - memory.best).max(0.0) + HELD * potential * held;
        memory.best = memory.best.max(potential);
        if first {
            reward = 0.0;
        }
        memory.reached |= cube[2] > PICKED;
        if memory.reached && cube[2] < LOW {
            reward += DROPPED;
        }
        memory.steps = if taken.over || memory.steps + 1 >= LENGTH { 0 } else { memory.steps + 1 };
        reward
    }
}

/// Names and scales of the terms of an insertion.
const INSERTION: [(&str, f64); 10] = [
    ("left_reward", 1.0),
    ("right_reward", 1.0),
    ("left_target_qpos", 0.3),
    ("right_target_qpos", 0.3),
    ("no_table_collision", 0.3),
    ("socket_entrance_reward", 4.0),
    ("peg_end2_reward", 4.0),
    ("socket_z_up", 0.5),
    ("peg_z_up", 0.5),
    ("peg_insertion_reward", 8.0),
];
const GRIPPED: Tolerance = Tolerance::within(0.0, 0.001).fading(0.3, Sigmoid::Linear, 0.1);
const POSTURE: Tolerance = Tolerance::within(0.0, 0.01).margin(2.0);
const LIFTED: Tolerance = Tolerance::within(0.0, 0.01).fading(0.15, Sigmoid::Linear, 0.1);
const UPRIGHT: Tolerance = Tolerance::within(0.99, 1.0).fading(0.03, Sigmoid::Linear, 0.1);
const INSERTED: Tolerance = Tolerance::within(0.0, 0.001).fading(0.1, Sigmoid::Linear, 0.1);
/// Where socket and peg should be, m.
const SOCKET_GOAL: [f64; 3] = [-0.05, 0.0, 0.15];
const PEG_GOAL: [f64; 3] = [0.05, 0.0, 0.15];
/// How far the end of the peg may be from the socket's axis, m.
const ALIGNED: f64 = 0.005;
/// Arm joints of a side.
const ARM: [&str; 6] = ["waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate"];

#[derive(Debug)]
pub(super) struct PegInsertion {
    arms: Arms,
    socket: BodyId,
    peg: BodyId,
    entrance: SiteId,
    rear: SiteId,
    end: SiteId,
    /// Positions of each arm's joints and where they start.
    postures: [Vec<(usize, f64)>; 2],
    names: Vec<String>,
}

impl PegInsertion {
    pub(super) fn new(draft: &mut Draft<'_>) -> Result<Self, String> {
        let model = draft.model();
        let home = model.keyframe_qpos(model.keyframe("home").map_err(|e| e.to_string())?);
        let posture = |side: &str| -> Result<Vec<(usize, f64)>, String> {
            let joint = |name: &&str| draft.scalar_joint(&format!("{side}/{name}")).map(|j| (j.qpos, home[j.qpos]));
            ARM.iter().map(joint).collect()
        };
        let this = Self {
            postures: [posture("left")?, posture("right")?],
            arms: Arms::new(draft)?,
            socket: draft.body("socket")?,
            peg: draft.body("peg")?,
            entrance: draft.site("socket_entrance")?,
            rear: draft.site("socket_rear")?,
            end: draft.site("peg_end2")?,
            names: INSERTION.map(|(name, _)| name.to_owned()).to_vec(),
        };
        draft.all_qpos();
        draft.all_qvel();
        for (label, place) in [
            ("left/gripper", Place::Site(this.arms.left)),
            ("socket", Place::Body(this.socket)),
            ("right/gripper", Place::Site(this.arms.right)),
            ("peg", Place::Body(this.peg)),
            ("socket_entrance", Place::Site(this.entrance)),
            ("peg_end2", Place::Site(this.end)),
        ] {
            draft.place(label, place);
        }
        draft.rotation("socket", Place::Body(this.socket), 6..9);
        draft.rotation("peg", Place::Body(this.peg), 6..9);
        Ok(this)
    }

    /// Whether the end of the peg is on the axis of the socket.
    fn is_aligned(&self, sim: &Sim) -> bool {
        let (rear, entrance, end) = (sim.site_pos(self.rear), sim.site_pos(self.entrance), sim.site_pos(self.end));
        let axis = [0, 1, 2].map(|i| entrance[i] - rear[i]);
        let along: f64 = (0..3).map(|i| (end[i] - rear[i]) * axis[i]).sum();
        let t = along / (axis.iter().map(|x| x * x).sum::<f64>() + 1e-6);
        norm(&[0, 1, 2].map(|i| end[i] - (rear[i] + t * axis[i]))) < ALIGNED
    }

    fn values(&self, sim: &Sim) -> [f64; INSERTION.len()] {
        let gap = |body: BodyId, site: SiteId| {
            Offset { from: Place::Site(site), to: Place::Body(body), frame: None }.length(sim)
        };
        let (left, right) = (GRIPPED.of(gap(self.socket, self.arms.left)), GRIPPED.of(gap(self.peg, self.arms.right)));
        let posture = |joints: &[(usize, f64)]| {
            let off: Vec<f64> = joints.iter().map(|(i, home)| sim.qpos()[*i] - home).collect();
            POSTURE.of(norm(&off))
        };
        let [left_pose, right_pose] = [0, 1].map(|i| posture(&self.postures[i]));
        let socket = LIFTED.of(distance(SOCKET_GOAL, sim.body_pos(self.socket)));
        let peg = LIFTED.of(distance(PEG_GOAL, sim.body_pos(self.peg)));
        let upright = |body: BodyId| UPRIGHT.of(sim.body_mat(body)[8]);
        let depth = distance(sim.site_pos(self.end), sim.site_pos(self.rear));
        [
            left,
            right,
            left_pose * left * right,
            right_pose * left * right,
            self.arms.free(sim),
            socket,
            peg,
            upright(self.socket) * socket,
            upright(self.peg) * peg,
            if self.is_aligned(sim) { INSERTED.of(depth) } else { 0.0 },
        ]
    }
}

impl Reward for PegInsertion {
    fn terms(&self) -> &[String] {
        &self.names
    }

    fn score(&self, taken: &Taken<'_>, memory: &mut Memory) -> f64 {
        let values = self.values(taken.sim);
        memory.terms.clear();
        memory.terms.extend(values.iter().zip(INSERTION).map(|(x, (_, scale))| scale * x));
        let scales: f64 = INSERTION.iter().map(|(_, scale)| scale).sum();
        memory.terms.iter().sum::<f64>() / scales
    }
}
