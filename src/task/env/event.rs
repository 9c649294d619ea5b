//! What disturbs an episode.

use std::f64::consts::{PI, TAU};
use std::fmt::Debug;

use super::action::Action;
use super::leap_goal::LeapGoal;
use super::push_cube::Target;
use super::spec::EventSpec;
use super::{Misfit, between, whole};
use crate::physics::{BodyId, Model, Sim};
use crate::rng::Stream;

/// Something that happens between control steps.
pub(super) trait Event: Debug + Send + Sync {
    /// Another one, with the same past.
    fn boxed(&self) -> Box<dyn Event>;

    /// Forgets the last episode; draws what is drawn once per episode.
    fn begin(&mut self, sim: &Sim, stream: Stream);

    /// Before the control step of number `step` (from 0). True when it changed the state or the forces.
    fn before(&mut self, _sim: &mut Sim, _step: u64, _action: &mut Action) -> bool {
        false
    }

    /// After a control step; `taken` were taken so far.
    fn after(&mut self, _sim: &mut Sim, _taken: u64) {}

    /// The body it applies forces to.
    fn forced_body(&self) -> Option<BodyId> {
        None
    }
}

impl Clone for Box<dyn Event> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}

/// The event of a description; `control_dt` is the duration of a control step, s.
pub(super) fn build(spec: &EventSpec, model: &Model, control_dt: f64) -> Result<Box<dyn Event>, Misfit> {
    let bounds = |name: &str, [low, high]: [f64; 2]| {
        let sound = low.is_finite() && high.is_finite() && low <= high;
        if sound { Ok(()) } else { Err(Misfit(format!("{name} needs [low, high], finite"))) }
    };
    let ordered = |name: &str, [first, end]: [u64; 2]| {
        if 0 < first && first < end { Ok(()) } else { Err(Misfit(format!("{name} needs 0 < first < end"))) }
    };
    Ok(match spec {
        EventSpec::Push { interval, magnitude } => {
            bounds("interval", *interval)?;
            bounds("magnitude", *magnitude)?;
            if interval[0] < control_dt || model.nv() < 2 {
                return Err("a push needs an interval of at least a control step, and two velocities"
                    .to_owned()
                    .into());
            }
            Box::new(Push {
                interval: *interval,
                magnitude: *magnitude,
                control_dt,
                every: 1,
                stream: Stream::new(0, "", 0),
            })
        }
        EventSpec::Kick { body, mass, speed, wait, duration, period } => {
            bounds("mass", [*mass; 2])?;
            bounds("speed", *speed)?;
            ordered("wait", *wait)?;
            ordered("duration", *duration)?;
            if *period == 0 {
                return Err("period must not be 0".to_owned().into());
            }
            Box::new(Kick {
                body: model.body(body)?,
                mass: *mass,
                speeds: *speed,
                waits: *wait,
                durations: *duration,
                period: *period,
                control_dt,
                speed: 0.0,
                wait: 1,
                duration: 1,
                started: None,
                direction: [0.0; 2],
                stream: Stream::new(0, "", 0),
            })
        }
        EventSpec::Swap { keyframe, p } => {
            if !(0.0..=1.0).contains(p) {
                return Err("p must lie between 0 and 1".to_owned().into());
            }
            let key = model.keyframe(keyframe)?;
            Box::new(Swap {
                p: *p,
                qpos: model.keyframe_qpos(key).to_vec(),
                ctrl: model.keyframe_ctrl(key).to_vec(),
                chosen: false,
            })
        }
        EventSpec::LeapGoal => Box::new(LeapGoal::new(model, control_dt)?),
        EventSpec::PushCubeTarget => Box::new(Target::new(model)?),
    })
}

/// [`EventSpec::Push`].
#[derive(Debug, Clone)]
struct Push {
    interval: [f64; 2],
    magnitude: [f64; 2],
    control_dt: f64,
    /// Control steps between pushes.
    every: u64,
    stream: Stream,
}

impl Event for Push {
    fn boxed(&self) -> Box<dyn Event> {
        Box::new(self.clone())
    }

    fn begin(&mut self, _sim: &Sim, mut stream: Stream) {
        self.every = (between(self.interval, &mut stream) / self.control_dt).round().max(1.0) as u64;
        self.stream = stream;
    }

    fn before(&mut self, sim: &mut Sim, step: u64, _action: &mut Action) -> bool {
        if !(step + 1).is_multiple_of(self.every) {
            return false;
        }
        let angle = between([0.0, TAU], &mut self.stream);
        let size = between(self.magnitude, &mut self.stream);
        let qvel = sim.qvel_mut();
        qvel[0] += size * libm::cos(angle);
        qvel[1] += size * libm::sin(angle);
        true
    }
}

/// [`EventSpec::Kick`].
#[derive(Debug, Clone)]
struct Kick {
    body: BodyId,
    mass: f64,
    speeds: [f64; 2],
    waits: [u64; 2],
    durations: [u64; 2],
    period: u64,
    control_dt: f64,
    speed: f64,
    wait: u64,
    duration: u64,
    /// The count at which the last kick began.
    started: Option<u64>,
    direction: [f64; 2],
    stream: Stream,
}

impl Event for Kick {
    fn boxed(&self) -> Box<dyn Event> {
        Box::new(self.clone())
    }

    fn begin(&mut self, _sim: &Sim, mut stream: Stream) {
        self.wait = whole(self.waits, &mut stream);
        self.duration = whole(self.durations, &mut stream);
        self.speed = between(self.speeds, &mut stream);
        self.started = None;
        self.stream = stream;
    }

    fn before(&mut self, sim: &mut Sim, step: u64, _action: &mut Action) -> bool {
        let count = step % self.period;
        if count != 0 && count.is_multiple_of(self.wait) {
            let angle = between([0.0, TAU], &mut self.stream);
            self.direction = [libm::cos(angle), libm::sin(angle)];
            self.started = Some(count);
        }
        let since = self.started.and_then(|s| count.checked_sub(s)).filter(|i| *i < self.duration);
        let [x, y] = match since {
            Some(i) => {
                let peak = 0.5 * self.mass * self.speed / (self.duration as f64 * self.control_dt);
                let force = peak * libm::sin(PI * i as f64 / self.duration as f64);
                self.direction.map(|d| force * d)
            }
            None => [0.0; 2],
        };
        let before = sim.body_force(self.body);
        let force = [x, y, 0.0, 0.0, 0.0, 0.0];
        sim.set_body_force(self.body, force);
        before != force
    }

    fn forced_body(&self) -> Option<BodyId> {
        Some(self.body)
    }
}

/// [`EventSpec::Swap`].
#[derive(Debug, Clone)]
struct Swap {
    p: f64,
    qpos: Vec<f64>,
    ctrl: Vec<f64>,
    chosen: bool,
}

impl Event for Swap {
    fn boxed(&self) -> Box<dyn Event> {
        Box::new(self.clone())
    }

    fn begin(&mut self, _sim: &Sim, mut stream: Stream) {
        self.chosen = stream.uniform() < self.p;
    }

    fn before(&mut self, sim: &mut Sim, step: u64, action: &mut Action) -> bool {
        if step > 0 || !self.chosen {
            return false;
        }
        sim.qpos_mut().copy_from_slice(&self.qpos);
        sim.ctrl_mut().copy_from_slice(&self.ctrl);
        action.set_last(&self.ctrl);
        true
    }
}
