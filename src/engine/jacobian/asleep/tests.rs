//! Boxes that settle and fall asleep, and what wakes them.

use std::sync::Arc;

use super::*;
use crate::jacobian::arbiter::{Arbiter, side_by_side};
use crate::jacobian::{EngineKind, EngineSpec};
use crate::physics::Solver;

/// A stack of two boxes, a ball that is to hit it, an arm that never sleeps, and a box that begins asleep, if it is let.
const SCENE: &str = r#"<mujoco><option timestep=".004" INTEGRATOR><flag sleep="enable"/></option><worldbody>
    <geom type="plane" size="5 5 .1"/>
    <body name="low" pos="0 0 .11"><freejoint/><geom type="box" size=".1 .12 .1"/></body>
    <body name="high" pos="0 .01 .33"><freejoint/><geom type="box" size=".08 .09 .1"/></body>
    <body name="ball" pos="-1 0 .2"><freejoint/><geom size=".08" density="3000"/></body>
    <body name="alone" pos="2 2 .1" sleep="POLICY"><freejoint/><geom type="box" size=".1 .1 .1"/></body>
    <body name="arm" pos="1 1 1"><joint name="hinge" axis="0 1 0" damping=".1"/><geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/></body>
    </worldbody><actuator><motor joint="hinge"/></actuator>
    <sensor><framepos objtype="body" objname="low"/><framelinvel objtype="body" objname="high"/><jointpos joint="hinge"/>
      <frameangacc objtype="body" objname="arm"/><subtreecom body="world"/></sensor></mujoco>"#;

fn scene(integrator: &str, policy: &str) -> Arc<Model> {
    let text = SCENE.replace("INTEGRATOR", integrator).replace("POLICY", policy);
    let mut model = Model::from_text("scene.xml", &text).unwrap();
    model.set_solver(Solver::CONVERGED);
    Arc::new(model)
}

fn state(sim: &mut Sim) -> Vec<f64> {
    let mut state = vec![0.0; sim.model().state_size()];
    sim.get_state(&mut state).unwrap();
    state
}

/// Steps on, under a control that swings; the ball is pushed at step 500.
fn go(sim: &mut Sim, k: usize) {
    sim.ctrl_mut()[0] = (k as f64 / 30.0).sin();
    if k == 500 {
        sim.qvel_mut()[12..15].copy_from_slice(&[4.0, 0.0, 1.0]);
    }
    sim.step().unwrap();
}

