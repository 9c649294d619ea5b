//! The map: what each joint and actuator of a model is made of, as TOML.

mod actuator;
mod joint;
mod unit;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use actuator::ActuatorMap;
pub(super) use actuator::Control;
pub(super) use joint::{Frame, JointMap, JointPlan, Order, Orientation, Scalar, Source, field, key};
pub(super) use unit::{Linear, Unit};

use super::LogError;
use crate::bounded;
use crate::physics::Model;

/// What stands where the user must decide.
pub(super) const TODO: &str = "TODO";

/// Rows and physics steps a second, physics steps a row, and samples of a filter, at most.
pub(super) const MOST_RATE: f64 = 1e6;
pub(super) const LEAST_RATE: f64 = 1e-3;
const MOST_SUBSTEPS: usize = 100_000;
const MOST_WINDOW: usize = 1001;
const MOST_ORDER: usize = 9;

/// A map as its file says it; see docs/real-robots.md.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogMap {
    /// Where it was read from, for messages; not part of what it says.
    #[serde(skip)]
    file: String,
    /// Where joints are that are not measured: a keyframe's name, or `qpos0`.
    pub(super) keyframe: String,
    /// Times of rows.
    pub(super) time: TimeMap,
    /// How velocities come that are not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) velocity: Option<VelocityMap>,
    /// The column whose changes begin an episode, where the layout has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) episodes: Option<EpisodesMap>,
    /// What the activations of actuators are: only `zero`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) activations: Option<String>,
    /// By joint.
    #[serde(default)]
    pub(super) joint: BTreeMap<String, JointMap>,
    /// By actuator.
    #[serde(default)]
    pub(super) actuator: BTreeMap<String, ActuatorMap>,
}

/// `[time]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeMap {
    /// The column of time stamps, or `none` where rows are 1 / rate apart.
    pub(super) column: String,
    /// Its unit: s, ms, us, ns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<String>,
    /// Rows a second; a row of the recording lasts 1 / rate.
    pub(super) rate: f64,
    /// Physics steps of a row.
    pub(super) substeps: usize,
    /// At which times rows are: those of the log, or evenly, `rate` a second.
    pub(super) rows: Rows,
    /// What lies between two samples.
    pub(super) interpolation: Interpolation,
    /// The longest time between two samples, s.
    pub(super) max_gap: f64,
}

/// At which times rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Rows {
    Logged,
    Resampled,
}

/// What lies between two samples of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// A straight line; of orientations the shortest turn.
    Linear,
    /// The cubic polynomial through the four samples around.
    Cubic,
}

/// `[velocity]`: the slope of the polynomial of that order that fits `window` samples best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VelocityMap {
    pub(super) filter: FilterKind,
    pub(super) window: usize,
    pub(super) order: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FilterKind {
    SavitzkyGolay,
}

/// `[episodes]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EpisodesMap {
    pub(super) column: String,
}

/// A map, resolved for a model.
pub(super) struct Plan {
    /// By joint of the model.
    pub(super) joints: Vec<JointPlan>,
    /// By control of the model.
    pub(super) controls: Vec<Control>,
    /// Position of the keyframe (nq).
    pub(super) start: Vec<f64>,
}

