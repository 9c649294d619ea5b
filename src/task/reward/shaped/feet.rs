//! Feet: what they touch, how long they are in the air, how high they swing.

use serde::{Deserialize, Serialize};

use super::super::memory::{Foot as Remembered, Memory};
use super::super::observation::Draft;
use crate::physics::{Sim, SiteId};

/// A foot.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct FootSpec {
    /// Where it is.
    pub site: String,
    /// Sensors that are above 0 where it touches the ground.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touch: Vec<String>,
    /// Entries of sensordata that are asked in their place after a control step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touch_entries: Vec<usize>,
    /// The sensor of its velocity in the world, m/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub velocity: Option<String>,
}

/// A foot with its names resolved.
#[derive(Debug, Clone)]
pub(super) struct Foot {
    site: SiteId,
    /// Entries of sensordata: before the first control step, and after one.
    touch: [Vec<usize>; 2],
    velocity: Option<usize>,
}

impl Foot {
    pub(super) fn new(spec: &FootSpec, draft: &Draft<'_>) -> Result<Self, String> {
        let touch = spec.touch.iter().map(|name| draft.sensor(name, 1)).collect::<Result<Vec<_>, _>>()?;
        let n = draft.model().nsensordata();
        if let Some(i) = spec.touch_entries.iter().find(|i| **i >= n) {
            return Err(format!("touch_entries has {i}; the model's sensors have {n} values"));
        }
        let later = if spec.touch_entries.is_empty() { touch.clone() } else { spec.touch_entries.clone() };
        let velocity = spec.velocity.as_ref().map(|name| draft.sensor(name, 3)).transpose()?;
        Ok(Self { site: draft.site(&spec.site)?, touch: [touch, later], velocity })
    }

    pub(super) fn height(&self, sim: &Sim) -> f64 {
        sim.site_pos(self.site)[2]
    }

    pub(super) fn pos(&self, sim: &Sim) -> [f64; 3] {
        sim.site_pos(self.site)
    }

    /// The square of its horizontal speed; 0 where no sensor has it.
    pub(super) fn speed2(&self, sim: &Sim) -> f64 {
        self.velocity.map_or(0.0, |v| sim.sensordata()[v..v + 2].iter().map(|x| x * x).sum())
    }

    pub(super) fn touches(&self, sim: &Sim, stepped: bool) -> bool {
        self.touch[usize::from(stepped)].iter().any(|i| sim.sensordata()[*i] > 0.0)
    }
}

/// At the start of an episode.
pub(super) fn begin(feet: &[Foot], sim: &Sim, memory: &mut Memory) {
    let first = |foot: &Foot| Remembered { touches: foot.touches(sim, false), ..Remembered::default() };
    memory.feet = feet.iter().map(first).collect();
}

/// After a control step of `dt` seconds, before it is rewarded.
pub(super) fn look(feet: &[Foot], sim: &Sim, memory: &mut Memory, dt: f64) {
    for (foot, known) in feet.iter().zip(&mut memory.feet) {
        known.touches = foot.touches(sim, true);
        known.lands = known.air > 0.0 && (known.touches || known.touched);
        known.air += dt;
        known.peak = known.peak.max(foot.height(sim));
    }
}

/// After it was rewarded and observed.
pub(super) fn conclude(memory: &mut Memory) {
    for known in &mut memory.feet {
        known.touched = known.touches;
        if known.touches {
            (known.air, known.peak) = (0.0, 0.0);
        }
    }
}
