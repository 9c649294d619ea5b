//! Pictures of a recording: its states, drawn by MuJoCo's own renderer from the model in the file.
//!
//! Nothing is simulated. A state is put back as it was recorded, with its controls, forces and warm start, so that contacts
//! and their forces are those of the step.

mod error;
mod image;
mod states;

pub use error::RenderError;
pub use states::{States, find_episode, step_duration};

use crate::dataset::Recording;
use crate::physics::{Camera, MOST_PIXELS, Model, Renderer};

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
    states: States<'r>,
    renderer: Renderer,
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
        let (at, episode) = find_episode(recording, settings.episode)?;
        let dt = step_duration(recording)?;
        let named = |reason| RenderError::Setting(format!("{}: {reason}", recording.path().display()));
        let steps = steps(&settings, episode.length.max(0) as usize, dt).map_err(named)?;

        let states = States::new(recording)?;
        let model = states.model();
        let (camera, name) = find_camera(model, settings.camera.as_deref()).map_err(named)?;
        let renderer = Renderer::new(model, settings.width, settings.height, camera, settings.contacts)?;
        let first = recording.offsets()?[at];
        Ok(Self { states, renderer, settings, camera: name, first, steps, dt })
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
        let sim = self.states.put_back(self.first + step)?;
        let decimals = if self.dt < 0.01 { 3 } else { 2 };
        let label = format!("{:.decimals$} s", sim.time());
        Ok(self.renderer.draw(sim, &label, rgb)?)
    }
}

fn refuse<T>(reason: String) -> Result<T, RenderError> {
    Err(RenderError::Setting(reason))
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

/// The camera that is asked for, None for the usual one, and its name.
///
/// # Errors
/// What to choose among.
pub fn find_camera(model: &Model, asked: Option<&str>) -> Result<(Camera, String), String> {
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
