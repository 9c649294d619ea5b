//! The check of a model that nobody has prepared for it: the engine that it gets, how that engine does at some states, and
//! what it costs. `cargo xtask corpus` asks this of every public model, a process each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{CheckError, CheckReport, CheckSettings, Flags, Judge, SampledState, StateOutcome, name, report, states};
use crate::jacobian::{Arbiter, EngineRequest, EngineSpec, Jacobian};
use crate::physics::{Model, PhysicsError, Sim, SolverMode, mujoco_version};
use crate::task::Task;

/// One-sided derivatives that are apart by more than this share of the largest entry of A make a kink, as for the arbiter.
const KINK: f64 = 1e-7;

/// Control steps of an episode at most: what is rare is not looked for, and a rollout is to cost less than the judging.
const STEPS: usize = 100;

/// States at which the cost is measured.
const TIMED: usize = 5;

/// The nudge of the mjd_transitionFD that an engine's cost is held against.
const EPS: f64 = 1e-6;

/// What is known of a model before anything is computed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// Its name.
    pub model: String,
    /// sha256 of the compiled model: equal models in two files have one.
    pub sha256: String,
    /// MuJoCo's version.
    pub mujoco: String,
    /// Position coordinates.
    pub nq: usize,
    /// Degrees of freedom.
    pub nv: usize,
    /// Activations.
    pub na: usize,
    /// Controls.
    pub nu: usize,
    /// Physics step, s.
    pub timestep: f64,
    /// The integrator.
    pub integrator: &'static str,
    /// The friction cone.
    pub cone: &'static str,
    /// The engine that `auto` means for it.
    pub engine: String,
    /// Why that is not the implicit one.
    pub fallback: Option<String>,
}

/// How a model's engine does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Survey {
    /// Why its states cannot be differentiated or judged; the rest is empty then.
    pub refused: Option<String>,
    /// The check's report of the one engine, over the states that were judged.
    pub report: Option<CheckReport>,
    /// What the states are that only the engine flags.
    pub alarms: Alarms,
    /// States that the arbiter flags because one-sided derivatives differ; its other ones are those whose differences do not
    /// settle.
    pub kinks: usize,
    /// What a step and its Jacobian cost.
    pub cost: Option<Cost>,
}

/// States that only the engine flags.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Alarms {
    /// By what the engine says.
    pub by: Flags,
    /// The largest difference of one-sided derivatives among them, as a share of the largest entry of A.
    pub kink: f64,
}

/// Median times of one call, us.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// `mj_step`.
    pub step_us: f64,
    /// The engine, with its zero test.
    pub jacobian_us: f64,
    /// Centred mjd_transitionFD, without any.
    pub transition_fd_us: Option<f64>,
}

/// Loads the model of a task and says what it is.
///
/// # Errors
/// [`CheckError`] where it cannot be loaded, and for a model without a degree of freedom.
pub fn facts(task: &Task, settings: &CheckSettings) -> Result<(Facts, EngineSpec), CheckError> {
    let model = task.model(settings.solver)?;
    if model.nv() == 0 {
        let text = format!("{}: the model has no degree of freedom; give a body a joint", model.file());
        return Err(CheckError::Setting(text));
    }
    let resolved = EngineRequest::default().resolve(&model);
    let facts = Facts {
        model: task.spec.name.clone(),
        sha256: model.digest()?.mjb.sha256,
        mujoco: mujoco_version(),
        nq: model.nq(),
        nv: model.nv(),
        na: model.na(),
        nu: model.nu(),
        timestep: model.timestep(),
        integrator: model.integrator(),
        cone: model.cone(),
        engine: name(&resolved.spec),
        fallback: resolved.fallback,
    };
    Ok((facts, resolved.spec))
}

