//! What is asked for.

use serde::{Deserialize, Serialize};

use super::InfluenceError;
use crate::analysis::flags_named;
use crate::flags::StepFlags;

/// Sizes, steps ahead and rows, at most.
const MOST_SIZES: usize = 32;
const MOST_HORIZON: usize = 10_000;
const MOST_ROWS: usize = 10_000_000;

/// The unit of a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SizeUnit {
    /// As the state and the controls have it: m, rad, m/s, rad/s, of an activation or a control its own.
    Absolute,
    /// The standard deviation of the input in the recording.
    #[default]
    Sd,
    /// The range of the input in the recording: its largest value minus its least.
    Range,
}

impl SizeUnit {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absolute => "absolute",
            Self::Sd => "sd",
            Self::Range => "range",
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InfluenceSettings {
    /// Sizes of interventions, rising.
    pub sizes: Vec<f64>,
    /// Their unit.
    pub unit: SizeUnit,
    /// Rows that are sampled, at most.
    pub rows: usize,
    /// Rows ahead at which the state is looked at; 1: the next one.
    pub horizon: usize,
    /// Whether the smallest size at which each zero of the Jacobian breaks is looked for.
    pub radius: bool,
    /// Whether the Jacobians beside each row are compared with its own: which entries change with the state.
    pub second: bool,
    /// Names of flags: rows with one of them do not count in the summaries.
    pub exclude: Vec<String>,
}

impl InfluenceSettings {
    /// The flags of rows that do not count.
    ///
    /// # Errors
    /// [`InfluenceError::Setting`] for a name that is none of a flag.
    pub(super) fn excluded(&self) -> Result<StepFlags, InfluenceError> {
        flags_named(&self.exclude).map_err(|e| InfluenceError::Setting(e.to_string()))
    }

    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// [`InfluenceError::Setting`].
    pub fn validate(&self) -> Result<(), InfluenceError> {
        let refuse = |text: String| Err(InfluenceError::Setting(text));
        let sizes = &self.sizes;
        if sizes.is_empty() || sizes.len() > MOST_SIZES {
            return refuse(format!("sizes has {} numbers; give 1 to {MOST_SIZES}", sizes.len()));
        }
        if let Some(bad) = sizes.iter().find(|size| !(size.is_finite() && **size > 0.0)) {
            return refuse(format!("sizes has {bad}; a size is a number above 0, each is taken to both sides"));
        }
        if let Some(pair) = sizes.windows(2).find(|pair| pair[0] >= pair[1]) {
            return refuse(format!("sizes has {} before {}; give each once, from small to large", pair[0], pair[1]));
        }
        for (name, value, most) in [("steps", self.rows, MOST_ROWS), ("horizon", self.horizon, MOST_HORIZON)] {
            if !(1..=most).contains(&value) {
                return refuse(format!("{name} is {value}; it must be 1 to {most}"));
            }
        }
        if self.second && self.horizon > 1 {
            return refuse(format!("second is for one row, and horizon is {}; give one of the two", self.horizon));
        }
        self.excluded().map(drop)
    }
}
