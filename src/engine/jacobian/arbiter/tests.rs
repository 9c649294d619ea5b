//! On models whose derivatives are known.

use std::sync::Arc;

use super::*;
use crate::jacobian::{Engine, EngineKind, EngineSpec, Nudge, TransitionFd};

fn arbiter(mjcf: &str) -> (Arbiter, Sim) {
    let mut model = Model::from_text("test.xml", mjcf).unwrap();
    model.set_solver(Arbiter::SOLVER);
    let model = Arc::new(model);
    (Arbiter::new(&model).unwrap(), Sim::new(&model).unwrap())
}

fn state(sim: &mut Sim) -> Vec<f64> {
    let mut state = vec![0.0; sim.model().state_size()];
    sim.get_state(&mut state).unwrap();
    state
}

const PENDULUM: &str = r#"<mujoco><option timestep=".01" gravity="0 0 -9.81"/><worldbody><body>
    <joint name="j" axis="0 1 0" damping="0"/><geom type="sphere" size=".1" pos="0 0 -1" mass="2" contype="0" conaffinity="0"/>
    </body></worldbody><actuator><motor joint="j" gear="3" ctrlrange="-1 1" ctrllimited="true"/></actuator></mujoco>"#;

/// v' = v + h (gear u - m g l sin q) / I and q' = q + h v', with I = m l^2 + 2/5 m r^2.
#[test]
fn a_pendulum_has_the_derivatives_of_its_formula() {
    let (mut arbiter, mut sim) = arbiter(PENDULUM);
    let (h, inertia) = (0.01, 2.0 + 0.4 * 2.0 * 0.01);
    // In the range's middle, close to its end, and on both ends, where B is one-sided.
    for u in [0.2, 1.0 - 1e-6, 1.0, -1.0] {
        for q in [0.0, 0.7, 2.5] {
            sim.qpos_mut()[0] = q;
            sim.qvel_mut()[0] = -1.3;
            sim.ctrl_mut()[0] = u;
            let by_q = -h * 2.0 * 9.81 * f64::cos(q) / inertia;
            let by_u = h * 3.0 / inertia;
            let expected = [1.0 + h * by_q, h, h * by_u, by_q, 1.0, by_u];
            let judged = arbiter.judge(&state(&mut sim)).unwrap();
            assert!(judged.is_smooth() && judged.error < 1e-10, "{judged:?}");
            for ((x, error), y) in judged.values.iter().zip(&judged.errors).zip(expected) {
                assert!(
                    (x - y).abs() < 1e-10 && (x - y).abs() <= 10.0 * error + 1e-13,
                    "{x} +- {error} is not {y}, u {u}, q {q}"
                );
            }
        }
    }
}

const SLIDER: &str = r#"<mujoco><option timestep=".01" gravity="0 0 0"/><worldbody><body>
    <joint type="slide" axis="1 0 0" limited="true" range="-1 1" margin="0" solreflimit=".1 1"/><geom size=".1" mass="1" contype="0" conaffinity="0"/>
    </body></worldbody></mujoco>"#;

