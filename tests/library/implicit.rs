//! The implicit engine against extrapolated differences, on Playground's tasks and on models of every feature that it
//! covers.

use std::sync::Arc;

use dynsparse::check::{CheckSettings, Errors, Judge, check_task};
use dynsparse::jacobian::{Arbiter, EngineKind, EngineSpec, Implicit, Jacobian};
use dynsparse::physics::{Model, Sim, Solver, SolverMode};
use dynsparse::policy::PolicySpec;
use dynsparse::rng::Stream;
use dynsparse::task::{Assets, Task};

use crate::common;

fn spec() -> EngineSpec {
    EngineSpec::new(EngineKind::Implicit)
}

/// Errors over 48 states of four episodes under uniform actions.
fn errors(name: &str) -> (Errors, usize) {
    common::vendor();
    let task = Task::from_catalogue(name, &Assets::find(None)).unwrap();
    let settings = CheckSettings {
        states: 48,
        episodes: 4,
        policy: PolicySpec::Uniform,
        solver: SolverMode::Converged,
        seed: 1,
        engines: vec![spec()],
        worst: 0,
    };
    let report = check_task(&task, &settings).unwrap();
    let errors = report.engines[0].errors.unwrap();
    (errors, report.states - errors.states)
}

#[test]
fn tasks_of_every_kind_agree_with_extrapolated_differences() {
    for name in [
        "AcrobotSwingup",
        "BallInCup",
        "CartpoleBalance",
        "CheetahRun",
        "FingerSpin",
        "FishSwim",
        "HopperHop",
        "HumanoidWalk",
        "PointMass",
        "ReacherHard",
        "SwimmerSwimmer6",
        "WalkerRun",
        "BarkourJoystick",
        "Go1JoystickFlatTerrain",
        "H1JoystickGaitTracking",
        "SpotFlatTerrainJoystick",
        "LeapCubeReorient",
    ] {
        let (Errors { states, median, p99, .. }, flagged) = errors(name);
        eprintln!("{name}: median {median:.1e}, 99th percentile {p99:.1e}, {flagged} without a derivative");
        assert!(states >= 20, "{name}: {states} states with a derivative");
        assert!(median < 1e-9 && p99 < 1e-6, "{name}: median {median:e}, 99th percentile {p99:e}");
    }
}

/// Errors at `n` random states of a model after some steps from each.
fn errors_of(mjcf: &str, n: u64) -> (Errors, usize) {
    let [model, strict] = [Solver::CONVERGED, Arbiter::SOLVER].map(|solver| {
        let mut model = Model::from_text("test.xml", mjcf).unwrap();
        model.set_solver(solver);
        Arc::new(model)
    });
    assert_eq!(Implicit::obstacles(&model), Vec::<String>::new());
    let mut sim = Sim::new(&model).unwrap();
    let mut judge = Judge::new(&model, &strict, &[spec()]).unwrap();
    let mut state = vec![0.0; model.state_size()];
    let mut found = Vec::new();
    for k in 0..n {
        sim.reset().unwrap();
        let mut draws = Stream::new(4, "states", k);
        let mut draw = || 2.0 * draws.uniform() - 1.0;
        let motion: Vec<f64> = (0..model.nv()).map(|_| 0.3 * draw()).collect();
        let mut qpos = sim.qpos().to_vec();
        model.integrate_pos(&mut qpos, &motion, 1.0);
        sim.qpos_mut().copy_from_slice(&qpos);
        sim.qvel_mut().iter_mut().for_each(|v| *v = draw());
        sim.ctrl_mut().iter_mut().for_each(|u| *u = draw());
        sim.act_mut().iter_mut().for_each(|x| *x = draw());
        for _ in 0..20 {
            sim.step().unwrap();
        }
        sim.get_state(&mut state).unwrap();
        let outcome = judge.state(&state).unwrap();
        if outcome.counts(0) {
            found.push(outcome.engines[0].error);
        } else {
            let engine = &outcome.engines[0];
            eprintln!(
                "state {k}: {:?} {:?} kink {:.1e} error {:.1e}",
                outcome.arbiter, engine.switches, outcome.kink, outcome.error
            );
        }
    }
    let flagged = n as usize - found.len();
    (Errors::of(found).unwrap(), flagged)
}

