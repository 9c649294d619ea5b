//! An engine with its chain, and the space that both need.

use std::sync::Arc;

use super::{Chain, Engine, EngineSpec, Jacobian};
use crate::physics::{Model, PhysicsError, Sim};

/// Computes the Jacobian of one physics step, or of several under one control.
pub struct ControlStep {
    engine: Box<dyn Engine>,
    spec: EngineSpec,
    /// Made for the first control step of several: its matrices are those of several Jacobians.
    chain: Option<Chain>,
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
            spec: spec.clone(),
            chain: None,
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
        let Self { engine, spec, chain, step, whole } = self;
        match k {
            1 => engine.jacobian(sim, whole)?,
            k => {
                let chain = chain.get_or_insert_with(|| Chain::new(sim.model(), spec));
                chain.over(&mut **engine, sim, k, [step, whole])?;
            }
        }
        Ok(self.last())
    }

    /// What was computed last.
    pub fn last(&mut self) -> &mut Jacobian {
        &mut self.whole
    }
}
