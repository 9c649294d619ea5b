//! What a joint is made of.

use serde::{Deserialize, Serialize};

use super::{Linear, Unit};
use crate::kinematics::JointKind;
use crate::logs::LogError;
use crate::physics::Joint;

/// `[joint.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::logs) struct JointMap {
    /// Of a hinge or slide: the column of its position.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) unit: Option<Unit>,
    /// What shares run over, rad or m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) range: Option<[f64; 2]>,
    /// Position = sign scale x + offset, with x in rad or m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) scale: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) sign: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) offset: Option<f64>,
    /// The column of its velocity; without it [velocity] says how it comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) velocity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) velocity_unit: Option<Unit>,
    /// Of one that is not measured: `keyframe`, or a number in rad or m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) value: Option<Value>,
    /// Of one that is not measured: the joint whose position decides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) follow: Option<String>,
    /// Its position by that joint's: c0 + c1 q + c2 q^2 ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) polynomial: Option<Vec<f64>>,
    /// Of a free joint: columns of x, y, z, in m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) position: Option<[String; 3]>,
    /// Of a free or ball joint: columns of its quaternion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) orientation: Option<[String; 4]>,
    /// Their order: `wxyz` or `xyzw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) order: Option<Order>,
    /// Of a free joint: columns of its velocity in the world, m/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) linear_velocity: Option<[String; 3]>,
    /// Columns of its angular velocity, rad/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) angular_velocity: Option<[String; 3]>,
    /// Whose axes these are along: `body` or `world`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) frame: Option<Frame>,
    /// The user has looked: what seems to be in another unit or order is right.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::logs) checked: bool,
}

/// Where a joint stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(in crate::logs) enum Value {
    At(f64),
    Named(String),
}

/// The order of a quaternion's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::logs) enum Order {
    Wxyz,
    Xyzw,
}

/// Whose axes an angular velocity is along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::logs) enum Frame {
    Body,
    World,
}

/// A joint, resolved.
pub(in crate::logs) struct JointPlan {
    pub(in crate::logs) name: String,
    pub(in crate::logs) joint: Joint,
    pub(in crate::logs) checked: bool,
    pub(in crate::logs) source: Source,
}

/// What its position and velocity are made of.
pub(in crate::logs) enum Source {
    /// It stays at the keyframe's position.
    Keyframe,
    /// It stays there.
    At(f64),
    /// It follows a joint by a polynomial.
    Follow { leader: usize, polynomial: Vec<f64> },
    /// One number.
    Measured(Scalar),
    /// A quaternion, of a free joint with a place.
    Turned(Box<Orientation>),
}

/// A hinge or slide.
pub(in crate::logs) struct Scalar {
    pub(in crate::logs) column: String,
    pub(in crate::logs) unit: Unit,
    pub(in crate::logs) linear: Linear,
    pub(in crate::logs) velocity: Option<Speed>,
}

/// A measured velocity.
pub(in crate::logs) struct Speed {
    pub(in crate::logs) column: String,
    pub(in crate::logs) unit: Unit,
    pub(in crate::logs) linear: Linear,
}

/// A free or ball joint.
pub(in crate::logs) struct Orientation {
    pub(in crate::logs) position: Option<[String; 3]>,
    pub(in crate::logs) columns: [String; 4],
    pub(in crate::logs) order: Order,
    pub(in crate::logs) linear_velocity: Option<[String; 3]>,
    pub(in crate::logs) angular_velocity: Option<([String; 3], Frame)>,
}

/// A name as TOML writes it in a table's.
pub(in crate::logs) fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { name.to_owned() } else { toml::Value::from(name).to_string() }
}

/// A key of a joint's table, for messages.
pub(in crate::logs) fn field(name: &str, what: &str) -> String {
    format!("[joint.{}] {what}", key(name))
}

impl JointMap {
    /// Whether columns tell its position.
    pub(in crate::logs) fn is_measured(&self) -> bool {
        self.column.is_some() || self.orientation.is_some()
    }

    /// The columns that it names.
    pub(in crate::logs) fn columns(&self) -> Vec<String> {
        let lists = [&self.position, &self.linear_velocity, &self.angular_velocity];
        let mut all: Vec<String> = lists.into_iter().flatten().flatten().cloned().collect();
        all.extend(self.orientation.iter().flatten().cloned());
        all.extend(self.column.iter().chain(&self.velocity).cloned());
        all
    }

