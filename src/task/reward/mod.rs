//! Rewards and observations of tasks, as MuJoCo Playground 0.2.0 and Gymnasium 1.4.0 define them.
//!
//! A [`RewardSpec`] is data and belongs to a task; a [`Scorer`] is one with all names of a model resolved; a [`Memory`] is what
//! both remember of an episode. Each robot of DM Control and of manipulation has a file here with its formula, and
//! legged robots and hands are data for `shaped`. Those of DM Control lie in [0, 1], and are not scaled by the time step.
//!
//! Observations are Playground's without the noise and the delay that it adds for training.

mod acrobot;
mod aloha;
mod ball_in_cup;
#[cfg(test)]
mod by_hand;
mod cartpole;
mod cheetah;
mod finger;
mod fish;
mod gymnasium;
mod hopper;
mod humanoid;
mod memory;
mod observation;
mod observed;
mod offset;
mod panda;
mod pendulum;
mod point_mass;
mod push_cube;
mod reacher;
pub mod shaped;
mod swimmer;
#[cfg(test)]
mod tests;
mod tolerance;
mod walker;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use gymnasium::GymnasiumSpec;
pub use memory::{Memory, Taken};
pub use observed::{ObservedArray, ObservedPart};
pub use panda::PandaSpec;
pub use shaped::ShapedSpec;
pub use tolerance::{Sigmoid, Tolerance};

use super::TaskError;
use crate::physics::{Model, Sim};
use crate::rng::Stream;
use observation::{Draft, Observation};

/// Which reward and observation a task has; part of [`super::TaskSpec`], so that a recording keeps it. Sizes of
/// targets are read from the model. A `speed` is the one, in m/s, from which on speed counts in full.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RewardSpec {
    /// The tip of the acrobot at the target.
    Acrobot {
        /// Nothing for being near it.
        sparse: bool,
    },
    /// The ball in the cup.
    BallInCup {},
    /// The pole up, the cart in the middle.
    Cartpole {
        /// Nothing for being near.
        sparse: bool,
    },
    /// Forward speed.
    Cheetah {
        /// The full speed, m/s.
        speed: f64,
    },
    /// The body turns at 15 rad/s.
    FingerSpin {},
    /// The tip of the body at the target.
    FingerTurn {},
    /// The mouth at the target.
    Fish {},
    /// Hopping, or standing without a speed.
    Hopper {
        /// The full speed, m/s.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        speed: Option<f64>,
    },
    /// Walking and running, or standing without a speed.
    Humanoid {
        /// The full speed, m/s.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        speed: Option<f64>,
    },
    /// The pole within 8 degrees of the top.
    Pendulum {
        /// Whether it is observed as in dm_control: first how upright it is.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dm_control: bool,
    },
    /// The point at the target.
    PointMass {},
    /// The finger at the target.
    Reacher {},
    /// The nose at the target.
    Swimmer {},
    /// Walking and running, or standing without a speed.
    Walker {
        /// The full speed, m/s.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        speed: Option<f64>,
        /// Whether it is observed as in dm_control: the height of the torso in place of how upright it is.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dm_control: bool,
    },
    /// A sum of weighted terms of Gymnasium's environments.
    Gymnasium(Box<GymnasiumSpec>),
    /// A sum of weighted terms: legged robots, and hands that turn a cube.
    Shaped(Box<ShapedSpec>),
    /// A Franka Panda brings something to a target.
    Panda(PandaSpec),
    /// A Franka Panda pushes a cube to a pose.
    PushCube {},
    /// Two ALOHA arms hand a box over.
    AlohaHandOver {},
    /// Two ALOHA arms put a peg into a socket.
    AlohaPeg {},
}