/// Columns of activations and controls by extrapolated differences of mj_step.
fn inner_columns(sim: &mut Sim, out: &mut Jacobian) {
    let model = sim.model().clone();
    let (nv, na, nu, ndx) = (model.nv(), model.na(), model.nu(), model.ndx());
    let mut state = vec![0.0; model.state_size()];
    sim.get_state(&mut state).unwrap();
    for input in 0..na + nu {
        let mut side = |nudge: f64| {
            sim.set_state(&state).unwrap();
            if input < na {
                sim.act_mut()[input] += nudge;
            } else {
                sim.ctrl_mut()[input - na] += nudge;
            }
            sim.step().unwrap();
            (sim.qpos().to_vec(), [sim.qvel(), sim.act()].concat())
        };
        let h = 1e-6;
        let [p1, m1, p2, m2] = [h, -h, 2.0 * h, -2.0 * h].map(&mut side);
        let position = |p: &[f64], m: &[f64], distance: f64| {
            let mut out = vec![0.0; nv];
            model.differentiate_pos(m, p, distance, &mut out);
            out
        };
        let (near, far) = (position(&p1.0, &m1.0, 2.0 * h), position(&p2.0, &m2.0, 4.0 * h));
        for row in 0..ndx {
            let (near, far) = if row < nv {
                (near[row], far[row])
            } else {
                let i = row - nv;
                ((p1.1[i] - m1.1[i]) / (2.0 * h), (p2.1[i] - m2.1[i]) / (4.0 * h))
            };
            let x = (4.0 * near - far) / 3.0;
            if input < na {
                out.a[row * ndx + 2 * nv + input] = x;
            } else {
                out.b[row * nu + input - na] = x;
            }
        }
    }
    sim.set_state(&state).unwrap();
}

/// Everything between the compiler element and the sensors that a model may have, around one option element.
fn zoo(option: &str) -> String {
    format!(
        r#"<mujoco>{option}<worldbody>
          <geom type="plane" size="9 9 1"/>
          <body pos="0 0 .25"><freejoint name="box"/><geom type="box" size=".1 .15 .2" mass="1"/>
            <body pos="0 0 .3"><joint name="ball" type="ball" damping=".1"/><geom type="capsule" size=".05" fromto="0 0 0 0 0 .3" mass=".3"/></body>
          </body>
          <body pos="-1 0 .3"><freejoint name="brick"/><geom type="box" size=".1 .12 .15" pos=".02 0 0" mass=".7"/></body>
          <body pos="1 0 1"><joint name="x" type="slide" axis="1 0 0" damping="1" stiffness="3" range="-.2 .2" limited="true"/><geom size=".1" mass="1"/>
            <body pos="0 0 -.1"><joint name="p" axis="0 1 0" frictionloss=".05" armature=".01"/><geom type="capsule" size=".04" fromto="0 0 0 0 0 -.4" mass=".5"/>
              <body pos="0 0 -.4"><joint name="q" axis="0 1 0" damping=".05"/><geom type="capsule" size=".04" fromto="0 0 0 0 0 -.3" mass=".4"/><site name="end" pos="0 0 -.3"/></body>
            </body>
          </body>
          <body pos="2 0 1"><joint name="r" axis="0 1 0"/><geom type="capsule" size=".04" fromto="0 0 0 .3 0 0" mass=".4"/></body>
          <body pos="2 1 1"><joint name="s" axis="0 1 0"/><geom type="capsule" size=".04" fromto="0 0 0 .3 0 0" mass=".4"/></body>
        </worldbody>
        <equality><joint joint1="r" joint2="s" polycoef="0 .5 .1 0 0"/></equality>
        <tendon><fixed name="t" stiffness="2" damping=".1"><joint joint="p" coef="1"/><joint joint="q" coef="-.5"/></fixed></tendon>
        <actuator>
          <motor joint="x" gear="5" ctrlrange="-1 1"/>
          <position joint="p" kp="4" kv=".3" forcerange="-1 1"/>
          <velocity joint="q" kv=".5"/>
          <general tendon="t" gainprm="2" biastype="affine" biasprm="0 -1 -.2"/>
          <motor joint="ball" gear="0 0 1 0 0 0"/>
          <general name="filter" joint="r" dyntype="filter" dynprm=".1" gainprm="2"/>
          <general name="exact" joint="s" dyntype="filterexact" dynprm=".05" actearly="true" gainprm="2"/>
          <intvelocity name="integrator" joint="q" kp="3" actrange="-1 1"/>
        </actuator></mujoco>"#
    )
}

