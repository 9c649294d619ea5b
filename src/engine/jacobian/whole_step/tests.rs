//! On models whose derivatives are known.

use super::*;
use crate::jacobian::{Chain, EngineKind, TransitionFd};
use crate::physics::Solver;

fn load(mjcf: &str) -> (Arc<Model>, Sim) {
    let mut model = Model::from_text("test.xml", mjcf).unwrap();
    model.set_solver(Solver::CONVERGED);
    let model = Arc::new(model);
    let sim = Sim::new(&model).unwrap();
    (model, sim)
}

fn spec() -> EngineSpec {
    EngineSpec::new(EngineKind::WholeStep)
}

fn jacobian(sim: &mut Sim) -> Jacobian {
    let mut out = Jacobian::zeros(sim.model(), false);
    WholeStep::new(&spec(), &sim.model().clone()).unwrap().jacobian(sim, &mut out).unwrap();
    out
}

/// A linear system x' = K x takes the first five terms of exp(h K) in a step of RK4.
#[test]
fn rk4_of_a_spring_and_a_damper() {
    let (_, mut sim) = load(
        r#"<mujoco><option timestep=".02" gravity="0 0 0" integrator="RK4"/><worldbody><body>
        <joint type="slide" axis="1 0 0" stiffness="50" damping="3"/><geom size=".1" mass="2"/></body></worldbody></mujoco>"#,
    );
    let (h, k) = (0.02_f64, nalgebra::Matrix2::<f64>::new(0.0, 1.0, -25.0, -1.5));
    let (mut term, mut right) = (nalgebra::Matrix2::<f64>::identity(), nalgebra::Matrix2::<f64>::identity());
    for n in 1..=4 {
        term = term * k * (h / f64::from(n));
        right += term;
    }
    sim.qpos_mut()[0] = 0.3;
    sim.qvel_mut()[0] = -0.8;
    let found = jacobian(&mut sim);
    for (i, x) in found.a.iter().enumerate() {
        let right: f64 = right[(i / 2, i % 2)];
        assert!((x - right).abs() < 1e-10, "{i}: {x} for {right}");
    }
    assert_eq!(found.verdicts.a, [ZeroVerdict::Nonzero; 4]);
    assert!(!found.verdicts.switches.any() && found.verdicts.kink == 0.0);
}

const TWO: &str = r#"<mujoco><option timestep=".01" gravity="0 0 0"/><worldbody>
    <body><joint type="slide" axis="1 0 0" damping="1"/><geom size=".1" mass="1"/></body>
    <body pos="0 1 0"><joint type="slide" axis="1 0 0"/><geom size=".1" mass="2"/></body></worldbody>
    <actuator><motor joint="JOINT"/></actuator></mujoco>"#;

