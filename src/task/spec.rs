//! A task as data: what the catalogue holds, and what a recording keeps.

use serde::{Deserialize, Serialize};

use super::TaskError;
use super::env::{ActionSpec, DoneSpec, EventSpec};
use super::reward::{ObservedPart, RewardSpec, Scorer};
use crate::physics::{Model, ModelEdit};

/// Everything about a task after its model files are assembled. Stored in a recording, so that it can be
/// simulated again without the catalogue.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct TaskSpec {
    /// Its name, such as `WalkerRun`; for an MJCF file of the user the file's stem.
    pub name: String,
    /// Where it comes from: `dm_control_suite`, `mjcf` or `embedded`.
    pub suite: String,
    /// One line for people.
    pub description: String,
    /// Physics time step, s; None keeps the model's.
    pub timestep: Option<f64>,
    /// Physics steps per control step, at least 1.
    pub substeps: usize,
    /// Control steps per episode.
    pub episode_length: usize,
    /// Control steps that one action of a policy lasts.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub action_repeat: usize,
    /// Whether rewards, observations and ends see what follows from position and velocity at the end of a control step (mj_step1), and not at
    /// the start of its last physics step.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refresh: bool,
    /// Changes of the compiled model, in order.
    #[serde(default)]
    pub edits: Vec<ModelEdit>,
    /// How an episode starts.
    pub reset: Reset,
    /// What is rewarded and observed; None: nothing, the state is what one sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<RewardSpec>,
    /// What is observed in place of what the reward's task observes; empty: that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observe: Vec<ObservedPart>,
    /// How an action becomes controls.
    #[serde(default, skip_serializing_if = "ActionSpec::is_control")]
    pub action: ActionSpec,
    /// What disturbs an episode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventSpec>,
    /// When an episode ends before its time: any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<DoneSpec>,
}

impl TaskSpec {
    /// The reward and observation for simulations of `model`; None for a task without either.
    ///
    /// # Errors
    /// [`TaskError::Reward`] when the model lacks an object of the reward, [`TaskError::Setting`] when it lacks something that is
    /// observed.
    pub fn scorer(&self, model: &Model) -> Result<Option<Scorer>, TaskError> {
        let control_dt = self.control_dt(model);
        let rewarded = self.reward.as_ref().map(|spec| Scorer::new(spec, model, control_dt)).transpose()?;
        if self.observe.is_empty() {
            return Ok(rewarded);
        }
        let refuse = |reason| TaskError::Setting { task: self.name.clone(), reason: format!("observe: {reason}") };
        let observing = Scorer::observing(&self.observe, model).map_err(refuse)?;
        Ok(Some(match &rewarded {
            Some(rewarded) => observing.rewarded_by(rewarded),
            None => observing,
        }))
    }

    /// Duration of a control step, s.
    pub fn control_dt(&self, model: &Model) -> f64 {
        self.timestep.unwrap_or_else(|| model.timestep()) * self.substeps as f64
    }

    /// Names of the bodies that events apply forces to, in the order of [`super::Env::forced_bodies`].
    pub fn forced_bodies(&self) -> Vec<String> {
        self.events
            .iter()
            .filter_map(|e| match e {
                EventSpec::Kick { body, .. } => Some(body.clone()),
                _ => None,
            })
            .collect()
    }
}

pub(super) fn once() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_once(n: &usize) -> bool {
    *n == 1
}

/// How an episode starts: from `base` the operations in order, then the controls, a forward pass, settling.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// The state before the operations.
    pub base: Base,
    /// The controls after them. They are what the forward pass and settling see, and what an action that adds
    /// to the last control begins with.
    #[serde(default, skip_serializing_if = "ResetControl::is_zero")]
    pub ctrl: ResetControl,
    /// What is done to the state, in order.
    #[serde(default)]
    pub ops: Vec<Op>,
    /// Whether there is a forward pass.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub forward: bool,
    /// Whether actuators act in the forward pass.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub actuation: bool,
    /// Whether the operations are done anew, on what they left, until nothing touches after the forward pass.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untouched: bool,
    /// What is raised until nothing touches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lift: Option<Raised>,
    /// Whether mocap bodies move after the forward pass, so that whatever is derived from them is that of
    /// the model file until the first step.
    #[serde(default)]
    pub mocap_after_forward: bool,
    /// Physics steps before time is set to 0.
    #[serde(default)]
    pub settle: usize,
}