/// What has no closed form in the engine: bent tendons, muscles, levers on sites, springs of balls, loops, an ellipsoid in
/// a fluid, curved springs.
fn bent_zoo(option: &str, scaled_damping: &str) -> String {
    format!(
        r#"<mujoco>{option}<worldbody>
          <geom type="plane" size="9 9 1"/><site name="anchor" pos="0 .2 1.2"/>
          <body pos="0 0 1"><joint name="p" axis="0 1 0" stiffness="1 .3" damping=".2"/>
            <geom name="rod" type="capsule" size=".04" fromto="0 0 0 .4 0 0" mass=".5"/><site name="mid" pos=".3 0 .05"/>
            <body pos=".4 0 0"><joint name="q" axis="0 1 0" damping=".1"/><geom type="capsule" size=".04" fromto="0 0 0 .3 0 0" mass=".4"/>
              <site name="tip" pos=".3 0 0"/></body>
          </body>
          <body pos="0 1 1"><joint name="ball" type="ball" stiffness=".5" damping=".1"/>
            <geom type="ellipsoid" size=".1 .05 .08" pos="0 0 -.2" mass=".6" fluidshape="ellipsoid"/></body>
          <body pos="1 0 1" gravcomp=".5"><joint name="a" axis="0 1 0"/><geom type="capsule" size=".03" fromto="0 0 0 .3 0 0" mass=".3"/>
            <body name="upper" pos=".3 0 0"><joint name="b" axis="0 1 0"/><geom type="capsule" size=".03" fromto="0 0 0 .3 0 0" mass=".3"/></body></body>
          <body name="lower" pos="1.7 0 1"><joint name="c" axis="0 1 0"/><geom type="capsule" size=".03" fromto="0 0 0 -.1 0 .1" mass=".3"/></body>
          <body pos="-1 0 .3"><freejoint/><geom type="sphere" size=".1" mass=".5"/></body>
        </worldbody>
        <equality><connect body1="upper" body2="lower" anchor=".3 0 0"/></equality>
        <tendon>
          <spatial name="t" stiffness="4" damping=".2" springlength=".2" limited="true" range="0 .9"><site site="anchor"/><site site="mid"/><site site="tip"/></spatial>
          <fixed name="f"><joint joint="a" coef="1"/><joint joint="c" coef="1"/></fixed>
        </tendon>
        <actuator>
          <general name="site" site="tip" gear="0 0 1 0 0 0" gainprm="1"/>
          <general tendon="t" gaintype="affine" gainprm="1 .2" biastype="affine" biasprm="0 -1 -.3"/>
          {scaled_damping}
          <motor tendon="f"/>
        </actuator></mujoco>"#
    )
}

#[test]
fn what_has_no_closed_form_is_differenced() {
    for option in [
        r#"<option timestep=".004"/>"#,
        r#"<option timestep=".004" integrator="implicitfast" density="10"/>"#,
        r#"<option timestep=".004" integrator="implicit"/>"#,
    ] {
        let (Errors { states, median, p99, .. }, flagged) = errors_of(&bent_zoo(option, ""), 30);
        eprintln!("{option}: median {median:.1e}, 99th percentile {p99:.1e}, {flagged} without a derivative");
        assert!(states >= 15, "{option}: {states} states with a derivative");
        assert!(median < 1e-8 && p99 < 1e-6, "{option}: median {median:e}, 99th percentile {p99:e}");
    }
}

