//! MuJoCo's own finite differences.

use super::two_step::TwoStepTest;
use super::{Difference, Engine, EngineSpec, Jacobian, Nudge};
use crate::physics::{Model, PhysicsError, Sim};

/// mjd_transitionFD: nudges every state and control entry and steps again.
#[derive(Debug)]
pub struct TransitionFd {
    nudge: Nudge,
    sensors: bool,
    test: Option<TwoStepTest>,
}

impl TransitionFd {
    /// The engine with its nudge; sensors are left out where the model has none.
    pub fn new(nudge: Nudge, spec: &EngineSpec, model: &Model) -> Self {
        Self {
            nudge,
            sensors: spec.sensors && model.nsensordata() > 0,
            test: spec.zero_test.then(|| TwoStepTest::new(model, nudge.eps)),
        }
    }
}

impl Engine for TransitionFd {
    fn jacobian(&mut self, sim: &mut Sim, out: &mut Jacobian) -> Result<(), PhysicsError> {
        let sensors = if self.sensors { Some((&mut out.c[..], &mut out.d[..])) } else { None };
        let Nudge { eps, difference } = self.nudge;
        sim.transition_fd(eps, difference == Difference::Centered, &mut out.a, &mut out.b, sensors)?;
        match &mut self.test {
            Some(test) => test.judge(sim, out),
            None => Ok(()),
        }
    }
}
