//! Physical parameters that a user changes.

use serde::{Deserialize, Serialize};

use super::{MJCF, ObservedPart, Task, TaskError};
use crate::physics::ModelEdit;

/// A control step is a whole number of physics steps, up to this share of one.
const WHOLE: f64 = 1e-9;

/// What is changed in a task's model, after what the task itself changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Changes {
    /// Physics time step, s. A control step stays as long as it is, in more or fewer physics steps; that of an MJCF
    /// file keeps its number of them.
    #[serde(default, with = "crate::number")]
    pub timestep: Option<f64>,
    /// Fields of mjModel, in order.
    pub set: Vec<ModelEdit>,
    /// What a policy sees, in place of what the task shows; empty: that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observe: Vec<ObservedPart>,
    /// The command of all episodes (velocity forward and to the left, m/s, yaw rate, rad/s), in place of those that the task
    /// draws.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<[f64; 3]>,
}

impl Changes {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.timestep.is_none() && self.set.is_empty() && self.observe.is_empty() && self.command.is_none()
    }

    /// The task with these changes. Whether they fit the model is found when it is compiled.
    ///
    /// # Errors
    /// [`TaskError::Setting`] for a time step that makes no sense or does not divide the control step,
    /// [`TaskError::Physics`] when the model does not load.
    pub fn apply(&self, mut task: Task) -> Result<Task, TaskError> {
        let refuse = |task: &Task, reason: String| Err(TaskError::Setting { task: task.spec.name.clone(), reason });
        if let Some(timestep) = self.timestep {
            if !(timestep.is_finite() && timestep > 0.0) {
                return refuse(&task, format!("a timestep of {timestep} s makes no sense; give a positive number"));
            }
            if task.spec.suite != MJCF {
                let old = match task.spec.timestep {
                    Some(old) => old,
                    None => task.source.load()?.timestep(),
                };
                let control = old * task.spec.substeps as f64;
                let steps = control / timestep;
                if steps.round() < 1.0 || (steps - steps.round()).abs() > WHOLE * steps.max(1.0) {
                    let near = control / steps.round().max(1.0);
                    return refuse(
                        &task,
                        format!(
                            "its control step of {control} s is not a whole number of physics steps of {timestep} s; \
                             give a timestep that divides it, such as {near}"
                        ),
                    );
                }
                task.spec.substeps = steps.round() as usize;
            }
            task.spec.timestep = Some(timestep);
        }
        if self.set.iter().any(|e| e.field == "opt.timestep") {
            return refuse(&task, "set opt.timestep by the setting timestep, which keeps the control step".to_owned());
        }
        task.spec.edits.extend(self.set.iter().cloned());
        if !self.observe.is_empty() {
            task.spec.observe.clone_from(&self.observe);
        }
        if let Some(command) = self.command {
            let fixed = task.spec.reward.as_mut().map_or(Err("no commands"), |reward| reward.fix_command(command));
            if let Err(what) = fixed {
                return refuse(&task, format!("command: the task takes {what}"));
            }
        }
        Ok(task)
    }

    /// The flags that ask for them.
    pub fn flags(&self) -> Vec<(&'static str, String)> {
        let timestep = self.timestep.map(|x| ("timestep", x.to_string()));
        let parts: Vec<String> = self.observe.iter().map(ObservedPart::to_string).collect();
        let observe = (!parts.is_empty()).then(|| ("observe", parts.join(",")));
        let command = self.command.map(|c| ("command", c.map(|x| x.to_string()).join(",")));
        let set = self.set.iter().map(|e| ("set", e.to_string()));
        timestep.into_iter().chain(set).chain(observe).chain(command).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_step_stays_as_long() {
        let changed =
            |timestep: f64| Changes { timestep: Some(timestep), ..Changes::default() }.apply(Task::embedded());
        let old = Task::embedded();
        let dt = old.source.load().unwrap().timestep();
        let finer = changed(dt / 4.0).unwrap();
        assert_eq!((finer.spec.substeps, finer.spec.timestep), (4 * old.spec.substeps, Some(dt / 4.0)));
        for (timestep, said) in
            [(0.7 * dt, "whole number"), (1e3, "whole number"), (0.0, "positive"), (f64::NAN, "sense")]
        {
            let error = changed(timestep).unwrap_err().to_string();
            assert!(error.contains(said), "{timestep}: {error}");
        }
    }

    #[test]
    fn a_command_is_for_tasks_that_draw_one() {
        let changes = |x: f64| Changes { command: Some([x, 0.0, -0.5]), ..Changes::default() };
        let error = changes(1.0).apply(Task::embedded()).unwrap_err().to_string();
        assert!(error.contains("takes no commands"), "{error}");
        let mut walker = Task::embedded();
        let entry = crate::task::catalogue().find(|e| e.name == "Go1JoystickFlatTerrain").unwrap();
        walker.spec.reward = entry.spec().reward;
        let error = changes(f64::NAN).apply(walker.clone()).unwrap_err().to_string();
        assert!(error.contains("finite"), "{error}");
        let changed = changes(1.0).apply(walker).unwrap();
        let Some(crate::task::RewardSpec::Shaped(spec)) = changed.spec.reward else { panic!("another reward") };
        let command = spec.command.unwrap();
        assert_eq!((command.low, command.high, command.keep), ([1.0, 0.0, -0.5], [1.0, 0.0, -0.5], None));
        assert_eq!(changes(1.0).flags(), [("command", "1,0,-0.5".to_owned())]);
    }

    #[test]
    fn edits_read_as_they_are_written() {
        for text in
            ["geom_solref[0]=0.04", "dof_damping@rootx=1.5", "geom_friction[1]@floor=0.2", "opt.gravity[2]=-1.6"]
        {
            let edit: ModelEdit = text.parse().unwrap();
            assert_eq!(edit.to_string(), text);
        }
        for (text, said) in [
            ("geom_solref", "FIELD=VALUE"),
            ("=1", "FIELD=VALUE"),
            ("a[x]=1", "column"),
            ("a=soft", "number"),
            ("a@=1", "name"),
        ] {
            let error = text.parse::<ModelEdit>().unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
