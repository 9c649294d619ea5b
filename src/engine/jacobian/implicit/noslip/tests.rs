//! Steps with noslip iterations against differences of whole steps.

use std::sync::Arc;

use crate::jacobian::draws::Draws;
use crate::jacobian::{EngineKind, EngineSpec, Jacobian};
use crate::physics::{Model, Sim};

/// The largest difference of A and B from those of whole steps at states of a rollout that neither flags, as a share of the largest entry; and
/// at how many of them friction acts.
pub(in crate::jacobian::implicit) fn compare(option: &str, bodies: &str, rest: &str) -> (f64, usize) {
    let mjcf = format!("<mujoco>{option}<worldbody>{bodies}</worldbody>{rest}</mujoco>");
    let model = Arc::new(Model::from_text("slips.xml", &mjcf).unwrap().strict().unwrap());
    assert_eq!(super::super::Implicit::obstacles(&model), Vec::<String>::new());
    let build = |kind: EngineKind| EngineSpec::new(kind).build(&model).unwrap();
    let (mut implicit, mut steps) = (build(EngineKind::Implicit), build(EngineKind::WholeStep));
    let mut sim = Sim::new(&model).unwrap();
    let mut draws = Draws::new(3);
    let (mut found, mut truth) = (Jacobian::zeros(&model, false), Jacobian::zeros(&model, false));
    let (mut worst, mut compared) = (0.0_f64, 0);
    for step in 0..240 {
        sim.ctrl_mut().iter_mut().for_each(|u| *u = draws.normal());
        if step % 20 == 19 {
            implicit.jacobian(&mut sim, &mut found).unwrap();
            steps.jacobian(&mut sim, &mut truth).unwrap();
            if found.verdicts.kink == 0.0 && truth.verdicts.kink == 0.0 {
                let scale = truth.a.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
                let both = found.a.iter().chain(&found.b).zip(truth.a.iter().chain(&truth.b));
                let off = both.map(|(x, y)| (x - y).abs()).fold(0.0_f64, |most, x| if x > most { x } else { most });
                worst = worst.max(off / scale);
                compared += usize::from(sim.nefc() > 0);
            }
        }
        sim.step().unwrap();
    }
    (worst, compared)
}

/// Bodies that lean on the floor and on each other, with a motor on a hinge and a slide.
fn bodies(condim: usize) -> String {
    format!(
        r#"<geom type="plane" size="3 3 1" condim="{condim}"/>
        <body pos="0 0 .12"><freejoint/><geom type="box" size=".1 .08 .06" condim="{condim}" friction=".6 .02 .01"/></body>
        <body pos=".02 .01 .3"><freejoint/><geom type="sphere" size=".07" condim="{condim}" friction=".8 .02 .01"/></body>
        <body pos=".5 0 .2"><joint name="slide" type="slide" axis="0 0 1"/><joint name="push" type="slide" axis="1 0 0" damping=".5"/>
          <geom type="capsule" size=".05 .1" euler="0 90 0" condim="{condim}"/>
          <body pos=".1 0 0"><joint name="swing" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 .2 0 -.1" size=".04" condim="{condim}"/></body></body>"#
    )
}

const MOTORS: &str = r#"<actuator><motor joint="push" gear="6"/><motor joint="swing" gear="2"/></actuator>"#;

#[test]
fn cones_of_both_kinds() {
    for cone in ["pyramidal", "elliptic"] {
        for condim in [3, 4, 6] {
            for sweeps in [1, 3, 20] {
                let option = format!(r#"<option noslip_iterations="{sweeps}" timestep="0.004" cone="{cone}"/>"#);
                let (off, compared) = compare(&option, &bodies(condim), MOTORS);
                assert!(off < 1e-6 && compared > 5, "{cone} {condim}, {sweeps} sweeps: {off:e} at {compared}");
            }
        }
    }
}

/// Friction losses of joints, and of a tendon whose moment arms depend on the configuration.
#[test]
fn friction_losses() {
    let bodies = r#"<body><joint name="a" axis="0 1 0" frictionloss=".3"/><geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/>
        <site name="s" pos=".1 0 .05"/>
        <body pos=".3 0 0"><joint name="b" axis="0 1 0" frictionloss=".1"/>
          <geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/><site name="t" pos=".1 0 .05"/>
          <body pos=".3 0 0"><joint name="c" axis="0 0 1" frictionloss=".05"/>
            <geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/></body></body></body>"#;
    let rest = r#"<tendon><spatial frictionloss=".5"><site site="s"/><site site="t"/></spatial></tendon>
        <actuator><motor joint="a"/><motor joint="c"/></actuator>"#;
    for sweeps in [1, 3, 20] {
        let option = format!(r#"<option noslip_iterations="{sweeps}" timestep="0.004"/>"#);
        let (off, compared) = compare(&option, bodies, rest);
        assert!(off < 1e-6 && compared > 5, "{sweeps} sweeps: {off:e} at {compared}");
    }
}

/// Bodies that have no dof along a tangent, whose row is zero.
#[test]
fn bodies_in_a_plane() {
    let joints = r#"<joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 0 1"/>"#;
    for cone in ["pyramidal", "elliptic"] {
        for body in [
            format!(r#"{joints}<geom size=".05"/>"#),
            format!(r#"{joints}<joint axis="0 1 0"/><geom type="box" size=".05 .04 .05"/>"#),
        ] {
            let option = format!(r#"<option noslip_iterations="3" timestep="0.004" cone="{cone}" gravity="3 .5 -9"/>"#);
            let bodies = format!(r#"<geom type="plane" size="3 3 1"/><body pos="0 0 .05">{body}</body>"#);
            let (off, compared) = compare(&option, &bodies, "");
            assert!(off < 1e-6 && compared > 5, "{cone} {body}: {off:e} at {compared}");
        }
    }
}
