//! What is asked of a task, before the task is loaded.

use serde::{Deserialize, Serialize};

use super::{Job, StepKind};
use crate::dataset::{Effort, Store};
use crate::jacobian::{EngineChoice, EngineRequest};
use crate::physics::SolverMode;
use crate::planner;
use crate::policy::{Explore, PolicySpec};
use crate::task::{Changes, Task};

/// A [`Job`] without its task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordSettings {
    /// Who acts.
    pub policy: PolicySpec,
    /// Noise on top of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explore: Option<Explore>,
    /// What computes the Jacobians.
    pub jacobian: EngineRequest,
    /// Solver settings, for stepping and Jacobians alike.
    pub solver: SolverMode,
    /// What a row is.
    pub step: StepKind,
    /// Number of episodes; None: 10, or all of a replay.
    pub episodes: Option<u64>,
    /// Control steps per episode; None: the task's, or all of a replay.
    pub steps: Option<usize>,
    /// Whether an episode is recorded on where the task would end it.
    pub past_done: bool,
    /// Seed of all random numbers.
    pub seed: u64,
    /// How hard to compress.
    pub compression: Effort,
    /// What is kept of the Jacobians.
    #[serde(default, skip_serializing_if = "Store::is_default")]
    pub store: Store,
    /// What is changed in the model.
    #[serde(default, skip_serializing_if = "Changes::is_empty")]
    pub changes: Changes,
}

impl RecordSettings {
    /// The job for a task, to which [`RecordSettings::changes`] were applied.
    pub fn job(&self, task: &Task) -> Job {
        let replay = self.policy.is_replay();
        Job {
            task: task.spec.clone(),
            // The numbers of today's table go into the job, so that a later table changes no old recording.
            policy: match &self.policy {
                PolicySpec::Expert { plan } => {
                    PolicySpec::Expert { plan: planner::resolve_plan(plan, &task.spec.name) }
                }
                other => other.clone(),
            },
            explore: self.explore,
            jacobian: self.jacobian.clone().plain(),
            solver: self.solver,
            step: self.step,
            // A replay lowers both to what its file holds.
            episodes: self.episodes.unwrap_or(if replay { 100_000_000 } else { 10 }),
            steps: self.steps.unwrap_or(if replay { usize::MAX } else { task.spec.episode_length }),
            past_done: self.past_done,
            seed: self.seed,
            compression: self.compression,
            store: self.store,
        }
    }
}

/// The command that makes a job's recording: everything that decides its content and nothing else, so that
/// it does not vary with threads, shards, folders, or defaults that somebody spelled out. `task` is how the
/// command line names the task, `more` are flags and values that a task from a file needs.
pub fn command(job: &Job, task: &str, more: &[(&str, String)]) -> String {
    let mut out = vec!["dynsparse record".to_owned(), in_quotes(task)];
    let mut put = |flag: &str, value: &str| out.push(format!("--{flag} {}", in_quotes(value)));
    put("episodes", &job.episodes.to_string());
    put("steps", &job.steps.to_string());
    put("seed", &job.seed.to_string());
    match &job.policy {
        PolicySpec::Zero => put("policy", "zero"),
        PolicySpec::Uniform => put("policy", "uniform"),
        PolicySpec::Gaussian { scale } => {
            put("policy", "gaussian");
            put("scale", &scale.to_string());
        }
        PolicySpec::Colored { beta, scale } => {
            put("policy", "colored");
            put("beta", &beta.to_string());
            put("scale", &scale.to_string());
        }
        PolicySpec::Sinusoid { frequency, amplitude } => {
            put("policy", "sinusoid");
            put("frequency", &frequency.to_string());
            put("amplitude", &amplitude.to_string());
        }
        PolicySpec::Expert { plan } => {
            put("policy", "expert");
            for (field, value) in plan.given() {
                put(if field == "method" { "planner" } else { field }, &value);
            }
        }
        PolicySpec::Onnx { file, .. } => put("onnx-file", &file.display().to_string()),
        PolicySpec::Replay { file, with, .. } => {
            put("replay", &file.display().to_string());
            put("replay-with", &name(*with));
        }
        PolicySpec::Log { file, .. } => {
            put("log", &file.display().to_string());
        }
    }
    if let Some(explore) = &job.explore {
        put("explore-beta", &explore.beta.to_string());
        put("explore-scale", &explore.scale.to_string());
    }
    let engine = EngineRequest::default();
    if job.jacobian.engine != EngineChoice::default() {
        put("engine", &name(job.jacobian.engine));
    }
    if let Some(eps) = job.jacobian.eps {
        put("eps", &format!("{eps:e}"));
    }
    if job.jacobian.difference != engine.difference {
        put("difference", &name(job.jacobian.difference));
    }
    if job.step != StepKind::default() {
        put("step", &name(job.step));
    }
    if job.solver != SolverMode::default() {
        put("solver", &name(job.solver));
    }
    if job.compression != Effort::default() {
        put("compression", &name(job.compression));
    }
    if !job.store.is_default() {
        put("store", &name(job.store));
    }
    for (flag, value) in more {
        put(flag, value);
    }
    if job.past_done {
        out.push("--past-done".to_owned());
    }
    if job.jacobian.sensors {
        out.push("--sensors".to_owned());
    }
    if !job.jacobian.zero_test {
        out.push("--no-zero-test".to_owned());
    }
    out.join(" ")
}

/// The name that the command line and settings files use.
fn name(value: impl clap::ValueEnum) -> String {
    value.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
}

/// A word for a shell, in quotes where it needs them.
pub fn in_quotes(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+,:=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
