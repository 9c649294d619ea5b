//! The settings of a planner. They are data here; the room `planner` turns them into controls.

use serde::{Deserialize, Serialize};

/// How a plan is improved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PlanMethod {
    /// The best of all samples (predictive sampling)
    Sampling,
    /// The mean of all samples, weighted by the exponential of their return
    Mppi,
    /// The mean of the best samples (cross-entropy method)
    Cem,
}

/// What the controls are between the points of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Spline {
    /// Those of the last point
    Zero,
    /// On a straight line
    Linear,
}

macro_rules! plan_spec {
    ($( $(#[$doc:meta])* $field:ident: $type:ty, )*) => {
        /// Settings of a planner. What is None is the task's own; a job has none left that its method uses.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct PlanSpec { $(
            $(#[$doc])*
            #[serde(skip_serializing_if = "Option::is_none")]
            pub $field: Option<$type>,
        )* }

        impl PlanSpec {
            /// These settings, with those of `other` where these say nothing.
            pub fn or(self, other: Self) -> Self {
                Self { $( $field: self.$field.or(other.$field), )* }
            }

            /// The settings that are given: name and value.
            pub fn given(&self) -> Vec<(&'static str, String)> {
                let mut given = Vec::new();
                $( if let Some(value) = &self.$field {
                    given.push((stringify!($field), word(value)));
                } )*
                given
            }
        }
    };
}

plan_spec! {
    /// How a plan is improved.
    method: PlanMethod,
    /// Actions that a plan looks ahead.
    horizon: usize,
    /// Plans that are tried in an iteration, the last one's plan among them.
    samples: usize,
    /// Iterations before every action.
    iterations: usize,
    /// Actions from one point of the spline to the next.
    spacing: usize,
    /// What lies between the points.
    spline: Spline,
    /// Standard deviation of the samples' points, half control ranges.
    noise: f64,
    /// Scales of the noise: sample i has `noise` / 2^(i mod levels).
    levels: usize,
    /// Of cem: how many samples make the mean.
    elites: usize,
    /// Of mppi: how fast weights fall, in differences between the best return and the mean.
    temperature: f64,
}

/// A value as the command line takes it.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(value) => value.to_string(),
        Err(_) => String::new(),
    }
}