/// Judges `engine` on a task, on one thread. States at even distances are taken, from the first of each episode on, and
/// judged until `limit` has passed, but at least one of them: so the slower the machine, the fewer states of large models.
///
/// # Errors
/// [`CheckError`] for settings without meaning. A model that cannot be stepped or differentiated is no error: the result
/// says why.
pub fn survey(
    task: &Task,
    settings: &CheckSettings,
    engine: &EngineSpec,
    limit: Duration,
) -> Result<Survey, CheckError> {
    let settings = CheckSettings { engines: vec![engine.clone()], ..settings.clone() };
    settings.validate()?;
    let mut task = task.clone();
    task.spec.episode_length = task.spec.episode_length.min(STEPS);
    match judge(&task, &settings, limit) {
        Ok(survey) => Ok(survey),
        Err(error @ (CheckError::Physics(_) | CheckError::NoState { .. })) => Ok(Survey {
            refused: Some(error.to_string()),
            report: None,
            alarms: Alarms::default(),
            kinks: 0,
            cost: None,
        }),
        Err(other) => Err(other),
    }
}

fn judge(task: &Task, settings: &CheckSettings, limit: Duration) -> Result<Survey, CheckError> {
    let model = Arc::new(task.model(settings.solver)?);
    let mut strict = task.model(SolverMode::Converged)?;
    strict.set_solver(Arbiter::SOLVER);
    let mut judge = Judge::new(&model, &Arc::new(strict), &settings.engines)?;
    let all = states::sample(task, &model, settings, states::Choice::Even)?;

    // Every other state first, so that the limit thins them out rather than cutting the end off.
    let (even, odd): (Vec<_>, Vec<_>) = all.into_iter().enumerate().partition(|(i, _)| i % 2 == 0);
    let begun = Instant::now();
    let (mut places, mut outcomes): (Vec<SampledState>, Vec<StateOutcome>) = Default::default();
    for (_, place) in even.into_iter().chain(odd) {
        if !places.is_empty() && begun.elapsed() > limit {
            break;
        }
        outcomes.push(judge.state(&place.state)?);
        places.push(place);
    }
    let mut alarms = Alarms::default();
    for outcome in outcomes.iter().filter(|o| o.arbiter.is_none() && !o.counts(0)) {
        if let Some(said) = outcome.engines.first() {
            alarms.by.take(said);
            alarms.kink = alarms.kink.max(outcome.kink);
        }
    }
    let kinks = outcomes.iter().filter(|o| o.kink > KINK).count();
    let spec = &settings.engines[0];
    let timed: Vec<&[f64]> = places.iter().take(TIMED).map(|p| &p.state[..]).collect();
    let cost = cost(&model, spec, &timed)?;
    let report = report::report(&model, task, settings, &settings.engines, Vec::new(), &places, outcomes);
    Ok(Survey { refused: None, report: Some(report), alarms, kinks, cost: Some(cost) })
}

/// Median times at some states.
fn cost(model: &Arc<Model>, spec: &EngineSpec, states: &[&[f64]]) -> Result<Cost, PhysicsError> {
    let mut engine = spec.build(model)?;
    let mut out = Jacobian::zeros(model, false);
    let step_us = median(model, states, |sim| sim.step())?;
    let jacobian_us = median(model, states, |sim| engine.jacobian(sim, &mut out))?;
    let differences = median(model, states, |sim| sim.transition_fd(EPS, true, &mut out.a, &mut out.b, None));
    Ok(Cost { step_us, jacobian_us, transition_fd_us: differences.ok() })
}

/// The median time of a call, us, in a simulation of its own.
fn median(
    model: &Arc<Model>,
    states: &[&[f64]],
    mut call: impl FnMut(&mut Sim) -> Result<(), PhysicsError>,
) -> Result<f64, PhysicsError> {
    let mut sim = Sim::new(model)?;
    let mut times = Vec::with_capacity(states.len());
    for (i, state) in states.iter().enumerate() {
        if i == 0 {
            // The first call brings memory in.
            sim.set_state(state)?;
            call(&mut sim)?;
        }
        sim.set_state(state)?;
        let begun = Instant::now();
        call(&mut sim)?;
        times.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok(times.get(times.len() / 2).copied().unwrap_or(f64::NAN))
}
