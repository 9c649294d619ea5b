//! The rules of a task as data: how actions become controls, what disturbs an episode, when it ends.

use serde::{Deserialize, Serialize};

use crate::task::PerEntry;

/// How an action becomes controls. Everything but [`ActionSpec::Control`] takes actions of about [-1, 1].
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ActionSpec {
    /// The action is the control.
    #[default]
    Control,
    /// `ctrl = offset + scale * action`.
    Offset {
        /// Controls of the action zero (nu).
        offset: PerEntry,
        /// Controls per action.
        scale: PerEntry,
        /// Bounds of the result.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clip: Option<Bounds>,
    },
    /// `ctrl = qpos[first..end] + scale * action`, with the positions at the start of the control step.
    DeltaQpos {
        /// The positions (as many as controls).
        qpos: [usize; 2],
        /// Controls per action.
        scale: PerEntry,
        /// Bounds of the result.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clip: Option<Bounds>,
    },
    /// `ctrl = last ctrl + scale * action`. Without bounds the sum may wind up beyond the control range.
    DeltaCtrl {
        /// Controls per action.
        scale: PerEntry,
        /// Bounds of the result.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clip: Option<Bounds>,
    },
    /// `ctrl = those of a keyframe + share * half of each control's range * action`, within the ranges.
    Around {
        /// The keyframe.
        keyframe: String,
        /// Of half of the range.
        share: f64,
    },
    /// Moves the fingertips of a Franka Panda in the plane across its base, see `panda.rs`.
    PandaCartesian,
    /// Torques of a Franka Panda with a closed gripper, one or two control steps late, see `push_cube.rs`.
    PandaPushCube,
}

impl ActionSpec {
    /// Entries of an action, for a model with `nu` controls.
    pub fn size(&self, nu: usize) -> usize {
        match self {
            Self::PandaCartesian => super::panda::Cartesian::LABELS.len(),
            Self::PandaPushCube => super::push_cube::Delayed::SIZE,
            Self::Control
            | Self::Offset { .. }
            | Self::DeltaQpos { .. }
            | Self::DeltaCtrl { .. }
            | Self::Around { .. } => nu,
        }
    }

    /// Whether the action is the control.
    pub fn is_control(&self) -> bool {
        *self == Self::Control
    }
}

/// Bounds of controls or positions.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum Bounds {
    /// Those of the model.
    Model(ModelBounds),
    /// Given numbers.
    Given {
        /// Lower bounds.
        low: PerEntry,
        /// Upper bounds.
        high: PerEntry,
    },
}

/// Bounds that a model has.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ModelBounds {
    /// Of each control (actuator_ctrlrange).
    Ctrlrange,
}

/// What disturbs an episode. Random numbers follow from (seed, episode).
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum EventSpec {
    /// Adds to the first two velocities, every so often, a push of uniform size in a uniform direction.
    Push {
        /// Bounds of the time between pushes, s; drawn once per episode.
        interval: [f64; 2],
        /// Bounds of the push, m/s.
        magnitude: [f64; 2],
    },
    /// Pushes a body every so often, in a uniform horizontal direction, with half a sine of force whose peak is
    /// `mass speed / (2 duration)`.
    Kick {
        /// The body.
        body: String,
        /// Mass that is kicked, kg.
        mass: f64,
        /// Bounds of the speed, m/s; drawn once per episode.
        speed: [f64; 2],
        /// Bounds [first, end) of the control steps between kicks; drawn once per episode.
        wait: [u64; 2],
        /// Bounds [first, end) of the control steps of a kick; drawn once per episode.
        duration: [u64; 2],
        /// Control steps after which the count of `wait` begins anew.
        period: u64,
    },
    /// Before the first control step, with probability `p`: positions and controls of a keyframe.
    Swap {
        /// The keyframe.
        keyframe: String,
        /// The probability.
        p: f64,
    },
    /// The goal of LeapCubeReorient turns, see `leap_goal.rs`.
    LeapGoal,
    /// The target of PandaRobotiqPushCube moves when it is reached, see `push_cube.rs`.
    PushCubeTarget,
}

/// A condition that ends an episode, asked after every control step.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "when", rename_all = "snake_case", deny_unknown_fields)]
pub enum DoneSpec {
    /// Entry `entry` of one of the sensors is out of bounds.
    Sensor {
        /// The sensors.
        sensors: Vec<String>,
        /// Which of their values.
        #[serde(default)]
        entry: usize,
        /// Ends below.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        below: Option<f64>,
        /// Ends above.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        above: Option<f64>,
    },
    /// One of the positions `[first, end)` is out of bounds.
    Qpos {
        /// The positions.
        range: [usize; 2],
        /// The bounds; those of the model's controls are taken in the order of the controls.
        bounds: Bounds,
        /// Whether a bound is out of bounds itself.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        touching: bool,
    },
    /// One of the velocities `[first, end)` is out of bounds.
    Qvel {
        /// The velocities.
        range: [usize; 2],
        /// The bounds.
        bounds: Bounds,
        /// Whether a bound is out of bounds itself.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        touching: bool,
    },
    /// A coordinate of a body or site is out of bounds, m.
    Position {
        /// The body.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// The site.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<String>,
        /// The coordinates: 0, 1, 2 for x, y, z.
        axes: Vec<usize>,
        /// Ends below.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        below: Option<f64>,
        /// Ends above.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        above: Option<f64>,
        /// Whether a bound is out of bounds itself.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        touching: bool,
    },
    /// The norm of all positions and velocities is small.
    Still {
        /// Ends below.
        below: f64,
    },
    /// A body that was above one height in this episode is below another, m.
    Dropped {
        /// The body.
        body: String,
        /// The height to have reached.
        reached: f64,
        /// Ends below.
        below: f64,
    },
    /// A body is at a mocap body, m.
    Reached {
        /// The body.
        body: String,
        /// The mocap body.
        target: String,
        /// Ends nearer than this.
        distance: f64,
    },
}
