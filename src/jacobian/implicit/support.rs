//! What the implicit engine covers.

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
    refuse(model.na() > 0, "actuators with activation");
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
    if let Some(damping) = damping.filter(|d| *d != Damping::None) {
        refuse(set("dof_dampingpoly") || set("tendon_dampingpoly"), "nonlinear damping, integrated implicitly");
        refuse(set("actuator_damping"), "actuators with damping, integrated implicitly");
        if damping != Damping::Joints {
            // What the integrator adds to the inertia changes with the state there.
            refuse(damping == Damping::Full, "the integrator implicit");
            refuse(model.has_free_compounds(), "free bodies with others fixed to them, integrated implicitly");
            refuse(set("opt.density") || set("opt.viscosity"), "fluid forces, integrated implicitly");
            refuse(gain_depends_on_velocity(model), "actuators with a gain by velocity, integrated implicitly");
            let damped = |field: &str, col: usize, of: usize| {
                model.numbers(field).is_some_and(|xs| xs.chunks(of).any(|row| row.get(col).is_some_and(|x| *x != 0.0)))
            };
            let moments_turn = any("actuator_trntype", |t| !(0.0..=1.0).contains(&t) && t != 3.0)
                || (any("actuator_trntype", |t| t == 3.0) && any("wrap_type", |t| t != 1.0));
            refuse(
                moments_turn && damped("actuator_biasprm", 2, 10),
                "actuators with damping whose lever depends on the posture, integrated implicitly",
            );
            refuse(
                set("tendon_damping") && any("wrap_type", |t| t != 1.0),
                "tendons with damping whose lever depends on the posture, integrated implicitly",
            );
        }
    }
    found
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
