//! Whether a task's model is the one that its suite has: digests, references, and their comparison.

mod compare;
mod moved;
mod reference;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use compare::{FieldDifference, Parity, compare};
pub use reference::Reference;

use super::{Task, TaskError, catalogue};
use crate::physics::{Digest, Model, SolverMode};

/// Everything about a task's model and its timing.
#[derive(Debug, Clone, Serialize)]
pub struct TaskDigest {
    /// The task's name.
    pub task: String,
    /// The model.
    #[serde(flatten)]
    pub model: Digest,
    /// Timing, in Playground's words; None for a model that is not a task of Playground.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playground: Option<Timing>,
    /// Timing of a task of another suite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suite: Option<Timing>,
    /// Always empty: which fields the maker of the digest cannot see.
    pub missing_in_python_binding: [String; 0],
}

/// What a suite says of a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    /// Physics time step, s.
    pub sim_dt: f64,
    /// Control step, s.
    pub ctrl_dt: f64,
    /// Physics steps per control step.
    pub n_substeps: usize,
    /// Numbers in an action.
    pub action_size: usize,
    /// Control steps per episode.
    pub episode_length: usize,
    /// Control steps that an action lasts.
    pub action_repeat: usize,
    /// The main MJCF, relative to the suite's package.
    pub xml_path: String,
}

impl Task {
    /// Compiles the task's model with its own solver settings, for a digest of it.
    ///
    /// # Errors
    /// As [`Task::model`].
    pub fn digest(&self) -> Result<(Model, TaskDigest), TaskError> {
        let model = self.model(SolverMode::Task)?;
        let entry = catalogue::find(&self.spec.name);
        let timing = match entry {
            None => None,
            Some(entry) => Some(Timing {
                sim_dt: model.timestep(),
                ctrl_dt: self.control_dt(&model),
                n_substeps: self.spec.substeps,
                action_size: self.env(&model)?.action_labels().map_or(model.nu(), |labels| labels.len()),
                episode_length: self.spec.episode_length,
                action_repeat: self.spec.action_repeat,
                xml_path: xml_path(&entry.recipe().xml, !entry.name.contains('/')),
            }),
        };
        let bare = entry.is_some_and(|e| !e.name.contains('/'));
        let digest = TaskDigest {
            task: self.spec.name.clone(),
            model: model.digest()?,
            playground: timing.clone().filter(|_| bare),
            suite: timing.filter(|_| !bare),
            missing_in_python_binding: [],
        };
        Ok((model, digest))
    }
}

/// Where a suite's package keeps a file that set-up keeps at `xml`.
fn xml_path(xml: &str, bare: bool) -> String {
    let moved = [
        ("playground/", "_src/"),
        ("menagerie/", if bare { "external_deps/mujoco_menagerie/" } else { "" }),
        ("gymnasium/", "envs/mujoco/"),
        ("dm_control/", ""),
    ];
    for (ours, theirs) in moved {
        if let Some(rest) = xml.strip_prefix(ours) {
            return format!("{theirs}{rest}");
        }
    }
    xml.to_owned()
}
