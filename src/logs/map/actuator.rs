//! What was commanded, and what that is in the model.

use std::collections::BTreeMap;

use mujoco_rs::mujoco_c::{mjtBias, mjtGain};
use serde::{Deserialize, Serialize};

use super::joint::key;
use super::{Linear, Unit};
use crate::kinematics::JointKind;
use crate::logs::LogError;
use crate::physics::{Actuator, Joint, Model};

/// `[actuator.NAME]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::logs) struct ActuatorMap {
    /// What the column is to it.
    pub(in crate::logs) kind: Command,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) column: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) unit: Option<Unit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) range: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) scale: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) sign: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) offset: Option<f64>,
    /// Of the kind `value`: the control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::logs) value: Option<f64>,
}

/// What a command is in the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::logs) enum Command {
    /// The target of a position servo.
    Position,
    /// The target of a velocity servo.
    Velocity,
    /// The torque or force of a motor.
    Torque,
    /// The target of a position servo that holds the joint where it is.
    Hold,
    /// The same control all the time.
    Value,
}

impl Command {
    /// The units that it may have on a joint of that kind (None: on something else), and what to do about another.
    const fn units(self, on: Option<JointKind>) -> (&'static [Unit], &'static str) {
        use Unit::*;
        match (self, on) {
            (Self::Torque, Some(JointKind::Hinge)) => (&[NewtonMetre], "give Nm"),
            (Self::Torque, Some(JointKind::Slide)) => (&[Newton], "give N"),
            (Self::Torque, _) => (&[NewtonMetre, Newton], "give Nm or N"),
            (Self::Velocity, Some(JointKind::Hinge)) => (&[RadPerSecond, DegPerSecond], "give rad/s or deg/s"),
            (Self::Velocity, Some(JointKind::Slide)) => (&[MetrePerSecond, MillimetrePerSecond], "give m/s or mm/s"),
            (Self::Velocity, _) => {
                (&[RadPerSecond, DegPerSecond, MetrePerSecond, MillimetrePerSecond], "give rad/s, deg/s, m/s or mm/s")
            }
            (_, Some(JointKind::Hinge)) => {
                (&[Rad, Deg, Normalised, Percent, Fraction], "give rad, deg, normalised, percent or fraction")
            }
            (_, Some(JointKind::Slide)) => {
                (&[Metre, Millimetre, Normalised, Percent, Fraction], "give m, mm, normalised, percent or fraction")
            }
            (_, _) => (
                &[Rad, Deg, Metre, Millimetre, Normalised, Percent, Fraction],
                "give rad, deg, m, mm, normalised, percent or fraction",
            ),
        }
    }
}

/// A control, resolved.
pub(in crate::logs) enum Control {
    /// A column, as slope x + shift.
    Column { name: String, column: String, linear: Linear },
    /// A coordinate of the position (qpos), as slope x + shift.
    Hold { qpos: usize, linear: Linear },
    /// Always the same.
    Value(f64),
}

/// The controls of a model, in its order.
pub(super) fn resolve(
    file: &str,
    maps: &BTreeMap<String, ActuatorMap>,
    model: &Model,
) -> Result<Vec<Control>, LogError> {
    let mut controls = Vec::with_capacity(model.nu());
    for (id, name) in model.names().ctrl.iter().enumerate() {
        let Some(map) = maps.get(name) else {
            let fix = format!(
                "add [actuator.{}] with kind = \"position\", \"velocity\" or \"torque\" and a column, or \"hold\", or \"value\"",
                key(name)
            );
            return Err(LogError::new(file, format!("actuator {name}"), "has no table in the map", fix));
        };
        let actuator = model.actuators().find(|a| a.controls.contains(&id));
        controls.push(map.resolve(file, name, actuator.as_ref(), model)?);
    }
    Ok(controls)
}

