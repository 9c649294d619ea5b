//! One random model: the engine that it gets against the arbiter, at a few states; A and B, and C and D of its sensors.

use std::sync::Arc;

use serde::Serialize;

use super::states::{STATES, state};
use crate::check::{EngineOutcome, Judge, StateOutcome};
use crate::jacobian::{Arbiter, EngineRequest, Entry, Jacobian, ZeroVerdict};
use crate::physics::{Model, PhysicsError, Sim, Solver};

/// An error beyond this share of the largest entry of A is a failure, where it is that many times the arbiter's own too.
const WRONG: f64 = 1e-6;
const SURE: f64 = 10.0;

/// A value beyond this share of the largest entry of A is not zero.
const ZERO: f64 = 1e-10;

/// The same where even the arbiter's solver leaves something behind, in dofs that nothing leads to too.
const REST: f64 = 1e-6;

/// An error of C and D beyond this share of the largest entry of their sensor is a failure, where it is `SURE` times the
/// arbiter's own too: a sensor may show a small difference of large forces. Errors up to `LEAST` are rounding.
const SENSED: f64 = 1e-5;
const LEAST: f64 = 1e-10;

/// What the last digits of A leave of accelerations, as a share of its largest entry over a step: forces that cancel in a
/// sensor show it.
const DIGITS: f64 = 1e-10;

/// A value of C or D beyond this share of the largest entry of its sensor, or of 1, is not zero: distances are found by an
/// iteration.
const SENSED_ZERO: f64 = 1e-9;

/// In which way an engine fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// An entry is wrong.
    Value,
    /// An entry is called zero that is not.
    FalseZero,
    /// An entry of C or D is wrong, as a share of the largest of its sensor.
    Sensor,
    /// An entry of C or D is called zero that is not.
    SensorZero,
    /// An entry is not a number.
    NotFinite,
    /// The engine ends with an error.
    Error,
    /// One-sided derivatives differ, and the engine does not say so.
    MissingFlag,
    /// The engine says that there is no derivative, and the arbiter sees one.
    FalseFlag,
}

impl FindingKind {
    /// As in a report.
    pub fn label(self) -> &'static str {
        match self {
            Self::Value => "wrong value",
            Self::FalseZero => "false zero",
            Self::Sensor => "wrong sensor",
            Self::SensorZero => "false zero of a sensor",
            Self::NotFinite => "not a number",
            Self::Error => "error",
            Self::MissingFlag => "missing flag",
            Self::FalseFlag => "false flag",
        }
    }
}

/// A failure at a state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Which of the states.
    pub state: usize,
    /// In which way.
    pub kind: FindingKind,
    /// What is wrong, as a share of the largest entry of A; of [`FindingKind::Error`] 0.
    pub error: f64,
    /// The labels of row and column of the worst entry.
    pub entry: [String; 2],
    /// The arbiter's value, its error, the engine's value.
    pub values: [f64; 3],
    /// The error's text.
    pub text: String,
}

/// What came out of one model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trial {
    /// Why MuJoCo does not take the model, or it has nothing to differentiate.
    pub refused: Option<String>,
    /// The engine.
    pub engine: String,
    /// Why it is not the implicit one.
    pub fallback: Option<String>,
    /// States judged.
    pub states: usize,
    /// Those with a derivative, by both.
    pub smooth: usize,
    /// Those without, by both.
    pub both: usize,
    /// States where only the engine says that there is no derivative.
    pub engine_only: usize,
    /// States where only the arbiter says that one-sided derivatives differ.
    pub arbiter_only: usize,
    /// States that the arbiter cannot tell about, as its differences do not settle, where the engine says nothing.
    pub unsettled: usize,
    /// States whose C and D are judged, and entries of them with a known value.
    pub sensed: [usize; 2],
    /// Why the engine does not take a state, in MuJoCo's words: a refusal by name, no failure.
    pub declined: Option<String>,
    /// The failures, and what is wrong with flags.
    pub found: Vec<Finding>,
}

/// The largest entry that the engine calls zero and the arbiter does not, with the arbiter's value, where it counts.
fn missed(model: &Model, outcome: &StateOutcome) -> Option<(Entry, f64)> {
    let zeros = outcome.engines.first()?.zeros.as_ref()?;
    let least = if model.needs_cg() { REST } else { ZERO };
    zeros.missed.map(|at| (at, zeros.largest_missed)).filter(|(_, value)| *value > least * outcome.scale)
}

