//! Many random models, and what came out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use super::judge::{Finding, FindingKind, Trial};
use super::{XmlElement, model, shrink, states};
use crate::physics::{Model, PhysicsError};

/// What is left of a model has this share of its error at least: else another fault has taken the first one's place.
const KEPT: f64 = 0.01;

/// What is judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RandomSettings {
    /// Seed of models and states.
    pub seed: u64,
    /// The number of the first model.
    pub first: u64,
    /// How many models.
    pub models: u64,
    /// How many failures to take apart, at most, and how many models with wrong flags.
    pub shrink: usize,
    /// How many times to try to make one smaller, at most.
    pub tries: usize,
}

impl Default for RandomSettings {
    fn default() -> Self {
        Self { seed: 0, first: 0, models: 300, shrink: 20, tries: 500 }
    }
}

/// Counts of one engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Models that got it.
    pub models: usize,
    /// States that it was judged at.
    pub states: usize,
    /// Those with a derivative.
    pub smooth: usize,
    /// Those without one, as engine and arbiter say.
    pub both: usize,
    /// Those without one as only the engine says.
    pub engine_only: usize,
    /// Those whose one-sided derivatives differ, as only the arbiter says.
    pub arbiter_only: usize,
    /// Those that the arbiter cannot tell about, as its differences do not settle.
    pub unsettled: usize,
    /// States whose C and D are judged, and entries of them that engine and arbiter both have a value of.
    pub sensed: [usize; 2],
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Failure {
    /// The number of the model.
    pub model: u64,
    /// The engine.
    pub engine: String,
    /// What is wrong.
    pub verdict: Finding,
    /// What the model has, or what is left of it where it was taken apart.
    pub features: BTreeSet<String>,
    /// What is left of the model; None where it was not taken apart.
    pub shrunk: Option<String>,
}

