//! States of a recording, put back into a simulation of the model in it.

use std::sync::Arc;

use super::RenderError;
use crate::dataset::schema::{Var, attribute};
use crate::dataset::{EpisodeRow, Recording};
use crate::physics::{Model, Sim};
use crate::record::{RecordedRows, Restored, restored};

/// Puts the states of a recording back into a simulation.
#[derive(Debug)]
pub struct States<'r> {
    recording: &'r Recording,
    rows: RecordedRows<'r>,
    sim: Sim,
}

impl<'r> States<'r> {
    /// Compiles the model of a recording.
    ///
    /// # Errors
    /// [`RenderError`] when the model cannot be restored, or the states are not those of it.
    pub fn new(recording: &'r Recording) -> Result<Self, RenderError> {
        let Restored { recipe, task, .. } = &restored(recording)?;
        let model = Arc::new(task.model(recipe.job.solver)?);
        let rows = RecordedRows::new(recording, &model, &[Var::Qpos, Var::Qvel], "its states cannot be drawn")?;
        Ok(Self { recording, rows, sim: Sim::new(&model)? })
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        self.sim.model()
    }

    /// The simulation in the state at the start of the step in this row of the file, after a forward pass: with its controls, forces and
    /// warm start, so that contacts and their forces are those of the step.
    ///
    /// # Errors
    /// [`RenderError::Dataset`] for a state that cannot be read or is none; [`RenderError::Physics`] from MuJoCo.
    pub fn put_back(&mut self, row: usize) -> Result<&mut Sim, RenderError> {
        let sim = &mut self.sim;
        self.rows.put_back(sim, row)?;
        if let Some(reason) = sim.divergence() {
            let numbers =
                [Var::StepInEpisode, Var::StepEpisode].map(|var| self.recording.read::<i32>(var, row..row + 1));
            let [step, episode] = numbers.map(|n| n.map_or(-1, |n| n[0]));
            let message = format!("step {step} of episode {episode} cannot be drawn: {reason}");
            return Err(self.recording.foreign(&message).into());
        }
        sim.forward()?;
        Ok(sim)
    }
}

/// The place of an episode among those of the file, and what the file says of it.
///
/// # Errors
/// [`RenderError::Setting`] with the episodes that there are.
pub fn find_episode(recording: &Recording, number: i64) -> Result<(usize, EpisodeRow), RenderError> {
    let episodes = recording.episodes()?;
    if let Some(at) = episodes.iter().position(|e| e.episode == number) {
        return Ok((at, episodes[at].clone()));
    }
    let there = match &episodes[..] {
        [] => "none".to_owned(),
        [only] => only.episode.to_string(),
        [first, .., last] => format!("{} to {}", first.episode, last.episode),
    };
    let file = recording.path().display();
    Err(RenderError::Setting(format!("{file}: there is no episode {number}; its episodes are {there}")))
}

/// Duration of a recorded step, s.
///
/// # Errors
/// [`RenderError::Dataset`] where the file does not tell.
pub fn step_duration(recording: &Recording) -> Result<f64, RenderError> {
    let dt = recording.float_attribute(attribute::STEP_DURATION).filter(|dt| dt.is_finite() && *dt > 0.0);
    Ok(dt.ok_or_else(|| recording.foreign("has no step_duration: the file is damaged"))?)
}