impl RewardSpec {
    /// Its name in the file format.
    fn word(&self) -> &'static str {
        match self {
            Self::Acrobot { .. } => "acrobot",
            Self::BallInCup {} => "ball_in_cup",
            Self::Cartpole { .. } => "cartpole",
            Self::Cheetah { .. } => "cheetah",
            Self::FingerSpin {} => "finger_spin",
            Self::FingerTurn {} => "finger_turn",
            Self::Fish {} => "fish",
            Self::Hopper { .. } => "hopper",
            Self::Humanoid { .. } => "humanoid",
            Self::Pendulum { .. } => "pendulum",
            Self::PointMass {} => "point_mass",
            Self::Reacher {} => "reacher",
            Self::Swimmer {} => "swimmer",
            Self::Walker { .. } => "walker",
            Self::Gymnasium(_) => "gymnasium",
            Self::Shaped(_) => "shaped",
            Self::Panda(_) => "panda",
            Self::PushCube {} => "push_cube",
            Self::AlohaHandOver {} => "aloha_hand_over",
            Self::AlohaPeg {} => "aloha_peg",
        }
    }

    /// Gives one command to all episodes.
    ///
    /// # Errors
    /// What the task takes in its place.
    pub(super) fn fix_command(&mut self, command: [f64; 3]) -> Result<(), &'static str> {
        let Self::Shaped(spec) = self else { return Err("no commands") };
        let Some(drawn) = &mut spec.command else { return Err("no commands") };
        if command.iter().any(|x| !x.is_finite()) {
            return Err("finite numbers");
        }
        *drawn = shaped::CommandSpec::fixed(command);
        Ok(())
    }

    /// The full speed, where it has one.
    fn speed(&self) -> Option<f64> {
        match *self {
            Self::Cheetah { speed } => Some(speed),
            Self::Hopper { speed } | Self::Humanoid { speed } | Self::Walker { speed, .. } => speed,
            _ => None,
        }
    }

    fn resolve(&self, draft: &mut Draft<'_>, control_dt: f64) -> Result<Arc<dyn Reward>, String> {
        if self.speed().is_some_and(|s| !(s.is_finite() && s > 0.0)) {
            return Err("speed must be a finite number above 0".to_owned());
        }
        Ok(match *self {
            Self::Gymnasium(ref spec) => Arc::new(gymnasium::Gymnasium::new(spec, draft, control_dt)?),
            Self::Shaped(ref spec) => Arc::new(shaped::Shaped::new(spec, draft, control_dt)?),
            Self::Panda(ref spec) => Arc::new(panda::Panda::new(spec, draft)?),
            Self::PushCube {} => Arc::new(push_cube::PushCube::new(draft, control_dt)?),
            Self::AlohaHandOver {} => Arc::new(aloha::HandOver::new(draft)?),
            Self::AlohaPeg {} => Arc::new(aloha::PegInsertion::new(draft)?),
            Self::Acrobot { sparse } => Arc::new(acrobot::Acrobot::new(draft, sparse)?),
            Self::BallInCup {} => Arc::new(ball_in_cup::BallInCup::new(draft)?),
            Self::Cartpole { sparse } => Arc::new(cartpole::Cartpole::new(draft, sparse)?),
            Self::Cheetah { speed } => Arc::new(cheetah::Cheetah::new(draft, speed)?),
            Self::FingerSpin {} => Arc::new(finger::FingerSpin::new(draft)?),
            Self::FingerTurn {} => Arc::new(finger::FingerTurn::new(draft)?),
            Self::Fish {} => Arc::new(fish::Fish::new(draft)?),
            Self::Hopper { speed } => Arc::new(hopper::Hopper::new(draft, speed)?),
            Self::Humanoid { speed } => Arc::new(humanoid::Humanoid::new(draft, speed)?),
            Self::Pendulum { dm_control } => Arc::new(pendulum::Pendulum::new(draft, dm_control)?),
            Self::PointMass {} => Arc::new(point_mass::PointMass::new(draft)?),
            Self::Reacher {} => Arc::new(reacher::Reacher::new(draft)?),
            Self::Swimmer {} => Arc::new(swimmer::Swimmer::new(draft)?),
            Self::Walker { speed, dm_control } => Arc::new(walker::Walker::new(draft, speed, dm_control)?),
        })
    }
}