impl LogMap {
    /// Reads a map.
    ///
    /// # Errors
    /// [`LogError`] with line, what is wrong, and the nearest key for a misspelt one; also for what is still to be filled in.
    pub fn read(path: &Path) -> Result<Self, LogError> {
        let file = path.display().to_string();
        let text = bounded::read_text(path).map_err(|e| {
            let binary = e.kind() == std::io::ErrorKind::InvalidData;
            let fix = if binary { "give a map, a TOML text" } else { "check its path" };
            LogError::new(&file, "map", e, fix)
        })?;
        refuse_todo(&file, &text)?;
        let mut map: Self = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |s| bounded::line_of(&text, s.start));
            let message = bounded::sentence(error.message());
            match bounded::unknown_key(&message) {
                Some((unknown, known)) => {
                    let fix = match bounded::meant(unknown, known.iter().copied()) {
                        Some(name) => format!("did you mean \"{name}\"?"),
                        None => format!("known are {}", known.join(", ")),
                    };
                    LogError::new(&file, format!("line {line}"), format!("there is no key \"{unknown}\""), fix)
                }
                None => {
                    LogError::new(&file, format!("line {line}"), message, "mend it; docs/real-robots.md has all keys")
                }
            }
        })?;
        map.file = file;
        map.validate()?;
        Ok(map)
    }

    /// The file that it was read from.
    pub(super) fn file(&self) -> &str {
        if self.file.is_empty() { "map" } else { &self.file }
    }

    /// The map without where it was read from.
    pub fn without_file(self) -> Self {
        Self { file: String::new(), ..self }
    }

    /// Rows a second.
    pub fn rate(&self) -> f64 {
        self.time.rate
    }

    /// Physics steps of a row.
    pub fn substeps(&self) -> usize {
        self.time.substeps
    }

    /// The physics time step that this makes, s.
    pub fn timestep(&self) -> f64 {
        1.0 / (self.time.rate * self.time.substeps as f64)
    }

    /// What lies between two samples.
    pub fn interpolation(&self) -> Interpolation {
        self.time.interpolation
    }

    /// By dof of the model (nv): whether the log measures its joint.
    pub fn measured(&self, model: &Model) -> Vec<bool> {
        let names = &model.names().joint;
        let of = |(joint, name): (crate::physics::Joint, &String)| {
            let there = self.joint.get(name).is_some_and(JointMap::is_measured);
            vec![there; joint.kind.dofs()]
        };
        model.joints().zip(names).flat_map(of).collect()
    }

    /// Refuses settings without sense, wherever they come from.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn validate(&self) -> Result<(), LogError> {
        let file = self.file();
        let TimeMap { rate, substeps, max_gap, unit, column, .. } = &self.time;
        let range = |field: &str, sound: bool, value: &dyn std::fmt::Display, fix: &str| {
            if sound { Ok(()) } else { Err(LogError::new(file, field, format!("is {value}"), fix)) }
        };
        range(
            "[time] rate",
            *rate >= LEAST_RATE && *rate <= MOST_RATE,
            &format!("{rate:e}"),
            "give rows a second, from 1e-3 to 1e6",
        )?;
        range(
            "[time] substeps",
            (1..=MOST_SUBSTEPS).contains(substeps),
            substeps,
            "give 1 to 100000 physics steps a row",
        )?;
        let steps = rate * *substeps as f64;
        range(
            "[time] rate",
            steps <= MOST_RATE,
            &format!("{rate} of {substeps} substeps"),
            "give at most 1e6 physics steps a second",
        )?;
        range("[time] max_gap", *max_gap > 0.0 && max_gap.is_finite(), max_gap, "give a time in s above 0")?;
        match (column.as_str(), unit) {
            ("none", Some(unit)) => range("[time] unit", false, unit, "leave it out where there is no column")?,
            ("none", None) => {}
            (_, None) => {
                return Err(LogError::new(file, "[time] unit", "is missing", "give s, ms, us or ns"));
            }
            (_, Some(_)) => drop(self.time_unit()?),
        }
        if let Some(v) = &self.velocity {
            let odd = (3..=MOST_WINDOW).contains(&v.window) && v.window % 2 == 1;
            range("[velocity] window", odd, &v.window, "give an odd number of samples, 3 to 1001")?;
            let low = (1..=MOST_ORDER).contains(&v.order) && v.order < v.window;
            range("[velocity] order", low, &v.order, "give an order of 1 to 9, below the window")?;
        }
        if let Some(activations) = self.activations.as_ref().filter(|a| *a != "zero") {
            range("activations", false, activations, "give \"zero\": no log tells them")?;
        }
        Ok(())
    }

    /// Seconds of a unit of the column of times.
    pub(super) fn time_unit(&self) -> Result<f64, LogError> {
        let file = self.file();
        match self.time.unit.as_deref() {
            None | Some("s") => Ok(1.0),
            Some("ms") => Ok(1e-3),
            Some("us") => Ok(1e-6),
            Some("ns") => Ok(1e-9),
            Some(other) => Err(LogError::new(file, "[time] unit", format!("is \"{other}\""), "give s, ms, us or ns")),
        }
    }

    /// All columns that it names.
    pub(super) fn columns(&self) -> BTreeSet<String> {
        let mut all: BTreeSet<String> = self.joint.values().flat_map(JointMap::columns).collect();
        all.extend(self.actuator.values().filter_map(|a| a.column.clone()));
        all.extend(self.episodes.iter().map(|e| e.column.clone()));
        if self.time.column != "none" {
            all.insert(self.time.column.clone());
        }
        all
    }

    /// What it says of a model's joints and controls, every one of them.
    ///
    /// # Errors
    /// [`LogError`] for a joint or control of which it says nothing, or that the model does not have.
    pub(super) fn resolve(&self, model: &Model) -> Result<Plan, LogError> {
        let file = self.file();
        let names = model.names();
        known(file, "joint", self.joint.keys(), &names.joint)?;
        known(file, "actuator", self.actuator.keys(), &names.ctrl)?;
        let start = match self.keyframe.as_str() {
            "qpos0" => model.qpos0().to_vec(),
            name => {
                let key = model
                    .keyframe(name)
                    .map_err(|e| LogError::new(file, "keyframe", e, "name a keyframe of the model, or qpos0"))?;
                model.keyframe_qpos(key).to_vec()
            }
        };
        if model.na() > 0 && self.activations.is_none() {
            let problem = format!("is missing, and the model has {} activations, which no log tells", model.na());
            return Err(LogError::new(file, "activations", problem, "give activations = \"zero\""));
        }
        let mut joints = Vec::with_capacity(names.joint.len());
        for (id, (joint, name)) in model.joints().zip(&names.joint).enumerate() {
            let Some(map) = self.joint.get(name) else {
                let fix = format!(
                    "add [joint.{}] with column and unit, or value = \"keyframe\", or follow",
                    joint::key(name)
                );
                return Err(LogError::new(file, format!("joint {name}"), "has no table in the map", fix));
            };
            joints.push(map.resolve(file, (id, name), joint, &names.joint, self.velocity.is_some())?);
        }
        for (name, plan) in names.joint.iter().zip(&joints) {
            let Source::Follow { leader, .. } = &plan.source else { continue };
            if !matches!(joints[*leader].source, Source::Measured(_)) {
                let problem = format!("is {}, which is not measured itself", names.joint[*leader]);
                return Err(LogError::new(file, field(name, "follow"), problem, "name a joint with a column"));
            }
        }
        let controls = actuator::resolve(file, &self.actuator, model)?;
        Ok(Plan { joints, controls, start })
    }
}