    /// What it comes to for a joint.
    pub(super) fn resolve(
        &self,
        file: &str,
        (id, name): (usize, &str),
        joint: Joint,
        names: &[String],
        differences: bool,
    ) -> Result<JointPlan, LogError> {
        let wrong = |what: &str, problem: &str, fix: &str| Err(LogError::new(file, field(name, what), problem, fix));
        let said = [self.is_measured(), self.value.is_some(), self.follow.is_some()];
        if said.iter().filter(|x| **x).count() != 1 {
            let what = if joint.is_scalar() { "column" } else { "orientation" };
            let given =
                if said.iter().any(|x| *x) { "more than one of them is given" } else { "none of them is given" };
            let problem = format!("says where the joint is, or else value or follow does: {given}");
            return wrong(what, &problem, "give one of them");
        }
        self.check_places(file, name, &joint)?;
        let source = if let Some(value) = &self.value {
            match value {
                Value::Named(word) if word == "keyframe" => Source::Keyframe,
                Value::At(x) if x.abs() <= 1e10 && joint.is_scalar() => Source::At(*x),
                _ => {
                    return wrong(
                        "value",
                        "is no place of this joint",
                        "give \"keyframe\", or of a hinge or slide a number, up to 1e10",
                    );
                }
            }
        } else if let Some(leader) = &self.follow {
            let Some(polynomial) = self.polynomial.clone().filter(|p| !p.is_empty() && p.len() <= 16) else {
                return wrong(
                    "polynomial",
                    "is missing, empty or longer than 16",
                    "give [c0, c1, ...] of c0 + c1 q + ...",
                );
            };
            if polynomial.iter().any(|c| !c.is_finite()) {
                return wrong("polynomial", "holds a number that is not finite", "give finite numbers");
            }
            match names.iter().position(|n| n == leader) {
                Some(leader) if leader != id && joint.is_scalar() => Source::Follow { leader, polynomial },
                _ => return wrong("follow", "names no other joint of the model", "name a hinge or slide of it"),
            }
        } else if let Some(column) = &self.column {
            Source::Measured(self.scalar(file, name, &joint, column, differences)?)
        } else {
            Source::Turned(Box::new(self.turned(file, name, &joint, differences)?))
        };
        Ok(JointPlan { name: name.to_owned(), joint, checked: self.checked, source })
    }

    /// Refuses keys that say nothing for what the joint is and how it comes.
    fn check_places(&self, file: &str, name: &str, joint: &Joint) -> Result<(), LogError> {
        let (free, scalar) = (joint.kind == JointKind::Free, joint.is_scalar());
        let column = self.column.is_some();
        let turned = self.orientation.is_some();
        let given = [
            ("column", column, scalar),
            ("unit", self.unit.is_some(), column),
            ("range", self.range.is_some(), column),
            ("scale", self.scale.is_some(), column),
            ("sign", self.sign.is_some(), column),
            ("offset", self.offset.is_some(), column),
            ("velocity", self.velocity.is_some(), column),
            ("velocity_unit", self.velocity_unit.is_some(), self.velocity.is_some()),
            ("polynomial", self.polynomial.is_some(), self.follow.is_some()),
            ("position", self.position.is_some(), free && turned),
            ("orientation", turned, !scalar),
            ("order", self.order.is_some(), turned),
            ("linear_velocity", self.linear_velocity.is_some(), free && turned),
            ("angular_velocity", self.angular_velocity.is_some(), turned),
            ("frame", self.frame.is_some(), self.angular_velocity.is_some()),
        ];
        match given.iter().find(|(_, given, fits)| *given && !fits) {
            None => Ok(()),
            Some((what, ..)) => {
                let kind = format!("{:?}", joint.kind).to_lowercase();
                let problem = format!("has no meaning beside what else is said of this {kind} joint");
                Err(LogError::new(file, field(name, what), problem, "leave it out"))
            }
        }
    }

