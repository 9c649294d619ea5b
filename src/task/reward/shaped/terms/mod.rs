//! The terms of a reward. Each is a formula of a control step that was just taken; what it costs or gains is its scale.

mod effort;
mod feet;
mod hand;
mod pose;
mod recovery;
mod velocity;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::memory::{Memory, Taken};
use super::super::observation::Draft;
use super::super::offset::norm;
use super::feet::Foot;
use super::{Joints, ShapedSpec};
pub use effort::ActionRate;
pub use pose::When;
pub use recovery::{HeightForm, Up};

/// A term with its scale.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct TermSpec {
    /// Its name, Playground's.
    pub name: String,
    /// What it is multiplied with.
    pub scale: f64,
    /// Its formula.
    pub of: TermKind,
}

/// The formula of a term. c is the command, v a velocity, w an angular velocity, q the joints and q0 their default pose, u the
/// torques, a the action and a1, a2 those of the last two control steps, z the height of a foot.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TermKind {
    /// exp(-|c_xy - v_xy|^2 / sigma) where `linear` is given, plus `turn` exp(-(c_z - w_z)^2 / sigma) where `angular` is.
    Track {
        /// The sensor of v, m/s.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        linear: Option<String>,
        /// The sensor of w, rad/s.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        angular: Option<String>,
        /// What the second part is multiplied with.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        turn: f64,
        /// How near is near, squared.
        sigma: f64,
    },
    /// The sum of (s_i - target_i)^2 over entries of a sensor.
    Squares {
        /// The sensor.
        sensor: String,
        /// Which of its values.
        entries: Vec<usize>,
        /// What they should be; empty: 0.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        target: Vec<f64>,
        /// Only for gaits from this number on.
        #[serde(default, skip_serializing_if = "is_none")]
        gaits_from: usize,
    },
    /// An entry of a sensor.
    Along {
        /// The sensor.
        sensor: String,
        /// Which of its values.
        entry: usize,
    },
    /// |u|_1, with `norm` plus |u|_2.
    Torques {
        /// Whether the norm is added.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        norm: bool,
        /// Whether u are the forces on all dofs in place of those of the actuators.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        generalized: bool,
    },
    /// The sum of |dq u|.
    Energy {},
    /// How fast actions change.
    ActionRate {
        /// Which differences are counted.
        order: ActionRate,
    },
    /// |a|^2 where |c| < `below`.
    IdleAction {
        /// m/s and rad/s.
        below: f64,
    },
    /// |ddq|^2.
    Accelerations {},
    /// The sum of max(|dq| - above, 0)^2.
    Speeds {
        /// rad/s.
        above: f64,
    },
    /// The sum of weight (q - q0)^2.
    Pose {
        /// Which joints; empty: all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        joints: Vec<usize>,
        /// Their weights; empty: 1.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        weights: Vec<f64>,
        /// Joints (numbers among `joints`) that weigh 1, or 0.01 with a sideward command above 0.3 m/s; the other weights are 1
        /// without a command.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lateral: Vec<usize>,
    },
    /// exp(-rate sum of weight (q - q0)^2).
    NearPose {
        /// Weights of the joints; empty: 1.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        weights: Vec<f64>,
        /// How fast it falls.
        rate: f64,
        /// Where it is 1 unless |c| is below this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        still: Option<f64>,
    },
    /// The sum of |q - q0|.
    Deviation {
        /// Which joints; empty: all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        joints: Vec<usize>,
        /// When it counts.
        #[serde(default, skip_serializing_if = "When::is_always")]
        when: When,
        /// What it is multiplied with, and what with a command above 0.1 m/s to the left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        times: Option<[f64; 2]>,
    },
    /// How far joints are beyond soft limits, rad.
    Limits {
        /// The share of their range that is left, or what their bounds are multiplied with.
        factor: f64,
        /// Whether it is a share about the middle of the range.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        about_middle: bool,
    },
    /// The sum of |v_xy|^2 of feet that touch.
    Slip {
        /// Only where |c| is above this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        above: Option<f64>,
    },
    /// |v_xy| of the body times the number of feet that touch.
    BodySlip {
        /// The sensor of v.
        sensor: String,
    },
    /// The sum of |z - height| sqrt(|v_xy|) of the feet.
    Clearance {
        /// m.
        height: f64,
    },
    /// The sum of (highest z of the swing / height - 1)^2 of feet that land.
    Swing {
        /// m.
        height: f64,
        /// Only where |c| is above this.
        above: f64,
    },
    /// The sum of min(time in the air - least, most) of feet that land.
    AirTime {
        /// s.
        least: f64,
        /// s; None: without bound.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        most: Option<f64>,
        /// Only where |c| is above this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        above: Option<f64>,
        /// Whether |c| is that of the velocities alone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        planar: bool,
    },
    /// exp(-sum of (z - height at the foot's phase)^2 / width).
    Phase {
        /// Height of a swing, m; None: the episode's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        height: Option<f64>,
        /// m^2.
        width: f64,
        /// Sensors of v and w of the body: only where |v_xy| or |w_z| is above 0.1 or |c| above 0.01.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        moving: Option<[String; 2]>,
    },
    /// How much nearer than 0.2 m the feet are, across the heading of a site; 0.1 m at most.
    Apart {
        /// The site.
        site: String,
    },
    /// 1 where one of the sensors is above 0.
    Touch {
        /// The sensors.
        sensors: Vec<String>,
    },
    /// The sum of max(|force along z| - above, 0) of sensors.
    Force {
        /// The sensors, each with three values.
        sensors: Vec<String>,
        /// N.
        above: f64,
    },
    /// 1.
    Alive {},
    /// 1 where the episode ends.
    Ends {
        /// Only until so many control steps after the last command came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<i64>,
    },
    /// exp(-2 e) with e the squared distance of the up direction from where it should be.
    Level {
        /// The up direction.
        up: Up,
    },
    /// How high the body is.
    Height {
        /// The site; None: the root, whose height is the third position.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<String>,
        /// Where it should be, m.
        height: f64,
        /// The formula.
        form: HeightForm,
    },
    /// exp(-|q - q0|^2 / 2) where the body is upright.
    UprightPose {
        /// The up direction.
        up: Up,
    },
    /// exp(-|a|^2 / 2) where the body is upright and high enough.
    UprightIdle {
        /// The up direction.
        up: Up,
        /// The site; None: the root.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<String>,
        /// m.
        height: f64,
        /// The formula of [`TermKind::Height`].
        form: HeightForm,
    },
    /// ((x . toward + 1) / 2)^2 with x the x axis of a site.
    Heading {
        /// The site.
        site: String,
        /// A direction in the world.
        toward: [f64; 3],
    },
    /// 1 within 0.2 rad of an orientation, linear to 0 at half a turn more.
    Turned {
        /// The sensors of an orientation and of where it should be.
        sensors: [String; 2],
    },
    /// 1 within 0.02 m, linear to 0.1 at 0.05 m more.
    Near {
        /// The sensors of two positions.
        sensors: [String; 2],
    },
}

