//! dR/dp, feature by feature: what each file here adds to the derivative of the residual
//!
//! ```text
//! R(p) = smooth(p) + J(p)' f(p; a) - M(p) a            (nv)
//! ```
//!
//! against central differences of that very sum at a fixed acceleration, its terms evaluated by MuJoCo's own stages. No step and no
//! solve is in between, so that a fault shows at the feature that has it.

use std::sync::Arc;

use nalgebra::{DMatrix, DVector};

use super::Implicit;
use crate::jacobian::draws::Draws;
use crate::jacobian::{Engine as _, EngineKind, EngineSpec, Jacobian, ZeroVerdict};
use crate::physics::{Model, Sim};

/// Nudge of the differences; and where contacts are, whose impedance has kinks in its slope some micrometres apart.
const H: f64 = 1e-6;
const CONTACT: f64 = 1.0 / 67_108_864.0;

/// A model around one feature: option elements, bodies, and what comes after them.
pub(super) fn model(option: &str, bodies: &str, rest: &str) -> Arc<Model> {
    let mjcf = format!("<mujoco>{option}<worldbody>{bodies}</worldbody>{rest}</mujoco>");
    let model = Model::from_text("feature.xml", &mjcf).unwrap().strict().unwrap();
    assert_eq!(Implicit::obstacles(&model), Vec::<String>::new());
    Arc::new(model)
}

/// R at a fixed acceleration, from MuJoCo's stages.
fn residual(sim: &mut Sim, a: &DVector<f64>) -> DVector<f64> {
    let nv = a.len();
    sim.stage_position().unwrap();
    sim.stage_velocity().unwrap();
    sim.stage_actuation().unwrap();
    sim.stage_constraint(a.as_slice(), &mut Vec::new(), false).unwrap();
    let mut out = DVector::zeros(nv);
    sim.smooth_force(out.as_mut_slice());
    out += DVector::from_column_slice(sim.qfrc_constraint());
    let mut inertia = DMatrix::zeros(nv, nv);
    sim.inertia(inertia.as_mut_slice());
    out - inertia * a
}

/// The largest difference between dR/dp of the engine and that of differences over `h` and twice as much, at random states after `settle` steps, as a
/// share of the largest entry at any of them; and how many constraint rows there were at most.
pub(super) fn compare(model: &Arc<Model>, h: f64, spread: f64, settle: usize) -> (f64, usize) {
    let spec = EngineSpec::new(EngineKind::Implicit);
    let mut engine = Implicit::new(&spec, model).unwrap();
    let (nv, inputs) = (model.nv(), model.ndx() + model.nu());
    let (mut sim, mut work) = (Sim::new(model).unwrap(), Sim::new(model).unwrap());
    let mut state = vec![0.0; model.state_size()];
    let mut draws = Draws::new(7);
    let (mut worst, mut scale, mut rows) = (0.0_f64, 0.0_f64, 0);
    for _ in 0..6 {
        sim.reset().unwrap();
        let motion: Vec<f64> = (0..nv).map(|_| spread * draws.normal()).collect();
        let mut qpos = sim.qpos().to_vec();
        model.integrate_pos(&mut qpos, &motion, 1.0);
        sim.qpos_mut().copy_from_slice(&qpos);
        sim.qvel_mut().iter_mut().for_each(|v| *v = spread * draws.normal());
        sim.ctrl_mut().iter_mut().for_each(|u| *u = 0.2 + 0.5 * draws.uniform());
        sim.act_mut().iter_mut().for_each(|x| *x = 0.2 + 0.5 * draws.uniform());
        (0..settle).for_each(|_| sim.step().unwrap());
        sim.get_state(&mut state).unwrap();
        sim.get_state(&mut engine.space.state).unwrap();
        engine.work.set_state(&state).unwrap();
        assert!(engine.solve().unwrap().is_some(), "H is positive definite");
        engine.integrator.solve(&mut engine.work, &engine.space.inertia, &engine.space.a).unwrap();
        engine.residual_derivative().unwrap();
        rows = rows.max(engine.rows.n);
        let a = engine.space.a.clone();
        let mut expected = DMatrix::zeros(nv, inputs);
        let mut direction = vec![0.0; nv];
        for input in 0..inputs {
            let [up, down, up_2, down_2] = [h, -h, 2.0 * h, -2.0 * h].map(|by| {
                work.set_state(&state).unwrap();
                work.nudge(input, by, &mut direction);
                residual(&mut work, &a)
            });
            expected.set_column(input, &((8.0 * (up - down) - (up_2 - down_2)) / (12.0 * h)));
        }
        worst = worst.max((&engine.space.system.da - &expected).amax());
        scale = scale.max(expected.amax());
    }
    (worst / scale, rows)
}

