//! Where the controls of an episode come from.
//!
//! A [`Policy`] made by [`build`] is a function of (seed, episode, control step, settings): threads,
//! shards and the order of calls cannot change it. Replay takes its states or controls from a file
//! instead, see [`ReplayFile`]; an expert's are planned, in another room; a network's ([`OnnxFile`]) follow from what
//! it is shown. This room knows the ranges of a model's
//! controls and nothing else of it.

mod colored;
mod error;
mod explore;
mod onnx;
mod plan;
mod ranges;
mod replay;
mod simple;
mod spec;

pub use colored::BLOCK;
pub use error::PolicyError;
pub use explore::{Exploration, Explore};
pub use onnx::{NetworkMemory, OnnxFile};
pub use plan::{Guide, PlanMethod, PlanSpec, Spline};
pub use ranges::ControlRanges;
pub use replay::{ReplayEpisode, ReplayError, ReplayFile, ReplayModel};
pub use spec::{PolicySpec, ReplayWith};

/// Sets the controls of one episode.
pub trait Policy: Send {
    /// Writes the controls of control step `step` of the episode (from 0) into `ctrl` (nu), all of them
    /// inside the control range. Steps in rising order are cheap; any other order gives the same numbers.
    fn act(&mut self, step: usize, ctrl: &mut [f64]);
}

/// The policy of one episode of `steps` control steps, `control_dt` seconds each.
///
/// # Errors
/// [`PolicyError::Setting`] for settings without meaning, [`PolicyError::Range`] and
/// [`PolicyError::Lengths`] for ranges without meaning, [`PolicyError::Replay`] for a replay,
/// [`PolicyError::Expert`] for an expert, [`PolicyError::Unseen`] for a network.
pub fn build(
    spec: &PolicySpec,
    ranges: &ControlRanges,
    seed: u64,
    episode: u64,
    steps: usize,
    control_dt: f64,
) -> Result<Box<dyn Policy>, PolicyError> {
    spec.validate()?;
    let frame = ranges.frame()?;
    let draws = simple::Draws::new(seed, "policy", episode);
    Ok(match *spec {
        PolicySpec::Zero => Box::new(simple::Zero::new(frame)),
        PolicySpec::Uniform => Box::new(simple::Uniform::new(frame, draws)),
        PolicySpec::Gaussian { scale } => Box::new(simple::Gaussian::new(frame, draws, scale)),
        PolicySpec::Colored { beta, scale } => Box::new(colored::Colored::new(frame, draws, beta, scale, steps)),
        PolicySpec::Sinusoid { frequency, amplitude } => {
            Box::new(simple::Sinusoid::new(frame, draws, frequency, amplitude, control_dt)?)
        }
        PolicySpec::Expert { .. } => return Err(PolicyError::Expert),
        PolicySpec::Onnx { .. } => return Err(PolicyError::Unseen),
        PolicySpec::Replay { .. } | PolicySpec::Log { .. } => return Err(PolicyError::Replay),
    })
}

#[cfg(test)]
mod tests;
