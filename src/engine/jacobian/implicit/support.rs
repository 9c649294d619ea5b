//! What the implicit engine covers: an allow-list. What is not on it is refused by name.

use mujoco_rs::mujoco_c::{
    mjtBias, mjtCone, mjtDisableBit, mjtDyn, mjtEnableBit, mjtEq, mjtGain, mjtGeom, mjtIntegrator, mjtJoint, mjtSolver,
    mjtTrn, mjtWrap,
};

use super::fields;
use crate::physics::{Actuator, Damping, Model, Unknown};

/// Says why a thing is not covered; None where it is. No arm stands for variants that are not named, so that a new one
/// does not compile.
type Reason = Option<&'static str>;

fn integrator(kind: mjtIntegrator) -> Reason {
    match kind {
        mjtIntegrator::mjINT_EULER
        | mjtIntegrator::mjINT_IMPLICIT
        | mjtIntegrator::mjINT_IMPLICITFAST
        | mjtIntegrator::mjINT_RK4 => None,
        mjtIntegrator::mjINT_DISCRETE => Some("the integrator discrete"),
    }
}

fn solver(kind: mjtSolver) -> Reason {
    match kind {
        // All have one solution, but for PGS under elliptic cones.
        mjtSolver::mjSOL_PGS | mjtSolver::mjSOL_CG | mjtSolver::mjSOL_NEWTON => None,
    }
}

fn cone(kind: mjtCone) -> Reason {
    match kind {
        mjtCone::mjCONE_PYRAMIDAL | mjtCone::mjCONE_ELLIPTIC => None,
    }
}

fn disable_flag(bit: mjtDisableBit) -> Reason {
    use mjtDisableBit::*;
    match bit {
        // MuJoCo's own stages make the forces, or leave them out.
        mjDSBL_CONSTRAINT | mjDSBL_EQUALITY | mjDSBL_FRICTIONLOSS | mjDSBL_LIMIT | mjDSBL_CONTACT | mjDSBL_SPRING
        | mjDSBL_DAMPER | mjDSBL_GRAVITY | mjDSBL_CLAMPCTRL | mjDSBL_FILTERPARENT | mjDSBL_ACTUATION
        | mjDSBL_REFSAFE | mjDSBL_EULERDAMP | mjDSBL_NATIVECCD | mjDSBL_MULTICCD => None,
        // Without influence on the solution.
        mjDSBL_WARMSTART | mjDSBL_SENSOR | mjDSBL_MIDPHASE | mjDSBL_AUTORESET | mjDSBL_ISLAND => None,
        mjNDISABLE => Some("the flag after the last one to disable"),
    }
}

fn enable_flag(bit: mjtEnableBit) -> Reason {
    use mjtEnableBit::*;
    match bit {
        mjENBL_OVERRIDE | mjENBL_ENERGY | mjENBL_FWDINV | mjENBL_INVDISCRETE | mjENBL_SLEEP => None,
        mjENBL_DIAGEXACT => Some("the flag diagexact"),
        mjENBL_IPC => Some("the flag ipc"),
        mjNENABLE => Some("the flag after the last one to enable"),
    }
}

fn joint(kind: mjtJoint) -> Reason {
    match kind {
        mjtJoint::mjJNT_FREE | mjtJoint::mjJNT_BALL | mjtJoint::mjJNT_SLIDE | mjtJoint::mjJNT_HINGE => None,
    }
}

fn geom(kind: mjtGeom) -> Reason {
    use mjtGeom::*;
    match kind {
        mjGEOM_PLANE | mjGEOM_HFIELD | mjGEOM_SPHERE | mjGEOM_CAPSULE | mjGEOM_ELLIPSOID | mjGEOM_CYLINDER
        | mjGEOM_BOX | mjGEOM_MESH => None,
        mjGEOM_SDF => Some("geoms of signed distance fields"),
        mjGEOM_FLEX => Some("flexes"),
        mjGEOM_ARROW | mjGEOM_ARROW1 | mjGEOM_ARROW2 | mjGEOM_LINE | mjGEOM_LINEBOX | mjGEOM_SKIN | mjGEOM_LABEL
        | mjGEOM_TRIANGLE | mjGEOM_NONE | mjNGEOMTYPES => Some("geoms that are only drawn"),
    }
}

fn equality(kind: mjtEq) -> Reason {
    use mjtEq::*;
    match kind {
        mjEQ_CONNECT | mjEQ_WELD | mjEQ_JOINT | mjEQ_TENDON => None,
        mjEQ_FLEX | mjEQ_FLEXVERT | mjEQ_FLEXSTRAIN => Some("equalities of flexes"),
        mjEQ_DISTANCE => Some("equalities of distances"),
    }
}