    fn scalar(
        &self,
        file: &str,
        name: &str,
        joint: &Joint,
        column: &str,
        differences: bool,
    ) -> Result<Scalar, LogError> {
        let hinge = joint.kind == JointKind::Hinge;
        let Some(unit) = self.unit else {
            let fix = if hinge {
                "give rad, deg, normalised, percent or fraction"
            } else {
                "give m, mm, normalised, percent or fraction"
            };
            return Err(LogError::new(file, field(name, "unit"), "is missing", fix));
        };
        let fits = match unit {
            Unit::Rad | Unit::Deg => hinge,
            Unit::Metre | Unit::Millimetre => !hinge,
            Unit::Normalised | Unit::Percent | Unit::Fraction => true,
            _ => false,
        };
        if !fits {
            let problem = format!("is {}, and the joint is a {}", unit.name(), if hinge { "hinge" } else { "slide" });
            let fix = if hinge { "give rad or deg" } else { "give m or mm" };
            return Err(LogError::new(file, field(name, "unit"), problem, fix));
        }
        let (scale, sign) = self.factors(file, name)?;
        let offset = self.offset.unwrap_or(0.0);
        let linear = unit.linear(file, &format!("[joint.{}]", key(name)), self.range)?;
        let factor = sign * scale;
        let linear = Linear { slope: factor * linear.slope, shift: factor * linear.shift + offset };
        let velocity = match &self.velocity {
            Some(column) => Some(self.speed(file, name, hinge, column, factor)?),
            None if differences => None,
            None => {
                let fix = "name the column of its velocity, or add [velocity] with filter, window and order";
                return Err(LogError::new(file, field(name, "velocity"), "is missing", fix));
            }
        };
        Ok(Scalar { column: column.to_owned(), unit, linear, velocity })
    }

    /// Scale and sign.
    fn factors(&self, file: &str, name: &str) -> Result<(f64, f64), LogError> {
        let (scale, sign) = (self.scale.unwrap_or(1.0), self.sign.unwrap_or(1.0));
        if !(scale.is_finite() && scale != 0.0) {
            let fix = "give a finite number other than 0";
            return Err(LogError::new(file, field(name, "scale"), format!("is {scale}"), fix));
        }
        if sign.abs() != 1.0 {
            return Err(LogError::new(file, field(name, "sign"), format!("is {sign}"), "give 1 or -1"));
        }
        if self.offset.is_some_and(|x| !x.is_finite()) {
            return Err(LogError::new(file, field(name, "offset"), "is not finite", "give a number in rad or m"));
        }
        Ok((scale, sign))
    }

    fn speed(&self, file: &str, name: &str, hinge: bool, column: &str, factor: f64) -> Result<Speed, LogError> {
        let fits = |unit: &Unit| match unit {
            Unit::RadPerSecond | Unit::DegPerSecond => hinge,
            Unit::MetrePerSecond | Unit::MillimetrePerSecond => !hinge,
            _ => false,
        };
        let Some(unit) = self.velocity_unit.filter(fits) else {
            let fix = if hinge { "give rad/s or deg/s" } else { "give m/s or mm/s" };
            return Err(LogError::new(file, field(name, "velocity_unit"), "is missing, or not for this joint", fix));
        };
        let linear = unit.linear(file, &field(name, "velocity"), None)?;
        Ok(Speed { column: column.to_owned(), unit, linear: Linear { slope: factor * linear.slope, shift: 0.0 } })
    }

    fn turned(&self, file: &str, name: &str, joint: &Joint, differences: bool) -> Result<Orientation, LogError> {
        let missing = |what: &str, fix: &str| Err(LogError::new(file, field(name, what), "is missing", fix));
        let Some(columns) = self.orientation.clone() else {
            return missing("orientation", "name four columns of its quaternion");
        };
        let Some(order) = self.order else { return missing("order", "give wxyz or xyzw") };
        let free = joint.kind == JointKind::Free;
        if free && self.position.is_none() {
            return missing("position", "name three columns, in m");
        }
        if !differences && (self.angular_velocity.is_none() || (free && self.linear_velocity.is_none())) {
            return missing(
                if self.angular_velocity.is_none() { "angular_velocity" } else { "linear_velocity" },
                "name its columns, or add [velocity] with filter, window and order",
            );
        }
        let angular_velocity = match (&self.angular_velocity, self.frame) {
            (None, _) => None,
            (Some(columns), Some(frame)) => Some((columns.clone(), frame)),
            (Some(_), None) => return missing("frame", "give body or world: whose axes the angular velocity is along"),
        };
        Ok(Orientation {
            position: self.position.clone(),
            columns,
            order,
            linear_velocity: self.linear_velocity.clone(),
            angular_velocity,
        })
    }
}
