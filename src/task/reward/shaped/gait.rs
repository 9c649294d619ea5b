//! The phase of a gait, and how high a foot is in it.

use std::f64::consts::{PI, TAU};

use serde::{Deserialize, Serialize};

use super::super::memory::Memory;

/// Gaits that an episode may have.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct GaitSpec {
    /// Bounds of the frequency, Hz; drawn once per episode.
    pub frequency: [f64; 2],
    /// Bounds of the height of a swing, m; drawn once per episode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<[f64; 2]>,
    /// Phases (rad) of the feet at the start, for each gait; one is drawn per episode.
    pub phases: Vec<Vec<f64>>,
    /// Whether all feet stay on the ground without a command.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub still: bool,
}

/// A command below this is none, m/s and rad/s.
const NO_COMMAND: f64 = 0.01;

impl GaitSpec {
    pub(super) fn check(&self, feet: usize) -> Result<(), String> {
        let ordered = |[a, b]: [f64; 2]| a.is_finite() && b.is_finite() && a <= b;
        let fits = |p: &Vec<f64>| p.len() == feet && p.iter().all(|x| x.is_finite());
        if ordered(self.frequency)
            && self.height.is_none_or(ordered)
            && !self.phases.is_empty()
            && self.phases.iter().all(fits)
        {
            Ok(())
        } else {
            Err(format!("the gait needs bounds in order, and {feet} finite phases for each kind, one for each foot"))
        }
    }

    pub(super) fn begin(&self, memory: &mut Memory) {
        let Some(stream) = &mut memory.stream else { return };
        let mut between = |[low, high]: [f64; 2]| low + (high - low) * stream.uniform();
        memory.gait.frequency = between(self.frequency);
        memory.gait.kind = between([0.0, self.phases.len() as f64]) as usize;
        memory.gait.height = self.height.map_or(0.0, &mut between);
        memory.gait.phase.clone_from(&self.phases[memory.gait.kind]);
    }

    pub(super) fn advance(&self, memory: &mut Memory, control_dt: f64) {
        let stands = self.still && norm(&memory.command) <= NO_COMMAND;
        let step = TAU * control_dt * memory.gait.frequency;
        for phase in &mut memory.gait.phase {
            *phase = if stands { PI } else { (*phase + step + PI) % TAU - PI };
        }
    }
}

fn norm(x: &[f64]) -> f64 {
    super::super::offset::norm(x)
}

/// Height of a foot at a phase (rad, in [-pi, pi)), of a swing of `swing` m: up in the first half, down in the second, along
/// a cubic that is flat at both ends.
pub(super) fn height(phase: f64, swing: f64) -> f64 {
    let bezier = |from: f64, to: f64, x: f64| from + (to - from) * (x * x * x + 3.0 * (x * x * (1.0 - x)));
    let x = (phase + PI) / TAU;
    if x <= 0.5 { bezier(0.0, swing, 2.0 * x) } else { bezier(swing, 0.0, 2.0 * x - 1.0) }
}
