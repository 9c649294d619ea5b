//! Options of a model: what is switched on and off, and the medium around its bodies.

use mujoco_rs::mujoco_c::{mjtDisableBit, mjtEnableBit};

use crate::physics::Model;

/// The medium around a model's bodies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Medium {
    /// kg/m^3.
    pub(crate) density: f64,
    /// Pa s.
    pub(crate) viscosity: f64,
    /// Velocity of the medium in the world, m/s.
    pub(crate) wind: [f64; 3],
}

impl Model {
    /// Whether something is switched off (`<flag ...="disable"/>`).
    pub fn is_disabled(&self, what: mjtDisableBit) -> bool {
        self.raw().opt.disableflags & what as i32 != 0
    }

    /// Whether something is switched on that is off by itself (`<flag ...="enable"/>`).
    pub fn is_enabled(&self, what: mjtEnableBit) -> bool {
        self.raw().opt.enableflags & what as i32 != 0
    }

    /// The medium around the bodies; an empty one where there are no passive forces.
    pub(crate) fn medium(&self) -> Medium {
        let opt = &self.raw().opt;
        let [density, viscosity] = if self.has_passive_forces() { [opt.density, opt.viscosity] } else { [0.0; 2] };
        Medium { density, viscosity, wind: opt.wind }
    }
}
