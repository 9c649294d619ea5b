//! Rewards that are sums of weighted terms, with commands, gaits and histories: Playground's tasks of legged robots, and of
//! hands that turn a cube. All of a task is data; see `[reward.NAME]` in `assets/playground.toml`.
//!
//! With the terms t_i and their scales w_i, and a control step of dt seconds, the reward of a control step is one of the
//! [`Total`]s of sum(w_i t_i) dt.

mod command;
mod feet;
mod gait;
mod part;
mod terms;

use serde::{Deserialize, Serialize};

pub use command::{CommandSpec, NextCommand};
pub use feet::FootSpec;
pub use gait::GaitSpec;
pub use part::SeenPart;
pub use terms::{ActionRate, HeightForm, TermKind, TermSpec, Up, When};

use super::Reward;
use super::memory::{Memory, Taken};
use super::observation::Draft;
use crate::physics::{Model, Sim};
use crate::quat::{Quat, angle_between};
use feet::Foot;
use terms::{Now, Term};

/// A reward as data.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ShapedSpec {
    /// The keyframe whose joint positions are the default pose.
    pub pose: String,
    /// The positions `[first, end)` of the robot's joints, hinges and slides.
    pub joints: [usize; 2],
    /// Its feet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feet: Vec<FootSpec>,
    /// Commands; None: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandSpec>,
    /// Gaits; None: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gait: Option<GaitSpec>,
    /// What becomes of the sum of the terms.
    pub total: Total,
    /// The terms.
    pub terms: Vec<TermSpec>,
    /// What is added to the total, whatever dt is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bonus: Option<Bonus>,
    /// What is observed.
    pub observation: Vec<SeenPart>,
    /// How many observations one sees, the newest first; those from before the episode are 0.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub rows: usize,
    /// Bounds of an observed number: it is moved into [-bound, bound].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<f64>,
}

fn once() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_once(n: &usize) -> bool {
    *n == 1
}

/// What becomes of the sum s of the terms, each with its scale. dt is the duration of a control step, s.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Total {
    /// s dt.
    Sum,
    /// s dt within [0, 10000].
    Clipped,
    /// s dt, at least 0.
    Positive,
    /// The sum of the terms with scales above 0, times exp(0.2 the sum of the others), times dt.
    Product,
}

/// A reward for an orientation that has been reached.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Bonus {
    /// The sensors of the orientation and of where it should be.
    pub sensors: [String; 2],
    /// Nearer than this, rad.
    pub below: f64,
    /// What it is worth.
    pub worth: f64,
}

/// The most of [`Total::Clipped`].
const MOST: f64 = 1e4;

/// Of [`Total::Product`].
const SHARPNESS: f64 = 0.2;

/// Rows of an observation at most.
const MOST_ROWS: usize = 1000;

/// Joints with what they are compared with.
#[derive(Debug, Clone)]
struct Joints {
    /// First position and first dof.
    qpos: usize,
    dof: usize,
    /// Positions of the default pose.
    pose: Vec<f64>,
    /// Lowest and highest positions.
    limits: Vec<Option<[f64; 2]>>,
}

impl Joints {
    fn new(spec: &ShapedSpec, model: &Model) -> Result<Self, String> {
        let [first, end] = spec.joints;
        let key = model.keyframe(&spec.pose).map_err(|e| e.to_string())?;
        let pose = model.keyframe_qpos(key);
        if first >= end || end > pose.len() {
            return Err(format!("joints [{first}, {end}] do not lie in the {} positions of the model", pose.len()));
        }
        let found: Vec<_> = model.joints().filter(|j| (first..end).contains(&j.qpos)).collect();
        if found.len() != end - first || !found.iter().all(crate::physics::Joint::is_scalar) {
            return Err(format!("joints [{first}, {end}] are not all hinges and slides"));
        }
        let limits = found.iter().map(|j| model.joint_limits().find(|l| l.qpos == j.qpos).map(|l| l.range)).collect();
        Ok(Self { qpos: first, dof: found[0].dof, pose: pose[first..end].to_vec(), limits })
    }

    fn len(&self) -> usize {
        self.pose.len()
    }

    fn positions<'s>(&self, sim: &'s Sim) -> &'s [f64] {
        &sim.qpos()[self.qpos..self.qpos + self.len()]
    }

    fn velocities<'s>(&self, sim: &'s Sim) -> &'s [f64] {
        &sim.qvel()[self.dof..self.dof + self.len()]
    }

    fn accelerations<'s>(&self, sim: &'s Sim) -> &'s [f64] {
        &sim.qacc()[self.dof..self.dof + self.len()]
    }

    /// How far each joint is from the default pose.
    fn offsets<'s>(&'s self, sim: &'s Sim) -> impl ExactSizeIterator<Item = f64> + 's {
        self.positions(sim).iter().zip(&self.pose).map(|(q, q0)| q - q0)
    }
}

