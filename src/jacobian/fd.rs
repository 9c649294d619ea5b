//! MuJoCo's own finite differences.

use super::scales::Scales;
use super::{Difference, Engine, EngineSpec, Jacobian};
use crate::physics::{Model, PhysicsError, Sim};

/// mjd_transitionFD: nudges every state and control entry and steps again.
#[derive(Debug)]
pub struct TransitionFd {
    eps: f64,
    centered: bool,
    sensors: bool,
    test: Option<Scales>,
}

impl TransitionFd {
    /// The engine with its settings; sensors are left out where the model has none.
    pub fn new(spec: &EngineSpec, model: &Model) -> Self {
        Self {
            eps: spec.eps,
            centered: spec.difference == Difference::Centered,
            sensors: spec.sensors && model.nsensordata() > 0,
            test: spec.zero_test.then(|| Scales::new(model, spec.eps)),
        }
    }
}

impl Engine for TransitionFd {
    fn jacobian(&mut self, sim: &mut Sim, out: &mut Jacobian) -> Result<(), PhysicsError> {
        let sensors = if self.sensors { Some((&mut out.c[..], &mut out.d[..])) } else { None };
        sim.transition_fd(self.eps, self.centered, &mut out.a, &mut out.b, sensors)?;
        match &mut self.test {
            Some(test) => test.judge(sim, out),
            None => Ok(()),
        }
    }
}