#[test]
fn what_nothing_joins_is_zero() {
    let text = TWO.replacen("<joint type", r#"<joint name="one" type"#, 1).replace("JOINT", "one");
    let (_, mut sim) = load(&text);
    sim.qvel_mut().copy_from_slice(&[0.4, -0.2]);
    let found = jacobian(&mut sim);
    for row in 0..4 {
        for column in 0..4 {
            let (x, verdict) = (found.a[row * 4 + column], found.verdicts.a[row * 4 + column]);
            let apart = row % 2 != column % 2;
            // A velocity depends on no position here.
            let zero = apart || (row >= 2 && column < 2);
            assert_eq!(verdict == ZeroVerdict::Zero, zero, "{row} {column}: {x} {verdict:?}");
        }
        assert_eq!(found.verdicts.b[row] == ZeroVerdict::Zero, row % 2 == 1, "{row}");
    }
}

/// The floor begins to push and to brake at once: the velocity jumps with the height, and with nothing else.
const BALLS: &str = r#"<mujoco><option timestep=".002"/><worldbody><geom type="plane" size="1 1 1"/>
    <body pos="0 0 .1"><joint type="slide" axis="0 0 1"/><geom size=".1" mass="1"/></body>
    <body pos="1 0 1"><joint type="slide" axis="0 0 1" damping="1"/><geom size=".1" mass="1"/></body></worldbody></mujoco>"#;

#[test]
fn where_there_is_no_derivative_an_entry_is_none_and_the_others_hold() {
    let (model, mut sim) = load(BALLS);
    sim.qvel_mut().copy_from_slice(&[-0.5, 0.3]);
    let found = jacobian(&mut sim);
    let at = |row: usize, column: usize| (found.a[row * 4 + column], found.verdicts.a[row * 4 + column]);
    for row in [0, 2] {
        let (x, verdict) = at(row, 0);
        assert!(x.is_nan() && verdict == ZeroVerdict::Undecided, "{row}: {x} {verdict:?}");
    }
    assert!(found.verdicts.switches.contact && found.verdicts.kink >= 1.0, "{:?}", found.verdicts);
    let (damped, verdict) = at(3, 3);
    assert!((damped - 1.0 / 1.002).abs() < 1e-10 && verdict == ZeroVerdict::Nonzero, "{damped}");
    assert_eq!(at(3, 0), (0.0, ZeroVerdict::Zero));
    assert!(found.verdicts.floor[1] < 1e-9 && found.verdicts.floor[3] < 1e-9, "{:?}", found.verdicts.floor);

    // Nor does it spread through a control step's product, but where it flows.
    let mut chain = Chain::new(&model, &spec());
    let mut whole = Jacobian::zeros(&model, false);
    chain.start();
    chain.push(&found);
    sim.step().unwrap();
    chain.push(&jacobian(&mut sim));
    sim.step().unwrap();
    chain.push(&jacobian(&mut sim));
    chain.finish(&mut whole);
    for row in 0..4 {
        for column in 0..4 {
            let (x, verdict) = (whole.a[row * 4 + column], whole.verdicts.a[row * 4 + column]);
            let hole = row % 2 == 0 && column == 0;
            assert_eq!(x.is_nan(), hole, "{row} {column}: {x}");
            if hole {
                assert_eq!(verdict, ZeroVerdict::Undecided);
            }
        }
    }
    assert!((whole.a[15] - (1.0_f64 / 1.002).powi(3)).abs() < 1e-9);
    assert_eq!(whole.verdicts.a[12], ZeroVerdict::Zero);
}

#[test]
fn what_keeps_a_state_that_no_nudge_sees_is_refused_by_name() {
    let body = r#"<worldbody><body><joint name="j"/><geom size="1"/></body></worldbody>"#;
    let option = r#"<option integrator="RK4"><flag sleep="enable"/></option>"#;
    let (model, _) = load(&format!("<mujoco>{option}{body}</mujoco>"));
    let refused = spec().build(&model).err().unwrap().to_string();
    assert!(refused.contains("the engine whole-step does not cover sleep with the integrator RK4"), "{refused}");
    let carried = r#"<worldbody><body mocap="true"><geom size="1"/><body sleep="POLICY"><joint/><geom size="1"/></body></body></worldbody>"#;
    let option = r#"<option><flag sleep="enable"/></option>"#;
    for (policy, there) in [("never", false), ("allowed", true)] {
        let (model, _) = load(&format!("<mujoco>{option}{}</mujoco>", carried.replace("POLICY", policy)));
        let refused = spec().build(&model).err().map(|error| error.to_string());
        assert_eq!(refused.is_some_and(|text| text.contains("sleep of what a mocap body carries")), there);
    }
}

/// A solid of 2 x 3 x 4 vertices in free fall beside a free body and a pendulum.
const SOLID: &str = r#"<mujoco><option timestep=".001"/><worldbody><geom type="plane" size="3 3 .1" pos="0 0 -1"/>
    <flexcomp name="f" type="grid" count="2 3 4" spacing=".1 .1 .1" dim="3" radius=".005" mass="2"><edge damping="1"/>
    <contact selfcollide="none"/><elasticity young="2e4" poisson=".2"/></flexcomp>
    <body pos="2 0 0"><freejoint/><geom size=".1 .2 .1" type="ellipsoid"/></body>
    <body pos="3 0 0"><joint damping="1"/><geom size=".1" pos=".3 0 0"/></body></worldbody></mujoco>"#;

#[test]
fn inputs_that_are_nudged_together_give_the_columns_that_they_give_alone() {
    let (model, mut sim) = load(SOLID);
    for (i, v) in sim.qvel_mut().iter_mut().enumerate() {
        *v = 0.3 * (1.7 * i as f64).sin();
    }
    for _ in 0..30 {
        sim.step().unwrap();
    }
    let mut engine = WholeStep::new(&spec(), &model).unwrap();
    let (mut together, mut alone) = (Jacobian::zeros(&model, false), Jacobian::zeros(&model, false));
    assert!(!engine.groups.is_empty());
    engine.jacobian(&mut sim, &mut together).unwrap();
    let groups = std::mem::take(&mut engine.groups);
    engine.jacobian(&mut sim, &mut alone).unwrap();
    assert_eq!(together, alone);
    let zeros = together.verdicts.a.iter().filter(|v| **v == ZeroVerdict::Zero).count();
    assert!(zeros * 2 > together.a.len() && together.is_finite(), "{zeros} zeros of {}", together.a.len());
    // On the floor the solver joins what lies apart, and each input is nudged by itself.
    engine.groups = groups;
    let n = model.nq() - 8;
    for z in sim.qpos_mut()[..n].iter_mut().skip(2).step_by(3) {
        *z -= 0.8498;
    }
    sim.forward().unwrap();
    assert!(sim.nefc() > 0);
    engine.jacobian(&mut sim, &mut together).unwrap();
    engine.groups.clear();
    engine.jacobian(&mut sim, &mut alone).unwrap();
    assert_eq!(together, alone);
}

/// v' = v + h (u(t - 3 h) + i) / m: a control acts over five steps through two of them, and not within one.
#[test]
fn a_control_with_a_delay_acts_over_several_steps_alone() {
    let (h, mass, k) = (0.01, 2.0, 5);
    let (model, mut sim) = load(
        r#"<mujoco><option timestep=".01" gravity="0 0 0"/><worldbody><body><joint name="j" type="slide" axis="1 0 0"/>
        <geom size=".1" mass="2"/></body></worldbody><actuator><motor joint="j" delay=".03" nsample="5" gear="4"/></actuator></mujoco>"#,
    );
    assert_eq!(model.held_state(), ["history of actuators"]);
    sim.ctrl_mut()[0] = 0.7;
    for _ in 0..9 {
        sim.step().unwrap();
    }
    let once = jacobian(&mut sim);
    assert_eq!((&once.b[..], &once.verdicts.b[..]), (&[0.0; 2][..], &[ZeroVerdict::Zero; 2][..]));
    let (mut x, mut v) = (0.0, 0.0);
    for step in 0..k {
        v += if step >= 3 { h * 4.0 / mass } else { 0.0 };
        x += h * v;
    }
    let mut state = vec![0.0; model.state_size()];
    sim.get_state(&mut state).unwrap();
    let mut step = super::super::ControlStep::new(&model, &spec()).unwrap();
    let whole = step.over(&mut sim, k).unwrap();
    for (found, right) in whole.b.iter().zip([x, v]).chain(whole.a.iter().zip([1.0, h * k as f64, 0.0, 1.0])) {
        assert!((found - right).abs() < 1e-11, "{found} for {right}");
    }
    assert_eq!(whole.verdicts.b, [ZeroVerdict::Nonzero; 2]);
    let mut other = Sim::new(&model).unwrap();
    other.set_state(&state).unwrap();
    (0..k).for_each(|_| other.step().unwrap());
    assert_eq!((other.qpos(), other.qvel()), (sim.qpos(), sim.qvel()), "it has taken the steps");
    assert!(TransitionFd::obstacles(&model)[0].contains("history of actuators"));
}
