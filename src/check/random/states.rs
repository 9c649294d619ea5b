//! The states that a model is judged at: at rest as it is defined, moved and pushed, and some steps later.
//!
//! What is drawn for a coordinate depends on its name alone, so that a model with a part taken out is at the same state.

use std::sync::Arc;

use super::XmlElement;
use super::draw::Draw;
use super::xml::exact;
use crate::physics::{Model, PhysicsError, Sim};

/// States of a model.
pub(super) const STATES: usize = 3;

/// State `number` of a model ([`Sim::get_state`]), without a warm start; None where the simulation diverges before it.
pub(super) fn state(
    model: &Arc<Model>,
    seed: u64,
    index: u64,
    number: usize,
) -> Result<Option<Vec<f64>>, PhysicsError> {
    let mut sim = Sim::new(model)?;
    let draw = |what: &str, name: &str| Draw::new(seed, &format!("random state {number} {what} {name}"), index);
    let mut plan = draw("plan", "");
    let (moves, pushes) = (number > 0 && plan.chance(0.7), number > 0 && plan.chance(0.8));
    let controls = number > 0 || plan.chance(0.7);
    let steps = if number == 0 && plan.chance(0.6) { 0 } else { plan.below(31) };
    let far = plan.log(0.01, 0.6);

    let names = model.names().clone();
    if moves {
        let by: Vec<f64> = names.dof.iter().map(|name| far * draw("qpos", name).normal()).collect();
        // Bodies that float would leave the ground with all of it.
        model.integrate_pos(sim.qpos_mut(), &by, 0.3);
    }
    if pushes {
        let push = plan.log(0.05, 2.0);
        sim.qvel_mut().iter_mut().zip(&names.dof).for_each(|(v, name)| *v = push * draw("qvel", name).normal());
    }
    if controls {
        // Sometimes outside of its range, where MuJoCo clamps it.
        for (i, name) in names.ctrl.iter().enumerate() {
            let mut draw = draw("ctrl", name);
            let u = draw.normal();
            let outside = draw.chance(0.1);
            sim.ctrl_mut()[i] = match model.ctrl_range(i) {
                Some([low, high]) if !outside => low + (high - low) * (0.5 + 0.45 * u.sin()),
                Some([low, high]) => high + 0.3 * (high - low),
                None => 0.7 * u,
            };
        }
        sim.act_mut().iter_mut().zip(&names.act).for_each(|(x, name)| *x = 0.3 * draw("act", name).normal());
    }
    for _ in 0..steps {
        sim.step()?;
        if sim.divergence().is_some() {
            return Ok(None);
        }
    }
    sim.qacc_warmstart_mut().fill(0.0);
    let mut state = vec![0.0; model.state_size()];
    sim.get_state(&mut state)?;
    // Beyond this the differences of the arbiter see only rounding.
    let large = sim.qvel().iter().chain(sim.qpos()).chain(sim.act()).any(|x| x.abs() > 200.0);
    Ok((!large).then_some(state))
}

/// A state as a keyframe, so that a model carries the state that it fails at.
pub(super) fn keyframe(model: &Arc<Model>, state: &[f64]) -> Result<XmlElement, PhysicsError> {
    let mut sim = Sim::new(model)?;
    sim.set_state(state)?;
    let mut key = XmlElement::new("key").with("name", "failure").with("qpos", exact(sim.qpos()));
    for (name, values) in [("qvel", sim.qvel()), ("act", sim.act()), ("ctrl", sim.ctrl())] {
        if values.iter().any(|x| *x != 0.0) {
            key.set(name, exact(values));
        }
    }
    Ok(key)
}
