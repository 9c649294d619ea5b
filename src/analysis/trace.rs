//! Q3: sparsity step by step, for chosen episodes.

use serde::Serialize;

/// One step of an episode.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TraceStep {
    /// Number of the step within the episode.
    pub step: usize,
    /// Share of the entries of A that are zero; None where the step does not count.
    pub sparsity_a: Option<f64>,
    /// Of B; None also in a model without controls.
    pub sparsity_b: Option<f64>,
    /// Share of the entries of A that are undecided.
    pub undecided_a: Option<f64>,
    /// Contacts.
    pub contacts: usize,
    /// Whether other geom pairs touch than in the step before.
    pub contact_event: bool,
}

/// An episode step by step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trace {
    /// Number of the episode.
    pub episode: i64,
    /// Seconds from one step to the next.
    pub step_duration: f64,
    /// Its steps.
    pub steps: Vec<TraceStep>,
}