/// The formula of a robot.
trait Reward: fmt::Debug + Send + Sync {
    /// The reward of a state, for a robot that remembers nothing; see [`Scorer::score`].
    fn reward(&self, _sim: &Sim, _action: &[f64]) -> f64 {
        f64::NAN
    }

    /// The reward of a control step; see [`Scorer::score`].
    fn score(&self, taken: &Taken<'_>, _memory: &mut Memory) -> f64 {
        self.reward(taken.sim, taken.action)
    }

    /// Whether it depends on more than the state and the action.
    fn remembers(&self) -> bool {
        false
    }

    /// How many numbers its action has, for a model with `nu` controls.
    fn actions(&self, nu: usize) -> usize {
        nu
    }

    /// What the terms are called that it leaves in the memory.
    fn terms(&self) -> &[String] {
        &[]
    }

    /// Draws what an episode has, and looks at its first state.
    fn begin(&self, _sim: &Sim, _memory: &mut Memory) {}

    /// Keeps what the next control step needs.
    fn conclude(&self, _taken: &Taken<'_>, _memory: &mut Memory) {}
}

/// What a control step of the task is worth and what one sees after it, with all names resolved. A clone is cheap.
///
/// An episode [begins](Self::begin) after the reset, with a first [observation](Self::observe). Every control step is
/// [scored](Self::score), observed, and [concluded](Self::conclude), in this order.
#[derive(Debug, Clone)]
pub struct Scorer {
    reward: Option<Arc<dyn Reward>>,
    observation: Arc<Observation>,
    nu: usize,
}

impl Scorer {
    /// A reward for simulations of a model, whose control steps last `control_dt` seconds.
    ///
    /// # Errors
    /// [`TaskError::Reward`] with the object that the model lacks, or a number that makes no sense.
    pub fn new(spec: &RewardSpec, model: &Model, control_dt: f64) -> Result<Self, TaskError> {
        let mut draft = Draft::new(model);
        let reward = spec.resolve(&mut draft, control_dt).map_err(|reason| TaskError::Reward {
            file: model.file().into(),
            kind: spec.word(),
            reason,
        })?;
        Ok(Self { reward: Some(reward), observation: Arc::new(draft.finish()), nu: model.nu() })
    }

    /// One that rewards nothing yet, and observes these parts in this order.
    ///
    /// # Errors
    /// What is wrong: a part that the model has not, or the same entry twice.
    pub fn observing(parts: &[ObservedPart], model: &Model) -> Result<Self, String> {
        let mut draft = Draft::new(model);
        parts.iter().try_for_each(|part| part.add(&mut draft))?;
        if let Some(label) = draft.twice() {
            return Err(format!("{label} is observed twice; name it once"));
        }
        Ok(Self { reward: None, observation: Arc::new(draft.finish()), nu: model.nu() })
    }

    /// With the rewards of another.
    #[must_use]
    pub fn rewarded_by(self, other: &Self) -> Self {
        Self { reward: other.reward.clone(), ..self }
    }

    /// Whether anything is rewarded.
    pub fn rewards(&self) -> bool {
        self.reward.is_some()
    }

    /// Whether the reward or what it observes depends on earlier control steps of the episode, and on their actions. It is given
    /// for control steps alone then.
    pub fn remembers(&self) -> bool {
        self.reward.as_ref().is_some_and(|r| r.remembers())
    }

    /// Whether the observation depends on earlier control steps of the episode, or on what was drawn for it.
    pub fn sees_memory(&self) -> bool {
        self.observation.sees_memory()
    }

    /// What is left of it where nobody knows the actions, only the controls that came of them: nothing that remembers actions.
    pub fn without_actions(self) -> Option<Self> {
        if self.sees_memory() {
            None
        } else if self.remembers() {
            Some(Self { reward: None, ..self })
        } else {
            Some(self)
        }
    }

    /// How many numbers the action has that is rewarded.
    pub fn actions(&self) -> usize {
        self.reward.as_ref().map_or(self.nu, |r| r.actions(self.nu))
    }

