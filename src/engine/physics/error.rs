//! What can go wrong in the physics room, and why an episode ends early.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An error of the physics room.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PhysicsError {
    /// The library that was loaded is not the one this program is written for.
    #[error(
        "MuJoCo {} is needed but {found} was loaded: run `cargo xtask setup`, or point MUJOCO_DYNAMIC_LINK_DIR to {}",
        super::REQUIRED_VERSION,
        super::REQUIRED_VERSION
    )]
    Version {
        /// What `mj_version` said.
        found: String,
    },
    /// MuJoCo could not compile the model. `message` names the element and the line where it knows them.
    #[error("{file}: MuJoCo cannot load the model: {message}")]
    Load {
        /// The main file.
        file: String,
        /// MuJoCo's own words, on one line.
        message: String,
    },
    /// The model loads but cannot mean anything.
    #[error("{file}: {field} is {value}: {fix}")]
    Nonsense {
        /// The main file.
        file: String,
        /// The field of mjModel, with its index and the name of its owner.
        field: String,
        /// What it holds.
        value: String,
        /// What to do.
        fix: String,
    },
    /// A file of the model cannot be read.
    #[error("{file}: {message}")]
    File {
        /// The file.
        file: String,
        /// Why not, and what to do.
        message: String,
    },
    /// A plugin library cannot be loaded.
    #[error("{file}: {message}")]
    Plugin {
        /// The library, or the folder.
        file: String,
        /// Why not, and what to do.
        message: String,
    },
    /// A fatal error (mju_error) inside a call. The simulation it happened in cannot be used again.
    #[error("MuJoCo: {0}")]
    Mujoco(String),
    /// The work was asked to stop ([`super::stop_when`], [`super::stop_if`]).
    #[error("stopped")]
    Stopped,
    /// A simulation was used after a fatal error.
    #[error("this simulation raised a MuJoCo error before and cannot be used again")]
    Poisoned,
    /// A Jacobian engine was asked for that does not cover the model.
    #[error("{file}: the engine {engine} does not cover {obstacles}; {way}")]
    NotCovered {
        /// The main file.
        file: String,
        /// The engine.
        engine: &'static str,
        /// What it does not cover.
        obstacles: String,
        /// What to do about it.
        way: &'static str,
    },
    /// A step from the same state leads somewhere else: a plugin keeps something that is not in the integration state.
    #[error(
        "{file}: a step does not come out the same from the same state, so it has no derivative: one of its plugins ({plugins}) keeps \
         something beside mjData.plugin_state; mend the plugin, or take it out"
    )]
    NotRepeatable {
        /// The main file.
        file: String,
        /// All its plugins.
        plugins: String,
    },
    /// Sensors are to be differentiated that show more than the present state.
    #[error("{file}: C and D are not covered for {obstacles}; record without sensors, or take these out")]
    SensorsNotCovered {
        /// The main file.
        file: String,
        /// The sensors, by kind and name.
        obstacles: String,
    },
    /// A name that the model does not have.
    #[error("the model has no {kind} named \"{name}\"")]
    NoSuchName {
        /// The kind of object: joint, site, keyframe, ...
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Pictures need OpenGL, and it is not there.
    #[error(
        "there is no OpenGL to draw with ({reason}): install EGL and a driver for it (on Debian and Ubuntu: apt-get \
         install libegl1 libgl1-mesa-dri)"
    )]
    NoOpenGl {
        /// What failed.
        reason: String,
    },
    /// A simulation of another model than that which is differentiated.
    #[error("this is a simulation of another model than {file}; make it of the model that the differentiator has")]
    OtherModel {
        /// The main file of the model that is differentiated.
        file: String,
    },
    /// A control that is no number, or larger than MuJoCo takes.
    #[error("the control {name} is {value}; give a number within 1e10")]
    Control {
        /// The control.
        name: String,
        /// Its value.
        value: f64,
    },
    /// A chain over no step.
    #[error("there are 0 steps to linearize; give at least 1")]
    NoSteps,
    /// What is said to sleep cannot: every tree that does names the next one of those that fell asleep together, in a cycle.
    #[error("tree_asleep {0:?} names no cycles of sleeping trees: give what mjData.tree_asleep has")]
    NoCycles(Vec<i32>),
    /// A state that is no integration state of the model.
    #[error("a state has {found} numbers and the model's integration state {size}: give what Sim::get_state writes")]
    StateSize {
        /// Numbers that were given.
        found: usize,
        /// Numbers of the integration state (`Model::state_size`).
        size: usize,
    },
    /// An edit of the model that does not fit it.
    #[error("cannot set {field}: {reason}")]
    Edit {
        /// The field of mjModel.
        field: String,
        /// Why not.
        reason: String,
    },
}

/// Why an episode ended before its last step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Divergence {
    /// A NaN or infinite value in the state; names the entry.
    NotFinite(String),
    /// A value beyond 1e10, MuJoCo's own bound (mjMAXVAL); names the entry.
    Huge(String),
    /// A warning that MuJoCo counts as a failed step; its name, such as `BADQACC`.
    Warning(String),
    /// A fatal error that stopped the episode.
    Fatal(String),
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite(what) => write!(f, "diverged: {what} is not finite"),
            Self::Huge(what) => write!(f, "diverged: {what} is beyond 1e10"),
            Self::Warning(what) => write!(f, "MuJoCo warning {what}"),
            Self::Fatal(what) => write!(f, "MuJoCo error: {what}"),
        }
    }
}
