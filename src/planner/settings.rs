//! Settings of a planner for a task: what is asked, then what the task is known to need, then the default.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::PlanError;
use crate::bounded;
use crate::policy::{Guide, PlanMethod, PlanSpec, Spline};

/// The file of `assets`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    default: PlanSpec,
    task: BTreeMap<String, PlanSpec>,
}

// Part of the program, not of its input; a test parses it and checks every entry.
static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("../../assets/experts.toml")).expect("assets/experts.toml is valid"));

/// Bounds of whole numbers: beyond them a plan takes minutes an action.
const MOST: [(&str, usize); 8] = [
    ("coarse", 10_000),
    ("horizon", 10_000),
    ("samples", 100_000),
    ("iterations", 1000),
    ("spacing", 10_000),
    ("levels", 32),
    ("elites", 100_000),
    ("tries", 60),
];

/// Steps of rollouts before an action, at most.
const MOST_STEPS: u64 = 100_000_000;

/// The settings for a task: those asked for, then those that suit the task. Settings that the method does not
/// use are left out, unless they were asked for.
pub fn resolve_plan(asked: &PlanSpec, task: &str) -> PlanSpec {
    let own = TABLE.task.get(task).cloned().unwrap_or_default();
    let all = asked.clone().or(own).or(TABLE.default.clone());
    match all.method {
        Some(method) => all.suited(method, asked),
        None => all,
    }
}

/// Checked settings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlanSettings {
    pub(super) horizon: usize,
    pub(super) iterations: usize,
    pub(super) coarse: usize,
    pub(super) guides: Vec<Guide>,
    pub(super) search: Search,
}

/// How a plan is improved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Search {
    /// By samples.
    Samples(Sampling),
    /// By steps along Jacobians, from the best sample where there are any.
    Jacobians(Newton, Option<Sampling>),
}

impl Search {
    /// Rollouts of an iteration, and those of a line search.
    fn samples(&self) -> usize {
        match self {
            Self::Samples(s) | Self::Jacobians(_, Some(s)) => s.samples,
            Self::Jacobians(_, None) => 1,
        }
    }

    fn tries(&self) -> usize {
        if let Self::Jacobians(newton, _) = self { newton.tries } else { 1 }
    }
}

/// How plans are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampling {
    pub(super) samples: usize,
    pub(super) spacing: usize,
    pub(super) spline: Spline,
    /// Half control ranges.
    pub(super) noise: f64,
    pub(super) levels: usize,
    pub(super) update: Update,
}

impl Sampling {
    /// The share of the noise that sample `i` gets; the first one is the plan itself.
    pub(super) fn scale(&self, i: usize) -> f64 {
        if i == 0 { 0.0 } else { libm::exp2(-(((i - 1) % self.levels) as f64)) }
    }
}

/// How samples become the next plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Update {
    Best,
    Weighted { temperature: f64 },
    Elites(usize),
}

/// How far a step along Jacobians goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Newton {
    /// Step sizes of a line search.
    pub(super) tries: usize,
    /// What a control at the end of its range costs, rewards.
    pub(super) effort: f64,
}

impl PlanSettings {
    /// # Errors
    /// [`PlanError::Setting`].
    pub(super) fn new(spec: &PlanSpec) -> Result<Self, PlanError> {
        let method = spec.method.ok_or_else(|| missing("method"))?;
        if let Some((field, _)) = spec.given().into_iter().find(|(field, _)| !method.uses(field)) {
            return Err(wrong(field, "given".to_owned(), "it has no meaning for this --planner; leave it out"));
        }
        let search = match method {
            PlanMethod::Ilqg => Search::Jacobians(newton(spec)?, None),
            PlanMethod::Ilqs => Search::Jacobians(newton(spec)?, Some(sampling(spec, method)?)),
            _ => Search::Samples(sampling(spec, method)?),
        };
        let (horizon, iterations) = (whole("horizon", spec.horizon, 1)?, whole("iterations", spec.iterations, 1)?);
        for (name, tries) in [("samples", search.samples()), ("tries", search.tries())] {
            let factors = [("horizon", horizon), ("iterations", iterations), (name, tries)].map(|(n, x)| (n, x as u64));
            bounded::product(&factors, MOST_STEPS, "steps of rollouts an action")
                .map_err(|text| PlanError::Setting { field: "plan", value: "too large".to_owned(), fix: text })?;
        }
        Ok(Self {
            horizon,
            iterations,
            coarse: whole("coarse", spec.coarse, 1)?,
            guides: spec.guide.clone().unwrap_or_default(),
            search,
        })
    }
}

