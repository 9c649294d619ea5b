//! A task as data: what the catalogue holds, and what a recording keeps.

use serde::{Deserialize, Serialize};

use super::reward::RewardSpec;

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
    /// Changes of the compiled model, in order.
    #[serde(default)]
    pub edits: Vec<ModelEdit>,
    /// How an episode starts.
    pub reset: Reset,
    /// What is rewarded and observed; None: nothing, the state is what one sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<RewardSpec>,
}

/// One change of the compiled model (see [`crate::physics::Model::set_field`]).
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ModelEdit {
    /// A field of mjModel, such as `dof_damping`.
    pub field: String,
    /// The row, by the name of its object; None: all rows.
    #[serde(default)]
    pub object: Option<String>,
    /// The column; None: all columns.
    #[serde(default)]
    pub column: Option<usize>,
    /// The new value.
    pub value: f64,
}

/// How an episode starts: from `base` the operations in order, one forward pass, then settling.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// The state before the operations.
    pub base: Base,
    /// What is done to it, in order.
    #[serde(default)]
    pub ops: Vec<Op>,
    /// Whether mocap bodies move after the forward pass, so that whatever is derived from them is that of
    /// the model file until the first step.
    #[serde(default)]
    pub mocap_after_forward: bool,
    /// Physics steps with zero control before time is set to 0.
    #[serde(default)]
    pub settle: usize,
}

/// The state that a reset starts from. Controls are zero in any case.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Base {
    /// All positions and velocities zero, quaternions too: an operation must set those.
    Zero,
    /// The model's default positions, velocities zero.
    Qpos0,
    /// A keyframe of the model, by name or number: positions, velocities, activations, mocap.
    Keyframe(String),
}

/// One operation of a reset. `range` is `[first, end)` within the target; operations with one `key` share
/// their random numbers element by element.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
pub enum Op {
    /// Sets uniform numbers from `[low, high)`.
    Uniform {
        /// What is set.
        target: Target,
        /// Where.
        range: [usize; 2],
        /// Lower bounds.
        low: Numbers,
        /// Upper bounds.
        high: Numbers,
        /// Shares its random numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// Sets normal numbers.
    Normal {
        /// What is set.
        target: Target,
        /// Where.
        range: [usize; 2],
        /// Means.
        mean: Numbers,
        /// Standard deviations.
        std: Numbers,
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

/// What an operation sets.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Positions (nq).
    Qpos,
    /// Velocities (nv).
    Qvel,
    /// Positions of mocap bodies (3 nmocap).
    MocapPos,
}

/// One number for a whole range, or one for each of its entries.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum Numbers {
    /// The same for all.
    One(f64),
    /// One for each.
    Each(Vec<f64>),
}

impl Numbers {
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
            Self::MocapPos => "mocap_pos",
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
            Self::Polar { .. } => "polar",
            Self::Jitter { .. } => "jitter",
            Self::Branch { .. } => "branch",
        }
    }
}
