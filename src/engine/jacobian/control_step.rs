//! An engine with its chain, and the space that both need.

use std::sync::Arc;

use super::{Chain, Engine, EngineSpec, Jacobian};
use crate::physics::{Model, PhysicsError, Sim};

/// Computes the Jacobian of one physics step, or of several under one control.
pub struct ControlStep {
    engine: Box<dyn Engine>,
    chain: Chain,
    /// One step of a chain, and what comes out.
    step: Jacobian,
    whole: Jacobian,
}

impl ControlStep {
    /// Of a model and an engine for it.
    ///
    /// # Errors
    /// As [`EngineSpec::build`].
    pub fn new(model: &Arc<Model>, spec: &EngineSpec) -> Result<Self, PhysicsError> {
        Ok(Self {
            engine: spec.build(model)?,
            chain: Chain::new(model, spec),
            step: Jacobian::zeros(model, spec.sensors),
            whole: Jacobian::zeros(model, spec.sensors),
        })
    }

    /// The Jacobian of the next `k` physics steps of `sim` under its present control. The simulation has taken these steps
    /// afterwards, but where it is one: then it is where it was.
    ///
    /// # Errors
    /// As [`Engine::jacobian`].
    pub fn over(&mut self, sim: &mut Sim, k: usize) -> Result<&mut Jacobian, PhysicsError> {
        match k {
            1 => self.engine.jacobian(sim, &mut self.whole)?,
            k => self.chain.over(&mut *self.engine, sim, k, [&mut self.step, &mut self.whole])?,
        }
        Ok(self.last())
    }

    /// What was computed last.
    pub fn last(&mut self) -> &mut Jacobian {
        &mut self.whole
    }
}
