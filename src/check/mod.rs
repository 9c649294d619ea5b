//! The check of the engines: their Jacobians against the arbiter's, at states of a task under random control.
//!
//! A state enters the errors of an engine where there is a derivative: where neither the arbiter nor that engine says
//! that something switches. How often each says so, and whether they agree, is part of the report. The result is a function of
//! (model, task, settings), whatever the threads.

mod error;
mod judge;
pub mod random;
mod report;
mod states;
mod survey;

use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

pub use error::CheckError;
pub use judge::{Contacts, EngineOutcome, JacobianBlock, Judge, Known, StateOutcome, Zeros};
pub use report::{Agreement, CheckReport, EngineReport, EntryAt, Errors, Flags, Found, Seen};
pub use states::SampledState;
pub use survey::{Alarms, Cost, Facts, Survey, facts, survey};

use crate::bounded;
use crate::jacobian::{Arbiter, EngineSpec, Method, Nudge};
use crate::physics::{PhysicsError, SolverMode};
use crate::policy::{PolicyError, PolicySpec};
use crate::task::Task;

/// States, episodes and worst states, at most.
const MOST: u64 = 1_000_000;

/// What is checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckSettings {
    /// States of each task.
    pub states: usize,
    /// Episodes that they come from.
    pub episodes: u64,
    /// Who acts.
    pub policy: PolicySpec,
    /// Solver settings for stepping and for the engines; the arbiter's solver always converges.
    pub solver: SolverMode,
    /// Seed of resets, policy and the choice of states.
    pub seed: u64,
    /// The engines.
    #[serde(serialize_with = "by_name")]
    pub engines: Vec<EngineSpec>,
    /// How many of the worst states to keep.
    pub worst: usize,
}

impl CheckSettings {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`CheckError::Setting`], [`CheckError::Policy`].
    pub fn validate(&self) -> Result<(), CheckError> {
        let wrong = |text: &str| Err(CheckError::Setting(text.to_owned()));
        if self.states == 0 {
            return wrong("states is 0; give at least 1");
        }
        if self.episodes == 0 {
            return wrong("episodes is 0; give at least 1");
        }
        for (name, n) in [("states", self.states as u64), ("episodes", self.episodes), ("worst", self.worst as u64)] {
            bounded::within(name, n, &(0..=MOST)).map_err(CheckError::Setting)?;
        }
        if self.engines.is_empty() {
            return wrong("there is no engine to check; name one, such as --engines implicit");
        }
        if let Some(twice) =
            self.engines.iter().enumerate().find_map(|(i, e)| self.engines[..i].contains(e).then_some(e))
        {
            return wrong(&format!("the engine {} is there twice; name it once", name(twice)));
        }
        let nonsense = |spec: &&EngineSpec| match spec.method {
            Method::TransitionFd(Nudge { eps, .. }) => !(eps.is_finite() && eps > 0.0),
            Method::Implicit | Method::WholeStep => false,
        };
        if let Some(spec) = self.engines.iter().find(nonsense) {
            return wrong(&format!("eps of the engine {} must be a positive number", name(spec)));
        }
        if self.policy.is_replay() {
            return wrong("states of a replay cannot be checked; choose another policy");
        }
        if self.policy.is_onnx() {
            return Err(PolicyError::Unseen.into());
        }
        Ok(self.policy.validate()?)
    }
}

fn by_name<S: serde::Serializer>(engines: &[EngineSpec], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(engines.iter().map(name))
}

/// What an engine is called: `implicit`, `transition-fd:1e-6`.
pub fn name(spec: &EngineSpec) -> String {
    let kind = spec.kind().name();
    match spec.method {
        Method::Implicit | Method::WholeStep => kind.to_owned(),
        Method::TransitionFd(nudge) => format!("{kind}:{:e}", nudge.eps),
    }
}

/// Checks the engines on one task, on the threads of the present rayon pool.
///
/// # Errors
/// [`CheckError`] when the task cannot be simulated or differentiated at all. An engine that does not cover the model
/// is no error: the report says so.
pub fn check_task(task: &Task, settings: &CheckSettings) -> Result<CheckReport, CheckError> {
    settings.validate()?;
    let model = Arc::new(task.model(settings.solver)?);
    if model.nv() == 0 {
        let text = format!("{}: the model has no degree of freedom; give a body a joint", model.file());
        return Err(CheckError::Setting(text));
    }
    let mut strict = task.model(SolverMode::Converged)?;
    strict.set_solver(Arbiter::SOLVER);
    let strict = Arc::new(strict);

    let mut covered = Vec::new();
    let mut refused = Vec::new();
    for spec in &settings.engines {
        match spec.build(&model) {
            Ok(_) => covered.push(spec.clone()),
            Err(PhysicsError::NotCovered { obstacles, .. }) => refused.push((name(spec), obstacles)),
            Err(other) => return Err(other.into()),
        }
    }
    let places = states::sample(task, &model, settings, states::Choice::Drawn)?;
    let outcomes: Vec<StateOutcome> = places
        .par_iter()
        .map_init(
            || Judge::new(&model, &strict, &covered),
            |judge, place| match judge {
                Ok(judge) => judge.state(&place.state).map_err(CheckError::from),
                Err(error) => Err(error.clone().into()),
            },
        )
        .collect::<Result<_, _>>()?;
    Ok(report::report(&model, task, settings, &covered, refused, &places, outcomes))
}
