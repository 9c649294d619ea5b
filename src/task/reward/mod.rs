//! Rewards and observations of the DM Control suite, as MuJoCo Playground 0.2.0 defines them.
//!
//! A [`RewardSpec`] is data and belongs to a task; a [`Scorer`] is one with all names of a model resolved. Each
//! robot has a file here with its formula. All rewards lie in [0, 1], and none is scaled by the time step.

mod acrobot;
mod ball_in_cup;
#[cfg(test)]
mod by_hand;
mod cartpole;
mod cheetah;
mod finger;
mod fish;
mod hopper;
mod humanoid;
mod observation;
mod observed;
mod offset;
mod pendulum;
mod point_mass;
mod reacher;
mod swimmer;
#[cfg(test)]
mod tests;
mod tolerance;
mod walker;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use observed::{ObservedArray, ObservedPart};
pub use tolerance::{Sigmoid, Tolerance};

use super::TaskError;
use crate::physics::{Model, Sim};
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
    Pendulum {},
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
    },
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
            Self::Pendulum {} => "pendulum",
            Self::PointMass {} => "point_mass",
            Self::Reacher {} => "reacher",
            Self::Swimmer {} => "swimmer",
            Self::Walker { .. } => "walker",
        }
    }

    /// The full speed, where it has one.
    fn speed(&self) -> Option<f64> {
        match *self {
            Self::Cheetah { speed } => Some(speed),
            Self::Hopper { speed } | Self::Humanoid { speed } | Self::Walker { speed } => speed,
            _ => None,
        }
    }

    fn resolve(&self, draft: &mut Draft<'_>) -> Result<Arc<dyn Reward>, String> {
        if self.speed().is_some_and(|s| !(s.is_finite() && s > 0.0)) {
            return Err("speed must be a finite number above 0".to_owned());
        }
        Ok(match *self {
            Self::Acrobot { sparse } => Arc::new(acrobot::Acrobot::new(draft, sparse)?),
            Self::BallInCup {} => Arc::new(ball_in_cup::BallInCup::new(draft)?),
            Self::Cartpole { sparse } => Arc::new(cartpole::Cartpole::new(draft, sparse)?),
            Self::Cheetah { speed } => Arc::new(cheetah::Cheetah::new(draft, speed)?),
            Self::FingerSpin {} => Arc::new(finger::FingerSpin::new(draft)?),
            Self::FingerTurn {} => Arc::new(finger::FingerTurn::new(draft)?),
            Self::Fish {} => Arc::new(fish::Fish::new(draft)?),
            Self::Hopper { speed } => Arc::new(hopper::Hopper::new(draft, speed)?),
            Self::Humanoid { speed } => Arc::new(humanoid::Humanoid::new(draft, speed)?),
            Self::Pendulum {} => Arc::new(pendulum::Pendulum::new(draft)?),
            Self::PointMass {} => Arc::new(point_mass::PointMass::new(draft)?),
            Self::Reacher {} => Arc::new(reacher::Reacher::new(draft)?),
            Self::Swimmer {} => Arc::new(swimmer::Swimmer::new(draft)?),
            Self::Walker { speed } => Arc::new(walker::Walker::new(draft, speed)?),
        })
    }
}

/// The formula of a robot.
trait Reward: fmt::Debug + Send + Sync {
    /// The reward, see [`Scorer::reward`].
    fn reward(&self, sim: &Sim, action: &[f64]) -> f64;
}

/// What a state of the task is worth and what one sees of it, with all names resolved. A clone is cheap.
#[derive(Debug, Clone)]
pub struct Scorer {
    reward: Option<Arc<dyn Reward>>,
    observation: Arc<Observation>,
}

impl Scorer {
    /// A reward for simulations of a model.
    ///
    /// # Errors
    /// [`TaskError::Reward`] with the object that the model lacks, or a speed that makes no sense.
    pub fn new(spec: &RewardSpec, model: &Model) -> Result<Self, TaskError> {
        let mut draft = Draft::new(model);
        let reward = spec.resolve(&mut draft).map_err(|reason| TaskError::Reward {
            file: model.file().into(),
            kind: spec.word(),
            reason,
        })?;
        Ok(Self { reward: Some(reward), observation: Arc::new(draft.finish()) })
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
        Ok(Self { reward: None, observation: Arc::new(draft.finish()) })
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

    /// Labels of the observation's entries, each different: `qpos:` and `qvel:` of a joint, `sensor:`, `xmat:` of
    /// a body with row and column, `act:` and `ctrl:` of an actuator, and words such as `torso upright` (the z component of its z axis) or
    /// `target_x`.
    pub fn labels(&self) -> Vec<String> {
        self.observation.labels().to_vec()
    }

    /// Number of entries of the observation.
    pub fn size(&self) -> usize {
        self.observation.labels().len()
    }

    /// The reward of a control step that has just been taken under `action` (nu, not clipped), in [0, 1].
    ///
    /// Positions and velocities of the joints are those of the end of the step; what MuJoCo derives (poses of
    /// bodies, sensors) is as [`Sim`] holds it: that of the start of the last physics step. It is NaN when a
    /// position, a velocity or the action is not finite, and where nothing is rewarded.
    ///
    /// # Panics
    /// When `action` has another size, or `sim` is one of another model.
    pub fn reward(&self, sim: &Sim, action: &[f64]) -> f64 {
        assert_eq!(action.len(), sim.model().nu(), "numbers of an action");
        // Not left to the formulas: a cut-off or a minimum can lose a NaN on its way.
        if [sim.qpos(), sim.qvel(), action].into_iter().flatten().any(|x| !x.is_finite()) {
            return f64::NAN;
        }
        self.reward.as_ref().map_or(f64::NAN, |reward| reward.reward(sim, action))
    }

    /// Writes the observation, as many numbers as it has labels, of the same instants as [`Scorer::reward`].
    ///
    /// # Panics
    /// When `out` has another size, or `sim` is one of another model.
    pub fn observe(&self, sim: &Sim, out: &mut [f64]) {
        self.observation.write(sim, out);
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