fn wrap(kind: mjtWrap) -> Reason {
    use mjtWrap::*;
    match kind {
        mjWRAP_JOINT | mjWRAP_PULLEY | mjWRAP_SITE | mjWRAP_SPHERE | mjWRAP_CYLINDER => None,
        mjWRAP_NONE => Some("tendons over nothing"),
    }
}

fn transmission(kind: mjtTrn) -> Reason {
    use mjtTrn::*;
    match kind {
        mjTRN_JOINT | mjTRN_JOINTINPARENT | mjTRN_SLIDERCRANK | mjTRN_TENDON | mjTRN_SITE | mjTRN_BODY | mjTRN_SO3 => {
            None
        }
        mjTRN_UNDEFINED => Some("actuators without transmission"),
    }
}

fn dynamics(kind: mjtDyn) -> Reason {
    use mjtDyn::*;
    match kind {
        mjDYN_NONE | mjDYN_INTEGRATOR | mjDYN_FILTER | mjDYN_FILTEREXACT | mjDYN_MUSCLE | mjDYN_DCMOTOR | mjDYN_PID
        | mjDYN_USER => None,
    }
}

fn gain(kind: mjtGain) -> Reason {
    use mjtGain::*;
    match kind {
        mjGAIN_FIXED | mjGAIN_AFFINE | mjGAIN_MUSCLE | mjGAIN_DCMOTOR | mjGAIN_PID | mjGAIN_SO3 | mjGAIN_USER => None,
    }
}

fn bias(kind: mjtBias) -> Reason {
    use mjtBias::*;
    match kind {
        mjBIAS_NONE | mjBIAS_AFFINE | mjBIAS_MUSCLE | mjBIAS_DCMOTOR | mjBIAS_SO3 | mjBIAS_USER => None,
    }
}

/// Reasons, each once.
#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn add(&mut self, what: &str) {
        if !self.0.iter().any(|known| known == what) {
            self.0.push(what.to_owned());
        }
    }

    fn refuse(&mut self, there: bool, what: &str) {
        if there {
            self.add(what);
        }
    }

    fn all<T: Copy>(&mut self, things: &[Result<T, Unknown>], what: &str, reason: fn(T) -> Reason) {
        for thing in things {
            match thing.map(reason) {
                Ok(None) => {}
                Ok(Some(reason)) => self.add(reason),
                Err(Unknown(number)) => self.add(&format!("{what} {number}, which is not known")),
            }
        }
    }

    /// Actuators whose parts, inputs or outputs are not those of a kind, and what DC motors and servos of orientations do that is not
    /// covered.
    fn controllers(&mut self, model: &Model) {
        let damps = !matches!(model.integrator_damping(), None | Some(Damping::None | Damping::Joints));
        for a in model.actuators() {
            self.inputs(&a);
            let rubs = a.dyntype == Ok(mjtDyn::mjDYN_DCMOTOR) && a.dynprm[5] > 0.0;
            self.refuse(rubs && a.disabled, "DC motors with friction that are switched off");
            self.refuse(
                rubs && model.steps_by_runge_kutta(),
                "DC motors with friction under the integrator RK4, which moves it by the velocity of the last stage alone",
            );
            // Rounding decides whether MuJoCo takes the size of a torque for held, and leaves its damping out of the inertia.
            let held = a.gaintype == Ok(mjtGain::mjGAIN_SO3) && a.forcerange.is_some() && a.biasprm[2] != 0.0;
            self.refuse(
                damps && held,
                "actuators of orientations (SO3) with a range of torques where the integrator damps them",
            );
        }
    }

    /// What of an actuator's parts does not belong together, and inputs and outputs beyond those of its kind.
    fn inputs(&mut self, a: &Actuator) {
        let is_pid = [a.gaintype == Ok(mjtGain::mjGAIN_PID), a.dyntype == Ok(mjtDyn::mjDYN_PID)];
        let is_so3 = [
            a.transmission == Ok(mjtTrn::mjTRN_SO3),
            a.gaintype == Ok(mjtGain::mjGAIN_SO3),
            a.biastype == Ok(mjtBias::mjBIAS_SO3),
        ];
        let is_motor = [
            a.gaintype == Ok(mjtGain::mjGAIN_DCMOTOR),
            a.biastype == Ok(mjtBias::mjBIAS_DCMOTOR),
            a.dyntype == Ok(mjtDyn::mjDYN_DCMOTOR),
        ];
        if is_motor.contains(&true) {
            let whole = is_motor[0] && is_motor[1] && (is_motor[2] || a.dyntype == Ok(mjtDyn::mjDYN_NONE));
            self.refuse(!whole, "actuators with a part of a DC motor alone");
            let [setpoint, integral, bristle] = [a.dynprm[7], a.gainprm[5], a.dynprm[5]].map(|x| x > 0.0);
            let blind = (setpoint || integral) && a.controls.is_empty();
            self.refuse(blind, "DC motors with a controller but no control");
            // What its range holds is not the force that MuJoCo tells.
            let more = bristle || a.biasprm[0] != 0.0;
            self.refuse(more && a.forcerange.is_some(), "DC motors with a range of torques beside friction or cogging");
        } else if is_pid.contains(&true) {
            let whole = is_pid[0] && (is_pid[1] || a.dyntype == Ok(mjtDyn::mjDYN_NONE));
            let fits = whole && a.biastype == Ok(mjtBias::mjBIAS_AFFINE) && !a.controls.is_empty();
            self.refuse(!fits, "actuators with a part of PID alone, or without a control for it");
        } else if is_so3.contains(&true) {
            self.refuse(is_so3.contains(&false), "actuators with a part of SO3 alone");
            self.refuse(a.dyntype != Ok(mjtDyn::mjDYN_NONE), "actuators of orientations (SO3) with activations");
            return;
        } else {
            self.refuse(a.controls.len() != 1, "actuators with no control of their own or several");
        }
        self.refuse(a.outputs.len() != 1, "actuators with several outputs");
    }

    /// The fields that are not on a list, or that are not neutral where they must be.
    fn fields(&mut self, model: &Model) {
        let all = |field: &str, is: fn(f64) -> bool| model.numbers(field).is_some_and(|xs| xs.into_iter().all(is));
        for field in model.field_names() {
            if fields::COVERED.contains(&field) || fields::IDLE.contains(&field) {
                continue;
            }
            if let Some((_, what)) = fields::ZERO.iter().find(|(name, _)| *name == field) {
                self.refuse(!all(field, |x| x == 0.0), what);
            } else if fields::FLEXES.contains(&field) {
                self.refuse(!all(field, |_| false), "flexes");
            } else if fields::PLUGINS.contains(&field) {
                self.refuse(!all(field, |x| x == -1.0), "plugins");
            } else {
                self.add(&format!("the field {field}, which is not known"));
            }
        }
    }
}

