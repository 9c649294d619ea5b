//! Tendons of every kind of path, with everything that reads their moment arms: dR/dp as in [`super::tests`].

use std::sync::Arc;

use super::Implicit;
use super::tests::{compare, model};
use crate::jacobian::draws::Draws;
use crate::jacobian::{EngineKind, EngineSpec, Jacobian};
use crate::physics::{Model, Sim};

/// Nudge of the differences.
const H: f64 = 1.0 / 1_048_576.0;

/// A base on a ball, an arm of a hinge and a slide on it and a tool on two hinges, with geoms to wrap around, and a load that flies.
const BODIES: &str = r#"<site name="anchor" pos="-.3 .1 1.4"/>
  <body pos="0 0 1"><joint type="ball"/><geom type="capsule" size=".04" fromto="0 0 0 .1 0 .3" mass="1"/>
    <site name="base" pos=".05 .12 .05"/><site name="over" pos=".3 0 .5"/><site name="under" pos=".3 0 -.4"/>
    <geom name="ball" size=".08" pos=".28 .06 .05" mass=".1"/>
    <geom name="drum" type="cylinder" size=".08 .2" pos=".3 0 .1" euler="80 10 0" mass=".1"/>
    <geom name="ring" type="cylinder" size=".05 .2" pos=".3 0 .1" euler="90 0 0" mass=".1"/>
    <site name="inner" pos=".3 0 .1"/>
    <body pos=".3 0 .1"><joint name="p" axis="0 1 .1"/><joint name="s" type="slide" axis="1 0 0" range="-.05 .05"/>
      <geom type="capsule" size=".03" fromto="0 0 0 .4 0 0" mass=".5"/>
      <site name="mid" pos=".22 .05 -.02"/>
      <geom name="knee" size=".06" pos=".4 0 0" mass=".1"/>
      <body pos=".4 0 0"><joint name="q" axis="0 1 0"/><joint name="r" axis=".2 0 1"/>
        <geom type="capsule" size=".03" fromto="0 0 0 .3 0 .1" mass=".3"/>
        <site name="tip" pos=".25 .02 .08"/></body>
    </body>
  </body>
  <body pos=".4 .5 1.3"><freejoint/><geom type="box" size=".05 .06 .07" mass=".4"/><site name="load" pos=".02 .03 -.05"/></body>"#;