/// A position that is raised step by step until nothing touches.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Raised {
    /// Its number.
    pub qpos: usize,
    /// By how much at a time, above 0.
    pub by: f64,
}

fn yes() -> bool {
    true
}

/// The state that a reset starts from.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Base {
    /// All positions and velocities zero, quaternions too: an operation must set those.
    Zero,
    /// The model's default positions, velocities zero.
    Qpos0,
    /// A keyframe of the model, by name or number: positions, velocities, activations, mocap.
    Keyframe(String),
    /// The positions of a keyframe; all else as in [`Base::Qpos0`].
    Positions(String),
}

impl Base {
    /// The keyframe it needs.
    pub(super) fn keyframe(&self) -> Option<&str> {
        match self {
            Self::Keyframe(name) | Self::Positions(name) => Some(name),
            Self::Zero | Self::Qpos0 => None,
        }
    }
}

/// The controls that a reset leaves.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum ResetControl {
    /// Zero.
    #[default]
    Zero,
    /// Those of a keyframe, which operations may change.
    Keyframe(String),
    /// The positions `[first, end)` after the operations: controls that hold a posture.
    Qpos([usize; 2]),
}

impl ResetControl {
    /// Whether they are zero.
    pub(crate) fn is_zero(&self) -> bool {
        *self == Self::Zero
    }
}

/// What a draw does to the entries it is drawn for.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Replaces them.
    #[default]
    Set,
    /// Is added to them.
    Add,
    /// Multiplies them.
    Mul,
}

impl Mode {
    /// Whether it replaces.
    pub(crate) fn is_set(&self) -> bool {
        *self == Self::Set
    }
}

/// One operation of a reset. `range` is `[first, end)` within the target; operations with one `key` share
/// their random numbers element by element.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// Draws uniform numbers from `[low, high)`.
    Uniform {
        /// What is changed.
        target: Target,
        /// Where.
        range: [usize; 2],
        /// Lower bounds.
        low: PerEntry,
        /// Upper bounds.
        high: PerEntry,
        /// Whether they replace, add or multiply.
        #[serde(default, skip_serializing_if = "Mode::is_set")]
        mode: Mode,
        /// Bounds of the result.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clip: Option<[PerEntry; 2]>,
        /// Shares its random numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// Draws normal numbers.
    Normal {
        /// What is changed.
        target: Target,
        /// Where.
        range: [usize; 2],
        /// Means.
        mean: PerEntry,
        /// Standard deviations.
        std: PerEntry,
        /// Whether they replace, add or multiply.
        #[serde(default, skip_serializing_if = "Mode::is_set")]
        mode: Mode,
        /// Bounds of the result.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clip: Option<[PerEntry; 2]>,
        /// Shares its random numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// Sets a quaternion that is uniform over all rotations: four normal numbers over their norm
    /// (Muller 1959).
    Quaternion {
        /// What is set.
        target: Target,
        /// Where; four numbers.
        range: [usize; 2],
        /// Shares its random numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// Multiplies a quaternion from the right by a turn about z, by an angle uniform in `[low, high)`, rad.
    Yaw {
        /// What is changed.
        target: Target,
        /// Where; four numbers.
        range: [usize; 2],
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
    },
    /// Sets a quaternion: a turn by an angle uniform in `[low, high)`, rad, about an axis with three components
    /// uniform in [-1, 1), normalised.
    AxisAngle {
        /// What is set.
        target: Target,
        /// Where; four numbers.
        range: [usize; 2],
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
    },
    /// Sets a point in a plane: `center + radius (sin angle, cos angle)`, angle and radius uniform.
    Polar {
        /// What is set.
        target: Target,
        /// Where.
        range: [usize; 2],
        /// The two entries of the range that are set; others stay.
        axes: [usize; 2],
        /// The centre.
        center: [f64; 2],
        /// Bounds of the angle, rad.
        angle: [f64; 2],
        /// Bounds of the radius.
        radius: [f64; 2],
    },
    /// Draws a point uniformly from a box, anew until its distance from another point is one of `distance`.
    Apart {
        /// What is set.
        target: Target,
        /// Where.
        range: [usize; 2],
        /// Lower bounds.
        low: PerEntry,
        /// Upper bounds.
        high: PerEntry,
        /// The other point; as many numbers as the range has entries.
        from: Vec<f64>,
        /// Bounds of the distance.
        distance: [f64; 2],
    },
    /// Sets the joints with positions in `[first, end)` as dm_control does: limited hinges and slides uniform within their limits,
    /// unlimited hinges uniform over a turn, the quaternions of free joints four numbers uniform in [0, 1) over their norm.
    Joints {
        /// The positions.
        range: [usize; 2],
        /// Whether joints without limits are set.
        #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
        unlimited: bool,
    },
    /// Sets a point that is uniform on a sphere about 0.
    Sphere {
        /// What is set.
        target: Target,
        /// Where.
        range: [usize; 2],
        /// Of the sphere.
        radius: f64,
    },
    /// Sets position (m) and velocity (m/s) of a body that flies towards the middle of a circle that it is on.
    Thrown {
        /// The first of three positions.
        qpos: usize,
        /// The first of three velocities.
        qvel: usize,
        /// Of the circle, m.
        radius: f64,
        /// Where it begins, m.
        height: f64,
        /// Bounds of how high it would rise, m.
        rise: [f64; 2],
        /// Bounds of the horizontal speed, m/s.
        speed: [f64; 2],
        /// Standard deviation of each component of the direction.
        spread: f64,
    },
    /// Puts a planar body (x, z, angle about y) where a site is, turned against its x axis.
    Held {
        /// The three positions.
        range: [usize; 2],
        /// The site.
        site: String,
    },
    /// Sets given numbers.
    Assign {
        /// What is set.
        target: Target,
        /// Where.
        range: [usize; 2],
        /// The numbers.
        value: PerEntry,
    },
    /// Raises entries to at least these numbers.
    Max {
        /// What is changed.
        target: Target,
        /// Where.
        range: [usize; 2],
        /// The numbers.
        value: PerEntry,
    },
    /// Copies entries.
    Copy {
        /// What is set.
        target: Target,
        /// Where.
        range: [usize; 2],
        /// What is copied.
        source: Target,
        /// From where.
        from: [usize; 2],
    },
    /// Adds uniform numbers from `[-scale, scale)` to every hinge and slide position and every velocity.
    Jitter {
        /// The bound.
        scale: f64,
    },
    /// Does `then` with probability `p`, `else` otherwise.
    Branch {
        /// The probability of `then`.
        p: f64,
        /// Operations of the one case.
        then: Vec<Op>,
        /// Operations of the other.
        #[serde(rename = "else", default)]
        otherwise: Vec<Op>,
    },
}

/// What an operation changes.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Positions (nq).
    Qpos,
    /// Velocities (nv).
    Qvel,
    /// Activations (na).
    Act,
    /// Controls (nu).
    Ctrl,
    /// Positions of mocap bodies (3 nmocap).
    MocapPos,
    /// Orientations of mocap bodies (4 nmocap).
    MocapQuat,
}

/// One number for a whole range, or one for each of its entries.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum PerEntry {
    /// The same for all.
    One(f64),
    /// One for each.
    Each(Vec<f64>),
}

