//! Sensors.

use std::ops::Range;

use mujoco_rs::mujoco_c::mjtSensor;

use super::{Slices, Unknown, Variant};
use crate::physics::Model;

/// A sensor of a compiled model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sensor {
    /// What it measures.
    pub(crate) kind: Result<mjtSensor, Unknown>,
    /// Its values in [`crate::physics::Sim::sensordata`].
    pub(crate) values: Range<usize>,
    /// How late its values are, s.
    pub(crate) delay: f64,
    /// Time between two values, s; 0 where each step has one.
    pub(crate) interval: f64,
}

impl Model {
    /// All sensors, in the model's order.
    pub(crate) fn sensors(&self) -> impl ExactSizeIterator<Item = Sensor> + '_ {
        (0..Slices(self.raw()).sensor_type().len()).map(|id| self.sensor_at(id))
    }

    pub(in crate::physics) fn sensor_at(&self, id: usize) -> Sensor {
        let m = Slices(self.raw());
        let (first, n) = (m.sensor_adr()[id] as usize, m.sensor_dim()[id] as usize);
        Sensor {
            kind: Variant::of(m.sensor_type()[id]),
            values: first..first + n,
            delay: m.sensor_delay()[id],
            interval: m.sensor_interval()[id][0],
        }
    }
}
