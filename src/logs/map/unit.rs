//! Units of columns, and how a number in one becomes one of the model's.

use serde::{Deserialize, Serialize};

use crate::logs::LogError;

/// The unit of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::logs) enum Unit {
    #[serde(rename = "rad")]
    Rad,
    #[serde(rename = "deg")]
    Deg,
    #[serde(rename = "m")]
    Metre,
    #[serde(rename = "mm")]
    Millimetre,
    /// -100 to 100 over `range`.
    #[serde(rename = "normalised")]
    Normalised,
    /// 0 to 100 over `range`.
    #[serde(rename = "percent")]
    Percent,
    /// 0 to 1 over `range`.
    #[serde(rename = "fraction")]
    Fraction,
    #[serde(rename = "rad/s")]
    RadPerSecond,
    #[serde(rename = "deg/s")]
    DegPerSecond,
    #[serde(rename = "m/s")]
    MetrePerSecond,
    #[serde(rename = "mm/s")]
    MillimetrePerSecond,
    #[serde(rename = "Nm")]
    NewtonMetre,
    #[serde(rename = "N")]
    Newton,
}

/// A number x of a column as slope x + shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::logs) struct Linear {
    pub(in crate::logs) slope: f64,
    pub(in crate::logs) shift: f64,
}

impl Linear {
    pub(in crate::logs) fn of(self, x: f64) -> f64 {
        self.slope * x + self.shift
    }
}

impl Unit {
    /// Its name in a map.
    pub(in crate::logs) fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Whether it is a share of a range, and of which width and middle in the column.
    const fn share(self) -> Option<(f64, f64)> {
        match self {
            Self::Normalised => Some((0.0, 200.0)),
            Self::Percent => Some((50.0, 100.0)),
            Self::Fraction => Some((0.5, 1.0)),
            _ => None,
        }
    }

    /// The lowest and highest number of a share.
    pub(in crate::logs) fn bounds(self) -> Option<[f64; 2]> {
        self.share().map(|(middle, width)| [middle - 0.5 * width, middle + 0.5 * width])
    }

    /// What a number in this unit is in rad, m, N m, N, or per second. `range` is needed by shares of one.
    ///
    /// # Errors
    /// [`LogError`] for a range that is missing, empty, or not for this unit.
    pub(in crate::logs) fn linear(self, file: &str, field: &str, range: Option<[f64; 2]>) -> Result<Linear, LogError> {
        let plain = match self {
            Self::Deg | Self::DegPerSecond => std::f64::consts::PI / 180.0,
            Self::Millimetre | Self::MillimetrePerSecond => 1e-3,
            _ => 1.0,
        };
        match (self.share(), range) {
            (None, None) => Ok(Linear { slope: plain, shift: 0.0 }),
            (None, Some(_)) => {
                let problem = format!("is given, and the unit is {}", self.name());
                Err(LogError::new(file, format!("{field} range"), problem, "leave it out"))
            }
            (Some(_), None) => {
                let problem = format!("is missing, and the unit is {}", self.name());
                let fix = "give range = [LOW, HIGH] that the numbers run over, in rad or m";
                Err(LogError::new(file, format!("{field} range"), problem, fix))
            }
            (Some((middle, width)), Some([low, high])) => {
                if !(low.is_finite() && high.is_finite() && low != high) {
                    let problem = format!("is [{low}, {high}]");
                    return Err(LogError::new(file, format!("{field} range"), problem, "give two numbers in rad or m"));
                }
                let slope = (high - low) / width;
                Ok(Linear { slope, shift: 0.5 * (low + high) - slope * middle })
            }
        }
    }
}
