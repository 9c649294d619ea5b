//! Jacobians of a step: one trait, several engines, and the exact chain over the physics steps of a
//! control step. This room knows physics and has not heard of files.

mod arbiter;
mod asleep;
mod boolean_chain;
mod chain;
mod control_step;
#[cfg(test)]
mod draws;
mod fd;
mod holes;
mod implicit;
mod intervention;
mod kink;
mod ladder;
mod request;
mod steps;
mod two_step;
mod verdict_bits;
mod whole_step;
mod zero;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use arbiter::{Arbiter, Entry, Judgement, SensorJudgement, SwitchKind};
pub use arbiter::{largest, side_by_side};
pub use chain::Chain;
pub use control_step::ControlStep;
pub use dynsparse_base::zero::ZeroVerdict;
pub use fd::TransitionFd;
pub use implicit::Implicit;
pub use intervention::{Drive, Effect, Interventions};
pub use request::{EngineChoice, EngineRequest, Resolved};
pub use whole_step::WholeStep;
pub use zero::{Switches, Verdicts};

use crate::physics::{Model, PhysicsError, Sim};

/// Which engine, and its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineSpec {
    /// The engine.
    pub method: Method,
    /// Whether sensors are differentiated too (C and D).
    pub sensors: bool,
    /// Whether every entry is tested for zero, and every state for switches.
    pub zero_test: bool,
}

/// How a Jacobian is computed. Only mjd_transitionFD has a nudge to choose: the other engines choose their own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// MuJoCo's mjd_transitionFD.
    TransitionFd(Nudge),
    /// Implicit differentiation of the constraint solve.
    Implicit,
    /// Extrapolated differences of whole steps.
    WholeStep,
}

impl From<EngineKind> for Method {
    fn from(kind: EngineKind) -> Self {
        match kind {
            EngineKind::TransitionFd => Self::TransitionFd(Nudge::default()),
            EngineKind::Implicit => Self::Implicit,
            EngineKind::WholeStep => Self::WholeStep,
        }
    }
}

/// How mjd_transitionFD takes its differences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nudge {
    /// Its size (tangent space, activation, control).
    pub eps: f64,
    /// One-sided or centred differences.
    pub difference: Difference,
}

impl Nudge {
    /// The size that suits most models.
    pub const EPS: f64 = 1e-6;

    /// Centred differences over `eps`.
    pub fn centered(eps: f64) -> Self {
        Self { eps, difference: Difference::Centered }
    }
}

impl Default for Nudge {
    fn default() -> Self {
        Self::centered(Self::EPS)
    }
}

/// The engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineKind {
    /// MuJoCo's mjd_transitionFD.
    TransitionFd,
    /// Implicit differentiation of the constraint solve.
    Implicit,
    /// Extrapolated differences of whole steps.
    WholeStep,
}

impl EngineKind {
    /// Its name, as in a command and in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::TransitionFd => "transition-fd",
            Self::Implicit => "implicit",
            Self::WholeStep => "whole-step",
        }
    }
}

/// Kinds of difference quotients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Difference {
    /// (f(x + eps) - f(x - eps)) / (2 eps)
    #[default]
    Centered,
    /// (f(x + eps) - f(x)) / eps
    Forward,
}

impl EngineSpec {
    /// An engine with its own settings, which tests for zeros and leaves sensors out.
    pub fn new(method: impl Into<Method>) -> Self {
        Self { method: method.into(), sensors: false, zero_test: true }
    }

    /// Which engine it is.
    pub fn kind(&self) -> EngineKind {
        match self.method {
            Method::TransitionFd(_) => EngineKind::TransitionFd,
            Method::Implicit => EngineKind::Implicit,
            Method::WholeStep => EngineKind::WholeStep,
        }
    }

    /// How far from a state it looks: the size of a nudge, and of engines that choose theirs, how near a switch is one.
    pub fn reach(&self) -> f64 {
        match self.method {
            Method::TransitionFd(nudge) => nudge.eps,
            Method::Implicit | Method::WholeStep => implicit::REACH,
        }
    }

