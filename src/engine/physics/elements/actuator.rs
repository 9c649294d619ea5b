//! Actuators: what they act on, and what their force depends on.

use std::f64::consts::TAU;
use std::ops::Range;

use mujoco_rs::mujoco_c::{mjtBias, mjtDyn, mjtGain, mjtTrn};

use super::{Slices, Unknown, Variant};
use crate::physics::{JointKind, Model};

/// An actuator of a compiled model. Its force is `gain * u + bias`, where `u` is its control or activation, and gain and bias
/// are functions of its length and velocity.
#[derive(Debug, Clone, PartialEq)]
pub struct Actuator<'a> {
    /// What it acts on.
    pub transmission: Result<mjtTrn, Unknown>,
    /// The joint, tendon, body or sites that it acts on (`trnid`); -1 where there is none.
    pub targets: [i32; 2],
    /// How its activation moves.
    pub dyntype: Result<mjtDyn, Unknown>,
    /// Its parameters.
    pub dynprm: &'a [f64],
    /// How its force depends on its control or activation.
    pub gaintype: Result<mjtGain, Unknown>,
    /// Its parameters.
    pub gainprm: &'a [f64],
    /// What its force is without control and activation.
    pub biastype: Result<mjtBias, Unknown>,
    /// Its parameters.
    pub biasprm: &'a [f64],
    /// Its controls among those of the model (nu).
    pub controls: Range<usize>,
    /// What its controls are: bits of `mjtCtrlInput`, in the order of the controls.
    pub inputs: i32,
    /// Its activations among those of the model (na).
    pub activations: Range<usize>,
    /// Its outputs: forces, lengths and velocities among those of the model.
    pub outputs: Range<usize>,
    /// Bounds of its force, N or N m; None without.
    pub forcerange: Option<[f64; 2]>,
    /// Bounds of its activation; None without.
    pub actrange: Option<[f64; 2]>,
    /// Whether its force is that of the next activation.
    pub actearly: bool,
    /// Linear damping.
    pub damping: f64,
    /// Coefficients of the damping's higher powers.
    pub dampingpoly: [f64; 2],
    /// Inertia that it adds to what it acts on.
    pub armature: f64,
    /// The length of its first output by that of the joint or tendon that it acts on.
    pub gear: f64,
    /// A turn of its first output where that is an angle and the actuator a servo or a PID controller, which take their setpoint
    /// at the turn next to it; else 0.
    pub period: f64,
    /// The lengths of its first output that its joints allow.
    pub lengthrange: [f64; 2],
    /// How much a unit of its first output's force accelerates the model in `qpos0`, 1/kg or 1/(kg m).
    pub acc0: f64,
    /// Whether its group is switched off (`actuatorgroupdisable`).
    pub disabled: bool,
}

impl Actuator<'_> {
    /// Whether it acts on a joint.
    pub fn is_on_joint(&self) -> bool {
        matches!(self.transmission, Ok(mjtTrn::mjTRN_JOINT | mjtTrn::mjTRN_JOINTINPARENT))
    }

    /// Whether anything in it damps what it acts on beyond its gain and bias.
    pub fn is_damped(&self) -> bool {
        self.damping != 0.0 || self.dampingpoly.iter().any(|x| *x != 0.0)
    }
}

/// Entries from `first` on, -1 where there are none.
fn entries(first: i32, n: i32) -> Range<usize> {
    usize::try_from(first).map_or(0..0, |first| first..first + n.max(0) as usize)
}

impl Model {
    /// All actuators, in the model's order.
    pub fn actuators(&self) -> impl ExactSizeIterator<Item = Actuator<'_>> + '_ {
        (0..Slices(self.raw()).actuator_trntype().len()).map(|id| self.actuator_at(id))
    }

