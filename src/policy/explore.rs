//! Colored noise on top of what a policy does.

use serde::{Deserialize, Serialize};

use super::colored::Colored;
use super::simple::Draws;
use super::{ControlRanges, PolicyError};

/// Noise that is added to the actions of a policy; the sum is clamped to the control ranges.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explore {
    /// Exponent of its power spectrum 1/f^beta, 0 (white) to 2 (red).
    #[serde(with = "crate::number")]
    pub beta: f64,
    /// Standard deviation, half ranges.
    #[serde(with = "crate::number")]
    pub scale: f64,
}

impl Explore {
    /// Checks both numbers.
    ///
    /// # Errors
    /// [`PolicyError::Setting`].
    pub fn validate(&self) -> Result<(), PolicyError> {
        let wrong = |field, value: f64, fix: &str| {
            Err(PolicyError::Setting { kind: "exploration", field, value: value.to_string(), fix: fix.to_owned() })
        };
        // Written so that NaN fails.
        if !(self.beta >= 0.0 && self.beta <= 2.0) {
            return wrong("explore-beta", self.beta, "give a number from 0 (white) over 1 (pink) to 2 (red)");
        }
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return wrong("explore-scale", self.scale, "give a finite number of half ranges above 0");
        }
        Ok(())
    }

    /// One line for people, to follow what the policy says of itself.
    pub fn describe(&self) -> String {
        format!(" with colored noise 1/f^{}, standard deviation {} half ranges, added", self.beta, self.scale)
    }
}

/// The exploration of one episode.
#[derive(Debug)]
pub struct Exploration(Colored);

impl Exploration {
    /// For an episode of `steps` actions.
    ///
    /// # Errors
    /// As [`super::build`].
    pub fn new(
        explore: &Explore,
        ranges: &ControlRanges,
        seed: u64,
        episode: u64,
        steps: usize,
    ) -> Result<Self, PolicyError> {
        explore.validate()?;
        let draws = Draws::new(seed, "explore", episode);
        Ok(Self(Colored::new(ranges.frame()?, draws, explore.beta, explore.scale, steps)))
    }

    /// Adds the noise of action `step` to `action`, in place.
    pub fn add(&mut self, step: usize, action: &mut [f64]) {
        self.0.add(step, action);
    }
}
