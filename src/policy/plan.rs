//! The settings of a planner. They are data here; the room `planner` turns them into controls.

use std::str::FromStr;

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
    /// Newton steps along the dynamics' own Jacobians (iterative LQG)
    Ilqg,
    /// The best of all samples, then ilqg from there
    Ilqs,
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

            /// These settings, without those that `method` does not use and that are not asked for in `asked` either.
            pub fn suited(self, method: PlanMethod, asked: &Self) -> Self {
                Self { $( $field: self.$field.filter(|_| method.uses(stringify!($field)) || asked.$field.is_some()), )* }
            }

            /// The settings that are given: name and value, as the command line takes them.
            pub fn given(&self) -> Vec<(&'static str, String)> {
                let mut given = Vec::new();
                $( if let Some(value) = &self.$field {
                    given.extend(words(value).into_iter().map(|word| (stringify!($field), word)));
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
    #[serde(with = "crate::number")]
    noise: f64,
    /// Scales of the noise: sample i has `noise` / 2^(i mod levels).
    levels: usize,
    /// Physics steps that one of the planner's takes at once: its model's time step is that much longer.
    coarse: usize,
    /// What is worth something besides the reward.
    guide: Vec<Guide>,
    /// Of cem: how many samples make the mean.
    elites: usize,
    /// Of mppi: how fast weights fall, in differences between the best return and the mean.
    #[serde(with = "crate::number")]
    temperature: f64,
    /// Of ilqg and ilqs: step sizes that a line search tries, each half of the one before.
    tries: usize,
    /// Of ilqg and ilqs: what a control at the end of its range costs in a step, rewards.
    #[serde(with = "crate::number")]
    effort: f64,
}

impl PlanMethod {
    /// Whether plans are drawn at random.
    pub fn samples(self) -> bool {
        self != Self::Ilqg
    }

    /// Whether a setting of this name has a meaning.
    pub fn uses(self, field: &str) -> bool {
        match field {
            "samples" | "spacing" | "spline" | "noise" | "levels" => self.samples(),
            "elites" => self == Self::Cem,
            "temperature" => self == Self::Mppi,
            "tries" | "effort" => self.differentiates(),
            _ => true,
        }
    }

    /// Whether plans follow Jacobians.
    pub fn differentiates(self) -> bool {
        matches!(self, Self::Ilqg | Self::Ilqs)
    }
}

/// A value as the command line takes it; of a list, its elements.
fn words(value: &impl Serialize) -> Vec<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::Array(values)) => values.iter().flat_map(words).collect(),
        Ok(serde_json::Value::String(text)) => vec![text],
        Ok(value) => vec![value.to_string()],
        Err(_) => Vec::new(),
    }
}

/// A hint for plans where the reward alone shows no way: `weight / (1 + ((x - target) / width)^2)` is added to the
/// reward of a step, with x an entry of the observation, a position or a velocity. As text `ENTRY,TARGET,WIDTH,WEIGHT`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Guide {
    /// Label of the entry of the observation, or `qpos:` or `qvel:` with the model's name.
    pub entry: String,
    /// The value that is worth most, in the entry's units.
    pub target: f64,
    /// How far from it half of that is left, in the same units; above 0.
    pub width: f64,
    /// What it is worth, in rewards.
    pub weight: f64,
}

impl Guide {
    /// What the value `x` of the entry is worth.
    pub fn of(&self, x: f64) -> f64 {
        let far = (x - self.target) / self.width;
        self.weight / (1.0 + far * far)
    }
}

impl FromStr for Guide {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // From the right: a label may hold commas.
        let mut parts = text.rsplitn(4, ',');
        let mut number = || parts.next().and_then(|p| p.trim().parse().ok()).filter(|x: &f64| x.is_finite());
        let (weight, width, target) = (number(), number(), number());
        match (parts.next(), target, width, weight) {
            (Some(entry), Some(target), Some(width), Some(weight)) if width > 0.0 && !entry.is_empty() => {
                Ok(Self { entry: entry.to_owned(), target, width, weight })
            }
            _ => Err(format!("\"{text}\" is no guide: give ENTRY,TARGET,WIDTH,WEIGHT with a width above 0")),
        }
    }
}

impl TryFrom<String> for Guide {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Guide> for String {
    fn from(guide: Guide) -> Self {
        format!("{},{},{},{}", guide.entry, guide.target, guide.width, guide.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guide_is_its_text() {
        let guide: Guide = "xmat:pole[2,2],1,0.5,0.25".parse().unwrap();
        assert_eq!((guide.entry.as_str(), guide.target, guide.width, guide.weight), ("xmat:pole[2,2]", 1.0, 0.5, 0.25));
        assert_eq!(String::from(guide.clone()), "xmat:pole[2,2],1,0.5,0.25");
        assert_eq!([guide.of(1.0), guide.of(0.5), guide.of(1.5)], [0.25, 0.125, 0.125]);
        for bad in ["", "x", "x,1,1", "x,1,0,1", "x,1,-1,1", "x,NaN,1,1", "x,1,1,inf", ",1,1,1"] {
            assert!(bad.parse::<Guide>().unwrap_err().contains("ENTRY,TARGET,WIDTH,WEIGHT"), "{bad}");
        }
    }
}