/// Why the engine cannot differentiate a model: one reason each; none when it can.
pub(super) fn obstacles(model: &Model) -> Vec<String> {
    let mut found = Found::default();
    let of = model.features();
    found.all(&[of.integrator], "the integrator", integrator);
    found.all(&[of.solver], "the solver", solver);
    found.all(&[of.cone], "the cone", cone);
    // Where it ends is not the solution.
    found.refuse(model.sweeps_end_elsewhere(), "the solver PGS with elliptic cones");
    found.all(&of.disabled, "the flag to disable", disable_flag);
    found.all(&of.enabled, "the flag to enable", enable_flag);
    found.all(&of.joints, "joints of type", joint);
    found.all(&of.geoms, "geoms of type", geom);
    found.all(&of.equalities, "equalities of type", equality);
    found.all(&of.wraps, "tendon points of type", wrap);
    found.all(&of.transmissions, "actuators with transmission", transmission);
    found.all(&of.dynamics, "actuators with dynamics", dynamics);
    found.all(&of.gains, "actuators with gain", gain);
    found.all(&of.biases, "actuators with bias", bias);
    found.controllers(model);
    found.fields(model);
    for obstacle in model.sleep_obstacles() {
        found.refuse(true, &obstacle);
    }
    let [tendons, activations, idle] = model.sleep_is_pulled_at();
    found.refuse(tendons, "tendons between trees that sleep");
    found.refuse(activations, "actuators with an activation on what sleeps");
    found.refuse(idle, "actuators of what cannot move beside sleep");
    // Inertia through a moment arm that does not change is a constant of M.
    let fixed: Vec<bool> = model.tendons().map(|t| t.is_fixed()).collect();
    let scalar: Vec<bool> = model.joints().map(|j| j.is_scalar()).collect();
    let bent = model.tendons().any(|t| t.armature != 0.0 && !t.is_fixed());
    found.refuse(bent, "tendons with armature along sites");
    let constant_arm = |a: &Actuator| match a.transmission {
        Ok(mjtTrn::mjTRN_JOINT) => true,
        Ok(mjtTrn::mjTRN_JOINTINPARENT) => scalar.get(a.targets[0] as usize).copied().unwrap_or(false),
        Ok(mjtTrn::mjTRN_TENDON) => fixed.get(a.targets[0] as usize).copied().unwrap_or(false),
        _ => false,
    };
    let moved = model.actuators().any(|a| a.armature != 0.0 && !constant_arm(&a));
    found.refuse(moved, "actuators with armature whose moment arm depends on the configuration");
    // Their moment comes from contacts.
    let adhesive = || model.actuators().filter(|a| a.transmission == Ok(mjtTrn::mjTRN_BODY));
    found.refuse(!adhesive().all(|a| pulls_at_any_speed(&a)), "adhesion actuators whose force depends on velocity");
    let held = adhesive().next().is_some() && model.joints().any(|j| j.actfrcrange.is_some());
    found.refuse(held, "adhesion actuators beside joints whose actuator force has a range");
    // Without a callback there is nothing to know of these; one is refused elsewhere.
    let own = |a: &Actuator| a.dyntype == Ok(mjtDyn::mjDYN_USER) && a.activations.len() > 1;
    found.refuse(model.actuators().any(|a| own(&a)), "actuators of users with several activations");
    found.0
}