impl PerEntry {
    /// The number of entry `i`. Panics when there is none; resets are checked before.
    pub(super) fn at(&self, i: usize) -> f64 {
        match self {
            Self::One(x) => *x,
            Self::Each(xs) => xs[i],
        }
    }

    /// Whether it has `n` finite entries.
    pub(super) fn fits(&self, n: usize) -> bool {
        match self {
            Self::One(x) => x.is_finite(),
            Self::Each(xs) => xs.len() == n && xs.iter().all(|x| x.is_finite()),
        }
    }
}

impl Target {
    /// Its name in the file format.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Qpos => "qpos",
            Self::Qvel => "qvel",
            Self::Act => "act",
            Self::Ctrl => "ctrl",
            Self::MocapPos => "mocap_pos",
            Self::MocapQuat => "mocap_quat",
        }
    }
}

impl Op {
    /// Its name in the file format.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Uniform { .. } => "uniform",
            Self::Normal { .. } => "normal",
            Self::Quaternion { .. } => "quaternion",
            Self::Yaw { .. } => "yaw",
            Self::AxisAngle { .. } => "axis_angle",
            Self::Polar { .. } => "polar",
            Self::Apart { .. } => "apart",
            Self::Joints { .. } => "joints",
            Self::Sphere { .. } => "sphere",
            Self::Thrown { .. } => "thrown",
            Self::Held { .. } => "held",
            Self::Assign { .. } => "assign",
            Self::Max { .. } => "max",
            Self::Copy { .. } => "copy",
            Self::Jitter { .. } => "jitter",
            Self::Branch { .. } => "branch",
        }
    }
}
