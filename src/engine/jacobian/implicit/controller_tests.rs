//! PID controllers, DC motors and servos of orientations, against differences of whole steps over two nudges, extrapolated.

use std::sync::Arc;

use super::tests::model;
use crate::jacobian::draws::Draws;
use crate::jacobian::{Engine as _, EngineKind, EngineSpec, Jacobian, ZeroVerdict};
use crate::physics::{Model, Sim};

/// Nudge of the differences.
const H: f64 = 1e-4;

const INTEGRATORS: [&str; 4] = ["Euler", "implicitfast", "implicit", "RK4"];

/// A carriage with two hinges on a ball joint, a free end of a tendon, and a crank.
const BODIES: &str = r#"<site name="anchor" pos=".1 .2 1.4" euler="10 20 30"/>
    <body pos="0 0 1"><joint name="ball" type="ball" damping=".3" armature=".02"/><geom type="capsule" size=".04" fromto="0 0 0 .2 0 -.1" mass=".5"/>
      <site name="mid" pos=".1 0 0" euler="20 -15 40"/>
      <body pos=".2 0 -.1"><joint name="p" axis="0 1 0" damping=".2"/><geom type="capsule" size=".04" fromto="0 0 0 .3 0 0" mass=".4"/>
        <body pos=".3 0 0"><joint name="q" axis="0 1 0" damping=".1"/><geom type="capsule" size=".04" fromto="0 0 0 .3 0 0" mass=".3"/>
          <site name="tip" pos=".3 0 0" euler="-10 30 15"/></body></body></body>"#;

const TENDONS: &str = r#"<tendon>
    <fixed name="sum"><joint joint="p" coef="1"/><joint joint="q" coef="-.5"/></fixed>
    <spatial name="cord"><site site="anchor"/><site site="tip"/></spatial></tendon>"#;

/// The columns of A and B behind it at the state of `sim` (ndx x ndx + nu, by column), from steps.
fn by_steps(model: &Arc<Model>, sim: &mut Sim) -> Vec<Vec<f64>> {
    let (mut state, mut direction) = (vec![0.0; model.state_size()], vec![0.0; model.nv()]);
    sim.get_state(&mut state).unwrap();
    let mut work = Sim::new(model).unwrap();
    let mut stepped = |input: Option<usize>, by: f64| {
        work.set_state(&state).unwrap();
        if let Some(input) = input {
            work.nudge(input, by, &mut direction);
        }
        work.step().unwrap();
        [work.qpos(), work.qvel(), work.act()].concat()
    };
    let here = stepped(None, 0.0);
    let (nq, nv) = (model.nq(), model.nv());
    let tangent = |next: &[f64]| {
        let mut moved = vec![0.0; nv];
        model.differentiate_pos(&here[..nq], &next[..nq], 1.0, &mut moved);
        [moved, next[nq..].iter().zip(&here[nq..]).map(|(x, y)| x - y).collect::<Vec<_>>()].concat()
    };
    (0..model.ndx() + model.nu())
        .map(|input| {
            let [up, down, up_2, down_2] = [H, -H, 2.0 * H, -2.0 * H].map(|by| tangent(&stepped(Some(input), by)));
            (0..up.len()).map(|r| (8.0 * (up[r] - down[r]) - (up_2[r] - down_2[r])) / (12.0 * H)).collect()
        })
        .collect()
}

/// Compares the engine with steps at random states of a model whose setpoints move by up to `spread`. Returns what is wrong.
fn compare(what: &str, model: &Arc<Model>, spread: f64) -> Vec<String> {
    let mut wrong = Vec::new();
    let (ndx, nu) = (model.ndx(), model.nu());
    let mut engine = EngineSpec::new(EngineKind::Implicit).build(model).unwrap();
    let mut out = Jacobian::zeros(model, false);
    let mut sim = Sim::new(model).unwrap();
    let mut draws = Draws::new(11);
    for state in 0..4 {
        sim.reset().unwrap();
        let motion: Vec<f64> = (0..model.nv()).map(|_| 0.5 * draws.normal()).collect();
        let mut qpos = sim.qpos().to_vec();
        model.integrate_pos(&mut qpos, &motion, 1.0);
        sim.qpos_mut().copy_from_slice(&qpos);
        sim.qvel_mut().iter_mut().for_each(|v| *v = 0.5 * draws.normal());
        sim.ctrl_mut().iter_mut().for_each(|u| *u = spread * draws.normal());
        sim.act_mut().iter_mut().for_each(|x| *x = spread * draws.normal());
        engine.jacobian(&mut sim, &mut out).unwrap();
        if out.verdicts.switches.any() {
            wrong.push(format!("{what}, {state}: switches"));
            continue;
        }
        let expected = by_steps(model, &mut sim);
        for (input, column) in expected.iter().enumerate() {
            for (row, expected) in column.iter().enumerate() {
                let (found, verdict) = match input.checked_sub(ndx) {
                    None => (out.a[row * ndx + input], out.verdicts.a[row * ndx + input]),
                    Some(control) => (out.b[row * nu + control], out.verdicts.b[row * nu + control]),
                };
                let error = (found - expected).abs();
                // By symmetry some entries are zero to rounding, and undecided.
                let decided = verdict == ZeroVerdict::Nonzero || expected.abs() < 1e-9 && found.abs() < 1e-10;
                if error >= 2e-9 * (1.0 + expected.abs()) || !decided {
                    wrong.push(format!("{what}, {state}, {row} {input}: {found:e} for {expected:e}, {verdict:?}"));
                }
            }
        }
    }
    wrong
}

