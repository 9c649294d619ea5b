//! The settings of a policy.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

use super::{PlanSpec, PolicyError};
use crate::logs::LogMap;

/// Which policy, and its settings; in TOML a table with `kind` and the settings of that kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum PolicySpec {
    /// Zero, or what the control range has nearest to it.
    #[serde(deserialize_with = "no_settings")]
    Zero,
    /// Uniform in the control range, independent at every control step.
    #[serde(deserialize_with = "no_settings")]
    Uniform,
    /// Normal around the middle of the control range, independent at every control step, clamped.
    Gaussian {
        /// Standard deviation, in half ranges.
        #[serde(with = "crate::number")]
        scale: f64,
    },
    /// Noise with the power spectrum 1/f^beta around the middle of the control range, clamped.
    Colored {
        /// Exponent, 0 (white) to 2 (red); 1 is pink.
        #[serde(with = "crate::number")]
        beta: f64,
        /// Standard deviation, in half ranges.
        #[serde(with = "crate::number")]
        scale: f64,
    },
    /// A sine around the middle of the control range, its phase uniform per control and episode.
    Sinusoid {
        /// Frequency, Hz.
        #[serde(with = "crate::number")]
        frequency: f64,
        /// Amplitude, a share of the half range in [0, 1].
        #[serde(with = "crate::number")]
        amplitude: f64,
    },
    /// Controls that are planned for the task's reward.
    Expert {
        /// How.
        plan: PlanSpec,
    },
    /// A network that somebody trained.
    Onnx {
        /// An ONNX file.
        file: PathBuf,
        /// SHA-256 the file must have, 64 hexadecimal digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// Trajectories from a file.
    Replay {
        /// An HDF5 or .npz file.
        file: PathBuf,
        /// What is taken from it.
        with: ReplayWith,
        /// SHA-256 the file must have, 64 hexadecimal digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// The states and commands of a robot, from a log.
    Log {
        /// A folder of LeRobot's, HDF5, .npz or CSV.
        file: PathBuf,
        /// What its columns are to the model.
        map: Box<LogMap>,
        /// SHA-256 of what is read of it, 64 hexadecimal digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
        /// Standard deviation of the measurement by tangent state (ndx), as the log tells it; None where it does not.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        noise: Vec<Option<f64>>,
    },
}

/// What a replay takes from its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ReplayWith {
    /// Every state and its controls: the simulation is put into each state in turn.
    States,
    /// The controls: the simulation runs freely from the first state under them.
    Controls,
}

/// serde lets a unit variant of a tagged enum pass with any other fields; this refuses them.
fn no_settings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct NoSettings {}
    NoSettings::deserialize(deserializer).map(|_| ())
}

impl PolicySpec {
    fn kind(&self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Uniform => "uniform",
            Self::Gaussian { .. } => "gaussian",
            Self::Colored { .. } => "colored",
            Self::Sinusoid { .. } => "sinusoid",
            Self::Expert { .. } => "expert",
            Self::Onnx { .. } => "onnx",
            Self::Replay { .. } => "replay",
            Self::Log { .. } => "log",
        }
    }

    /// Whether controls are planned.
    pub fn is_expert(&self) -> bool {
        matches!(self, Self::Expert { .. })
    }

    /// Whether a network acts.
    pub fn is_onnx(&self) -> bool {
        matches!(self, Self::Onnx { .. })
    }

    /// Whether states or controls come from a file.
    pub fn is_replay(&self) -> bool {
        matches!(self, Self::Replay { .. } | Self::Log { .. })
    }

    /// Whether it puts the simulation into states from a file.
    pub fn replays_states(&self) -> bool {
        matches!(self, Self::Replay { with: ReplayWith::States, .. } | Self::Log { .. })
    }

    /// Checks every setting against its bounds.
    ///
    /// # Errors
    /// [`PolicyError::Setting`], naming the setting and its bounds.
    pub fn validate(&self) -> Result<(), PolicyError> {
        let kind = self.kind();
        let within = |field, value: f64, highest: f64, fix: &str| {
            // Written so that NaN fails.
            if value.is_finite() && value >= 0.0 && value <= highest {
                return Ok(());
            }
            Err(PolicyError::Setting { kind, field, value: value.to_string(), fix: fix.to_owned() })
        };
        let scale = |value| within("scale", value, f64::MAX, "give a finite number of half ranges, 0 or more");
        match self {
            // What a plan's settings may be is the planner's to say.
            Self::Zero | Self::Uniform | Self::Expert { .. } => Ok(()),
            Self::Gaussian { scale: s } => scale(*s),
            Self::Colored { beta, scale: s } => {
                within("beta", *beta, 2.0, "give a number from 0 (white) over 1 (pink) to 2 (red)")?;
                scale(*s)
            }
            Self::Sinusoid { frequency, amplitude } => {
                within("frequency", *frequency, f64::MAX, "give a finite number of Hz, 0 or more")?;
                within("amplitude", *amplitude, 1.0, "give a share of the half range, from 0 to 1")
            }
            Self::Onnx { file, sha256 } | Self::Replay { file, sha256, .. } | Self::Log { file, sha256, .. } => {
                let wrong = |field, value: &str, fix: &str| {
                    Err(PolicyError::Setting { kind, field, value: format!("\"{value}\""), fix: fix.to_owned() })
                };
                if file.as_os_str().is_empty() {
                    let fix = match self {
                        Self::Onnx { .. } => "name an ONNX file",
                        Self::Log { .. } => "name a log: a LeRobot folder, HDF5, .npz or CSV",
                        _ => "name an HDF5 or .npz file",
                    };
                    return wrong("file", "", fix);
                }
                if let Self::Log { map, .. } = self {
                    map.validate()?;
                }
                match sha256 {
                    Some(s) if s.len() != 64 || !s.bytes().all(|b| b.is_ascii_hexdigit()) => {
                        wrong("sha256", s, "give 64 hexadecimal digits, as `sha256sum` prints, or leave it out")
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Zero => "zero controls".to_owned(),
            Self::Uniform => "uniform noise over the control range".to_owned(),
            Self::Gaussian { scale } => format!("Gaussian noise, standard deviation {scale} half ranges"),
            Self::Colored { beta, scale } => {
                format!("colored noise 1/f^{beta}, standard deviation {scale} half ranges")
            }
            Self::Sinusoid { frequency, amplitude } => {
                format!("sinusoid of {frequency} Hz, amplitude {amplitude} half ranges")
            }
            Self::Expert { plan } => {
                let given: Vec<String> = plan.given().iter().map(|(name, value)| format!("{name} {value}")).collect();
                format!("expert, planned: {}", given.join(", "))
            }
            Self::Onnx { file, .. } => format!("the network in {}", file.display()),
            Self::Replay { file, with, .. } => {
                let what = match with {
                    ReplayWith::States => "states and controls",
                    ReplayWith::Controls => "controls",
                };
                format!("replay of the {what} in {}", file.display())
            }
            Self::Log { file, .. } => format!("the robot's states and commands in {}", file.display()),
        }
    }
}
