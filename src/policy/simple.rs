//! The policies that need no memory of the episode.

use std::f64::consts::TAU;

use super::ranges::Frame;
use super::{Policy, PolicyError};
use crate::rng::Stream;

/// Numbered batches of draws from the stream of a purpose. Every batch must take the same number of draws;
/// then a batch is the same whatever was asked for before it.
#[derive(Debug)]
pub(super) struct Draws {
    start: Stream,
    stream: Stream,
    next: usize,
}

impl Draws {
    pub(super) fn new(seed: u64, purpose: &str, episode: u64) -> Self {
        let start = Stream::new(seed, purpose, episode);
        Self { stream: start.clone(), start, next: 0 }
    }

    /// The stream at the start of batch `batch`, of `size` uniform numbers, all of which must be taken.
    pub(super) fn batch(&mut self, batch: usize, size: usize) -> &mut Stream {
        if batch < self.next {
            (self.stream, self.next) = (self.start.clone(), 0);
        }
        while self.next < batch {
            for _ in 0..size {
                self.stream.uniform();
            }
            self.next += 1;
        }
        self.next += 1;
        &mut self.stream
    }
}

/// Zero, or what the range has nearest to it.
#[derive(Debug)]
pub(super) struct Zero(Frame);

impl Zero {
    pub(super) fn new(frame: Frame) -> Self {
        Self(frame)
    }
}

impl Policy for Zero {
    fn act(&mut self, _step: usize, ctrl: &mut [f64]) {
        for (i, u) in ctrl.iter_mut().enumerate().take(self.0.nu()) {
            *u = self.0.zero(i);
        }
    }
}

/// Uniform in the range, independent at every step.
#[derive(Debug)]
pub(super) struct Uniform {
    frame: Frame,
    draws: Draws,
}

impl Uniform {
    pub(super) fn new(frame: Frame, draws: Draws) -> Self {
        Self { frame, draws }
    }
}

impl Policy for Uniform {
    fn act(&mut self, step: usize, ctrl: &mut [f64]) {
        let nu = self.frame.nu();
        let stream = self.draws.batch(step, nu);
        for i in 0..nu {
            let x = 2.0 * stream.uniform() - 1.0;
            if let Some(u) = ctrl.get_mut(i) {
                *u = self.frame.at(i, x);
            }
        }
    }
}

/// Normal around the middle of the range, independent at every step.
#[derive(Debug)]
pub(super) struct Gaussian {
    frame: Frame,
    draws: Draws,
    scale: f64,
}

impl Gaussian {
    pub(super) fn new(frame: Frame, draws: Draws, scale: f64) -> Self {
        Self { frame, draws, scale }
    }
}

impl Policy for Gaussian {
    fn act(&mut self, step: usize, ctrl: &mut [f64]) {
        let nu = self.frame.nu();
        let stream = self.draws.batch(step, nu);
        for i in 0..nu {
            let x = self.scale * stream.normal();
            if let Some(u) = ctrl.get_mut(i) {
                *u = self.frame.at(i, x);
            }
        }
    }
}

/// A sine around the middle of the range, with a phase of its own per control and episode.
#[derive(Debug)]
pub(super) struct Sinusoid {
    frame: Frame,
    /// Shares of a turn.
    phases: Vec<f64>,
    /// Turns per control step.
    turns: f64,
    amplitude: f64,
}

impl Sinusoid {
    pub(super) fn new(
        frame: Frame,
        mut draws: Draws,
        frequency: f64,
        amplitude: f64,
        control_dt: f64,
    ) -> Result<Self, PolicyError> {
        let wrong = |field, value: f64, fix: String| {
            Err(PolicyError::Setting { kind: "sinusoid", field, value: value.to_string(), fix })
        };
        if !(control_dt.is_finite() && control_dt > 0.0) {
            return wrong("control_dt", control_dt, "a control step must last a positive number of seconds".to_owned());
        }
        // Beyond half the control rate the samples show a slower sine than the one that was asked for.
        let highest = 0.5 / control_dt;
        if frequency > highest {
            return wrong("frequency", frequency, format!("stay at or below {highest} Hz, half the control rate"));
        }
        let nu = frame.nu();
        let stream = draws.batch(0, nu);
        let phases = (0..nu).map(|_| stream.uniform()).collect();
        Ok(Self { frame, phases, turns: frequency * control_dt, amplitude })
    }
}

impl Policy for Sinusoid {
    fn act(&mut self, step: usize, ctrl: &mut [f64]) {
        let turns = self.turns * step as f64;
        for (i, (u, phase)) in ctrl.iter_mut().zip(&self.phases).enumerate() {
            // Whole turns are taken off first: they carry nothing and cost digits.
            let turn = turns - libm::floor(turns) + phase;
            *u = self.frame.at(i, self.amplitude * libm::sin(TAU * turn));
        }
    }
}