impl Trial {
    /// Judges a model at all of its states, or at one.
    pub fn new(mjcf: &str, seed: u64, index: u64, only: Option<usize>) -> Self {
        let mut out = Self::default();
        if let Err(error) = out.judge(mjcf, seed, index, only) {
            out.refused = Some(error.to_string());
        }
        out
    }

    fn judge(&mut self, mjcf: &str, seed: u64, index: u64, only: Option<usize>) -> Result<(), PhysicsError> {
        let load = |solver: Solver| -> Result<Arc<Model>, PhysicsError> {
            let mut model = Model::from_text("random.xml", mjcf)?;
            model.set_solver(solver);
            Ok(Arc::new(model))
        };
        let model = load(Solver::CONVERGED)?;
        if model.nv() == 0 {
            self.refused = Some("no degree of freedom".to_owned());
            return Ok(());
        }
        let strict = load(Arbiter::SOLVER)?;
        let resolved = EngineRequest::default().resolve(&model);
        self.engine = crate::check::name(&resolved.spec);
        self.fallback = resolved.fallback;
        for number in (0..STATES).filter(|n| only.is_none_or(|o| o == *n)) {
            let Some(state) = state(&model, seed, index, number)? else { continue };
            // A simulation that raised an error cannot be used again, so each state gets its own.
            let outcome = Judge::new(&model, &strict, std::slice::from_ref(&resolved.spec)).and_then(|mut judge| {
                let mut outcome = judge.state(&state)?;
                // Of so many zeros some are missed by an accident of rounding; those that are real are seen twice.
                if missed(&model, &outcome).is_some() {
                    judge.nudge_otherwise();
                    let again = judge.state(&state)?;
                    if let Some(engine) = outcome.engines.first_mut() {
                        engine.zeros = again.engines.into_iter().next().and_then(|engine| engine.zeros);
                    }
                }
                // So is a kink that only the arbiter sees: it is there by other and by finer nudges too, or it is rounding, or
                // beside the state.
                if outcome.arbiter.is_some() && !outcome.engines.iter().any(EngineOutcome::is_flagged) {
                    for nudge in [Judge::nudge_otherwise, Judge::nudge_finely] {
                        if outcome.kink > WRONG {
                            nudge(&mut judge);
                            outcome.kink = outcome.kink.min(judge.state(&state)?.kink);
                        }
                    }
                }
                Ok(outcome)
            });
            let judged = outcome.and_then(|outcome| {
                self.take(&model, number, &outcome);
                if outcome.counts(0) && model.nsensordata() > 0 && model.sensor_obstacles(false).is_empty() {
                    self.sensors((&model, &strict), number, &state)?;
                }
                Ok(())
            });
            match judged {
                Ok(()) => {}
                Err(PhysicsError::Mujoco(text)) if text.ends_with("not supported") => self.declined = Some(text),
                Err(PhysicsError::NotCovered { obstacles, .. } | PhysicsError::SensorsNotCovered { obstacles, .. }) => {
                    self.declined = Some(obstacles);
                }
                Err(error) => self.found.push(Finding {
                    state: number,
                    kind: FindingKind::Error,
                    error: 0.0,
                    entry: Default::default(),
                    values: [f64::NAN; 3],
                    text: error.to_string(),
                }),
            }
        }
        Ok(())
    }