/// A reward with all names resolved.
#[derive(Debug)]
pub(super) struct Shaped {
    joints: Joints,
    feet: Vec<Foot>,
    command: Option<CommandSpec>,
    gait: Option<GaitSpec>,
    total: Total,
    names: Vec<String>,
    terms: Vec<(f64, Box<dyn Term>)>,
    /// Entries of two orientations in sensordata, how near they should be, rad, and what that is worth.
    bonus: Option<([usize; 2], f64, f64)>,
    control_dt: f64,
    nu: usize,
}

impl Shaped {
    pub(super) fn new(spec: &ShapedSpec, draft: &mut Draft<'_>, control_dt: f64) -> Result<Self, String> {
        let joints = Joints::new(spec, draft.model())?;
        let feet = spec.feet.iter().map(|f| Foot::new(f, draft)).collect::<Result<Vec<_>, _>>()?;
        if let Some(command) = &spec.command {
            command.check()?;
        }
        if let Some(gait) = &spec.gait {
            gait.check(feet.len())?;
        }
        if spec.rows == 0 || spec.rows > MOST_ROWS || spec.bound.is_some_and(|b| !(b.is_finite() && b > 0.0)) {
            return Err(format!("an observation has 1 to {MOST_ROWS} rows, and a bound above 0"));
        }
        draft.history(spec.rows, spec.bound, |draft| {
            spec.observation.iter().try_for_each(|part| part.add(draft, &joints, spec))
        })?;
        let bonus = |b: &Bonus| {
            let [a, b2] = &b.sensors;
            Ok::<_, String>(([draft.sensor(a, 4)?, draft.sensor(b2, 4)?], b.below, b.worth))
        };
        let bonus = spec.bonus.as_ref().map(bonus).transpose()?;
        let terms = spec.terms.iter().map(|t| t.resolve(draft, &joints, feet.len(), spec));
        Ok(Self {
            terms: terms.collect::<Result<_, _>>()?,
            joints,
            feet,
            command: spec.command.clone(),
            gait: spec.gait.clone(),
            total: spec.total,
            names: spec.terms.iter().map(|t| t.name.clone()).collect(),
            bonus,
            control_dt,
            nu: draft.model().nu(),
        })
    }
}

impl Reward for Shaped {
    fn remembers(&self) -> bool {
        true
    }

    fn terms(&self) -> &[String] {
        &self.names
    }

    fn begin(&self, sim: &Sim, memory: &mut Memory) {
        memory.last = [vec![0.0; self.nu], vec![0.0; self.nu]];
        feet::begin(&self.feet, sim, memory);
        if let Some(gait) = &self.gait {
            gait.begin(memory);
        }
        if let Some(command) = &self.command {
            command.begin(memory, self.control_dt);
        }
    }

    fn score(&self, taken: &Taken<'_>, memory: &mut Memory) -> f64 {
        feet::look(&self.feet, taken.sim, memory, self.control_dt);
        let mut values = std::mem::take(&mut memory.terms);
        let now = Now { taken, memory, joints: &self.joints, feet: &self.feet };
        values.clear();
        values.extend(self.terms.iter().map(|(scale, term)| scale * term.of(&now)));
        let total = match self.total {
            Total::Sum => values.iter().sum::<f64>() * self.control_dt,
            Total::Clipped => (values.iter().sum::<f64>() * self.control_dt).clamp(0.0, MOST),
            Total::Positive => (values.iter().sum::<f64>() * self.control_dt).max(0.0),
            Total::Product => {
                let part = |gains: bool| -> f64 {
                    let all = self.terms.iter().zip(&values);
                    all.filter(|((scale, _), _)| (*scale > 0.0) == gains).map(|(_, value)| value).sum()
                };
                part(true) * libm::exp(SHARPNESS * part(false)) * self.control_dt
            }
        };
        memory.terms = values;
        total
            + self.bonus.map_or(0.0, |(pair, below, worth)| {
                let [a, b] = pair.map(|at| -> Quat { std::array::from_fn(|i| taken.sim.sensordata()[at + i]) });
                if angle_between(a, b) < below { worth } else { 0.0 }
            })
    }

    fn conclude(&self, taken: &Taken<'_>, memory: &mut Memory) {
        let Memory { last: [last, before], .. } = &mut *memory;
        std::mem::swap(last, before);
        last.clear();
        last.extend_from_slice(taken.action);
        if let Some(gait) = &self.gait {
            gait.advance(memory, self.control_dt);
        }
        if let Some(command) = &self.command {
            command.advance(memory, taken.over, self.control_dt);
        }
        feet::conclude(memory);
    }
}