/// A chain of a free body, a ball and two hinges, in the air.
const CHAIN: &str = r#"<body pos="0 0 2"><freejoint/><geom type="box" size=".1 .15 .2" pos=".02 0 .01" mass="1"/>
    <body pos="0 0 .3"><joint type="ball"/><geom type="capsule" size=".05" fromto="0 0 0 0 .1 .3" mass=".3"/>
      <body pos="0 .1 .3"><joint name="p" axis="0 1 0"/><geom type="capsule" size=".04" fromto="0 0 0 .3 0 0" mass=".2"/>
        <body pos=".3 0 0"><joint name="q" axis="1 0 1"/><geom type="capsule" size=".03" fromto="0 0 0 0 .2 0" mass=".1"/>
          <site name="tip" pos="0 .2 0"/></body>
      </body>
    </body>
  </body>"#;

#[test]
fn inertial_forces_gravity_and_drag() {
    let carried = CHAIN.replacen("<body pos=\"0 0 .3\">", "<body pos=\"0 0 .3\" gravcomp=\".6\">", 1);
    for (what, option, bodies) in [
        ("nothing but inertia", r#"<option gravity="0 0 0"/>"#, CHAIN),
        ("gravity", "", CHAIN),
        ("compensated gravity", "", &*carried),
        ("viscosity", r#"<option viscosity=".3"/>"#, CHAIN),
        ("density and wind", r#"<option density="20" wind="1 -2 .5"/>"#, CHAIN),
        ("no passive forces", r#"<option density="20"><flag spring="disable" damper="disable"/></option>"#, &*carried),
        ("no springs", r#"<option density="20"><flag spring="disable"/></option>"#, &*carried),
        ("no dampers", r#"<option density="20"><flag damper="disable"/></option>"#, &*carried),
    ] {
        let (error, _) = compare(&model(option, bodies, ""), H, 0.7, 0);
        assert!(error < 3e-8, "{what}: {error:e}");
    }
}

/// Two hinges in a row, with springs and dampers to be filled in.
fn arm(first: &str, second: &str) -> String {
    format!(
        r#"<body pos="0 0 1"><joint name="p" axis="0 1 0" {first}/><geom type="capsule" size=".04" fromto="0 0 0 .4 0 0" mass=".5"/>
           <body pos=".4 0 0"><joint name="q" axis="0 1 0" {second}/><geom type="capsule" size=".04" fromto="0 0 0 .3 0 0" mass=".4"/>
             <site name="tip" pos=".3 0 0"/></body></body><site name="anchor" pos="0 .2 1.4"/>"#
    )
}

#[test]
fn springs_dampers_and_tendons() {
    let fixed = |more: &str| {
        format!(r#"<tendon><fixed {more}><joint joint="p" coef="1"/><joint joint="q" coef="-.5"/></fixed></tendon>"#)
    };
    let spatial = r#"<tendon><spatial stiffness="40" damping="3" springlength=".2"><site site="anchor"/><site site="tip"/></spatial></tendon>"#;
    for (what, joints, rest) in [
        ("springs and dampers of joints", [r#"stiffness="3" damping=".2""#, r#"stiffness="2""#], String::new()),
        ("springs with higher powers", [r#"stiffness="3 1 .5""#, ""], String::new()),
        ("a fixed tendon", [""; 2], fixed(r#"stiffness="20" damping="2""#)),
        ("a tendon beyond its dead band", [""; 2], fixed(r#"stiffness="20" springlength="-.01 .01""#)),
        ("a tendon in space", [""; 2], spatial.to_owned()),
        ("a fixed tendon with inertia", [""; 2], fixed(r#"armature="2" stiffness="20""#)),
        ("a motor with inertia on a fixed tendon", [""; 2], {
            let motor = r#"<actuator><motor tendon="t" armature=".3"/></actuator>"#;
            fixed(r#"name="t" damping="2""#) + motor
        }),
    ] {
        let (error, _) = compare(&model("", &arm(joints[0], joints[1]), &rest), H, 0.7, 0);
        assert!(error < 1e-7, "{what}: {error:e}");
    }
}

#[test]
fn actuators_and_activations() {
    let ranged = arm(r#"actuatorfrcrange="-100 100""#, "");
    let plain = arm("", "");
    for (what, bodies, actuators) in [
        (
            "motor, position and velocity",
            &plain,
            r#"<motor joint="p" gear="3"/><position joint="q" kp="4" kv=".3"/><velocity joint="p" kv=".5"/>"#,
        ),
        (
            "a gain affine in length and velocity",
            &plain,
            r#"<general joint="p" gaintype="affine" gainprm="1 .5 .2" biastype="affine" biasprm=".1 -1 -.3"/>"#,
        ),
        ("a force within its range", &plain, r#"<motor joint="p" gear="3" forcerange="-50 50"/>"#),
        ("a force held by its range", &plain, r#"<motor joint="p" gear="3" forcerange="-.1 .1"/><motor joint="q"/>"#),
        ("a joint's force within its range", &ranged, r#"<motor joint="p" gear="3"/>"#),
        (
            "filter, its exact kin and an integrator",
            &plain,
            r#"<general joint="p" dyntype="filter" dynprm=".1" gainprm="2"/>
            <general joint="q" dyntype="filterexact" dynprm=".05" gainprm="2"/><intvelocity joint="q" kp="3" actrange="-2 2"/>"#,
        ),
        (
            "the next activation's force",
            &plain,
            r#"<general joint="p" dyntype="filterexact" dynprm=".05" gainprm="2" actearly="true"/>"#,
        ),
        ("a muscle", &plain, r#"<muscle joint="p" lengthrange="-3 3"/>"#),
        ("a force at a site", &plain, r#"<general site="tip" gear="0 0 1 0 0 0" gainprm="2"/>"#),
    ] {
        let model = model("", bodies, &format!("<actuator>{actuators}</actuator>"));
        let (error, _) = compare(&model, H, 0.7, 0);
        assert!(error < 1e-7, "{what}: {error:e}");
    }
}

#[test]
fn limits_friction_losses_and_equalities() {
    let ball = r#"<body pos="0 0 1"><joint type="ball" limited="true" range="0 .4"/><geom type="capsule" size=".05" fromto="0 0 0 0 .1 -.3" mass=".3"/></body>"#;
    let apart = arm("", "")
        + r#"<body name="free" pos="0 1 1"><freejoint/><geom size=".1" mass=".2"/></body>"#
        + r#"<body name="other" pos=".6 1 1"><freejoint/><geom type="box" size=".1 .1 .2" mass=".2"/></body>"#;
    for (what, bodies, rest, settle, bound) in [
        ("a joint at its limit", arm(r#"limited="true" range="-.1 .1""#, ""), "", 60, 1e-7),
        ("a ball at its limit", ball.to_owned(), "", 60, 1e-6),
        ("dry friction that slides", arm(r#"frictionloss=".05""#, ""), "", 0, 1e-7),
        ("dry friction that sticks", arm(r#"frictionloss="50""#, r#"frictionloss="50""#), "", 5, 1e-7),
        (
            "joints in proportion",
            apart.clone(),
            r#"<equality><joint joint1="p" joint2="q" polycoef=".1 .7 0 0 0"/></equality>"#,
            5,
            1e-7,
        ),
        (
            "joints on a curve",
            apart.clone(),
            r#"<equality><joint joint1="p" joint2="q" polycoef=".1 .5 .3 .2 0"/></equality>"#,
            5,
            1e-6,
        ),
        (
            "connected bodies",
            apart.clone(),
            r#"<equality><connect body1="free" body2="other" anchor=".3 0 0"/></equality>"#,
            10,
            1e-6,
        ),
        ("welded bodies", apart, r#"<equality><weld body1="free" body2="other"/></equality>"#, 10, 1e-6),
        (
            "a tendon at its limit",
            arm("", ""),
            r#"<tendon><fixed limited="true" range="-.05 .05"><joint joint="p" coef="1"/><joint joint="q" coef="-.5"/></fixed></tendon>"#,
            60,
            1e-7,
        ),
    ] {
        let (error, rows) = compare(&model("", &bodies, rest), H, 0.3, settle);
        assert!(rows > 0, "{what}: no constraint row, so that nothing is compared");
        assert!(error < bound, "{what}: {error:e}");
    }
}

#[test]
fn contacts_of_every_closed_form_and_cone() {
    let ground = r#"<geom type="plane" size="9 9 1" {c}/>"#;
    let body = |z: f64, geom: &str| format!(r#"<body pos="0 0 {z}"><freejoint/><geom {geom} mass="1" {{c}}/></body>"#);
    let settled = [
        ("a sphere on a plane", format!("{ground}{}", body(0.099, r#"type="sphere" size=".1""#))),
        ("a capsule on a plane", format!("{ground}{}", body(0.099, r#"type="capsule" size=".1 .2" euler="0 90 0""#))),
        ("a box on a plane", format!("{ground}{}", body(0.199, r#"type="box" size=".3 .25 .2""#))),
        ("an ellipsoid on a plane", format!("{ground}{}", body(0.199, r#"type="ellipsoid" size=".25 .2 .2""#))),
        ("two spheres", format!(r#"<geom size=".3" {{c}}/>{}"#, body(0.399, r#"size=".1""#))),
        (
            "a sphere on a capsule",
            format!(r#"<geom type="capsule" size=".3 .5" euler="0 90 0" {{c}}/>{}"#, body(0.399, r#"size=".1""#)),
        ),
        (
            "two capsules",
            format!(
                r#"<geom type="capsule" size=".3 .5" euler="0 90 0" {{c}}/>{}"#,
                body(0.399, r#"type="capsule" size=".1 .4" euler="90 0 0""#)
            ),
        ),
    ];
    for cone in ["pyramidal", "elliptic"] {
        for condim in [1, 3, 4, 6] {
            for (what, bodies) in &settled {
                let contact = format!(r#"condim="{condim}" friction=".8 .02 .01""#);
                let bodies = bodies.replace("{c}", &contact);
                let option = format!(r#"<option cone="{cone}" timestep=".001"/>"#);
                // Small motions, so that it stays in contact; some steps, so that forces are those of the contact.
                let (error, rows) = compare(&model(&option, &bodies, ""), CONTACT, 0.002, 3);
                assert!(rows > 0, "{what}: no contact, so that nothing is compared");
                assert!(error < 2e-6, "{what}, {cone}, condim {condim}: {error:e}");
            }
        }
    }
}

/// A step is not R: the integrator comes after it. Against central differences of whole steps.
#[test]
fn integrators() {
    let damped = arm(r#"damping=".3""#, r#"damping=".1""#);
    let curved = arm(r#"damping="0 .05 .02""#, r#"damping=".02 0 .02""#);
    let actuator = r#"<actuator><position joint="p" kp="30" kv="3"/></actuator>"#;
    let tendon = r#"<tendon><fixed name="t" armature="2" damping="1"><joint joint="p" coef="1"/><joint joint="q" coef="-.5"/></fixed></tendon>
        <actuator><velocity tendon="t" kv="3" armature=".2"/></actuator>"#;
    for integrator in ["Euler", "implicitfast", "implicit", "RK4"] {
        for (what, bodies, rest) in [
            ("a chain with a free body", CHAIN, ""),
            ("a damped arm", &*damped, actuator),
            ("an arm with a heavy tendon", &*damped, tendon),
            ("an arm with curved dampers", &*curved, actuator),
            ("a chain in a medium", CHAIN, r#"<option density="20" viscosity=".1"/>"#),
            (
                "a chain without passive forces",
                CHAIN,
                r#"<option density="20" viscosity=".1"><flag spring="disable" damper="disable"/></option>"#,
            ),
            (
                "a free body alone",
                r#"<body pos="0 0 1"><freejoint/><geom type="box" size=".1 .2 .3" pos=".05 0 0" mass="1"/></body>"#,
                "",
            ),
            (
                "a free body that others are fixed to, beside another",
                r#"<body pos="0 0 1"><freejoint/><geom type="box" size=".1 .2 .05" pos=".03 0 .02" euler="10 20 30"/>
                     <body pos=".2 .1 0" euler="30 0 10"><geom type="box" size=".05 .1 .03"/>
                       <body pos="0 0 .1"><geom size=".04"/></body></body></body>
                   <body pos="2 0 1"><freejoint/><geom type="box" size=".1 .2 .3" pos=".05 0 0" mass="1"/></body>"#,
                "",
            ),
        ] {
            let model = model(&format!(r#"<option integrator="{integrator}" timestep=".01"/>"#), bodies, rest);
            let (nv, ndx, nu) = (model.nv(), model.ndx(), model.nu());
            let spec = EngineSpec::new(EngineKind::Implicit);
            let mut engine = spec.build(&model).unwrap();
            let mut out = Jacobian::zeros(&model, false);
            let (mut sim, mut work) = (Sim::new(&model).unwrap(), Sim::new(&model).unwrap());
            let mut draws = Draws::new(3);
            sim.qvel_mut().iter_mut().for_each(|v| *v = draws.normal());
            sim.ctrl_mut().iter_mut().for_each(|u| *u = draws.uniform());
            (0..10).for_each(|_| sim.step().unwrap());
            let mut state = vec![0.0; model.state_size()];
            sim.get_state(&mut state).unwrap();
            engine.jacobian(&mut sim, &mut out).unwrap();
            let mut direction = vec![0.0; nv];
            let (mut worst, mut scale) = (0.0_f64, 0.0_f64);
            for input in 0..ndx + nu {
                let [up, down] = [H, -H].map(|by| {
                    work.set_state(&state).unwrap();
                    work.nudge(input, by, &mut direction);
                    work.step().unwrap();
                    (work.qpos().to_vec(), work.qvel().to_vec())
                });
                let mut position = vec![0.0; nv];
                model.differentiate_pos(&down.0, &up.0, 2.0 * H, &mut position);
                let velocity = up.1.iter().zip(&down.1).map(|(u, d)| (u - d) / (2.0 * H));
                for (row, expected) in position.iter().copied().chain(velocity).enumerate() {
                    let found = match input.checked_sub(ndx) {
                        None => out.a[row * ndx + input],
                        Some(control) => out.b[row * nu + control],
                    };
                    worst = worst.max((found - expected).abs());
                    scale = scale.max(expected.abs());
                }
            }
            assert!(scale > 0.0 && worst < 1e-7 * scale, "{integrator}, {what}: {worst:e} of {scale:e}");
        }
    }
}

/// The first five terms of exp(h K), which a step of RK4 takes of a linear system x' = K x.
fn five_terms(k: &DMatrix<f64>, h: f64) -> DMatrix<f64> {
    let (mut term, mut sum) = (DMatrix::identity(k.nrows(), k.ncols()), DMatrix::identity(k.nrows(), k.ncols()));
    for n in 1..=4 {
        term = term * k * (h / f64::from(n));
        sum += &term;
    }
    sum
}

/// A mass on a spring and a damper, pushed by a filtered control: exact but for rounding, in all columns.
#[test]
fn runge_kutta_of_a_linear_system() {
    let (h, tau) = (0.02, 0.3);
    let body = r#"<body><joint name="j" type="slide" axis="1 0 0" stiffness="50" damping="3"/><geom size=".1" mass="2"/></body>"#;
    let rest = format!(
        r#"<actuator><general joint="j" dyntype="filter" dynprm="{tau}" gainprm="7" biastype="none"/></actuator>"#
    );
    let option = format!(r#"<option integrator="RK4" timestep="{h}" gravity="0 0 0"/>"#);
    let model = model(&option, body, &rest);
    let (mut sim, mut out) = (Sim::new(&model).unwrap(), Jacobian::zeros(&model, false));
    sim.qpos_mut()[0] = 0.3;
    sim.qvel_mut()[0] = -0.8;
    sim.act_mut()[0] = 0.4;
    sim.ctrl_mut()[0] = -0.7;
    EngineSpec::new(EngineKind::Implicit).build(&model).unwrap().jacobian(&mut sim, &mut out).unwrap();
    #[rustfmt::skip]
    let k = DMatrix::from_row_slice(4, 4, &[
        0.0,   1.0,  0.0,        0.0,
        -25.0, -1.5, 3.5,        0.0,
        0.0,   0.0,  -1.0 / tau, 1.0 / tau,
        0.0,   0.0,  0.0,        0.0,
    ]);
    let right = five_terms(&k, h);
    for r in 0..3 {
        for c in 0..4 {
            let (x, verdict) = match c {
                3 => (out.b[r], out.verdicts.b[r]),
                c => (out.a[3 * r + c], out.verdicts.a[3 * r + c]),
            };
            let right: f64 = right[(r, c)];
            assert!((x - right).abs() <= 1e-15, "{r} {c}: {x:e} for {right:e}");
            assert_eq!(verdict == ZeroVerdict::Zero, right == 0.0, "{r} {c}: {verdict:?}");
        }
    }
    assert!(!out.verdicts.switches.any());
}

/// Three masses in a row, joined by springs: in four stages a push on the third reaches the first by the fourth power of the time
/// step, or not at all.
#[test]
fn runge_kutta_reaches_as_far_as_its_stages() {
    let mass = |name: &str, y: f64| {
        format!(
            r#"<body pos="0 {y} 0"><joint name="{name}" type="slide" axis="1 0 0"/><geom size=".1" mass="1"/></body>"#
        )
    };
    let spring = |a: &str, b: &str| {
        format!(
            r#"<fixed stiffness="80" springlength="0"><joint joint="{a}" coef="1"/><joint joint="{b}" coef="-1"/></fixed>"#
        )
    };
    let bodies = [mass("a", 0.0), mass("b", 1.0), mass("c", 2.0)].concat();
    let rest = format!("<tendon>{}{}</tendon>", spring("a", "b"), spring("b", "c"));
    let h = 0.002;
    let model = model(&format!(r#"<option integrator="RK4" timestep="{h}" gravity="0 0 0"/>"#), &bodies, &rest);
    let (mut sim, mut out) = (Sim::new(&model).unwrap(), Jacobian::zeros(&model, false));
    sim.qpos_mut().copy_from_slice(&[0.1, -0.2, 0.3]);
    sim.qvel_mut().copy_from_slice(&[1.0, -2.0, 0.5]);
    EngineSpec::new(EngineKind::Implicit).build(&model).unwrap().jacobian(&mut sim, &mut out).unwrap();
    let mut k = DMatrix::zeros(6, 6);
    for (r, row) in [[-80.0, 80.0, 0.0], [80.0, -160.0, 80.0], [0.0, 80.0, -80.0]].iter().enumerate() {
        k[(r, 3 + r)] = 1.0;
        row.iter().enumerate().for_each(|(c, x)| k[(3 + r, c)] = *x);
    }
    let right = five_terms(&k, h);
    for r in 0..6 {
        for c in 0..6 {
            let (x, right): (f64, f64) = (out.a[6 * r + c], right[(r, c)]);
            assert!((x - right).abs() <= 1e-12 * right.abs() + 1e-19, "{r} {c}: {x:e} for {right:e}");
            assert_eq!(out.verdicts.a[6 * r + c] == ZeroVerdict::Zero, right == 0.0, "{r} {c}: {x:e}");
        }
    }
    let (farthest, beyond) = (out.a[2], out.a[5]);
    assert!((farthest - h.powi(4) * 6400.0 / 24.0).abs() < 1e-19 && beyond == 0.0, "{farthest:e} {beyond:e}");
}

/// Activations in their range, held at its ends, of every kind, and a muscle: against central differences of whole steps.
#[test]
fn runge_kutta_of_activations() {
    let arm = arm(r#"damping=".3" stiffness="2""#, r#"damping=".1""#);
    let rest = r#"<actuator>
        <general joint="p" dyntype="integrator" gainprm="3" actlimited="true" actrange="-1 0.5"/>
        <general joint="q" dyntype="filter" dynprm=".05" gainprm="2" actearly="true"/>
        <general joint="q" dyntype="filterexact" dynprm=".04" gainprm="2" actlimited="true" actrange="0 .9"/>
        <muscle joint="p" lengthrange=".1 .6" force="5"/></actuator>"#;
    let model = model(r#"<option integrator="RK4" timestep=".01"/>"#, &arm, rest);
    let (ndx, nu, na) = (model.ndx(), model.nu(), model.na());
    let mut engine = EngineSpec::new(EngineKind::Implicit).build(&model).unwrap();
    let mut out = Jacobian::zeros(&model, false);
    let (mut sim, mut work) = (Sim::new(&model).unwrap(), Sim::new(&model).unwrap());
    for act in [[0.2, 0.3, 0.5, 0.4], [0.499, -0.3, 0.895, 0.7]] {
        sim.reset().unwrap();
        sim.qvel_mut().copy_from_slice(&[0.7, -1.1]);
        sim.act_mut().copy_from_slice(&act);
        sim.ctrl_mut().copy_from_slice(&[0.6, 0.8, 1.5, 0.3]);
        let mut state = vec![0.0; model.state_size()];
        sim.get_state(&mut state).unwrap();
        engine.jacobian(&mut sim, &mut out).unwrap();
        assert!(!out.verdicts.switches.any(), "{act:?}");
        let mut direction = vec![0.0; model.nv()];
        for input in 0..ndx + nu {
            let [up, down] = [H, -H].map(|by| {
                work.set_state(&state).unwrap();
                work.nudge(input, by, &mut direction);
                work.step().unwrap();
                [work.qpos(), work.qvel(), work.act()].concat()
            });
            for row in 0..ndx {
                let expected = (up[row] - down[row]) / (2.0 * H);
                let (found, verdict) = match input.checked_sub(ndx) {
                    None => (out.a[row * ndx + input], out.verdicts.a[row * ndx + input]),
                    Some(control) => (out.b[row * nu + control], out.verdicts.b[row * nu + control]),
                };
                assert!((found - expected).abs() < 1e-8, "{act:?}, {row} {input}: {found} for {expected}");
                assert!(expected == 0.0 || verdict == ZeroVerdict::Nonzero, "{act:?}, {row} {input}: {verdict:?}");
            }
        }
        // Held at the end of its range, an activation depends on nothing.
        let held = act[0] > 0.49;
        let row = &out.a[(ndx - na) * ndx..(ndx - na + 1) * ndx];
        assert_eq!(row.iter().all(|x| *x == 0.0), held, "{row:?}");
    }
}

/// A disc that slides on the floor and turns, with no dof that lifts it: rounding decides whether there is a contact, in every
/// stage anew, and its friction comes and goes.
#[test]
fn a_contact_that_rounding_decides_is_flagged() {
    let body = r#"<geom type="plane" size="9 9 1"/><body><joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 1 0"/>
        <joint axis="0 0 1"/><geom type="sphere" pos="0 0 .5" size=".5" density="100"/></body>"#;
    let motor = r#"<actuator><motor joint="x"/></actuator>"#;
    let body = body.replacen("<joint type", r#"<joint name="x" type"#, 1);
    for integrator in ["RK4", "Euler"] {
        let model = model(&format!(r#"<option integrator="{integrator}" timestep=".02"/>"#), &body, motor);
        let spec = |kind| EngineSpec::new(kind);
        let mut engines = [EngineKind::Implicit, EngineKind::WholeStep].map(|kind| spec(kind).build(&model).unwrap());
        let mut sim = Sim::new(&model).unwrap();
        let mut broken = 0;
        for k in 0..40 {
            let turn = 0.37 * f64::from(k);
            sim.qpos_mut().copy_from_slice(&[0.3, -0.2, turn]);
            sim.qvel_mut().copy_from_slice(&[1.0, 0.5, 2.0]);
            sim.ctrl_mut()[0] = 0.8;
            let [found, steps] = [0, 1].map(|e| {
                let mut out = Jacobian::zeros(&model, false);
                engines[e].jacobian(&mut sim, &mut out).unwrap();
                out
            });
            let undefined = steps.verdicts.switches.any() || !steps.is_finite();
            broken += u32::from(undefined);
            assert!(!undefined || found.verdicts.switches.contact, "{integrator}, turned by {turn}");
        }
        assert!(broken > 0, "{integrator}: no state shows it");
    }
}

/// The same where the contact can do nothing, be it there or not: a sphere that spins on the point that it touches with, and a disc at
/// rest. No step is asked. A spring that is about to turn the disc, or its own turning, makes its rim's contacts count.
#[test]
fn a_contact_that_rounding_decides_and_that_can_do_nothing_is_left_out() {
    let floor = r#"<geom type="plane" size="9 9 1"/>"#;
    // The arm takes its centre of mass off the axis, so that it has a mass for its contact.
    let sphere = r#"<body><joint axis="0 0 1"/><geom type="sphere" pos="0 0 .5" size=".5" density="100"/>
        <geom type="sphere" pos="1 0 .5" size=".1"/></body>"#;
    let disc = |spring: &str| {
        format!(r#"<body><joint axis="0 0 1" {spring}/><geom type="cylinder" pos="0 0 .1" size=".3 .1"/></body>"#)
    };
    let spring = r#"stiffness="2""#;
    let cases = [
        ("a sphere that spins", sphere.to_owned(), 3.0, true),
        ("a disc at rest", disc(""), 0.0, true),
        ("a disc on a spring", disc(spring), 0.0, false),
        ("a disc that turns", disc(""), 1.0, false),
    ];
    for (name, body, speed, idle) in cases {
        let model = model("", &format!("{floor}{body}"), "");
        let spec = EngineSpec { zero_test: true, ..EngineSpec::new(EngineKind::Implicit) };
        let mut engine = Implicit::new(&spec, &model).unwrap();
        let mut steps = EngineSpec::new(EngineKind::WholeStep).build(&model).unwrap();
        let mut sim = Sim::new(&model).unwrap();
        sim.qvel_mut().fill(speed);
        let [mut found, mut expected] = [0, 1].map(|_| Jacobian::zeros(&model, false));
        engine.jacobian(&mut sim, &mut found).unwrap();
        steps.jacobian(&mut sim, &mut expected).unwrap();
        assert_eq!(engine.bends.columns.contains(&true), !idle, "{name}");
        if idle {
            assert!(!found.verdicts.switches.any(), "{name}: {:?}", found.verdicts.switches);
            for (x, y) in found.a.iter().zip(&expected.a) {
                assert!((x - y).abs() < 1e-8, "{name}: {x} is not {y}");
            }
        }
    }
}

/// Some chains that lean on each other's balls, `crowd` of them beside each other.
fn crowd((integrator, shape): (&str, &str), crowd: usize) -> Arc<Model> {
    let one = |i: usize| {
        format!(
            r#"<body pos="0 {y} .5"><joint name="a{i}" axis="0 1 0" damping=".2"/><geom type="capsule" size=".05" fromto="0 0 0 .4 0 0"/>
                 <body pos=".4 0 0"><joint axis="0 1 1" damping=".1"/><geom type="capsule" size=".04" fromto="0 0 0 .3 0 .1"/></body></body>
               <body pos=".3 {y} .62"><freejoint/><geom size=".07" fluidshape="{shape}"/></body>"#,
            y = 3 * i,
        )
    };
    let motor = |i: usize| format!(r#"<general joint="a{i}" gainprm="3" gear="2"/>"#);
    let all = |of: &dyn Fn(usize) -> String| (0..crowd).map(of).collect::<String>();
    let rest = format!("<actuator>{}</actuator>", all(&motor));
    let option = format!(r#"<option integrator="{integrator}" density="3" timestep=".004"/>"#);
    model(&option, &format!(r#"<geom type="plane" size="9 99 1"/>{}"#, all(&one)), &rest)
}

/// Bodies that nothing couples have the Jacobian of one of them, each, and zeros for the rest.
#[test]
fn a_crowd_is_so_many_of_one() {
    const MANY: usize = 8;
    // What an ellipsoid's medium does is differenced.
    for integrator in [("Euler", "none"), ("implicitfast", "none"), ("implicit", "none"), ("implicitfast", "ellipsoid")]
    {
        let (one, many) = (crowd(integrator, 1), crowd(integrator, MANY));
        assert!(many.nv() > 48);
        let jacobian = |model: &Arc<Model>, at: &dyn Fn(usize) -> f64| {
            let mut sim = Sim::new(model).unwrap();
            sim.qvel_mut().iter_mut().enumerate().for_each(|(i, v)| *v = at(i));
            sim.ctrl_mut().fill(0.3);
            (0..20).for_each(|_| sim.step().unwrap());
            assert!(sim.contacts().count() >= model.nu(), "they touch");
            let mut out = Jacobian::zeros(model, false);
            EngineSpec::new(EngineKind::Implicit).build(model).unwrap().jacobian(&mut sim, &mut out).unwrap();
            out
        };
        let at = |i: usize| 0.1 * (i as f64).sin();
        let (nv, all) = (one.nv(), many.nv());
        let [of_one, of_all] = [jacobian(&one, &at), jacobian(&many, &|i| at(i % nv))];
        let scale = of_one.a.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let (ndx, wide) = (one.ndx(), many.ndx());
        // A state of the crowd, as whose it is and which of the one's.
        let whose = |i: usize| ((i % all) / nv, (i / all) * nv + i % nv);
        for r in 0..wide {
            for c in 0..wide {
                let ((of, row), (by, column)) = (whose(r), whose(c));
                let (x, verdict) = (of_all.a[r * wide + c], of_all.verdicts.a[r * wide + c]);
                if of == by {
                    assert!((x - of_one.a[row * ndx + column]).abs() <= 1e-10 * scale, "{integrator:?} {r} {c}: {x}");
                } else {
                    assert_eq!((x, verdict), (0.0, ZeroVerdict::Zero), "{integrator:?} {r} {c}");
                }
            }
            for u in 0..many.nu() {
                let (of, row) = whose(r);
                let expected = if of == u { of_one.b[row] } else { 0.0 };
                assert!((of_all.b[r * many.nu() + u] - expected).abs() <= 1e-10 * scale, "{integrator:?} {r} {u}");
            }
        }
    }
}

/// Things that touch the ground exactly: tilted to either side the contact begins with a push back, so the step jumps by the opposite. Its
/// slopes to both sides agree and have no limit.
#[test]
fn what_jumps_by_the_opposite_to_both_sides_is_undecided() {
    for shape in [r#"type="cylinder" size=".1 .1""#, r#"type="box" size=".1 .1 .1""#] {
        let body = format!(
            r#"<geom type="plane" size="5 5 .1"/><body pos="3 0 .1"><freejoint/><geom {shape} mass="1"/></body>"#
        );
        let model = model("", &body, "");
        let spec = EngineSpec { zero_test: true, ..EngineSpec::new(EngineKind::Implicit) };
        let (mut engine, mut out) = (Implicit::new(&spec, &model).unwrap(), Jacobian::zeros(&model, false));
        engine.jacobian(&mut Sim::new(&model).unwrap(), &mut out).unwrap();
        for tilt in [3, 4] {
            let (row, ndx) = (model.nv() + tilt, model.ndx());
            assert_eq!(out.verdicts.a[row * ndx + tilt], ZeroVerdict::Undecided, "{shape}: {tilt}");
        }
        assert!(out.verdicts.kink > 1.0 && out.verdicts.switches.contact);
    }
}