/// Compares actuators of each kind under every integrator.
fn compare_all(kinds: &[(&str, String)], integrators: &[&str]) {
    let mut wrong = Vec::new();
    for (what, actuators) in kinds {
        for integrator in integrators {
            let option = format!(r#"<option integrator="{integrator}" timestep=".01"/>"#);
            let model = model(&option, BODIES, &format!("{TENDONS}<actuator>{actuators}</actuator>"));
            wrong.extend(compare(&format!("{what}, {integrator}"), &model, 0.4));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn orientations() {
    let gains = r#"kp="3" kv=".4""#;
    let free = [
        ("of a ball joint", format!(r#"<orientation joint="ball" {gains}/>"#)),
        ("as quaternions", format!(r#"<orientation joint="ball" {gains} input="quat"/><motor joint="p"/>"#)),
        ("between sites", format!(r#"<orientation site="tip" refsite="anchor" {gains}/>"#)),
        ("with inputs of a range", format!(r#"<orientation joint="ball" {gains} ctrlrange="0 .3"/>"#)),
    ];
    compare_all(&free, &INTEGRATORS);
    let held = [("with a small torque", format!(r#"<orientation joint="ball" {gains} forcerange="0 .2"/>"#))];
    compare_all(&held, &["Euler", "RK4"]);
}

#[test]
fn pid_controllers() {
    let gains = r#"kp="3" ki="2" kv=".4""#;
    let kinds = [
        ("proportional", r#"<pid joint="p" kp="3" kv=".4"/>"#.to_owned()),
        ("with an integral", format!(r#"<pid joint="p" {gains} gear="2"/>"#)),
        ("of three inputs", format!(r#"<pid joint="p" {gains} input="pos vel ff"/><motor joint="q"/>"#)),
        ("of a velocity and a force", r#"<pid joint="p" kp="3" kv=".4" input="vel ff"/>"#.to_owned()),
        ("whose setpoint is held back", format!(r#"<pid joint="p" {gains} slewmax="2"/>"#)),
        ("whose setpoint keeps up", format!(r#"<pid joint="p" {gains} slewmax="2000"/>"#)),
        ("whose integral is full", format!(r#"<pid joint="p" {gains} imax=".05"/>"#)),
        ("with a small force", format!(r#"<pid joint="p" {gains} forcerange="-.2 .2"/>"#)),
        ("with inputs beyond their range", format!(r#"<pid joint="p" {gains} posrange="-.1 .1"/>"#)),
        ("on a fixed tendon", format!(r#"<pid tendon="sum" {gains}/>"#)),
        ("on a tendon in space", format!(r#"<pid tendon="cord" {gains}/>"#)),
        ("on a ball joint", format!(r#"<pid joint="ball" gear=".3 -.4 .5" {gains}/>"#)),
        ("on a ball joint in its parent", format!(r#"<pid jointinparent="ball" gear=".3 -.4 .5" {gains}/>"#)),
        ("between sites", format!(r#"<pid site="tip" refsite="anchor" gear=".3 -.4 .5 .1 .2 -.3" {gains}/>"#)),
        ("on an angle of sites", format!(r#"<pid site="tip" refsite="mid" gear="0 0 0 1 0 0" {gains} slewmax="9"/>"#)),
        ("on a crank", format!(r#"<pid cranksite="tip" slidersite="mid" cranklength="1.5" {gains}/>"#)),
        (
            "in whose next integral the force is",
            r#"<general joint="p" dyntype="pid" dynprm="0 0" gaintype="pid" gainprm="2 0 0" biastype="affine" biasprm="0 -3 -.4"
                input="pos vel" actearly="true" actlimited="true" actrange="-2 2" actdim="1"/>"#
                .to_owned(),
        ),
    ];
    compare_all(&kinds, &INTEGRATORS);
}

#[test]
fn dc_motors() {
    let motor = r#"motorconst=".3" resistance="2""#;
    let current = r#"inductance=".04 0""#;
    let thermal = r#"thermal="2 20 0 .004 25 25""#;
    let friction = r#"lugre="20 .5 .05 .08 .1""#;
    let servo = r#"input="pos vel" controller="2 .7 .1 0 0 0""#;
    let free = [
        ("of a voltage", format!(r#"<dcmotor joint="p" {motor}/>"#)),
        ("with a current", format!(r#"<dcmotor joint="p" {motor} {current} gear="2"/>"#)),
        ("that saturates", format!(r#"<dcmotor joint="p" {motor} saturation=".05 0 0"/>"#)),
        ("with cogging", format!(r#"<dcmotor joint="p" {motor} cogging=".01 6 .3"/>"#)),
        ("that warms", format!(r#"<dcmotor joint="p" {motor} {thermal}/>"#)),
        ("that warms by its current", format!(r#"<dcmotor joint="p" {motor} {current} {thermal} gear="2"/>"#)),
        ("as a servo", format!(r#"<dcmotor joint="p" {motor} {servo}/>"#)),
        ("as a servo with all", format!(r#"<dcmotor joint="p" {motor} {servo} {current} {thermal} gear="2"/>"#)),
        (
            "as a slow servo",
            format!(r#"<dcmotor joint="p" {motor} input="pos" controller="2 .7 .1 2 0 0" {current}/>"#),
        ),
        (
            "as a servo that is full",
            format!(r#"<dcmotor joint="p" {motor} input="pos" controller="2 .7 .1 0 .05 0"/>"#),
        ),
        (
            "as a servo of few volts",
            format!(r#"<dcmotor joint="p" {motor} input="pos" controller="2 .7 .1 0 0 .5" {current}/>"#),
        ),
        (
            "of every input",
            format!(r#"<dcmotor joint="p" {motor} {current} input="pos vel ff voltage" controller="2 .7 .1 0 0 0"/>"#),
        ),
        ("on a tendon in space", format!(r#"<dcmotor tendon="cord" {motor} {servo} {current} {thermal}/>"#)),
        ("on a ball joint", format!(r#"<dcmotor joint="ball" gear=".3 -.4 .5" {motor} {servo} {current} {thermal}/>"#)),
        ("without an input", format!(r#"<dcmotor joint="p" {motor} {current} input="none"/><motor joint="q"/>"#)),
    ];
    compare_all(&free, &INTEGRATORS);
    let rubbing = [
        ("that rubs", format!(r#"<dcmotor joint="p" {motor} {friction} gear="2"/>"#)),
        ("that rubs on a tendon in space", format!(r#"<dcmotor tendon="cord" {motor} {friction} {current}/>"#)),
    ];
    compare_all(&rubbing, &INTEGRATORS[..3]);
}

/// An integral that is full to the last bit and goes on filling is at its bound after the step, whichever way it is nudged.
#[test]
fn a_motor_whose_integral_stays_full() {
    let bodies = r#"<body><joint name="p" axis="0 1 0"/><geom size=".05" pos=".2 0 0"/></body>"#;
    let motor = r#"<actuator><dcmotor joint="p" motorconst=".0672" resistance="2.19" input="pos" controller="2 .7 .1 0 .3 0"/></actuator>"#;
    let model = model("", bodies, motor);
    let spec = EngineSpec { zero_test: true, ..EngineSpec::new(EngineKind::Implicit) };
    let (mut engine, mut out) = (super::Implicit::new(&spec, &model).unwrap(), Jacobian::zeros(&model, false));
    let mut sim = Sim::new(&model).unwrap();
    for full in [-0.3, 0.3] {
        sim.act_mut().fill(full);
        sim.ctrl_mut().fill(full.signum());
        engine.jacobian(&mut sim, &mut out).unwrap();
        let (row, ndx) = (model.layout().activation(0), model.ndx());
        assert_eq!(out.a[row * ndx + row], 0.0, "{full}");
    }
}
