//! Tendons: what they run over, their springs, dampers and limits.

use mujoco_rs::mujoco_c::mjtWrap;

use super::{Slices, Unknown, Variant};
use crate::physics::Model;

/// What a tendon runs over at one place of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathPoint {
    /// A joint, a pulley, a site, or a geom that it wraps around.
    pub kind: Result<mjtWrap, Unknown>,
    /// The number of the joint, site or geom; -1 for a pulley.
    pub object: i32,
}

/// A tendon of a compiled model.
#[derive(Debug, Clone, Copy)]
pub struct Tendon<'a> {
    /// Types and objects of its path, of one length.
    path: (&'a [i32], &'a [i32]),
    /// Linear stiffness, N/m, whether springs are switched on or not.
    pub stiffness: f64,
    /// Coefficients of the spring's higher powers.
    pub stiffnesspoly: [f64; 2],
    /// Lengths between which the spring is slack.
    pub springlength: [f64; 2],
    /// Its length in `qpos0`, m.
    pub length0: f64,
    /// Linear damping, N s/m, whether dampers are switched on or not.
    pub damping: f64,
    /// Coefficients of the damper's higher powers.
    pub dampingpoly: [f64; 2],
    /// Inertia of its length, kg.
    pub armature: f64,
    /// Whether the sum of its actuators' forces has a range.
    pub actfrclimited: bool,
}

impl Tendon<'_> {
    /// The points of its path.
    pub fn path(&self) -> impl ExactSizeIterator<Item = PathPoint> + '_ {
        let (kinds, objects) = self.path;
        kinds.iter().zip(objects).map(|(kind, object)| PathPoint { kind: Variant::of(*kind), object: *object })
    }

    /// Whether its length is a fixed sum of joint positions (`<fixed>`), so that its moment arms are constant.
    pub fn is_fixed(&self) -> bool {
        self.path().all(|point| point.kind == Ok(mjtWrap::mjWRAP_JOINT))
    }
}

/// The limit of a tendon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TendonLimit {
    /// The tendon.
    pub tendon: usize,
    /// Lowest and highest length.
    pub range: [f64; 2],
    /// Distance from a limit from which on it acts.
    pub margin: f64,
}

impl Model {
    /// All tendons, in the model's order.
    pub fn tendons(&self) -> impl ExactSizeIterator<Item = Tendon<'_>> + '_ {
        let m = Slices(self.raw());
        (0..m.tendon_adr().len()).map(move |id| {
            let first = m.tendon_adr()[id] as usize;
            let path = first..first + m.tendon_num()[id] as usize;
            Tendon {
                path: (&m.wrap_type()[path.clone()], &m.wrap_objid()[path]),
                stiffness: m.tendon_stiffness()[id],
                stiffnesspoly: m.tendon_stiffnesspoly()[id],
                springlength: m.tendon_lengthspring()[id],
                length0: m.tendon_length0()[id],
                damping: m.tendon_damping()[id],
                dampingpoly: m.tendon_dampingpoly()[id],
                armature: m.tendon_armature()[id],
                actfrclimited: m.tendon_actfrclimited()[id],
            }
        })
    }

    /// The limits of tendons that act.
    pub fn tendon_limits(&self) -> impl Iterator<Item = TendonLimit> + '_ {
        let m = Slices(self.raw());
        let on = self.limits_act();
        let limited = move |tendon: &usize| on && m.tendon_limited()[*tendon];
        (0..m.tendon_limited().len()).filter(limited).map(move |tendon| TendonLimit {
            tendon,
            range: m.tendon_range()[tendon],
            margin: m.tendon_margin()[tendon],
        })
    }
}