    /// Names of the terms of the reward; empty for one that is not a sum of terms.
    pub fn terms(&self) -> &[String] {
        self.reward.as_ref().map_or(&[], |r| r.terms())
    }

    /// Labels of the observation's entries, each different: `qpos:` and `qvel:` of a joint, `sensor:`, `xmat:` of
    /// a body with row and column, `act:` and `ctrl:` of an actuator, and words such as `torso upright` (the z component of its z axis) or
    /// `target_x`. `@-2` says of two control steps ago.
    pub fn labels(&self) -> Vec<String> {
        self.observation.labels().to_vec()
    }

    /// Number of entries of the observation.
    pub fn size(&self) -> usize {
        self.observation.labels().len()
    }

    /// What is remembered at the start of an episode, whose first state `sim` is in. Commands and the like are a function of
    /// (seed, episode).
    pub fn begin(&self, sim: &Sim, seed: u64, episode: u64) -> Memory {
        let mut memory = Memory::default();
        if let Some(reward) = self.reward.as_ref().filter(|r| r.remembers()) {
            memory.stream = Some(Stream::new(seed, "reward", episode));
            memory.foresees = true;
            reward.begin(sim, &mut memory);
        }
        self.observation.begin(&mut memory);
        memory
    }

    /// The reward of a state under an action, for a task that does not [remember](Self::remembers) (NaN else); see
    /// [`Self::score`].
    ///
    /// # Panics
    /// As [`Self::score`].
    pub fn reward(&self, sim: &Sim, action: &[f64]) -> f64 {
        if self.remembers() {
            return f64::NAN;
        }
        self.score(&Taken::plain(sim, action), &mut Memory::default())
    }

    /// The reward of a control step that has just been taken.
    ///
    /// Positions and velocities of the joints are those of the end of the step; what MuJoCo derives (poses of
    /// bodies, sensors) is as [`Sim`] holds it: that of the start of the last physics step. It is NaN when a
    /// position, a velocity or the action is not finite, and where nothing is rewarded.
    ///
    /// # Panics
    /// When the action has another size, or `sim` is one of another model.
    pub fn score(&self, taken: &Taken<'_>, memory: &mut Memory) -> f64 {
        let (sim, action) = (taken.sim, taken.action);
        let Some(reward) = &self.reward else { return f64::NAN };
        assert_eq!(action.len(), self.actions(), "numbers of an action");
        // Not left to the formulas: a cut-off or a minimum can lose a NaN on its way.
        if [sim.qpos(), sim.qvel(), action].into_iter().flatten().any(|x| !x.is_finite()) {
            return f64::NAN;
        }
        memory.stepped = true;
        if reward.remembers() {
            memory.now.clear();
            memory.now.extend_from_slice(action);
            memory.unreachable = taken.unreachable;
        }
        reward.score(taken, memory)
    }

    /// Writes the observation, as many numbers as it has labels, of the same instants as [`Scorer::score`]. One call for each
    /// control step: histories keep what is observed.
    ///
    /// # Panics
    /// When `out` has another size, or `sim` is one of another model.
    pub fn observe(&self, sim: &Sim, memory: &mut Memory, out: &mut [f64]) {
        self.observation.write(sim, memory, out);
    }

    /// Keeps what the next control step needs, after the observation: the action, the phase of a gait, the next command.
    pub fn conclude(&self, taken: &Taken<'_>, memory: &mut Memory) {
        if let Some(reward) = self.reward.as_ref().filter(|r| r.remembers()) {
            reward.conclude(taken, memory);
        }
    }
}

/// 1 for no action, 0 from a full one on.
fn calm_of(action: f64) -> f64 {
    const CALM: Tolerance = Tolerance::zero().fading(1.0, Sigmoid::Quadratic, 0.0);
    CALM.of(action)
}

/// The mean of [`calm_of`] over all actions; 1 where there are none.
fn calm(action: &[f64]) -> f64 {
    if action.is_empty() { 1.0 } else { action.iter().map(|a| calm_of(*a)).sum::<f64>() / action.len() as f64 }
}
