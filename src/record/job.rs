//! A job: everything that decides what a recording holds.

use serde::{Deserialize, Serialize};

use super::RecordError;
use crate::bounded;
use crate::dataset::{Effort, Store};
use crate::jacobian::{Difference, EngineChoice, EngineRequest};
use crate::physics::{Model, SolverMode};
use crate::policy::{Explore, PolicySpec};
use crate::task::{Scorer, TaskError, TaskSpec};

/// Control steps of an episode, physics steps of an episode, and rows of a recording, at most.
const MOST_STEPS: usize = 100_000_000;
const MOST_PHYSICS_STEPS: u64 = 10_000_000_000;
const MOST_ROWS: u64 = 1_000_000_000_000;

/// What one row of a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// A control step: all physics steps under one control, with the product of their Jacobians.
    #[default]
    Control,
    /// A physics step.
    Physics,
}

impl StepKind {
    /// Its name in files and settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Physics => "physics",
        }
    }
}

/// A validated job. Episode i depends on this, the model and i only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The task.
    pub task: TaskSpec,
    /// Who acts.
    pub policy: PolicySpec,
    /// Noise on top of what the policy does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explore: Option<Explore>,
    /// What computes the Jacobians.
    pub jacobian: EngineRequest,
    /// Solver settings, for stepping and Jacobians alike.
    pub solver: SolverMode,
    /// What a row is.
    pub step: StepKind,
    /// Number of episodes.
    pub episodes: u64,
    /// Control steps per episode (rows of a replay: at most so many).
    pub steps: usize,
    /// Whether an episode goes on when one of the task's conditions would end it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub past_done: bool,
    /// Seed of all random numbers.
    pub seed: u64,
    /// How hard to compress.
    pub compression: Effort,
    /// What is kept of the Jacobians.
    #[serde(default, skip_serializing_if = "Store::is_default")]
    pub store: Store,
}

impl Job {
    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// [`RecordError::Setting`] or [`RecordError::Policy`].
    pub fn validate(&self) -> Result<(), RecordError> {
        let refuse = |text: &str| Err(RecordError::Setting(text.to_owned()));
        if self.episodes == 0 {
            return refuse("episodes is 0; record at least one");
        }
        if self.episodes > 100_000_000 {
            return refuse("episodes is above 100 million; split the work into several files");
        }
        if self.steps == 0 {
            return refuse("steps is 0; record at least one step per episode");
        }
        // Those of a replay are at most what its file has.
        if !self.policy.is_replay() {
            self.check_sizes()?;
        }
        if self.jacobian.eps.is_some_and(|eps| !(eps.is_finite() && eps > 0.0 && eps < 1.0)) {
            return refuse("eps must be between 0 and 1; 1e-6 suits most models");
        }
        let other = match self.jacobian.engine {
            EngineChoice::TransitionFd => None,
            EngineChoice::Auto => Some("auto"),
            EngineChoice::Implicit => Some("implicit"),
            EngineChoice::WholeStep => Some("whole-step"),
        };
        let given =
            [("difference", self.jacobian.difference != Difference::Centered), ("eps", self.jacobian.eps.is_some())];
        for (setting, _) in given.iter().filter(|(_, given)| *given) {
            if let Some(engine) = other {
                return refuse(&format!(
                    "{setting} has no meaning for the engine {engine}: add --engine transition-fd, or leave it out"
                ));
            }
        }
        if self.store == Store::Masks && !self.jacobian.zero_test {
            return refuse(
                "store is \"masks\", which keeps what the zero test says and nothing else of the Jacobians, and the test is \
                 off: leave --no-zero-test out, or choose --store f32",
            );
        }
        if matches!(self.policy, PolicySpec::Log { .. }) && self.step == StepKind::Physics {
            return refuse(
                "step physics has no meaning for a log; substeps in its map says how many physics steps a row has",
            );
        }
        if let Some(explore) = &self.explore {
            if self.policy.is_replay() {
                return refuse(
                    "explore-scale has no meaning for a replay, which does what its file says; leave it out",
                );
            }
            explore.validate()?;
        }
        Ok(self.policy.validate()?)
    }

    fn check_sizes(&self) -> Result<(), RecordError> {
        if self.steps > MOST_STEPS {
            let text = "steps is above 100 million; record more episodes of fewer steps";
            return Err(RecordError::Setting(text.to_owned()));
        }
        let (steps, substeps) = (("steps", self.steps as u64), ("substeps", self.task.substeps as u64));
        bounded::product(&[steps, substeps], MOST_PHYSICS_STEPS, "physics steps an episode")
            .map_err(RecordError::Setting)?;
        let rows = ("rows an episode", self.rows_per_episode() as u64);
        bounded::product(&[("episodes", self.episodes), rows], MOST_ROWS, "rows of a file")
            .map_err(RecordError::Setting)
    }

    /// The reward and observation of its rows. A replay brings controls, not the actions that they came of, so what depends on
    /// earlier actions is left out there.
    ///
    /// # Errors
    /// As [`TaskSpec::scorer`].
    pub fn scorer(&self, model: &Model) -> Result<Option<Scorer>, TaskError> {
        let scorer = self.task.scorer(model)?;
        Ok(if self.policy.is_replay() { scorer.and_then(Scorer::without_actions) } else { scorer })
    }

    /// Rows of a whole episode.
    pub fn rows_per_episode(&self) -> usize {
        match self.step {
            StepKind::Physics if !self.policy.is_replay() => self.steps.saturating_mul(self.task.substeps),
            _ => self.steps,
        }
    }

    /// Physics steps per row.
    pub fn substeps_per_row(&self) -> usize {
        match self.step {
            StepKind::Control => self.task.substeps,
            StepKind::Physics => 1,
        }
    }
}