fn newton(spec: &PlanSpec) -> Result<Newton, PlanError> {
    Ok(Newton { tries: whole("tries", spec.tries, 1)?, effort: positive("effort", spec.effort, "of rewards")? })
}

fn sampling(spec: &PlanSpec, method: PlanMethod) -> Result<Sampling, PlanError> {
    let samples = whole("samples", spec.samples, 2)?;
    let update = match method {
        PlanMethod::Mppi => Update::Weighted { temperature: positive("temperature", spec.temperature, "such as 0.3")? },
        PlanMethod::Cem => {
            let elites = whole("elites", spec.elites, 1)?;
            if elites > samples {
                let fix = format!("there are {samples} samples; give at most as many");
                return Err(wrong("elites", elites.to_string(), &fix));
            }
            Update::Elites(elites)
        }
        PlanMethod::Sampling | PlanMethod::Ilqg | PlanMethod::Ilqs => Update::Best,
    };
    Ok(Sampling {
        samples,
        spacing: whole("spacing", spec.spacing, 1)?,
        spline: spec.spline.ok_or_else(|| missing("spline"))?,
        noise: positive("noise", spec.noise, "of half ranges")?,
        levels: whole("levels", spec.levels, 1)?,
        update,
    })
}

fn wrong(field: &'static str, value: String, fix: &str) -> PlanError {
    PlanError::Setting { field, value, fix: fix.to_owned() }
}

fn missing(field: &'static str) -> PlanError {
    wrong(field, "missing".to_owned(), "give it, or record with a task")
}

fn positive(field: &'static str, value: Option<f64>, unit: &str) -> Result<f64, PlanError> {
    match value {
        Some(x) if x.is_finite() && x > 0.0 => Ok(x),
        Some(x) => Err(wrong(field, x.to_string(), &format!("give a finite number {unit}, above 0"))),
        None => Err(missing(field)),
    }
}

/// A number between `least` and the most of [`MOST`].
fn whole(field: &'static str, value: Option<usize>, least: usize) -> Result<usize, PlanError> {
    let most = MOST.iter().find(|(name, _)| *name == field).map_or(usize::MAX, |(_, most)| *most);
    match value {
        Some(n) if (least..=most).contains(&n) => Ok(n),
        other => Err(PlanError::Setting {
            field,
            value: other.map_or_else(|| "missing".to_owned(), |n| n.to_string()),
            fix: format!("give a whole number from {least} to {most}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_the_table_is_a_task_with_a_reward_and_sound() {
        let tasks: Vec<_> = crate::task::catalogue().collect();
        for name in TABLE.task.keys() {
            assert!(tasks.iter().any(|t| t.name == *name), "{name}");
        }
        for task in tasks {
            let spec = resolve_plan(&PlanSpec::default(), &task.name);
            PlanSettings::new(&spec).unwrap_or_else(|e| panic!("{}: {e}", task.name));
        }
    }

    #[test]
    fn bad_settings_are_named() {
        let refused = |asked: PlanSpec| PlanSettings::new(&resolve_plan(&asked, "BallInCup")).unwrap_err().to_string();
        let none = PlanSpec::default();
        let text = refused(PlanSpec { horizon: Some(0), ..none.clone() });
        assert_eq!(text, "policy expert: horizon is 0: give a whole number from 1 to 10000");
        assert!(refused(PlanSpec { samples: Some(1), ..none.clone() }).contains("samples is 1"));
        let text = refused(PlanSpec { horizon: Some(10_000), samples: Some(100_000), ..none.clone() });
        assert!(text.contains("horizon 10000 x") && text.contains("lower one of them"), "{text}");
        assert!(refused(PlanSpec { noise: Some(f64::NAN), ..none.clone() }).contains("noise is NaN"));
        let cem = PlanSpec { method: Some(PlanMethod::Cem), samples: Some(8), ..none.clone() };
        assert!(refused(PlanSpec { elites: Some(9), ..cem.clone() }).contains("elites is 9"));
        assert!(refused(PlanSpec { temperature: Some(1.0), ..cem }).contains("temperature is given"));
        let ilqg = PlanSpec { method: Some(PlanMethod::Ilqg), ..none };
        assert!(refused(PlanSpec { samples: Some(8), ..ilqg.clone() }).contains("samples is given"));
        assert!(refused(PlanSpec { effort: Some(0.0), ..ilqg }).contains("effort is 0"));
    }
}
