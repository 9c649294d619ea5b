//! States of a recording, put back into a simulation of the model in it.

use std::sync::Arc;

use super::RenderError;
use crate::dataset::schema::{Axis, Var, attribute};
use crate::dataset::{EpisodeRow, Recording};
use crate::physics::{BodyId, Model, Sim};
use crate::record::{Restored, restored};

/// Puts the states of a recording back into a simulation.
#[derive(Debug)]
pub struct States<'r> {
    recording: &'r Recording,
    sim: Sim,
    forced: Vec<BodyId>,
}

impl<'r> States<'r> {
    /// Compiles the model of a recording.
    ///
    /// # Errors
    /// [`RenderError`] when the model cannot be restored, or the states are not those of it.
    pub fn new(recording: &'r Recording) -> Result<Self, RenderError> {
        let Restored { recipe, task, .. } = &restored(recording)?;
        let model = Arc::new(task.model(recipe.job.solver)?);
        fits(recording, &model)?;
        let forced = match recording.has(Var::XfrcApplied) {
            true => recording.labels(Axis::ForcedBody)?.iter().map(|b| model.body(b)).collect::<Result<_, _>>()?,
            false => Vec::new(),
        };
        Ok(Self { recording, sim: Sim::new(&model)?, forced })
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
        let read = |var| self.recording.read::<f64>(var, row..row + 1);
        let time = read(Var::Time)?;
        let sim = &mut self.sim;
        sim.set_time(time[0]);
        sim.qpos_mut().copy_from_slice(&read(Var::Qpos)?);
        sim.qvel_mut().copy_from_slice(&read(Var::Qvel)?);
        for (var, to) in [
            (Var::Act, Sim::act_mut as fn(&mut Sim) -> &mut [f64]),
            (Var::Ctrl, Sim::ctrl_mut),
            (Var::QaccWarmstart, Sim::qacc_warmstart_mut),
            (Var::MocapPos, Sim::mocap_pos_mut),
            (Var::MocapQuat, Sim::mocap_quat_mut),
        ] {
            if self.recording.has(var) {
                to(sim).copy_from_slice(&read(var)?);
            }
        }
        if !self.forced.is_empty() {
            for (body, force) in self.forced.iter().zip(read(Var::XfrcApplied)?.as_chunks::<6>().0) {
                sim.set_body_force(*body, *force);
            }
        }
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

/// Whether the states of a recording are states of the model in it.
fn fits(recording: &Recording, model: &Model) -> Result<(), RenderError> {
    let vectors = [
        (Var::Qpos, model.nq()),
        (Var::Qvel, model.nv()),
        (Var::Act, model.na()),
        (Var::Ctrl, model.nu()),
        (Var::QaccWarmstart, model.nv()),
        (Var::MocapPos, 3 * model.nmocap()),
        (Var::MocapQuat, 4 * model.nmocap()),
    ];
    let needed = [Var::Qpos, Var::Qvel];
    for (var, n) in vectors {
        let (name, found) = (var.spec().name, recording.shape(var).iter().skip(1).product::<usize>());
        if !recording.has(var) {
            if needed.contains(&var) && n > 0 {
                return Err(recording.foreign(&format!("has no {name}, so its states cannot be drawn")).into());
            }
        } else if found != n {
            return Err(recording
                .foreign(&format!("{name} has {found} numbers a step, its model {n}: the file is damaged"))
                .into());
        }
    }
    Ok(())
}
