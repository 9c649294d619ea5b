//! What can keep a planner from planning.

use crate::physics::PhysicsError;
use crate::policy::PolicyError;
use crate::task::TaskError;

/// An error of the planner.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// There is nothing to plan for.
    #[error(
        "{task}: the task has no reward, so the policy expert has nothing to plan for; choose a task of {}, or another --policy",
        "`dynsparse tasks`"
    )]
    NoReward {
        /// The task.
        task: String,
    },
    /// The task has rules that a rollout of the planner does not follow.
    #[error("{task}: the policy expert cannot plan with {what}; choose another --planner or --policy")]
    Rules {
        /// The task.
        task: String,
        /// The rules.
        what: &'static str,
    },
    /// A setting outside its bounds.
    #[error("policy expert: {field} is {value}: {fix}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What to do.
        fix: String,
    },
    /// Every plan that was tried leads to a state that is not finite.
    #[error("the planner found no plan whose simulation stays finite")]
    Diverged,
    /// From the ranges of the controls.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// From the task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// From MuJoCo.
    #[error(transparent)]
    Physics(#[from] PhysicsError),
}
