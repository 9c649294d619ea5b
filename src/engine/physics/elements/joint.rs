//! Joints and their limits.

use dynsparse_base::kinematics::JointKind;
use mujoco_rs::mujoco_c::{mjtDisableBit, mjtJoint};

use super::{Slices, Variant};
use crate::physics::Model;

/// A joint of a compiled model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Joint {
    /// Its kind.
    pub kind: JointKind,
    /// Its first entry in qpos.
    pub qpos: usize,
    /// Its first entry in qvel.
    pub dof: usize,
    /// Linear stiffness of its spring, N/m or N m/rad, whether springs are switched on or not.
    pub stiffness: f64,
    /// Coefficients of the spring's higher powers.
    pub stiffnesspoly: [f64; 2],
    /// Bounds of the sum of its actuators' forces, N or N m; None without.
    pub actfrcrange: Option<[f64; 2]>,
    /// Whether compensated gravity counts among its actuators' forces.
    pub actgravcomp: bool,
}

impl Joint {
    /// Whether its position is one number.
    pub fn is_scalar(&self) -> bool {
        matches!(self.kind, JointKind::Slide | JointKind::Hinge)
    }
}

/// The limit of a joint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointLimit {
    /// The kind of the joint.
    pub kind: JointKind,
    /// Its first entry in qpos.
    pub qpos: usize,
    /// Its first dof.
    pub dof: usize,
    /// Lowest and highest position.
    pub range: [f64; 2],
    /// Distance from a limit from which on it acts.
    pub margin: f64,
    /// What its constraint row begins with; None where MuJoCo mends what the model says.
    pub onset: Option<Onset>,
}

/// The constraint row of a joint's limit where the limit begins, at no depth: its force is -D (J a + B J v + K I depth).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Onset {
    /// One over its regularisation, kg or kg m^2.
    pub d: f64,
    /// Damping B, 1/s.
    pub damping: f64,
    /// Stiffness K times the impedance I, 1/s^2.
    pub push: f64,
}

impl Model {
    /// All joints, in the model's order.
    pub fn joints(&self) -> impl ExactSizeIterator<Item = Joint> + '_ {
        (0..self.raw().njnt as usize).map(|id| self.joint_at(id))
    }

    pub(in crate::physics) fn joint_at(&self, id: usize) -> Joint {
        let m = Slices(self.raw());
        let kind = match Variant::of(m.jnt_type()[id]) {
            Ok(mjtJoint::mjJNT_FREE) => JointKind::Free,
            Ok(mjtJoint::mjJNT_BALL) => JointKind::Ball,
            Ok(mjtJoint::mjJNT_SLIDE) => JointKind::Slide,
            // MuJoCo has four kinds; a fifth is refused by `Features` before anybody differentiates it.
            Ok(mjtJoint::mjJNT_HINGE) | Err(_) => JointKind::Hinge,
        };
        Joint {
            kind,
            qpos: m.jnt_qposadr()[id] as usize,
            dof: m.jnt_dofadr()[id] as usize,
            stiffness: m.jnt_stiffness()[id],
            stiffnesspoly: m.jnt_stiffnesspoly()[id],
            actfrcrange: m.jnt_actfrclimited()[id].then(|| m.jnt_actfrcrange()[id]),
            actgravcomp: m.jnt_actgravcomp()[id],
        }
    }

    /// The limits of joints that act.
    pub fn joint_limits(&self) -> impl Iterator<Item = JointLimit> + '_ {
        let m = Slices(self.raw());
        let on = self.limits_act();
        self.joints().enumerate().filter(move |(id, _)| on && m.jnt_limited()[*id]).map(move |(id, joint)| JointLimit {
            kind: joint.kind,
            qpos: joint.qpos,
            dof: joint.dof,
            range: m.jnt_range()[id],
            margin: m.jnt_margin()[id],
            onset: self.onset(id, joint.dof),
        })
    }

    /// What the row of a joint's limit begins with: with the reference (T, z) and the impedance from I to the largest one I',
    ///
    /// ```text
    /// D = I / ((1 - I) w),   B = 2 / (I' T),   K = 1 / (I' T z)^2       or, of a reference below zero,   B = -z / I',   K = -T / I'^2
    /// ```
    ///
    /// where w is the dof's inverse inertia in the model's configuration.
    fn onset(&self, id: usize, dof: usize) -> Option<Onset> {
        const TINY: f64 = 1e-15;
        let m = Slices(self.raw());
        let [mut time, ratio] = m.jnt_solref()[id];
        let [low, high, width, ..] = m.jnt_solimp()[id];
        let [low, high] = [low, high].map(|impedance| impedance.clamp(1e-4, 0.9999));
        if time > 0.0 && !self.is_disabled(mjtDisableBit::mjDSBL_REFSAFE) {
            time = time.max(2.0 * self.timestep());
        }
        let (stiffness, damping) = if time > 0.0 && ratio > 0.0 {
            let [b, root] = [high * time, high * time * ratio];
            (1.0 / (root * root).max(TINY), 2.0 / b.max(TINY))
        } else if time <= 0.0 && ratio <= 0.0 {
            (-time / (high * high).max(TINY), -ratio / high.max(TINY))
        } else {
            return None;
        };
        let impedance = if width <= TINY { 0.5 * (low + high) } else { low };
        let regularisation = ((1.0 - impedance) / impedance * m.dof_invweight0()[dof]).max(TINY);
        Some(Onset { d: 1.0 / regularisation, damping, push: stiffness * impedance })
    }

    /// Whether limits of joints and tendons make constraints.
    pub(super) fn limits_act(&self) -> bool {
        !self.is_disabled(mjtDisableBit::mjDSBL_LIMIT) && !self.is_disabled(mjtDisableBit::mjDSBL_CONSTRAINT)
    }
}
