//! What a network predicts.

use serde::{Deserialize, Serialize};

/// What a network predicts of a step; s is the state, h the duration of the step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LearningTarget {
    /// s' itself, as arXiv 2511.08086 does; of what is no number that the network sees (orientations, features sincos and
    /// local) the increment.
    #[default]
    Next,
    /// s' (-) s: of numbers their difference, of orientations the turn from one to the other, in the frame of the first.
    Increment,
    /// (v' - v) / h of every dof, and the rate of every activation; positions follow as q (+) h v'.
    Acceleration,
}

impl LearningTarget {
    /// All targets.
    pub const ALL: [Self; 3] = [Self::Next, Self::Increment, Self::Acceleration];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Increment => "increment",
            Self::Acceleration => "acceleration",
        }
    }
}

impl std::fmt::Display for LearningTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for LearningTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|t| t.name() == text)
            .ok_or_else(|| format!("there is no target \"{text}\"; targets are {}", known()))
    }
}
