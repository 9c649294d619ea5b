//! Where a step leads, and how a nudge of its start changes that.

use crate::physics::{Model, Sim};

/// A state that a step has led to, as a point to take differences from.
#[derive(Debug)]
pub(in crate::jacobian) struct NextState {
    qpos: Vec<f64>,
    /// Velocities, and activations behind (nv + na).
    rest: Vec<f64>,
}

impl NextState {
    /// Zeros of the sizes of a model.
    pub(in crate::jacobian) fn new(model: &Model) -> Self {
        Self { qpos: vec![0.0; model.nq()], rest: vec![0.0; model.nv() + model.na()] }
    }

    /// Keeps the present state of `sim`.
    pub(in crate::jacobian) fn note(&mut self, sim: &Sim) {
        let nv = sim.model().nv();
        self.qpos.copy_from_slice(sim.qpos());
        self.rest[..nv].copy_from_slice(sim.qvel());
        self.rest[nv..].copy_from_slice(sim.act());
    }

    /// Positions (nq), and velocities with activations behind (nv + na).
    pub(in crate::jacobian) fn parts(&self) -> (&[f64], &[f64]) {
        (&self.qpos, &self.rest)
    }

    /// Whether it is the present state of `sim`, to the last bit.
    pub(in crate::jacobian) fn is_state_of(&self, sim: &Sim) -> bool {
        let kept = self.qpos.iter().chain(&self.rest);
        let there = sim.qpos().iter().chain(sim.qvel()).chain(sim.act());
        kept.map(|x| x.to_bits()).eq(there.map(|x| x.to_bits()))
    }

    /// How far the present state of `sim` is from this one, in the tangent space, over `nudge` (ndx).
    pub(in crate::jacobian) fn difference(&self, sim: &Sim, nudge: f64, out: &mut [f64]) {
        let (position, others) = out.split_at_mut(sim.model().nv());
        sim.model().differentiate_pos(&self.qpos, sim.qpos(), nudge, position);
        let after = sim.qvel().iter().chain(sim.act());
        for (x, (after, before)) in others.iter_mut().zip(after.zip(&self.rest)) {
            *x = (after - before) / nudge;
        }
    }
}
