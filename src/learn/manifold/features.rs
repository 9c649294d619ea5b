//! What a network sees of a state: features φ of (qpos, qvel, act, mocap pose, ctrl), and their derivatives by the tangent
//! coordinates ξ = (dq, dv, da, du) that the columns of A and B stand for.
//!
//! ```text
//! coordinate that is its own tangent   φ = x                               dφ/dξ = 1
//! unlimited hinge (sincos)             φ = (sin x, cos x)                  dφ/dξ = (cos x, -sin x)
//! orientation, R in SO(3) (6d)         φ = (R e1, R e2) in R^6             dφ/dω = (R [ω]x e1, R [ω]x e2)
//! orientation, q in S^3 (quat)         φ = s q / |q| in R^4, s = ±1        dφ/dω = s/2 (q / |q|) (0, ω)
//! horizontal place (local)             φ = x - x of the first free joint   dφ/dξ = 1, and -1 by that one's
//! ```
//!
//! ω (3) is the turn in the body's own frame, as `mj_integratePos` takes it: q becomes q exp(ω). The sign s makes the first
//! component positive that is not zero, so that q and -q, which are one orientation, have the same features. A mocap body's pose
//! is an input of the step that no column of B stands for: it is seen, and nothing is derived by it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::quat::{self, Quat};

/// How orientations are seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Orientation {
    /// The first two columns of the rotation matrix, which are continuous (Zhou et al. 2019, arXiv 1812.07035).
    #[default]
    SixD,
    /// The unit quaternion with the sign that makes its first nonzero component positive; it jumps at half a turn.
    Quaternion,
}

/// What a network sees: parts joined by +, such as `6d` or `quat+sincos+local`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateFeatures {
    /// Orientations of free and ball joints and of mocap bodies.
    pub orientation: Orientation,
    /// Sine and cosine of hinges without a range, in the place of their angle.
    pub sincos: bool,
    /// Horizontal places (x, y) of free joints and mocap bodies are seen from the first free joint, whose own are not seen.
    pub local: bool,
}

impl std::fmt::Display for StateFeatures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.orientation {
            Orientation::SixD => "6d",
            Orientation::Quaternion => "quat",
        })?;
        f.write_str(if self.sincos { "+sincos" } else { "" })?;
        f.write_str(if self.local { "+local" } else { "" })
    }
}

impl std::str::FromStr for StateFeatures {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut found, mut orientation) = (Self::default(), None);
        for part in text.split('+') {
            let twice = match part {
                "6d" => orientation.replace(Orientation::SixD).is_some(),
                "quat" => orientation.replace(Orientation::Quaternion).is_some(),
                "sincos" => std::mem::replace(&mut found.sincos, true),
                "local" => std::mem::replace(&mut found.local, true),
                _ => {
                    return Err(format!(
                        "there are no features \"{part}\"; features are 6d or quat, sincos, local, joined by +, as 6d+sincos"
                    ));
                }
            };
            if twice {
                return Err(format!("features \"{text}\": orientations are 6d or quat, and every part is there once"));
            }
        }
        found.orientation = orientation.unwrap_or_default();
        Ok(found)
    }
}

impl Serialize for StateFeatures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StateFeatures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A feature. `at` is a place in the row of a state (see [`Coordinates`](super::Coordinates)), `column` a tangent coordinate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Feature {
    /// A coordinate that is its own tangent coordinate.
    Copy { at: usize, column: usize },
    /// Of an angle.
    Sine { at: usize, column: usize },
    /// Of an angle.
    Cosine { at: usize, column: usize },
    /// A place relative to another one; a mocap body's has no column.
    Between { at: usize, column: Option<usize>, from: usize, from_column: usize },
    /// A number that nothing moves.
    Given { at: usize },
    /// A number of an orientation, whose quaternion begins at `at` and whose first dof is `column`; a mocap body's has none.
    Turned { at: usize, column: Option<usize>, how: Orientation, part: usize },
}

impl Orientation {
    /// Numbers that it has.
    pub(super) const fn numbers(self) -> usize {
        match self {
            Self::SixD => 6,
            Self::Quaternion => 4,
        }
    }

    fn value(self, q: Quat, part: usize) -> f64 {
        match self {
            Self::SixD => quat::to_mat(q)[3 * (part % 3) + part / 3],
            Self::Quaternion => sign(q) * q[part],
        }
    }

    /// By a turn about an axis of the body's frame.
    fn slope(self, q: Quat, part: usize, axis: usize) -> f64 {
        match self {
            // R (e_axis x e_column): a column of R with a sign, or nothing.
            Self::SixD => {
                let (column, row) = (part / 3, part % 3);
                match (3 + column - axis) % 3 {
                    1 => quat::to_mat(q)[3 * row + 3 - axis - column],
                    2 => -quat::to_mat(q)[3 * row + 3 - axis - column],
                    _ => 0.0,
                }
            }
            Self::Quaternion => {
                let mut turn = [0.0; 4];
                turn[1 + axis] = 0.5 * sign(q);
                quat::mul(q, turn)[part]
            }
        }
    }
}

fn sign(q: Quat) -> f64 {
    q.into_iter().find(|x| *x != 0.0).map_or(1.0, f64::signum)
}

/// The orientation at a place of a row, of length 1.
pub(super) fn orientation(row: &[f64], at: usize) -> Quat {
    quat::normalized(quat::at(row, at))
}

impl Feature {
    /// Its value at a state.
    pub(super) fn value(&self, row: &[f64]) -> f64 {
        match *self {
            Self::Copy { at, .. } | Self::Given { at } => row[at],
            Self::Sine { at, .. } => libm::sin(row[at]),
            Self::Cosine { at, .. } => libm::cos(row[at]),
            Self::Between { at, from, .. } => row[at] - row[from],
            Self::Turned { at, how, part, .. } => how.value(orientation(row, at), part),
        }
    }

    /// The tangent coordinates that it depends on.
    pub(super) fn columns(&self) -> Vec<usize> {
        match *self {
            Self::Copy { column, .. } | Self::Sine { column, .. } | Self::Cosine { column, .. } => vec![column],
            Self::Between { column, from_column, .. } => column.into_iter().chain([from_column]).collect(),
            Self::Given { .. } | Self::Turned { column: None, .. } => Vec::new(),
            Self::Turned { column: Some(first), .. } => (first..first + 3).collect(),
        }
    }

    /// Its derivative by one of these at a state.
    pub(super) fn slope(&self, row: &[f64], by: usize) -> f64 {
        match *self {
            Self::Copy { .. } => 1.0,
            Self::Sine { at, .. } => libm::cos(row[at]),
            Self::Cosine { at, .. } => -libm::sin(row[at]),
            Self::Between { column, .. } => f64::from(u8::from(column == Some(by))) * 2.0 - 1.0,
            Self::Turned { at, column: Some(first), how, part } => how.slope(orientation(row, at), part, by - first),
            Self::Given { .. } | Self::Turned { column: None, .. } => 0.0,
        }
    }
}