/// Refuses a file with a value that is still to be decided, before its types are looked at.
fn refuse_todo(file: &str, text: &str) -> Result<(), LogError> {
    let mut table = String::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let code = line.split('#').next().unwrap_or_default().trim();
        if code.starts_with('[') {
            code.clone_into(&mut table);
        }
        if let Some((key, value)) = code.split_once('=')
            && value.trim().trim_matches('"') == TODO
        {
            let hint = line.split_once('#').map_or(String::new(), |(_, hint)| format!(" ({})", hint.trim()));
            let field = format!("line {}, {table} {}", number + 1, key.trim());
            return Err(LogError::new(file, field, "is still TODO", format!("fill it in{hint}")));
        }
    }
    Ok(())
}

/// Refuses a table of something that the model does not have.
fn known<'a>(
    file: &str,
    kind: &str,
    given: impl Iterator<Item = &'a String>,
    there: &[String],
) -> Result<(), LogError> {
    for name in given {
        if !there.contains(name) {
            let fix = match bounded::closest(name, there.iter().map(String::as_str)) {
                Some((_, nearest)) => format!("name one of its {kind}s, such as {nearest}"),
                None => format!("leave it out: the model has no {kind}"),
            };
            return Err(LogError::new(file, format!("[{kind}.{name}]"), format!("the model has no such {kind}"), fix));
        }
    }
    Ok(())
}