#[test]
fn a_joint_exactly_at_its_limit_is_at_a_kink() {
    let (mut arbiter, mut sim) = arbiter(SLIDER);
    sim.qpos_mut()[0] = 1.0;
    let at = state(&mut sim);
    let judged = arbiter.judge(&at).unwrap();
    assert!(judged.is_kink() && !judged.is_smooth(), "{judged:?}");
    // Central differences at two nudges see nothing wrong.
    let model = sim.model().clone();
    let mut seen = [1e-6, 2e-6].map(|eps| {
        let mut out = Jacobian::zeros(&model, false);
        let spec = EngineSpec::new(EngineKind::TransitionFd);
        TransitionFd::new(Nudge::centered(eps), &spec, &model).jacobian(&mut sim, &mut out).unwrap();
        out.a[2]
    });
    seen.sort_by(f64::total_cmp);
    assert!((seen[1] - seen[0]).abs() < 1e-3 * seen[0].abs(), "{seen:?}");
    let (kind, nudge) = arbiter.switch_near(&at, judged.entry.column).unwrap().unwrap();
    assert_eq!((kind, nudge), (SwitchKind::Limit, 0.5_f64.powi(24)));

    // A nudge away from the limit, on either side, there is a derivative.
    for q in [1.0 - 1e-4, 1.0 + 1e-4] {
        sim.qpos_mut()[0] = q;
        let at = state(&mut sim);
        let judged = arbiter.judge(&at).unwrap();
        assert!(judged.is_smooth(), "{q}: {judged:?}");
        let (kind, nudge) = arbiter.switch_near(&at, 0).unwrap().unwrap();
        assert_eq!(kind, SwitchKind::Limit);
        assert!((0.5e-4..4e-4).contains(&nudge), "{nudge}");
    }
}

const BALL: &str = r#"<mujoco><option timestep=".002"/><worldbody><geom type="plane" size="1 1 1"/><body pos="0 0 .1">
    <joint type="slide" axis="0 0 1"/><geom size=".1" mass="1"/></body></worldbody></mujoco>"#;

/// The floor begins to push and to brake at once, so the step even jumps.
#[test]
fn a_ball_that_just_touches_the_floor_has_no_derivative() {
    let (mut arbiter, mut sim) = arbiter(BALL);
    sim.qvel_mut()[0] = -0.5;
    let at = state(&mut sim);
    let judged = arbiter.judge(&at).unwrap();
    assert!(!judged.is_smooth() && judged.error > 0.1, "{judged:?}");
    assert_eq!(judged.entry.column, 0);
    assert_eq!(arbiter.switch_near(&at, 0).unwrap().unwrap().0, SwitchKind::Contact);
    // Pressed in it pushes back smoothly, above the floor it flies. At a millimetre its impedance has reached its
    // full width: there the second derivative jumps, and not the first.
    for height in [-0.0007, -0.001, -0.01, 0.01] {
        sim.qpos_mut()[0] = height;
        let at = state(&mut sim);
        let judged = arbiter.judge(&at).unwrap();
        assert!(judged.is_smooth() && judged.error < 1e-8, "{height}: {judged:?}");
    }
}

#[test]
fn a_model_without_controls_and_a_range_without_room_are_no_trouble() {
    let (mut arbiter, mut sim) = arbiter(&PENDULUM.replace("-1 1", ".5 .5000000001"));
    sim.ctrl_mut()[0] = 0.5;
    let judged = arbiter.judge(&state(&mut sim)).unwrap();
    assert_eq!((judged.values[2], judged.values[5]), (0.0, 0.0));
    assert!(judged.is_smooth());
}

/// v' = v + h (k u v) / (m - h k u) for a force k u v, integrated implicitly: the control changes the inertia too, which
/// mjd_transitionFD (3.17) leaves as it is.
#[test]
fn a_control_that_scales_damping_acts_through_the_integrator() {
    let (mut arbiter, mut sim) = arbiter(
        r#"<mujoco><option timestep=".01" gravity="0 0 0" integrator="implicitfast"/><worldbody><body>
        <joint name="j" type="slide" axis="1 0 0"/><geom size=".1" mass="2"/></body></worldbody>
        <actuator><general joint="j" gaintype="affine" gainprm="0 0 -30"/></actuator></mujoco>"#,
    );
    let (h, m, k, u, v) = (0.01, 2.0, -30.0, 0.4, 1.5);
    sim.qvel_mut()[0] = v;
    sim.ctrl_mut()[0] = u;
    let judged = arbiter.judge(&state(&mut sim)).unwrap();
    let d = m - h * k * u;
    let expected = h * k * v / d + h * k * u * v * h * k / (d * d);
    let found = judged.values[5];
    assert!((found - expected).abs() < 1e-10, "{found} {expected}");
}
