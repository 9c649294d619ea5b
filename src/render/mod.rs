//! Pictures of a recording: its states, drawn by MuJoCo's own renderer from the model in the file.
//!
//! Nothing is simulated. A state is put back as it was recorded, with its controls, forces and warm start, so that contacts
//! and their forces are those of the step.

mod error;
mod image;

use std::sync::Arc;

pub use error::RenderError;

use crate::dataset::schema::{Axis, Var, attribute};
use crate::dataset::{EpisodeRow, Recording};
use crate::physics::{BodyId, Camera, MOST_PIXELS, Model, Renderer, Sim};
use crate::record::{Restored, restored};

/// Which steps of an episode are drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// So many, from the first to the last, as evenly as can be; all of them in an episode that has fewer.
    Count(usize),
    /// Every so many.
    Every(usize),
    /// These, in this order.
    Steps(Vec<usize>),
    /// As many as make a film in real time, 25 a second at most.
    Film,
}

/// What to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderSettings {
    /// Number of the episode.
    pub episode: i64,
    /// Its steps.
    pub pick: Pick,
    /// A camera by its name or number, or `free`; None: [`Model::usual_camera`].
    pub camera: Option<String>,
    /// Width of a frame, pixels.
    pub width: usize,
    /// Height of a frame, pixels.
    pub height: usize,
    /// Whether contact points and forces are drawn.
    pub contacts: bool,
}

/// What a camera of no name is asked for by.
const FREE: &str = "free";

/// Frames a second of a film at most.
const FILM_RATE: f64 = 25.0;

/// Frames of one picture at most.
const MOST_FRAMES: usize = 100_000;

/// The frames of one episode.
pub struct Shots<'r> {
    recording: &'r Recording,
    sim: Sim,
    renderer: Renderer,
    forced: Vec<BodyId>,
    settings: RenderSettings,
    /// The name of the camera.
    camera: String,
    /// The first row of the episode in the file.
    first: usize,
    /// The steps that are drawn.
    steps: Vec<usize>,
    /// Duration of a step, s.
    dt: f64,
}

impl<'r> Shots<'r> {
    /// Opens an episode for drawing.
    ///
    /// # Errors
    /// [`RenderError::Setting`] with what is there instead of what was asked for; [`RenderError::Physics`] without
    /// OpenGL; others when the recording or its model cannot be used.
    pub fn new(recording: &'r Recording, settings: RenderSettings) -> Result<Self, RenderError> {
        for (name, pixels) in [("width", settings.width), ("height", settings.height)] {
            if !(1..=MOST_PIXELS).contains(&pixels) {
                return refuse(format!("a frame of {name} {pixels} cannot be drawn; give 1 to {MOST_PIXELS} pixels"));
            }
        }
        let episodes = recording.episodes()?;
        let at = find(recording, &episodes, settings.episode)?;
        let dt = recording.float_attribute(attribute::STEP_DURATION).filter(|dt| dt.is_finite() && *dt > 0.0);
        let dt = dt.ok_or_else(|| recording.foreign("has no step_duration: the file is damaged"))?;
        let named = |reason| RenderError::Setting(format!("{}: {reason}", recording.path().display()));
        let steps = steps(&settings, episodes[at].length.max(0) as usize, dt).map_err(named)?;

        let Restored { recipe, task, .. } = &restored(recording)?;
        let model = Arc::new(task.model(recipe.job.solver)?);
        fits(recording, &model)?;
        let (camera, name) = camera(&model, settings.camera.as_deref()).map_err(named)?;
        let forced = match recording.has(Var::XfrcApplied) {
            true => recording.labels(Axis::ForcedBody)?.iter().map(|b| model.body(b)).collect::<Result<_, _>>()?,
            false => Vec::new(),
        };
        let renderer = Renderer::new(&model, settings.width, settings.height, camera, settings.contacts)?;
        let first = recording.offsets()?[at];
        Ok(Self { recording, sim: Sim::new(&model)?, renderer, forced, settings, camera: name, first, steps, dt })
    }

    /// The steps that are drawn, in order.
    pub fn steps(&self) -> &[usize] {
        &self.steps
    }

    /// The name of the camera.
    pub fn camera(&self) -> &str {
        &self.camera
    }

    /// Draws the state at the start of a step into `rgb`, rows of 3 bytes a pixel from the top.
    fn draw(&mut self, step: usize, rgb: &mut [u8]) -> Result<(), RenderError> {
        let row = self.first + step;
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
            let message = format!("step {step} of episode {} cannot be drawn: {reason}", self.settings.episode);
            return Err(self.recording.foreign(&message).into());
        }
        sim.forward()?;
        let decimals = if self.dt < 0.01 { 3 } else { 2 };
        Ok(self.renderer.draw(sim, &format!("{:.decimals$} s", time[0]), rgb)?)
    }
}

