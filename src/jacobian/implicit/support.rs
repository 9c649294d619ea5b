//! What the implicit engine covers.

use super::activation;
use crate::physics::{Damping, Model};

/// Why the engine cannot differentiate a model: one reason each; none when it can.
pub(super) fn obstacles(model: &Model) -> Vec<String> {
    let mut found = Vec::new();
    let mut refuse = |there: bool, what: &str| {
        if there {
            found.push(what.to_owned());
        }
    };
    let any = |field: &str, is: fn(f64) -> bool| model.numbers(field).is_some_and(|xs| xs.into_iter().any(is));
    let set = |field: &str| any(field, |x| x != 0.0);
    let damping = model.integrator_damping();
    refuse(damping.is_none(), "the integrator RK4");
    refuse(any("actuator_dyntype", |t| t > activation::MUSCLE), "actuators with dynamics of DC motors, PID or users");
    refuse(any("actuator_gaintype", |t| t > 2.0), "actuators with gains of DC motors, SO3, PID or users");
    refuse(any("actuator_biastype", |t| t > 2.0), "actuators with biases of DC motors or users");
    refuse(model.has_flexes(), "flexes");
    refuse(model.has_plugins(), "plugins");
    refuse(set("actuator_delay") || set("sensor_delay"), "delays");
    refuse(set("tendon_armature"), "tendons with armature");
    refuse(set("opt.noslip_iterations"), "noslip iterations");
    // mjENBL_SLEEP, mjENBL_DIAGEXACT, mjENBL_IPC: the stages that are repeated here know nothing of them.
    let enabled = model.numbers("opt.enableflags").and_then(|xs| xs.first().copied()).unwrap_or(0.0) as u32;
    refuse(enabled & 16 != 0, "sleep");
    refuse(enabled & 32 != 0, "the flag diagexact");
    refuse(enabled & 64 != 0, "the flag ipc");
    if damping == Some(Damping::Joints) {
        refuse(set("dof_dampingpoly"), "nonlinear damping under Euler with implicit damping");
        refuse(set("actuator_damping"), "actuators with damping under Euler with implicit damping");
    }
    if damping == Some(Damping::Symmetric) {
        refuse(model.has_free_compounds(), "free bodies with others fixed to them under implicitfast");
    }
    found
}

/// Whether what the integrator adds to the inertia depends on the state: Some where it does, and whether on controls and
/// activations too.
pub(super) fn damping_varies(model: &Model, damping: Damping) -> Option<bool> {
    if matches!(damping, Damping::None | Damping::Joints) {
        return None;
    }
    let any = |field: &str, is: fn(f64) -> bool| model.numbers(field).is_some_and(|xs| xs.into_iter().any(is));
    let set = |field: &str| any(field, |x| x != 0.0);
    let inner = gain_depends_on_velocity(model);
    let curved = ["dof_dampingpoly", "tendon_dampingpoly", "actuator_damping", "opt.density", "opt.viscosity"];
    let varies = damping == Damping::Full
        || inner
        || curved.iter().any(|f| set(f))
        || set("tendon_damping") && any("wrap_type", |t| t != 1.0) // mjWRAP_JOINT
        || damped_lever_turns(model);
    varies.then_some(inner)
}

/// Whether an actuator damps through a lever that depends on the posture.
fn damped_lever_turns(model: &Model) -> bool {
    let get = |field: &str| model.numbers(field).unwrap_or_default();
    let (kinds, targets, bias) = (get("actuator_trntype"), get("actuator_trnid"), get("actuator_biasprm"));
    let scalar: Vec<bool> = model.joints().map(|j| j.is_scalar()).collect();
    let bent = get("wrap_type").iter().any(|t| *t != 1.0); // mjWRAP_JOINT
    (0..kinds.len()).any(|i| {
        let straight = match kinds[i] {
            0.0 | 1.0 => scalar.get(targets[2 * i] as usize).copied().unwrap_or(false), // mjTRN_JOINT, in parent
            3.0 => !bent,                                                               // mjTRN_TENDON
            _ => false,
        };
        !straight && bias[10 * i + 2] != 0.0
    })
}

/// Whether a gain is affine in the velocity (mjGAIN_AFFINE = 1 with its third parameter).
fn gain_depends_on_velocity(model: &Model) -> bool {
    let (Some(kinds), Some(gains)) = (model.numbers("actuator_gaintype"), model.numbers("actuator_gainprm")) else {
        return true;
    };
    let width = gains.len() / kinds.len().max(1);
    kinds.iter().zip(gains.chunks(width.max(1))).any(|(kind, prm)| match *kind {
        0.0 => false,
        1.0 => prm.get(2).is_none_or(|x| *x != 0.0),
        _ => true,
    })
}
