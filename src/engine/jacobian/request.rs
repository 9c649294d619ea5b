//! What is asked of the engines, and what that means for a model.

use serde::{Deserialize, Serialize};

use super::{Difference, EngineSpec, Method, Nudge};
use crate::physics::Model;

/// Which engine is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum EngineChoice {
    /// implicit where it covers the model, else whole-step
    #[default]
    Auto,
    /// MuJoCo's mjd_transitionFD, for comparison
    #[cfg_attr(feature = "clap", value(name = "transition-fd"))]
    TransitionFd,
    /// Implicit differentiation of the constraint solve
    Implicit,
    /// Extrapolated differences of whole steps
    WholeStep,
}

/// What is asked, before the model is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineRequest {
    /// The engine.
    pub engine: EngineChoice,
    /// Size of a nudge (tangent space, activation, control); None: the engine's own.
    #[serde(default, with = "dynsparse_base::number")]
    pub eps: Option<f64>,
    /// One-sided or centred differences.
    pub difference: Difference,
    /// Whether sensors are differentiated too (C and D).
    pub sensors: bool,
    /// Whether every entry is tested for zero, and every state for switches.
    pub zero_test: bool,
}

impl Default for EngineRequest {
    fn default() -> Self {
        Self {
            engine: EngineChoice::default(),
            eps: None,
            difference: Difference::default(),
            sensors: false,
            zero_test: true,
        }
    }
}

/// The engine that a model gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The engine and its settings.
    pub spec: EngineSpec,
    /// Why it is not the implicit one, where [`EngineChoice::Auto`] had to fall back.
    pub fallback: Option<String>,
}

impl EngineRequest {
    /// The same, without what somebody spelled out although it is the default.
    pub fn plain(mut self) -> Self {
        let own = match self.engine {
            EngineChoice::Auto => None,
            EngineChoice::TransitionFd => Some(Nudge::EPS),
            EngineChoice::Implicit | EngineChoice::WholeStep => None,
        };
        if self.eps == own {
            self.eps = None;
        }
        self
    }

    /// What is meant for a model. An engine that is asked for by its name is taken, whether it covers the model or not:
    /// [`EngineSpec::build`] refuses it then.
    pub fn resolve(&self, model: &Model) -> Resolved {
        let spec = |method| EngineSpec { method, sensors: self.sensors, zero_test: self.zero_test };
        let by_name = |method| Resolved { spec: spec(method), fallback: None };
        match self.engine {
            EngineChoice::TransitionFd => {
                let eps = self.eps.unwrap_or(Nudge::EPS);
                by_name(Method::TransitionFd(Nudge { eps, difference: self.difference }))
            }
            EngineChoice::Implicit => by_name(Method::Implicit),
            EngineChoice::WholeStep => by_name(Method::WholeStep),
            EngineChoice::Auto => {
                let implicit = by_name(Method::Implicit);
                let obstacles = implicit.spec.obstacles(model);
                if obstacles.is_empty() {
                    return implicit;
                }
                let fallback = format!("the engine implicit does not cover {}", obstacles.join("; "));
                Resolved { spec: spec(Method::WholeStep), fallback: Some(fallback) }
            }
        }
    }
}
