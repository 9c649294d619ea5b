//! What keeps a task from being checked.

use crate::physics::PhysicsError;
use crate::policy::PolicyError;
use crate::task::TaskError;

/// An error of the check.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A setting without meaning.
    #[error("{0}")]
    Setting(String),
    /// The task cannot be used.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The policy cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// MuJoCo cannot step or difference the model.
    #[error(transparent)]
    Physics(#[from] PhysicsError),
    /// No episode gave a state.
    #[error("{task}: no episode gives a state: {reason}")]
    NoState {
        /// The task.
        task: String,
        /// Why the first one ended.
        reason: String,
    },
}