fn one() -> f64 {
    1.0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_one(x: &f64) -> bool {
    *x == 1.0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_none(n: &usize) -> bool {
    *n == 0
}

/// What a term sees of a control step.
pub(super) struct Now<'a> {
    pub(super) taken: &'a Taken<'a>,
    pub(super) memory: &'a Memory,
    pub(super) joints: &'a Joints,
    pub(super) feet: &'a [Foot],
}

impl<'a> Now<'a> {
    fn sensors(&self) -> &'a [f64] {
        self.taken.sim.sensordata()
    }

    fn command(&self) -> [f64; 3] {
        self.memory.command
    }

    /// Whether the command is above a bound, where there is one.
    fn is_commanded(&self, above: Option<f64>) -> bool {
        above.is_none_or(|above| norm(&self.command()) > above)
    }
}

/// A formula with its names resolved.
pub(super) trait Term: fmt::Debug + Send + Sync {
    fn of(&self, now: &Now<'_>) -> f64;
}

/// What a term is resolved with.
struct Resolve<'d, 'm> {
    draft: &'d Draft<'m>,
    joints: &'d Joints,
    feet: usize,
    spec: &'d ShapedSpec,
}

impl Resolve<'_, '_> {
    /// Numbers of joints, all of them where none is named.
    fn joints(&self, named: &[usize]) -> Result<Vec<usize>, String> {
        let n = self.joints.len();
        match named.iter().find(|i| **i >= n) {
            Some(i) => Err(format!("there is no joint {i} among {n}")),
            None if named.is_empty() => Ok((0..n).collect()),
            None => Ok(named.to_vec()),
        }
    }

    /// As many weights as `n`, 1 where none are given.
    fn weights(&self, given: &[f64], n: usize) -> Result<Vec<f64>, String> {
        match given {
            [] => Ok(vec![1.0; n]),
            given if given.len() == n && given.iter().all(|w| w.is_finite()) => Ok(given.to_vec()),
            given => Err(format!("{} weights for {n} joints", given.len())),
        }
    }

    fn sensors(&self, names: &[String], n: usize) -> Result<Vec<usize>, String> {
        names.iter().map(|name| self.draft.sensor(name, n)).collect()
    }

    /// An actuator for every joint, in their order.
    fn actuated(&self) -> Result<(), String> {
        if self.draft.model().nu() == self.joints.len() {
            Ok(())
        } else {
            Err(format!("{} joints and {} controls", self.joints.len(), self.draft.model().nu()))
        }
    }

    fn commanded(&self) -> Result<(), String> {
        self.spec.command.as_ref().map(|_| ()).ok_or_else(|| "there is no command".to_owned())
    }

    fn footed(&self) -> Result<(), String> {
        if self.feet > 0 { Ok(()) } else { Err("there are no feet".to_owned()) }
    }
}

/// A number that a formula divides by.
fn positive(name: &str, x: f64) -> Result<f64, String> {
    if x.is_finite() && x > 0.0 { Ok(x) } else { Err(format!("{name} must be a finite number above 0")) }
}

fn boxed<T: Term + 'static>(term: T) -> Box<dyn Term> {
    Box::new(term)
}

impl TermSpec {
    /// The scale and the formula.
    pub(super) fn resolve(
        &self,
        draft: &Draft<'_>,
        joints: &Joints,
        feet: usize,
        spec: &ShapedSpec,
    ) -> Result<(f64, Box<dyn Term>), String> {
        if !self.scale.is_finite() {
            return Err(format!("{}: its scale is not finite", self.name));
        }
        let term = self.of.resolve(&Resolve { draft, joints, feet, spec });
        Ok((self.scale, term.map_err(|reason| format!("{}: {reason}", self.name))?))
    }
}

impl TermKind {
    fn resolve(&self, with: &Resolve<'_, '_>) -> Result<Box<dyn Term>, String> {
        let rest = velocity::resolve(self, with)
            .or_else(|| effort::resolve(self, with))
            .or_else(|| pose::resolve(self, with))
            .or_else(|| feet::resolve(self, with))
            .or_else(|| recovery::resolve(self, with))
            .or_else(|| hand::resolve(self, with));
        rest.unwrap_or_else(|| Err("a term that nothing resolves".to_owned()))
    }
}