fn bits(state: &[f64]) -> Vec<u64> {
    state.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn a_state_that_is_set_goes_on_as_the_one_that_it_was_taken_from() {
    for (integrator, policy) in [
        ("", "allowed"),
        (r#"integrator="implicitfast""#, "init"),
        (r#"integrator="implicit" cone="elliptic""#, "never"),
    ] {
        let model = scene(integrator, policy);
        let [mut sim, mut other] = [(); 2].map(|()| Sim::new(&model).unwrap());
        let (mut slept, mut woke) = (0, 0);
        for k in 0..900 {
            let (before, here) = (sim.tree_asleep().to_vec(), state(&mut sim));
            other.set_state(&here).unwrap();
            assert_eq!(bits(&state(&mut other)), bits(&here), "{k}");
            if k == 500 {
                // What is moved after it was set wakes neither.
                other.set_state(&here).unwrap();
            }
            go(&mut sim, k);
            go(&mut other, k);
            assert_eq!(bits(&state(&mut other)), bits(&state(&mut sim)), "{integrator} {policy}, step {k}");
            let changed = |from: &[i32], to: &[i32]| from.iter().zip(to).filter(|(a, b)| **a < 0 && **b >= 0).count();
            slept += changed(&before, sim.tree_asleep());
            woke += changed(sim.tree_asleep(), &before);
        }
        assert!(slept >= 5 && woke >= 3, "{slept} fell asleep, {woke} woke");
        assert_eq!(sim.tree_asleep()[3] >= 0, policy != "never");
    }
}

#[test]
fn what_sleeps_is_constant_and_the_rest_is_as_whole_steps_say() {
    for integrator in ["", r#"integrator="implicitfast""#, r#"integrator="implicit" cone="elliptic""#] {
        let model = scene(integrator, "init");
        let (ndx, nu, nv) = (model.ndx(), model.nu(), model.nv());
        let spec = EngineSpec { sensors: true, ..EngineSpec::new(EngineKind::Implicit) };
        let mut engine = spec.build(&model).unwrap();
        let mut arbiter = Arbiter::with_sensors(&model).unwrap();
        let mut sim = Sim::new(&model).unwrap();
        let (mut all, mut checked, mut changes) = (vec![0.0; ndx * (ndx + nu)], 0, 0);
        for k in 0..700 {
            let here = state(&mut sim);
            let before = sim.tree_asleep().to_vec();
            go(&mut sim, k);
            let after = sim.tree_asleep().to_vec();
            let switches = before.iter().zip(&after).any(|(a, b)| (*a >= 0) != (*b >= 0));
            changes += usize::from(switches);
            if !switches && k % 97 != 0 {
                continue;
            }
            let mut from = Sim::new(&model).unwrap();
            from.set_state(&here).unwrap();
            from.ctrl_mut()[0] = (k as f64 / 30.0).sin();
            if k == 500 {
                from.qvel_mut()[12..15].copy_from_slice(&[4.0, 0.0, 1.0]);
            }
            let here = state(&mut from);
            let mut out = Jacobian::zeros(&model, true);
            engine.jacobian(&mut from, &mut out).unwrap();
            let sleeps = after.iter().any(|tree| *tree >= 0);
            assert_eq!(out.verdicts.switches.sleep, sleeps, "step {k}");
            let held = |tree: usize| before[tree] >= 0 && after[tree] >= 0;
            for (tree, dofs) in model.dofs_of_trees().iter().enumerate().filter(|(tree, _)| after[*tree] >= 0) {
                for &dof in dofs {
                    for column in 0..ndx {
                        let one = f64::from(u8::from(dof == column));
                        assert_eq!(out.a[dof * ndx + column], one, "{k}: {dof} {column}");
                        assert_eq!(out.a[(nv + dof) * ndx + column], 0.0);
                    }
                    assert!((0..ndx).all(|row| !held(tree) || out.a[row * ndx + nv + dof] == 0.0));
                    let verdict = out.verdicts.a[(nv + dof) * ndx + nv + dof];
                    assert_eq!(verdict == ZeroVerdict::Undecided, held(tree), "{k}: {verdict:?}");
                }
            }
            let judged = arbiter.judge(&here).unwrap();
            if !judged.is_smooth() {
                continue;
            }
            checked += 1;
            side_by_side(&out, ndx, nu, &mut all);
            let off = all.iter().zip(&judged.values).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
            assert!(off < 1e-7 * judged.scale, "{integrator} step {k}: {off:e} of {:e}", judged.scale);
            for (at, x) in out.c.iter().enumerate() {
                let (sensor, column) = (at / ndx, at % ndx);
                let y = judged.sensed.values[sensor * (ndx + nu) + column];
                let error = judged.sensed.errors[sensor * (ndx + nu) + column];
                assert!(
                    (x - y).abs() < 1e-5 * (1.0 + y.abs()) + 10.0 * error,
                    "step {k}: C[{sensor}, {column}] {x} {y}"
                );
            }
        }
        assert!(changes >= 4 && checked >= 6, "{integrator}: {changes} switches, {checked} states");
    }
}

/// A slider that coasts in the step at whose end it may fall asleep, just below the speed at which it does, at half of that and above.
#[test]
fn falling_asleep_is_a_switch_at_the_tolerance_and_smooth_below_and_above() {
    let text = r#"<mujoco><option timestep=".01" sleep_tolerance=".02" gravity="0 0 0"><flag sleep="enable"/></option><worldbody><body>
        <joint type="slide" axis="1 0 0" damping=".5"/><geom size=".1" mass="1"/></body></worldbody></mujoco>"#;
    let mut model = Model::from_text("slider.xml", text).unwrap();
    model.set_solver(Solver::CONVERGED);
    let model = Arc::new(model);
    let speed = model.resting_speeds()[0];
    let moving = [1.0, 0.01 / (1.0 + 0.005), 0.0, 1.0 / (1.0 + 0.005)];
    for (v, sleeps, smooth) in [
        (0.5 * speed, true, true),
        (2.0 * speed, false, true),
        (speed - 1e-9, true, false),
        (speed + 1e-9, false, false),
    ] {
        for kind in [EngineKind::Implicit, EngineKind::WholeStep] {
            let mut sim = Sim::new(&model).unwrap();
            sim.set_asleep(Some(&[-1]), &[], &[]).unwrap();
            sim.qvel_mut()[0] = v;
            let mut out = Jacobian::zeros(&model, false);
            EngineSpec::new(kind).build(&model).unwrap().jacobian(&mut sim, &mut out).unwrap();
            sim.step().unwrap();
            assert_eq!(sim.tree_asleep()[0] >= 0, sleeps, "{v}");
            assert_eq!(out.verdicts.switches.sleep, sleeps, "{v}");
            let place = format!("{kind:?} at {v}: {:?}, kink {}", out.a, out.verdicts.kink);
            if smooth {
                let right = if sleeps { [1.0, 0.0, 0.0, 0.0] } else { moving };
                assert!(
                    out.a.iter().zip(right).all(|(x, y)| (x - y).abs() < 1e-9) && out.verdicts.kink == 0.0,
                    "{place}"
                );
            } else {
                let doubtful = out.verdicts.a[3] == ZeroVerdict::Undecided || out.a[3].is_nan();
                assert!(out.verdicts.kink > 0.0 && out.verdicts.switches.any() && doubtful, "{place}");
            }
        }
    }
}

/// A pendulum on a ball joint that hangs asleep and an arm that swings, on a world whose site feels the force of both.
const FELT: &str = r#"<mujoco><option timestep=".004"><flag sleep="enable"/></option><worldbody><site name="world" pos=".3 0 0"/>
    <body pos="0 0 1" sleep="init"><joint type="ball" damping=".5"/><geom type="capsule" fromto="0 0 0 .05 0 -.4" size=".03"/></body>
    <body pos="1 0 1"><joint name="hinge" axis="0 1 0" damping=".1"/><geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/></body>
    </worldbody><actuator><motor joint="hinge"/></actuator>
    <sensor><force site="world"/><torque site="world"/></sensor></mujoco>"#;

#[test]
fn forces_of_what_carries_sleepers_are_whole_steps() {
    let mut model = Model::from_text("felt.xml", FELT).unwrap();
    model.set_solver(Solver::CONVERGED);
    let model = Arc::new(model);
    let mut sim = Sim::new(&model).unwrap();
    for _ in 0..20 {
        sim.ctrl_mut()[0] = 0.3;
        sim.step().unwrap();
    }
    assert!(sim.tree_asleep()[0] >= 0 && sim.tree_asleep()[1] < 0);
    let here = state(&mut sim);
    let [implicit, steps] = [EngineKind::Implicit, EngineKind::WholeStep].map(|kind| {
        let mut from = Sim::new(&model).unwrap();
        from.set_state(&here).unwrap();
        let mut out = Jacobian::zeros(&model, true);
        let spec = EngineSpec { sensors: true, ..EngineSpec::new(kind) };
        spec.build(&model).unwrap().jacobian(&mut from, &mut out).unwrap();
        out
    });
    let most = |values: &[f64]| values.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    assert!(most(&steps.c) > 0.1, "the arm is felt: {:?}", steps.c);
    for (found, right) in [(&implicit.c, &steps.c), (&implicit.d, &steps.d)] {
        let apart = found.iter().zip(right).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart <= 1e-7 * most(right), "{apart:e} of {:e}: {found:?} {right:?}", most(right));
    }
}