/// mjd_transitionFD (3.17) keeps the integrator's inertia when it nudges controls and activations, although actuators
/// whose damping they scale change it: there whole steps are the reference.
#[test]
fn controls_that_scale_damping_act_through_the_integrator_too() {
    let scaled = r#"<muscle name="m" tendon="t" force="3" lengthrange=".1 1.2"/>
        <general joint="p" gaintype="affine" gainprm="1 .2 -.4"/>"#;
    for option in [
        r#"<option timestep=".004"/>"#,
        r#"<option timestep=".004" integrator="implicitfast"/>"#,
        r#"<option timestep=".004" integrator="implicit"/>"#,
    ] {
        let mut model = Model::from_text("test.xml", &bent_zoo(option, scaled)).unwrap();
        model.set_solver(Arbiter::SOLVER);
        let model = Arc::new(model);
        let mut sim = Sim::new(&model).unwrap();
        let mut engine = spec().build(&model).unwrap();
        let mut draws = Stream::new(4, "controls", 0);
        for _ in 0..10 {
            sim.ctrl_mut().iter_mut().for_each(|u| *u = 0.8 * draws.uniform() + 0.1);
            for _ in 0..9 {
                sim.step().unwrap();
            }
            let (mut ours, mut theirs) = (Jacobian::zeros(&model, false), Jacobian::zeros(&model, false));
            engine.jacobian(&mut sim, &mut ours).unwrap();
            theirs.clone_from(&ours);
            inner_columns(&mut sim, &mut theirs);
            let pairs = ours.a.iter().zip(&theirs.a).chain(ours.b.iter().zip(&theirs.b));
            let worst = pairs.fold(0.0_f64, |m, (x, y)| m.max((x - y).abs()));
            assert!(worst < 1e-6, "{option}: {worst:e}");
        }
    }
}

#[test]
fn joints_constraints_actuators_and_integrators_are_covered() {
    for option in [
        r#"<option timestep=".004"/>"#,
        r#"<option timestep=".004"><flag eulerdamp="disable"/></option>"#,
        r#"<option timestep=".004" integrator="implicitfast"/>"#,
        r#"<option timestep=".004" cone="elliptic"/>"#,
        r#"<option timestep=".004" cone="elliptic" integrator="implicitfast" impratio="5"/>"#,
        r#"<option timestep=".004" jacobian="sparse"/>"#,
        r#"<option timestep=".004" integrator="implicit"/>"#,
        r#"<option timestep=".004" integrator="implicit" density="20" viscosity=".1" wind="1 2 0"/>"#,
        r#"<option timestep=".004" density="20" viscosity=".1" wind="1 2 0"/>"#,
        r#"<option timestep=".004" integrator="implicitfast" density="20" viscosity=".1"/>"#,
    ] {
        let (Errors { states, median, p99, .. }, flagged) = errors_of(&zoo(option), 40);
        eprintln!("{option}: median {median:.1e}, 99th percentile {p99:.1e}, {flagged} without a derivative");
        assert!(states >= 20, "{option}: {states} states with a derivative");
        assert!(median < 1e-8 && p99 < 1e-5, "{option}: median {median:e}, 99th percentile {p99:e}");
    }
}

/// A hinge with friction loss at rest, as of Playground's Finger under full negative control: autodiff of a solver
/// gives -1.64 here, differences of any size 0.588.
#[test]
fn a_resting_hinge_with_friction_loss_damps() {
    common::vendor();
    let task = Task::from_catalogue("FingerTurnEasy", &Assets::find(None)).unwrap();
    let model = Arc::new(task.model(SolverMode::Converged).unwrap());
    let mut sim = Sim::new(&model).unwrap();
    sim.ctrl_mut().fill(-1.0);
    let mut jacobian = Jacobian::zeros(&model, false);
    spec().build(&model).unwrap().jacobian(&mut sim, &mut jacobian).unwrap();
    let hinge = model.joint("hinge").unwrap().dof;
    let entry = jacobian.a[(3 + hinge) * 6 + 3 + hinge];
    assert!((entry - 0.587_759_765).abs() < 1e-8, "{entry}");
}

