//! What an episode has left behind for its reward and its observation.

use crate::physics::Sim;
use crate::rng::Stream;

/// What a reward and an observation remember of an episode: commands, actions, feet, the phase of a gait, rows that were observed.
/// It begins with [`super::Scorer::begin`], and is a function of (seed, episode) and of the steps so far. A clone goes its own way.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Where new commands come from; None for a task that draws nothing.
    pub(super) stream: Option<Stream>,
    /// Whether new commands are drawn.
    pub(super) foresees: bool,
    /// Forward and sideward velocity (m/s) and yaw rate (rad/s) to follow.
    pub(super) command: [f64; 3],
    /// Control steps until the next command, or since the last one.
    pub(super) count: i64,
    /// The actions of the last control step and of the one before.
    pub(super) last: [Vec<f64>; 2],
    /// The action of this control step, and what is known of it.
    pub(super) now: Vec<f64>,
    pub(super) unreachable: bool,
    pub(super) feet: Vec<Foot>,
    pub(super) gait: Gait,
    /// Whether a control step has been taken.
    pub(super) stepped: bool,
    /// Rows of each history of the observation, the newest first.
    pub(super) histories: Vec<Vec<f64>>,
    /// Numbers of a row of each.
    pub(super) widths: Vec<usize>,
    /// Where something is to be brought, m.
    pub(super) target: [f64; 3],
    /// Whether it has been reached, or picked.
    pub(super) reached: bool,
    /// The most that was reached so far.
    pub(super) best: f64,
    /// Control steps since the episode, or what Playground takes for it, began.
    pub(super) steps: u64,
    /// Control steps at the target.
    pub(super) there: u32,
    /// Where what is rewarded for moving was at the end of the last control step, m.
    pub(super) before: f64,
    /// What contacts do to the bodies, where the reward or the observation asks: torque and force; empty before the first step.
    pub(super) forces: Vec<[f64; 6]>,
    /// Terms of the last reward, each with its scale.
    pub(super) terms: Vec<f64>,
}

/// What is remembered of a foot.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Foot {
    /// Time since it last touched, s.
    pub(super) air: f64,
    /// Highest point since, m.
    pub(super) peak: f64,
    /// Whether it touched in the last control step, and in this one.
    pub(super) touched: bool,
    pub(super) touches: bool,
    /// Whether it touches for the first time after a swing.
    pub(super) lands: bool,
}

/// A gait and where it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Gait {
    pub(super) kind: usize,
    /// Hz.
    pub(super) frequency: f64,
    /// How high feet swing, m.
    pub(super) height: f64,
    /// Phase of each foot, rad, in [-pi, pi).
    pub(super) phase: Vec<f64>,
}

impl Memory {
    /// The command to follow: velocity forward and to the left (m/s), yaw rate (rad/s). Zero for a task without commands.
    pub fn command(&self) -> [f64; 3] {
        self.command
    }

    /// Gives another command, until the task draws the next one.
    pub fn set_command(&mut self, command: [f64; 3]) {
        self.command = command;
    }

    /// The number of the episode's gait; 0 for a task without.
    pub fn gait(&self) -> usize {
        self.gait.kind
    }

    /// The same, but it keeps the present command: a plan knows no other.
    #[must_use]
    pub fn without_foresight(&self) -> Self {
        Self { foresees: false, ..self.clone() }
    }

    /// The terms of the last reward, each with its scale; see [`super::Scorer::terms`].
    pub fn terms(&self) -> &[f64] {
        &self.terms
    }
}

/// A control step that has just been taken.
#[derive(Debug, Clone, Copy)]
pub struct Taken<'a> {
    /// The simulation after it.
    pub sim: &'a Sim,
    /// The policy's action, not clipped.
    pub action: &'a [f64],
    /// The action that the controls came of; another one where actions come late.
    pub applied: &'a [f64],
    /// Whether no control was found for it.
    pub unreachable: bool,
    /// Whether a condition of the task ends the episode.
    pub over: bool,
}

impl<'a> Taken<'a> {
    /// A step under an action that became controls as it is, and that ended nothing.
    pub fn plain(sim: &'a Sim, action: &'a [f64]) -> Self {
        Self { sim, action, applied: action, unreachable: false, over: false }
    }
}
