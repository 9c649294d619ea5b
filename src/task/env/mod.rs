//! The rules of a task while it runs: actions become controls, events disturb, conditions end the episode.
//!
//! An [`Env`] belongs to one simulation. Everything random in it is a function of (seed, episode).

mod action;
mod done;
mod event;
mod leap_goal;
mod panda;
mod push_cube;
mod spec;
#[cfg(test)]
mod tests;

pub use spec::{ActionSpec, Bounds, DoneSpec, EventSpec, ModelBounds};

use super::{PerEntry, TaskError, TaskSpec};
use crate::physics::{Model, PhysicsError, Sim};
use crate::rng::Stream;
use action::Action;
use done::Done;
use event::Event;

/// The rules of one task, with all names resolved, and what they remember of the episode. A clone goes its own way.
#[derive(Debug, Clone)]
pub struct Env {
    action: Action,
    events: Vec<Box<dyn Event>>,
    done: Vec<Done>,
    /// Control steps taken in the episode.
    taken: u64,
}

impl Env {
    /// The rules of `spec` on its model.
    ///
    /// # Errors
    /// [`TaskError::Setting`] for a rule that does not fit the model.
    pub fn new(spec: &TaskSpec, model: &Model) -> Result<Self, TaskError> {
        let refuse = |what: &str, reason: Misfit| TaskError::Setting {
            task: spec.name.clone(),
            reason: format!("{what}: {}", reason.0),
        };
        let control_dt = spec.control_dt(model);
        Ok(Self {
            action: Action::new(&spec.action, model).map_err(|r| refuse("the action", r))?,
            events: spec
                .events
                .iter()
                .map(|e| event::build(e, model, control_dt).map_err(|r| refuse("an event", r)))
                .collect::<Result<_, _>>()?,
            done: spec
                .done
                .iter()
                .map(|d| Done::new(d, model).map_err(|r| refuse("an end", r)))
                .collect::<Result<_, _>>()?,
            taken: 0,
        })
    }

    /// Labels of the action's entries; None when the action is the control.
    pub fn action_labels(&self) -> Option<Vec<String>> {
        self.action.labels()
    }

    /// Forgets the last episode. Called after the reset, whose controls are the last ones of a new episode.
    pub fn begin(&mut self, sim: &Sim, seed: u64, episode: u64) {
        self.taken = 0;
        self.action.begin(sim, Stream::new(seed, "action", episode));
        for (i, event) in self.events.iter_mut().enumerate() {
            event.begin(sim, Stream::new(seed, &format!("event {i}"), episode));
        }
        for done in &mut self.done {
            done.begin();
        }
    }

    /// Begins a control step: events that come before it, then the controls (nu) of `action`. True when an
    /// event changed the state or the forces on it.
    pub fn act(&mut self, sim: &mut Sim, action: &[f64], ctrl: &mut [f64]) -> bool {
        let mut moved = false;
        for event in &mut self.events {
            moved |= event.before(sim, self.taken, &mut self.action);
        }
        self.action.control(sim, action, ctrl);
        moved
    }

    /// The action that the last controls came of, where it is not the one that was given: actions may come late.
    pub fn applied(&self) -> Option<&[f64]> {
        self.action.applied()
    }

    /// Whether no controls were found for the last action.
    pub fn unreachable(&self) -> bool {
        self.action.unreachable()
    }

    /// Ends a control step: [`Env::over`], then [`Env::conclude`].
    pub fn after(&mut self, sim: &mut Sim) -> Option<String> {
        let over = self.over(sim);
        self.conclude(sim);
        over
    }

    /// Ends a control step that was asked about: events that come after it.
    pub fn conclude(&mut self, sim: &mut Sim) {
        self.taken += 1;
        for event in &mut self.events {
            event.after(sim, self.taken);
        }
    }

    /// Without its events: a plan does not know what will disturb it.
    #[must_use]
    pub fn undisturbed(mut self) -> Self {
        self.events.clear();
        self
    }

    /// Why the episode is over after a control step, if it is. Derived quantities are those that [`Sim::step`] left: of the
    /// start of its last physics step, as in Playground.
    pub fn over(&mut self, sim: &Sim) -> Option<String> {
        self.done.iter_mut().fold(None, |over, done| {
            // Each is asked: some remember.
            let this = done.reason(sim);
            over.or(this)
        })
    }

    /// Bodies that events apply forces to.
    pub fn forced_bodies(&self) -> impl Iterator<Item = crate::physics::BodyId> + '_ {
        self.events.iter().filter_map(|e| e.forced_body())
    }

    /// Whether there are conditions that end an episode.
    pub fn can_end(&self) -> bool {
        !self.done.is_empty()
    }
}

/// Why a rule does not fit a model, as the rest of a sentence.
#[derive(Debug)]
struct Misfit(String);

impl From<PhysicsError> for Misfit {
    fn from(error: PhysicsError) -> Self {
        Self(error.to_string())
    }
}

impl From<String> for Misfit {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

/// One number for each of `n` entries.
fn spread(numbers: &PerEntry, n: usize, what: &str) -> Result<Vec<f64>, Misfit> {
    if !numbers.fits(n) {
        return Err(format!("{what} needs one finite number or {n}").into());
    }
    Ok((0..n).map(|i| numbers.at(i)).collect())
}

/// Lower and upper bounds of some entries.
#[derive(Debug, Clone)]
struct Limits {
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Limits {
    /// Those of a model's controls; an unlimited control has none.
    fn of_controls(model: &Model) -> Self {
        let range = |i| model.ctrl_range(i).unwrap_or([f64::NEG_INFINITY, f64::INFINITY]);
        let (low, high) = (0..model.nu()).map(|i| (range(i)[0], range(i)[1])).unzip();
        Self { low, high }
    }

    /// Moves every entry into its bounds.
    fn clip(&self, values: &mut [f64]) {
        for (x, (low, high)) in values.iter_mut().zip(self.low.iter().zip(&self.high)) {
            *x = x.max(*low).min(*high);
        }
    }
}

/// Lower and upper bounds for `n` entries.
fn resolve(bounds: &Bounds, model: &Model, n: usize, what: &str) -> Result<Limits, Misfit> {
    match bounds {
        Bounds::Given { low, high } => {
            let limits = Limits { low: spread(low, n, what)?, high: spread(high, n, what)? };
            if limits.low.iter().zip(&limits.high).any(|(low, high)| low > high) {
                return Err(format!("{what}: low is above high").into());
            }
            Ok(limits)
        }
        Bounds::Model(ModelBounds::Ctrlrange) => {
            if n != model.nu() {
                return Err(format!("{what} takes the ranges of {} controls for {n} entries", model.nu()).into());
            }
            Ok(Limits::of_controls(model))
        }
    }
}

/// Distance of a point from the mocap body of number `mocap`, m.
fn distance_to_mocap(sim: &Sim, point: [f64; 3], mocap: usize) -> f64 {
    let target = &sim.mocap_pos()[3 * mocap..3 * mocap + 3];
    point.iter().zip(target).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

fn between([low, high]: [f64; 2], stream: &mut Stream) -> f64 {
    low + (high - low) * stream.uniform()
}

/// A whole number of `[first, end)`.
fn whole([first, end]: [u64; 2], stream: &mut Stream) -> u64 {
    first + (stream.uniform() * (end - first) as f64) as u64
}
