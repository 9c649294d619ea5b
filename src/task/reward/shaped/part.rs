//! What is observed of a robot, as data.

use serde::{Deserialize, Serialize};

use super::super::observation::{Draft, Entry, Known};
use super::{Joints, ShapedSpec};

/// A part of an observation.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "see", rename_all = "snake_case", deny_unknown_fields)]
pub enum SeenPart {
    /// Values of a sensor, times `scale`.
    Sensor {
        /// Its name.
        name: String,
        /// Its values `[first, end)`; None: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entries: Option<[usize; 2]>,
        /// What they are multiplied with.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        scale: f64,
    },
    /// The direction of gravity in the frame of a site.
    Gravity {
        /// The site.
        site: String,
    },
    /// Positions of the joints, less those of the default pose or as they are.
    Joints {
        /// As they are.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        absolute: bool,
    },
    /// Velocities of the joints.
    Velocities {},
    /// The action of the last control step.
    LastAction {},
    /// The command, times `scale`.
    Command {
        /// What each component is multiplied with.
        #[serde(default = "ones", skip_serializing_if = "is_ones")]
        scale: [f64; 3],
    },
    /// Cosines, then sines of the phases of the feet.
    Phase {},
    /// Which feet touch the ground, 1 or 0.
    Touches {},
    /// Frequency (Hz), number and height (m) of the gait.
    Gait {},
    /// How far joints are from their controls, in this and in earlier control steps.
    Behind {
        /// How many of them.
        rows: usize,
        /// Whether the controls of a reset count, which are 0 else.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reset: bool,
    },
    /// The way from one position to another.
    Way {
        /// The sensors of the positions.
        sensors: [String; 2],
    },
    /// Entries of the rotation matrix from one orientation to another, row by row from the second row on.
    Turn {
        /// The sensors of the orientations.
        sensors: [String; 2],
    },
    /// Velocities of the joints in this and in earlier control steps.
    PastVelocities {
        /// How many of them.
        rows: usize,
    },
}

fn one() -> f64 {
    1.0
}

fn ones() -> [f64; 3] {
    [1.0; 3]
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_one(x: &f64) -> bool {
    *x == 1.0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_ones(x: &[f64; 3]) -> bool {
    *x == ones()
}

impl SeenPart {
    /// Puts the part into an observation.
    pub(super) fn add(&self, draft: &mut Draft<'_>, joints: &Joints, spec: &ShapedSpec) -> Result<(), String> {
        let model = draft.model();
        let names = model.names();
        let label = |i: usize| names.qpos[joints.qpos + i].clone();
        let all = 0..joints.len();
        match self {
            Self::Sensor { name, entries, scale } => sensor(draft, name, *entries, *scale)?,
            Self::Gravity { site } => {
                let id = draft.site(site)?;
                for (i, axis) in ["x", "y", "z"].iter().enumerate() {
                    draft.push(format!("gravity_{axis} in {site}"), Entry::Gravity(id, i));
                }
            }
            Self::Joints { absolute } => {
                for i in all {
                    let (kind, from) = if *absolute { ("qpos", 0.0) } else { ("offset", joints.pose[i]) };
                    draft.push(format!("{kind}:{}", label(i)), Entry::QposFrom(joints.qpos + i, from));
                }
            }
            Self::Velocities {} => {
                for i in all {
                    let dof = joints.dof + i;
                    draft.push(format!("qvel:{}", names.dof[dof]), Entry::Qvel(dof));
                }
            }
            Self::LastAction {} => {
                for (i, ctrl) in names.ctrl.iter().enumerate() {
                    draft.push(format!("last action:{ctrl}"), Entry::Known(Known::LastAction(i)));
                }
            }
            Self::Command { scale } => {
                for (i, name) in ["forward", "left", "turn"].iter().enumerate() {
                    draft.push(format!("command {name}"), Entry::Known(Known::Command(i, scale[i])));
                }
            }
            Self::Phase {} => {
                for (word, known) in [("cos", Known::Cos as fn(usize) -> Known), ("sin", Known::Sin)] {
                    for (i, foot) in spec.feet.iter().enumerate() {
                        draft.push(format!("{word} phase {}", foot.site), Entry::Known(known(i)));
                    }
                }
            }
            Self::Touches {} => {
                for (i, foot) in spec.feet.iter().enumerate() {
                    draft.push(format!("touches {}", foot.site), Entry::Known(Known::Touches(i)));
                }
            }
            Self::Gait {} => {
                for (label, known) in
                    [("frequency", Known::Frequency), ("number", Known::GaitKind), ("height", Known::SwingHeight)]
                {
                    draft.push(format!("gait {label}"), Entry::Known(known));
                }
            }
            Self::Way { sensors: [from, to] } => {
                let (a, b) = (draft.sensor(from, 3)?, draft.sensor(to, 3)?);
                for (i, axis) in ["x", "y", "z"].iter().enumerate() {
                    draft.push(format!("{from} to {to}_{axis}"), Entry::SensorGap(b + i, a + i));
                }
            }
            Self::Turn { sensors: [from, to] } => {
                let pair = [draft.sensor(to, 4)?, draft.sensor(from, 4)?];
                for i in 3..9 {
                    draft.push(format!("{from} to {to}[{},{}]", i / 3, i % 3), Entry::Turn(pair, i));
                }
            }
            Self::Behind { rows, reset } => behind(draft, joints, *rows, *reset)?,
            Self::PastVelocities { rows } => {
                draft.history(checked(*rows)?, None, |draft| {
                    for dof in joints.dof..joints.dof + joints.len() {
                        draft.push(format!("past qvel:{}", names.dof[dof]), Entry::Qvel(dof));
                    }
                    Ok(())
                })?;
            }
        }
        let phased = matches!(self, Self::Phase {} | Self::Gait {});
        let commanded = matches!(self, Self::Command { .. });
        if phased && spec.gait.is_none() || commanded && spec.command.is_none() {
            return Err("a gait or a command is observed that there is not".to_owned());
        }
        Ok(())
    }
}

/// Values of a sensor, times a number.
fn sensor(draft: &mut Draft<'_>, name: &str, entries: Option<[usize; 2]>, scale: f64) -> Result<(), String> {
    let range = draft.sensor_range(name)?;
    let [first, end] = entries.unwrap_or([0, range.len()]);
    if first >= end || end > range.len() || !scale.is_finite() {
        return Err(format!("the sensor \"{name}\" has {} values, not [{first}, {end})", range.len()));
    }
    let labels = draft.model().names().sensor.iter().enumerate();
    let times = if scale == 1.0 { String::new() } else { format!("{scale} ") };
    for (i, label) in labels.skip(range.start + first).take(end - first) {
        draft.push(format!("{times}sensor:{label}"), Entry::Scaled(i, scale));
    }
    Ok(())
}

/// How far joints are from their controls, in this and in earlier control steps.
fn behind(draft: &mut Draft<'_>, joints: &Joints, rows: usize, reset: bool) -> Result<(), String> {
    let model = draft.model();
    if joints.len() != model.nu() {
        return Err("not every joint has a control of its own to be behind".to_owned());
    }
    draft.history(checked(rows)?, None, |draft| {
        for i in 0..joints.len() {
            let label = &model.names().qpos[joints.qpos + i];
            draft.push(format!("behind:{label}"), Entry::Behind(joints.qpos + i, i, reset));
        }
        Ok(())
    })
}

fn checked(rows: usize) -> Result<usize, String> {
    if (1..=super::MOST_ROWS).contains(&rows) { Ok(rows) } else { Err(format!("rows: 1 to {}", super::MOST_ROWS)) }
}