    /// What of a model, and of what is asked, the engine does not cover; nothing when it covers all.
    pub fn obstacles(&self, model: &Model) -> Vec<String> {
        match self.kind() {
            EngineKind::TransitionFd => TransitionFd::obstacles(model),
            EngineKind::Implicit => {
                let mut all = Implicit::obstacles(model);
                // What they see of forces is no function of the acceleration then.
                if self.sensors && model.noslip_sweeps() > 0 && model.sensed().1.acceleration {
                    all.push("sensors of forces and accelerations beside noslip iterations".to_owned());
                }
                all
            }
            EngineKind::WholeStep => WholeStep::obstacles(model),
        }
    }

    /// What of a model's sensors the engine cannot differentiate, where sensors are asked for.
    pub fn sensor_obstacles(&self, model: &Model) -> Vec<String> {
        if self.sensors { model.sensor_obstacles(self.kind() == EngineKind::WholeStep) } else { Vec::new() }
    }

    /// The engine for a model.
    ///
    /// # Errors
    /// [`PhysicsError::NotCovered`] with everything of the model that the engine does not cover.
    pub fn build(&self, model: &Arc<Model>) -> Result<Box<dyn Engine>, PhysicsError> {
        let file = || model.file().to_owned();
        let obstacles = self.sensor_obstacles(model);
        if !obstacles.is_empty() {
            return Err(PhysicsError::SensorsNotCovered { file: file(), obstacles: obstacles.join("; ") });
        }
        let obstacles = self.obstacles(model);
        if !obstacles.is_empty() {
            let engine = self.kind().name();
            let way = match self.kind() {
                EngineKind::Implicit | EngineKind::TransitionFd => "use --engine whole-step",
                EngineKind::WholeStep => "take that out of the model",
            };
            return Err(PhysicsError::NotCovered { file: file(), engine, obstacles: obstacles.join("; "), way });
        }
        Ok(match self.method {
            Method::TransitionFd(nudge) => Box::new(TransitionFd::new(nudge, self, model)),
            Method::Implicit => Box::new(Implicit::new(self, model)?),
            Method::WholeStep => Box::new(WholeStep::new(self, model)?),
        })
    }
}

/// The Jacobian of one step. All matrices are row-major. An entry is NaN where the state has no derivative, nor one-sided
/// ones; it is undecided then, and the other entries hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Jacobian {
    /// d next state / d state, ndx x ndx.
    pub a: Vec<f64>,
    /// d next state / d control, ndx x nu.
    pub b: Vec<f64>,
    /// d sensors / d state, nsensordata x ndx; empty when sensors are not differentiated.
    pub c: Vec<f64>,
    /// d sensors / d control, nsensordata x nu; empty as above.
    pub d: Vec<f64>,
    /// What the entries of A, B, C and D are, where the engine tests for zeros.
    pub verdicts: Verdicts,
}

impl Jacobian {
    /// Zeros of the sizes of a model.
    pub fn zeros(model: &Model, sensors: bool) -> Self {
        let (ndx, nu) = (model.ndx(), model.nu());
        let ns = if sensors { model.nsensordata() } else { 0 };
        Self {
            a: vec![0.0; ndx * ndx],
            b: vec![0.0; ndx * nu],
            c: vec![0.0; ns * ndx],
            d: vec![0.0; ns * nu],
            verdicts: Verdicts::new(model, sensors),
        }
    }

    /// Sets every entry.
    pub fn fill(&mut self, x: f64) {
        for m in [&mut self.a, &mut self.b, &mut self.c, &mut self.d] {
            m.fill(x);
        }
    }

    /// Whether every entry is a finite number.
    pub fn is_finite(&self) -> bool {
        [&self.a, &self.b, &self.c, &self.d].iter().all(|m| m.iter().all(|v| v.is_finite()))
    }
}

/// Computes the Jacobian of one physics step.
pub trait Engine: Send {
    /// The Jacobian of the step that `sim` would take now, under its present control. State and trajectory
    /// of `sim` stay as they are, bit for bit; what is derived from them (contacts, sensors) may not.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] where the model has something that the engine cannot differentiate.
    fn jacobian(&mut self, sim: &mut Sim, out: &mut Jacobian) -> Result<(), PhysicsError>;

    /// The Jacobian of the next `k` steps at once, where the product of those of single steps is not that: where a step hands on
    /// more than the state that A is over ([`Model::held_state`]). Returns whether it is in `out`; else the chain is to be taken.
    ///
    /// # Errors
    /// As [`Engine::jacobian`].
    fn jacobian_at_once(&mut self, _sim: &mut Sim, _k: usize, _out: &mut Jacobian) -> Result<bool, PhysicsError> {
        Ok(false)
    }
}