    fn take(&mut self, model: &Model, state: usize, outcome: &StateOutcome) {
        self.states += 1;
        let Some(engine) = outcome.engines.first() else { return };
        let flag = match (outcome.arbiter.is_some(), engine.is_flagged()) {
            (true, true) => {
                self.both += 1;
                None
            }
            (true, false) if outcome.kink > WRONG => {
                self.arbiter_only += 1;
                Some(FindingKind::MissingFlag)
            }
            (true, false) => {
                self.unsettled += 1;
                None
            }
            (false, true) => {
                self.engine_only += 1;
                Some(FindingKind::FalseFlag)
            }
            (false, false) => {
                self.smooth += 1;
                None
            }
        };
        let mut found = |kind: FindingKind, error: f64, (row, column): (usize, usize), values: [f64; 3]| {
            let entry = [label(model, row), label(model, column)];
            self.found.push(Finding { state, kind, error, entry, values, text: String::new() });
        };
        let ([value, error], at) = (outcome.value, (outcome.entry.row, outcome.entry.column));
        let values = [value, error, engine.value];
        if let Some(kind) = flag {
            found(kind, outcome.kink, at, values);
        }
        if !outcome.counts(0) {
            return;
        }
        if !engine.error.is_finite() {
            found(FindingKind::NotFinite, engine.error, at, values);
        } else if engine.error > WRONG && (engine.value - value).abs() > SURE * error {
            found(FindingKind::Value, engine.error, at, values);
        }
        if let Some((at, value)) = missed(model, outcome) {
            found(FindingKind::FalseZero, value / outcome.scale, (at.row, at.column), [value, f64::NAN, f64::NAN]);
        }
    }

    /// Judges C and D, sensor by sensor: their units differ. Where one-sided derivatives differ or settle on nothing, and
    /// what the engine leaves undecided, is passed over.
    fn sensors(
        &mut self,
        (model, strict): (&Arc<Model>, &Arc<Model>),
        number: usize,
        state: &[f64],
    ) -> Result<(), PhysicsError> {
        // With sensors another engine may be the one of the model.
        let spec = EngineRequest { sensors: true, ..EngineRequest::default() }.resolve(model).spec;
        let judged = Arbiter::with_sensors(strict)?.judge(state)?;
        let digits = DIGITS * judged.scale / model.timestep();
        let judged = judged.sensed;
        let mut sim = Sim::new(model)?;
        sim.set_state(state)?;
        let mut out = Jacobian::zeros(model, true);
        spec.build(model)?.jacobian(&mut sim, &mut out)?;
        let (ndx, nu) = (model.ndx(), model.nu());
        self.sensed[0] += 1;
        let mut worst: [Option<Finding>; 2] = [None, None];
        for sensor in model.sensed().0 {
            let entries = |row: usize| (0..ndx + nu).map(move |column| (row, column, row * (ndx + nu) + column));
            let known = |k: usize| judged.kinks[k] == 0.0 && judged.errors[k].is_finite();
            let all = || sensor.values.clone().flat_map(entries).filter(|(_, _, k)| known(*k));
            let scale = all().map(|(_, _, k)| judged.values[k].abs()).fold(0.0, f64::max);
            for (row, column, k) in all() {
                let (value, said) = match column.checked_sub(ndx) {
                    None => (out.c[row * ndx + column], out.verdicts.c[row * ndx + column]),
                    Some(control) => (out.d[row * nu + control], out.verdicts.d[row * nu + control]),
                };
                let (truth, error) = (judged.values[k], judged.errors[k]);
                self.sensed[1] += usize::from(said != ZeroVerdict::Undecided);
                let (kind, share) = match said {
                    ZeroVerdict::Undecided => continue,
                    ZeroVerdict::Zero if truth.abs() > SURE * error && truth.abs() > SENSED_ZERO * scale.max(1.0) => {
                        (FindingKind::SensorZero, truth.abs() / scale)
                    }
                    ZeroVerdict::Zero => continue,
                    ZeroVerdict::Nonzero => (FindingKind::Sensor, (value - truth).abs() / scale),
                };
                let off = (value - truth).abs();
                if kind == FindingKind::Sensor && (share <= SENSED || off <= LEAST.max(digits) || off <= SURE * error) {
                    continue;
                }
                let worst = &mut worst[usize::from(kind == FindingKind::SensorZero)];
                if worst.as_ref().is_none_or(|w| w.error < share) {
                    let entry = [model.names().sensor[row].clone(), label(model, column)];
                    let values = [truth, error, value];
                    *worst = Some(Finding { state: number, kind, error: share, entry, values, text: String::new() });
                }
            }
        }
        self.found.extend(worst.into_iter().flatten());
        Ok(())
    }
}

/// The label of an input: a column of A, or one of B behind them.
fn label(model: &Model, input: usize) -> String {
    let names = model.names();
    let control = || names.ctrl.get(input - model.ndx()).cloned();
    names.state().get(input).cloned().or_else(control).unwrap_or_default()
}