/// Whether the force of an actuator is a constant gain and bias, but for what depends on its length.
fn pulls_at_any_speed(a: &Actuator) -> bool {
    let gain = match a.gaintype {
        Ok(mjtGain::mjGAIN_FIXED) => true,
        Ok(mjtGain::mjGAIN_AFFINE) => a.gainprm[2] == 0.0,
        _ => false,
    };
    gain && match a.biastype {
        Ok(mjtBias::mjBIAS_NONE) => true,
        Ok(mjtBias::mjBIAS_AFFINE) => a.biasprm[2] == 0.0,
        _ => false,
    }
}

/// Whether what the integrator adds to the inertia depends on the state: Some where it does, and whether on controls and
/// activations too.
pub(super) fn damping_varies(model: &Model, damping: Damping) -> Option<bool> {
    if matches!(damping, Damping::None | Damping::Joints) {
        return None;
    }
    let inner = gain_depends_on_velocity(model);
    let curved_tendons = model.tendons().any(|t| t.dampingpoly.iter().any(|x| *x != 0.0));
    let curved_actuators = model.actuators().any(|a| a.is_damped());
    let medium = model.medium();
    let varies = damping == Damping::Full
        || inner
        || model.has_curved_dampers()
        || curved_tendons
        || curved_actuators
        || medium.density != 0.0
        || medium.viscosity != 0.0
        || model.tendons().any(|t| t.damping != 0.0) && !model.tendons().all(|t| t.is_fixed())
        || damped_arm_varies(model);
    varies.then_some(inner)
}

/// Whether an actuator damps through a moment arm that depends on the configuration.
fn damped_arm_varies(model: &Model) -> bool {
    let scalar: Vec<bool> = model.joints().map(|j| j.is_scalar()).collect();
    let fixed = model.tendons().all(|t| t.is_fixed());
    model.actuators().any(|a| {
        let constant = match a.transmission {
            Ok(mjtTrn::mjTRN_JOINT | mjtTrn::mjTRN_JOINTINPARENT) => {
                scalar.get(a.targets[0] as usize).copied().unwrap_or(false)
            }
            Ok(mjtTrn::mjTRN_TENDON) => fixed,
            _ => false,
        };
        !constant && a.biasprm[2] != 0.0
    })
}

/// Whether a gain depends on the velocity, or may.
fn gain_depends_on_velocity(model: &Model) -> bool {
    model.actuators().any(|a| match a.gaintype {
        Ok(mjtGain::mjGAIN_FIXED | mjtGain::mjGAIN_PID | mjtGain::mjGAIN_SO3 | mjtGain::mjGAIN_USER) => false,
        Ok(mjtGain::mjGAIN_AFFINE) => a.gainprm[2] != 0.0,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_on_one_list() {
        let model = Model::from_text("empty.xml", "<mujoco/>").unwrap();
        let mut listed: Vec<&str> = [fields::COVERED, fields::IDLE, fields::FLEXES, fields::PLUGINS].concat();
        listed.extend(fields::ZERO.iter().map(|(name, _)| *name));
        let mut there = model.field_names();
        listed.sort_unstable();
        there.sort_unstable();
        assert_eq!(listed, there);
    }
}