    /// The bodies that adhesion actuators act on.
    pub fn adhesion_bodies(&self) -> impl Iterator<Item = usize> + '_ {
        let adhesive = self.actuators().filter(|a| a.transmission == Ok(mjtTrn::mjTRN_BODY));
        adhesive.filter_map(|a| usize::try_from(a.targets[0]).ok())
    }

    pub(in crate::physics) fn actuator_at(&self, id: usize) -> Actuator<'_> {
        let m = Slices(self.raw());
        let outputs = entries(m.actuator_outadr()[id], m.actuator_outnum()[id]);
        let output = (!outputs.is_empty()).then_some(outputs.start);
        Actuator {
            transmission: Variant::of(m.actuator_trntype()[id]),
            targets: m.actuator_trnid()[id],
            dyntype: Variant::of(m.actuator_dyntype()[id]),
            dynprm: &m.actuator_dynprm()[id],
            gaintype: Variant::of(m.actuator_gaintype()[id]),
            gainprm: &m.actuator_gainprm()[id],
            biastype: Variant::of(m.actuator_biastype()[id]),
            biasprm: &m.actuator_biasprm()[id],
            controls: entries(m.actuator_ctrladr()[id], m.actuator_ctrlnum()[id]),
            inputs: m.actuator_ctrlspec()[id],
            activations: entries(m.actuator_actadr()[id], m.actuator_actnum()[id]),
            outputs,
            forcerange: m.actuator_forcelimited()[id].then(|| m.actuator_forcerange()[id]),
            actrange: m.actuator_actlimited()[id].then(|| m.actuator_actrange()[id]),
            actearly: m.actuator_actearly()[id],
            damping: m.actuator_damping()[id],
            dampingpoly: m.actuator_dampingpoly()[id],
            armature: m.actuator_armature()[id],
            gear: output.map_or(0.0, |o| m.actuator_gear()[o][0]),
            period: self.wrap_period(id),
            lengthrange: output.map_or([0.0; 2], |o| m.actuator_lengthrange()[o]),
            acc0: output.map_or(0.0, |o| m.actuator_acc0()[o]),
            disabled: self.actuator_group_is_off(m.actuator_group()[id]),
        }
    }

    /// [`Actuator::period`] of an actuator.
    fn wrap_period(&self, id: usize) -> f64 {
        let m = Slices(self.raw());
        let dynamics = Variant::of(m.actuator_dyntype()[id]);
        let is_servo = Variant::of(m.actuator_gaintype()[id]) == Ok(mjtGain::mjGAIN_FIXED)
            && Variant::of(m.actuator_biastype()[id]) == Ok(mjtBias::mjBIAS_AFFINE)
            && m.actuator_gainprm()[id][0] == -m.actuator_biasprm()[id][1]
            && matches!(dynamics, Ok(mjtDyn::mjDYN_NONE | mjtDyn::mjDYN_INTEGRATOR));
        let is_pid = Variant::of(m.actuator_gaintype()[id]) == Ok(mjtGain::mjGAIN_PID);
        let outputs = entries(m.actuator_outadr()[id], m.actuator_outnum()[id]);
        if !(is_servo || is_pid) || outputs.is_empty() {
            return 0.0;
        }
        let ([x, y, z, turn @ ..], [target, reference]) = (m.actuator_gear()[outputs.start], m.actuator_trnid()[id]);
        let norm = |v: [f64; 3]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        match Variant::of(m.actuator_trntype()[id]) {
            Ok(mjtTrn::mjTRN_SITE) if reference >= 0 && [x, y, z] == [0.0; 3] => TAU * norm(turn),
            Ok(mjtTrn::mjTRN_JOINT | mjtTrn::mjTRN_JOINTINPARENT) => {
                let joint = usize::try_from(target).ok().and_then(|target| self.joints().nth(target));
                if joint.is_some_and(|j| j.kind == JointKind::Ball) { TAU * norm([x, y, z]) } else { 0.0 }
            }
            _ => 0.0,
        }
    }

    fn actuator_group_is_off(&self, group: i32) -> bool {
        (0..31).contains(&group) && self.raw().opt.disableactuator & (1 << group) != 0
    }
}
