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
    /// What of a model it does not cover; nothing when it covers all. What MuJoCo refuses beyond that it says itself.
    pub fn obstacles(model: &Model) -> Vec<String> {
        let held = model.held_state();
        let alone = "what steps hand on beside the state, which a product of single steps loses";
        if held.is_empty() { Vec::new() } else { vec![format!("{alone} ({})", held.join(", "))] }
    }

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