impl ActuatorMap {
    fn resolve(
        &self,
        file: &str,
        name: &str,
        actuator: Option<&Actuator<'_>>,
        model: &Model,
    ) -> Result<Control, LogError> {
        let field = |what: &str| format!("[actuator.{}] {what}", key(name));
        let wrong = |what: &str, problem: String, fix: &str| Err(LogError::new(file, field(what), problem, fix));
        let commanded = matches!(self.kind, Command::Position | Command::Velocity | Command::Torque);
        let given = [
            ("column", self.column.is_some(), commanded),
            ("unit", self.unit.is_some(), commanded),
            ("range", self.range.is_some(), commanded),
            ("scale", self.scale.is_some(), commanded),
            ("sign", self.sign.is_some(), commanded),
            ("offset", self.offset.is_some(), commanded),
            ("value", self.value.is_some(), self.kind == Command::Value),
        ];
        if let Some((what, ..)) = given.iter().find(|(_, given, fits)| *given && !fits) {
            return wrong(what, "has no meaning for this kind".to_owned(), "leave it out");
        }
        if self.kind == Command::Value {
            let Some(value) = self.value.filter(|x| x.abs() <= 1e10) else {
                return wrong("value", "is missing, not finite or beyond 1e10".to_owned(), "give the control");
            };
            return Ok(Control::Value(value));
        }
        let factor = match actuator.map_or(Err("is no actuator that a log can command"), |a| self.per_unit(a)) {
            Ok(factor) => factor,
            Err(problem) => {
                let fix = "choose the kind that the model's actuator is, or change the model (--set)";
                return wrong("kind", problem.to_owned(), fix);
            }
        };
        let on = actuator.filter(|a| a.is_on_joint()).and_then(|a| usize::try_from(a.targets[0]).ok());
        let joint = on.and_then(|id| model.joints().nth(id));
        if self.kind == Command::Hold {
            let Some(joint) = joint.filter(Joint::is_scalar) else {
                return wrong("kind", "is hold, and the actuator is on no hinge or slide".to_owned(), "give a value");
            };
            return Ok(Control::Hold { qpos: joint.qpos, linear: Linear { slope: factor, shift: 0.0 } });
        }
        let Some(column) = self.column.clone() else {
            let fix = "name the column of what was commanded, or choose hold or value";
            return wrong("column", "is missing".to_owned(), fix);
        };
        let (fits, fix) = self.kind.units(joint.map(|j| j.kind));
        let Some(unit) = self.unit.filter(|unit| fits.contains(unit)) else {
            return wrong("unit", "is missing, or not for this kind and joint".to_owned(), fix);
        };
        let (scale, sign, offset) = (self.scale.unwrap_or(1.0), self.sign.unwrap_or(1.0), self.offset.unwrap_or(0.0));
        if !(scale.is_finite() && scale != 0.0 && sign.abs() == 1.0 && offset.is_finite()) {
            let problem = format!("is {scale}, sign {sign}, offset {offset}");
            return wrong("scale", problem, "give finite numbers, a scale other than 0, and 1 or -1 as sign");
        }
        let linear = unit.linear(file, &format!("[actuator.{}]", key(name)), self.range)?;
        let slope = factor * sign * scale * linear.slope;
        let shift = factor * (sign * scale * linear.shift + offset);
        Ok(Control::Column { name: name.to_owned(), column, linear: Linear { slope, shift } })
    }

    /// The control of a unit of what is commanded. A servo's force is g u + b1 length + b2 velocity, with length = gear q: it
    /// rests at a target where u = -b1 / g times the target's length, and moves at one where u = -b2 / g times its velocity. A
    /// motor's torque is gear g u.
    fn per_unit(&self, actuator: &Actuator<'_>) -> Result<f64, &'static str> {
        let gain = actuator.gainprm[0] * f64::from(u8::from(actuator.gaintype == Ok(mjtGain::mjGAIN_FIXED)));
        if gain == 0.0 || actuator.gear == 0.0 {
            return Err("asks for an actuator with a fixed gain and a gear other than 0");
        }
        let affine = actuator.biastype == Ok(mjtBias::mjBIAS_AFFINE);
        let [b0, b1, b2] =
            if affine { [actuator.biasprm[0], actuator.biasprm[1], actuator.biasprm[2]] } else { [0.0; 3] };
        let plain = affine || actuator.biastype == Ok(mjtBias::mjBIAS_NONE);
        if b0 != 0.0 || !plain {
            return Err("asks for an actuator without a constant bias");
        }
        match self.kind {
            Command::Position | Command::Hold if b1 / gain < 0.0 => Ok(-b1 / gain * actuator.gear),
            Command::Velocity if b1 == 0.0 && b2 / gain < 0.0 => Ok(-b2 / gain * actuator.gear),
            Command::Torque if b1 == 0.0 && b2 == 0.0 => Ok(1.0 / (gain * actuator.gear)),
            Command::Position | Command::Hold => Err("asks for a position servo, which the model's actuator is not"),
            Command::Velocity => Err("asks for a velocity servo, which the model's actuator is not"),
            Command::Torque | Command::Value => Err("asks for a motor, and the model's actuator is a servo"),
        }
    }
}