/// Paths by name, and whether their states have a tendon on a geom.
const PATHS: [(&str, &str, bool); 9] = [
    ("one straight piece", r#"<site site="anchor"/><site site="tip"/>"#, false),
    (
        "several bodies",
        r#"<site site="anchor"/><site site="base"/><site site="mid"/><site site="tip"/><site site="load"/>"#,
        false,
    ),
    ("a sphere", r#"<site site="base"/><geom geom="ball"/><site site="mid"/>"#, true),
    ("a sphere with a side", r#"<site site="base"/><geom geom="ball" sidesite="over"/><site site="mid"/>"#, true),
    ("a cylinder", r#"<site site="base"/><geom geom="drum" sidesite="over"/><site site="mid"/>"#, true),
    ("a cylinder's other side", r#"<site site="base"/><geom geom="drum" sidesite="under"/><site site="tip"/>"#, true),
    ("inside", r#"<site site="base"/><geom geom="ring" sidesite="inner"/><site site="mid"/>"#, true),
    (
        "two geoms and a load",
        r#"<site site="base"/><geom geom="drum" sidesite="over"/><site site="mid"/><geom geom="knee"/><site site="tip"/><site site="load"/>"#,
        true,
    ),
    (
        "pulleys",
        r#"<site site="anchor"/><site site="base"/><pulley divisor="2"/><site site="base"/><geom geom="ball"/><site site="mid"/>
           <pulley divisor="3"/><site site="load"/><site site="tip"/>"#,
        true,
    ),
];

/// Whether all derivatives are in closed form at a random state, and how many states have a tendon on a geom.
fn closed_and_wrapped(model: &Arc<Model>) -> (bool, usize) {
    let mut engine = Implicit::new(&EngineSpec::new(EngineKind::Implicit), model).unwrap();
    let mut draws = Draws::new(7);
    let (mut closed, mut wrapped) = (engine.smooth.is_some(), 0);
    for _ in 0..6 {
        let mut sim = Sim::new(model).unwrap();
        let motion: Vec<f64> = (0..model.nv()).map(|_| 0.3 * draws.normal()).collect();
        let mut qpos = sim.qpos().to_vec();
        model.integrate_pos(&mut qpos, &motion, 1.0);
        sim.qpos_mut().copy_from_slice(&qpos);
        sim.forward().unwrap();
        engine.tendons.set(&sim, &engine.tree);
        closed &= engine.tendons.all.iter().all(|tendon| tendon.closed) && engine.coverage.all(&sim);
        let path = |t| sim.tendon_path(t).any(|(object, _)| object >= 0);
        wrapped += usize::from((0..model.tendons().len().min(1)).any(path));
    }
    (closed, wrapped)
}

fn check(what: &str, path: &str, attributes: &str, rest: &str, (settle, wraps): (usize, bool)) {
    let tendon = format!(r#"<tendon><spatial name="t" {attributes}>{path}</spatial></tendon>{rest}"#);
    let model = model(r#"<option timestep=".001"><flag contact="disable"/></option>"#, BODIES, &tendon);
    let (closed, wrapped) = closed_and_wrapped(&model);
    assert!(closed, "{what}: differenced");
    assert!(wrapped > 0 || !wraps, "{what}: nothing is wrapped");
    let (error, _) = compare(&model, H, 0.3, settle);
    assert!(error < 1e-9, "{what}, {attributes}, {rest}: {error:e}");
}

#[test]
fn springs_dampers_and_forces_over_every_path() {
    for (what, path, wraps) in PATHS {
        check(what, path, r#"stiffness="40" damping="3" springlength=".2""#, "", (0, wraps));
        let motors = r#"<actuator><motor tendon="t" gear="2.5"/><position tendon="t" kp="30" kv="4"/>
            <general tendon="t" gaintype="affine" gainprm="1 .5 .2" forcerange="-.05 .05"/></actuator>"#;
        check(what, path, "", motors, (0, wraps));
        for fvmax in [1.2, 1.0] {
            let muscle = format!(r#"<muscle tendon="t" lengthrange=".1 1.5" force="60" fvmax="{fvmax}"/>"#);
            check(what, path, "", &format!("<actuator>{muscle}</actuator>"), (0, wraps));
        }
    }
}

#[test]
fn rows_of_every_path() {
    for (what, path, wraps) in PATHS {
        check(what, path, r#"limited="true" range="0 .15" solreflimit="-50 -5""#, "", (0, wraps));
        check(what, path, r#"limited="true" range="5 6" solreflimit="-50 -5""#, "", (0, wraps));
        check(what, path, r#"frictionloss=".2""#, "", (0, wraps));
        check(what, path, r#"frictionloss="500""#, "", (3, wraps));
    }
}

/// A tendon on a curve of another one or of nothing, joints on a curve of each other.
#[test]
fn couplings_on_a_curve() {
    let path = PATHS[7].1;
    let other = r#"<tendon><spatial name="u"><site site="anchor"/><site site="tip"/></spatial>
        <fixed name="f"><joint joint="p" coef=".3"/><joint joint="s" coef="1"/></fixed></tendon>"#;
    for equality in [
        r#"<tendon tendon1="t" tendon2="u" polycoef=".01 .4 .3 .2 .1"/>"#,
        r#"<tendon tendon1="f" tendon2="t" polycoef=".01 .4 .3 .2 0"/>"#,
        r#"<tendon tendon1="t" tendon2="f" polycoef=".01 .7 0 0 0"/>"#,
        r#"<tendon tendon1="f" polycoef=".1 0 0 0 0"/>"#,
        r#"<tendon tendon1="t" polycoef="-.1 0 0 0 0"/>"#,
        r#"<joint joint1="p" joint2="q" polycoef=".1 .5 .3 .2 .4"/>"#,
    ] {
        check("an equality", path, "", &format!("{other}<equality>{equality}</equality>"), (3, true));
    }
}

/// Three hinges about one axis and a tendon in their plane: a dof that turns all of the tendon changes nothing of it, and no rounding
/// stands for that.
#[test]
fn what_a_dof_does_not_bend_is_zero() {
    let bodies = r#"<body pos="0 0 1"><joint name="p" axis="0 1 0"/><geom size=".05" mass="1"/><site name="a" pos=".1 0 .1"/>
        <body pos=".4 0 0"><joint name="q" axis="0 1 0"/><geom size=".05" pos=".2 0 0" mass="1"/><site name="b" pos=".1 0 .07"/></body></body>"#;
    let tendon = r#"<tendon><spatial stiffness="40" damping="3" springlength=".2"><site site="a"/><site site="b"/></spatial></tendon>"#;
    let model = model(r#"<option gravity="0 0 0"/>"#, bodies, tendon);
    let mut engine = Implicit::new(&EngineSpec::new(EngineKind::Implicit), &model).unwrap();
    let mut sim = Sim::new(&model).unwrap();
    sim.qpos_mut().copy_from_slice(&[0.3, 0.4]);
    sim.forward().unwrap();
    engine.tendons.set(&sim, &engine.tree);
    assert!(engine.tendons.all[0].closed);
    let arms: Vec<usize> = engine.tendons.all[0].arms.iter().map(|arm| arm.dof).collect();
    assert_eq!(arms, [1], "the first joint moves both ends");
    let bends: Vec<_> = engine.tendons.all[0].entries().map(|bend| bend.at).collect();
    assert_eq!(bends, [(1, 1)]);
}

/// Bodies of one tree, of two and of the world, welded or connected by bodies and by sites, with impedances that change and do not.
#[test]
fn welds_and_connects() {
    let bodies = BODIES
        .replacen("<body pos=\".4 0 0\">", "<body name=\"tool\" pos=\".4 0 0\">", 1)
        .replacen("<body pos=\".4 .5 1.3\">", "<body name=\"load\" pos=\".4 .5 1.3\">", 1)
        .replacen("<body pos=\"0 0 1\">", "<body name=\"stem\" pos=\"0 0 1\">", 1);
    for weld in [
        r#"weld body1="load" body2="tool" anchor=".1 .2 .05""#,
        r#"weld body1="tool" body2="stem" torquescale=".3""#,
        r#"weld body1="tool" anchor=".1 -.2 0" relpose=".1 .2 .3 .8 .1 .2 .3""#,
        r#"weld site1="tip" site2="base" torquescale="2""#,
        r#"weld site1="load" site2="mid""#,
        r#"connect body1="load" body2="tool" anchor=".1 .2 .05""#,
        r#"connect body1="tool" anchor=".1 -.2 0""#,
        r#"connect site1="tip" site2="base""#,
    ] {
        for solimp in [".9 .9 .001 .5 2", ".1 .95 5 .5 2", ".2 .9 3 .3 1"] {
            let rest = format!(r#"<equality><{weld} solimp="{solimp}" solref="-50 -5"/></equality>"#);
            let model = model(r#"<option timestep=".001"><flag contact="disable"/></option>"#, &bodies, &rest);
            assert!(closed_and_wrapped(&model).0, "{weld}: differenced");
            for settle in [0, 20] {
                let (error, _) = compare(&model, H, 0.7, settle);
                assert!(error < 1e-8, "{weld}, {solimp}: {error:e}");
            }
        }
    }
}

/// A muscle that gains nothing by stretching: at rest its force bends by every velocity that stretches it, and in motion by none.
#[test]
fn a_muscle_that_begins_to_stretch_is_flagged() {
    let rest = format!(
        r#"<tendon><spatial name="t">{}</spatial></tendon><actuator><muscle tendon="t" lengthrange=".1 1.5" force="60" fvmax="1"/></actuator>"#,
        PATHS[0].1
    );
    let model = model(r#"<option gravity="0 0 0"><flag contact="disable"/></option>"#, BODIES, &rest);
    let mut engine = EngineSpec::new(EngineKind::Implicit).build(&model).unwrap();
    for (speed, bends) in [(0.0, true), (0.1, false)] {
        let mut sim = Sim::new(&model).unwrap();
        let mut out = Jacobian::zeros(&model, false);
        sim.act_mut()[0] = 0.5;
        sim.ctrl_mut()[0] = 0.3;
        sim.qvel_mut().fill(speed);
        engine.jacobian(&mut sim, &mut out).unwrap();
        assert_eq!(
            (out.verdicts.switches.force, out.verdicts.kink > 1e-6),
            (bends, bends),
            "{speed}: {:e}",
            out.verdicts.kink
        );
    }
}

/// A tendon of no length has no direction: where it only limits, nothing has to do with that until it does; where it pulls, its
/// forces are differenced.
#[test]
fn a_tendon_of_no_length() {
    let path = r#"<site site="anchor"/><site site="load"/>"#;
    for (attributes, closed) in
        [(r#"limited="true" range="0 9""#, true), (r#"stiffness="40" springlength=".2""#, false)]
    {
        let tendon = format!(r#"<tendon><spatial {attributes}>{path}</spatial></tendon>"#);
        let model = model(r#"<option timestep=".001"><flag contact="disable"/></option>"#, BODIES, &tendon);
        let mut engine = Implicit::new(&EngineSpec::new(EngineKind::Implicit), &model).unwrap();
        let mut sim = Sim::new(&model).unwrap();
        sim.forward().unwrap();
        let [anchor, load] = model.tendon_pieces(0)[0].ends.map(|end| sim.path_site(&end));
        let free = model.nq() - 7;
        (0..3).for_each(|i| sim.qpos_mut()[free + i] += anchor[i] - load[i]);
        sim.forward().unwrap();
        engine.tendons.set(&sim, &engine.tree);
        assert!(!engine.tendons.all[0].closed, "{attributes}: it has a length");
        assert_eq!(
            engine.smooth.as_ref().is_some_and(|smooth| smooth.is_closed(&engine.tendons)),
            closed,
            "{attributes}"
        );
        let mut out = Jacobian::zeros(&model, false);
        engine
            .work
            .set_state(&{
                let mut state = vec![0.0; model.state_size()];
                sim.get_state(&mut state).unwrap();
                state
            })
            .unwrap();
        crate::jacobian::Engine::jacobian(&mut engine, &mut sim, &mut out).unwrap();
        assert!(!closed || out.is_finite() && !out.verdicts.switches.any(), "{attributes}");
    }
}