impl Failure {
    /// The way of failing and the features, on one line.
    pub fn cause(&self) -> String {
        let features = self.features.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        format!("{}, {}: {features}", self.engine, self.verdict.kind.label())
    }
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RandomReport {
    /// What was asked.
    pub settings: RandomSettings,
    /// Models that MuJoCo refuses, by what it says, without numbers.
    pub refused: BTreeMap<String, u64>,
    /// By engine.
    pub engines: BTreeMap<String, Tally>,
    /// Why models did not get the implicit engine, with how many.
    pub fallbacks: BTreeMap<String, u64>,
    /// Models that the engine itself does not take, by the reason.
    pub declined: BTreeMap<String, u64>,
    /// Models that fail or have wrong flags, by the way.
    pub failing: BTreeMap<FindingKind, u64>,
    /// Among the failing models and among all: how many have each feature, for the features that matter most.
    pub features: Vec<(String, u64, u64)>,
    /// The failures, one for each model and way.
    pub failures: Vec<Failure>,
    /// Flags that are missing or false, likewise.
    pub flags: Vec<Failure>,
}

/// Judges random models on the threads of the present rayon pool. The result does not depend on them.
pub fn check_random(settings: &RandomSettings) -> RandomReport {
    let trials: Vec<(u64, XmlElement, Trial)> = (settings.first..settings.first + settings.models)
        .into_par_iter()
        .map(|index| {
            let model = model(settings.seed, index);
            let trial = Trial::new(&model.text(), settings.seed, index, None);
            (index, model, trial)
        })
        .collect();
    let mut report = RandomReport {
        settings: settings.clone(),
        refused: BTreeMap::new(),
        engines: BTreeMap::new(),
        fallbacks: BTreeMap::new(),
        declined: BTreeMap::new(),
        failing: BTreeMap::new(),
        features: features(&trials),
        failures: Vec::new(),
        flags: Vec::new(),
    };
    for (index, model, trial) in &trials {
        report.count(*index, model, trial);
    }
    let models: BTreeMap<u64, &XmlElement> = trials.iter().map(|(index, model, _)| (*index, model)).collect();
    for list in [&mut report.failures, &mut report.flags] {
        list.par_iter_mut().take(settings.shrink).for_each(|failure| {
            *failure = taken_apart(settings, failure, models[&failure.model]);
        });
    }
    report
}

/// The failure of what is left of a model.
fn taken_apart(settings: &RandomSettings, failure: &Failure, model: &XmlElement) -> Failure {
    let (kind, state, least) = (failure.verdict.kind, failure.verdict.state, KEPT * failure.verdict.error);
    let trial = |e: &XmlElement| Trial::new(&e.text(), settings.seed, failure.model, Some(state));
    let same = |v: &&Finding| v.kind == kind && v.error >= least;
    let fails = |e: &XmlElement| {
        let trial = trial(e);
        trial.engine == failure.engine && trial.found.iter().any(|v| same(&v))
    };
    let small = shrink(model, settings.tries, fails);
    let verdict = trial(&small).found.into_iter().find(|v| same(&v)).unwrap_or_else(|| failure.verdict.clone());
    let features = small.features();
    let text = with_state(small, settings.seed, failure.model, state);
    Failure { verdict, features, shrunk: Some(text), ..failure.clone() }
}

/// The text of a model with the state as a keyframe, where it has one.
fn with_state(mut model: XmlElement, seed: u64, index: u64, number: usize) -> String {
    let plain = model.text();
    let key = || -> Result<Option<XmlElement>, PhysicsError> {
        let compiled = Arc::new(Model::from_text("random.xml", &plain)?);
        let Some(state) = states::state(&compiled, seed, index, number)? else { return Ok(None) };
        Ok(Some(states::keyframe(&compiled, &state)?))
    };
    if let Ok(Some(key)) = key() {
        model.section("keyframe").push(key);
    }
    model.text()
}

impl RandomReport {
    fn count(&mut self, index: u64, model: &XmlElement, trial: &Trial) {
        if let Some(reason) = &trial.refused {
            // Lines, names and numbers differ from model to model.
            let reason: String = reason.chars().filter(|c| !c.is_ascii_digit()).collect();
            *self.refused.entry(reason).or_default() += 1;
            return;
        }
        if let Some(reason) = &trial.fallback {
            *self.fallbacks.entry(reason.clone()).or_default() += 1;
        }
        if let Some(reason) = &trial.declined {
            *self.declined.entry(reason.clone()).or_default() += 1;
        }
        let tally = self.engines.entry(trial.engine.clone()).or_default();
        tally.models += 1;
        tally.states += trial.states;
        tally.smooth += trial.smooth;
        tally.both += trial.both;
        tally.engine_only += trial.engine_only;
        tally.arbiter_only += trial.arbiter_only;
        tally.unsettled += trial.unsettled;
        tally.sensed.iter_mut().zip(trial.sensed).for_each(|(sum, n)| *sum += n);
        const FAILURES: [FindingKind; 6] = [
            FindingKind::Value,
            FindingKind::FalseZero,
            FindingKind::Sensor,
            FindingKind::SensorZero,
            FindingKind::NotFinite,
            FindingKind::Error,
        ];
        for kind in FAILURES.into_iter().chain([FindingKind::MissingFlag, FindingKind::FalseFlag]) {
            let worst = trial.found.iter().filter(|v| v.kind == kind).max_by(|a, b| a.error.total_cmp(&b.error));
            if let Some(verdict) = worst {
                *self.failing.entry(kind).or_default() += 1;
                let list = if FAILURES.contains(&kind) { &mut self.failures } else { &mut self.flags };
                list.push(Failure {
                    model: index,
                    engine: trial.engine.clone(),
                    verdict: verdict.clone(),
                    features: model.features(),
                    shrunk: None,
                });
            }
        }
    }
}

/// Features by how much more often failing models have them, with the counts among failing and all models.
fn features(trials: &[(u64, XmlElement, Trial)]) -> Vec<(String, u64, u64)> {
    const LISTED: usize = 30;
    let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (_, model, trial) in trials.iter().filter(|(_, _, t)| t.refused.is_none()) {
        for feature in model.features() {
            let count = counts.entry(feature).or_default();
            count.0 += u64::from(
                trial.found.iter().any(|v| !matches!(v.kind, FindingKind::MissingFlag | FindingKind::FalseFlag)),
            );
            count.1 += 1;
        }
    }
    let mut out: Vec<_> = counts.into_iter().filter(|(_, (failing, _))| *failing > 0).collect();
    // The share of failing models, drawn towards none where there are few.
    let share = |(failing, all): (u64, u64)| failing as f64 / (all as f64 + 3.0);
    out.sort_by(|a, b| share(b.1).total_cmp(&share(a.1)).then_with(|| a.0.cmp(&b.0)));
    out.into_iter().take(LISTED).map(|(name, (failing, all))| (name, failing, all)).collect()
}