fn refuse<T>(reason: String) -> Result<T, RenderError> {
    Err(RenderError::Setting(reason))
}

/// The place of an episode among those of the file.
fn find(recording: &Recording, episodes: &[EpisodeRow], number: i64) -> Result<usize, RenderError> {
    if let Some(at) = episodes.iter().position(|e| e.episode == number) {
        return Ok(at);
    }
    let there = match episodes {
        [] => "none".to_owned(),
        [only] => only.episode.to_string(),
        [first, .., last] => format!("{} to {}", first.episode, last.episode),
    };
    refuse(format!("{}: there is no episode {number}; its episodes are {there}", recording.path().display()))
}

/// The steps to draw of an episode of `length` steps.
fn steps(settings: &RenderSettings, length: usize, dt: f64) -> Result<Vec<usize>, String> {
    let RenderSettings { episode, .. } = settings;
    if length == 0 {
        return Err(format!("episode {episode} has no step, so there is nothing to draw; choose another one"));
    }
    let steps: Vec<usize> = match &settings.pick {
        Pick::Count(0) => return Err("frames is 0; draw at least one".to_owned()),
        Pick::Every(0) => return Err("every is 0; give 1 for every step".to_owned()),
        Pick::Count(1) => vec![0],
        Pick::Count(n) if *n >= length => (0..length).collect(),
        Pick::Count(n) => (0..*n).map(|i| (i * (length - 1) + (n - 1) / 2) / (n - 1)).collect(),
        Pick::Every(n) => (0..length).step_by(*n).collect(),
        Pick::Film => (0..length).step_by((1.0 / (FILM_RATE * dt)).ceil().clamp(1.0, 1e9) as usize).collect(),
        Pick::Steps(steps) => match steps.iter().find(|s| **s >= length) {
            Some(step) => {
                return Err(format!("episode {episode} has no step {step}; its steps are 0 to {}", length - 1));
            }
            None => steps.clone(),
        },
    };
    match steps.len() {
        0 => Err("no step is given; name at least one".to_owned()),
        n if n > MOST_FRAMES => Err(format!("{n} frames are more than {MOST_FRAMES}; draw fewer steps")),
        _ => Ok(steps),
    }
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

/// The camera that is asked for, and its name.
fn camera(model: &Model, asked: Option<&str>) -> Result<(Camera, String), String> {
    let names = model.cameras();
    let named = |camera| match camera {
        Camera::Free => FREE.to_owned(),
        Camera::Fixed(i) => names[i].clone(),
    };
    let found = match asked {
        None => Some(model.usual_camera()),
        Some(name) => {
            let own = names.iter().position(|n| n == name).map(Camera::Fixed);
            own.or_else(|| (name == FREE).then_some(Camera::Free))
        }
    };
    match found {
        Some(camera) => Ok((camera, named(camera))),
        None => Err(format!(
            "the model has no camera \"{}\"; choose among {}",
            asked.unwrap_or_default(),
            names.iter().map(String::as_str).chain([FREE]).collect::<Vec<_>>().join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pick: Pick, length: usize, dt: f64) -> Vec<usize> {
        let settings = RenderSettings { episode: 0, pick, camera: None, width: 1, height: 1, contacts: false };
        steps(&settings, length, dt).expect("steps")
    }

    #[test]
    fn frames_are_spread_from_the_first_step_to_the_last() {
        assert_eq!(of(Pick::Count(5), 101, 0.01), [0, 25, 50, 75, 100]);
        assert_eq!(of(Pick::Count(4), 3, 0.01), [0, 1, 2]);
        assert_eq!(of(Pick::Count(1), 3, 0.01), [0]);
        for (n, length) in [(2, 7), (8, 40), (7, 8), (3, 1000)] {
            let steps = of(Pick::Count(n), length, 0.01);
            assert_eq!((steps.len(), steps[0], steps[n - 1]), (n, 0, length - 1));
            let gaps: Vec<usize> = steps.windows(2).map(|w| w[1] - w[0]).collect();
            assert!(gaps.iter().max() <= gaps.iter().min().map(|g| g + 1).as_ref(), "{gaps:?}");
        }
    }

    #[test]
    fn a_film_has_25_frames_a_second_at_most() {
        assert_eq!(of(Pick::Film, 9, 0.01), [0, 4, 8]);
        assert_eq!(of(Pick::Film, 3, 0.05), [0, 1, 2]);
        assert_eq!(of(Pick::Every(3), 7, 0.05), [0, 3, 6]);
    }
}