#[test]
fn state_and_trajectory_stay_and_a_fresh_workspace_gives_the_same_bits() {
    common::vendor();
    // Feet that come and go, a string that is slack and tight, and boxes and meshes on edges, whose columns whole steps fill.
    let tasks = [("Go1JoystickFlatTerrain", 20), ("BallInCup", 150), ("CheetahRun", 60), ("LeapCubeReorient", 10)];
    for (name, steps) in tasks {
        let task = Task::from_catalogue(name, &Assets::find(None)).unwrap();
        let model = Arc::new(task.model(SolverMode::Converged).unwrap());
        for engine in [EngineKind::Implicit, EngineKind::WholeStep] {
            let steps = if engine == EngineKind::WholeStep { steps / 10 } else { steps };
            let spec = EngineSpec::new(engine);
            let mut sim = Sim::new(&model).unwrap();
            task.reset(&mut sim, 1, 0).unwrap();
            let mut reused = spec.build(&model).unwrap();
            let (mut x, mut y) = (Jacobian::zeros(&model, false), Jacobian::zeros(&model, false));
            let (mut before, mut after) = (vec![0.0; model.state_size()], vec![0.0; model.state_size()]);
            for step in 0..steps {
                let phase = step as f64;
                for (i, u) in sim.ctrl_mut().iter_mut().enumerate() {
                    *u = (0.3 * phase + i as f64).sin();
                }
                sim.get_state(&mut before).unwrap();
                reused.jacobian(&mut sim, &mut x).unwrap();
                sim.get_state(&mut after).unwrap();
                assert_eq!(before, after, "{name}, {engine:?}, step {step}");
                spec.build(&model).unwrap().jacobian(&mut sim, &mut y).unwrap();
                // NaN is equal to NaN here.
                let bits = |j: &Jacobian| [&j.a, &j.b].map(|m| m.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
                assert!(bits(&x) == bits(&y) && x.verdicts == y.verdicts, "{name}, {engine:?}, step {step}");
                sim.step().unwrap();
            }
        }
    }
}

#[test]
fn what_is_not_covered_is_refused_by_name() {
    let refusal = |mjcf: &str| {
        let model = Arc::new(Model::from_text("test.xml", mjcf).unwrap());
        spec().build(&model).map(drop).unwrap_err().to_string()
    };
    let body = r#"<worldbody><site name="s"/>
        <body pos="1 0 0"><joint name="j" damping="1"/><geom size="1"/><site name="t" pos="1 0 0"/></body></worldbody>"#;
    let text = refusal(&format!(
        r#"<mujoco><option integrator="discrete"/>{body}<tendon><spatial armature="1"><site site="s"/><site site="t"/></spatial></tendon></mujoco>"#
    ));
    assert_eq!(
        text,
        "test.xml: the engine implicit does not cover the integrator discrete; tendons with armature along sites; \
         use --engine whole-step"
    );
    let flags = r#"<option solver="PGS" cone="elliptic" integrator="RK4"><flag sleep="enable"/></option>"#;
    let text = refusal(&format!("<mujoco>{flags}{body}</mujoco>"));
    assert!(
        text.contains("does not cover the solver PGS with elliptic cones; sleep with the integrator RK4"),
        "{text}"
    );
}

#[test]
fn a_recording_with_the_engine_repeats_and_a_task_that_is_not_covered_is_refused() {
    let place = common::Place::new();
    let assets = common::vendor();
    for threads in ["1", "2"] {
        let out = format!("{threads}.h5");
        let sizes = ["--episodes", "3", "--steps", "20", "--threads", threads, "-o", &out, "--assets", &assets];
        place.run(&[&["record", "WalkerRun", "--engine", "implicit"][..], &sizes].concat()).ok();
    }
    assert!(place.read("1.h5") == place.read("2.h5"), "another file on 2 threads");
    place.run(&["verify", "2.h5"]).ok();
    let body = r#"<worldbody><body><joint name="j" damping="1"/><geom size="1"/></body></worldbody>"#;
    place.write("m.xml", format!(r#"<mujoco><option integrator="discrete"/>{body}</mujoco>"#));
    let parts = ["the engine implicit does not cover the integrator discrete", "use --engine whole-step"];
    place.run(&["record", "m.xml", "--engine", "implicit"]).refused(&parts);
    let parts = ["difference has no meaning for the engine implicit"];
    place
        .run(&["record", "WalkerRun", "--engine", "implicit", "--difference", "forward", "--assets", &assets])
        .refused(&parts);
}
